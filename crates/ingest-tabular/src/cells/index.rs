//! Where certain bytes stand in a text: 64 bytes at a time, compared side by side.
//!
//! The comparing is `wide`'s: vector instructions on any machine, and none of our own lines unsafe.

use wide::u8x16;

/// Bytes that are compared at once.
const BLOCK: usize = 64;
/// Places that are written at once: a block of log text seldom has more.
const SOME: usize = 8;
/// Appends to `out` where in `text` one of the needles stands, each counted from `base` on.
pub(crate) fn positions(text: &[u8], base: u32, needles: [u8; 3], out: &mut Vec<u32>) {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut at = base;
    let side_by_side = needles.map(u8x16::splat);
    for block in blocks {
        let mut hits = hits(block, side_by_side);
        let until = out.len() + usize::try_from(hits.count_ones()).unwrap_or(BLOCK);
        // Some at once, whether there are so many or not: nobody can foresee how many there are.
        while hits != 0 {
            let some: [u32; SOME] = std::array::from_fn(|_| {
                let hit = at + hits.trailing_zeros();
                hits &= hits.wrapping_sub(1);
                hit
            });
            out.extend_from_slice(&some);
        }
        out.truncate(until);
        at += 64;
    }
    for byte in rest {
        if needles.contains(byte) {
            out.push(at);
        }
        at += 1;
    }
}

/// A bit for each byte of the block that is one of the needles.
#[inline]
fn hits(block: &[u8; BLOCK], needles: [u8x16; 3]) -> u64 {
    let [a, b, c] = needles;
    let (parts, _none) = block.as_chunks::<16>();
    parts.iter().rev().fold(0, |hits, part| {
        let part = u8x16::new(*part);
        let same = part.simd_eq(a) | part.simd_eq(b) | part.simd_eq(c);
        hits << 16 | u64::from(same.to_bitmask())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_needle_is_found_once(text in proptest::collection::vec(0_u8..6, 0..400), base in 0_u32..9) {
            let needles = [1, 3, 5];
            let mut found = Vec::new();
            positions(&text, base, needles, &mut found);
            let want: Vec<u32> = text.iter().zip(base..).filter(|(b, _)| needles.contains(b)).map(|(_, at)| at).collect();
            prop_assert_eq!(found, want);
        }
    }
}
