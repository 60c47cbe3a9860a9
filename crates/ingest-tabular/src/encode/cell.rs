//! A value in its source's terms, as the cell of a column's type.
//!
//! Decides whether the type holds it, and whether it says more than the column tells apart. Never bends a value, and
//! knows neither rows nor pages.

use ingest_core::schema::{ColumnType, TimeForm};
use ingest_core::time::Timestamp;

use crate::parse::Value;
use crate::quarantine::push_json_string;
use crate::scalar::instant::written_decimals;
use crate::scalar::{Cell, parse_cell, parse_cell_near};

/// The cell of a value under its column's type; `None` when the type does not hold it. `scratch` holds text
/// that had to be made.
pub(super) fn cell_of<'a>(
    kind: ColumnType,
    value: Value<'a>,
    near: Option<Timestamp>,
    scratch: &'a mut String,
) -> Option<Cell<'a>> {
    match (kind, value) {
        (ColumnType::Json, Value::Text(text)) => {
            scratch.clear();
            push_json_string(scratch, std::str::from_utf8(text).ok()?);
            Some(Cell::Text(scratch.as_bytes()))
        }
        (_, Value::Text(text)) => parse_cell_near(kind, text, near),
        (ColumnType::Json, Value::String { raw, .. } | Value::Number(raw) | Value::Raw(raw)) => {
            Some(Cell::Text(raw))
        }
        (ColumnType::Json, Value::Bool(value)) => Some(Cell::Text(if value { b"true" } else { b"false" })),
        (ColumnType::Text, Value::String { text, .. }) => Some(Cell::Text(text)),
        (
            ColumnType::Timestamp { .. } | ColumnType::Date | ColumnType::Time { .. },
            Value::String { text, exact: true, .. },
        ) => {
            // An epoch in quotes is text to its source.
            (!is_epoch(kind)).then(|| parse_cell_near(kind, text, near)).flatten()
        }
        (
            ColumnType::Int64
            | ColumnType::Float64 { .. }
            | ColumnType::Decimal { .. }
            | ColumnType::Timestamp { .. },
            Value::Number(text),
        ) => parse_cell(kind, text),
        (ColumnType::Bool { .. }, Value::Bool(value)) => {
            parse_cell(kind, if value { b"true" } else { b"false" }).map(|_| Cell::Bool(value))
        }
        _ => None,
    }
}

/// Whether an instant is written with more decimals than its column tells apart. What is written decides a type, so that
/// a column has room for what comes later; once it has one, any instant that it holds is stored.
pub(super) fn is_finer(kind: ColumnType, text: &[u8]) -> bool {
    match kind {
        ColumnType::Timestamp { unit, .. } | ColumnType::Time { unit } => {
            written_decimals(text) > unit.decimals()
        }
        ColumnType::Bool { .. }
        | ColumnType::Int64
        | ColumnType::Float64 { .. }
        | ColumnType::Decimal { .. }
        | ColumnType::Date
        | ColumnType::Text
        | ColumnType::Json => false,
    }
}

/// Whether values of the type are bare numbers that stand for instants.
const fn is_epoch(kind: ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::Timestamp {
            form: TimeForm::EpochSeconds | TimeForm::EpochMillis | TimeForm::EpochFraction,
            ..
        }
    )
}

/// Steps of a column's unit in a millisecond, where its values are instants.
pub(super) const fn steps_per_milli(kind: ColumnType) -> Option<i64> {
    use ingest_core::schema::TimeUnit;
    match kind {
        ColumnType::Timestamp { unit: TimeUnit::Millis, .. } => Some(1),
        ColumnType::Timestamp { unit: TimeUnit::Micros, .. } => Some(1_000),
        ColumnType::Timestamp { unit: TimeUnit::Nanos, .. } => Some(1_000_000),
        ColumnType::Bool { .. }
        | ColumnType::Int64
        | ColumnType::Float64 { .. }
        | ColumnType::Decimal { .. }
        | ColumnType::Date
        | ColumnType::Time { .. }
        | ColumnType::Text
        | ColumnType::Json => None,
    }
}
