//! The open page of a column and the pages before it: levels, payload, compression, index entries.

use std::io;

use parquet::basic::Encoding;
use parquet::file::metadata::{ColumnIndexBuilder, OffsetIndexBuilder};

use super::compress::Compressor;
use super::header::PageHeader;
use super::hybrid;

/// Bounds of a page, as its index entry has them.
pub(super) type PageBounds = Option<(Vec<u8>, Vec<u8>)>;

/// The pages of a column chunk that are finished, and the levels of the open one.
pub(super) struct Pages {
    required: bool,
    physical: parquet::basic::Type,
    pub(super) stored: Vec<u8>,
    pub(super) uncompressed: usize,
    pub(super) encodings: Vec<Encoding>,
    pub(super) column_index: ColumnIndexBuilder,
    pub(super) offset_index: OffsetIndexBuilder,
    pub(super) rows: u64,
    pub(super) nulls: u64,
    /// Rows of the open page, and which of them have a value, a bit each.
    pub(super) page_rows: usize,
    page_nulls: usize,
    present: Vec<u8>,
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages")
            .field("rows", &self.rows)
            .field("stored", &self.stored.len())
            .finish_non_exhaustive()
    }
}

impl Pages {
    pub(super) fn new(required: bool, physical: parquet::basic::Type) -> Self {
        Self {
            required,
            physical,
            stored: Vec::new(),
            uncompressed: 0,
            encodings: Vec::new(),
            column_index: ColumnIndexBuilder::new(physical),
            offset_index: OffsetIndexBuilder::new(),
            rows: 0,
            nulls: 0,
            page_rows: 0,
            page_nulls: 0,
            present: Vec::new(),
        }
    }

    /// Takes in that of `rows` more rows these, ascending and counted from the first of them, have a value.
    pub(super) fn add_rows(&mut self, rows: usize, with_value: &[u32]) {
        let first = self.page_rows;
        self.page_rows += rows;
        self.page_nulls += rows - with_value.len();
        if self.required {
            return;
        }
        if with_value.len() == rows {
            return self.add_present(first);
        }
        self.present.resize(self.page_rows.div_ceil(8), 0);
        for row in with_value {
            let at = first + usize::try_from(*row).unwrap_or(usize::MAX);
            if let Some(byte) = self.present.get_mut(at / 8) {
                *byte |= 1 << (at % 8);
            }
        }
    }

    /// All rows of the page from `first` on have a value.
    fn add_present(&mut self, first: usize) {
        if let Some(last) = self.present.last_mut().filter(|_| !first.is_multiple_of(8)) {
            *last |= 0xff << (first % 8);
        }
        self.present.resize(self.page_rows.div_ceil(8), 0xff);
        if let Some(last) = self.present.last_mut().filter(|_| !self.page_rows.is_multiple_of(8)) {
            *last &= !(0xff << (self.page_rows % 8));
        }
    }

    /// Ends the open page: its levels, then the payload that `write` appends.
    pub(super) fn close(
        &mut self,
        compressor: &mut Compressor,
        encoding: Encoding,
        bounds: PageBounds,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<()> {
        if self.page_rows == 0 {
            return Ok(());
        }
        let mut raw = std::mem::take(&mut compressor.raw);
        raw.clear();
        if !self.required {
            self.write_levels(&mut raw);
        }
        write(&mut raw);
        let offset = self.stored.len();
        let header =
            PageHeader { dictionary: false, uncompressed: raw.len(), values: self.page_rows, encoding };
        self.put(header, raw, compressor)?;
        let all_null = self.page_nulls == self.page_rows;
        let has_bounds = bounds.is_some();
        let (min, max) = bounds.unwrap_or_default();
        let nulls = i64::try_from(self.page_nulls).unwrap_or(i64::MAX);
        if has_bounds || all_null {
            self.column_index.append(all_null, min, max, nulls);
        } else {
            self.column_index.to_invalid();
        }
        let size = i32::try_from(self.stored.len() - offset).unwrap_or(i32::MAX);
        self.offset_index.append_offset_and_size(i64::try_from(offset).unwrap_or(i64::MAX), size);
        self.offset_index.append_row_count(i64::try_from(self.page_rows).unwrap_or(i64::MAX));
        self.rows += self.page_rows as u64;
        self.nulls += self.page_nulls as u64;
        if !self.encodings.contains(&encoding) {
            self.encodings.push(encoding);
        }
        self.page_rows = 0;
        self.page_nulls = 0;
        self.present.clear();
        Ok(())
    }

    /// The stored bytes of a dictionary page.
    pub(super) fn dictionary_page(
        &mut self,
        compressor: &mut Compressor,
        values: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<Vec<u8>> {
        let mut raw = std::mem::take(&mut compressor.raw);
        raw.clear();
        write(&mut raw);
        let pages = std::mem::take(&mut self.stored);
        let encoding = Encoding::PLAIN;
        let header = PageHeader { dictionary: true, uncompressed: raw.len(), values, encoding };
        self.put(header, raw, compressor)?;
        if !self.encodings.contains(&encoding) {
            self.encodings.push(encoding);
        }
        Ok(std::mem::replace(&mut self.stored, pages))
    }

    /// Forgets everything, keeping memory.
    pub(super) fn clear(&mut self) {
        self.stored.clear();
        self.uncompressed = 0;
        self.encodings.clear();
        self.column_index = ColumnIndexBuilder::new(self.physical);
        self.offset_index = OffsetIndexBuilder::new();
        self.rows = 0;
        self.nulls = 0;
    }

    /// Stores a page, and gives its room back.
    fn put(&mut self, header: PageHeader, raw: Vec<u8>, compressor: &mut Compressor) -> io::Result<()> {
        let compressed = compressor.compress(&raw)?;
        let before = self.stored.len();
        header.write(compressed, &mut self.stored);
        self.uncompressed += self.stored.len() - before + raw.len();
        self.stored.extend_from_slice(compressed);
        compressor.raw = raw;
        Ok(())
    }

    /// Definition levels: one bit a row, behind their length.
    fn write_levels(&self, raw: &mut Vec<u8>) {
        raw.extend_from_slice(&[0; 4]);
        if self.page_nulls == 0 || self.page_nulls == self.page_rows {
            hybrid::write_run(u32::from(self.page_nulls == 0), self.page_rows, 1, raw);
        } else {
            super::header::varint((self.present.len() as u64) << 1 | 1, raw);
            raw.extend_from_slice(&self.present);
        }
        let len = u32::try_from(raw.len() - 4).unwrap_or(u32::MAX);
        if let Some(place) = raw.get_mut(..4) {
            place.copy_from_slice(&len.to_le_bytes());
        }
    }
}
