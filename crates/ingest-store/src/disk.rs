//! The file operations that durability rests on, in one place.
//!
//! Files are 0640 and folders 0750, as the runbook wants them. A name that was published is synced with its folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::error::StoreError;

const FILE_MODE: u32 = 0o640;
const DIR_MODE: u32 = 0o750;

/// Creates a folder and those above it, where missing, each made durable in its parent.
pub(crate) fn create_dir(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    parent.map_or(Ok(()), create_dir)?;
    match DirBuilder::new().mode(DIR_MODE).create(path) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
            return Err(StoreError::at("create the folder", path)(cause));
        }
        Ok(()) | Err(_) => {}
    }
    parent.map_or(Ok(()), sync_dir)
}

/// Creates a file that must not exist.
pub(crate) fn create_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(StoreError::at("create", path))
}

/// Opens a file for appending and locking, created if missing.
pub(crate) fn open_or_create(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
        .map_err(StoreError::at("open", path))
}

/// Makes a folder's names durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(StoreError::at("sync the folder", path))
}

/// Moves a synced file to its final name and makes the name durable.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::at("publish", to))?;
    to.parent().map_or(Ok(()), sync_dir)
}

/// Replaces a small file as a whole: a reader finds the old bytes or the new ones.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let staged = path.with_extension("new");
    remove_if_there(&staged)?;
    let mut file = create_file(&staged)?;
    file.write_all(bytes).map_err(StoreError::at("write", &staged))?;
    file.sync_all().map_err(StoreError::at("sync", &staged))?;
    publish(&staged, path)
}

/// Removes a file, if it is there.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(StoreError::at("remove", path)(cause)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The entries of a folder in the order of their names; none where the folder is missing.
pub(crate) fn list(path: &Path) -> Result<Vec<fs::DirEntry>, StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(StoreError::at("list", path)(cause)),
    };
    let mut entries: Vec<_> = entries.collect::<io::Result<_>>().map_err(StoreError::at("list", path))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}
