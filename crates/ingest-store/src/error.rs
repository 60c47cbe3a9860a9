//! Why something could not be kept: what was being done, and what the system said.

use std::io;
use std::path::{Path, PathBuf};

/// A file operation failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing} {}", path.display())]
pub struct StoreError {
    /// What was being done, as a verb: `write`, `rename`, …
    pub doing: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub cause: io::Error,
}

impl StoreError {
    /// For `map_err`: what was being done, with what.
    pub fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self { doing, path, cause }
    }

    /// Whether the disk, or the user's share of it, is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        is_full(&self.cause)
    }
}

/// Whether a refusal means that the disk, or the user's share of it, is full.
#[must_use]
pub fn is_full(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
