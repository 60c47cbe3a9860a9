//! A note of the last pass, for whoever asks later how it went: `_ingest/last_pass.json`, replaced as a whole.
//!
//! Says nothing about what is complete, which is the ledger's. What it says is decided by whoever writes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;
use crate::durable;
use crate::error::StoreError;
use crate::layout::INGEST;

/// The note of an output folder.
#[derive(Debug, Clone)]
pub struct NoteFile {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl NoteFile {
    /// The note of an output folder.
    #[must_use]
    pub fn of(disk: Arc<dyn Disk>, output_dir: &Path) -> Self {
        Self { disk, folder: output_dir.join(INGEST) }
    }

    /// Replaces the note, in the folder that the lock has made. One that was removed under way is not made anew: it would look
    /// like a new start.
    ///
    /// # Errors
    /// When it could not be written; the one from before is then still there.
    pub fn save(&self, text: &str) -> Result<(), StoreError> {
        durable::replace(&*self.disk, &self.path(), text.as_bytes())
    }

    /// The note; `None` where there is none that can be read.
    #[must_use]
    pub fn load(&self) -> Option<String> {
        String::from_utf8(durable::read(&*self.disk, &self.path()).ok()?).ok()
    }

    fn path(&self) -> PathBuf {
        self.folder.join("last_pass.json")
    }
}
