//! What some programs put before the time of their lines, or write instead of a date and time.
//!
//! Decides by the writing of each, one function a writing, and hands out all that it says. One that other text may have,
//! too, as `081109 203615` or a clock alone, is one only with a level behind it.

use super::stamp::{Stamp, dated, digits_len, time_len, with_decimals};
use super::{
    LETTERS, LEVEL_WORDS_MAX, behind_mark, blanks_end, is_level, level_behind, level_in, token_end,
    without_blanks,
};
use crate::scalar::{instant, temporal};

/// Length of `02-10 10:00:00.123`.
const LOGCAT_LEN: usize = 18;
/// Length of `10:00:00`.
const CLOCK_LEN: usize = 8;
/// Digits of a process's number.
const PID_DIGITS_MAX: usize = 10;
/// Longest name of a file before a time, as where lines of several files were put together.
const FILE_LEN_MAX: usize = 64;

/// Reads one writing; none where a record has another.
type Reader = fn(&[u8]) -> Option<Stamp<'_>>;

/// All of them, in the order in which they are tried.
pub(super) const READERS: [Reader; 12] = [
    glog,
    ruby,
    redis,
    logcat,
    compact,
    clock_alone,
    half_day,
    coloured,
    in_one_bracket,
    level_first,
    thread_first,
    in_file,
];

/// `[DEBUG] 2026-02-10 10:00:00 - body`, `INFO  [main] 2026-02-10 10:00:00,123 body`
fn level_first(record: &[u8]) -> Option<Stamp<'_>> {
    let end = token_end(record, 0);
    let found = level_in(record.get(..end)?, false).filter(|found| found.prefix == 0)?;
    let rest = behind_mark(record.get(end..)?);
    let (context, (time, rest)) = match dated(rest) {
        Some(parts) => (None, parts),
        None => {
            let (thread, rest) = thread(rest)?;
            (Some(thread), dated(rest)?)
        }
    };
    Some(Stamp { context, level: Some(found.level), time, rest, file: None })
}

/// `[main] 2026-02-10 10:00:00,123 INFO  body`
fn thread_first(record: &[u8]) -> Option<Stamp<'_>> {
    let (thread, rest) = thread(record)?;
    let (time, rest) = dated(rest)?;
    let found = level_behind(rest, 0).filter(|found| found.context.is_empty())?;
    Some(Stamp { context: Some(thread), level: Some(found.level), time, rest: found.rest, file: None })
}

/// The name of a thread in brackets, and what follows.
fn thread(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (thread, rest) = text.split_at_checked(token_end(text, 0))?;
    matches!(thread, [b'[', .., b']']).then(|| (thread, without_blanks(rest)))
}

/// `[2026-02-10T10:00:00Z INFO  a::b] body`, `[2026-02-10 10:00:00,123: INFO/a] body`, `[10:00:00 INF] body`
fn in_one_bracket(record: &[u8]) -> Option<Stamp<'_>> {
    let inner = record.strip_prefix(b"[")?;
    let len = if inner.first_chunk::<4>()?.iter().all(u8::is_ascii_digit) {
        time_len(inner)?
    } else {
        clock_len(inner)?
    };
    let (inner, rest) = inner.split_at_checked(memchr::memchr(b']', inner)?)?;
    let (time, said) = inner.split_at_checked(len)?;
    let said = said.strip_prefix(b":").unwrap_or(said).strip_prefix(b" ")?;
    let said = without_blanks(said);
    let (level, context) =
        said.split_at_checked(said.iter().position(|byte| b" /".contains(byte)).unwrap_or(said.len()))?;
    let context = without_blanks(context.strip_prefix(b"/").unwrap_or(context));
    let rest = rest.strip_prefix(b"]").filter(|rest| matches!(rest, [] | [b' ', ..]))?;
    is_level(level).then(|| Stamp {
        context: super::filled(context),
        level: Some(level),
        time,
        rest: behind_mark(rest),
        file: None,
    })
}

/// `10:00:00.123 [main] INFO  body`: the day is not said.
fn clock_alone(record: &[u8]) -> Option<Stamp<'_>> {
    let (time, rest) = record.split_at_checked(clock_len(record)?)?;
    let rest = behind_mark(rest.strip_prefix(b" ")?);
    has_level(rest).then_some(Stamp { time, rest, ..Stamp::default() })
}

/// The length of the clock at the beginning of a text.
fn clock_len(text: &[u8]) -> Option<usize> {
    let len = with_decimals(text, CLOCK_LEN);
    instant::read_time(text.get(..len)?).map(|_| len)
}

