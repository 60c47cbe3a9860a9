//! The directory table: files staged beside it, published by one rename, never rewritten in place.
//!
//! Decides the order that makes a file durable: written and synced in `_staging`, checked by the caller, renamed, its
//! folder synced. Sweeps what a crash left in `_staging`. Never opens a committed file for writing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ingest_core::ids::Slug;
use ingest_core::time::{LogWindow, Timestamp};

use crate::disk;
use crate::error::StoreError;
use crate::layout::{ENDING, FileName, Layout, QUARANTINE, STAGING};

/// Folders below `OUTPUT_DIR` that a committed file may lie in: `log=…/day=…` or `YYYY/MM/DD`.
const DEPTH_MAX: usize = 3;

/// Ending of quarantine files that count.
const QUARANTINE_ENDING: &str = "jsonl";
/// Ending of those whose window was not committed after all.
const UNFINISHED_ENDING: &str = "unfinished";

/// A committed file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableFile {
    /// What its name says.
    pub name: FileName,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

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

/// A file being written beside the table. Removed when dropped before it was published.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    published: bool,
}

impl Staged {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it again, to check what the disk gives back.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn reopen(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(StoreError::at("reopen", &self.path))
    }

    /// Makes the bytes written to `file`, which is this staged file, durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self, file: &File) -> Result<(), StoreError> {
        file.sync_all().map_err(StoreError::at("sync", &self.path))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // What stays behind is swept at the next start.
            drop(disk::remove_if_there(&self.path));
        }
    }
}

/// A table in a folder.
#[derive(Debug)]
pub struct DirTable {
    root: PathBuf,
    layout: Layout,
    staged: AtomicU64,
}

