//! Lines of programs: a time, mostly a level, and what the program says.
//!
//! Decides where the time ends, where the level stands, and where the rest begins: `[2026-02-10 10:00:00,123] [main] INFO
//! started`. A level is looked for behind as many words as in most lines of the log. Drops nothing but blanks, brackets
//! around time and level, and one `-`, `|` or `:` behind each of them. Never guesses a year or a zone.

use super::{Field, Fixed, Sink, Value};
use crate::scalar::instant;

/// Words between time and level, beyond which a level is looked for no more.
const LEVEL_WORDS_MAX: u8 = 4;
/// Length of `2026-02-10 10:00:00`, and of `Tue Feb 10 10:00:00`.
const CLOCK_END: usize = 19;
/// Length of `Feb 10 2026 10:00:00`, and of `10-Feb-2026 10:00:00`.
const WORDED_CLOCK_END: usize = 20;
/// Length of ` 2026`, which ends C's times.
const YEAR_LEN: usize = 5;
/// Length of `10/Feb/2026:10:00:00 +0000`.
const APACHE_LEN: usize = 26;
/// Words that say how grave a line is, wherever they stand.
const LEVELS: [&str; 26] = [
    "trace",
    "debug",
    "info",
    "information",
    "informational",
    "notice",
    "warn",
    "warning",
    "error",
    "err",
    "severe",
    "critical",
    "crit",
    "fatal",
    "alert",
    "emerg",
    "emergency",
    "panic",
    "verbose",
    "dbg",
    "inf",
    "wrn",
    "ftl",
    "vrb",
    "finer",
    "finest",
];
/// Words that do so only in capitals, in brackets or before a colon: any text may begin with them.
const MARKED_LEVELS: [&str; 11] =
    ["log", "system", "note", "fine", "config", "statement", "detail", "hint", "context", "query", "success"];
/// The same in one letter.
const LETTERS: &[u8] = b"TDIWEFV";

/// The parts of a record with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    time: &'a [u8],
    /// What stands between time and level.
    context: Option<&'a [u8]>,
    level: Option<&'a [u8]>,
    /// What follows the header, if anything does.
    pub(crate) body: Option<&'a [u8]>,
}

impl Header<'_> {
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        let parts =
            [(Fixed::Stamp, Some(self.time)), (Fixed::Context, self.context), (Fixed::Level, self.level)];
        for (field, text) in parts {
            if let Some(text) = text {
                sink.put(Field::Fixed(field), Value::Text(text));
            }
        }
    }
}

/// Splits a record whose level stands behind so many words; `None` when it does not begin with a time. One whose level
/// is not there has no level.
pub(crate) fn split(record: &[u8], level_after: Option<u8>) -> Option<Header<'_>> {
    let stamp = stamp(record)?;
    let whole = Header { time: stamp.time, context: None, level: None, body: filled(stamp.rest) };
    match (stamp.level, level_after) {
        (None, None) => Some(whole),
        (None, Some(words)) => Some(level_behind(stamp.rest, words).map_or(whole, |found| Header {
            context: filled(found.context),
            level: Some(found.level),
            body: filled(found.rest),
            ..whole
        })),
        (level, Some(_)) => Some(Header { level, ..whole }),
        // Without a column for it, the level would be lost.
        (Some(_), None) => None,
    }
}

/// Behind how many words a record's level stands, if it has one; `None` when it does not begin with a time.
pub(crate) fn level_place(record: &[u8]) -> Option<Option<u8>> {
    let stamp = stamp(record)?;
    if stamp.level.is_some() {
        return Some(Some(0));
    }
    Some((0..=LEVEL_WORDS_MAX).find(|words| level_behind(stamp.rest, *words).is_some()))
}

/// Whether a word by itself is a level.
pub(crate) fn is_level(word: &[u8]) -> bool {
    is_one_of(&LEVELS, word)
}

fn is_one_of(levels: &[&str], word: &[u8]) -> bool {
    levels.iter().any(|level| level.as_bytes().eq_ignore_ascii_case(word))
}

/// The end of a clock that ends at `at`, with the decimals behind it.
pub(super) fn with_decimals(text: &[u8], at: usize) -> usize {
    let Some([b'.' | b',', decimals @ ..]) = text.get(at..) else { return at };
    let digits = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 { at } else { at + 1 + digits }
}

/// A time at the beginning of a record, a level that stands before it, and what follows.
struct Stamp<'a> {
    level: Option<&'a [u8]>,
    time: &'a [u8],
    rest: &'a [u8],
}

fn stamp(record: &[u8]) -> Option<Stamp<'_>> {
    if let Some((time, rest)) = dated(record) {
        return Some(Stamp { level: None, time, rest });
    }
    if let Some(stamp) = glog(record) {
        return Some(stamp);
    }
    let end = token_end(record, 0);
    let found = level_in(record.get(..end)?, false).filter(|found| found.prefix == 0)?;
    let (time, rest) = dated(behind_mark(record.get(end..)?))?;
    Some(Stamp { level: Some(found.level), time, rest })
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
    })
}

