//! Encoding: records of one log to one Parquet file under a fixed schema.
//!
//! Decides when a row group closes, and proves at the end that every record was stored, quarantined or
//! counted as no record. Memory holds one row group. Never decides a type, and never sees a path.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use ingest_core::records::RecordBlock;
use ingest_core::schema::TableSchema;
use ingest_core::time::Timestamp;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

pub use options::{Codec, EncodeOptions, OwnColumns, RowGroupBounds};

use crate::parse::{Ignored, Outcome, Parser};
use crate::quarantine::{Quarantine, Reason};
use hashing::Hashing;
use layout::{FileLayout, compression, properties};
use page::{Column, ColumnSpec, Compressor};
use rows::Rows;

mod buffer;
pub(crate) mod hashing;
mod layout;
mod options;
mod page;
mod rescue;
mod rows;

/// The footer's key for the hash of every byte before the page index and footer: XXH3, 128 bits, in hex.
pub const CONTENT_HASH_FACT: &str = "ingest.content_hash";
/// The footer's key for the count of these bytes.
pub const CONTENT_BYTES_FACT: &str = "ingest.content_bytes";

/// Rows that are handed to the columns at once where nothing else is asked for: enough to stay with one column for a
/// while, few enough for the cache.
pub const BATCH_ROWS: usize = 4_096;
/// Bytes of their values.
const BATCH_BYTES: usize = 2 << 20;

