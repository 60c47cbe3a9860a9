//! How many rows a second a log has of late.
//!
//! Keeps a bounded list of what came when; takes `now`, reads no clock.

use std::collections::VecDeque;

use ingest_core::time::{MS_PER_SECOND, Timestamp};

/// What counts as of late, in milliseconds: long enough for a large window to be fetched and encoded.
const OF_LATE_MS: i64 = 300 * MS_PER_SECOND;
/// Arrivals kept apart; when there are more, the two oldest become one.
const ARRIVALS_MAX: usize = 128;

/// Rows as they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Rate {
    since: Option<Timestamp>,
    arrivals: VecDeque<(Timestamp, u64)>,
}

impl Rate {
    /// Begins to measure, unless it has.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.since.get_or_insert(now);
    }

    /// Rows have come.
    pub(super) fn add(&mut self, rows: u64, now: Timestamp) {
        self.begin(now);
        self.arrivals.push_back((now, rows));
        if self.arrivals.len() > ARRIVALS_MAX
            && let Some((_, oldest)) = self.arrivals.pop_front()
            && let Some((_, next)) = self.arrivals.front_mut()
        {
            *next = next.saturating_add(oldest);
        }
    }

    /// Rows a second since the start, or over the last five minutes if that is longer ago.
    pub(super) fn per_second(&self, now: Timestamp) -> f64 {
        let from = now.plus_millis(-OF_LATE_MS);
        let rows: u64 = self.arrivals.iter().filter(|(at, _)| *at > from).map(|(_, rows)| rows).sum();
        let measured = self.since.map_or(0, |since| now.millis().saturating_sub(since.millis()));
        // Within the first second nothing can be said of a second.
        let ms = measured.clamp(MS_PER_SECOND, OF_LATE_MS);
        rows as f64 * 1_000.0 / ms as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_rate_is_that_of_the_last_five_minutes_and_its_memory_is_bounded() {
        let mut rate = Rate::default();
        assert!(rate.per_second(at(0)).abs() < 1e-9);
        rate.begin(at(0));
        rate.add(100, at(10));
        assert!((rate.per_second(at(10)) - 10.0).abs() < 1e-9);
        assert!((rate.per_second(at(100)) - 1.0).abs() < 1e-9);
        assert!(rate.per_second(at(311)).abs() < 1e-9, "it came before that");
        for _ in 0..1_000 {
            rate.add(1, at(400));
        }
        assert!(rate.arrivals.len() <= ARRIVALS_MAX);
        assert!((rate.per_second(at(400)) - 1_000.0 / 300.0).abs() < 0.4);
    }
}
