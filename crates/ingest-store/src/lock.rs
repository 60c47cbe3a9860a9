//! One process at a time on an output folder.
//!
//! The kernel's lock on `_ingest/lock` decides, and ends with its process however that ends; the file's text only
//! says who holds it.

use std::fs::TryLockError;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, DiskFile};
use crate::durable;
use crate::error::StoreError;
use crate::layout::INGEST;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Its machine.
    pub host: String,
    /// Since when, RFC 3339.
    pub since: String,
}

impl Holder {
    /// Where the lock of an output folder is.
    #[must_use]
    pub fn path(output_dir: &Path) -> PathBuf {
        output_dir.join(INGEST).join("lock")
    }

    /// Who held the lock of an output folder last, or holds it still: whether it is held, the kernel alone knows. `None`
    /// where nobody said so.
    #[must_use]
    pub fn read(output_dir: &Path) -> Option<Self> {
        std::fs::read(Self::path(output_dir)).ok().and_then(|text| serde_json::from_slice(&text).ok())
    }
}

/// A held lock; dropping it gives it back.
#[derive(Debug)]
pub struct Lock {
    _file: Box<dyn DiskFile>,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// What the file says as long as the folder is this process's.
    text: String,
}

/// Why a folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process works on it.
    #[error("another process works on {folder}: {}; let it finish, or stop it", held_by(.by.as_ref()))]
    Held {
        /// The folder.
        folder: String,
        /// Who, as far as the lock file says.
        by: Option<Holder>,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn held_by(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { pid, host, since }) => format!("process {pid} on {host}, since {since}"),
        None => "it has not said who it is".to_owned(),
    }
}

impl Lock {
    /// Takes the lock of an output folder, or says who holds it.
    ///
    /// # Errors
    /// When it is held, or cannot be taken.
    pub fn take(disk: Arc<dyn Disk>, output_dir: &Path, holder: &Holder) -> Result<Self, LockError> {
        durable::create_dir(&*disk, &output_dir.join(INGEST))?;
        let path = Holder::path(output_dir);
        let mut file = disk.open_or_create(&path).map_err(StoreError::at("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let by =
                    file.read_to_string(&mut text).ok().and_then(|_read| serde_json::from_str(&text).ok());
                return Err(LockError::Held { folder: output_dir.display().to_string(), by });
            }
            Err(TryLockError::Error(cause)) => {
                return Err(StoreError::at("lock", &path)(cause).into());
            }
        }
        let text = serde_json::to_string(holder).unwrap_or_default();
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(StoreError::at("write", &path))?;
        Ok(Self { _file: file, disk, path, text })
    }

    /// Whether the folder is still the one that was locked. The kernel's lock outlives a folder that is removed, and
    /// says nothing about another in its place: ask before anything is published or recorded.
    ///
    /// # Errors
    /// When the folder was removed, or another process holds the one that is there now.
    pub fn check(&self) -> Result<(), StoreError> {
        let lost = || io::Error::new(io::ErrorKind::NotFound, "the output folder was removed or replaced");
        let mut text = String::new();
        let read = self.disk.open(&self.path).and_then(|mut file| file.read_to_string(&mut text));
        match read {
            Ok(_bytes) if text == self.text => Ok(()),
            Ok(_anothers) => Err(lost()),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Err(lost()),
            Err(cause) => Err(cause),
        }
        .map_err(StoreError::at("find the lock", &self.path))
    }
}
