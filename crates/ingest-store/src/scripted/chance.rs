//! Numbers that a seed alone decides.
//!
//! Good enough to choose what a crash leaves; never for anything that must not be guessed.

use twox_hash::XxHash3_64;

/// A source of chance.
#[derive(Debug, Clone)]
pub(super) struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A number below `end`; 0 where `end` is.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.drawn = self.drawn.wrapping_add(1);
        let number = XxHash3_64::oneshot_with_seed(self.seed, &self.drawn.to_le_bytes());
        usize::try_from(number.checked_rem(end as u64).unwrap_or_default()).unwrap_or_default()
    }
}
