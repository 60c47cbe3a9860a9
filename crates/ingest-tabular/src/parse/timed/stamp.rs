//! Beginnings of lines of programs: a time with a date, in any of the known writings.
//!
//! Decides where the time stands and where the rest of the line begins. Never looks further than a line's first words;
//! what some programs put before their time, or write instead of it, is `programs`'.

use super::{behind_mark, programs};
use crate::scalar::instant;

/// Length of `2026-02-10 10:00:00`, of `Tue Feb 10 10:00:00`, and of `02/10/2026-10:00:00`.
const CLOCK_END: usize = 19;
/// Length of `Feb 10 2026 10:00:00`, of `10-Feb-2026 10:00:00`, and of `10/Feb/2026:10:00:00`.
const WORDED_CLOCK_END: usize = 20;
/// Length of ` 2026`, which ends C's times.
const YEAR_LEN: usize = 5;
/// Length of `10/Feb/2026:10:00:00 +0000`.
const APACHE_LEN: usize = 26;
/// Longest name of a zone, with its area.
const ZONE_LEN_MAX: usize = 64;
/// What names of time zones begin with.
const ZONE_AREAS: [&[u8]; 12] = [
    b"Africa/",
    b"America/",
    b"Antarctica/",
    b"Arctic/",
    b"Asia/",
    b"Atlantic/",
    b"Australia/",
    b"Etc/",
    b"Europe/",
    b"Indian/",
    b"Pacific/",
    b"US/",
];

/// A time at the beginning of a record, what stands before it, and what follows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stamp<'a> {
    pub(super) file: Option<&'a [u8]>,
    /// The process, where a program writes it into its time.
    pub(super) context: Option<&'a [u8]>,
    pub(super) level: Option<&'a [u8]>,
    pub(super) time: &'a [u8],
    pub(super) rest: &'a [u8],
}

pub(super) fn stamp(record: &[u8]) -> Option<Stamp<'_>> {
    if let Some((time, rest)) = dated(record) {
        return Some(Stamp { time, rest, ..Stamp::default() });
    }
    programs::READERS.into_iter().find_map(|read| read(record))
}

/// The end of a clock that ends at `at`, with the decimals behind it.
pub(in crate::parse) fn with_decimals(text: &[u8], at: usize) -> usize {
    let Some([b'.' | b',', decimals @ ..]) = text.get(at..) else { return at };
    let digits = digits_len(decimals);
    if digits == 0 { at } else { at + 1 + digits }
}

/// A time with a date, in brackets or without, and what follows.
pub(super) fn dated(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (closing, inner) = match text.split_first()? {
        (b'[', inner) => (Some(b']'), inner),
        (b'(', inner) => (Some(b')'), inner),
        _ => (None, text),
    };
    let mut len = time_len(inner)?;
    if let Some(closing) = closing {
        len += zone_name_len(inner.get(len..)?, closing);
    }
    let (time, mut rest) = inner.split_at_checked(len)?;
    if let Some(closing) = closing {
        rest = rest.strip_prefix(&[closing])?;
    }
    let ends = match rest {
        [] | [b' ', ..] | [b':'] | [b':', b' ', ..] => true,
        [b'[' | b'(' | b'<', ..] => closing.is_some(),
        _ => false,
    };
    let rest = ends.then(|| behind_mark(rest))?;
    // What is a table's is no line's: a delimiter behind blanks. And half a day's clock says another time.
    let half_day = matches!(rest, [b'A' | b'P', b'M'] | [b'A' | b'P', b'M', b' ' | b',' | b';', ..]);
    (!half_day && !matches!(rest, [b',' | b';', ..])).then_some((time, rest))
}

/// The length of the time at the beginning of a text.
pub(super) fn time_len(text: &[u8]) -> Option<usize> {
    let len = match text {
        [b'A'..=b'Z', _, _, b' ', b'A'..=b'Z', ..] => with_decimals(text, CLOCK_END) + YEAR_LEN,
        [b'A'..=b'Z', ..] | [_, _, b'-' | b' ', ..] => with_decimals(text, WORDED_CLOCK_END),
        [_, _, b'/', b'0'..=b'9', ..] => with_decimals(text, CLOCK_END),
        [_, _, b'/', ..] if text.get(WORDED_CLOCK_END) == Some(&b' ') => APACHE_LEN,
        [_, _, b'/', ..] => with_decimals(text, WORDED_CLOCK_END),
        [b'0'..=b'9', _, _, _, b'/', ..] => with_decimals(text, CLOCK_END),
        [b'0'..=b'9', ..] => {
            let end = with_decimals(text, CLOCK_END);
            end + zone_len(text.get(end..)?)
        }
        _ => return None,
    };
    instant::read(text.get(..len)?).map(|_| len)
}

/// The length of the zone at the beginning of a text, with a blank before it or without.
pub(in crate::parse) fn zone_len(text: &[u8]) -> usize {
    let blank = usize::from(text.first() == Some(&b' '));
    let zone = text.get(blank..).unwrap_or_default();
    let len = match zone {
        [b'Z', ..] => 1,
        [b'U', b'T', b'C', ..] | [b'G', b'M', b'T', ..] => 3,
        [b'+' | b'-', h1, h2, b':', m1, m2, ..] if [h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit) => 6,
        [b'+' | b'-', hours @ ..] if digits_len(hours) == 4 => 5,
        _ => return 0,
    };
    let ends = zone.get(len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if ends { blank + len } else { 0 }
}

/// The length of a zone's name behind a blank and up to a closing bracket, as PHP writes it: ` UTC`, ` Europe/Berlin`.
fn zone_name_len(text: &[u8], closing: u8) -> usize {
    let looked_at = text.get(..ZONE_LEN_MAX).unwrap_or(text);
    let Some(len) = memchr::memchr(closing, looked_at) else { return 0 };
    let Some([b' ', name @ ..]) = text.get(..len) else { return 0 };
    let is_named = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(byte);
    let is_in_area = ZONE_AREAS.iter().any(|area| name.starts_with(area)) && name.iter().all(is_named);
    if is_in_area || matches!(name, b"UTC" | b"GMT") { len } else { 0 }
}

pub(super) fn digits_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}
