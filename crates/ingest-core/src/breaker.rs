//! Decides when an endpoint is left alone: a circuit breaker for each class of request.
//!
//! Closed, everything goes out. After many failures in a row it opens: requests are refused at once, so that a pass ends
//! with its windows open and does not hammer an API that is away. When the wait is over it is half open: one request
//! goes out as a probe, and its outcome closes the circuit or opens it for twice as long. Never waits, never sends.

use std::time::Duration;

use crate::time::Timestamp;

/// Failures in a row that open a circuit: more than one request alone meets at the default `RETRY_ATTEMPTS`.
const OPEN_AFTER: u32 = 10;
/// First time that a circuit stays open; it doubles with each probe that fails.
const OPEN_FIRST: Duration = Duration::from_secs(30);
/// Longest time that a circuit stays open: the default interval of passes, so that each pass may probe.
const OPEN_MAX: Duration = Duration::from_secs(300);

/// The circuit of one class of request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Open {
    until: Timestamp,
    wait: Duration,
    probing: bool,
}

/// What became of a circuit by a reply, or the lack of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a circuit that changed is reported"]
pub enum Change {
    /// Nothing.
    None,
    /// It opened, or opened again, until this instant.
    Opened(Timestamp),
    /// It closed.
    Closed,
}

impl Breaker {
    /// Until when requests are refused; `None` where one may go out.
    #[must_use]
    pub fn refused_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.open.map(|open| open.until).filter(|until| *until > now)
    }

    /// Asks for one request. Where that is the probe, further ones are refused until its outcome is known, or as long as
    /// the circuit was open: a probe may be lost.
    ///
    /// # Errors
    /// The instant until which requests are refused.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        if let Some(until) = self.refused_until(now) {
            return Err(until);
        }
        if let Some(open) = &mut self.open {
            open.until = crate::retry::at(now, open.wait);
            open.probing = true;
        }
        Ok(())
    }

    /// Takes in that the endpoint answered, with whatever it said.
    pub const fn answered(&mut self) -> Change {
        self.failures = 0;
        if self.open.take().is_some() { Change::Closed } else { Change::None }
    }

    /// Takes in that a request failed in a way that may pass.
    pub fn failed(&mut self, now: Timestamp) -> Change {
        self.failures = self.failures.saturating_add(1);
        let wait = match self.open {
            None if self.failures >= OPEN_AFTER => OPEN_FIRST,
            Some(open) if open.probing => open.wait.saturating_mul(2).min(OPEN_MAX),
            // Sent before it opened.
            None | Some(_) => return Change::None,
        };
        let until = crate::retry::at(now, wait);
        self.open = Some(Open { until, wait, probing: false });
        Change::Opened(until)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn t(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for n in 1..OPEN_AFTER {
            assert_eq!(breaker.failed(t(0)), Change::None, "failure {n}");
        }
        assert_eq!(breaker.failed(t(0)), Change::Opened(t(30)));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_only_then() {
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            for _ in 1..OPEN_AFTER {
                assert_eq!(breaker.failed(t(0)), Change::None);
            }
            assert_eq!(breaker.answered(), Change::None);
        }
        assert_eq!(opened().admit(t(29)), Err(t(30)));
    }

    #[test]
    fn one_probe_goes_out_and_closes_it() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(t(30)), Ok(()));
        assert_eq!(breaker.admit(t(30)), Err(t(60)), "the probe is under way");
        assert_eq!(breaker.answered(), Change::Closed);
        assert_eq!(breaker.admit(t(30)), Ok(()));
    }

    #[test]
    fn a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_bound() {
        let (mut breaker, mut now) = (opened(), t(30));
        for wait in [60, 120, 240, 300, 300] {
            assert_eq!(breaker.failed(now), Change::None, "a request from before the opening");
            assert_eq!(breaker.admit(now), Ok(()));
            let until = now.plus_millis(wait * 1_000);
            assert_eq!(breaker.failed(now), Change::Opened(until));
            now = until;
        }
    }

    #[test]
    fn a_lost_probe_is_followed_by_another() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(t(30)), Ok(()));
        assert_eq!(breaker.admit(t(60)), Ok(()));
    }

    proptest! {
        /// Whatever came before, an endpoint that answers again is in use within the longest wait.
        #[test]
        fn it_never_stays_open_for_good(steps in proptest::collection::vec((0_i64..400, 0..3_u8), 0..80)) {
            let (mut breaker, mut now) = (Breaker::default(), t(0));
            for (pause, step) in steps {
                now = now.plus_millis(pause * 1_000);
                let refused = breaker.refused_until(now).is_some();
                prop_assert_eq!(breaker.admit(now).is_err(), refused);
                let _change = match step {
                    0 => breaker.answered(),
                    1 => breaker.failed(now),
                    _ => Change::None,
                };
            }
            now = crate::retry::at(now, OPEN_MAX);
            prop_assert_eq!(breaker.admit(now), Ok(()));
            let _closed = breaker.answered();
            prop_assert_eq!(breaker, Breaker::default());
        }
    }
}
