//! Clock readings with a month's name and a year: `Tue Feb 10 10:00:00 2026`, `Feb 10 2026 10:00:00`,
//! `10-Feb-2026 10:00:00`, each with decimals or without; the last one with `UTC` behind it, too.
//!
//! Decides whether a text is one, of a date that exists; a day of the week must be that date's. Never guesses a zone.

use ingest_core::schema::TimeForm;

use super::instant::{Clock, SECONDS_PER_DAY, days_of, four, month, read_decimals, second_of_day, two};

/// Days of the week, from that of the first day of 1970 on.
pub(super) const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];

/// Reads a text of any of the three forms.
pub(super) fn read(text: &[u8]) -> Option<Clock> {
    match text {
        [b'0'..=b'9', ..] => day_first(text),
        [_, _, _, b' ', b'A'..=b'Z', ..] => ctime(text),
        _ => month_first(text),
    }
}

fn ctime(text: &[u8]) -> Option<Clock> {
    let (weekday, rest) = text.split_first_chunk::<3>()?;
    let (head, tail) = rest.split_first_chunk::<16>()?;
    let [b' ', m1, m2, m3, b' ', d1, d2, b' ', h1, h2, b':', n1, n2, b':', e1, e2] = *head else {
        return None;
    };
    let (nanos, decimals, year) = read_decimals(tail)?;
    let [b' ', y1, y2, y3, y4] = *year else { return None };
    let day = days_of(four([y1, y2, y3, y4])?, month([m1, m2, m3])?, day_of([d1, d2])?)?;
    let named = usize::try_from(day.rem_euclid(7)).ok().and_then(|place| WEEKDAYS.get(place))?;
    let seconds = day * SECONDS_PER_DAY + second_of_day([h1, h2], [n1, n2], [e1, e2])?;
    (*named == weekday).then_some(Clock { form: TimeForm::Ctime, seconds, nanos, decimals })
}

fn month_first(text: &[u8]) -> Option<Clock> {
    let (head, tail) = text.split_first_chunk::<20>()?;
    let [m1, m2, m3, b' ', d1, d2, b' ', y1, y2, y3, y4, b' ', clock @ ..] = *head else {
        return None;
    };
    let day = days_of(four([y1, y2, y3, y4])?, month([m1, m2, m3])?, day_of([d1, d2])?)?;
    at(TimeForm::MonthFirst, day, clock, tail)
}

fn day_first(text: &[u8]) -> Option<Clock> {
    let (head, tail) = text.split_first_chunk::<20>()?;
    let [d1, d2, s1, m1, m2, m3, s2, y1, y2, y3, y4, b' ', clock @ ..] = *head else {
        return None;
    };
    let day = days_of(four([y1, y2, y3, y4])?, month([m1, m2, m3])?, two([d1, d2])?)?;
    let in_utc = tail.strip_suffix(b" UTC").or_else(|| tail.strip_suffix(b" GMT"));
    let (form, tail) = in_utc.map_or((TimeForm::DayFirst, tail), |tail| (TimeForm::DayFirstUtc, tail));
    if s1 != s2 { None } else { at(form, day, clock, tail) }
}

/// The clock of `10:00:00` on a day counted from 1970, with the decimals that follow it.
fn at(form: TimeForm, day: i64, clock: [u8; 8], tail: &[u8]) -> Option<Clock> {
    let [h1, h2, b':', n1, n2, b':', e1, e2] = clock else { return None };
    let seconds = day * SECONDS_PER_DAY + second_of_day([h1, h2], [n1, n2], [e1, e2])?;
    let (nanos, decimals, b"") = read_decimals(tail)? else { return None };
    Some(Clock { form, seconds, nanos, decimals })
}

/// A day of the month, behind a blank or a zero where it is below ten.
fn day_of([tens, ones]: [u8; 2]) -> Option<i64> {
    two([if tens == b' ' { b'0' } else { tens }, ones])
}
