//! RFC 3164's times, `Feb 10 10:00:00`: clock readings without a year and a zone.
//!
//! Decides whether a text is one, and of which year it is beside an instant near it. Never guesses without one.

use ingest_core::schema::TimeForm;
use ingest_core::time::{MS_PER_DAY, MS_PER_SECOND, Timestamp};

use super::instant::{Clock, SECONDS_IN_YEARS, SECONDS_PER_DAY, civil, days_of, month, second_of_day, two};

/// Length of `Feb 10 10:00:00`.
const LEN: usize = 15;
/// A year that has every day.
const LEAP_YEAR: i64 = 2000;

/// A reading, whatever its year.
#[derive(Debug, Clone, Copy)]
struct Reading {
    month: i64,
    day: i64,
    second: i64,
}

impl Reading {
    /// Seconds since 1970 in this year, if it has the day.
    fn in_year(self, year: i64) -> Option<i64> {
        let seconds = days_of(year, self.month, self.day)? * SECONDS_PER_DAY + self.second;
        SECONDS_IN_YEARS.contains(&seconds).then_some(seconds)
    }
}

/// Whether the text is a reading of a day that some year has.
pub(crate) fn is_reading(text: &[u8]) -> bool {
    read(text).is_some_and(|reading| reading.in_year(LEAP_YEAR).is_some())
}

/// The reading in the year that puts it nearest to `near`, the earlier of two as near. `None` also where neither that
/// year nor its neighbours have the day.
pub(crate) fn read_near(text: &[u8], near: Timestamp) -> Option<Clock> {
    let reading = read(text)?;
    let (year, _, _) = civil(near.millis().div_euclid(MS_PER_DAY));
    let readings = (year - 1..=year + 1).filter_map(|year| reading.in_year(year));
    let seconds = readings.min_by_key(|seconds| (seconds * MS_PER_SECOND).abs_diff(near.millis()))?;
    Some(Clock { form: TimeForm::Bsd, seconds, nanos: 0, decimals: 0 })
}

/// Days below ten stand behind a blank: behind a zero they would not print back.
fn read(text: &[u8]) -> Option<Reading> {
    let [m1, m2, m3, b' ', d1, d2, b' ', h1, h2, b':', n1, n2, b':', e1, e2] = *text.first_chunk::<LEN>()?
    else {
        return None;
    };
    if text.len() != LEN || d1 == b'0' {
        return None;
    }
    let month = month([m1, m2, m3])?;
    let day = two([if d1 == b' ' { b'0' } else { d1 }, d2])?;
    Some(Reading { month, day, second: second_of_day([h1, h2], [n1, n2], [e1, e2])? })
}
