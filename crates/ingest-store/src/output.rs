//! A single output file of a command: written under a hidden name, published under its own by one rename.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, OsDisk};
use crate::durable;
use crate::error::StoreError;

/// A file being written. Removed when dropped before it was published.
#[derive(Debug)]
pub struct OutputFile {
    disk: Arc<dyn Disk>,
    staged: PathBuf,
    path: PathBuf,
    published: bool,
}

impl OutputFile {
    /// Begins the file `name` in `folder` of this machine, which is created where missing.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(folder: &Path, name: &str) -> Result<(Self, Box<dyn DiskFile>), StoreError> {
        Self::create_on(OsDisk::shared(), folder, name)
    }

    /// Begins the file `name` in `folder` of a disk, which is created where missing.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        name: &str,
    ) -> Result<(Self, Box<dyn DiskFile>), StoreError> {
        durable::create_dir(&*disk, folder)?;
        let staged = folder.join(format!(".{name}.{}", std::process::id()));
        durable::remove_if_there(&*disk, &staged)?;
        let file = durable::create_file(&*disk, &staged)?;
        Ok((Self { disk, staged, path: folder.join(name), published: false }, file))
    }

    /// A file without a name in `folder`, gone when closed.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn scratch(folder: &Path) -> Result<Box<dyn DiskFile>, StoreError> {
        let (_unnamed_when_dropped, file) = Self::create(folder, "scratch")?;
        Ok(file)
    }

    /// Makes the bytes written to `file`, which is this file, durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self, file: &dyn DiskFile) -> Result<(), StoreError> {
        file.sync_all().map_err(StoreError::at("sync", &self.staged))
    }

    /// Opens it again, to check what the disk gives back.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn reopen(&self) -> Result<Box<dyn DiskFile>, StoreError> {
        self.disk.open(&self.staged).map_err(StoreError::at("reopen", &self.staged))
    }

    /// Gives the file its name, replacing one that has it.
    ///
    /// # Errors
    /// When it could not be moved.
    pub fn publish(mut self) -> Result<PathBuf, StoreError> {
        durable::publish(&*self.disk, &self.staged, &self.path)?;
        self.published = true;
        Ok(self.path.clone())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.published {
            // A hidden file that stays behind is replaced by the next attempt of the same process, or ignored.
            drop(durable::remove_if_there(&*self.disk, &self.staged));
        }
    }
}
