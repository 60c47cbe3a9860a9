//! Reading back: what a finished file really holds, from the bytes that the disk gives.
//!
//! Decides whether a file is whole: its footer and page index parse, its bytes have the hash that its footer
//! and its encoder say. Never decodes pages, never opens a path, and never repairs.

use std::collections::BTreeMap;
use std::io::Read;

use ingest_core::schema::own;
use ingest_core::time::Timestamp;
use parquet::basic::LogicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::ChunkReader;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;
use twox_hash::XxHash3_128;

use crate::encode::hashing::hex;
use crate::encode::{CONTENT_BYTES_FACT, CONTENT_HASH_FACT, Encoded};

pub use chunks::Chunks;

mod chunks;

/// Bytes that are hashed at once.
const READ_LEN: usize = 1 << 18;

/// What a file holds, by its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Rows.
    pub rows: u64,
    /// Key-value metadata of the footer.
    pub facts: BTreeMap<String, String>,
    /// The columns, in file order.
    pub columns: Vec<ColumnFacts>,
    /// First and last `_time` of the statistics.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Row groups.
    pub row_groups: usize,
    /// Length of the file.
    pub file_bytes: u64,
    /// Hash of the whole file, computed from its bytes.
    pub file_hash: String,
    /// Hash of every byte before the page index and footer, computed and equal to what the footer says.
    pub content_hash: String,
    /// Who wrote it.
    pub created_by: String,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFacts {
    /// Its name.
    pub name: String,
    /// Its Parquet type, as `INT64 (TIMESTAMP(MILLIS, UTC))`.
    pub kind: String,
    /// Rows in which it is null.
    pub nulls: u64,
}

