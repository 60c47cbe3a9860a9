//! Decides how epoch milliseconds read as dates, and back. UTC only, proleptic Gregorian.
//!
//! Never asks what time it is.

use crate::text::put;

pub(crate) const SECOND_MS: i64 = 1_000;
pub(crate) const MINUTE_MS: i64 = 60 * SECOND_MS;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// A moment taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) milli: i64,
    /// Days since 1970-01-01.
    pub(crate) epoch_day: i64,
}

impl Civil {
    pub(crate) const fn of(ms: i64) -> Self {
        let epoch_day = ms.div_euclid(DAY_MS);
        let rest = ms.rem_euclid(DAY_MS);
        // Hinnant's days-to-civil: years start in March, so that the leap day is the last of its year.
        let z = epoch_day + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
        Self {
            year,
            month,
            day: doy - (153 * mp + 2) / 5 + 1,
            hour: rest / HOUR_MS,
            minute: rest / MINUTE_MS % 60,
            second: rest / SECOND_MS % 60,
            milli: rest % SECOND_MS,
            epoch_day,
        }
    }

    pub(crate) fn put_date(&self, out: &mut String) {
        put!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day);
    }

    pub(crate) fn put_iso(&self, out: &mut String) {
        self.put_date(out);
        put!(out, "T{:02}:{:02}:{:02}.{:03}Z", self.hour, self.minute, self.second, self.milli);
    }

    pub(crate) fn month_name(&self) -> &'static str {
        const NAMES: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
        let at = usize::try_from((self.month - 1) * 3).unwrap_or(0);
        NAMES.get(at..at + 3).unwrap_or("Jan")
    }
}

/// Days since 1970-01-01 of a date.
const fn epoch_day(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + doe - 719_468
}

/// `2026-01-01`
pub(crate) fn date(ms: i64) -> String {
    let mut out = String::new();
    Civil::of(ms).put_date(&mut out);
    out
}

/// `2026-01-01T00:00:01.269Z`
#[cfg(test)]
pub(crate) fn iso(ms: i64) -> String {
    let mut out = String::new();
    Civil::of(ms).put_iso(&mut out);
    out
}

/// `2026-01-01_000001`, as in the file name of a download.
pub(crate) fn file_stamp(ms: i64) -> String {
    let c = Civil::of(ms);
    let mut out = date(ms);
    put!(&mut out, "_{:02}{:02}{:02}", c.hour, c.minute, c.second);
    out
}

/// `Thu, 01 Jan 2026 00:00:01 GMT`, as in a Date header.
pub(crate) fn http_date(ms: i64) -> String {
    const DAYS: &str = "ThuFriSatSunMonTueWed";
    let c = Civil::of(ms);
    let at = usize::try_from(c.epoch_day.rem_euclid(7) * 3).unwrap_or(0);
    let day = DAYS.get(at..at + 3).unwrap_or("Thu");
    let (month, year) = (c.month_name(), c.year);
    format!("{day}, {:02} {month} {year:04} {:02}:{:02}:{:02} GMT", c.day, c.hour, c.minute, c.second)
}

/// Reads `YYYY-MM-DD` as the first millisecond of that day.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) =
        (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let days = epoch_day(year, month, day);
    let back = Civil::of(days * DAY_MS);
    (back.month == month && back.day == day).then_some(days * DAY_MS)
}

/// Reads ISO 8601 / RFC 3339; a missing zone is UTC, a missing time is midnight. Digits below 1 ms are cut.
pub(crate) fn parse_iso(text: &str) -> Option<i64> {
    let text = text.trim();
    let Some((day, rest)) = text.split_once(['T', 't', ' ']) else {
        return parse_date(text);
    };
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at_checked(zone_at)?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = whole.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |part| number(part, 2))?;
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    let in_range = hour < 24 && minute < 60 && second < 60 && parts.next().is_none();
    let time_ms = hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + number(&millis, 3)?;
    in_range.then_some(parse_date(day)? + time_ms - zone_offset(zone)?)
}

/// Reads RFC 3339 or epoch milliseconds as epoch milliseconds.
pub fn parse_moment(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| parse_iso(text))
}

fn zone_offset(zone: &str) -> Option<i64> {
    let (sign, digits) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(0),
        Some(("+", digits)) => (1, digits.replace(':', "")),
        Some(("-", digits)) => (-1, digits.replace(':', "")),
        Some(_) => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    Some(sign * (number(hours, 2)? * HOUR_MS + number(minutes, 2)? * MINUTE_MS))
}

fn number(digits: &str, width: usize) -> Option<i64> {
    let plain = digits.len() == width && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_back() {
        for ms in [0, 951_782_400_123, 1_767_225_601_269, 4_102_444_799_999, -1] {
            assert_eq!(parse_iso(&iso(ms)), Some(ms), "{}", iso(ms));
        }
        assert_eq!(iso(1_767_225_601_269), "2026-01-01T00:00:01.269Z");
        assert_eq!(http_date(1_767_225_601_269), "Thu, 01 Jan 2026 00:00:01 GMT");
        assert_eq!(parse_iso("2026-01-01T02:00:00.5+02:00"), Some(1_767_225_600_500));
        assert_eq!(parse_iso("2026-01-01T00:00:00.123456789"), Some(1_767_225_600_123));
        assert_eq!(parse_moment("1767225600000"), parse_moment("2026-01-01"));
        assert_eq!(parse_iso("2026-02-30T00:00:00Z"), None);
        assert_eq!(parse_iso("yesterday"), None);
    }
}
