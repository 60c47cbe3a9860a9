//! What happened to each window of a log, in the order in which it did: for whoever asks why.
//!
//! `_ingest/history/<slug>.jsonl`, one JSON object a line, two files of bounded size a log: beyond it the older half is
//! forgotten. Says nothing about what is complete, which is the ledger's; a line that is lost in a crash loses no event.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_core::ids::Slug;
use ingest_core::time::{LogWindow, Timestamp};
use serde::{Deserialize, Serialize};

use crate::disk::Disk;
use crate::durable;
use crate::error::StoreError;
use crate::layout::INGEST;

/// Length at which a history file is put aside, in bytes: about ten thousand windows, a month of five-minute passes.
const FILE_MAX: u64 = 2 << 20;

/// One thing that happened to a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// The window.
    pub window: LogWindow,
    /// What, in one word: `complete`, `open`, `recounted`, `reopened`, `replaced`, `lost`.
    pub what: String,
    /// Figures and reasons, in words.
    pub detail: String,
}

/// The histories of an output folder.
#[derive(Debug, Clone)]
pub struct HistoryDir {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl HistoryDir {
    /// The histories of an output folder.
    #[must_use]
    pub fn of(disk: Arc<dyn Disk>, output_dir: &Path) -> Self {
        Self { disk, folder: output_dir.join(INGEST).join("history") }
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn add(&self, slug: &Slug, happening: &Happening) -> Result<(), StoreError> {
        durable::create_dir(&*self.disk, &self.folder)?;
        let path = self.path(slug);
        if self.disk.metadata(&path).is_ok_and(|facts| facts.len >= FILE_MAX) {
            durable::publish(&*self.disk, &path, &self.older(slug))?;
        }
        let line = serde_json::to_string(happening).unwrap_or_default();
        let mut file = self.disk.open_or_create(&path).map_err(StoreError::at("open", &path))?;
        let written =
            file.seek(SeekFrom::End(0)).and_then(|_end| file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(StoreError::at("write", &path))
    }

    /// What happened in `window` or a part of it, oldest first. Lines that a crash cut are left out.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn of_window(&self, slug: &Slug, window: LogWindow) -> Result<Vec<Happening>, StoreError> {
        let mut found = Vec::new();
        for path in [self.older(slug), self.path(slug)] {
            if self.disk.metadata(&path).is_err() {
                continue;
            }
            let bytes = durable::read(&*self.disk, &path)?;
            let lines = bytes.split(|byte| *byte == b'\n');
            let happenings = lines.filter_map(|line| serde_json::from_slice::<Happening>(line).ok());
            found.extend(happenings.filter(|happening| happening.window.overlaps(window)));
        }
        Ok(found)
    }

    fn path(&self, slug: &Slug) -> PathBuf {
        self.folder.join(format!("{slug}.jsonl"))
    }

    fn older(&self, slug: &Slug) -> PathBuf {
        self.folder.join(format!("{slug}.1.jsonl"))
    }
}

#[cfg(test)]
mod tests {
    use ingest_core::ids::LogId;

    use super::*;
    use crate::disk::OsDisk;

    #[test]
    fn a_history_is_told_by_window_and_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let history = HistoryDir::of(OsDisk::shared(), folder.path());
        let slug = Slug::of("web", &LogId::new("x"));
        let window =
            |n: i64| LogWindow::new(Timestamp::from_millis(n), Timestamp::from_millis(n + 1)).unwrap();
        let happening = |n: i64| Happening {
            at: Timestamp::from_millis(n),
            window: window(n),
            what: "complete".to_owned(),
            detail: "x".repeat(4_000),
        };
        (0..1_500).for_each(|n| history.add(&slug, &happening(n)).unwrap());
        assert_eq!(history.of_window(&slug, window(1_499)).unwrap(), [happening(1_499)]);
        assert_eq!(history.of_window(&slug, window(0)).unwrap(), [], "the oldest are forgotten");
        let sizes: u64 = std::fs::read_dir(folder.path().join("_ingest/history"))
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(sizes < 2 * FILE_MAX + 8_000, "{sizes}");
    }
}
