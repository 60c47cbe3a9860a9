//! Numbers of any kind: those of a dictionary, or else differences of whole numbers and all others as they are, whichever
//! is smaller on the first page of a chunk.

use std::io;

use parquet::basic::Encoding;

use super::compress::Compressor;
use super::delta;
use super::dictionary::Dictionary;
use super::numbered::Numbered;
use super::open::{PageBounds, Pages};
use super::range::Range;
use crate::encode::options::Encodings;

/// A number as pages have it.
pub(super) trait Number: Copy + PartialOrd {
    /// Its bytes in a file, the first one lowest. Of a narrow number they are the first of these.
    fn word(self) -> u128;

    /// Whether it has a place in the order of the others.
    fn is_ordered(self) -> bool {
        true
    }

    /// The bounds that readers are told, who may order numbers otherwise.
    fn told(range: Range<Self>) -> Range<Self> {
        range
    }
}

/// Whole numbers, and what is counted in them.
impl Number for i64 {
    fn word(self) -> u128 {
        u128::from(self.cast_unsigned())
    }
}

/// Exact decimals, whose bytes stand high ones first.
impl Number for i128 {
    fn word(self) -> u128 {
        self.cast_unsigned().swap_bytes()
    }
}

impl Number for f64 {
    fn word(self) -> u128 {
        u128::from(self.to_bits())
    }

    fn is_ordered(self) -> bool {
        !self.is_nan()
    }

    /// Zeros of both signs are equal to readers: the least is written with a minus, the greatest without.
    fn told(range: Range<Self>) -> Range<Self> {
        let zero = |value: Self| value.abs() < Self::MIN_POSITIVE && value.abs() <= 0.0;
        Range(
            range.0.map(|(min, max)| (if zero(min) { -0.0 } else { min }, if zero(max) { 0.0 } else { max })),
        )
    }
}

/// Appends numbers in an encoding.
type Write<T> = fn(&[T], &mut Vec<u8>);

/// The numbers of a column's open page.
#[derive(Debug)]
pub(super) struct Numbers<T> {
    values: Vec<T>,
    numbered: Numbered,
    pub(super) chunk: Range<T>,
    /// Bytes of a value in the file.
    len: usize,
    /// How differences are written, where they are what a page without a dictionary has.
    differences: Option<Write<T>>,
}

impl Numbers<i64> {
    /// Whole numbers of 64 or 32 bits.
    pub(super) fn whole(narrow: bool, encodings: Encodings) -> Self {
        let differences: Write<i64> = delta::encode;
        let len = if narrow { size_of::<i32>() } else { size_of::<i64>() };
        Self { differences: (encodings == Encodings::Compact).then_some(differences), ..Self::new(len) }
    }
}

impl<T: Number> Numbers<T> {
    /// Numbers of so many bytes.
    pub(super) fn new(len: usize) -> Self {
        let numbered = Numbered::default();
        Self { values: Vec::new(), numbered, chunk: Range::EMPTY, len, differences: None }
    }

    pub(super) fn add(&mut self, values: &[T]) {
        self.values.extend_from_slice(values);
    }

    /// Bytes that the dictionary adds to the chunk.
    pub(super) fn dictionary_bytes(&self) -> usize {
        self.numbered.bytes()
    }

    pub(super) const fn page_bytes(&self) -> usize {
        self.values.len() * size_of::<T>()
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        let (values, len, differences) = (&self.values, self.len, self.differences);
        let mut range = Range::EMPTY;
        values.iter().filter(|value| value.is_ordered()).for_each(|value| range.add(*value));
        let range = T::told(range);
        let bytes = |value: T| value.word().to_le_bytes().get(..len).unwrap_or_default().to_vec();
        let bounds: PageBounds = range.0.map(|(min, max)| (bytes(min), bytes(max)));
        self.chunk.join(range);
        let otherwise = || match differences {
            None => values.len() * len,
            Some(write) => {
                let mut differences = Vec::new();
                write(values, &mut differences);
                differences.len()
            }
        };
        if values.is_empty() {
            // Only nulls: no encoding is needed, and no dictionary may be asked for.
            pages.close(compressor, Encoding::PLAIN, bounds, |_out| {})?;
        } else if self.numbered.takes(values.iter().map(|value| value.word()), len, otherwise) {
            let numbered = &self.numbered;
            pages.close(compressor, Encoding::RLE_DICTIONARY, bounds, |out| numbered.write(out))?;
        } else if let Some(write) = differences {
            pages.close(compressor, Encoding::DELTA_BINARY_PACKED, bounds, |out| write(values, out))?;
        } else {
            pages.close(compressor, Encoding::PLAIN, bounds, |out| plain(values, len, out))?;
        }
        self.values.clear();
        Ok(())
    }

    pub(super) fn end_chunk(&mut self) -> Option<Dictionary> {
        self.chunk = Range::EMPTY;
        self.numbered.end_chunk()
    }
}

/// Numbers of so many bytes as they are.
fn plain<T: Number>(values: &[T], len: usize, out: &mut Vec<u8>) {
    match len {
        4 => plain_of::<T, 4>(values, out),
        8 => plain_of::<T, 8>(values, out),
        _ => plain_of::<T, 16>(values, out),
    }
}

fn plain_of<T: Number, const LEN: usize>(values: &[T], out: &mut Vec<u8>) {
    out.reserve(values.len() * LEN);
    for value in values {
        out.extend_from_slice(value.word().to_le_bytes().first_chunk::<LEN>().unwrap_or(&[0; LEN]));
    }
}
