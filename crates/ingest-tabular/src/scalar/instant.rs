//! Instants, clock readings, calendar days and times of day as text; those with a month's name are `worded`'s.
//!
//! Decides whether a text is one of the declared forms with a date that exists. Never guesses a zone, a
//! year or a century, and knows no leap second.

use ingest_core::schema::{Fits, TimeForm, TimeUnit};

use super::worded;

/// Length of `2026-02-10`.
pub(crate) const DATE_LEN: usize = 10;
/// Length of `2026-02-10T10:00:00`.
const CLOCK_LEN: usize = 19;
/// Length of `10:00:00`.
const TIME_LEN: usize = 8;
/// Length of `10/Feb/2026:10:00:00 +0000`.
const APACHE_LEN: usize = 26;
/// Decimals of a second that a column can hold.
const DECIMALS_MAX: usize = 9;
pub(crate) const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Seconds of the years 1 to 9999 of UTC: four digits print them, and readers know no others.
pub(crate) const SECONDS_IN_YEARS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// Seconds of the first and last instants that 64-bit nanoseconds hold (1677-09-21 to 2262-04-11), drawn in
/// by one, so that their decimals do not matter.
const SECONDS_IN_NANOS: std::ops::RangeInclusive<i64> = -9_223_372_035..=9_223_372_035;
/// As Apache and RFC 3164 write them.
pub(crate) const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A text read as an instant, or as a clock reading taken to be UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// How it was written.
    pub(crate) form: TimeForm,
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    /// Billionths of a second beyond them.
    pub(crate) nanos: u32,
    /// Decimals that were written.
    pub(crate) decimals: u8,
}

impl Clock {
    /// The types that hold it.
    pub(crate) fn fits(self) -> Fits {
        let near = SECONDS_IN_NANOS.contains(&self.seconds);
        let instant = if near { Fits::instant } else { Fits::far_instant };
        let other = self.form.with_offset().map_or(Fits::NONE, |form| instant(form, self.decimals));
        instant(self.form, self.decimals) | other
    }

    /// Whether the text is of the form: `Z` is an offset as well.
    pub(crate) fn is_of(self, form: TimeForm) -> bool {
        self.form == form || self.form.with_offset() == Some(form)
    }

    /// Steps of the unit since 1970; `None` when the unit is too coarse or does not reach so far.
    pub(crate) fn in_unit(self, unit: TimeUnit) -> Option<i64> {
        if unit == TimeUnit::Nanos && !SECONDS_IN_NANOS.contains(&self.seconds) {
            return None;
        }
        let fine = steps_of(i64::from(self.nanos), unit)?;
        self.seconds.checked_mul(unit.per_second())?.checked_add(fine)
    }
}

/// Decimals of a second that a text is written with, whatever its form.
pub(crate) fn written_decimals(text: &[u8]) -> usize {
    let behind =
        memchr::memrchr2(b'.', b',', text).and_then(|point| text.get(point + 1..)).unwrap_or_default();
    behind.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Steps of the unit in so many nanoseconds; `None` when it is too coarse.
fn steps_of(nanos: i64, unit: TimeUnit) -> Option<i64> {
    let (steps, rest) = match unit {
        TimeUnit::Millis => (nanos / 1_000_000, nanos % 1_000_000),
        TimeUnit::Micros => (nanos / 1_000, nanos % 1_000),
        TimeUnit::Nanos => (nanos, 0),
    };
    (rest == 0).then_some(steps)
}

/// A text read as a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeOfDay {
    nanos: i64,
    decimals: u8,
}

impl TimeOfDay {
    /// The types that hold it.
    pub(crate) fn fits(self) -> Fits {
        Fits::time_of_day(self.decimals)
    }

    /// Steps of the unit since midnight; `None` when the unit is too coarse, or none of a time of day.
    pub(crate) fn in_unit(self, unit: TimeUnit) -> Option<i64> {
        match unit {
            TimeUnit::Millis => None,
            TimeUnit::Micros | TimeUnit::Nanos => steps_of(self.nanos, unit),
        }
    }
}

