//! Beginnings of lines of programs: a time in any of the known writings, and what some programs put before it.
//!
//! Decides where the time stands and where the rest of the line begins. A writing that other text may have, too, as
//! `081109 203615`, is one only with a level behind it. Never looks further than a line's first words.

use super::{LETTERS, LEVEL_WORDS_MAX, behind_mark, blanks_end, level_behind, level_in, token_end};
use crate::scalar::{instant, temporal};

/// Length of `2026-02-10 10:00:00`, of `Tue Feb 10 10:00:00`, and of `02/10/2026-10:00:00`.
const CLOCK_END: usize = 19;
/// Length of `Feb 10 2026 10:00:00`, of `10-Feb-2026 10:00:00`, and of `10/Feb/2026:10:00:00`.
const WORDED_CLOCK_END: usize = 20;
/// Length of ` 2026`, which ends C's times.
const YEAR_LEN: usize = 5;
/// Length of `10/Feb/2026:10:00:00 +0000`.
const APACHE_LEN: usize = 26;
/// Length of `02-10 10:00:00.123`.
const LOGCAT_LEN: usize = 18;
/// Digits of a process's number.
const PID_DIGITS_MAX: usize = 10;
/// Longest name of a file before a time, as where lines of several files were put together.
const FILE_LEN_MAX: usize = 64;
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

/// Reads one writing; none where a record has another.
type Reader = fn(&[u8]) -> Option<Stamp<'_>>;

pub(super) fn stamp(record: &[u8]) -> Option<Stamp<'_>> {
    if let Some((time, rest)) = dated(record) {
        return Some(Stamp { time, rest, ..Stamp::default() });
    }
    let by_program: [Reader; 7] = [glog, ruby, redis, logcat, compact, level_first, in_file];
    by_program.into_iter().find_map(|read| read(record))
}

/// The end of a clock that ends at `at`, with the decimals behind it.
pub(in crate::parse) fn with_decimals(text: &[u8], at: usize) -> usize {
    let Some([b'.' | b',', decimals @ ..]) = text.get(at..) else { return at };
    let digits = digits_len(decimals);
    if digits == 0 { at } else { at + 1 + digits }
}

/// `[DEBUG] 2026-02-10 10:00:00 - body`
fn level_first(record: &[u8]) -> Option<Stamp<'_>> {
    let end = token_end(record, 0);
    let found = level_in(record.get(..end)?, false).filter(|found| found.prefix == 0)?;
    let (time, rest) = dated(behind_mark(record.get(end..)?))?;
    Some(Stamp { level: Some(found.level), time, rest, ..Stamp::default() })
}

/// `I0210 10:00:00.123456   4041 controller.go:845] body`
fn glog(record: &[u8]) -> Option<Stamp<'_>> {
    let (head, _) = record.split_first_chunk::<14>()?;
    let [letter, m1, m2, d1, d2, b' ', h1, h2, b':', n1, n2, b':', s1, s2] = head else { return None };
    let digits = [m1, m2, d1, d2, h1, h2, n1, n2, s1, s2].into_iter().all(u8::is_ascii_digit);
    let end = with_decimals(record, head.len());
    let rest = record.get(end..)?;
    (LETTERS.contains(letter) && digits && rest.first() == Some(&b' ')).then_some(Stamp {
        level: record.get(..1),
        time: record.get(1..end)?,
        rest: behind_mark(rest),
        ..Stamp::default()
    })
}

/// `I, [2026-02-10T10:00:00.123456 #100]  INFO -- : body`, as Ruby's logger writes it. The letter before the time is that of
/// the level, and says nothing more.
fn ruby(record: &[u8]) -> Option<Stamp<'_>> {
    let [letter, b',', b' ', b'[', inner @ ..] = record else { return None };
    let (time, rest) = inner.split_at_checked(time_len(inner)?)?;
    let end = memchr::memchr(b']', rest)?;
    let process = rest.get(1..end)?;
    let is_process =
        matches!(process, [b'#', digits @ ..] if is_number(digits)) && rest.first() == Some(&b' ');
    let rest = rest.get(end + 1..)?;
    let rest = rest.get(blanks_end(rest, 0)..)?;
    let (level, rest) = rest.split_at_checked(memchr::memchr(b' ', rest)?)?;
    let rest = rest.strip_prefix(b" -- ")?;
    let rest = match rest {
        b":" => b"",
        [b':', b' ', body @ ..] => body,
        _ => rest,
    };
    let is_level = level.first() == Some(letter) && level.iter().all(u8::is_ascii_uppercase);
    let context = Some(process);
    (is_process && is_level).then_some(Stamp { context, level: Some(level), time, rest, file: None })
}

