//! Numbers: differences, a dictionary, or as they are, whichever is smallest on the first page of a chunk.

use std::io;

use parquet::basic::Encoding;

use super::compress::Compressor;
use super::dictionary::Dictionary;
use super::open::{PageBounds, Pages};
use super::range::Range;
use super::{delta, hybrid};

/// A dictionary is only tried while it has at most one value in so many rows.
const ROWS_A_VALUE: usize = 4;

/// Whole numbers of 64 or 32 bits of a column's open page.
#[derive(Debug)]
pub(super) struct Wholes {
    values: Vec<i64>,
    dictionary: Option<Dictionary>,
    numbers: Vec<u32>,
    range: Range<i64>,
    pub(super) chunk: Range<i64>,
    narrow: bool,
    tried: bool,
}

impl Wholes {
    pub(super) const fn new(narrow: bool) -> Self {
        Self {
            values: Vec::new(),
            dictionary: None,
            numbers: Vec::new(),
            range: Range::EMPTY,
            chunk: Range::EMPTY,
            narrow,
            tried: false,
        }
    }

    #[inline]
    pub(super) fn add(&mut self, value: i64) {
        self.values.push(value);
        self.range.add(value);
    }

    pub(super) fn page_bytes(&self) -> usize {
        self.values.len() * 8
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        let narrow = self.narrow;
        let bounds: PageBounds = self.range.0.map(|(min, max)| (le(min, narrow), le(max, narrow)));
        self.chunk.join(self.range);
        self.range = Range::EMPTY;
        if self.values.is_empty() {
            // Only nulls: no encoding is needed, and no dictionary may be asked for.
            pages.close(compressor, Encoding::PLAIN, bounds, |_out| {})?;
        } else if self.numbered() {
            let width = hybrid::number_width(self.dictionary.as_ref().map_or(0, Dictionary::len));
            let numbers = &self.numbers;
            pages.close(compressor, Encoding::RLE_DICTIONARY, bounds, |out| {
                out.push(super::header::low_byte(u64::from(width)));
                hybrid::encode(numbers, width, out);
            })?;
        } else {
            let values = &self.values;
            pages
                .close(compressor, Encoding::DELTA_BINARY_PACKED, bounds, |out| delta::encode(values, out))?;
        }
        self.values.clear();
        self.numbers.clear();
        Ok(())
    }

    /// Whether the open page goes by numbers of a dictionary: its first page decides, and any that does not fit ends it.
    fn numbered(&mut self) -> bool {
        if self.tried && self.dictionary.is_none() {
            return false;
        }
        let first = !self.tried;
        self.tried = true;
        let mut dictionary = self.dictionary.take().unwrap_or_default();
        let room = if first { self.values.len() / ROWS_A_VALUE } else { usize::MAX };
        self.numbers.clear();
        for value in &self.values {
            let number = dictionary.number(&le(*value, self.narrow));
            let Some(number) = number.filter(|_| dictionary.len() <= room) else {
                // Pages before this one may rest on it.
                self.dictionary = (!first).then_some(dictionary);
                return false;
            };
            self.numbers.push(number);
        }
        if first && !smaller(&dictionary, &self.values) {
            return false;
        }
        self.dictionary = Some(dictionary);
        true
    }

    pub(super) fn end_chunk(&mut self) -> Option<Dictionary> {
        self.tried = false;
        self.chunk = Range::EMPTY;
        self.dictionary.take()
    }
}

/// Whether numbers of a dictionary take fewer bytes than differences on this page.
fn smaller(dictionary: &Dictionary, values: &[i64]) -> bool {
    let mut differences = Vec::new();
    delta::encode(values, &mut differences);
    let bits = u64::from(hybrid::number_width(dictionary.len())) * values.len() as u64;
    bits / 8 < differences.len() as u64
}

fn le(value: i64, narrow: bool) -> Vec<u8> {
    let len = if narrow { 4 } else { 8 };
    value.to_le_bytes().get(..len).unwrap_or_default().to_vec()
}

/// Floats of a column's open page.
#[derive(Debug)]
pub(super) struct Floats {
    values: Vec<f64>,
    range: Range<f64>,
    pub(super) chunk: Range<f64>,
}

impl Floats {
    pub(super) const fn new() -> Self {
        Self { values: Vec::new(), range: Range::EMPTY, chunk: Range::EMPTY }
    }

    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        self.values.push(value);
        // NaN has no place in an order.
        if !value.is_nan() {
            self.range.add(value);
        }
    }

    pub(super) fn page_bytes(&self) -> usize {
        self.values.len() * 8
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        let ordered = signed_zeros(self.range);
        let bounds = ordered.0.map(|(min, max)| (min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec()));
        self.chunk.join(ordered);
        self.range = Range::EMPTY;
        let values = &self.values;
        pages.close(compressor, Encoding::PLAIN, bounds, |out| {
            out.reserve(values.len() * 8);
            values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        })?;
        self.values.clear();
        Ok(())
    }

    pub(super) const fn end_chunk(&mut self) {
        self.chunk = Range::EMPTY;
    }
}

/// Zeros of both signs are equal to readers: the least is written with a minus, the greatest without.
pub(super) fn signed_zeros(range: Range<f64>) -> Range<f64> {
    let zero = |value: f64| value.abs() < f64::MIN_POSITIVE && value.abs() <= 0.0;
    Range(range.0.map(|(min, max)| (if zero(min) { -0.0 } else { min }, if zero(max) { 0.0 } else { max })))
}

/// Truth values of a column's open page.
#[derive(Debug, Default)]
pub(super) struct Truths {
    values: Vec<bool>,
    pub(super) chunk: Option<(bool, bool)>,
}

impl Truths {
    pub(super) fn add(&mut self, value: bool) {
        self.values.push(value);
    }

    pub(super) fn page_bytes(&self) -> usize {
        self.values.len() / 8
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        let all = self.values.iter().all(|v| *v);
        let any = self.values.iter().any(|v| *v);
        let bounds = (!self.values.is_empty()).then(|| (vec![u8::from(all)], vec![u8::from(any)]));
        if bounds.is_some() {
            let (min, max) = self.chunk.unwrap_or((all, any));
            self.chunk = Some((min && all, max || any));
        }
        let values = &self.values;
        pages.close(compressor, Encoding::PLAIN, bounds, |out| {
            let padding = values.len().next_multiple_of(8) - values.len();
            hybrid::pack(values.iter().map(|v| u64::from(*v)).chain(std::iter::repeat_n(0, padding)), 1, out);
        })?;
        self.values.clear();
        Ok(())
    }

    pub(super) const fn end_chunk(&mut self) {
        self.chunk = None;
    }
}
