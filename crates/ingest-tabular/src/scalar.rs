//! Scalars: which types a text survives, and the value it is under a type.
//!
//! Decides the bits of [`Fits`] for text and reads text by a [`ColumnType`]; `None` means that the value
//! would not print back. Never decides a column's type, and never touches a file.

use ingest_core::schema::{BoolCase, ColumnType, Fits, TimeForm};
use ingest_core::time::Timestamp;

pub use print::print_cell;

mod bsd;
pub(crate) mod instant;
pub(crate) mod number;
mod print;
pub(crate) mod swift;
mod worded;

/// The value of a cell, as its column stores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// A truth value.
    Bool(bool),
    /// A whole number; for instants, steps of the column's unit since 1970; for times of day, since midnight.
    Int(i64),
    /// An exact decimal, without its point.
    Wide(i128),
    /// A float.
    Float(f64),
    /// Days since 1970-01-01.
    Days(i32),
    /// Text as it is.
    Text(&'a [u8]),
}

/// The types that a text of an untyped source survives. Always text; never JSON.
#[must_use]
pub fn classify(text: &[u8]) -> Fits {
    let typed = match text.first() {
        Some(b'0'..=b'9' | b'-') => numeric(text).or_else(|| temporal(text)),
        Some(b't' | b'f' | b'T' | b'F' | b'N') => word(text).or_else(|| temporal(text)),
        // The other months and days of the week begin as words do.
        Some(b'A' | b'D' | b'J' | b'M' | b'O' | b'S' | b'W') => temporal(text),
        _ => None,
    };
    typed.map_or(Fits::TEXT, |bits| bits | Fits::TEXT)
}

/// The number types that a number survives; `None` when it is no plain decimal number.
pub(crate) fn numeric(text: &[u8]) -> Option<Fits> {
    number::fits(text)
}

/// The types of instants, days and times of day that a text survives, epochs excluded.
pub(crate) fn temporal(text: &[u8]) -> Option<Fits> {
    if !text.first()?.is_ascii_digit() {
        return bsd::fits(text).or_else(|| instant::read(text).map(instant::Clock::fits));
    }
    if text.len() == instant::DATE_LEN && text.get(4) == Some(&b'-') {
        return instant::read_date(text).map(|_| Fits::DATE);
    }
    if text.get(2) == Some(&b':') {
        return instant::read_time(text).map(instant::TimeOfDay::fits);
    }
    instant::read(text).map(instant::Clock::fits).or_else(|| bsd::fits(text))
}

/// Reads a text as a value of the type. `None` when the type could not print the same text back (instants:
/// could not hold the same instant).
#[must_use]
pub fn parse_cell(kind: ColumnType, text: &[u8]) -> Option<Cell<'_>> {
    parse_cell_near(kind, text, None)
}

/// As [`parse_cell`], with an instant near which the value was written: a reading without a year has no other.
#[must_use]
pub fn parse_cell_near(kind: ColumnType, text: &[u8], near: Option<Timestamp>) -> Option<Cell<'_>> {
    match kind {
        ColumnType::Bool { case } => {
            boolean(text).filter(|(_, c)| *c == case).map(|(value, _)| Cell::Bool(value))
        }
        ColumnType::Int64 => number::parse_int(text).map(Cell::Int),
        ColumnType::Float64 { form } => {
            let value = if not_a_number(text) { Some(f64::NAN) } else { number::parse_float(text, form) };
            value.map(Cell::Float)
        }
        ColumnType::Decimal { scale } => number::parse_decimal(text, scale).map(Cell::Wide),
        ColumnType::Timestamp { form: form @ (TimeForm::EpochSeconds | TimeForm::EpochMillis), unit } => {
            instant::epoch(text, form, unit).map(Cell::Int)
        }
        ColumnType::Timestamp { form: TimeForm::EpochFraction, unit } => {
            instant::epoch_fraction(text, unit).map(Cell::Int)
        }
        ColumnType::Timestamp { form, unit } if form.is_yearless() => {
            bsd::fits(text).filter(|fits| fits.has(Fits::of(kind)))?;
            bsd::read_near(text, near?)?.in_unit(unit).map(Cell::Int)
        }
        ColumnType::Timestamp { form, unit } => {
            instant::read(text).filter(|clock| clock.is_of(form))?.in_unit(unit).map(Cell::Int)
        }
        ColumnType::Date => instant::read_date(text).map(Cell::Days),
        ColumnType::Time { unit } => instant::read_time(text)?.in_unit(unit).map(Cell::Int),
        ColumnType::Text | ColumnType::Json => Some(Cell::Text(text)),
    }
}

/// The types of words that stand for values.
fn word(text: &[u8]) -> Option<Fits> {
    if not_a_number(text) {
        return Some(Fits::FLOATS);
    }
    boolean(text).map(|(_, case)| Fits::boolean(case))
}

fn boolean(text: &[u8]) -> Option<(bool, BoolCase)> {
    Some(match text {
        b"true" => (true, BoolCase::Lower),
        b"false" => (false, BoolCase::Lower),
        b"True" => (true, BoolCase::Title),
        b"False" => (false, BoolCase::Title),
        b"TRUE" => (true, BoolCase::Upper),
        b"FALSE" => (false, BoolCase::Upper),
        _ => return None,
    })
}

fn not_a_number(text: &[u8]) -> bool {
    text == b"NaN"
}

#[cfg(test)]
mod tests;
