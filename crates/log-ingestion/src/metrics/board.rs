//! How things stand: each log, the pass, what happened last. Written where the pipeline moves, read by whoever looks.
//!
//! One lock, held for as long as it takes to copy a few figures. Takes `now`, reads no clock, and never keeps the pipeline
//! waiting on a reader.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ingest_core::ids::LogId;
use ingest_core::ledger::LogState;
use ingest_core::time::{LogWindow, Timestamp};

pub use log_facts::LogFacts;

mod log_facts;

/// Events that are remembered: a screen of them.
const EVENTS_MAX: usize = 50;

/// How things stand, shared.
#[derive(Debug, Default)]
pub struct Board(Mutex<Standing>);

/// How things stand, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// When the process started.
    pub started: Option<Timestamp>,
    /// One for each run.
    pub trace_id: String,
    /// Whether one pass follows the other until a signal.
    pub continuous: bool,
    /// The settings that could not be in force after a restart, as the last hang-up found them.
    pub settings_refused: Option<String>,
    /// Whether the output folder is held.
    pub folder_held: bool,
    /// Whether the API refused the key when it was last asked.
    pub key_refused: bool,
    /// The passes.
    pub pass: PassFacts,
    /// Windows recorded since the process started.
    pub windows_recorded: u64,
    /// Every log of the last pass.
    pub logs: BTreeMap<LogId, LogFacts>,
    /// Bytes below the output folder; `None` before it was walked.
    pub disk_usage: Option<u64>,
    /// What happened last, oldest first.
    pub events: VecDeque<EventNote>,
}

/// The passes of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassFacts {
    /// How many were begun.
    pub number: u64,
    /// Whether one is under way.
    pub running: bool,
    /// When the last one began.
    pub started: Option<Timestamp>,
    /// When the last one ended, however it did.
    pub ended: Option<Timestamp>,
    /// When the last one ended that left nothing open; before the first of this process, that of the one before.
    pub last_success: Option<Timestamp>,
    /// How long the last one took.
    pub duration: Option<Duration>,
    /// Why the last one came to nothing at all, if it did.
    pub failed: Option<String>,
}

/// An event of the service's log, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventNote {
    /// When.
    pub at: Timestamp,
    /// Its level, as the log names it.
    pub level: &'static str,
    /// Its name.
    pub event: String,
    /// Its facts, in one line.
    pub text: String,
}

/// A window under way, until it is dropped.
#[derive(Debug)]
pub struct InFlight {
    board: Arc<Board>,
    log: LogId,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.board.of(&self.log, |log| log.in_flight = log.in_flight.saturating_sub(1));
    }
}

impl Board {
    /// A copy of everything.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.lock().clone()
    }

    /// A run begins.
    pub fn run_begins(&self, trace_id: &str, continuous: bool, now: Timestamp) {
        let mut standing = self.lock();
        standing.started.get_or_insert(now);
        trace_id.clone_into(&mut standing.trace_id);
        standing.continuous = continuous;
    }

    /// A hang-up found these settings faulty, or none any more: the ones before are still in force.
    pub fn settings(&self, refused: Option<String>) {
        self.lock().settings_refused = refused;
    }

    /// The output folder is held, or no more.
    pub fn folder_held(&self, held: bool) {
        self.lock().folder_held = held;
    }

    pub(super) fn key_refused(&self, refused: bool) {
        self.lock().key_refused = refused;
    }

    /// A process before this one succeeded last then.
    pub fn succeeded_before(&self, at: Timestamp) {
        self.lock().pass.last_success.get_or_insert(at);
    }

    /// A pass begins.
    pub(crate) fn pass_begins(&self, now: Timestamp) {
        let pass = &mut self.lock().pass;
        pass.number = pass.number.saturating_add(1);
        pass.running = true;
        pass.started = Some(now);
    }

    /// A pass ended: whether it left nothing open, or why it came to nothing at all.
    pub(crate) fn pass_ends(&self, outcome: Result<bool, String>, now: Timestamp) {
        let pass = &mut self.lock().pass;
        pass.running = false;
        pass.ended = Some(now);
        let ms = pass.started.map(|started| now.millis().saturating_sub(started.millis()));
        pass.duration = ms.map(|ms| Duration::from_millis(ms.max(0).unsigned_abs()));
        if outcome == Ok(true) {
            pass.last_success = Some(now);
        }
        pass.failed = outcome.err();
    }

    /// These are the logs that there are; what is known of others is forgotten.
    pub(crate) fn logs_are(&self, states: &[LogState], now: Timestamp) {
        let mut standing = self.lock();
        standing.logs.retain(|id, _| states.iter().any(|state| state.id == *id));
        for state in states {
            standing.logs.entry(state.id.clone()).or_default().take(state, now);
        }
    }

    pub(super) fn log_begins(
        &self,
        state: &LogState,
        wanted: Vec<LogWindow>,
        retention: Option<Duration>,
        now: Timestamp,
    ) {
        self.lock().logs.entry(state.id.clone()).or_default().begin(state, wanted, retention, now);
    }

    /// The ledger of a log moved.
    pub(crate) fn ledger(&self, state: &LogState, now: Timestamp) {
        self.lock().logs.entry(state.id.clone()).or_default().take(state, now);
    }

    /// A window stays open; `short` where the server's count and what came disagree.
    pub(crate) fn left_open(&self, log: &LogId, window: LogWindow, short: bool, reason: &str) {
        self.of(log, |log| log.left_open(window, short, reason));
    }

    /// So many windows of a log were planned and are not begun.
    pub(crate) fn planned(&self, log: &LogId, windows: u64) {
        self.of(log, |log| log.planned = windows);
    }

    /// A window of a log is begun.
    pub(crate) fn in_flight(this: &Arc<Self>, log: &LogId) -> InFlight {
        this.of(log, |log| {
            log.in_flight = log.in_flight.saturating_add(1);
            log.planned = log.planned.saturating_sub(1);
        });
        InFlight { board: Arc::clone(this), log: log.clone() }
    }

    pub(super) fn stored(&self, log: &LogId, rows: u64, bytes: u64, now: Timestamp) {
        let mut standing = self.lock();
        standing.windows_recorded = standing.windows_recorded.saturating_add(1);
        standing.disk_usage = standing.disk_usage.map(|usage| usage.saturating_add(bytes));
        if let Some(log) = standing.logs.get_mut(log) {
            log.rate.add(rows, now);
        }
    }

    pub(super) fn freed(&self, bytes: u64) {
        let mut standing = self.lock();
        standing.disk_usage = standing.disk_usage.map(|usage| usage.saturating_sub(bytes));
    }

    pub(super) fn walked(&self, bytes: u64) {
        self.lock().disk_usage = Some(bytes);
    }

    /// Something happened that a person may want to know of.
    pub(crate) fn happened(&self, note: EventNote) {
        let events = &mut self.lock().events;
        if events.len() >= EVENTS_MAX {
            events.pop_front();
        }
        events.push_back(note);
    }

    fn of(&self, log: &LogId, change: impl FnOnce(&mut LogFacts)) {
        if let Some(log) = self.lock().logs.get_mut(log) {
            change(log);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        super::lock(&self.0)
    }
}
