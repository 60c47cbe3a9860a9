//! Times of RFC 3164's headers, in all the ways that senders write them.
//!
//! Decides where such a time ends: a year may stand before the clock or behind it, and a zone behind both. Never says which
//! instant it is.

use super::super::timed;
use super::word;
use crate::scalar::instant;

/// Length of `Mar 27 ` and of `10:00:00`.
const DAY_LEN: usize = 7;
const CLOCK_LEN: usize = 8;
/// Length of a year with its blank.
const YEAR_LEN: usize = 5;
/// Letters of a zone.
const ZONE_LETTERS: std::ops::RangeInclusive<usize> = 3..=5;

/// The length of `Mar 27 13:06:56`, of the same with a year before the clock, or decimals, a year or a zone behind it, or
/// of an RFC 3339 time as rsyslog writes it.
pub(super) fn len(text: &[u8]) -> Option<usize> {
    if !text.first()?.is_ascii_alphabetic() {
        let (time, _) = word(text)?;
        let is_time = instant::read(time).is_some_and(|clock| clock.form.is_instant()) || is_sophos(time);
        return is_time.then_some(time.len());
    }
    let [m1, m2, m3, b' ', day @ ..] = text.first_chunk::<DAY_LEN>()? else { return None };
    let day_end = match day {
        [b' ' | b'0'..=b'9', b'0'..=b'9', b' '] => DAY_LEN,
        [b'0'..=b'9', b' ', _] => DAY_LEN - 1,
        _ => return None,
    };
    let year = with_year(text, day_end - 1) + 1 - day_end;
    let clock = text.get(day_end + year..)?.first_chunk::<CLOCK_LEN>()?;
    let [h1, h2, b':', n1, n2, b':', s1, s2] = clock else { return None };
    let digits = [h1, h2, n1, n2, s1, s2].into_iter().all(u8::is_ascii_digit);
    let end = timed::with_decimals(text, day_end + year + CLOCK_LEN);
    let is_time = digits && instant::MONTHS.contains(&&[*m1, *m2, *m3]);
    is_time.then(|| with_zone(text, if year == 0 { with_year(text, end) } else { end }))
}

/// Whether a word is `2026:02:10-10:00:00`.
fn is_sophos(word: &[u8]) -> bool {
    let [y1, y2, y3, y4, b':', m1, m2, b':', d1, d2, b'-', clock @ ..] = word else { return false };
    let date = [y1, y2, y3, y4, &b'-', m1, m2, &b'-', d1, d2].map(|byte| *byte);
    instant::read_date(&date).is_some() && instant::read_time(clock).is_some()
}

/// Whether a time says its year.
pub(super) fn has_year(time: &[u8]) -> bool {
    let is_worded = time.first().is_some_and(u8::is_ascii_alphabetic);
    !is_worded || memchr::memchr_iter(b' ', time).any(|at| with_year(time, at) > at)
}

/// The end of a time that ends at `at`, or of the year behind it. Hosts have no such names.
fn with_year(text: &[u8], at: usize) -> usize {
    match text.get(at..) {
        Some([b' ', b'1', b'9', y1, y2, end @ ..] | [b' ', b'2', b'0', y1, y2, end @ ..])
            if y1.is_ascii_digit() && y2.is_ascii_digit() && matches!(end, [] | [b' ' | b':', ..]) =>
        {
            at + YEAR_LEN
        }
        _ => at,
    }
}

/// The end of a time that ends at `at`, or of the zone behind it: UTC or an offset, and any before an event of Cisco's.
fn with_zone(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let len = timed::zone_len(rest);
    if len > 0 {
        let ends = matches!(rest.get(len..), Some([b' ', ..] | [b':', b' ', ..]));
        return if ends { at + len } else { at };
    }
    let letters =
        rest.get(1..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_zone = ZONE_LETTERS.contains(&letters)
        && rest.starts_with(b" ")
        && rest.get(letters + 1..).is_some_and(|rest| rest.starts_with(b": %"));
    if is_zone { at + letters + 1 } else { at }
}
