//! The quarantine of a table: for each window, the records that no row could be made of, as JSON lines.
//!
//! `_quarantine/log=<slug>/<start>_<end>.jsonl`. What was begun and not completed is kept in `_replaced` once its window is
//! fetched again. Never reads a record.

use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};

use ingest_core::ids::Slug;
use ingest_core::time::{LogWindow, Timestamp};

use super::{DirTable, Staged};
use crate::durable;
use crate::error::StoreError;
use crate::layout::QUARANTINE;

/// Ending of quarantine files that count.
const QUARANTINE_ENDING: &str = "jsonl";

/// A window's quarantine file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuarantineFile {
    /// The log's folder name.
    pub slug: Slug,
    /// The window whose records it keeps.
    pub window: LogWindow,
    /// Where it is.
    pub path: PathBuf,
}

impl QuarantineFile {
    /// The folder below a table's, or an archive's, in which the quarantine of a log lies.
    #[must_use]
    pub fn folder(slug: &Slug) -> PathBuf {
        Path::new(QUARANTINE).join(format!("log={slug}"))
    }

    /// The window of a quarantine file, by its name; `None` for other files.
    #[must_use]
    pub fn window_of(path: &Path) -> Option<LogWindow> {
        window_in_name(path.file_name()?.to_str()?)
    }
}

impl DirTable {
    /// Keeps a window's quarantined records, staged and synced as JSON lines. Call before the window's file is published;
    /// the same window again replaces them.
    ///
    /// # Errors
    /// When they could not be moved.
    pub fn publish_quarantine(
        &self,
        mut staged: Staged,
        slug: &Slug,
        window: LogWindow,
    ) -> Result<PathBuf, StoreError> {
        let path = self.quarantine_path(slug, window);
        path.parent().map_or(Ok(()), |folder| durable::create_dir(&*self.disk, folder))?;
        durable::publish(&*self.disk, &staged.path, &path)?;
        staged.published = true;
        Ok(path)
    }

    /// All quarantine files that count, in the order of logs and windows.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn quarantine_files(&self) -> Result<Vec<QuarantineFile>, StoreError> {
        let mut files = Vec::new();
        for folder in durable::list(&*self.disk, &self.root.join(QUARANTINE))? {
            let slug = folder.name.to_str().and_then(|name| Slug::parse(name.strip_prefix("log=")?).ok());
            if let Some(slug) = slug {
                files.extend(self.quarantine_files_of(&slug)?);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Those of one log.
    ///
    /// # Errors
    /// When its folder cannot be read.
    pub fn quarantine_files_of(&self, slug: &Slug) -> Result<Vec<QuarantineFile>, StoreError> {
        let folder = self.quarantine_folder(slug);
        let entries = durable::list(&*self.disk, &folder)?;
        let files = entries.into_iter().filter_map(|entry| {
            let window = entry.name.to_str().and_then(window_in_name)?;
            Some(QuarantineFile { slug: slug.clone(), window, path: folder.join(entry.name) })
        });
        Ok(files.collect())
    }

    /// Puts quarantines aside that share an instant with `window`, `but` one: those of attempts that came to nothing,
    /// whose records are fetched again. They are kept in `_replaced`.
    ///
    /// # Errors
    /// When one could not be moved.
    pub fn put_quarantines_aside(
        &self,
        slug: &Slug,
        window: LogWindow,
        but: Option<LogWindow>,
    ) -> Result<(), StoreError> {
        for file in self.quarantine_files_of(slug)? {
            if file.window.overlaps(window) && but != Some(file.window) {
                let to = self.aside(slug)?.join(file.path.file_name().unwrap_or_default());
                durable::publish(&*self.disk, &file.path, &to)?;
                durable::sync_dir(&*self.disk, &self.quarantine_folder(slug))?;
            }
        }
        Ok(())
    }

    /// How many records a quarantine file holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn count_quarantined(&self, file: &QuarantineFile) -> Result<u64, StoreError> {
        let path = &file.path;
        let opened = self.disk.open(path).map_err(StoreError::at("open", path))?;
        let mut reader = io::BufReader::new(opened);
        let mut lines = 0_u64;
        loop {
            let piece = reader.fill_buf().map_err(StoreError::at("read", path))?;
            if piece.is_empty() {
                return Ok(lines);
            }
            lines = lines.saturating_add(piece.iter().filter(|byte| **byte == b'\n').count() as u64);
            let len = piece.len();
            reader.consume(len);
        }
    }

    fn quarantine_folder(&self, slug: &Slug) -> PathBuf {
        self.root.join(QuarantineFile::folder(slug))
    }

    fn quarantine_path(&self, slug: &Slug, window: LogWindow) -> PathBuf {
        let (start, end) = (window.start().compact(), window.end().compact());
        self.quarantine_folder(slug).join(format!("{start}_{end}.{QUARANTINE_ENDING}"))
    }
}

/// The window in the name of a quarantine file, whether it counts or was put aside.
pub(super) fn window_in_name(name: &str) -> Option<LogWindow> {
    let path = Path::new(name);
    path.extension().filter(|ending| *ending == QUARANTINE_ENDING)?;
    let (start, end) = path.file_stem()?.to_str()?.split_once('_')?;
    LogWindow::new(Timestamp::from_compact(start)?, Timestamp::from_compact(end)?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use ingest_core::ids::LogId;

    use super::*;
    use crate::disk::OsDisk;
    use crate::layout::Layout;

    #[test]
    fn quarantines_are_found_by_their_windows_and_put_aside_they_are_kept_and_count_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let table = DirTable::open(OsDisk::shared(), folder.path(), Layout::Hive).unwrap();
        let slug = Slug::of("web", &LogId::new("x"));
        let window =
            |from, to| LogWindow::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap();
        for (window, lines) in [(window(0, 10), "{}\n{}\n"), (window(10, 20), "{}\n")] {
            let (staged, mut file) = table.stage().unwrap();
            file.write_all(lines.as_bytes()).unwrap();
            table.publish_quarantine(staged, &slug, window).unwrap();
        }
        fs::write(folder.path().join(format!("_quarantine/log={slug}/notes.jsonl")), b"").unwrap();
        let files = table.quarantine_files().unwrap();
        let counts: Vec<_> = files.iter().map(|f| (f.window, table.count_quarantined(f).unwrap())).collect();
        assert_eq!(counts, [(window(0, 10), 2), (window(10, 20), 1)]);
        assert_eq!(table.quarantine_files_of(&slug).unwrap(), files);
        table.put_quarantines_aside(&slug, window(5, 15), Some(window(10, 20))).unwrap();
        assert_eq!(table.quarantine_files().unwrap(), files[1..]);
        table.put_quarantines_aside(&slug, window(15, 25), None).unwrap();
        assert_eq!(table.quarantine_files().unwrap(), []);
        let kept = folder.path().join(format!("_replaced/log={slug}"));
        assert_eq!(fs::read_dir(kept).unwrap().count(), 2);
    }
}