/// A file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// Its footer or page index can not be read.
    #[error("failed to read the footer of the file")]
    Footer(#[source] ParquetError),
    /// Its bytes can not be read.
    #[error("failed to read the bytes of the file")]
    Bytes(#[source] std::io::Error),
    /// Its footer lacks a fact, or has one that can not be.
    #[error("the footer has no usable `{fact}`")]
    Fact {
        /// The fact.
        fact: String,
    },
    /// It differs from what was written.
    #[error("the file's {what} is {found}, where {expected} was written")]
    Differs {
        /// What differs.
        what: &'static str,
        /// What the file has.
        found: String,
        /// What it should have.
        expected: String,
    },
}

/// Reads a finished file's footer, and hashes every byte of it.
///
/// # Errors
/// When it can not be read, or its content has not the hash that its footer says.
pub fn read_back<R: ChunkReader>(reader: &R) -> Result<FileFacts, ReadBackError> {
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(reader)
        .map_err(ReadBackError::Footer)?;
    let facts = key_values(&metadata);
    let content_bytes: u64 = fact(&facts, CONTENT_BYTES_FACT, |text| text.parse().ok())?;
    let expected = fact(&facts, CONTENT_HASH_FACT, |text| Some(text.to_owned()))?;
    let hashes = hash(reader, content_bytes)?;
    differs("content hash", &hashes.content, &expected)?;
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
    let in_groups: i64 = metadata.row_groups().iter().map(|group| group.num_rows()).sum();
    differs("row count in row groups", &in_groups.to_string(), &rows.to_string())?;
    Ok(FileFacts {
        rows,
        columns: columns(&metadata)?,
        times: times(&metadata)?,
        facts,
        row_groups: metadata.num_row_groups(),
        file_bytes: reader.len(),
        file_hash: hashes.file,
        content_hash: hashes.content,
        created_by: metadata.file_metadata().created_by().unwrap_or_default().to_owned(),
    })
}

/// Compares a file that was read back with what its encoder said.
///
/// # Errors
/// On any difference.
pub fn check<W>(facts: &FileFacts, encoded: &Encoded<W>) -> Result<(), ReadBackError> {
    differs("length", &facts.file_bytes.to_string(), &encoded.file_bytes.to_string())?;
    differs("hash", &facts.file_hash, &encoded.file_hash)?;
    differs("content hash", &facts.content_hash, &encoded.content_hash)?;
    differs("row count", &facts.rows.to_string(), &encoded.rows.to_string())?;
    differs("span of time", &span(facts.times), &span(encoded.times))
}

fn span(times: Option<(Timestamp, Timestamp)>) -> String {
    times.map_or_else(|| "none".to_owned(), |(first, last)| format!("{first} to {last}"))
}

fn differs(what: &'static str, found: &str, expected: &str) -> Result<(), ReadBackError> {
    if found == expected {
        return Ok(());
    }
    Err(ReadBackError::Differs { what, found: found.to_owned(), expected: expected.to_owned() })
}

fn fact<T>(
    facts: &BTreeMap<String, String>,
    name: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, ReadBackError> {
    facts.get(name).and_then(|text| read(text)).ok_or_else(|| ReadBackError::Fact { fact: name.to_owned() })
}

pub(crate) fn key_values(metadata: &ParquetMetaData) -> BTreeMap<String, String> {
    let pairs = metadata.file_metadata().key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect()
}

fn columns(metadata: &ParquetMetaData) -> Result<Vec<ColumnFacts>, ReadBackError> {
    let described = metadata.file_metadata().schema_descr().columns().iter().enumerate();
    described
        .map(|(place, column)| {
            let chunks = metadata.row_groups().iter().filter_map(|group| group.columns().get(place));
            let nulls = chunks.map(|chunk| chunk.statistics().and_then(Statistics::null_count_opt)).sum();
            let nulls: Option<u64> = nulls;
            let nulls = nulls
                .ok_or_else(|| ReadBackError::Fact { fact: format!("null count of {}", column.name()) })?;
            Ok(ColumnFacts { name: column.name().to_owned(), kind: kind(column), nulls })
        })
        .collect()
}

/// A column's type for people: how its values are stored, and what they mean, in the words of the Parquet format.
pub(crate) fn kind(column: &ColumnDescriptor) -> String {
    let physical = column.physical_type();
    column
        .logical_type_ref()
        .map_or_else(|| physical.to_string(), |logical| format!("{physical} ({})", meaning(logical)))
}

fn meaning(logical: &LogicalType) -> String {
    let zone = |is_utc: bool| if is_utc { "UTC" } else { "local" };
    if let LogicalType::Timestamp(of) = logical {
        return format!("TIMESTAMP({:?}, {})", of.unit, zone(of.is_adjusted_to_u_t_c));
    }
    if let LogicalType::Time(of) = logical {
        return format!("TIME({:?}, {})", of.unit, zone(of.is_adjusted_to_u_t_c));
    }
    if let LogicalType::Decimal(of) = logical {
        return format!("DECIMAL({}, {})", of.precision, of.scale);
    }
    if let LogicalType::Integer(of) = logical {
        return format!("{}({})", if of.is_signed { "INT" } else { "UINT" }, of.bit_width);
    }
    // All others are named as the format names them; what a few of them say beside is for their readers.
    format!("{logical:?}").split(['(', ' ']).next().unwrap_or_default().to_uppercase()
}

/// First and last `_time`: every row group with rows must say both, since the column is never null.
pub(crate) fn times(metadata: &ParquetMetaData) -> Result<Option<(Timestamp, Timestamp)>, ReadBackError> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let Some(place) = columns.iter().position(|column| column.name() == own::TIME) else {
        return Ok(None);
    };
    let missing = || ReadBackError::Fact { fact: format!("statistics of {}", own::TIME) };
    let mut times: Option<(i64, i64)> = None;
    for group in metadata.row_groups() {
        let Some(Statistics::Int64(stats)) = group.columns().get(place).and_then(|chunk| chunk.statistics())
        else {
            return Err(missing());
        };
        let (Some(min), Some(max)) = (stats.min_opt(), stats.max_opt()) else {
            return Err(missing());
        };
        times = Some(times.map_or((*min, *max), |(first, last)| (first.min(*min), last.max(*max))));
    }
    Ok(times.map(|(first, last)| (Timestamp::from_millis(first), Timestamp::from_millis(last))))
}

struct Hashes {
    content: String,
    file: String,
}

/// Hashes the first `content_bytes` bytes, and all of them.
fn hash<R: ChunkReader>(reader: &R, content_bytes: u64) -> Result<Hashes, ReadBackError> {
    let mut input = reader.get_read(0).map_err(ReadBackError::Footer)?;
    let mut hasher = XxHash3_128::new();
    let mut buffer = vec![0; READ_LEN];
    let mut left = content_bytes;
    let mut content = None;
    loop {
        if left == 0 && content.is_none() {
            content = Some(hex(&hasher));
        }
        // Up to the end of the content first, so that its hash can be taken on the way.
        let want = if content.is_none() {
            usize::try_from(left).unwrap_or(READ_LEN).min(READ_LEN)
        } else {
            READ_LEN
        };
        let space = buffer.get_mut(..want).unwrap_or_default();
        let len = input.read(space).map_err(ReadBackError::Bytes)?;
        if len == 0 {
            break;
        }
        hasher.write(space.get(..len).unwrap_or_default());
        left = left.saturating_sub(len as u64);
    }
    let fact = || ReadBackError::Fact { fact: CONTENT_BYTES_FACT.to_owned() };
    Ok(Hashes { content: content.ok_or_else(fact)?, file: hex(&hasher) })
}
