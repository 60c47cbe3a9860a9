//! The directory table: files staged beside it, published by one rename, never rewritten in place.
//!
//! Decides the order that makes a file durable: written and synced in `_staging`, checked by the caller, renamed, its
//! folder synced. Sweeps what a crash left in `_staging`. Never opens a committed file for writing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::{Disk, DiskFile, Kind};
use crate::durable;
use crate::error::StoreError;
use crate::layout::{ENDING, FileName, Layout, STAGING};
use crate::output::OutputFile;
use crate::spool::Spool;

pub use holdings::{Figures, Holding, Part, TakenOut};
pub use quarantine::QuarantineFile;
pub use refold::Refolded;

mod holdings;
mod quarantine;
mod refold;
mod replace;

/// Folders below `OUTPUT_DIR` that a committed file may lie in: `log=…/day=…` or `YYYY/MM/DD`.
const DEPTH_MAX: usize = 3;

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

/// A file being written beside the table. Removed when dropped before it was published.
#[derive(Debug)]
pub struct Staged {
    disk: Arc<dyn Disk>,
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
    pub fn reopen(&self) -> Result<Box<dyn DiskFile>, StoreError> {
        self.disk.open(&self.path).map_err(StoreError::at("reopen", &self.path))
    }

    /// Makes the bytes written to `file`, which is this staged file, durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self, file: &dyn DiskFile) -> Result<(), StoreError> {
        file.sync_all().map_err(StoreError::at("sync", &self.path))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // What stays behind is swept at the next start.
            drop(durable::remove_if_there(&*self.disk, &self.path));
        }
    }
}

/// A table in a folder.
#[derive(Debug)]
pub struct DirTable {
    disk: Arc<dyn Disk>,
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
    pub fn open(disk: Arc<dyn Disk>, root: &Path, layout: Layout) -> Result<Self, StoreError> {
        let staging = root.join(STAGING);
        durable::create_dir(&*disk, root)?;
        durable::create_dir(&*disk, &staging)?;
        for orphan in durable::list(&*disk, &staging)? {
            durable::remove_tree(&*disk, &staging.join(orphan.name), orphan.kind)?;
        }
        Ok(Self { disk, root: root.to_owned(), layout, staged: AtomicU64::new(0) })
    }

    /// The table of an output folder that another process may be working on: to be read, and never written.
    #[must_use]
    pub fn beside(disk: Arc<dyn Disk>, root: &Path, layout: Layout) -> Self {
        Self { disk, root: root.to_owned(), layout, staged: AtomicU64::new(0) }
    }

    /// Whether an output folder is there, or can be made, and can be written. Leaves it as it was otherwise.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_writable(disk: Arc<dyn Disk>, root: &Path) -> Result<(), StoreError> {
        let (_removed_when_dropped, _file) = OutputFile::create_on(disk, root, "write-check")?;
        Ok(())
    }

    /// The output folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A spool in `_staging` that keeps up to `memory_max` bytes of text in memory.
    #[must_use]
    pub fn spool(&self, memory_max: usize) -> Spool {
        Spool::new(Arc::clone(&self.disk), self.staging_path("spool"), memory_max)
    }

    /// A path in `_staging` that nothing uses yet.
    fn staging_path(&self, ending: &str) -> PathBuf {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        self.root.join(STAGING).join(format!("{number:06}.{ending}"))
    }

    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn stage(&self) -> Result<(Staged, Box<dyn DiskFile>), StoreError> {
        let path = self.staging_path(ENDING);
        let file = durable::create_file(&*self.disk, &path)?;
        Ok((Staged { disk: Arc::clone(&self.disk), path, published: false }, file))
    }

    /// Makes a staged file, synced and checked, part of the table. Publishing the same name again replaces the file by
    /// one with the same content.
    ///
    /// # Errors
    /// When it could not be moved; it is then removed, and the table is as it was.
    pub fn publish(&self, mut staged: Staged, name: &FileName) -> Result<TableFile, StoreError> {
        let path = self.root.join(name.path(self.layout));
        if let Some(folder) = path.parent() {
            durable::create_dir(&*self.disk, folder)?;
        }
        let bytes = self.look_at(&staged.path)?;
        durable::publish(&*self.disk, &staged.path, &path)?;
        staged.published = true;
        Ok(TableFile { name: name.clone(), path, bytes })
    }

    /// All committed files, in the order of their names. Files that are not ours are left alone.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn files(&self) -> Result<Vec<TableFile>, StoreError> {
        let mut files = Vec::new();
        self.collect((&self.root, 0), &|_any| true, &mut files)?;
        files.sort();
        Ok(files)
    }

    /// Opens a committed file, to read it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn read(&self, file: &TableFile) -> Result<Box<dyn DiskFile>, StoreError> {
        self.disk.open(&file.path).map_err(StoreError::at("open", &file.path))
    }

    /// Adds the files below a folder, which is so deep in the table, that are wanted by their names. Only these are looked at:
    /// a day may have thousands.
    fn collect(
        &self,
        (folder, depth): (&Path, usize),
        wanted: &dyn Fn(&FileName) -> bool,
        files: &mut Vec<TableFile>,
    ) -> Result<(), StoreError> {
        for entry in durable::list(&*self.disk, folder)? {
            let hidden = entry.name.to_str().is_none_or(|name| name.starts_with(['_', '.']));
            if hidden {
                continue;
            }
            let path = folder.join(entry.name);
            if entry.kind == Kind::Folder && depth < DEPTH_MAX {
                self.collect((&path, depth + 1), wanted, files)?;
            } else if entry.kind == Kind::File
                && let Some(name) = path.strip_prefix(&self.root).ok().and_then(FileName::parse)
                && wanted(&name)
            {
                let bytes = self.look_at(&path)?;
                files.push(TableFile { name, path, bytes });
            }
        }
        Ok(())
    }

    /// The length of a file.
    fn look_at(&self, path: &Path) -> Result<u64, StoreError> {
        self.disk.metadata(path).map(|facts| facts.len).map_err(StoreError::at("look at", path))
    }
}
