//! After a restore from a backup: what is there, what is damaged, what the ledgers miss, and whether it can be fetched.
//!
//! The files decide. What the ledger says and they do not prove is forgotten, so that it is fetched again where the source
//! still has it; what was removed on purpose and is back counts again. Never removes a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ingest_core::ids::Slug;
use ingest_core::ledger::LogState;
use ingest_core::retention;
use ingest_core::time::{LogWindow, Timestamp, UtcDay};
use ingest_store::{StoreError, TableFile};

use super::Upkeep;
use crate::pipeline::{compare, read_content, recover};

/// Why a span is open of which a restore did not bring everything back.
const NOT_THERE: &str = "its files were not all there after a restore";

/// Whether the source still has what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetchable {
    /// It should.
    Yes,
    /// It keeps its events for a shorter time.
    No,
    /// It names no time.
    Unknown,
}

impl Fetchable {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Yes => "log-ingestion repair can fetch it",
            Self::No => "the source does not keep its events that long",
            Self::Unknown => {
                "the source does not say how long it keeps its events; log-ingestion repair tries"
            }
        }
    }
}

/// What is there of a log's day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayFound {
    /// The log's name.
    pub log: String,
    /// Files that are whole.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that are not, and what is wrong with them.
    pub damaged: Vec<(PathBuf, String)>,
}

/// A span that a ledger counts and the files do not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacks {
    /// The log's name.
    pub log: String,
    /// The span.
    pub window: LogWindow,
    /// Rows that were stored.
    pub stored: u64,
    /// Rows that are there.
    pub there: u64,
    /// Whether it can be fetched again.
    pub fetchable: Fetchable,
}

/// What a restored folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Each day of each log, by its folder: names may be those of several logs.
    pub days: BTreeMap<(Slug, UtcDay), DayFound>,
    /// What the ledgers miss.
    pub lacks: Vec<Lacks>,
    /// Logs of which there are files and no ledger.
    pub without_ledger: BTreeSet<String>,
    /// Files of spans that were removed on purpose, and are back.
    pub back: u64,
}

impl Found {
    /// Whether everything is there and whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.lacks.is_empty() && self.days.values().all(|day| day.damaged.is_empty())
    }
}

impl Upkeep {
    /// Reads every file, and compares the ledgers with them; where `mend`, the ledgers follow the files.
    ///
    /// # Errors
    /// When the folder cannot be read, or a ledger not be saved.
    pub fn restore(&self, mend: bool) -> Result<Found, StoreError> {
        let now = self.clock.now();
        let (mut states, _damaged) = self.states.load()?;
        for record in self.states.load_removed()?.0 {
            let known = states.iter_mut().find(|state| state.slug == record.slug);
            known.into_iter().for_each(|state| state.ledger.adopt_removed(&record.removed));
        }
        let mut found = Found::default();
        let (mut whole, mut damaged): (Vec<TableFile>, Vec<TableFile>) = (Vec::new(), Vec::new());
        for file in self.table.files()? {
            let is_whole = self.look_at(&file, &states, &mut found);
            if is_whole { whole.push(file) } else { damaged.push(file) }
        }
        for state in &mut states {
            let before = state.ledger.clone();
            let lacks = self.lacks(state, &damaged, now)?;
            for lacks in &lacks {
                state.ledger.forget(lacks.window);
                // It was wanted: what the files do not bring back of it stays open until it is fetched.
                state.ledger.leave_open(lacks.window, NOT_THERE, now);
            }
            found.lacks.extend(lacks);
            for file in whole.iter().filter(|file| file.name.slug == state.slug) {
                let is_back = state.ledger.bring_back(file.name.window);
                found.back = found.back.saturating_add(u64::from(is_back));
            }
            if mend && state.ledger != before {
                self.check_folder()?;
                // The record first: a ledger that lacks what it says takes it in again.
                self.states.save_removed(state)?;
                self.states.save(state)?;
            }
        }
        if mend {
            recover(&self.table, &self.states, now)?;
        }
        Ok(found)
    }

    /// Takes a file into what was found; whether it is whole.
    fn look_at(&self, file: &TableFile, states: &[LogState], found: &mut Found) -> bool {
        let content = read_content(&self.table, file);
        let known = states.iter().find(|state| state.slug == file.name.slug);
        let name = match (known, &content) {
            (Some(state), _) => state.name.clone(),
            (None, Ok(content)) => content.log_name.clone(),
            // Nothing tells it but its folder.
            (None, Err(_)) => file.name.slug.to_string(),
        };
        if known.is_none() {
            found.without_ledger.insert(name.clone());
        }
        let key = (file.name.slug.clone(), file.name.window.start().day());
        let day = found.days.entry(key).or_default();
        day.log = name;
        match content {
            Ok(content) => {
                day.files = day.files.saturating_add(1);
                day.rows = day.rows.saturating_add(content.tally.stored);
                day.bytes = day.bytes.saturating_add(file.bytes);
                true
            }
            Err(why) => {
                day.damaged.push((file.path.clone(), why));
                false
            }
        }
    }

    /// The spans of a log that its files do not hold as its ledger says. It remembers old days as one span, so that more
    /// may be named than is missing.
    fn lacks(
        &self,
        state: &LogState,
        damaged: &[TableFile],
        now: Timestamp,
    ) -> Result<Vec<Lacks>, StoreError> {
        let Some(range) = state.ledger.extent() else { return Ok(Vec::new()) };
        let (missing, _runs) = compare(&self.table, state, range, false)?;
        let mut lacks: Vec<(LogWindow, u64, u64)> =
            missing.iter().map(|missing| (missing.window, missing.stored, missing.there)).collect();
        for file in damaged.iter().filter(|file| file.name.slug == state.slug) {
            let span = state.ledger.spans().iter().find(|span| span.window.overlaps(file.name.window));
            let Some(span) = span else { continue };
            if missing.iter().any(|missing| missing.window == span.window) {
                // What cannot be read was not counted as there.
                continue;
            }
            let (stored, rows) = (span.tally.stored, file.name.rows);
            match lacks.iter_mut().find(|(window, ..)| *window == span.window) {
                Some((.., there)) => *there = there.saturating_sub(rows),
                None => lacks.push((span.window, stored, stored.saturating_sub(rows))),
            }
        }
        let period = state.retention.as_deref().and_then(retention::period);
        let fetchable = |window: LogWindow| match period {
            Some(period) if window.start() < now.minus(period) => Fetchable::No,
            Some(_) => Fetchable::Yes,
            None => Fetchable::Unknown,
        };
        let lack = |(window, stored, there)| Lacks {
            log: state.name.clone(),
            window,
            stored,
            there,
            fetchable: fetchable(window),
        };
        Ok(lacks.into_iter().map(lack).collect())
    }
}
