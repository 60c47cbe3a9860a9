//! Time and chance as the shells need them: handed in, never taken.

use std::fmt;
use std::sync::Mutex;

use ingest_core::time::Timestamp;

/// Says what time it is. The program has one that reads the system clock; simulations have their own.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// A stream of random numbers from one seed: the same seed gives the same stream.
#[derive(Debug)]
pub struct Entropy(Mutex<u64>);

impl Entropy {
    /// A stream that begins at `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// The next number, by the splitmix64 recurrence.
    #[must_use]
    pub fn draw(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