/// A file could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The schema has no Parquet layout, or the codec is not built in.
    #[error("failed to lay out the columns of the file")]
    Layout(#[source] ParquetError),
    /// Compressing a page failed.
    #[error("failed to compress a page")]
    Compress(#[source] io::Error),
    /// Writing a row group failed.
    #[error("failed to write a row group")]
    RowGroup(#[source] ParquetError),
    /// Writing the footer failed.
    #[error("failed to write the footer")]
    Footer(#[source] ParquetError),
    /// Flushing the output failed.
    #[error("failed to flush the output")]
    Flush(#[source] io::Error),
    /// A value needs the `_rescued` column of a file that has none.
    #[error("record {ordinal} holds a value that its column can not, and the file has no `_rescued` column")]
    NeedsRescue {
        /// The record's place in its source.
        ordinal: u64,
    },
    /// Records went astray: a defect of this program.
    #[error(
        "{records} records came in, but {stored} were stored, {quarantined} quarantined and {ignored} ignored"
    )]
    Unbalanced {
        /// Records in.
        records: u64,
        /// Rows in the finished file.
        stored: u64,
        /// Records quarantined.
        quarantined: u64,
        /// Lines that were no records.
        ignored: u64,
    },
}

/// A finished file.
#[derive(Debug)]
pub struct Encoded<W> {
    /// What it was written to.
    pub output: W,
    /// Rows in the file.
    pub rows: u64,
    /// Records quarantined, by reason.
    pub quarantined: BTreeMap<Reason, u64>,
    /// Lines of files that were no records.
    pub ignored: BTreeMap<Ignored, u64>,
    /// Values in `_rescued`.
    pub rescued: u64,
    /// Length of the file.
    pub file_bytes: u64,
    /// Hash of the whole file, in hex.
    pub file_hash: String,
    /// Hash of every byte before the page index and footer, as the footer gives it.
    pub content_hash: String,
    /// First and last `_time`, where the file has that column and a row.
    pub times: Option<(Timestamp, Timestamp)>,
}

/// Encodes records of one log into one file.
#[derive(Debug)]
pub struct Encoder<W: Write + Send> {
    writer: SerializedFileWriter<Hashing<W>>,
    options: EncodeOptions,
    parser: Parser,
    rows: Rows,
    columns: Vec<Column>,
    compressor: Compressor,
    group_rows: usize,
    records: u64,
    stored: u64,
    quarantined: BTreeMap<Reason, u64>,
    ignored: BTreeMap<Ignored, u64>,
}

impl<W: Write + Send> Encoder<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When the schema can not be laid out, or the output refuses its first bytes.
    pub fn create(output: W, schema: &TableSchema, options: EncodeOptions) -> Result<Self, EncodeError> {
        let layout = FileLayout::new(schema, &options).map_err(EncodeError::Layout)?;
        let file_schema = Arc::clone(&layout.schema);
        let writer = SerializedFileWriter::new(Hashing::new(output), file_schema, Arc::new(properties()));
        let writer = writer.map_err(EncodeError::Layout)?;
        let compression = compression(options.codec);
        let descriptors = writer.schema_descr().columns().iter();
        let columns = descriptors
            .map(|descriptor| Column::new(ColumnSpec { descriptor: Arc::clone(descriptor), compression }))
            .collect();
        Ok(Self {
            writer,
            parser: Parser::new(&schema.shape, options.origin),
            rows: Rows::new(schema, layout),
            compressor: Compressor::new(options.codec).map_err(EncodeError::Compress)?,
            options,
            columns,
            group_rows: 0,
            records: 0,
            stored: 0,
            quarantined: BTreeMap::new(),
            ignored: BTreeMap::new(),
        })
    }

    /// Encodes the records of a block.
    ///
    /// # Errors
    /// When the output fails, or a value needs a `_rescued` column that the file has not. The file is then
    /// of no use.
    pub fn push(&mut self, block: &RecordBlock, quarantine: &mut dyn Quarantine) -> Result<(), EncodeError> {
        for record in block.iter() {
            self.records += 1;
            let received = record.receipt.map(|receipt| receipt.received);
            self.rows.near = received.or_else(|| self.options.own.as_ref().map(|own| own.window_start));
            match self.parser.parse(record.bytes, &mut self.rows) {
                Outcome::Row => {
                    if !self.rows.commit(record, self.options.own.as_ref()) {
                        return Err(EncodeError::NeedsRescue { ordinal: record.ordinal });
                    }
                    self.stored += 1;
                    if self.batch_is_full() {
                        self.flush_batch()?;
                    }
                }
                Outcome::Refused(reason) => {
                    quarantine.take(record, reason);
                    *self.quarantined.entry(reason).or_insert(0) += 1;
                }
                Outcome::Ignored(kind) => *self.ignored.entry(kind).or_insert(0) += 1,
            }
        }
        Ok(())
    }

    /// Ends the file with the given facts in its footer.
    ///
    /// # Errors
    /// When the output fails, or the records in are not the records out.
    pub fn finish(mut self, facts: &[(String, String)]) -> Result<Encoded<W>, EncodeError> {
        self.flush_batch()?;
        self.close_row_group()?;
        self.writer.flush().map_err(EncodeError::Flush)?;
        let (content_hash, content_bytes) = (self.writer.inner().hash(), self.writer.inner().bytes());
        for (key, value) in facts {
            self.writer.append_key_value_metadata(KeyValue::new(key.clone(), value.clone()));
        }
        for (key, value) in
            [(CONTENT_HASH_FACT, content_hash.clone()), (CONTENT_BYTES_FACT, content_bytes.to_string())]
        {
            self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let groups = self.writer.flushed_row_groups().iter();
        self.check_balance(groups.map(|group| group.num_rows()).sum())?;
        let output = self.writer.into_inner().map_err(EncodeError::Footer)?;
        Ok(Encoded {
            rows: self.stored,
            quarantined: self.quarantined,
            ignored: self.ignored,
            rescued: self.rows.rescued,
            file_bytes: output.bytes(),
            file_hash: output.hash(),
            content_hash,
            times: self.rows.times,
            output: output.into_inner().map_err(EncodeError::Flush)?,
        })
    }

    /// Every record that came in must be accounted for, and every row be in the file.
    fn check_balance(&self, file_rows: i64) -> Result<(), EncodeError> {
        let quarantined = self.quarantined.values().sum();
        let ignored = self.ignored.values().sum();
        let stored = u64::try_from(file_rows).unwrap_or_default();
        if stored == self.stored && self.records == stored + quarantined + ignored {
            return Ok(());
        }
        Err(EncodeError::Unbalanced { records: self.records, stored, quarantined, ignored })
    }

    /// Whether the batch must go: large enough, or the last rows that the row group may hold.
    fn batch_is_full(&self) -> bool {
        let rows = usize::try_from(self.rows.count).unwrap_or(usize::MAX);
        let ends_group = self.group_rows.saturating_add(rows) >= self.options.row_group.rows;
        rows >= self.options.batch_rows || self.rows.bytes >= BATCH_BYTES || ends_group
    }

    /// Hands the batch on to the columns, and ends the row group when it is large enough.
    fn flush_batch(&mut self) -> Result<(), EncodeError> {
        let rows = usize::try_from(self.rows.count).unwrap_or(usize::MAX);
        if rows == 0 {
            return Ok(());
        }
        for (buffer, column) in self.rows.buffers.iter_mut().zip(&mut self.columns) {
            buffer.flush(column, rows, &mut self.compressor).map_err(EncodeError::Compress)?;
        }
        self.rows.count = 0;
        self.rows.bytes = 0;
        self.group_rows += rows;
        let bounds = self.options.row_group;
        let size: usize = self.columns.iter().map(Column::size).sum();
        if size >= bounds.bytes || self.group_rows >= bounds.rows {
            self.close_row_group()?;
        }
        Ok(())
    }

    fn close_row_group(&mut self) -> Result<(), EncodeError> {
        if self.group_rows == 0 {
            return Ok(());
        }
        self.write_row_group().map_err(EncodeError::RowGroup)?;
        self.group_rows = 0;
        Ok(())
    }

    fn write_row_group(&mut self) -> parquet::errors::Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let (chunk, close) = column.end_chunk(&mut self.compressor)?;
            group.append_column(&chunk, close)?;
        }
        group.close()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
