//! Clock readings without a year and a zone: RFC 3164's `Feb 10 10:00:00`, glog's `0210 10:00:00.123456`, and Android's
//! `02-10 10:00:00.123`.
//!
//! Decides whether a text is one, and of which year it is beside an instant near it. Never guesses without one.

use ingest_core::schema::{ColumnType, Fits, TimeForm, TimeUnit};
use ingest_core::time::{MS_PER_DAY, MS_PER_SECOND, Timestamp};

use super::instant::{
    Clock, SECONDS_IN_YEARS, SECONDS_PER_DAY, civil, days_of, month, read_decimals, second_of_day, two,
};

/// Length of `Feb 10 10:00:00`.
const BSD_LEN: usize = 15;
/// Length of `0210 10:00:00.123456`.
const GLOG_LEN: usize = 20;
/// Length of `02-10 10:00:00.123`.
const LOGCAT_LEN: usize = 18;
/// A year that has every day.
const LEAP_YEAR: i64 = 2000;

/// A reading, whatever its year.
#[derive(Debug, Clone, Copy)]
struct Reading {
    form: TimeForm,
    month: i64,
    day: i64,
    second: i64,
    nanos: u32,
    decimals: u8,
}

impl Reading {
    /// Seconds since 1970 in this year, if it has the day.
    fn in_year(self, year: i64) -> Option<i64> {
        let seconds = days_of(year, self.month, self.day)? * SECONDS_PER_DAY + self.second;
        SECONDS_IN_YEARS.contains(&seconds).then_some(seconds)
    }
}

/// The types that hold a reading of a day that some year has. One with decimals prints back from one unit only.
pub(crate) fn fits(text: &[u8]) -> Option<Fits> {
    let reading = read(text)?;
    reading.in_year(LEAP_YEAR)?;
    let exactly = |unit| Fits::of(ColumnType::Timestamp { form: reading.form, unit });
    Some(match reading.decimals {
        0 => Fits::instant(reading.form, 0),
        3 => exactly(TimeUnit::Millis),
        _ => exactly(TimeUnit::Micros),
    })
}

/// The reading in the year that puts it nearest to `near`, the earlier of two as near. `None` also where neither that
/// year nor its neighbours have the day.
pub(crate) fn read_near(text: &[u8], near: Timestamp) -> Option<Clock> {
    let reading = read(text)?;
    let (year, _, _) = civil(near.millis().div_euclid(MS_PER_DAY));
    let readings = (year - 1..=year + 1).filter_map(|year| reading.in_year(year));
    let seconds = readings.min_by_key(|seconds| (seconds * MS_PER_SECOND).abs_diff(near.millis()))?;
    let Reading { form, nanos, decimals, .. } = reading;
    Some(Clock { form, seconds, nanos, decimals })
}

fn read(text: &[u8]) -> Option<Reading> {
    match text.len() {
        BSD_LEN => read_bsd(text),
        GLOG_LEN => read_digits(text, TimeForm::Glog),
        LOGCAT_LEN => read_digits(text, TimeForm::Logcat),
        _ => None,
    }
}

/// Days below ten stand behind a blank: behind a zero they would not print back.
fn read_bsd(text: &[u8]) -> Option<Reading> {
    let [m1, m2, m3, b' ', d1, d2, b' ', clock @ ..] = *text.first_chunk::<BSD_LEN>()? else { return None };
    if d1 == b'0' {
        return None;
    }
    let month = month([m1, m2, m3])?;
    let day = two([if d1 == b' ' { b'0' } else { d1 }, d2])?;
    Some(Reading { form: TimeForm::Bsd, month, day, second: second_of(clock)?, nanos: 0, decimals: 0 })
}

/// Month and day in digits, and a clock with decimals behind a point.
fn read_digits(text: &[u8], form: TimeForm) -> Option<Reading> {
    let (month, day, rest) = match *text {
        [m1, m2, d1, d2, b' ', ..] if form == TimeForm::Glog => ([m1, m2], [d1, d2], text.get(5..)?),
        [m1, m2, b'-', d1, d2, b' ', ..] if form == TimeForm::Logcat => ([m1, m2], [d1, d2], text.get(6..)?),
        _ => return None,
    };
    let (clock, tail) = rest.split_first_chunk::<8>()?;
    let (nanos, decimals, b"") = read_decimals(tail).filter(|_| tail.first() == Some(&b'.'))? else {
        return None;
    };
    Some(Reading { form, month: two(month)?, day: two(day)?, second: second_of(*clock)?, nanos, decimals })
}

fn second_of(clock: [u8; 8]) -> Option<i64> {
    let [h1, h2, b':', n1, n2, b':', e1, e2] = clock else { return None };
    second_of_day([h1, h2], [n1, n2], [e1, e2])
}
