//! Everything that a table holds of its logs, what was set aside included: listed, summed up by names, taken out.
//!
//! Decides which files belong to which window, and in which order files and the folders that they leave empty go. Whether
//! they may go, callers decide.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use ingest_core::ids::Slug;
use ingest_core::ledger::{Digest, Tally};
use ingest_core::time::LogWindow;

use super::quarantine::{QuarantineFile, window_in_name};
use super::{DirTable, TableFile};
use crate::durable;
use crate::error::StoreError;
use crate::layout::{FileName, QUARANTINE, REPLACED};

/// What a file of ours is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A committed file of rows.
    Rows,
    /// A quarantine that counts.
    Quarantine,
    /// A quarantine that was begun and not completed, or what was replaced.
    Aside,
}

/// A file of ours, wherever below the output folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holding {
    /// The log's folder name.
    pub slug: Slug,
    /// The window whose records it holds.
    pub window: LogWindow,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is.
    pub part: Part,
}

/// What was taken out of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenOut {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl TakenOut {
    /// Both as one.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { files: self.files.saturating_add(other.files), bytes: self.bytes.saturating_add(other.bytes) }
    }
}

/// What a log's files amount to, window by window, as their names tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures(Vec<(LogWindow, Tally)>);

impl Figures {
    /// The sum of all that lies in a window. What the server counted is not in names.
    #[must_use]
    pub fn of(&self, window: LogWindow) -> Tally {
        let inside = self.0.iter().filter(|(held, _)| held.lies_in(window));
        let all = inside.fold(Tally::EMPTY, |all, (_, tally)| all.plus(*tally));
        Tally { counted: None, ..all }
    }
}

