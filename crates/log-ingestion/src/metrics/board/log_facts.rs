//! How one log stands: its position, what is open, what comes, what the source drops next.
//!
//! Figures from its ledger and from the windows under way; decides nothing that the core decides already.

use std::collections::BTreeSet;
use std::time::Duration;

use ingest_core::ledger::{LogState, Tally};
use ingest_core::retention::{self, Edge};
use ingest_core::time::{LogWindow, Timestamp, millis_of};

use crate::metrics::rate::Rate;

/// How one log stands.
#[derive(Debug, Clone, Default)]
pub struct LogFacts {
    /// Its name.
    pub name: String,
    /// The instant up to which nothing is missing.
    pub position: Option<Timestamp>,
    /// All that is complete.
    pub total: Tally,
    /// Windows that failed, or were opened again.
    pub windows_open: u64,
    /// Spans that the source no longer had.
    pub windows_beyond: u64,
    /// Windows under way.
    pub in_flight: u64,
    /// Windows planned and not begun.
    pub planned: u64,
    /// Why a window is open, the last time that one failed.
    pub last_error: Option<String>,
    pub(in crate::metrics) rate: Rate,
    /// Windows that were opened again.
    reopened: u64,
    /// Open windows whose count and contents disagree.
    short: BTreeSet<LogWindow>,
    /// What is wanted, for as long as a pass works on it.
    wanted: Vec<LogWindow>,
    retention: Option<Duration>,
    oldest_missing: Option<Timestamp>,
    /// What was the oldest missing instant, and when, at the start of the pass before and of this one.
    edges: [Option<(Timestamp, Timestamp)>; 2],
}

impl LogFacts {
    /// Takes in how the ledger stands.
    pub(super) fn take(&mut self, state: &LogState, now: Timestamp) {
        let ledger = &state.ledger;
        let count = |windows: usize| u64::try_from(windows).unwrap_or(u64::MAX);
        self.name.clone_from(&state.name);
        self.position = ledger.position();
        self.total = ledger.total();
        self.windows_open = count(ledger.open().len());
        self.windows_beyond = count(ledger.beyond().len());
        self.reopened = count(ledger.open().iter().filter(|open| open.held.is_some()).count());
        let failed = ledger.open().iter().filter(|open| open.held.is_none());
        let failed: BTreeSet<LogWindow> = failed.map(|open| open.window).collect();
        self.short.retain(|window| failed.contains(window));
        self.last_error = ledger.open().iter().max_by_key(|open| open.at).map(|open| open.reason.clone());
        let ranges = self.wanted.iter().copied();
        let edge = self.retention.and_then(|period| retention::first_edge(ledger, ranges, period, now));
        self.oldest_missing = edge.map(|edge| edge.oldest_missing);
    }

    /// A pass begins to work on it.
    pub(super) fn begin(
        &mut self,
        state: &LogState,
        wanted: Vec<LogWindow>,
        retention: Option<Duration>,
        now: Timestamp,
    ) {
        (self.wanted, self.retention) = (wanted, retention);
        self.take(state, now);
        self.rate.begin(now);
        self.edges = [self.edges[1], self.oldest_missing.map(|oldest| (oldest, now))];
    }

    /// A window stays open.
    pub(super) fn left_open(&mut self, window: LogWindow, short: bool, reason: &str) {
        self.last_error = Some(reason.to_owned());
        if short {
            self.short.insert(window);
        } else {
            self.short.remove(&window);
        }
    }

    /// Open windows whose count and contents disagree.
    #[must_use]
    pub fn windows_short(&self) -> u64 {
        self.reopened.saturating_add(u64::try_from(self.short.len()).unwrap_or(u64::MAX))
    }

    /// Seconds since the instant up to which nothing is missing; `None` before the first pass.
    #[must_use]
    pub fn lag_seconds(&self, now: Timestamp) -> Option<f64> {
        self.position.map(|position| seconds(now.millis().saturating_sub(position.millis()).max(0)))
    }

    /// Rows a second of late.
    #[must_use]
    pub fn rows_per_second(&self, now: Timestamp) -> f64 {
        self.rate.per_second(now)
    }

    /// Seconds until the source drops the oldest instant that is missing.
    #[must_use]
    pub fn retention_left_seconds(&self, now: Timestamp) -> Option<f64> {
        self.edge(now).map(|edge| seconds(edge.left_ms.max(0)))
    }

    /// The same at the pace since the start of the pass before; `None` where that keeps ahead.
    #[must_use]
    pub fn loses_data_in_seconds(&self, now: Timestamp) -> Option<f64> {
        let edge = self.edge(now)?;
        let [before, this] = self.edges;
        let (oldest, at) = before.or(this).unwrap_or((edge.oldest_missing, now));
        let done_ms = edge.oldest_missing.millis().saturating_sub(oldest.millis());
        let took_ms = now.millis().saturating_sub(at.millis());
        retention::lost_in(edge.left_ms, done_ms, took_ms).map(seconds)
    }

    fn edge(&self, now: Timestamp) -> Option<Edge> {
        let oldest_missing = self.oldest_missing?;
        let gone_at = oldest_missing.millis().saturating_add(millis_of(self.retention?));
        Some(Edge { oldest_missing, left_ms: gone_at.saturating_sub(now.millis()) })
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
