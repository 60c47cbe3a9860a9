//! What a pass is asked to cover, and what that means for each log: what is counted again, what is fetched, how urgent.
//!
//! Decides from a log's ledger and the source's retention. Asks nobody; warns of what the source is about to drop.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ingest_core::catalog::LogInfo;
use ingest_core::ids::LogId;
use ingest_core::ledger::LogState;
use ingest_core::plan::{self, Policy};
use ingest_core::retention::{self, Edge};
use ingest_core::time::{LogWindow, MS_PER_HOUR, Timestamp, millis_of};

use crate::pipeline::{Assignment, Recheck, Stretch};

/// What the source drops within this much, in milliseconds, and is not stored yet, is warned of: three days reach over a
/// weekend.
pub(crate) const RETENTION_NEAR_MS: i64 = 72 * MS_PER_HOUR;
/// What a pass is to cover.
#[derive(Debug, Clone, Copy)]
pub enum Coverage {
    /// From each log's position to now; logs without one start here.
    Tail {
        /// Where a log without a position starts.
        first_start: Timestamp,
    },
    /// One period.
    Period(LogWindow),
    /// The tail, and after it a period, until it is time for the next pass.
    TailAndPeriod {
        /// Where a log without a position starts.
        first_start: Timestamp,
        /// The period.
        period: LogWindow,
        /// How long a pass may take before it turns to the tail again.
        turn: Duration,
    },
    /// What was complete is counted again, and what differs or is open is fetched.
    Repair {
        /// Everything that was ever wanted, as far as it lies in this.
        scope: Scope,
        /// Whether every file is read, and not only its name.
        deep: bool,
    },
}

/// A part of log time, open at both ends where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    /// Its first instant.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub to: Option<Timestamp>,
}

impl Scope {
    /// The part of `window` that lies in it.
    #[must_use]
    pub fn of(self, window: LogWindow) -> Option<LogWindow> {
        let (start, end) = (window.start(), window.end());
        LogWindow::new(self.from.map_or(start, |from| from.max(start)), self.to.map_or(end, |to| to.min(end)))
    }
}

/// What a pass does with a log, and when the source drops something that it is to fetch; `None` when
/// nothing is due.
pub(super) fn assign(
    coverage: Coverage,
    state: LogState,
    log: &LogInfo,
    policy: &Policy,
    now: Timestamp,
) -> Option<(Option<Edge>, Assignment)> {
    let tail = || {
        let range = plan::tail(&state.ledger, policy, now);
        if range.is_none() {
            tracing::warn!(event = "nothing_due", log = %log.name, position = ?state.ledger.tail_since(), now = %now);
        }
        range.map(|range| Stretch { range, tail: true, until: None })
    };
    let (recheck, stretches) = match coverage {
        Coverage::Tail { .. } => (Recheck::Due, vec![tail()?]),
        Coverage::Period(range) => (Recheck::Due, vec![Stretch { range, tail: false, until: None }]),
        Coverage::TailAndPeriod { period, turn, .. } => {
            let until = Some(now.plus_millis(millis_of(turn)));
            let period = Stretch { range: period, tail: false, until };
            (Recheck::Due, tail().into_iter().chain([period]).collect())
        }
        Coverage::Repair { scope, deep } => {
            let range = scope.of(state.ledger.extent()?)?;
            (Recheck::All { range, deep }, vec![Stretch { range, tail: false, until: None }])
        }
    };
    let period = log.retention.as_deref().and_then(retention::period);
    let edge = period.and_then(|period| {
        let ranges = stretches.iter().map(|stretch| stretch.range);
        retention::first_edge(&state.ledger, ranges, period, now)
    });
    Some((edge, Assignment { state, retention: period, recheck, stretches }))
}

/// What is about to be dropped at the source, pass after pass: how near it is, and how fast it comes nearer.
#[derive(Debug, Default)]
pub(super) struct Edges(Mutex<BTreeMap<LogId, (Timestamp, Timestamp)>>);

impl Edges {
    /// Warns of what the source drops soon, at the pace at which this log was worked off since the pass before.
    pub(super) fn warn(&self, id: &LogId, name: &str, edge: Option<Edge>, now: Timestamp) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(edge) = edge else {
            seen.remove(id);
            return;
        };
        let before =
            seen.insert(id.clone(), (edge.oldest_missing, now)).unwrap_or((edge.oldest_missing, now));
        let done_ms = edge.oldest_missing.millis().saturating_sub(before.0.millis());
        let took_ms = now.millis().saturating_sub(before.1.millis());
        let lost_in = retention::lost_in(edge.left_ms, done_ms, took_ms);
        if let Some(lost_in) = lost_in.filter(|lost_in| *lost_in < RETENTION_NEAR_MS) {
            let hours_left = lost_in / MS_PER_HOUR;
            let oldest = edge.oldest_missing;
            tracing::warn!(event = "retention_edge", log = %name, hours_left, oldest_missing = %oldest, action = "at this pace the source drops events before they are stored: raise RATE_LIMIT, or FETCH_MODE=download");
        }
    }
}
