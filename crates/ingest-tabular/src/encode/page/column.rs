//! One column of the open row group: batches of values in, a finished chunk out.

use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, Type as Physical};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use super::chunk::Chunk;
use super::compress::Compressor;
use super::dictionary::Dictionary;
use super::numbers::{Number, Numbers};
use super::open::Pages;
use super::texts::Texts;
use super::truths::Truths;
use crate::cells::Span;
use crate::encode::options::Encodings;

/// Rows of a page: readers skip by pages, and so many keep the index small.
const PAGE_ROWS: usize = 20_000;
/// Bytes of a page's values, about.
const PAGE_BYTES: usize = 512 << 10;

/// What a column is.
#[derive(Debug, Clone)]
pub(crate) struct ColumnSpec {
    pub(crate) descriptor: ColumnDescPtr,
    pub(crate) compression: Compression,
    pub(crate) encodings: Encodings,
}

/// A column of the open row group.
#[derive(Debug)]
pub(crate) struct Column {
    spec: ColumnSpec,
    pages: Pages,
    values: Values,
    /// The dictionary of earlier pages, when later ones go without.
    retired: Option<Dictionary>,
}

#[derive(Debug)]
enum Values {
    Texts(Texts),
    Wides(Numbers<i128>),
    Wholes(Numbers<i64>),
    Floats(Numbers<f64>),
    Truths(Truths),
}

