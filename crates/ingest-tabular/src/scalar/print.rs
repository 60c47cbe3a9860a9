//! Printing: the text of a cell, as its column's type writes it.
//!
//! The proof of the lossless law: what a type prints is what was read. Never looks at the original text.

use ingest_core::schema::{BoolCase, ColumnType, FloatForm, TimeForm, TimeUnit};

use super::Cell;
use super::instant::{MONTHS, civil};
use super::number::{print_point, print_shortest};

/// The text of a cell under its column's type; `None` when the two do not belong together.
///
/// Instants print with the full decimals of their unit, and in UTC where their form has an offset.
#[must_use]
pub fn print_cell(kind: ColumnType, cell: Cell<'_>) -> Option<Vec<u8>> {
    let text = match (kind, cell) {
        (ColumnType::Bool { case }, Cell::Bool(value)) => print_bool(case, value).to_owned(),
        (ColumnType::Int64, Cell::Int(value)) => value.to_string(),
        (ColumnType::Float64 { form }, Cell::Float(value)) => print_float(form, value),
        (ColumnType::Timestamp { form, unit }, Cell::Int(steps)) => print_instant(form, unit, steps),
        (ColumnType::Date, Cell::Days(days)) => print_date(i64::from(days), '-'),
        (ColumnType::Text | ColumnType::Json, Cell::Text(text)) => return Some(text.to_vec()),
        _ => return None,
    };
    Some(text.into_bytes())
}

const fn print_bool(case: BoolCase, value: bool) -> &'static str {
    match (case, value) {
        (BoolCase::Lower, true) => "true",
        (BoolCase::Lower, false) => "false",
        (BoolCase::Title, true) => "True",
        (BoolCase::Title, false) => "False",
        (BoolCase::Upper, true) => "TRUE",
        (BoolCase::Upper, false) => "FALSE",
    }
}

fn print_float(form: FloatForm, value: f64) -> String {
    match form {
        FloatForm::Shortest => print_shortest(value),
        FloatForm::Point => print_point(value),
        FloatForm::Fixed(decimals) => format!("{value:.*}", usize::from(decimals)),
    }
}

fn print_date(days: i64, separator: char) -> String {
    let (year, month, day) = civil(days);
    format!("{year:04}{separator}{month:02}{separator}{day:02}")
}

fn print_instant(form: TimeForm, unit: TimeUnit, steps: i64) -> String {
    let (per_second, width) = match unit {
        TimeUnit::Millis => (1_000, 3),
        TimeUnit::Micros => (1_000_000, 6),
        TimeUnit::Nanos => (1_000_000_000, 9),
    };
    let (seconds, rest) = (steps.div_euclid(per_second), steps.rem_euclid(per_second));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let clock = format!("{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let fine = format!("{clock}.{rest:0width$}");
    match form {
        TimeForm::RfcUtc => format!("{}T{fine}Z", print_date(days, '-')),
        TimeForm::RfcOffset => format!("{}T{fine}+00:00", print_date(days, '-')),
        TimeForm::RfcLocal => format!("{}T{fine}", print_date(days, '-')),
        TimeForm::SpacedUtc => format!("{} {fine}Z", print_date(days, '-')),
        TimeForm::SpacedOffset => format!("{} {fine}+00:00", print_date(days, '-')),
        TimeForm::SpacedLocal => format!("{} {fine}", print_date(days, '-')),
        TimeForm::SlashedLocal => format!("{} {fine}", print_date(days, '/')),
        TimeForm::Apache => {
            let (year, month, day) = civil(days);
            let place = usize::try_from(month - 1).ok();
            let name =
                place.and_then(|m| MONTHS.get(m)).map_or("", |m| std::str::from_utf8(*m).unwrap_or(""));
            format!("{day:02}/{name}/{year:04}:{clock} +0000")
        }
        TimeForm::EpochSeconds => seconds.to_string(),
        TimeForm::EpochMillis => (seconds * 1_000 + rest / (per_second / 1_000)).to_string(),
    }
}
