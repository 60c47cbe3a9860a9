//! Numbers: a dictionary, or differences of whole numbers and floats as they are, whichever is smaller on the first
//! page of a chunk.

use std::io;

use parquet::basic::Encoding;

use super::compress::Compressor;
use super::dictionary::Dictionary;
use super::numbered::Numbered;
use super::open::{PageBounds, Pages};
use super::range::Range;
use super::{delta, hybrid};
use crate::encode::options::Encodings;

/// Whole numbers of 64 or 32 bits of a column's open page.
#[derive(Debug)]
pub(super) struct Wholes {
    values: Vec<i64>,
    numbered: Numbered,
    pub(super) chunk: Range<i64>,
    narrow: bool,
    encodings: Encodings,
}

impl Wholes {
    pub(super) fn new(narrow: bool, encodings: Encodings) -> Self {
        Self { values: Vec::new(), numbered: Numbered::default(), chunk: Range::EMPTY, narrow, encodings }
    }

    pub(super) fn add(&mut self, values: &[i64]) {
        self.values.extend_from_slice(values);
    }

    /// Bytes that the dictionary adds to the chunk.
    pub(super) fn dictionary_bytes(&self) -> usize {
        self.numbered.bytes()
    }

    pub(super) const fn page_bytes(&self) -> usize {
        self.values.len() * 8
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        let (narrow, values) = (self.narrow, &self.values);
        let mut range = Range::EMPTY;
        values.iter().for_each(|value| range.add(*value));
        let bounds: PageBounds = range.0.map(|(min, max)| (le(min, narrow), le(max, narrow)));
        self.chunk.join(range);
        let len = if narrow { 4 } else { 8 };
        let plain = self.encodings == Encodings::Compat;
        let otherwise = || {
            if plain {
                return values.len() * len;
            }
            let mut differences = Vec::new();
            delta::encode(values, &mut differences);
            differences.len()
        };
        if values.is_empty() {
            // Only nulls: no encoding is needed, and no dictionary may be asked for.
            pages.close(compressor, Encoding::PLAIN, bounds, |_out| {})?;
        } else if self.numbered.takes(values.iter().map(|value| word(*value, narrow)), len, otherwise) {
            let numbered = &self.numbered;
            pages.close(compressor, Encoding::RLE_DICTIONARY, bounds, |out| numbered.write(out))?;
        } else if plain {
            pages.close(compressor, Encoding::PLAIN, bounds, |out| {
                values.iter().for_each(|value| out.extend_from_slice(&le(*value, narrow)));
            })?;
        } else {
            pages
                .close(compressor, Encoding::DELTA_BINARY_PACKED, bounds, |out| delta::encode(values, out))?;
        }
        self.values.clear();
        Ok(())
    }

    pub(super) fn end_chunk(&mut self) -> Option<Dictionary> {
        self.chunk = Range::EMPTY;
        self.numbered.end_chunk()
    }
}

/// The bits of a number of 64 or 32 bits.
fn word(value: i64, narrow: bool) -> u128 {
    let bits = value.cast_unsigned();
    u128::from(if narrow { bits & 0xffff_ffff } else { bits })
}

fn le(value: i64, narrow: bool) -> Vec<u8> {
    let len = if narrow { 4 } else { 8 };
    value.to_le_bytes().get(..len).unwrap_or_default().to_vec()
}

/// Floats of a column's open page.
#[derive(Debug)]
pub(super) struct Floats {
    values: Vec<f64>,
    numbered: Numbered,
    pub(super) chunk: Range<f64>,
}

impl Floats {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), numbered: Numbered::default(), chunk: Range::EMPTY }
    }

    pub(super) fn add(&mut self, values: &[f64]) {
        self.values.extend_from_slice(values);
    }

    /// Bytes that the dictionary adds to the chunk.
    pub(super) fn dictionary_bytes(&self) -> usize {
        self.numbered.bytes()
    }

    pub(super) const fn page_bytes(&self) -> usize {
        self.values.len() * 8
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        let values = &self.values;
        let mut range = Range::EMPTY;
        // NaN has no place in an order.
        values.iter().filter(|value| !value.is_nan()).for_each(|value| range.add(*value));
        let ordered = signed_zeros(range);
        let bounds = ordered.0.map(|(min, max)| (min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec()));
        self.chunk.join(ordered);
        let words = values.iter().map(|value| u128::from(value.to_bits()));
        if values.is_empty() {
            pages.close(compressor, Encoding::PLAIN, bounds, |_out| {})?;
        } else if self.numbered.takes(words, 8, || values.len() * 8) {
            let numbered = &self.numbered;
            pages.close(compressor, Encoding::RLE_DICTIONARY, bounds, |out| numbered.write(out))?;
        } else {
            pages.close(compressor, Encoding::PLAIN, bounds, |out| {
                out.reserve(values.len() * 8);
                values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
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
    pub(super) fn add(&mut self, values: &[bool]) {
        self.values.extend_from_slice(values);
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
            hybrid::pack(values.iter().map(|v| u64::from(*v)), 1, out);
        })?;
        self.values.clear();
        Ok(())
    }

    pub(super) const fn end_chunk(&mut self) {
        self.chunk = None;
    }
}
