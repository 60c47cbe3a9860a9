//! DELTA_BINARY_PACKED: whole numbers as differences, packed in as few bits as each group of 32 needs.

use super::header::{varint, zigzag};
use super::hybrid::pack;

/// Values of a block.
const BLOCK: usize = 128;
/// Groups of a block.
const GROUPS: usize = 4;
/// Values of a group.
const GROUP: usize = BLOCK / GROUPS;

/// Appends `values`.
pub(super) fn encode(values: &[i64], out: &mut Vec<u8>) {
    varint(BLOCK as u64, out);
    varint(GROUPS as u64, out);
    varint(values.len() as u64, out);
    let Some((first, rest)) = values.split_first() else {
        varint(0, out);
        return;
    };
    varint(zigzag(*first), out);
    let mut previous = *first;
    let mut deltas = [0_i64; BLOCK];
    for block in rest.chunks(BLOCK) {
        for (delta, value) in deltas.iter_mut().zip(block) {
            *delta = value.wrapping_sub(previous);
            previous = *value;
        }
        write_block(deltas.get(..block.len()).unwrap_or_default(), out);
    }
}

fn write_block(deltas: &[i64], out: &mut Vec<u8>) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    varint(zigzag(least), out);
    let above = |delta: &i64| delta.wrapping_sub(least).cast_unsigned();
    let widths: [u32; GROUPS] = std::array::from_fn(|group| {
        let values = deltas.iter().skip(group * GROUP).take(GROUP);
        let most = values.map(above).fold(0, std::ops::BitOr::bitor);
        u64::BITS - most.leading_zeros()
    });
    out.extend(widths.iter().map(|width| super::header::low_byte(u64::from(*width))));
    for (group, width) in deltas.chunks(GROUP).zip(widths) {
        if let Some(group) = group.first_chunk::<GROUP>() {
            pack(group.iter().map(above), width, out);
        } else {
            let padding = GROUP - group.len();
            pack(group.iter().map(above).chain(std::iter::repeat_n(0, padding)), width, out);
        }
    }
}
