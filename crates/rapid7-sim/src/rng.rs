//! Decides every chance in the simulator: splitmix64 over a seed, and names derived from it.
//!
//! Never reads entropy from the machine: the same seed gives the same account, event for event.

use crate::text::put;

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
/// 2^53, the integers an f64 holds exactly.
const F64_EXACT: f64 = 9_007_199_254_740_992.0;

/// The splitmix64 output function.
pub(crate) const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(GOLDEN_GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A child seed for one purpose, so that adding a purpose does not move the others.
pub(crate) fn child(seed: u64, purpose: &str) -> u64 {
    purpose.bytes().fold(mix(seed), |hash, byte| mix(hash ^ u64::from(byte)))
}

/// A number in `[0, 1)` for the `ordinal`-th draw of a seed.
pub(crate) fn unit(seed: u64, ordinal: u64) -> f64 {
    (mix(seed ^ mix(ordinal)) >> 11) as f64 / F64_EXACT
}

/// A stable UUID of a seed and a name.
pub(crate) fn uuid(seed: u64, name: &str) -> String {
    let high = child(seed, name);
    let low = mix(high);
    let (a, b, c) = (high >> 32, (high >> 16) & 0xFFFF, high & 0x0FFF);
    format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", (low >> 48) & 0x3FFF | 0x8000, low & 0xFFFF_FFFF_FFFF)
}

/// Forty hex digits, as in a continuation id.
pub(crate) fn hex40(seed: u64) -> String {
    let (a, b) = (mix(seed), mix(seed ^ GOLDEN_GAMMA));
    let mut out = String::with_capacity(40);
    put!(&mut out, "{a:016x}{b:016x}{:08x}", mix(b) >> 32);
    out
}

/// A stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        mix(self.0)
    }

    /// A draw in `[0, limit)`; zero for a limit of zero.
    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        match self.next().checked_rem(limit) {
            Some(rest) => rest,
            None => 0,
        }
    }

    /// True once in `n` draws on average.
    pub(crate) const fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        let at = self.below(crate::text::wide(items.len()));
        items.get(crate::text::narrow(at)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_shaped() {
        let id = uuid(7, "firewall");
        assert_eq!(id, uuid(7, "firewall"));
        assert_ne!(id, uuid(8, "firewall"));
        let widths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(widths, [8, 4, 4, 4, 12]);
        assert_eq!(hex40(3).len(), 40);
    }
}
