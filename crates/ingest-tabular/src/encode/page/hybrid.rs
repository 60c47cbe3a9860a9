//! The hybrid of runs and bit-packed groups that carries levels and dictionary indices.

use super::header::{low_byte, varint};

/// Equal values from which a run is shorter than packing them.
const RUN_MIN: usize = 16;
/// Values of a bit-packed group.
const GROUP: usize = 8;

/// Bits of the numbers of a dictionary of so many values; at least one, as some readers want it.
pub(super) fn number_width(values: usize) -> u32 {
    let last = u32::try_from(values.saturating_sub(1)).unwrap_or(u32::MAX);
    (u32::BITS - last.leading_zeros()).max(1)
}

/// Appends `values`, each of `width` bits.
pub(super) fn encode(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut rest = values;
    let mut packed = 0;
    while let Some(first) = rest.get(packed) {
        // Runs may only begin where a group of eight ends.
        let from_here = rest.get(packed..).unwrap_or_default();
        let run = from_here.iter().take_while(|v| *v == first).count();
        if run < RUN_MIN {
            packed += GROUP.min(from_here.len());
            continue;
        }
        flush(rest.get(..packed).unwrap_or_default(), width, out);
        write_run(*first, run, width, out);
        rest = rest.get(packed + run..).unwrap_or_default();
        packed = 0;
    }
    flush(rest, width, out);
}

/// Appends one run of equal values.
pub(super) fn write_run(value: u32, len: usize, width: u32, out: &mut Vec<u8>) {
    varint((len as u64) << 1, out);
    let bytes = width.div_ceil(8);
    out.extend(value.to_le_bytes().into_iter().take(usize::try_from(bytes).unwrap_or(4)));
}

fn flush(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    varint((groups as u64) << 1 | 1, out);
    let padding = groups * GROUP - values.len();
    pack(values.iter().map(|v| u64::from(*v)).chain(std::iter::repeat_n(0, padding)), width, out);
}

/// Appends values bit by bit, low bits first. The bits must come out even.
pub(super) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let mut pending: u128 = 0;
    let mut bits: u32 = 0;
    for value in values {
        pending |= u128::from(value) << bits;
        bits += width;
        if bits >= 64 {
            let [low, _high] = halves(pending);
            out.extend_from_slice(&low.to_le_bytes());
            pending >>= 64;
            bits -= 64;
        }
    }
    let [mut low, _high] = halves(pending);
    while bits > 0 {
        out.push(low_byte(low));
        low >>= 8;
        bits = bits.saturating_sub(8);
    }
}

/// Low and high 64 bits.
const fn halves(value: u128) -> [u64; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
    [value as u64, (value >> 64) as u64]
}