impl DirTable {
    /// Opens the table of an output folder, which is created where missing. Call with the folder's lock held: what
    /// earlier runs left in `_staging` is removed.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(root: &Path, layout: Layout) -> Result<Self, StoreError> {
        let staging = root.join(STAGING);
        disk::create_dir(root)?;
        disk::create_dir(&staging)?;
        for orphan in disk::list(&staging)? {
            disk::remove_if_there(&orphan.path())?;
        }
        Ok(Self { root: root.to_owned(), layout, staged: AtomicU64::new(0) })
    }

    /// Whether an output folder is there, or can be made, and can be written. Leaves it as it was otherwise.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_writable(root: &Path) -> Result<(), StoreError> {
        let (_removed_when_dropped, _file) = crate::output::OutputFile::create(root, "write-check")?;
        Ok(())
    }

    /// The output folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path in `_staging` that nothing uses yet.
    #[must_use]
    pub fn staging_path(&self, ending: &str) -> PathBuf {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        self.root.join(STAGING).join(format!("{number:06}.{ending}"))
    }

    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn stage(&self) -> Result<(Staged, File), StoreError> {
        let path = self.staging_path(ENDING);
        let file = disk::create_file(&path)?;
        Ok((Staged { path, published: false }, file))
    }

    /// Makes a staged file, synced and checked, part of the table. Publishing the same name again replaces the file by
    /// one with the same content.
    ///
    /// # Errors
    /// When it could not be moved; it is then removed, and the table is as it was.
    pub fn publish(&self, mut staged: Staged, name: &FileName) -> Result<TableFile, StoreError> {
        let path = self.root.join(name.path(self.layout));
        if let Some(folder) = path.parent() {
            disk::create_dir(folder)?;
        }
        let bytes = fs::metadata(&staged.path).map_err(StoreError::at("look at", &staged.path))?.len();
        disk::publish(&staged.path, &path)?;
        staged.published = true;
        Ok(TableFile { name: name.clone(), path, bytes })
    }

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
        let folder = self.root.join(QUARANTINE).join(format!("log={slug}"));
        disk::create_dir(&folder)?;
        let (start, end) = (window.start().compact(), window.end().compact());
        let path = folder.join(format!("{start}_{end}.{QUARANTINE_ENDING}"));
        disk::publish(&staged.path, &path)?;
        staged.published = true;
        Ok(path)
    }

    /// All quarantine files, in the order of logs and windows.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn quarantine_files(&self) -> Result<Vec<QuarantineFile>, StoreError> {
        let mut files = Vec::new();
        for folder in disk::list(&self.root.join(QUARANTINE))? {
            let name = folder.file_name();
            let Some(slug) = name.to_str().and_then(|n| Slug::parse(n.strip_prefix("log=")?).ok()) else {
                continue;
            };
            for entry in disk::list(&folder.path())? {
                if let Some(window) = entry.file_name().to_str().and_then(quarantined_window) {
                    files.push(QuarantineFile { slug: slug.clone(), window, path: entry.path() });
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// Takes a quarantine file out of those that count, and keeps it under another name.
    ///
    /// # Errors
    /// When it could not be renamed.
    pub fn set_aside(&self, file: &QuarantineFile) -> Result<PathBuf, StoreError> {
        let path = file.path.with_extension(UNFINISHED_ENDING);
        disk::publish(&file.path, &path)?;
        Ok(path)
    }

    /// All committed files, in the order of their names. Files that are not ours are left alone.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn files(&self) -> Result<Vec<TableFile>, StoreError> {
        let mut files = Vec::new();
        collect(&self.root, &self.root, 0, &mut files)?;
        files.sort();
        Ok(files)
    }
}

fn quarantined_window(name: &str) -> Option<LogWindow> {
    let (start, end) = name.strip_suffix(QUARANTINE_ENDING)?.strip_suffix('.')?.split_once('_')?;
    LogWindow::new(Timestamp::from_compact(start)?, Timestamp::from_compact(end)?)
}

fn collect(root: &Path, folder: &Path, depth: usize, files: &mut Vec<TableFile>) -> Result<(), StoreError> {
    for entry in disk::list(folder)? {
        let path = entry.path();
        let hidden = entry.file_name().to_str().is_none_or(|name| name.starts_with(['_', '.']));
        if hidden {
            continue;
        }
        let kind = entry.file_type().map_err(StoreError::at("look at", &path))?;
        if kind.is_dir() && depth < DEPTH_MAX {
            collect(root, &path, depth + 1, files)?;
        } else if kind.is_file()
            && let Some(name) = path.strip_prefix(root).ok().and_then(FileName::parse)
        {
            let bytes = entry.metadata().map_err(StoreError::at("look at", &path))?.len();
            files.push(TableFile { name, path, bytes });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use ingest_core::ids::LogId;
    use ingest_core::time::Timestamp;

    use super::*;

    fn name(layout_hint: &str) -> FileName {
        let window = LogWindow::new(Timestamp::from_millis(0), Timestamp::from_millis(10)).unwrap();
        FileName::new(&Slug::of(layout_hint, &LogId::new("x")), window, 1, &"ab".repeat(16))
    }

    #[test]
    fn a_file_is_seen_only_once_published_under_every_layout() {
        for layout in [Layout::Hive, Layout::Date, Layout::Flat] {
            let folder = tempfile::tempdir().unwrap();
            let table = DirTable::open(folder.path(), layout).unwrap();
            let (staged, mut file) = table.stage().unwrap();
            file.write_all(b"bytes").unwrap();
            staged.sync(&file).unwrap();
            assert_eq!(table.files().unwrap(), []);
            let published = table.publish(staged, &name("web")).unwrap();
            assert_eq!(table.files().unwrap(), std::slice::from_ref(&published));
            assert_eq!(published.bytes, 5);
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&published.path), mode(&folder.path().join(STAGING))), (0o640, 0o750));
        }
    }

    #[test]
    fn what_was_not_published_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let table = DirTable::open(folder.path(), Layout::Hive).unwrap();
        drop(table.stage().unwrap());
        std::mem::forget(table.stage().unwrap());
        let left = |folder: &Path| disk::list(&folder.join(STAGING)).unwrap().len();
        assert_eq!(left(folder.path()), 1);
        DirTable::open(folder.path(), Layout::Hive).unwrap();
        assert_eq!(left(folder.path()), 0);
    }

    #[test]
    fn a_quarantine_file_that_is_set_aside_is_kept_and_counts_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let table = DirTable::open(folder.path(), Layout::Hive).unwrap();
        let FileName { slug, window, .. } = name("web");
        let (staged, _file) = table.stage().unwrap();
        let path = table.publish_quarantine(staged, &slug, window).unwrap();
        fs::write(path.with_file_name("notes.jsonl"), b"").unwrap();
        let files = table.quarantine_files().unwrap();
        assert_eq!(files, [QuarantineFile { slug, window, path }]);
        let aside = table.set_aside(&files[0]).unwrap();
        assert!(aside.exists());
        assert_eq!(table.quarantine_files().unwrap(), []);
    }

    #[test]
    fn foreign_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("log=x/day=2026-01-01")).unwrap();
        fs::write(folder.path().join("log=x/day=2026-01-01/part-0.parquet"), b"").unwrap();
        fs::write(folder.path().join("mine.parquet"), b"").unwrap();
        let table = DirTable::open(folder.path(), Layout::Hive).unwrap();
        assert_eq!(table.files().unwrap(), []);
    }
}