/// `1751:M 10 Feb 2026 10:00:00.123 * body`: process and role, and a sign for a level, as Redis writes them.
fn redis(record: &[u8]) -> Option<Stamp<'_>> {
    let digits = digits_len(record);
    let (process, tail) = record.split_at_checked(digits + 2)?;
    let is_process = (1..=PID_DIGITS_MAX).contains(&digits) && matches!(process, [.., b':', b'A'..=b'Z']);
    let tail = tail.strip_prefix(b" ").filter(|_| is_process)?;
    let (time, tail) = tail.split_at_checked(time_len(tail)?)?;
    let (level, rest) = tail.strip_prefix(b" ")?.split_at_checked(1)?;
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    let is_level = matches!(level, [b'.' | b'-' | b'*' | b'#']);
    is_level.then_some(Stamp { context: Some(process), level: Some(level), time, rest, file: None })
}

/// `02-10 10:00:00.123  1702  2395 D Tag: body`: process and thread before a letter, as Android writes them.
fn logcat(record: &[u8]) -> Option<Stamp<'_>> {
    let (time, rest) = record.split_at_checked(LOGCAT_LEN)?;
    let is_time = matches!(time, [_, _, b'-', ..]) && temporal(time).is_some();
    let start = blanks_end(rest, 0);
    let first = start + digits_len(rest.get(start..)?);
    let second = blanks_end(rest, first);
    let end = second + digits_len(rest.get(second..)?);
    let numbers = 0 < start && start < first && first < second && second < end;
    let at = blanks_end(rest, end);
    let [letter, b' ', body @ ..] = rest.get(at..).filter(|_| is_time && numbers && end < at)? else {
        return None;
    };
    LETTERS.contains(letter).then_some(Stamp {
        context: rest.get(start..end),
        level: rest.get(at..=at),
        time,
        rest: body,
        file: None,
    })
}

/// `081109 203615 148 INFO a.B: body`, `081109 20:36:15 [Note] body`: the century is not said.
fn compact(record: &[u8]) -> Option<Stamp<'_>> {
    let ([y1, y2, m1, m2, d1, d2, b' '], clock) = record.split_first_chunk::<7>()? else { return None };
    let date = [b'2', b'0', *y1, *y2, b'-', *m1, *m2, b'-', *d1, *d2];
    let end = match *clock {
        [h1, h2, n1, n2, s1, s2, b' ', ..] => {
            instant::read_time(&[h1, h2, b':', n1, n2, b':', s1, s2])?;
            13
        }
        _ => {
            instant::read_time(clock.get(..8).filter(|_| clock.get(8) == Some(&b' '))?)?;
            15
        }
    };
    instant::read_date(&date)?;
    let rest = behind_mark(record.get(end..)?);
    let mut places = 0..=LEVEL_WORDS_MAX;
    let is_line = places.any(|words| level_behind(rest, words).is_some());
    is_line.then_some(Stamp { time: record.get(..end)?, rest, ..Stamp::default() })
}

/// `nova-api.log.1 2026-02-10 10:00:00.123 25746 INFO body`: the name of the file that a line was taken from, with a level
/// somewhere behind the time.
fn in_file(record: &[u8]) -> Option<Stamp<'_>> {
    let looked_at = record.get(..FILE_LEN_MAX).unwrap_or(record);
    let (file, _) = record.split_at_checked(memchr::memchr(b' ', looked_at)?)?;
    let at = memchr::memmem::find(file, b".log")?;
    let is_ended = matches!(file.get(at + 4..)?, [] | [b'.' | b'-' | b':', ..]);
    let (time, rest) = dated(record.get(file.len() + 1..)?).filter(|_| is_ended && at > 0)?;
    let mut places = 0..=LEVEL_WORDS_MAX;
    let is_line = places.any(|words| level_behind(rest, words).is_some());
    is_line.then_some(Stamp { file: Some(file), time, rest, ..Stamp::default() })
}

/// A time with a date, in brackets or without, and what follows.
fn dated(text: &[u8]) -> Option<(&[u8], &[u8])> {
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
fn time_len(text: &[u8]) -> Option<usize> {
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
    let looked_at = text.get(..FILE_LEN_MAX).unwrap_or(text);
    let Some(len) = memchr::memchr(closing, looked_at) else { return 0 };
    let Some([b' ', name @ ..]) = text.get(..len) else { return 0 };
    let is_named = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(byte);
    let is_in_area = ZONE_AREAS.iter().any(|area| name.starts_with(area)) && name.iter().all(is_named);
    if is_in_area || matches!(name, b"UTC" | b"GMT") { len } else { 0 }
}

fn digits_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && digits_len(text) == text.len()
}
