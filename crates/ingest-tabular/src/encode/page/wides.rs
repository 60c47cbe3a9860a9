//! Exact decimals of 16 bytes: numbers of a dictionary where the first page of a chunk repeats itself, else as they are.
//!
//! Their bytes stand high ones first and without lengths; their order is that of signed numbers.

use std::io;

use parquet::basic::Encoding;

use super::compress::Compressor;
use super::dictionary::Dictionary;
use super::numbered::Numbered;
use super::open::{PageBounds, Pages};
use super::range::Range;

/// A value's bytes.
const LEN: usize = size_of::<i128>();

/// The exact decimals of a column's open page.
#[derive(Debug)]
pub(super) struct Wides {
    values: Vec<i128>,
    numbered: Numbered,
    pub(super) chunk: Range<i128>,
}

impl Wides {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), numbered: Numbered::default(), chunk: Range::EMPTY }
    }

    pub(super) fn add(&mut self, values: &[i128]) {
        self.values.extend_from_slice(values);
    }

    /// Bytes that the dictionary adds to the chunk.
    pub(super) fn dictionary_bytes(&self) -> usize {
        self.numbered.bytes()
    }

    pub(super) const fn page_bytes(&self) -> usize {
        self.values.len() * LEN
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        let values = &self.values;
        let mut range = Range::EMPTY;
        values.iter().for_each(|value| range.add(*value));
        let bytes = |value: i128| value.to_be_bytes().to_vec();
        let bounds: PageBounds = range.0.map(|(min, max)| (bytes(min), bytes(max)));
        self.chunk.join(range);
        let words = values.iter().map(|value| u128::from_le_bytes(value.to_be_bytes()));
        if !values.is_empty() && self.numbered.takes(words, LEN, || values.len() * LEN) {
            let numbered = &self.numbered;
            pages.close(compressor, Encoding::RLE_DICTIONARY, bounds, |out| numbered.write(out))?;
        } else {
            pages.close(compressor, Encoding::PLAIN, bounds, |out| {
                values.iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
            })?;
        }
        self.values.clear();
        Ok(())
    }

    pub(super) fn end_chunk(&mut self) -> Option<Dictionary> {
        self.chunk = Range::EMPTY;
        self.numbered.end_chunk()
    }
}
