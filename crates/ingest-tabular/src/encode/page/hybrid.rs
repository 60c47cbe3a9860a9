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
    while let Some(from_here) = rest.get(packed..).filter(|from_here| !from_here.is_empty()) {
        // Runs may only begin where a group of eight ends.
        let run = match from_here.first_chunk::<GROUP>() {
            Some(group) if group.iter().all(|value| *value == group[0]) => run_len(from_here),
            _ => 0,
        };
        if run < RUN_MIN {
            packed += GROUP.min(from_here.len());
            continue;
        }
        flush(rest.get(..packed).unwrap_or_default(), width, out);
        write_run(from_here.first().copied().unwrap_or(0), run, width, out);
        rest = rest.get(packed + run..).unwrap_or_default();
        packed = 0;
    }
    flush(rest, width, out);
}

fn run_len(values: &[u32]) -> usize {
    let first = values.first();
    values.iter().take_while(|value| Some(*value) == first).count()
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
    let bytes = usize::try_from(width).unwrap_or(32);
    out.reserve(groups * bytes);
    let (whole, rest) = values.as_chunks::<GROUP>();
    for group in whole {
        pack_group(group, width, out);
    }
    if !rest.is_empty() {
        let mut group = [0; GROUP];
        group.iter_mut().zip(rest).for_each(|(place, value)| *place = *value);
        pack_group(&group, width, out);
    }
}

/// Appends eight values of `width` bits: as many bytes as the width has bits.
#[inline]
fn pack_group(group: &[u32; GROUP], width: u32, out: &mut Vec<u8>) {
    let bytes = usize::try_from(width).unwrap_or(32);
    if width <= 8 {
        let word = group.iter().rev().fold(0_u64, |word, value| word << width | u64::from(*value));
        out.extend_from_slice(word.to_le_bytes().get(..bytes).unwrap_or_default());
    } else if width <= 16 {
        let word = group.iter().rev().fold(0_u128, |word, value| word << width | u128::from(*value));
        out.extend_from_slice(word.to_le_bytes().get(..bytes).unwrap_or_default());
    } else {
        pack(group.iter().map(|value| u64::from(*value)), width, out);
    }
}

/// Appends values bit by bit, low bits first. The last byte is filled up with zeros.
#[inline]
pub(super) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let mut pending = 0_u64;
    let mut bits = 0;
    for value in values {
        pending |= value << bits;
        bits += width;
        if bits >= u64::BITS {
            out.extend_from_slice(&pending.to_le_bytes());
            bits -= u64::BITS;
            // What of the value did not fit; nothing where it ended with the word.
            pending = value.checked_shr(width - bits).unwrap_or(0);
        }
    }
    while bits > 0 {
        out.push(low_byte(pending));
        pending >>= 8;
        bits = bits.saturating_sub(8);
    }
}
