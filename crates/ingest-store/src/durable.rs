//! What a disk's operations are put together to, in the order that makes the outcome durable.
//!
//! A name that was published is synced with its folder, and its bytes before it. Says of each failure what was being
//! done. Never touches a filesystem but through its [`Disk`].

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::disk::{Disk, DiskFile, Entry, Kind};
use crate::error::StoreError;

/// Creates a folder and those above it, where missing, each made durable in its parent.
pub(crate) fn create_dir(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    if disk.metadata(path).is_ok_and(|facts| facts.kind == Kind::Folder) {
        // A process that was killed may have made it, and not come to this. Those above were durable before it was made.
        return match parent.map_or(Ok(()), |parent| sync_dir(disk, parent)) {
            // Not ours to read, so not where we make folders.
            Err(error) if error.cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            other => other,
        };
    }
    parent.map_or(Ok(()), |parent| create_dir(disk, parent))?;
    match disk.create_dir(path) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
            return Err(StoreError::at("create the folder", path)(cause));
        }
        Ok(()) | Err(_) => {}
    }
    parent.map_or(Ok(()), |parent| sync_dir(disk, parent))
}

/// Creates a file that must not exist.
pub(crate) fn create_file(disk: &dyn Disk, path: &Path) -> Result<Box<dyn DiskFile>, StoreError> {
    disk.create_file(path).map_err(StoreError::at("create", path))
}

/// Makes a folder's names durable.
pub(crate) fn sync_dir(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    disk.sync_dir(path).map_err(StoreError::at("sync the folder", path))
}

/// Moves a synced file to its final name and makes the name durable.
pub(crate) fn publish(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), StoreError> {
    disk.rename(from, to).map_err(StoreError::at("publish", to))?;
    to.parent().map_or(Ok(()), |parent| sync_dir(disk, parent))
}

/// Replaces a small file as a whole: a reader finds the old bytes or the new ones.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let staged = path.with_extension("new");
    remove_if_there(disk, &staged)?;
    let mut file = create_file(disk, &staged)?;
    file.write_all(bytes).map_err(StoreError::at("write", &staged))?;
    file.sync_all().map_err(StoreError::at("sync", &staged))?;
    publish(disk, &staged, path)
}

/// Reads a small file whole.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    let read = disk.open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(StoreError::at("read", path))?;
    Ok(bytes)
}

/// Removes a file, if it is there.
pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    match disk.remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(StoreError::at("remove", path)(cause)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes a file, or a folder with all that is in it, if it is there.
pub(crate) fn remove_tree(disk: &dyn Disk, path: &Path, kind: Kind) -> Result<(), StoreError> {
    if kind != Kind::Folder {
        return remove_if_there(disk, path);
    }
    for entry in list(disk, path)? {
        remove_tree(disk, &path.join(entry.name), entry.kind)?;
    }
    match disk.remove_dir(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::at("remove the folder", path)(cause))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The entries of a folder in the order of their names; none where the folder is missing.
pub(crate) fn list(disk: &dyn Disk, path: &Path) -> Result<Vec<Entry>, StoreError> {
    match disk.list(path) {
        Ok(mut entries) => {
            entries.sort();
            Ok(entries)
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(StoreError::at("list", path)(cause)),
    }
}
