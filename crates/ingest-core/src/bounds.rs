//! The bounds of a request against the bounds of a window.
//!
//! The API does not say whether `from` and `to` are inclusive (API document, 3.1). Decides which request
//! covers a window whatever the answer, and finds the answer from counts. Never sends anything.

use crate::time::{LogWindow, Timestamp};

/// What is known of the server's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// Nothing: requests reach one millisecond further, rows outside the window are dropped.
    Unknown,
    /// Which of the two bounds belongs to the answer.
    Known {
        /// Whether an event at `from` is in the answer.
        from_inclusive: bool,
        /// Whether an event at `to` is in the answer.
        to_inclusive: bool,
    },
}

/// The `from` and `to` of a request, in epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSpan {
    /// First bound.
    pub from: Timestamp,
    /// Second bound.
    pub to: Timestamp,
}

impl Bounds {
    /// The narrowest request whose answer is sure to hold the whole window.
    #[must_use]
    pub fn cover(self, window: LogWindow) -> RequestSpan {
        let (from_back, to_back) = match self {
            Self::Unknown => (1, 0),
            Self::Known { from_inclusive, to_inclusive } => {
                (i64::from(!from_inclusive), i64::from(to_inclusive))
            }
        };
        RequestSpan { from: window.start().plus_millis(-from_back), to: window.end().plus_millis(-to_back) }
    }

    /// Whether [`Bounds::cover`] asks for the window and nothing beside it.
    #[must_use]
    pub const fn exact(self) -> bool {
        matches!(self, Self::Known { .. })
    }

    /// Solves for the bounds from what one instant `t` shows: how many events lie at `t-1`, `t` and `t+1`, and
    /// what the server counts for `(t, t+1)` and for `(t-1, t)`. `None` when that does not tell the four
    /// conventions apart, or fits none of them.
    #[must_use]
    pub fn solve(at: [u64; 3], count_after: u64, count_before: u64) -> Option<Self> {
        let [before, here, after] = at;
        let mut fitting = None;
        for (from_inclusive, to_inclusive) in [(true, false), (true, true), (false, false), (false, true)] {
            let expect = |first: u64, second: u64| {
                let at_from = if from_inclusive { first } else { 0 };
                at_from.saturating_add(if to_inclusive { second } else { 0 })
            };
            if expect(here, after) == count_after && expect(before, here) == count_before {
                if fitting.is_some() {
                    return None;
                }
                fitting = Some(Self::Known { from_inclusive, to_inclusive });
            }
        }
        fitting
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn served(span: RequestSpan, t: i64, from_inclusive: bool, to_inclusive: bool) -> bool {
        let (from, to) = (span.from.millis(), span.to.millis());
        (t > from || (from_inclusive && t == from)) && (t < to || (to_inclusive && t == to))
    }

    proptest! {
        #[test]
        fn the_cover_holds_the_window_under_every_convention(
            start in 10_i64..50, len in 1_i64..20, t in 0_i64..100,
            from_inclusive: bool, to_inclusive: bool,
        ) {
            let window = LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(start + len)).unwrap();
            let inside = window.contains(Timestamp::from_millis(t));
            let unknown = Bounds::Unknown.cover(window);
            prop_assert!(!inside || served(unknown, t, from_inclusive, to_inclusive));
            let known = Bounds::Known { from_inclusive, to_inclusive }.cover(window);
            prop_assert_eq!(inside, served(known, t, from_inclusive, to_inclusive));
        }

        #[test]
        fn solving_finds_the_convention_or_nothing(
            at in proptest::array::uniform3(0_u64..4), from_inclusive: bool, to_inclusive: bool,
        ) {
            let count = |first: u64, second: u64| u64::from(from_inclusive) * first + u64::from(to_inclusive) * second;
            let solved = Bounds::solve(at, count(at[1], at[2]), count(at[0], at[1]));
            if let Some(bounds) = solved {
                prop_assert_eq!(bounds, Bounds::Known { from_inclusive, to_inclusive });
            }
            if at[0] == 0 && at[2] == 0 && at[1] > 0 {
                prop_assert!(solved.is_some());
            }
        }
    }
}