/// `Feb 09, 2026 11:58:03 PM a.B run`, as Java's own logger writes it.
fn half_day(record: &[u8]) -> Option<Stamp<'_>> {
    let [m1, m2, m3, b' ', rest @ ..] = record else { return None };
    let day = digits_len(rest);
    let [b',', b' ', y1, y2, y3, y4, b' ', rest @ ..] = rest.get(day..)? else { return None };
    let year = [y1, y2, y3, y4].into_iter().all(u8::is_ascii_digit);
    let hour = digits_len(rest);
    let [b':', n1, n2, b':', s1, s2, b' ', b'A' | b'P', b'M', b' ', ..] = rest.get(hour..)? else {
        return None;
    };
    let clock = [n1, n2, s1, s2].into_iter().all(u8::is_ascii_digit);
    let is_time = (1..=2).contains(&day) && (1..=2).contains(&hour) && year && clock;
    let is_month = instant::MONTHS.contains(&&[*m1, *m2, *m3]);
    let end = record.len() - rest.len() + hour + b":00:00 PM".len();
    (is_time && is_month).then_some(Stamp {
        time: record.get(..end)?,
        rest: without_blanks(record.get(end..)?),
        ..Stamp::default()
    })
}

/// A time and a level in the colours of a terminal, which stay with the text: it is the whole record.
fn coloured(record: &[u8]) -> Option<Stamp<'_>> {
    let text = record.get(colours_end(record, 0)..).filter(|text| text.len() < record.len())?;
    let (time, rest) = text.split_at_checked(time_len(text)?)?;
    let word = rest.get(colours_end(rest, 0)..)?;
    let (level, _) = word.split_at_checked(word.iter().position(|byte| !byte.is_ascii_alphabetic())?)?;
    is_level(level).then_some(Stamp { level: Some(level), time, rest: record, ..Stamp::default() })
}

/// Where the colours and blanks that begin at `at` end.
fn colours_end(text: &[u8], mut at: usize) -> usize {
    loop {
        at = blanks_end(text, at);
        let Some([b'\x1b', b'[', inner @ ..]) = text.get(at..) else { return at };
        let digits = inner.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
        if inner.get(digits) != Some(&b'm') {
            return at;
        }
        at += digits + b"\x1b[m".len();
    }
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

/// `081109 203615 148 INFO a.B: body`, `081109 20:36:15 [Note] body`, `08/11/09 20:36:15 INFO body`: the century is not said.
fn compact(record: &[u8]) -> Option<Stamp<'_>> {
    let (day, clock, at) = match record {
        [y1, y2, b'/', m1, m2, b'/', d1, d2, b' ', clock @ ..] => ([y1, y2, m1, m2, d1, d2], clock, 9),
        [y1, y2, m1, m2, d1, d2, b' ', clock @ ..] => ([y1, y2, m1, m2, d1, d2], clock, 7),
        _ => return None,
    };
    let [y1, y2, m1, m2, d1, d2] = day.map(|digit| *digit);
    let date = [b'2', b'0', y1, y2, b'-', m1, m2, b'-', d1, d2];
    let len = match *clock {
        [h1, h2, n1, n2, s1, s2, b' ', ..] if at == 7 => {
            instant::read_time(&[h1, h2, b':', n1, n2, b':', s1, s2])?;
            6
        }
        _ => clock_len(clock).filter(|len| *len == CLOCK_LEN && clock.get(CLOCK_LEN) == Some(&b' '))?,
    };
    instant::read_date(&date)?;
    let (time, rest) = record.split_at_checked(at + len)?;
    let rest = behind_mark(rest);
    has_level(rest).then_some(Stamp { time, rest, ..Stamp::default() })
}

/// Whether a level stands somewhere behind a time.
fn has_level(rest: &[u8]) -> bool {
    (0..=LEVEL_WORDS_MAX).any(|words| level_behind(rest, words).is_some())
}

/// `nova-api.log.1 2026-02-10 10:00:00.123 25746 INFO body`: the name of the file that a line was taken from, with a level
/// somewhere behind the time.
fn in_file(record: &[u8]) -> Option<Stamp<'_>> {
    let looked_at = record.get(..FILE_LEN_MAX).unwrap_or(record);
    let (file, _) = record.split_at_checked(memchr::memchr(b' ', looked_at)?)?;
    let at = memchr::memmem::find(file, b".log")?;
    let is_ended = matches!(file.get(at + 4..)?, [] | [b'.' | b'-' | b':', ..]);
    let (time, rest) = dated(record.get(file.len() + 1..)?).filter(|_| is_ended && at > 0)?;
    has_level(rest).then_some(Stamp { file: Some(file), time, rest, ..Stamp::default() })
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && digits_len(text) == text.len()
}
