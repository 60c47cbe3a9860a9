//! What is measured of a run: counters as things happen, and a board of how things stand.
//!
//! Never decides anything for the pipeline, never waits and never writes to the disk: a run with nobody looking is the same
//! run. No globals: one `Metrics` is made for a process and handed on. Names are in `names.rs`, how things stand at a scrape
//! is put together in `reading.rs`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ingest_core::ledger::LogState;
use ingest_core::quota::Class;
use ingest_core::time::{LogWindow, Timestamp};
use ingest_source::watch::{Failure, Watch};
use ingest_tabular::Reason;

use crate::pipeline::CommittedWindow;

pub use board::{Board, EventNote, InFlight, LogFacts, PassFacts, Standing};
pub use document::document;
pub use names::{
    API_CALL_BUCKETS, Facts, Kind, LOGS_SHOWN_MAX, Metric, OTHER_LOGS, REFUSALS, STATUS_CLASSES, UPKEEP, Unit,
};
pub use reading::{Reader, ReaderOptions};
pub use textfile::Textfile;

use families::Families;

mod board;
mod document;
mod families;
mod names;
mod process;
mod rate;
mod reading;
mod textfile;
mod usage;

/// Everything that is measured of one process.
#[derive(Debug)]
pub struct Metrics {
    families: Families,
    board: Arc<Board>,
    /// Names of the logs that have series of their own.
    shown: Mutex<BTreeSet<String>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing measured yet; series whose labels are known are there at 0.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self { families: Families::new(), board: Arc::default(), shown: Mutex::default() };
        let begin = |metric, values: &[&str]| {
            values.iter().for_each(|value| metrics.families.add(metric, &[value], 0.0));
        };
        begin(Metric::ApiCalls, &STATUS_CLASSES);
        begin(Metric::ApiRefused, &REFUSALS);
        begin(Metric::FilesRemoved, &UPKEEP);
        begin(Metric::UpkeepFailures, &UPKEEP);
        begin(Metric::ApiFailures, &failures());
        begin(Metric::RowsQuarantined, &quarantine_reasons());
        for metric in [Metric::ApiRateLimited, Metric::ApiRetries, Metric::QuotaWait] {
            begin(metric, &classes());
        }
        for metric in Metric::ALL.iter().filter(|metric| metric.facts().labels.is_empty()) {
            if metric.facts().kind == Kind::Counter {
                metrics.families.add(*metric, &[], 0.0);
            }
        }
        metrics
    }

    /// The same, as something that many can hold.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        Arc::new(Self::new())
    }

    /// How things stand.
    #[must_use]
    pub const fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Takes in a window that was recorded, and its text's bytes.
    pub(crate) fn completed(&self, log: &LogState, done: &CommittedWindow, text_bytes: u64, now: Timestamp) {
        let tally = done.tally;
        let label = self.label(&log.name);
        let add = |metric, labels: &[&str], by: u64| self.families.add(metric, labels, by as f64);
        add(Metric::LogsFetched, &[], tally.fetched);
        add(Metric::ParseErrors, &[], tally.quarantined);
        add(Metric::FilesWritten, &[], tally.files);
        add(Metric::WrittenBytes, &[], tally.bytes);
        add(Metric::RecordBytes, &[], text_bytes);
        add(Metric::RowsStored, &[&label], tally.stored);
        add(Metric::WindowsCompleted, &[&label], 1);
        for (reason, records) in &done.quarantined_by {
            add(Metric::RowsQuarantined, &[reason], *records);
        }
        self.board.stored(&log.id, tally.fetched, tally.bytes, now);
    }

    /// Takes in that complete windows were opened again.
    pub(crate) fn reopened(&self, windows: u64) {
        self.families.add(Metric::WindowsReopened, &[], windows as f64);
    }

    /// Takes in that files were removed on purpose, by which of [`UPKEEP`], and their bytes.
    pub fn removed(&self, by: &'static str, files: u64, bytes: u64) {
        self.families.add(Metric::FilesRemoved, &[by], files as f64);
        self.board.freed(bytes);
    }

    /// Takes in that one of [`UPKEEP`] failed.
    pub(crate) fn upkeep_failed(&self, by: &'static str) {
        self.families.add(Metric::UpkeepFailures, &[by], 1.0);
    }

    /// Takes in what is known of a log before it is worked on: what is wanted of it, and how long the source keeps it.
    pub(crate) fn log_begins(
        &self,
        state: &LogState,
        wanted: Vec<LogWindow>,
        retention: Option<Duration>,
        now: Timestamp,
    ) {
        let label = self.label(&state.name);
        for metric in [Metric::RowsStored, Metric::WindowsCompleted] {
            self.families.add(metric, &[&label], 0.0);
        }
        self.board.log_begins(state, wanted, retention, now);
    }

    /// The value of `log` for a log: its name, as long as there is room.
    fn label(&self, log: &str) -> String {
        let mut shown = lock(&self.shown);
        if shown.contains(log) {
            return log.to_owned();
        }
        if shown.len() >= LOGS_SHOWN_MAX {
            return OTHER_LOGS.to_owned();
        }
        shown.insert(log.to_owned());
        log.to_owned()
    }

    /// A counter's value, by its labels.
    #[must_use]
    pub fn counted(&self, metric: Metric, labels: &[&str]) -> f64 {
        self.families.counted(metric, labels)
    }

    /// The value of a counter of things, by its labels.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a counter is never negative, and a cast of floats ends at the largest number"
    )]
    pub fn counted_whole(&self, metric: Metric, labels: &[&str]) -> u64 {
        self.counted(metric, labels).round() as u64
    }
}

impl Watch for Metrics {
    fn answered(&self, class: Class, status: u16, took: Duration) {
        let of_class = match status {
            200..300 => "200",
            500.. => "5xx",
            _ => "4xx",
        };
        self.families.add(Metric::ApiCalls, &[of_class], 1.0);
        self.families.observe(Metric::ApiCallDuration, took.as_secs_f64());
        match status {
            401 | 403 => self.families.add(Metric::ApiRefused, &[&status.to_string()], 1.0),
            429 => self.families.add(Metric::ApiRateLimited, &[class.name()], 1.0),
            _ => {}
        }
        match status {
            401 | 403 => self.board.key_refused(true),
            200..300 => self.board.key_refused(false),
            _ => {}
        }
    }

    fn failed(&self, _class: Class, failure: Failure) {
        self.families.add(Metric::ApiFailures, &[failure.name()], 1.0);
    }

    fn retried(&self, class: Class) {
        self.families.add(Metric::ApiRetries, &[class.name()], 1.0);
    }

    fn waited(&self, class: Class, wait: Duration) {
        self.families.add(Metric::QuotaWait, &[class.name()], wait.as_secs_f64());
    }

    fn received(&self, bytes: u64) {
        self.families.add(Metric::ReceivedBytes, &[], bytes as f64);
    }
}

fn failures() -> Vec<&'static str> {
    Failure::ALL.iter().map(|failure| failure.name()).collect()
}

pub(crate) fn classes() -> Vec<&'static str> {
    Class::ALL.iter().map(|class| class.name()).collect()
}

fn quarantine_reasons() -> Vec<&'static str> {
    Reason::ALL.iter().map(|reason| reason.as_str()).collect()
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
