//! Texts: numbers of a dictionary while that pays, else their lengths as differences and their bytes as they are.

use std::io;

use parquet::basic::Encoding;

use super::compress::Compressor;
use super::dictionary::Dictionary;
use super::open::{PageBounds, Pages};
use super::range::TextRange;
use super::{delta, hybrid};
use crate::cells::Span;
use crate::encode::options::Encodings;

/// Bytes of room for a page's texts that a column keeps: an ordinary page's.
const ROOM_KEPT: usize = 1 << 20;
/// Values after which a dictionary must have proved itself.
const PROOF_VALUES: usize = 4_096;
/// Of so many values, in percent, at most this many may be distinct.
const DISTINCT_MAX_PERCENT: usize = 95;

/// The texts of a column's open page, and its dictionary.
#[derive(Debug, Default)]
pub(super) struct Texts {
    encodings: Encodings,
    dictionary: Option<Dictionary>,
    /// Whether the next chunk begins without a dictionary, as this one ended.
    plain_next: bool,
    /// Numbers of the open page's values, while there is a dictionary.
    numbers: Vec<u32>,
    /// For each number, whether the open page has it.
    in_page: Vec<u8>,
    /// Lengths and bytes of the open page's values, without a dictionary.
    lengths: Vec<i64>,
    text: Vec<u8>,
    range: TextRange,
    pub(super) chunk: TextRange,
    /// Whether pages with numbers were written, so that the dictionary must be as well.
    numbered_pages: bool,
}

impl Texts {
    pub(super) fn new(encodings: Encodings) -> Self {
        Self { dictionary: Some(Dictionary::default()), encodings, ..Self::default() }
    }

    /// Adds values of the open page, until `bytes_max` is reached or the page must be closed before the next one.
    /// Answers how many it took.
    pub(super) fn add(&mut self, text: &[u8], spans: &[Span], bytes_max: usize) -> usize {
        let before = self.numbers.len();
        let Some(dictionary) = &mut self.dictionary else { return self.add_plain(text, spans, bytes_max) };
        let room = PROOF_VALUES.saturating_sub(before);
        let on_proof = !self.numbered_pages && room > 0;
        let part = if on_proof { spans.get(..room).unwrap_or(spans) } else { spans };
        let taken = dictionary.number_all(text, part, &mut self.numbers);
        self.in_page.resize(dictionary.len(), 0);
        for number in self.numbers.iter().skip(before) {
            if let Some(place) = usize::try_from(*number).ok().and_then(|at| self.in_page.get_mut(at)) {
                *place = 1;
            }
        }
        if on_proof && self.numbers.len() == PROOF_VALUES {
            self.judge();
        }
        taken
    }

    fn add_plain(&mut self, text: &[u8], spans: &[Span], bytes_max: usize) -> usize {
        let mut taken = 0;
        for span in spans {
            let value = span.of(text);
            self.lengths.push(i64::from(span.len()));
            self.text.extend_from_slice(value);
            self.range.add(value);
            taken += 1;
            if self.page_bytes() >= bytes_max {
                break;
            }
        }
        taken
    }

    /// Gives the dictionary up when nearly every value is its own, before any page rests on it.
    fn judge(&mut self) {
        let Some(dictionary) = &self.dictionary else { return };
        if dictionary.len() * 100 <= self.numbers.len() * DISTINCT_MAX_PERCENT {
            return;
        }
        for number in self.numbers.drain(..) {
            let value = dictionary.get(number);
            self.range.add(value);
            self.lengths.push(i64::try_from(value.len()).unwrap_or(i64::MAX));
            self.text.extend_from_slice(value);
        }
        self.dictionary = None;
        self.plain_next = true;
    }

    /// Goes on without a dictionary after it is full; the open page must be closed.
    pub(super) fn give_up_dictionary(&mut self) -> Option<Dictionary> {
        self.plain_next = true;
        self.dictionary.take()
    }

    pub(super) const fn has_dictionary(&self) -> bool {
        self.dictionary.is_some()
    }

    /// Bytes that the dictionary adds to the chunk.
    pub(super) fn dictionary_bytes(&self) -> usize {
        self.dictionary.as_ref().map_or(0, Dictionary::bytes)
    }

    /// Bytes of the open page, about.
    pub(super) const fn page_bytes(&self) -> usize {
        self.numbers.len() * 2 + self.lengths.len() * 2 + self.text.len()
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        if let Some(dictionary) = &self.dictionary {
            let there = self.in_page.iter().zip(0..).filter(|(place, _)| **place == 1);
            there.for_each(|(_, number)| self.range.add(dictionary.get(number)));
            self.in_page.fill(0);
        }
        let bounds = bounds(&self.range);
        if self.numbers.is_empty() && self.lengths.is_empty() {
            // Only nulls: no encoding is needed, and no dictionary may be asked for.
            pages.close(compressor, Encoding::PLAIN, bounds, |_out| {})?;
        } else if let Some(dictionary) = &self.dictionary {
            let width = hybrid::number_width(dictionary.len());
            let numbers = &self.numbers;
            pages.close(compressor, Encoding::RLE_DICTIONARY, bounds, |out| {
                out.push(super::header::low_byte(u64::from(width)));
                hybrid::encode(numbers, width, out);
            })?;
            self.numbered_pages |= !self.numbers.is_empty();
        } else if self.encodings == Encodings::Compat {
            let (lengths, text) = (&self.lengths, &self.text);
            pages.close(compressor, Encoding::PLAIN, bounds, |out| write_plain(lengths, text, out))?;
        } else {
            let (lengths, text) = (&self.lengths, &self.text);
            pages.close(compressor, Encoding::DELTA_LENGTH_BYTE_ARRAY, bounds, |out| {
                delta::encode(lengths, out);
                out.extend_from_slice(text);
            })?;
        }
        self.chunk.join(&self.range);
        self.range.clear();
        self.numbers.clear();
        self.lengths.clear();
        self.text.clear();
        // One long value must not hold its room for good, in each column that ever had one.
        self.text.shrink_to(ROOM_KEPT);
        Ok(())
    }

    /// The payload of a dictionary page, where pages rest on one.
    pub(super) fn write_dictionary(dictionary: &Dictionary, out: &mut Vec<u8>) {
        out.reserve(dictionary.text_len() + dictionary.len() * 4);
        for value in dictionary.iter() {
            out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend_from_slice(value);
        }
    }

    /// Ends the chunk; gives the dictionary that its pages rest on.
    pub(super) fn end_chunk(&mut self) -> Option<Dictionary> {
        let numbered = std::mem::take(&mut self.numbered_pages);
        let dictionary = self.dictionary.take().filter(|_| numbered);
        self.dictionary = (!self.plain_next).then(Dictionary::default);
        self.in_page.clear();
        self.chunk.clear();
        dictionary
    }

    /// Whether pages of the chunk rest on the dictionary.
    pub(super) const fn is_numbered(&self) -> bool {
        self.numbered_pages
    }
}

/// Each text behind its length.
fn write_plain(lengths: &[i64], mut text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + lengths.len() * 4);
    for length in lengths {
        let (value, rest) = usize::try_from(*length)
            .ok()
            .and_then(|length| text.split_at_checked(length))
            .unwrap_or_default();
        out.extend_from_slice(&u32::try_from(*length).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(value);
        text = rest;
    }
}

/// None where there is no upper bound of a bounded length: then the chunk goes without an index of its pages.
fn bounds(range: &TextRange) -> PageBounds {
    Some((range.lower_bound()?.0, range.upper_bound()?.0))
}
