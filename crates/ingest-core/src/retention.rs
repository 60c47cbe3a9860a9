//! What the source is about to forget: how long it keeps a log's events, and which missing ones go next.
//!
//! Decides from a ledger, the source's own words and `now`. Never asks, never warns: callers do.

use std::time::Duration;

use crate::ledger::{LogLedger, LogState};
use crate::time::{LogWindow, Timestamp, millis_of};

/// Shortest month, in days: where a period of months is meant, the earliest day on which events may go is what counts.
const MONTH_DAYS: u64 = 28;
/// Days of a year, likewise.
const YEAR_DAYS: u64 = 365;

/// How long the source keeps events, from its words; `None` where it names no time: `unlimited`, `default`, anything new.
///
/// Source: API document, 2.12, `retention_period`.
#[must_use]
pub fn period(words: &str) -> Option<Duration> {
    let split = words.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = words.split_at_checked(split)?;
    let days = match unit.trim().to_ascii_lowercase().as_str() {
        "d" => 1,
        "w" => 7,
        "m" => MONTH_DAYS,
        "y" => YEAR_DAYS,
        _ => return None,
    };
    let days = number.parse::<u64>().ok()?.checked_mul(days)?;
    days.checked_mul(86_400).map(Duration::from_secs)
}

/// When the oldest missing event of a log goes, as far as can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The oldest instant that is not complete.
    pub oldest_missing: Timestamp,
    /// Milliseconds until the source no longer has it; negative when it may be gone.
    pub left_ms: i64,
}

/// The edge of a log that is wanted in `range` and kept for `period`; `None` when nothing is missing.
#[must_use]
pub fn edge(ledger: &LogLedger, range: LogWindow, period: Duration, now: Timestamp) -> Option<Edge> {
    let missing = crate::plan::missing(ledger, range, true);
    let oldest = missing.iter().find(|due| !due.replaces)?.window.start();
    let left_ms = oldest.millis().saturating_add(millis_of(period)).saturating_sub(now.millis());
    Some(Edge { oldest_missing: oldest, left_ms })
}

/// The edge of several ranges: that of which something goes first.
#[must_use]
pub fn first_edge(
    ledger: &LogLedger,
    ranges: impl IntoIterator<Item = LogWindow>,
    period: Duration,
    now: Timestamp,
) -> Option<Edge> {
    let edges = ranges.into_iter().filter_map(|range| edge(ledger, range, period, now));
    edges.min_by_key(|edge| edge.left_ms)
}

/// The edge of a log's live tail up to now, and of open windows elsewhere; `None` where nothing is missing, no tail was
/// begun, or the source names no time.
#[must_use]
pub fn tail_edge(state: &LogState, now: Timestamp) -> Option<Edge> {
    let period = state.retention.as_deref().and_then(period)?;
    edge(&state.ledger, LogWindow::new(state.ledger.tail_since()?, now)?, period, now)
}

/// Milliseconds until events are lost at the source, if the oldest missing instant moves on by `done_ms` of log time in
/// `took_ms` of time, as it did of late; `None` where it keeps ahead.
#[must_use]
pub fn lost_in(left_ms: i64, done_ms: i64, took_ms: i64) -> Option<i64> {
    let falls_behind = took_ms.saturating_sub(done_ms);
    if took_ms <= 0 || done_ms <= 0 {
        return Some(left_ms.max(0));
    }
    if falls_behind <= 0 {
        return None;
    }
    let ms = i128::from(left_ms.max(0)) * i128::from(took_ms) / i128::from(falls_behind);
    Some(i64::try_from(ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Recorded, Tally};

    const DAY: u64 = 86_400;

    #[test]
    fn the_sources_words_are_times_or_none() {
        let table = [
            ("1w", Some(7)),
            ("2w", Some(14)),
            ("1m", Some(28)),
            ("6m", Some(168)),
            ("1y", Some(365)),
            ("30d", Some(30)),
            ("unlimited", None),
            ("default", None),
            ("", None),
            ("7", None),
        ];
        for (words, days) in table {
            assert_eq!(period(words), days.map(|d| Duration::from_secs(d * DAY)), "{words:?}");
        }
    }

    #[test]
    fn the_edge_is_that_of_the_oldest_gap() {
        let at = |hours: i64| Timestamp::from_millis(hours * 3_600_000);
        let window = |from, to| LogWindow::new(at(from), at(to)).unwrap();
        let week = Duration::from_secs(7 * DAY);
        let mut ledger = LogLedger::default();
        assert_eq!(edge(&ledger, window(0, 10), week, at(100)).unwrap().left_ms, 68 * 3_600_000);
        assert_eq!(ledger.record(window(0, 4), Tally::EMPTY, None), Ok(Recorded::Added));
        let found = edge(&ledger, window(0, 10), week, at(180)).unwrap();
        assert_eq!((found.oldest_missing, found.left_ms), (at(4), -8 * 3_600_000));
        assert_eq!(ledger.record(window(4, 10), Tally::EMPTY, None), Ok(Recorded::Added));
        assert_eq!(edge(&ledger, window(0, 10), week, at(100)), None);
    }

    #[test]
    fn a_pace_below_that_of_time_loses_in_the_end() {
        assert_eq!(lost_in(1_000, 0, 10), Some(1_000));
        assert_eq!(lost_in(1_000, 5, 10), Some(2_000));
        assert_eq!(lost_in(1_000, 10, 10), None);
        assert_eq!(lost_in(1_000, 30, 10), None);
        assert_eq!(lost_in(-5, 5, 10), Some(0));
        assert_eq!(lost_in(i64::MAX, 9, 10), Some(i64::MAX));
    }
}