/// Reads `10:00:00`, with decimals or without.
pub(crate) fn read_time(text: &[u8]) -> Option<TimeOfDay> {
    let (head, tail) = text.split_first_chunk::<TIME_LEN>()?;
    let [h1, h2, b':', n1, n2, b':', e1, e2] = *head else {
        return None;
    };
    let seconds = second_of_day([h1, h2], [n1, n2], [e1, e2])?;
    let (nanos, decimals, b"") = read_decimals(tail)? else {
        return None;
    };
    Some(TimeOfDay { nanos: seconds * NANOS_PER_SECOND + i64::from(nanos), decimals })
}

/// Days since 1970 of `2026-02-10`.
pub(crate) fn read_date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.first_chunk::<DATE_LEN>()? else {
        return None;
    };
    if text.len() != DATE_LEN {
        return None;
    }
    i32::try_from(days([y1, y2, y3, y4], [m1, m2], [d1, d2])?).ok()
}

/// Reads any form but the epochs.
pub(crate) fn read(text: &[u8]) -> Option<Clock> {
    let clock = match text {
        [_, _, b'/', b'0'..=b'9', ..] => read_month_slashed(text),
        [_, _, b'/', ..] => read_apache(text),
        [_, _, b'-' | b' ', ..] | [b'A'..=b'Z', ..] => worded::read(text),
        _ => read_iso(text),
    }?;
    SECONDS_IN_YEARS.contains(&clock.seconds).then_some(clock)
}

/// Reads whole seconds or milliseconds in the years of logs.
pub(crate) fn epoch(text: &[u8], form: TimeForm, unit: TimeUnit) -> Option<i64> {
    epoch_steps(super::number::parse_int(text)?, form, unit)
}

/// Steps of the unit since 1970 of whole seconds or milliseconds in the years of logs.
pub(crate) fn epoch_steps(value: i64, form: TimeForm, unit: TimeUnit) -> Option<i64> {
    let per_second: i64 = if form == TimeForm::EpochSeconds { 1 } else { 1_000 };
    let seconds = u64::try_from(value / per_second).ok()?;
    if !super::number::EPOCH_SECONDS.contains(&seconds) {
        return None;
    }
    value.checked_mul(unit.per_second() / per_second)
}

/// Reads seconds since 1970 with decimals that the unit holds.
pub(crate) fn epoch_fraction(text: &[u8], unit: TimeUnit) -> Option<i64> {
    let (seconds, decimals) = super::number::epoch_parts(text)?;
    let decimals = super::number::without_zeros(decimals);
    let missing = unit.decimals().checked_sub(decimals.len())?;
    let fraction = decimals.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let fraction = fraction * 10_i64.pow(u32::try_from(missing).ok()?);
    seconds.checked_mul(unit.per_second())?.checked_add(fraction)
}

/// The civil date of a day counted from 1970: year, month, day.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn read_iso(text: &[u8]) -> Option<Clock> {
    let (head, tail) = text.split_first_chunk::<CLOCK_LEN>()?;
    let [y1, y2, y3, y4, s1, m1, m2, s2, d1, d2, sep, h1, h2, b':', n1, n2, b':', e1, e2] = *head else {
        return None;
    };
    let (clock, instants) = match (s1, s2, sep) {
        (b'-', b'-', b'T') => (TimeForm::RfcLocal, Some((TimeForm::RfcUtc, TimeForm::RfcOffset))),
        (b'-', b'-', b' ') => (TimeForm::SpacedLocal, Some((TimeForm::SpacedUtc, TimeForm::SpacedOffset))),
        (b'/', b'/', b' ') => (TimeForm::SlashedLocal, None),
        _ => return None,
    };
    let day = days([y1, y2, y3, y4], [m1, m2], [d1, d2])?;
    // MariaDB writes hours before ten behind a second blank.
    let h1 = if (h1, sep) == (b' ', b' ') { b'0' } else { h1 };
    let seconds = day * SECONDS_PER_DAY + second_of_day([h1, h2], [n1, n2], [e1, e2])?;
    let (nanos, decimals, zone) = read_decimals(tail)?;
    let (form, shift) = match (zone, instants) {
        (b"", _) => (clock, 0),
        (zone, Some((utc, offset))) => match zone.strip_prefix(b" ").unwrap_or(zone) {
            b"Z" | b"UTC" | b"GMT" => (utc, 0),
            zone => (offset, read_offset(zone)?),
        },
        _ => return None,
    };
    Some(Clock { form, seconds: seconds - shift, nanos, decimals })
}

