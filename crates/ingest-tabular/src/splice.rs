//! Several finished files as one: their row groups one behind the other, byte for byte as they are.
//!
//! Decides that the files are alike, and what the footer of the whole says. Pages are copied as they lie in the files,
//! with their checksums, and so are statistics and page index: no value is decoded, so that none can change. Never joins
//! row groups, and never opens a path.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::writer::SerializedFileWriter;

use crate::encode::hashing::Hashing;
use crate::encode::layout::properties;
use crate::encode::{CONTENT_BYTES_FACT, CONTENT_HASH_FACT, EncodeError, Encoded};
use crate::readback::{ReadBackError, times};

/// Files could not become one.
#[derive(Debug, thiserror::Error)]
pub enum SpliceError {
    /// One of them cannot be read.
    #[error("failed to read a file that is to become a part of a larger one")]
    Read(#[source] ParquetError),
    /// There are none, or their columns are not the same.
    #[error("files without the same columns cannot become one")]
    Unlike,
    /// The whole cannot be written.
    #[error("failed to write the file that several are to become")]
    Write(#[from] EncodeError),
    /// Its span of time is not known.
    #[error("failed to tell the span of time of a file that is to become a part of a larger one")]
    Times(#[from] ReadBackError),
}

/// Writes the row groups of `inputs`, in their order, to one file with the given facts in its footer.
///
/// # Errors
/// When an input cannot be read, their columns differ, or the output fails. The output is then of no use.
pub fn splice<R: ChunkReader, W: Write + Send>(
    inputs: &[R],
    output: W,
    facts: &[(String, String)],
) -> Result<Encoded<W>, SpliceError> {
    let footers: Vec<ParquetMetaData> = inputs.iter().map(footer).collect::<Result<_, _>>()?;
    let first = footers.first().ok_or(SpliceError::Unlike)?;
    let schema = first.file_metadata().schema_descr().root_schema_ptr();
    let alike = |other: &ParquetMetaData| *other.file_metadata().schema_descr().root_schema() == *schema;
    if !footers.iter().all(alike) {
        return Err(SpliceError::Unlike);
    }
    let writer = SerializedFileWriter::new(Hashing::new(output), schema, Arc::new(properties()));
    let mut writer = writer.map_err(EncodeError::Layout)?;
    let mut span = None;
    for (input, footer) in inputs.iter().zip(&footers) {
        append(input, footer, &mut writer).map_err(EncodeError::RowGroup)?;
        let own = times(footer)?;
        span = match (span, own) {
            (Some((first, last)), Some((from, to))) => Some((from.min(first), to.max(last))),
            (known, own) => known.or(own),
        };
    }
    let rows: i64 = footers.iter().map(|footer| footer.file_metadata().num_rows()).sum();
    writer.flush().map_err(EncodeError::Flush)?;
    let (content_hash, content_bytes) = (writer.inner().hash(), writer.inner().bytes());
    let own = [
        (CONTENT_HASH_FACT.to_owned(), content_hash.clone()),
        (CONTENT_BYTES_FACT.to_owned(), content_bytes.to_string()),
    ];
    for (key, value) in facts.iter().chain(&own) {
        writer.append_key_value_metadata(KeyValue::new(key.clone(), value.clone()));
    }
    let output = writer.into_inner().map_err(EncodeError::Footer)?;
    Ok(Encoded {
        rows: u64::try_from(rows).unwrap_or_default(),
        quarantined: BTreeMap::new(),
        ignored: BTreeMap::new(),
        rescued: 0,
        file_bytes: output.bytes(),
        file_hash: output.hash(),
        content_hash,
        times: span,
        output: output.into_inner().map_err(EncodeError::Flush)?,
    })
}

fn footer<R: ChunkReader>(input: &R) -> Result<ParquetMetaData, SpliceError> {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.parse_and_finish(input).map_err(SpliceError::Read)
}

/// Copies all row groups of a file behind those that are there.
fn append<R: ChunkReader, W: Write + Send>(
    input: &R,
    footer: &ParquetMetaData,
    writer: &mut SerializedFileWriter<W>,
) -> Result<(), ParquetError> {
    for (at, group) in footer.row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or_default();
        let mut into = writer.next_row_group()?;
        for (place, metadata) in group.columns().iter().enumerate() {
            let column_index = footer.column_index().and_then(|all| all.get(at)?.get(place)).cloned();
            let offset_index = footer.offset_index().and_then(|all| all.get(at)?.get(place)).cloned();
            into.append_column(
                input,
                ColumnCloseResult {
                    bytes_written: u64::try_from(metadata.compressed_size()).unwrap_or_default(),
                    rows_written: rows,
                    metadata: metadata.clone(),
                    bloom_filter: None,
                    column_index: column_index.filter(|index| !matches!(index, ColumnIndexMetaData::NONE)),
                    offset_index,
                },
            )?;
        }
        into.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
