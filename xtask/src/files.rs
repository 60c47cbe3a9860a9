//! Files as the tasks read, write and list them: what fails says which file it was.
//!
//! Decides nothing about what stands in them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::place;

/// Bits of a mode.
const MODE_BITS: u32 = 0o7777;

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| failed(path, "read", &error))
}

/// Writes a file, and makes its folder where there is none.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        place::folder(folder)?;
    }
    std::fs::write(path, bytes).map_err(|error| failed(path, "written", &error))
}

/// The files of a folder, by name; folders in it are left out.
pub(crate) fn of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let told = |error| failed(folder, "read", &error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// All files of a folder and of the folders below it.
pub(crate) fn below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let (mut paths, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let told = |error| failed(&folder, "read", &error);
        for entry in std::fs::read_dir(&folder).map_err(told)? {
            let path = entry.map_err(told)?.path();
            if path.is_dir() { folders.push(path) } else { paths.push(path) }
        }
    }
    Ok(paths)
}

/// Removes a file.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    std::fs::remove_file(path).map_err(|error| failed(path, "removed", &error))
}

/// The mode of a file or folder; `None` where there is none.
pub(crate) fn mode(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|facts| facts.permissions().mode() & MODE_BITS)
}

/// Sets the mode of a file or folder.
pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<(), Failure> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(|error| failed(path, "given its mode", &error))
}

fn failed(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be {what}: {error}", path.display()))
}
