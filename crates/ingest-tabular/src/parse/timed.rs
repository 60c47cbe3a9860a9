//! Lines of programs: a time, mostly a level, and what the program says.
//!
//! Decides where the time ends, where the level stands, and where the rest begins: `[2026-02-10 10:00:00,123] [main] INFO
//! started`. A level is looked for behind as many words as in most lines of the log. Drops nothing but blanks, brackets
//! around time and level, and one `-`, `|` or `:` behind each of them; what a known program writes beside these stands in
//! `stamp`. Never guesses a year or a zone.

use super::{Field, Fixed, Sink, Value};
pub(crate) use parted::{MARKS, level_place_parted, split_parted};
use stamp::stamp;
pub(super) use stamp::{with_decimals, zone_len};

mod parted;
mod programs;
mod stamp;

/// The field of the file that a line's first word names; nothing else has such a name in most logs.
const FILE: Field<'static> = Field::Name(b"file");

/// Words between time and level, beyond which a level is looked for no more.
const LEVEL_WORDS_MAX: u8 = 4;
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
const MARKED_LEVELS: [&str; 5] = ["system", "note", "fine", "config", "success"];
/// Those of Postgres, which are words of other texts in small letters.
const POSTGRES_LEVELS: [&str; 6] = ["LOG", "STATEMENT", "DETAIL", "HINT", "CONTEXT", "QUERY"];
/// The same in one letter.
const LETTERS: &[u8] = b"TDIWEFV";

/// The parts of a record with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    /// The name of a file before all else.
    file: Option<&'a [u8]>,
    time: &'a [u8],
    /// What stands between time and level, or what stands before both and names the process.
    context: Option<&'a [u8]>,
    level: Option<&'a [u8]>,
    /// What follows the header, if anything does.
    pub(crate) body: Option<&'a [u8]>,
}

impl Header<'_> {
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        let parts = [
            (FILE, self.file),
            (Field::Fixed(Fixed::Stamp), Some(self.time)),
            (Field::Fixed(Fixed::Context), self.context),
            (Field::Fixed(Fixed::Level), self.level),
        ];
        for (field, text) in parts {
            if let Some(text) = text {
                sink.put(field, Value::Text(text));
            }
        }
    }
}

/// Splits a record whose level stands behind so many words; `None` when it does not begin with a time. One whose level
/// is not there has no level.
pub(crate) fn split(record: &[u8], level_after: Option<u8>) -> Option<Header<'_>> {
    let stamp = stamp(record)?;
    let whole = Header {
        file: stamp.file,
        time: stamp.time,
        context: stamp.context,
        level: None,
        body: filled(stamp.rest),
    };
    match (stamp.level, level_after) {
        (None, None) => Some(whole),
        (None, Some(words)) => Some(level_near(stamp.rest, words).map_or(whole, |found| Header {
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

/// The level that a record begins with, in brackets or before a colon and a blank, and what follows.
pub(super) fn leading_level(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = token_end(record, 0);
    let token = record.get(..end)?;
    let found = level_in(token, false).filter(|found| found.prefix == 0)?;
    let marked = matches!(token, [b'[' | b'(' | b'<', ..] | [.., b':']);
    (marked && is_level(found.level))
        .then(|| (found.level, behind_mark(record.get(end..).unwrap_or_default())))
}

fn is_one_of(levels: &[&str], word: &[u8]) -> bool {
    levels.iter().any(|level| level.as_bytes().eq_ignore_ascii_case(word))
}

/// A level behind words.
struct Found<'a> {
    context: &'a [u8],
    level: &'a [u8],
    rest: &'a [u8],
}

/// The level behind so many words. Postgres names user and database only in some lines, behind the process's number.
fn level_near(text: &[u8], words: u8) -> Option<Found<'_>> {
    level_behind(text, words).or_else(|| {
        let mut others = (1..=LEVEL_WORDS_MAX).filter_map(|words| level_behind(text, words));
        others
            .next()
            .filter(|found| found.level.iter().all(u8::is_ascii_uppercase) && has_process(found.context))
    })
}

/// Whether a number in brackets ends a text, or stands before its last word.
fn has_process(text: &[u8]) -> bool {
    let is_process = |word: &[u8]| matches!(word, [b'[', b'0'..=b'9', number @ .., b']'] if number.iter().all(u8::is_ascii_digit));
    text.rsplit(|byte| *byte == b' ').take(2).any(is_process)
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
        let is_postgres = || POSTGRES_LEVELS.iter().any(|level| level.as_bytes() == word);
        is_level(word) || letter || (marked && (is_one_of(&MARKED_LEVELS, word) || is_postgres()))
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

/// A text without the blanks that it begins with.
fn without_blanks(text: &[u8]) -> &[u8] {
    text.get(blanks_end(text, 0)..).unwrap_or_default()
}

/// A text without the blanks that it begins with, and without one mark that stands alone there.
fn behind_mark(text: &[u8]) -> &[u8] {
    let text = without_blanks(text);
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

pub(super) fn filled(text: &[u8]) -> Option<&[u8]> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
