//! Exact decimals of 16 bytes: numbers of a dictionary where the first page of a chunk repeats itself, else as they are.
//!
//! Their bytes stand high ones first and without lengths; their order is that of signed numbers.

use std::io;

use parquet::basic::Encoding;

use super::compress::Compressor;
use super::dictionary::Dictionary;
use super::hybrid;
use super::open::{PageBounds, Pages};
use super::range::Range;

/// A value's bytes.
const LEN: usize = size_of::<i128>();
/// A dictionary is only kept while it has at most one value in so many rows of the first page.
const ROWS_A_VALUE: usize = 4;

/// The exact decimals of a column's open page.
#[derive(Debug, Default)]
pub(super) struct Wides {
    /// End to end.
    bytes: Vec<u8>,
    dictionary: Option<Dictionary>,
    numbers: Vec<u32>,
    range: Range<i128>,
    pub(super) chunk: Range<i128>,
    /// Whether the chunk's first page has decided on a dictionary.
    tried: bool,
}

impl Wides {
    /// Adds values that stand end to end.
    pub(super) fn add(&mut self, values: &[u8]) {
        let (whole, _none) = values.as_chunks::<LEN>();
        for value in whole {
            self.range.add(i128::from_be_bytes(*value));
        }
        self.bytes.extend_from_slice(values);
    }

    pub(super) fn page_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        let bytes = |value: i128| value.to_be_bytes().to_vec();
        let bounds: PageBounds = self.range.0.map(|(min, max)| (bytes(min), bytes(max)));
        self.chunk.join(self.range);
        self.range = Range::EMPTY;
        if !self.bytes.is_empty() && self.numbered() {
            let width = hybrid::number_width(self.dictionary.as_ref().map_or(0, Dictionary::len));
            let numbers = &self.numbers;
            pages.close(compressor, Encoding::RLE_DICTIONARY, bounds, |out| {
                out.push(super::header::low_byte(u64::from(width)));
                hybrid::encode(numbers, width, out);
            })?;
        } else {
            let bytes = &self.bytes;
            pages.close(compressor, Encoding::PLAIN, bounds, |out| out.extend_from_slice(bytes))?;
        }
        self.bytes.clear();
        self.numbers.clear();
        Ok(())
    }

    /// Whether the open page goes by numbers of a dictionary: the first page decides, and any that does not fit goes
    /// without, while pages before it may rest on it.
    fn numbered(&mut self) -> bool {
        if self.tried && self.dictionary.is_none() {
            return false;
        }
        let first = !self.tried;
        self.tried = true;
        let mut dictionary = self.dictionary.take().unwrap_or_default();
        let room = if first { self.bytes.len() / LEN / ROWS_A_VALUE } else { usize::MAX };
        self.numbers.clear();
        for value in self.bytes.chunks(LEN) {
            let number = dictionary.number(value);
            let Some(number) = number.filter(|_| dictionary.len() <= room) else {
                self.dictionary = (!first).then_some(dictionary);
                return false;
            };
            self.numbers.push(number);
        }
        self.dictionary = Some(dictionary);
        true
    }

    /// Ends the chunk; gives the dictionary that its pages rest on.
    pub(super) fn end_chunk(&mut self) -> Option<Dictionary> {
        self.tried = false;
        self.chunk = Range::EMPTY;
        self.dictionary.take()
    }
}
