//! Decides whether the disk has room for another window.
//!
//! A function of what the filesystem says, of the minimum that is to stay free, and of whether it was below that before:
//! it goes on only once a bit more than the minimum is free, so that a pass does not stop and go around one figure. It
//! never asks the disk and never waits.

use std::fmt;

/// How much a filesystem holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this user can still write.
    pub free: u64,
    /// Bytes that it holds in all; 0 where it does not say.
    pub total: u64,
}

/// What is to stay free of the filesystem that the files go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinFree {
    /// Nothing: the disk may be filled up.
    Nothing,
    /// A share of all that it holds, in percent, 1 to 99.
    Percent(u8),
    /// Bytes.
    Bytes(u64),
}

/// Whether another window may be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a window that is begun on a disk that is low may fill it up"]
pub enum Verdict {
    /// It may.
    Go,
    /// Not before there is more room.
    Pause,
}

/// A disk that was low must have this part of the minimum beyond it, one in so many, before work goes on: files that come
/// and go beside ours must not make it flap.
const RESUME_PART: u64 = 10;

impl MinFree {
    /// The minimum in bytes, on a filesystem that holds `total`.
    #[must_use]
    pub fn bytes(self, total: u64) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Percent(percent) => {
                let share = u128::from(total) * u128::from(percent) / 100;
                u64::try_from(share).unwrap_or(u64::MAX)
            }
            Self::Bytes(bytes) => bytes,
        }
    }

    /// Whether a window may be begun; `was_low` is whether the last answer was [`Verdict::Pause`].
    ///
    /// A filesystem that does not say how much it holds, as some remote ones, is never taken for low.
    pub fn verdict(self, space: Space, was_low: bool) -> Verdict {
        if self == Self::Nothing || space.total == 0 {
            return Verdict::Go;
        }
        let minimum = self.bytes(space.total);
        let beyond = if was_low { minimum / RESUME_PART } else { 0 };
        // A minimum near the whole disk must not ask for more than there is.
        let needed = minimum.saturating_add(beyond).min(minimum.max(space.total));
        if space.free >= needed { Verdict::Go } else { Verdict::Pause }
    }
}

impl fmt::Display for MinFree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("0"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Bytes(bytes) => write!(f, "{bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(minimum: MinFree, free: u64, total: u64, was_low: bool, want: Verdict) {
        assert_eq!(minimum.verdict(Space { free, total }, was_low), want, "{minimum} {free}/{total}");
    }

    #[test]
    fn below_the_minimum_it_pauses_and_a_bit_above_it_goes_on() {
        use Verdict::{Go, Pause};
        for minimum in [MinFree::Percent(5), MinFree::Bytes(50)] {
            check(minimum, 50, 1_000, false, Go);
            check(minimum, 49, 1_000, false, Pause);
            check(minimum, 50, 1_000, true, Pause);
            check(minimum, 54, 1_000, true, Pause);
            check(minimum, 55, 1_000, true, Go);
        }
    }

    #[test]
    fn nothing_to_keep_and_nothing_known_never_pause() {
        check(MinFree::Nothing, 0, 1_000, true, Verdict::Go);
        check(MinFree::Percent(5), 0, 0, false, Verdict::Go);
        check(MinFree::Bytes(50), 0, 0, true, Verdict::Go);
    }

    #[test]
    fn a_minimum_near_or_beyond_the_whole_disk_is_judged_by_what_there_is() {
        check(MinFree::Percent(99), 1_000, 1_000, true, Verdict::Go);
        check(MinFree::Bytes(2_000), 1_000, 1_000, false, Verdict::Pause);
        check(MinFree::Percent(99), u64::MAX, u64::MAX, true, Verdict::Go);
    }

    fn minimum() -> impl Strategy<Value = MinFree> {
        prop_oneof![
            Just(MinFree::Nothing),
            (1_u8..100).prop_map(MinFree::Percent),
            any::<u64>().prop_map(MinFree::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn more_room_never_pauses_and_having_been_low_never_helps(
            minimum in minimum(), total in any::<u64>(), a in any::<u64>(), b in any::<u64>(), was_low in any::<bool>(),
        ) {
            let of = |free, was_low| minimum.verdict(Space { free, total }, was_low) == Verdict::Go;
            prop_assert!(!of(a.min(b), was_low) || of(a.max(b), was_low));
            prop_assert!(!of(a, true) || of(a, false));
        }
    }
}
