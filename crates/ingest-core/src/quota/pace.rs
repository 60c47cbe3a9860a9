//! Decides how fast requests of a class go out where the server names no quota: additive increase, multiplicative
//! decrease, driven by its 429s alone.
//!
//! Never sleeps: it answers with the instant of the next request.

use crate::time::{MS_PER_SECOND, Timestamp};

/// Milliseconds of the minute that rates are in.
const MINUTE_MS: i64 = 60 * MS_PER_SECOND;
/// Parts of the ceiling by which a rate grows after each minute without a 429.
const RAISE_PARTS: u32 = 20;

/// The rate of one class, in requests a minute between a floor and a ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    per_minute: u32,
    floor: u32,
    ceiling: u32,
    next_at: Timestamp,
    raised_at: Timestamp,
}

impl Pace {
    /// A pace at its ceiling.
    pub(super) fn new(floor: u32, ceiling: u32, now: Timestamp) -> Self {
        let ceiling = ceiling.max(1);
        let floor = floor.clamp(1, ceiling);
        Self { per_minute: ceiling, floor, ceiling, next_at: now, raised_at: now }
    }

    /// Requests a minute.
    pub(super) const fn per_minute(&self) -> u32 {
        self.per_minute
    }

    /// When the next request may go out. An instant ahead of a clock that went backwards is drawn near.
    pub(super) fn earliest(&self, now: Timestamp) -> Timestamp {
        self.next_at.min(now.plus_millis(self.interval_ms())).max(now)
    }

    /// Takes in that a request goes out.
    pub(super) fn sent(&mut self, now: Timestamp) {
        if now.millis().saturating_sub(self.raised_at.millis()) >= MINUTE_MS {
            let raise = (self.ceiling / RAISE_PARTS).max(1);
            self.per_minute = self.per_minute.saturating_add(raise).min(self.ceiling);
            self.raised_at = now;
        }
        self.next_at = now.plus_millis(self.interval_ms());
    }

    /// Takes in a 429.
    pub(super) fn limited(&mut self, now: Timestamp) {
        self.per_minute = (self.per_minute / 2).max(self.floor);
        self.raised_at = now;
    }

    fn interval_ms(&self) -> i64 {
        let rate = i64::from(self.per_minute.max(1));
        MINUTE_MS.saturating_add(rate - 1).checked_div(rate).unwrap_or(MINUTE_MS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn t(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    proptest! {
        #[test]
        fn it_halves_on_a_429_and_stays_within_its_bounds(
            floor in 1_u32..20, ceiling in 1_u32..2_000,
            steps in proptest::collection::vec((0_i64..200_000, any::<bool>()), 0..200),
        ) {
            let (mut pace, mut now) = (Pace::new(floor, ceiling, t(0)), 0);
            let floor = floor.min(ceiling);
            for (pause, limited) in steps {
                now += pause;
                let before = pace.per_minute();
                if limited {
                    pace.limited(t(now));
                    prop_assert_eq!(pace.per_minute(), (before / 2).max(floor));
                } else {
                    pace.sent(t(now));
                    prop_assert!(pace.per_minute() >= before);
                }
                prop_assert!((floor..=ceiling).contains(&pace.per_minute()));
            }
        }

        /// However many 429s came, and wherever the clock jumps, the next request is at most a minute away.
        #[test]
        fn it_never_starves(limits in 0_usize..40, ceiling in 1_u32..2_000, jump in -10_000_000_i64..10_000_000) {
            let mut pace = Pace::new(1, ceiling, t(0));
            for _ in 0..limits {
                pace.limited(t(0));
            }
            pace.sent(t(0));
            let wait = pace.earliest(t(jump)).millis() - jump;
            prop_assert!((0..=MINUTE_MS).contains(&wait), "{}", wait);
        }

        /// Against a server that allows `allowed` requests in each minute, the rate settles near it from wherever it is:
        /// after a while it is never above it by more than two raises (one falls within a minute), and carries at least a third
        /// of it.
        #[test]
        fn it_converges(allowed in 3_u32..300, ceiling in 300_u32..1_000) {
            let (mut pace, mut now) = (Pace::new(1, ceiling, t(0)), 0_i64);
            let (mut minute, mut served, mut served_late) = (0_i64, 0_u32, 0_u64);
            const MINUTES: i64 = 400;
            const WARM: i64 = 100;
            while now < MINUTES * MINUTE_MS {
                now = pace.earliest(t(now)).millis();
                pace.sent(t(now));
                if now / MINUTE_MS != minute {
                    (minute, served) = (now / MINUTE_MS, 0);
                }
                if served >= allowed {
                    pace.limited(t(now));
                    // As the client does, nothing goes out until the server's window is over.
                    now = (minute + 1) * MINUTE_MS;
                } else {
                    served += 1;
                    served_late += u64::from(minute >= WARM);
                    if minute >= WARM {
                        prop_assert!(pace.per_minute() <= allowed + 2 * (ceiling / RAISE_PARTS + 1), "{:?}", pace);
                    }
                }
            }
            let possible = u64::from(allowed) * u64::try_from(MINUTES - WARM).unwrap();
            prop_assert!(served_late * 3 >= possible, "{} of {}", served_late, possible);
        }
    }
}
