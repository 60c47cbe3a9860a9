//! What to do about a reply that is not the answer: retry, wait, give up, stop.
//!
//! A pure table and a delay formula. Never sleeps and never draws: entropy is an argument.

use std::time::Duration;

use crate::time::Timestamp;

/// First ceiling of the delay before a retry; it doubles with each attempt.
const FIRST_CEILING: Duration = Duration::from_millis(500);
/// Highest ceiling of that delay: beyond it a server is down and the next run takes over.
const LAST_CEILING: Duration = Duration::from_secs(30);
/// First wait after a 429 that names no time. It doubles with each, up to [`UNNAMED_WAIT_MAX`]: a short look costs one
/// request, and ten of them reach beyond the 15 minutes of a quota window.
const UNNAMED_WAIT_FIRST: Duration = Duration::from_secs(15);
/// Longest wait after a 429 that names no time.
const UNNAMED_WAIT_MAX: Duration = Duration::from_secs(240);
/// Longest wait that a 429 may impose; quota windows are 900 s, and a little is added for clocks that differ.
pub const LIMIT_WAIT_MAX: Duration = Duration::from_secs(960);

/// What a status code asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answer.
    Answer,
    /// The key is refused: nothing that follows can succeed.
    Refused,
    /// The thing asked for is not there, or no longer.
    Gone,
    /// Too many requests: try again after a wait, which the server may have named.
    Limited(Option<Duration>),
    /// A fault that may pass.
    Transient,
    /// The request itself is wrong; repeating it cannot help.
    Wrong,
}

/// Reads a status code, with the seconds that `Retry-After` or `X-RateLimit-Reset` named.
#[must_use]
pub fn verdict(status: u16, wait_seconds: Option<u64>) -> Verdict {
    match status {
        200..=299 => Verdict::Answer,
        401 | 403 => Verdict::Refused,
        404 | 410 => Verdict::Gone,
        429 => Verdict::Limited(wait_seconds.map(Duration::from_secs)),
        408 | 425 | 500..=599 => Verdict::Transient,
        _ => Verdict::Wrong,
    }
}

/// Draws the delay before retry number `attempt` (from 0): between nothing and a ceiling that doubles ("full
/// jitter"), so that clients that failed together do not return together. `entropy` is from the run's seed.
#[must_use]
pub fn delay(attempt: u32, entropy: u64) -> Duration {
    let ceiling = FIRST_CEILING.saturating_mul(1_u32.checked_shl(attempt.min(16)).unwrap_or(u32::MAX));
    let ceiling_us = u64::try_from(ceiling.min(LAST_CEILING).as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(entropy % ceiling_us.saturating_add(1))
}

/// How long to wait after the `limited`-th 429 of a request, counted from 0: as long as the server named, else longer
/// with each.
#[must_use]
pub fn limit_wait(named: Option<Duration>, limited: u32) -> Duration {
    let unnamed = UNNAMED_WAIT_FIRST.saturating_mul(1 << limited.min(8)).min(UNNAMED_WAIT_MAX);
    named.unwrap_or(unnamed).min(LIMIT_WAIT_MAX)
}

/// When a paused request may go out.
#[must_use]
pub fn at(now: Timestamp, wait: Duration) -> Timestamp {
    now.plus_millis(crate::time::millis_of(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_answer() {
        let table: &[(u16, Option<u64>, Verdict)] = &[
            (200, None, Verdict::Answer),
            (202, None, Verdict::Answer),
            (301, None, Verdict::Wrong),
            (400, None, Verdict::Wrong),
            (401, None, Verdict::Refused),
            (403, None, Verdict::Refused),
            (404, None, Verdict::Gone),
            (415, None, Verdict::Wrong),
            (429, Some(7), Verdict::Limited(Some(Duration::from_secs(7)))),
            (429, None, Verdict::Limited(None)),
            (500, None, Verdict::Transient),
            (503, Some(3), Verdict::Transient),
        ];
        for (status, wait, want) in table {
            assert_eq!(verdict(*status, *wait), *want, "{status}");
        }
    }

    #[test]
    fn the_servers_word_on_a_wait_wins_and_its_silence_outlasts_a_quota_window() {
        assert_eq!(limit_wait(Some(Duration::from_secs(900)), 3), Duration::from_secs(900));
        assert_eq!(limit_wait(Some(Duration::from_secs(100_000)), 0), LIMIT_WAIT_MAX);
        let silent: Duration = (0..10).map(|limited| limit_wait(None, limited)).sum();
        assert!(silent > Duration::from_secs(900), "{silent:?}");
    }

    #[test]
    fn delays_stay_below_a_doubling_ceiling() {
        for attempt in 0..40 {
            let ceiling = FIRST_CEILING.saturating_mul(1 << attempt.min(16)).min(LAST_CEILING);
            for entropy in [0, 1, 12_345_678_901, u64::MAX] {
                assert!(delay(attempt, entropy) <= ceiling);
            }
        }
        assert_eq!(delay(3, 0), Duration::ZERO);
    }
}
