//! Printing: the text of a cell, as its column's type writes it.
//!
//! The proof of the lossless law: what a type prints is what was read. Never looks at the original text.

use ingest_core::schema::{BoolCase, ColumnType, FloatForm, TimeForm, TimeUnit};
use ingest_core::time::MS_PER_SECOND;

use super::Cell;
use super::instant::{MONTHS, SECONDS_PER_DAY, civil};
use super::number::{print_decimal, print_point, print_shortest};
use super::worded::WEEKDAYS;

/// The text of a cell under its column's type; `None` when the two do not belong together.
///
/// Instants and times of day print with the full decimals of their unit, and instants in UTC where their form has an offset.
#[must_use]
pub fn print_cell(kind: ColumnType, cell: Cell<'_>) -> Option<Vec<u8>> {
    let text = match (kind, cell) {
        (ColumnType::Bool { case }, Cell::Bool(value)) => print_bool(case, value).to_owned(),
        (ColumnType::Int64, Cell::Int(value)) => value.to_string(),
        (ColumnType::Float64 { form }, Cell::Float(value)) => print_float(form, value),
        (ColumnType::Decimal { scale }, Cell::Wide(value)) => print_decimal(value, scale),
        (ColumnType::Timestamp { form, unit }, Cell::Int(steps)) => print_instant(form, unit, steps),
        (ColumnType::Date, Cell::Days(days)) => print_date(i64::from(days), '-'),
        (ColumnType::Time { unit }, Cell::Int(steps)) => print_fine(unit, steps),
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
    let per_day = unit.per_second() * SECONDS_PER_DAY;
    let (days, of_day) = (steps.div_euclid(per_day), steps.rem_euclid(per_day));
    let (year, month, day) = civil(days);
    let name = || month_name(month);
    let clock = || print_clock(of_day / unit.per_second());
    let fine = || print_fine(unit, of_day);
    match form {
        TimeForm::RfcUtc => format!("{}T{}Z", print_date(days, '-'), fine()),
        TimeForm::RfcOffset => format!("{}T{}+00:00", print_date(days, '-'), fine()),
        TimeForm::RfcLocal => format!("{}T{}", print_date(days, '-'), fine()),
        TimeForm::SpacedUtc => format!("{} {}Z", print_date(days, '-'), fine()),
        TimeForm::SpacedOffset => format!("{} {}+00:00", print_date(days, '-'), fine()),
        TimeForm::SpacedLocal => format!("{} {}", print_date(days, '-'), fine()),
        TimeForm::SlashedLocal => format!("{} {}", print_date(days, '/'), fine()),
        TimeForm::Apache => format!("{day:02}/{}/{year:04}:{} +0000", name(), clock()),
        TimeForm::ApacheLocal => format!("{day:02}/{}/{year:04}:{}", name(), fine()),
        TimeForm::Bsd => format!("{} {day:2} {}", name(), clock()),
        TimeForm::Ctime => format!("{} {} {day:2} {} {year:04}", weekday_name(days), name(), fine()),
        TimeForm::MonthFirst => format!("{} {day:2} {year:04} {}", name(), fine()),
        TimeForm::DayFirst => format!("{day:02}-{}-{year:04} {}", name(), fine()),
        TimeForm::DayFirstUtc => format!("{day:02}-{}-{year:04} {} UTC", name(), fine()),
        TimeForm::MonthSlashed => format!("{month:02}/{day:02}/{year:04}-{}", fine()),
        TimeForm::Glog => format!("{month:02}{day:02} {}", fine()),
        TimeForm::Logcat => format!("{month:02}-{day:02} {}", fine()),
        TimeForm::EpochSeconds => steps.div_euclid(unit.per_second()).to_string(),
        TimeForm::EpochFraction => {
            let (seconds, rest) = (steps.div_euclid(unit.per_second()), steps.rem_euclid(unit.per_second()));
            format!("{seconds}.{rest:0width$}", width = unit.decimals())
        }
        TimeForm::EpochMillis => steps.div_euclid(unit.per_second() / MS_PER_SECOND).to_string(),
    }
}

/// `10:00:00` of so many steps since midnight, with the full decimals of the unit.
fn print_fine(unit: TimeUnit, of_day: i64) -> String {
    let (seconds, rest) = (of_day / unit.per_second(), of_day % unit.per_second());
    format!("{}.{rest:0width$}", print_clock(seconds), width = unit.decimals())
}

fn print_clock(second: i64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

fn month_name(month: i64) -> &'static str {
    name_at(&MONTHS, month - 1)
}

fn weekday_name(days: i64) -> &'static str {
    name_at(&WEEKDAYS, days.rem_euclid(7))
}

fn name_at(names: &'static [&'static [u8; 3]], place: i64) -> &'static str {
    let name = usize::try_from(place).ok().and_then(|place| names.get(place));
    name.map_or("", |name| std::str::from_utf8(*name).unwrap_or(""))
}
