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
/// Longest wait that a reply may impose; quota windows are 900 s, and a little is added for clocks that differ.
pub const LIMIT_WAIT_MAX: Duration = Duration::from_secs(960);
/// Retries that a window may spend beyond those that its answered requests earn, for each of `RETRY_ATTEMPTS`: ten
/// requests may need all of theirs.
const RESERVE_FACTOR: u32 = 10;
/// Answered requests that earn one retry more: a window of thousands of pages meets more faults than a small one.
const ANSWERS_A_RETRY: u32 = 10;
/// The three forms of an HTTP date, of which senders use the first. Source: RFC 9110, 5.6.7.
const HTTP_DATES: [&str; 3] =
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

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
    /// A fault that may pass: try again after a wait, which the server may have named.
    Transient(Option<Duration>),
    /// The request itself is wrong; repeating it cannot help.
    Wrong,
}

/// Reads a status code, with the wait that `Retry-After` named; see [`named_wait`].
#[must_use]
pub const fn verdict(status: u16, named: Option<Duration>) -> Verdict {
    match status {
        200..=299 => Verdict::Answer,
        401 | 403 => Verdict::Refused,
        404 | 410 => Verdict::Gone,
        429 => Verdict::Limited(named),
        408 | 425 | 500..=599 => Verdict::Transient(named),
        _ => Verdict::Wrong,
    }
}

/// Reads `Retry-After`: whole seconds, or the date to wait for, which is in the past where there is nothing to wait for.
/// `now` is the server's, from the `Date` of the same reply where it has one: clocks differ.
#[must_use]
pub fn named_wait(retry_after: &str, now: Timestamp) -> Option<Duration> {
    let text = retry_after.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(text.parse().map_or(LIMIT_WAIT_MAX, Duration::from_secs));
    }
    let ms = http_date(text)?.millis().saturating_sub(now.millis());
    Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

/// Reads an HTTP date; `None` for any other text.
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    HTTP_DATES.iter().find_map(|form| {
        let date = jiff::civil::DateTime::strptime(form, text.trim()).ok()?;
        let instant = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Timestamp::from_millis(instant.as_millisecond()))
    })
}

/// How long to wait before retry number `attempt`, from 0: as long as the server named, else a drawn [`delay`].
#[must_use]
pub fn retry_wait(named: Option<Duration>, attempt: u32, entropy: u64) -> Duration {
    named.map_or_else(|| delay(attempt, entropy), |named| named.min(LIMIT_WAIT_MAX))
}

/// The retries that all requests of one window share, so that no window is tried for ever.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    left: u32,
    answers: u32,
}

impl RetryBudget {
    /// What a window begins with where each of its requests may be retried `attempts` times.
    #[must_use]
    pub const fn new(attempts: u32) -> Self {
        Self { left: attempts.saturating_mul(RESERVE_FACTOR), answers: 0 }
    }

    /// Takes one retry, unless none is left.
    #[must_use = "a retry that the budget does not hold must not be made"]
    pub const fn spend(&mut self) -> bool {
        let had = self.left > 0;
        self.left = self.left.saturating_sub(1);
        had
    }

    /// Takes in that a request was answered.
    pub const fn earn(&mut self) {
        self.answers = self.answers.saturating_add(1);
        if self.answers.is_multiple_of(ANSWERS_A_RETRY) {
            self.left = self.left.saturating_add(1);
        }
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
        let seconds = |n| Some(Duration::from_secs(n));
        let table: &[(u16, Option<Duration>, Verdict)] = &[
            (200, None, Verdict::Answer),
            (202, None, Verdict::Answer),
            (301, None, Verdict::Wrong),
            (400, None, Verdict::Wrong),
            (401, None, Verdict::Refused),
            (403, None, Verdict::Refused),
            (404, None, Verdict::Gone),
            (415, None, Verdict::Wrong),
            (429, seconds(7), Verdict::Limited(seconds(7))),
            (429, None, Verdict::Limited(None)),
            (500, None, Verdict::Transient(None)),
            (503, seconds(3), Verdict::Transient(seconds(3))),
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
    fn retry_after_is_read_as_seconds_and_as_every_form_of_date() {
        let now = Timestamp::parse("1994-11-06T08:49:07Z").unwrap();
        let wait = |text| named_wait(text, now);
        for text in [
            "30",
            " 30 ",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(wait(text), Some(Duration::from_secs(30)), "{text}");
        }
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "a date that has passed");
        assert_eq!(wait("99999999999999999999999"), Some(LIMIT_WAIT_MAX));
        for text in
            ["", "soon", "-1", "1.5", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 36 Nov 1994 08:49:37 GMT"]
        {
            assert_eq!(wait(text), None, "{text}");
        }
    }

    #[test]
    fn a_named_wait_wins_and_is_bounded() {
        assert_eq!(retry_wait(Some(Duration::from_secs(90)), 0, 7), Duration::from_secs(90));
        assert_eq!(retry_wait(Some(Duration::from_secs(90_000)), 0, 7), LIMIT_WAIT_MAX);
        assert_eq!(retry_wait(Some(Duration::ZERO), 9, u64::MAX), Duration::ZERO);
        assert_eq!(retry_wait(None, 2, 12_345), delay(2, 12_345));
    }

    #[test]
    fn a_windows_retries_end_and_grow_with_its_answers() {
        let mut budget = RetryBudget::new(3);
        let spent = std::iter::from_fn(|| budget.spend().then_some(())).count();
        assert_eq!(spent, 30);
        for _ in 0..25 {
            budget.earn();
        }
        assert_eq!(std::iter::from_fn(|| budget.spend().then_some(())).count(), 2);
        assert!(!budget.spend());
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