/// A batch of a column's values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Batch<'a> {
    /// Places in a text that has [`crate::cells::PADDING`] bytes behind the last of them.
    Texts(&'a [u8], &'a [Span]),
    Wholes(&'a [i64]),
    Wides(&'a [i128]),
    Floats(&'a [f64]),
    Truths(&'a [bool]),
}

impl Column {
    pub(crate) fn new(spec: ColumnSpec) -> Self {
        let physical = spec.descriptor.physical_type();
        let values = match physical {
            Physical::BOOLEAN => Values::Truths(Truths::default()),
            Physical::INT32 => Values::Wholes(Numbers::whole(true, spec.encodings)),
            Physical::INT64 => Values::Wholes(Numbers::whole(false, spec.encodings)),
            Physical::DOUBLE => Values::Floats(Numbers::new(size_of::<f64>())),
            Physical::FIXED_LEN_BYTE_ARRAY => Values::Wides(Numbers::new(size_of::<i128>())),
            Physical::BYTE_ARRAY | Physical::INT96 | Physical::FLOAT => {
                Values::Texts(Texts::new(spec.encodings))
            }
        };
        let pages = Pages::new(spec.descriptor.max_def_level() == 0, physical);
        Self { spec, pages, values, retired: None }
    }

    /// Bytes that the chunk takes so far, about.
    pub(crate) fn size(&self) -> usize {
        let dictionary = match &self.values {
            Values::Texts(texts) => texts.dictionary_bytes(),
            Values::Wides(wides) => wides.dictionary_bytes(),
            Values::Wholes(wholes) => wholes.dictionary_bytes(),
            Values::Floats(floats) => floats.dictionary_bytes(),
            Values::Truths(_) => 0,
        };
        let retired = self.retired.as_ref().map_or(0, Dictionary::bytes);
        self.pages.stored.len() + self.page_bytes() + dictionary + retired
    }

    /// Takes in `rows` rows; `with_value` are those that have one, ascending from 0.
    pub(crate) fn add(
        &mut self,
        rows: usize,
        with_value: &[u32],
        batch: Batch<'_>,
        compressor: &mut Compressor,
    ) -> io::Result<()> {
        match (&mut self.values, batch) {
            (Values::Wholes(wholes), Batch::Wholes(values)) => wholes.add(values),
            (Values::Wides(wides), Batch::Wides(values)) => wides.add(values),
            (Values::Floats(floats), Batch::Floats(values)) => floats.add(values),
            (Values::Truths(truths), Batch::Truths(values)) => truths.add(values),
            (Values::Texts(_), Batch::Texts(text, spans)) => {
                return self.add_texts(rows, with_value, (text, spans), compressor);
            }
            _ => return Err(io::Error::other("a batch of another kind than its column")),
        }
        self.pages.add_rows(rows, with_value);
        self.close_full(compressor)
    }

    fn add_texts(
        &mut self,
        rows: usize,
        with_value: &[u32],
        (text, spans): (&[u8], &[Span]),
        compressor: &mut Compressor,
    ) -> io::Result<()> {
        // Values taken in all, those of them that are in pages, and the first row that is in none.
        let (mut taken, mut paged, mut first_row) = (0, 0, 0);
        while let Some(left) = spans.get(taken..).filter(|left| !left.is_empty()) {
            let Values::Texts(texts) = &mut self.values else { break };
            let more = texts.add(text, left, PAGE_BYTES);
            taken += more;
            let is_full = texts.page_bytes() >= PAGE_BYTES;
            if more > 0 && (taken == spans.len() || !is_full) {
                continue;
            }
            // Full before the batch is through: the rows up to here make the page.
            let until = match taken.checked_sub(1).and_then(|last| with_value.get(last)) {
                Some(row) if taken > paged => row + 1,
                _ => first_row,
            };
            self.add_part(first_row, until, with_value.get(paged..taken).unwrap_or_default());
            (first_row, paged) = (until, taken);
            self.close_page(compressor)?;
            if let Values::Texts(texts) = &mut self.values
                && more == 0
                && texts.has_dictionary()
            {
                self.retired = texts.give_up_dictionary();
            }
        }
        let rest = with_value.get(paged..).unwrap_or_default();
        self.add_part(first_row, u32::try_from(rows).unwrap_or(u32::MAX), rest);
        self.close_full(compressor)
    }

    fn add_part(&mut self, first: u32, until: u32, with_value: &[u32]) {
        let rows = usize::try_from(until.saturating_sub(first)).unwrap_or(0);
        if first == 0 {
            return self.pages.add_rows(rows, with_value);
        }
        let moved: Vec<u32> = with_value.iter().map(|row| row - first).collect();
        self.pages.add_rows(rows, &moved);
    }

    fn page_bytes(&self) -> usize {
        match &self.values {
            Values::Texts(texts) => texts.page_bytes(),
            Values::Wides(wides) => wides.page_bytes(),
            Values::Wholes(wholes) => wholes.page_bytes(),
            Values::Floats(floats) => floats.page_bytes(),
            Values::Truths(truths) => truths.page_bytes(),
        }
    }

    /// Takes in rows that have no value.
    pub(crate) fn add_nulls(&mut self, rows: usize) {
        self.pages.add_rows(rows, &[]);
    }

    /// Ends the open page when it is large enough.
    pub(crate) fn close_full(&mut self, compressor: &mut Compressor) -> io::Result<()> {
        if self.pages.page_rows >= PAGE_ROWS || self.page_bytes() >= PAGE_BYTES {
            self.close_page(compressor)?;
        }
        Ok(())
    }

    fn close_page(&mut self, compressor: &mut Compressor) -> io::Result<()> {
        match &mut self.values {
            Values::Texts(texts) => texts.close(&mut self.pages, compressor),
            Values::Wides(wides) => wides.close(&mut self.pages, compressor),
            Values::Wholes(wholes) => wholes.close(&mut self.pages, compressor),
            Values::Floats(floats) => floats.close(&mut self.pages, compressor),
            Values::Truths(truths) => truths.close(&mut self.pages, compressor),
        }
    }

    /// Ends the chunk: its bytes, dictionary first, and what the footer says of it.
    pub(crate) fn end_chunk(&mut self, compressor: &mut Compressor) -> Result<(Chunk, ColumnCloseResult)> {
        self.close_page(compressor)?;
        let statistics = self.statistics();
        let texts_rest_on_one = matches!(&self.values, Values::Texts(texts) if texts.is_numbered());
        let own = match &mut self.values {
            Values::Texts(texts) => texts.end_chunk(),
            Values::Wides(wides) => wides.end_chunk(),
            Values::Wholes(wholes) => wholes.end_chunk(),
            Values::Floats(floats) => floats.end_chunk(),
            Values::Truths(truths) => {
                truths.end_chunk();
                None
            }
        };
        let dictionary = own.or_else(|| self.retired.take().filter(|_| texts_rest_on_one));
        let dictionary_page = match &dictionary {
            None => Vec::new(),
            Some(dictionary) => {
                let texts = matches!(self.values, Values::Texts(_));
                self.pages.dictionary_page(compressor, dictionary.len(), |out| {
                    if texts {
                        Texts::write_dictionary(dictionary, out);
                    } else {
                        dictionary.iter().for_each(|value| out.extend_from_slice(value));
                    }
                })?
            }
        };
        self.retired = None;
        let close = self.close_result(dictionary_page.len(), statistics)?;
        let pages = std::mem::take(&mut self.pages.stored);
        self.pages.clear();
        Ok((Chunk::new(dictionary_page, pages), close))
    }

    fn close_result(&mut self, dictionary_len: usize, statistics: Statistics) -> Result<ColumnCloseResult> {
        let pages = &mut self.pages;
        let whole = |len: usize| i64::try_from(len).unwrap_or(i64::MAX);
        let total = dictionary_len + pages.stored.len();
        let rows = pages.rows;
        let mut encodings = pages.encodings.clone();
        if !encodings.contains(&Encoding::RLE) {
            encodings.push(Encoding::RLE);
        }
        let builder = ColumnChunkMetaData::builder(Arc::clone(&self.spec.descriptor))
            .set_compression(self.spec.compression)
            .set_encodings(encodings)
            .set_total_compressed_size(whole(total))
            .set_total_uncompressed_size(whole(pages.uncompressed))
            .set_num_values(i64::try_from(rows).unwrap_or(i64::MAX))
            .set_data_page_offset(whole(dictionary_len))
            .set_dictionary_page_offset((dictionary_len > 0).then_some(0))
            .set_statistics(statistics);
        let column_index = std::mem::replace(
            &mut pages.column_index,
            parquet::file::metadata::ColumnIndexBuilder::new(self.spec.descriptor.physical_type()),
        );
        let offset_index =
            std::mem::replace(&mut pages.offset_index, parquet::file::metadata::OffsetIndexBuilder::new());
        let mut offsets = offset_index.build();
        for location in &mut offsets.page_locations {
            location.offset += whole(dictionary_len);
        }
        Ok(ColumnCloseResult {
            bytes_written: total as u64,
            rows_written: rows,
            metadata: builder.build()?,
            bloom_filter: None,
            column_index: if column_index.valid() { Some(column_index.build()?) } else { None },
            offset_index: Some(offsets),
        })
    }

    fn statistics(&self) -> Statistics {
        let nulls = Some(self.pages.nulls);
        match &self.values {
            Values::Texts(texts) => {
                let (min, min_exact) = texts.chunk.lower_bound().unzip();
                let (max, max_exact) = texts.chunk.upper_bound().unzip();
                let (min, max) = (min.map(ByteArray::from), max.map(ByteArray::from));
                Statistics::ByteArray(
                    ValueStatistics::new(min, max, None, nulls, false)
                        .with_min_is_exact(min_exact.unwrap_or(false))
                        .with_max_is_exact(max_exact.unwrap_or(false)),
                )
            }
            Values::Wides(wides) => {
                let (min, max) = wides.chunk.0.unzip();
                let bytes = |value: i128| FixedLenByteArray::from(value.to_be_bytes().to_vec());
                let (min, max) = (min.map(bytes), max.map(bytes));
                Statistics::FixedLenByteArray(ValueStatistics::new(min, max, None, nulls, false))
            }
            Values::Wholes(wholes) => {
                let (min, max) = wholes.chunk.0.unzip();
                if self.spec.descriptor.physical_type() == Physical::INT32 {
                    let narrow = |value: Option<i64>| value.and_then(|v| i32::try_from(v).ok());
                    return Statistics::Int32(ValueStatistics::new(
                        narrow(min),
                        narrow(max),
                        None,
                        nulls,
                        false,
                    ));
                }
                Statistics::Int64(ValueStatistics::new(min, max, None, nulls, false))
            }
            Values::Floats(floats) => {
                let (min, max) = f64::told(floats.chunk).0.unzip();
                Statistics::Double(ValueStatistics::new(min, max, None, nulls, false))
            }
            Values::Truths(truths) => {
                let (min, max) = truths.chunk.unzip();
                Statistics::Boolean(ValueStatistics::new(min, max, None, nulls, false))
            }
        }
    }
}