/// A time with a date, in brackets or without, and what follows.
fn dated(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (closing, inner) = match text.split_first()? {
        (b'[', inner) => (Some(b']'), inner),
        (b'(', inner) => (Some(b')'), inner),
        _ => (None, text),
    };
    let (time, mut rest) = inner.split_at_checked(time_len(inner)?)?;
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
        [_, _, b'/', ..] => APACHE_LEN,
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
fn zone_len(text: &[u8]) -> usize {
    let blank = usize::from(text.first() == Some(&b' '));
    let zone = text.get(blank..).unwrap_or_default();
    let len = match zone {
        [b'Z', ..] => 1,
        [b'U', b'T', b'C', ..] | [b'G', b'M', b'T', ..] => 3,
        [b'+' | b'-', h1, h2, b':', m1, m2, ..] if [h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit) => 6,
        [b'+' | b'-', hours @ ..] if hours.iter().take_while(|byte| byte.is_ascii_digit()).count() == 4 => 5,
        _ => return 0,
    };
    let ends = zone.get(len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if ends { blank + len } else { 0 }
}

/// A level behind words.
struct Found<'a> {
    context: &'a [u8],
    level: &'a [u8],
    rest: &'a [u8],
}

fn level_behind(text: &[u8], words: u8) -> Option<Found<'_>> {
    let mut start = 0;
    for _ in 0..words {
        let end = token_end(text, start);
        let word = text.get(start..end)?;
        // A pair tells something by itself.
        if !word.starts_with(b"[") && word.contains(&b'=') {
            return None;
        }
        start = blanks_end(text, end);
    }
    let end = token_end(text, start);
    let token = text.get(start..end)?;
    let found = level_in(token, words == 0)?;
    let context = text.get(..start + found.prefix)?;
    let context = if words == 0 { context.strip_prefix(b"[").unwrap_or(context) } else { context };
    Some(Found { context: before_mark(context), level: found.level, rest: behind_mark(text.get(end..)?) })
}

/// A level in a token, and how much of the token stands before it and says something.
struct Token<'a> {
    prefix: usize,
    level: &'a [u8],
}

/// The level that a token is: `INFO`, `[info ]`, `INFO:`, `<Info>`, or one of a part of the program, as `[core:error]` and
/// `app.ERROR:`. A letter alone is one in brackets, and where the first word is the level.
fn level_in(token: &[u8], first: bool) -> Option<Token<'_>> {
    let open = token.first().is_some_and(|byte| b"[(<".contains(byte));
    let start = usize::from(open);
    let close = |byte: &&u8| matches!(byte, b']' | b')' | b'>' | b':' | b' ' | b'\t');
    let end = token.len() - token.iter().rev().take_while(close).count();
    let word = token.get(start..end)?;
    let marked = open || token.ends_with(b":") || word.iter().all(u8::is_ascii_uppercase);
    let is = |word: &[u8]| {
        let letter = matches!(word, [letter] if LETTERS.contains(letter)) && (open || first);
        is_level(word) || letter || (marked && is_one_of(&MARKED_LEVELS, word))
    };
    if is(word) {
        return Some(Token { prefix: 0, level: word });
    }
    let parting = word.iter().rposition(|byte| matches!(byte, b'.' | b':')).filter(|at| *at > 0)?;
    let (part, level) = (word.get(..parting)?, word.get(parting + 1..)?);
    (is_level(level) && !part.contains(&b' ')).then_some(Token { prefix: start + parting, level })
}

/// Where the token that begins at `at` ends: at the next blank, or where its bracket is closed and nothing else is attached.
fn token_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let closing = match rest.first() {
        Some(b'[') => memchr::memchr(b']', rest),
        Some(b'(') => memchr::memchr(b')', rest),
        Some(b'<') => memchr::memchr(b'>', rest),
        _ => None,
    };
    let inside = closing.map_or(0, |closing| closing + 1);
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t') || (inside > 0 && *byte == b'[');
    let attached = rest.get(inside..).unwrap_or_default().iter().position(ends);
    attached.map_or(text.len(), |attached| at + inside + attached)
}

fn blanks_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// A text without the blanks that it begins with, and without one mark that stands alone there.
fn behind_mark(text: &[u8]) -> &[u8] {
    let text = text.get(blanks_end(text, 0)..).unwrap_or_default();
    match text {
        [b'-' | b'|' | b':'] => b"",
        [b'-' | b'|' | b':', b' ' | b'\t', ..] => text.get(blanks_end(text, 1)..).unwrap_or_default(),
        _ => text,
    }
}

/// A text without the blanks that it ends with, and without one mark that stands alone there.
fn before_mark(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_end();
    match text {
        [b'-' | b'|' | b':'] => b"",
        [before @ .., b' ', b'-' | b'|' | b':'] => before.trim_ascii_end(),
        _ => text,
    }
}

fn filled(text: &[u8]) -> Option<&[u8]> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
