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

pub use options::{Codec, EncodeOptions, Encodings, Guess, OwnColumns, RowGroupBounds};

use crate::cells::{Batch, Keep, RecordCutter};
use crate::parse::Ignored;
use crate::quarantine::{Quarantine, Reason};
use columns::Columns;
use hashing::Hashing;
use layout::{FileLayout, properties};
use output::Output;

mod cell;
mod column;
mod columns;
mod crew;
mod group;
pub(crate) mod hashing;
pub(crate) mod layout;
mod options;
mod output;
mod own;
mod page;
mod rescue;

/// The footer's key for the hash of every byte before the page index and footer: XXH3, 128 bits, in hex.
pub const CONTENT_HASH_FACT: &str = "ingest.content_hash";
/// The footer's key for the count of these bytes.
pub const CONTENT_BYTES_FACT: &str = "ingest.content_bytes";

/// Rows that are handed to the columns at once where nothing else is asked for: enough to stay with one column for a
/// while, few enough for the cache.
pub const BATCH_ROWS: u32 = 8_192;

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
    #[error("`{field}` has a value that its column can not hold, and the file has no `_rescued` column")]
    NeedsRescue {
        /// The field.
        field: String,
    },
    /// The guessed schema does not hold all values; nothing is wrong with them.
    #[error("`{field}` has a value that its guessed column can not hold")]
    WrongGuess {
        /// The field.
        field: String,
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
    output: Output<W>,
    cutter: RecordCutter,
    columns: Columns,
    rows_max: u32,
    /// Batches in work.
    open: usize,
    /// Batches that are through, for the next records.
    spare: Vec<Batch>,
    records: u64,
    stored: u64,
    quarantined: BTreeMap<Reason, u64>,
    ignored: BTreeMap<Ignored, u64>,
}

impl<W: Write + Send + 'static> Encoder<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When the schema can not be laid out, or the output refuses its first bytes.
    pub fn create(output: W, schema: &TableSchema, options: EncodeOptions) -> Result<Self, EncodeError> {
        let layout = FileLayout::new(schema, &options).map_err(EncodeError::Layout)?;
        let file_schema = Arc::clone(&layout.schema);
        let writer = SerializedFileWriter::new(Hashing::new(output), file_schema, Arc::new(properties()));
        let writer = writer.map_err(EncodeError::Layout)?;
        let keep = if options.own.is_some() { Keep::Origins } else { Keep::Values };
        Ok(Self {
            cutter: RecordCutter::new(&schema.shape, options.origin, keep),
            rows_max: options.batch_rows.max(1),
            columns: Columns::new(schema, &layout, writer.schema_descr().columns(), options)?,
            output: Output::new(writer),
            open: 0,
            spare: Vec::new(),
            records: 0,
            stored: 0,
            quarantined: BTreeMap::new(),
            ignored: BTreeMap::new(),
        })
    }

    /// The same, for a schema that may have to grow: a value of a field without a column ends the encoding with
    /// [`EncodeError::WrongGuess`], and is not rescued.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.columns.close();
        self
    }

    /// Encodes the records of a block.
    ///
    /// # Errors
    /// When the output fails, or a value needs a `_rescued` column that the file has not. The file is then
    /// of no use.
    pub fn push(&mut self, block: &RecordBlock, quarantine: &mut dyn Quarantine) -> Result<(), EncodeError> {
        self.push_ahead(block, quarantine)?;
        self.complete(quarantine)
    }

    /// As [`Encoder::push`], but with several threads others go on with the records meanwhile; [`Encoder::complete`] waits
    /// for them.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn push_ahead(
        &mut self,
        block: &RecordBlock,
        quarantine: &mut dyn Quarantine,
    ) -> Result<(), EncodeError> {
        let mut taken = 0;
        while taken < block.len() {
            let mut batch = self.spare.pop().unwrap_or_default();
            taken += self.cutter.cut(block, taken, self.rows_max, &mut batch);
            let spare = self.encode(batch, quarantine)?;
            self.spare.push(spare);
        }
        Ok(())
    }

    /// Encodes a batch of a file's text, and gives one back to be filled with the next records. With several threads,
    /// others go on with it meanwhile; [`Encoder::complete`] waits for them.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn encode(&mut self, batch: Batch, quarantine: &mut dyn Quarantine) -> Result<Batch, EncodeError> {
        if self.columns.must_be_measured() {
            self.complete(quarantine)?;
        }
        if let Err(error) = self.columns.begin(&Arc::new(batch)) {
            // What is wrong with records before these is told first, whoever was how fast.
            self.complete(quarantine)?;
            return Err(error);
        }
        self.open += 1;
        self.complete_but(self.columns.ahead(), quarantine)?;
        Ok(self.spare.pop().unwrap_or_default())
    }

    /// Waits until all batches are encoded.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn complete(&mut self, quarantine: &mut dyn Quarantine) -> Result<(), EncodeError> {
        self.complete_but(0, quarantine)
    }

    /// Waits until no more than `ahead` batches are in work.
    fn complete_but(&mut self, ahead: usize, quarantine: &mut dyn Quarantine) -> Result<(), EncodeError> {
        while self.open > ahead {
            let Some(batch) = self.columns.complete(&self.output)? else { return Ok(()) };
            self.open -= 1;
            self.records += batch.records();
            self.stored += u64::from(batch.rows());
            for (record, reason) in batch.refused() {
                quarantine.take(record, reason);
                *self.quarantined.entry(reason).or_insert(0) += 1;
            }
            for (kind, count) in batch.ignored() {
                *self.ignored.entry(kind).or_insert(0) += count;
            }
            self.spare.extend(Arc::try_unwrap(batch));
        }
        Ok(())
    }

    /// Ends the file with the given facts in its footer. What was not completed before is lost, and told as such.
    ///
    /// # Errors
    /// When the output fails, or the records in are not the records out.
    pub fn finish(mut self, facts: &[(String, String)]) -> Result<Encoded<W>, EncodeError> {
        self.columns.end_group();
        while self.columns.complete(&self.output)?.is_some() {}
        self.columns.settle()?;
        self.output.check()?;
        self.check_balance(self.output.rows())?;
        let mut writer = self.output.into_writer()?;
        writer.flush().map_err(EncodeError::Flush)?;
        let (content_hash, content_bytes) = (writer.inner().hash(), writer.inner().bytes());
        for (key, value) in facts {
            writer.append_key_value_metadata(KeyValue::new(key.clone(), value.clone()));
        }
        for (key, value) in
            [(CONTENT_HASH_FACT, content_hash.clone()), (CONTENT_BYTES_FACT, content_bytes.to_string())]
        {
            writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let output = writer.into_inner().map_err(EncodeError::Footer)?;
        Ok(Encoded {
            rows: self.stored,
            quarantined: self.quarantined,
            ignored: self.ignored,
            rescued: self.columns.rescued,
            file_bytes: output.bytes(),
            file_hash: output.hash(),
            content_hash,
            times: self.columns.times(),
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
}

#[cfg(test)]
mod tests;
