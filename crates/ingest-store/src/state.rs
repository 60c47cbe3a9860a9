//! The ledger's storage: a small file for each log, replaced as a whole, with a checksum.
//!
//! `_ingest/logs/<slug>.json` holds the checksum of the second line on its first. A file that is missing or damaged
//! is no disaster: it is rebuilt from the table.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_core::ids::Slug;
use ingest_core::ledger::LogState;
use twox_hash::XxHash3_64;

use crate::disk::Disk;
use crate::durable;
use crate::error::StoreError;
use crate::layout::INGEST;

/// The folder of ledgers.
#[derive(Debug, Clone)]
pub struct StateDir {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl StateDir {
    /// The ledgers of an output folder.
    #[must_use]
    pub fn of(disk: Arc<dyn Disk>, output_dir: &Path) -> Self {
        Self { disk, folder: output_dir.join(INGEST).join("logs") }
    }

    /// Makes a log's state durable.
    ///
    /// # Errors
    /// When it could not be written; the state from before is then still there.
    pub fn save(&self, state: &LogState) -> Result<(), StoreError> {
        durable::create_dir(&*self.disk, &self.folder)?;
        let text = serde_json::to_string(state).unwrap_or_default();
        let stored = format!("{:016x}\n{text}\n", XxHash3_64::oneshot(text.as_bytes()));
        durable::replace(&*self.disk, &self.path(&state.slug), stored.as_bytes())
    }

    /// All states that are whole, and the names of files that are damaged.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn load(&self) -> Result<(Vec<LogState>, Vec<PathBuf>), StoreError> {
        let (mut states, mut damaged) = (Vec::new(), Vec::new());
        for entry in durable::list(&*self.disk, &self.folder)? {
            let path = self.folder.join(entry.name);
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let stored = durable::read(&*self.disk, &path)?;
            match read(&stored) {
                Some(state) => states.push(state),
                None => damaged.push(path),
            }
        }
        Ok((states, damaged))
    }

    fn path(&self, slug: &Slug) -> PathBuf {
        self.folder.join(format!("{slug}.json"))
    }
}

fn read(stored: &[u8]) -> Option<LogState> {
    let stored = std::str::from_utf8(stored).ok()?;
    let (sum, text) = stored.split_once('\n')?;
    let text = text.strip_suffix('\n')?;
    let whole = sum == format!("{:016x}", XxHash3_64::oneshot(text.as_bytes()));
    if whole { serde_json::from_str(text).ok() } else { None }
}