impl DirTable {
    /// Every file of ours but those of `_staging`, in the order of logs and windows.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn holdings(&self) -> Result<Vec<Holding>, StoreError> {
        let rows = self.files()?.into_iter().map(|TableFile { name, path, bytes }| Holding {
            slug: name.slug,
            window: name.window,
            path,
            bytes,
            part: Part::Rows,
        });
        let mut all: Vec<Holding> = rows.collect();
        for top in [QUARANTINE, REPLACED] {
            for folder in durable::list(&*self.disk, &self.root.join(top))? {
                let slug = folder.name.to_str().and_then(|name| Slug::parse(name.strip_prefix("log=")?).ok());
                if let Some(slug) = slug {
                    self.beside_rows(top, &slug, &mut all)?;
                }
            }
        }
        all.sort();
        Ok(all)
    }

    fn beside_rows(&self, top: &str, slug: &Slug, all: &mut Vec<Holding>) -> Result<(), StoreError> {
        let folder = self.root.join(top).join(format!("log={slug}"));
        for entry in durable::list(&*self.disk, &folder)? {
            let name = entry.name.to_str().unwrap_or_default();
            // Files of rows lie here as they were named in a folder of their day.
            let rows = FileName::parse(&folder.join("-").join(name)).filter(|_| top == REPLACED);
            let window = rows.map(|name| name.window).or_else(|| window_in_name(name));
            let Some(window) = window else { continue };
            let counts = top == QUARANTINE && name.ends_with(".jsonl");
            let part = if counts { Part::Quarantine } else { Part::Aside };
            let path = folder.join(&entry.name);
            let bytes = self.look_at(&path)?;
            all.push(Holding { slug: slug.clone(), window, path, bytes, part });
        }
        Ok(())
    }

    /// What a log's files amount to by their names, and its quarantines by their lines.
    ///
    /// # Errors
    /// When a folder, or a quarantine, cannot be read.
    pub fn figures(&self, slug: &Slug) -> Result<Figures, StoreError> {
        let files = self.files()?.into_iter().filter(|file| file.name.slug == *slug).collect();
        self.sum_up(files, self.quarantine_files_of(slug)?)
    }

    /// The same of what shares an instant with a window.
    ///
    /// # Errors
    /// When a folder, or a quarantine, cannot be read.
    pub fn figures_in(&self, slug: &Slug, window: LogWindow) -> Result<Figures, StoreError> {
        let mut quarantines = self.quarantine_files_of(slug)?;
        quarantines.retain(|file| file.window.overlaps(window));
        self.sum_up(self.files_of(slug, window)?, quarantines)
    }

    fn sum_up(&self, files: Vec<TableFile>, quarantines: Vec<QuarantineFile>) -> Result<Figures, StoreError> {
        let mut figures: Vec<(LogWindow, Tally)> = Vec::new();
        for TableFile { name, bytes, .. } in files {
            let digest = Digest::of_name(&name.hash).unwrap_or_default();
            let (stored, fetched) = (name.rows, name.rows);
            figures.push((name.window, Tally { fetched, stored, files: 1, bytes, digest, ..Tally::EMPTY }));
        }
        for file in quarantines {
            let quarantined = self.count_quarantined(&file)?;
            figures.push((file.window, Tally { fetched: quarantined, quarantined, ..Tally::EMPTY }));
        }
        Ok(Figures(figures))
    }

    /// Removes files, and then the folders that they leave empty. What a kill or a failure leaves of them is whole.
    ///
    /// # Errors
    /// When the disk refuses; some are then gone and others not.
    pub fn take_out(&self, holdings: &[Holding]) -> Result<TakenOut, StoreError> {
        let mut folders = BTreeSet::new();
        let mut taken = TakenOut::default();
        for holding in holdings {
            durable::remove_if_there(&*self.disk, &holding.path)?;
            taken = taken.plus(TakenOut { files: 1, bytes: holding.bytes });
            folders.extend(holding.path.parent().map(Path::to_owned));
        }
        // A folder that is gone was emptied before, by a process that was killed.
        folders.retain(|folder| self.disk.metadata(folder).is_ok());
        for folder in &folders {
            durable::sync_dir(&*self.disk, folder)?;
        }
        folders.iter().try_for_each(|folder| self.remove_if_empty(folder))?;
        Ok(taken)
    }

    /// Removes a folder below the root if nothing is in it, and then those above it likewise.
    fn remove_if_empty(&self, folder: &Path) -> Result<(), StoreError> {
        let mut at = Some(folder).filter(|folder| **folder != self.root && folder.starts_with(&self.root));
        while let Some(folder) = at {
            match self.disk.remove_dir(folder) {
                Ok(()) => {}
                Err(cause) if cause.kind() == io::ErrorKind::DirectoryNotEmpty => return Ok(()),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(StoreError::at("remove the folder", folder)(cause)),
            }
            let parent = folder.parent();
            parent.map_or(Ok(()), |parent| durable::sync_dir(&*self.disk, parent))?;
            at = parent.filter(|parent| **parent != self.root && parent.starts_with(&self.root));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use ingest_core::ids::LogId;
    use ingest_core::time::Timestamp;

    use super::*;
    use crate::disk::OsDisk;
    use crate::layout::Layout;

    fn window(start: i64, end: i64) -> LogWindow {
        LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end)).unwrap()
    }

    #[test]
    fn everything_of_a_window_is_found_summed_up_and_taken_out_with_its_empty_folders() {
        for layout in [Layout::Hive, Layout::Date, Layout::Flat] {
            let folder = tempfile::tempdir().unwrap();
            let table = DirTable::open(OsDisk::shared(), folder.path(), layout).unwrap();
            let slug = Slug::of("web", &LogId::new("x"));
            let staged = |bytes: &[u8]| {
                let (staged, mut file) = table.stage().unwrap();
                file.write_all(bytes).unwrap();
                staged
            };
            let name = |at, hash: &str| FileName::new(&slug, window(at, at + 10), 3, &hash.repeat(16));
            let old = table.publish(staged(b"three"), &name(0, "ab")).unwrap();
            table.publish(staged(b"other"), &name(10, "01")).unwrap();
            table.withdraw(&old).unwrap();
            table.publish(staged(b"three"), &name(0, "ab")).unwrap();
            table.publish_quarantine(staged(b"{}\n{}\n"), &slug, window(0, 10)).unwrap();
            table.publish_quarantine(staged(b"{}\n"), &slug, window(10, 20)).unwrap();
            table.put_quarantines_aside(&slug, window(10, 20), None).unwrap();
            let figures = table.figures(&slug).unwrap();
            let all = figures.of(window(0, 20));
            assert_eq!((all.stored, all.quarantined, all.files, all.bytes), (6, 2, 2, 10), "{layout:?}");
            assert_eq!(figures.of(window(0, 15)).stored, 3);
            let first = table.figures_in(&slug, window(5, 10)).unwrap().of(window(0, 20));
            assert_eq!((first.stored, first.quarantined, first.files), (3, 2, 1), "{layout:?}");
            let holdings = table.holdings().unwrap();
            let count = |part| holdings.iter().filter(|held| held.part == part).count();
            let counts = (count(Part::Rows), count(Part::Quarantine), count(Part::Aside));
            assert_eq!(counts, (2, 1, 2), "{layout:?}");
            let taken = table.take_out(&holdings).unwrap();
            assert_eq!(taken.files, 5);
            let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, ["_staging"], "{layout:?}");
            assert_eq!(table.take_out(&holdings).unwrap(), taken, "what is gone is gone");
        }
    }
}
