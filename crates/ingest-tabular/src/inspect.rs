//! Looking into Parquet files, ours and others': what a footer says, what the first rows are, whether all of it decodes.
//!
//! Everything here is read by the parquet crate's own reader, which shares no code with what wrote the file. Never
//! compares, never judges, never writes.

use std::collections::BTreeMap;

use parquet::basic::{LogicalType, TimeUnit};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader as _, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::record::Field;
use parquet::schema::types::Type;
use serde::Serialize;
use serde_json::Value;

use crate::readback::{key_values, kind};

/// What a file's footer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspected {
    /// Rows.
    pub rows: u64,
    /// Row groups.
    pub row_groups: usize,
    /// Who wrote it.
    pub created_by: String,
    /// The columns, in file order.
    pub columns: Vec<InspectedColumn>,
    /// Key-value metadata.
    pub metadata: BTreeMap<String, String>,
}

/// What a file's footer says of a column, over all row groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedColumn {
    /// Its path, `a.b` where it is nested.
    pub name: String,
    /// Its Parquet type, as `INT64 (TIMESTAMP(MILLIS, UTC))`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How its pages are compressed.
    pub compression: String,
    /// Bytes of its pages in the file.
    pub compressed_bytes: u64,
    /// Bytes of its pages before compression.
    pub uncompressed_bytes: u64,
    /// Rows in which it is null, where every row group says so.
    pub nulls: Option<u64>,
}

/// Reads what a file's footer says.
///
/// # Errors
/// When it has none that can be read.
pub fn inspect<R: ChunkReader + 'static>(file: R) -> Result<Inspected, ParquetError> {
    let reader = SerializedFileReader::new(file)?;
    let metadata = reader.metadata();
    let described = metadata.file_metadata().schema_descr().columns().iter().enumerate();
    let columns = described.map(|(place, column)| {
        let chunks = || metadata.row_groups().iter().filter_map(move |group| group.columns().get(place));
        let sum = |bytes: &dyn Fn(&_) -> i64| {
            chunks().map(|chunk| u64::try_from(bytes(chunk)).unwrap_or_default()).sum()
        };
        InspectedColumn {
            name: column.path().string(),
            kind: kind(column),
            compression: chunks().next().map_or_else(String::new, |chunk| chunk.compression().to_string()),
            compressed_bytes: sum(&|chunk: &parquet::file::metadata::ColumnChunkMetaData| {
                chunk.compressed_size()
            }),
            uncompressed_bytes: sum(&|chunk| chunk.uncompressed_size()),
            nulls: chunks().map(|chunk| chunk.statistics().and_then(Statistics::null_count_opt)).sum(),
        }
    });
    Ok(Inspected {
        rows: u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default(),
        row_groups: metadata.num_row_groups(),
        created_by: metadata.file_metadata().created_by().unwrap_or_default().to_owned(),
        columns: columns.collect(),
        metadata: key_values(metadata),
    })
}

/// The first `limit` rows of a file, each as its columns' names and values in file order.
///
/// # Errors
/// When it cannot be read.
pub fn head<R: ChunkReader + 'static>(
    file: R,
    limit: usize,
) -> Result<Vec<Vec<(String, Value)>>, ParquetError> {
    let reader = SerializedFileReader::new(file)?;
    let schema = reader.metadata().file_metadata().schema_descr().root_schema_ptr();
    let rows = reader.get_row_iter(None)?.take(limit);
    rows.map(|row| {
        let row = row?;
        let fields = row.get_column_iter().zip(schema.get_fields());
        Ok(fields.map(|((name, field), of)| (name.clone(), shown(field, of))).collect())
    })
    .collect()
}

/// A value as its type means it. The reader has no words for nanoseconds, and ends whole decimals in a point.
fn shown(field: &Field, of: &Type) -> Value {
    let shown = field.to_json_value();
    match (field, of.get_basic_info().logical_type_ref(), &shown) {
        (Field::Long(nanos), Some(LogicalType::Timestamp(of)), _) if of.unit == TimeUnit::NANOS => {
            let micros = Field::TimestampMicros(nanos.div_euclid(1_000)).to_json_value();
            let (instant, zone) = micros.as_str().and_then(|text| text.rsplit_once(' ')).unwrap_or_default();
            Value::String(format!("{instant}{:03} {zone}", nanos.rem_euclid(1_000)))
        }
        (Field::Decimal(_), _, Value::String(text)) => Value::String(text.trim_end_matches('.').to_owned()),
        _ => shown,
    }
}

/// Decodes every value of a file; how many rows it has.
///
/// # Errors
/// When a page cannot be read or decoded.
pub fn decode<R: ChunkReader + 'static>(file: R) -> Result<u64, ParquetError> {
    let reader = SerializedFileReader::new(file)?;
    let mut rows = 0_u64;
    for row in reader.get_row_iter(None)? {
        row?;
        rows = rows.saturating_add(1);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::basic::Type as PhysicalType;
    use parquet::data_type::Decimal;

    use super::*;

    #[test]
    fn nanoseconds_are_instants_and_whole_decimals_have_no_point() {
        let of = |physical, logical| {
            let column = Type::primitive_type_builder("a", physical).with_logical_type(Some(logical));
            Arc::new(column.with_precision(20).with_scale(0).build().unwrap())
        };
        let nanos = of(PhysicalType::INT64, LogicalType::timestamp(true, TimeUnit::NANOS));
        for (value, want) in [
            (1_772_366_403_123_456_700, "2026-03-01 12:00:03.123456700 +00:00"),
            (-1, "1969-12-31 23:59:59.999999999 +00:00"),
        ] {
            assert_eq!(shown(&Field::Long(value), &nanos), Value::from(want));
        }
        let whole = of(PhysicalType::INT64, LogicalType::integer(64, true));
        assert_eq!(shown(&Field::Long(7), &whole), Value::from(7));
        let decimal = of(PhysicalType::BYTE_ARRAY, LogicalType::decimal(0, 20));
        for (scale, want) in [(0, "1200"), (2, "12.00")] {
            let value = Field::Decimal(Decimal::from_i64(1_200, 20, scale));
            assert_eq!(shown(&value, &decimal), Value::from(want));
        }
    }
}