fn read_apache(text: &[u8]) -> Option<Clock> {
    let (head, tail) = text.split_first_chunk::<20>()?;
    let [d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':', h1, h2, b':', n1, n2, b':', e1, e2] = *head
    else {
        return None;
    };
    let day = days_of(four([y1, y2, y3, y4])?, month([m1, m2, m3])?, two([d1, d2])?)?;
    let seconds = day * SECONDS_PER_DAY + second_of_day([h1, h2], [n1, n2], [e1, e2])?;
    if text.len() == APACHE_LEN
        && let Some(zone) = tail.strip_prefix(b" ")
    {
        return Some(Clock {
            form: TimeForm::Apache,
            seconds: seconds - read_offset(zone)?,
            nanos: 0,
            decimals: 0,
        });
    }
    let (nanos, decimals @ 1.., b"") = read_decimals(tail)? else { return None };
    Some(Clock { form: TimeForm::ApacheLocal, seconds, nanos, decimals })
}

fn read_month_slashed(text: &[u8]) -> Option<Clock> {
    let (head, tail) = text.split_first_chunk::<CLOCK_LEN>()?;
    let [m1, m2, b'/', d1, d2, b'/', y1, y2, y3, y4, b'-', h1, h2, b':', n1, n2, b':', e1, e2] = *head else {
        return None;
    };
    let day = days([y1, y2, y3, y4], [m1, m2], [d1, d2])?;
    let seconds = day * SECONDS_PER_DAY + second_of_day([h1, h2], [n1, n2], [e1, e2])?;
    let (nanos, decimals, b"") = read_decimals(tail)? else { return None };
    Some(Clock { form: TimeForm::MonthSlashed, seconds, nanos, decimals })
}

/// The number of a month by the three letters of its name.
pub(super) fn month(name: [u8; 3]) -> Option<i64> {
    Some(MONTHS.iter().zip(1_i64..).find(|(month, _)| ***month == name)?.1)
}

/// Billionths, the count of decimals, and what follows them. ISO 8601 knows the comma before decimals, too.
pub(super) fn read_decimals(tail: &[u8]) -> Option<(u32, u8, &[u8])> {
    let Some((b'.' | b',', digits)) = tail.split_first() else {
        return Some((0, 0, tail));
    };
    let len = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, zone) = digits.split_at_checked(len).filter(|_| (1..=DECIMALS_MAX).contains(&len))?;
    let read = digits.iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let nanos = (len..DECIMALS_MAX).fold(read, |sum, _| sum * 10);
    Some((nanos, u8::try_from(len).ok()?, zone))
}

/// Seconds east of Greenwich of `+01:00` or `+0100`.
fn read_offset(zone: &[u8]) -> Option<i64> {
    let (sign, h, m) = match *zone {
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, two([h1, h2])?, two([m1, m2])?),
        _ => return None,
    };
    if h > 23 || m > 59 {
        return None;
    }
    match sign {
        b'+' => Some(h * 3_600 + m * 60),
        b'-' => Some(-(h * 3_600 + m * 60)),
        _ => None,
    }
}

pub(super) fn second_of_day(h: [u8; 2], m: [u8; 2], s: [u8; 2]) -> Option<i64> {
    let (h, m, s) = (two(h)?, two(m)?, two(s)?);
    (h < 24 && m < 60 && s < 60).then_some(h * 3_600 + m * 60 + s)
}

fn days(y: [u8; 4], m: [u8; 2], d: [u8; 2]) -> Option<i64> {
    days_of(four(y)?, two(m)?, two(d)?)
}

/// Days since 1970 of a date that exists, from the year 1 on.
pub(super) fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if year < 1 || day < 1 || day > length {
        return None;
    }
    let march_year = year - i64::from(month <= 2);
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    Some(march_year * 365 + leap_days + day_of_year - 719_468)
}

pub(super) fn two([a, b]: [u8; 2]) -> Option<i64> {
    (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
}

pub(super) fn four([a, b, c, d]: [u8; 4]) -> Option<i64> {
    Some(two([a, b])? * 100 + two([c, d])?)
}
