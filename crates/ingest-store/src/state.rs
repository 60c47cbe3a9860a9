//! The ledger's storage: a small file for each log, replaced as a whole, with a checksum.
//!
//! `_ingest/logs/<slug>.json` holds the checksum of the second line on its first. A file that is missing or damaged
//! is no disaster: it is rebuilt from the table. What no file can tell any more, since it was removed on purpose, is kept
//! a second time in `_removed/<slug>.json`, beside `_ingest`, so that it outlives the ledgers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_core::ids::{LogId, Slug};
use ingest_core::ledger::{LogState, Removed};
use ingest_core::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::disk::Disk;
use crate::durable;
use crate::error::StoreError;
use crate::layout::{INGEST, REMOVED};

/// The folder of ledgers.
#[derive(Debug, Clone)]
pub struct StateDir {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    removed: PathBuf,
}

/// What was removed of a log on purpose, and which log it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedRecord {
    /// The log.
    pub id: LogId,
    /// Its name when this was written.
    pub name: String,
    /// Its folder.
    pub slug: Slug,
    /// Where its live tail began.
    pub tail_since: Option<Timestamp>,
    /// The spans.
    pub removed: Vec<Removed>,
}

impl StateDir {
    /// The ledgers of an output folder.
    #[must_use]
    pub fn of(disk: Arc<dyn Disk>, output_dir: &Path) -> Self {
        let folder = output_dir.join(INGEST).join("logs");
        Self { disk, folder, removed: output_dir.join(REMOVED) }
    }

    /// Makes a log's state durable.
    ///
    /// # Errors
    /// When it could not be written; the state from before is then still there.
    pub fn save(&self, state: &LogState) -> Result<(), StoreError> {
        self.write(&self.folder, &state.slug, state)
    }

    /// Makes durable what was removed of a log on purpose; to be called when its ledger is saved, and before a file goes.
    ///
    /// # Errors
    /// When it could not be written; the record from before is then still there.
    pub fn save_removed(&self, state: &LogState) -> Result<(), StoreError> {
        let removed = state.ledger.removed().to_vec();
        if removed.is_empty() {
            return durable::remove_if_there(&*self.disk, &path(&self.removed, &state.slug));
        }
        let record = RemovedRecord {
            id: state.id.clone(),
            name: state.name.clone(),
            slug: state.slug.clone(),
            tail_since: state.ledger.tail_since(),
            removed,
        };
        self.write(&self.removed, &state.slug, &record)
    }

    /// All states that are whole, and the names of files that are damaged.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn load(&self) -> Result<(Vec<LogState>, Vec<PathBuf>), StoreError> {
        self.read_all(&self.folder)
    }

    /// All records of what was removed that are whole, and the names of files that are damaged.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn load_removed(&self) -> Result<(Vec<RemovedRecord>, Vec<PathBuf>), StoreError> {
        self.read_all(&self.removed)
    }

    fn write(&self, folder: &Path, slug: &Slug, value: &impl Serialize) -> Result<(), StoreError> {
        durable::create_dir(&*self.disk, folder)?;
        let text = serde_json::to_string(value).unwrap_or_default();
        let stored = format!("{:016x}\n{text}\n", XxHash3_64::oneshot(text.as_bytes()));
        durable::replace(&*self.disk, &path(folder, slug), stored.as_bytes())
    }

    fn read_all<T: DeserializeOwned>(&self, folder: &Path) -> Result<(Vec<T>, Vec<PathBuf>), StoreError> {
        let (mut whole, mut damaged) = (Vec::new(), Vec::new());
        for entry in durable::list(&*self.disk, folder)? {
            let path = folder.join(entry.name);
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let stored = durable::read(&*self.disk, &path)?;
            match read(&stored) {
                Some(value) => whole.push(value),
                None => damaged.push(path),
            }
        }
        Ok((whole, damaged))
    }
}

fn path(folder: &Path, slug: &Slug) -> PathBuf {
    folder.join(format!("{slug}.json"))
}

fn read<T: DeserializeOwned>(stored: &[u8]) -> Option<T> {
    let stored = std::str::from_utf8(stored).ok()?;
    let (sum, text) = stored.split_once('\n')?;
    let text = text.strip_suffix('\n')?;
    let whole = sum == format!("{:016x}", XxHash3_64::oneshot(text.as_bytes()));
    if whole { serde_json::from_str(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use ingest_core::ids::LogId;
    use ingest_core::ledger::{Recorded, Tally};
    use ingest_core::time::{LogWindow, Timestamp};

    use super::*;

    /// Many a changed byte leaves JSON that reads well and says something else.
    #[test]
    fn a_ledger_of_which_any_byte_was_changed_is_damaged() {
        let mut state = LogState::new(LogId::new("x"), "web");
        let window = LogWindow::new(Timestamp::from_millis(0), Timestamp::from_millis(86_400_000)).unwrap();
        let tally = Tally { fetched: 5, stored: 5, counted: Some(5), files: 1, bytes: 9, ..Tally::EMPTY };
        assert_eq!(state.ledger.record(window, tally, None), Ok(Recorded::Added));
        let text = serde_json::to_string(&state).unwrap();
        let stored = format!("{:016x}\n{text}\n", XxHash3_64::oneshot(text.as_bytes())).into_bytes();
        assert_eq!(read(&stored), Some(state));
        for at in 0..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 1;
            assert_eq!(read::<LogState>(&changed), None, "byte {at} of {}", String::from_utf8_lossy(&stored));
        }
    }
}
