//! The layout of a table's file: its Parquet columns, and how they are written.
//!
//! Decides the physical and logical type of every column, own columns included, and the writer's properties.
//! Never looks at a value.

use std::sync::Arc;

use ingest_core::schema::{ColumnType, DECIMAL_DIGITS_MAX, TableSchema, TimeForm, TimeUnit, own};
use parquet::basic::{
    BrotliLevel, Compression, ConvertedType, GzipLevel, LogicalType, Repetition, TimeUnit as Unit,
    Type as Physical, ZstdLevel,
};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::{Type, TypePtr};

use super::options::{Codec, EncodeOptions};

/// The name of the file's root, as Spark and pyarrow name it.
const ROOT: &str = "schema";

/// Where in the file's columns each kind of column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    /// Whether the first four columns are ours.
    pub(crate) own: bool,
    /// The first of the log's columns.
    pub(crate) first: usize,
    pub(crate) rescued: Option<usize>,
    pub(crate) raw: Option<usize>,
}

/// Bytes of an exact decimal.
const WIDE_LEN: i32 = 16;

/// A file's columns.
#[derive(Debug)]
pub(crate) struct FileLayout {
    pub(crate) schema: TypePtr,
    pub(crate) places: Places,
}

impl FileLayout {
    pub(crate) fn new(table: &TableSchema, options: &EncodeOptions) -> Result<Self> {
        let mut columns = Columns::default();
        if options.own.is_some() {
            let time = ColumnType::Timestamp { form: TimeForm::RfcUtc, unit: TimeUnit::Millis };
            columns.add(own::TIME, time, Repetition::REQUIRED)?;
            columns.add(own::TIMESTAMP, time, Repetition::OPTIONAL)?;
            columns.add(own::SEQUENCE, ColumnType::Int64, Repetition::OPTIONAL)?;
            columns.add(own::LOG_ID, ColumnType::Text, Repetition::REQUIRED)?;
        }
        let first = columns.types.len();
        for column in &table.columns {
            columns.add(&column.name, column.kind, Repetition::OPTIONAL)?;
        }
        // A file needs a column: rows without one could not be counted, and readers refuse it.
        let rescue = options.own.is_some() || options.rescue || table.columns.is_empty();
        let rescued = if rescue {
            Some(columns.add(own::RESCUED, ColumnType::Text, Repetition::OPTIONAL)?)
        } else {
            None
        };
        let keep_raw = options.own.as_ref().is_some_and(|own| own.keep_raw);
        let raw = if keep_raw {
            Some(columns.add(own::RAW, ColumnType::Text, Repetition::OPTIONAL)?)
        } else {
            None
        };
        let schema = Type::group_type_builder(ROOT).with_fields(columns.types).build()?;
        let places = Places { own: options.own.is_some(), first, rescued, raw };
        Ok(Self { schema: Arc::new(schema), places })
    }
}

#[derive(Default)]
struct Columns {
    types: Vec<TypePtr>,
}

impl Columns {
    fn add(&mut self, name: &str, kind: ColumnType, repetition: Repetition) -> Result<usize> {
        let physical = physical(kind);
        let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        let builder = match kind {
            ColumnType::Text | ColumnType::Json => {
                builder.with_logical_type(Some(LogicalType::String)).with_converted_type(ConvertedType::UTF8)
            }
            ColumnType::Date => {
                builder.with_logical_type(Some(LogicalType::Date)).with_converted_type(ConvertedType::DATE)
            }
            ColumnType::Timestamp { form, unit } => {
                builder.with_logical_type(Some(LogicalType::timestamp(form.is_instant(), step(unit))))
            }
            ColumnType::Time { unit } => {
                builder.with_logical_type(Some(LogicalType::time(false, step(unit))))
            }
            ColumnType::Decimal { scale } => {
                let (scale, precision) = (i32::from(scale), i32::from(DECIMAL_DIGITS_MAX));
                let builder = builder.with_length(WIDE_LEN).with_precision(precision).with_scale(scale);
                builder
                    .with_logical_type(Some(LogicalType::decimal(scale, precision)))
                    .with_converted_type(ConvertedType::DECIMAL)
            }
            ColumnType::Bool { .. } | ColumnType::Int64 | ColumnType::Float64 { .. } => builder,
        };
        self.types.push(Arc::new(builder.build()?));
        Ok(self.types.len() - 1)
    }
}

const fn step(unit: TimeUnit) -> Unit {
    match unit {
        TimeUnit::Millis => Unit::MILLIS,
        TimeUnit::Micros => Unit::MICROS,
        TimeUnit::Nanos => Unit::NANOS,
    }
}

const fn physical(kind: ColumnType) -> Physical {
    match kind {
        ColumnType::Bool { .. } => Physical::BOOLEAN,
        ColumnType::Int64 | ColumnType::Timestamp { .. } | ColumnType::Time { .. } => Physical::INT64,
        ColumnType::Float64 { .. } => Physical::DOUBLE,
        ColumnType::Decimal { .. } => Physical::FIXED_LEN_BYTE_ARRAY,
        ColumnType::Date => Physical::INT32,
        ColumnType::Text | ColumnType::Json => Physical::BYTE_ARRAY,
    }
}

/// The codec as footers name it.
pub(crate) fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::Snappy => Compression::SNAPPY,
        Codec::Gzip => Compression::GZIP(GzipLevel::default()),
        Codec::Brotli => Compression::BROTLI(BrotliLevel::default()),
        Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
        Codec::Lz4 => Compression::LZ4_RAW,
        Codec::None => Compression::UNCOMPRESSED,
    }
}

/// How the footer is written.
pub(crate) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by(format!("log-ingestion version {}", env!("CARGO_PKG_VERSION")))
        .build()
}
