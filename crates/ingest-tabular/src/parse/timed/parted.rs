//! Lines of programs with a tab, a comma or a bar right behind the time: `2026-02-10 10:00:00.123|INFO|a.B|started`.
//!
//! Decides where the level stands: in the same field in most lines of a log, at its beginning. Drops nothing but blanks, and
//! the mark behind time and level. Lines of such a log without the mark are split as those of any program.

use super::stamp::time_len;
use super::{Header, LEVEL_WORDS_MAX, blanks_end, filled, level_in, split, token_end, without_blanks};

/// What may stand behind a time.
pub(crate) const MARKS: [u8; 3] = [b'\t', b',', b'|'];

/// Splits a record whose level stands behind so many fields; `None` when it does not begin with a time.
pub(crate) fn split_parted(record: &[u8], level_after: u8, mark: u8) -> Option<Header<'_>> {
    let Some((time, rest)) = timed(record, mark) else { return split(record, Some(level_after)) };
    let whole = Header { file: None, time, context: None, level: None, body: filled(rest) };
    Some(level_behind(rest, level_after, mark).map_or(whole, |(context, level, rest)| Header {
        context: filled(context),
        level: Some(level),
        body: filled(rest),
        ..whole
    }))
}

/// Behind how many fields a record's level stands, if it has a time with the mark behind it, and a level.
pub(crate) fn level_place_parted(record: &[u8], mark: u8) -> Option<u8> {
    let (_, rest) = timed(record, mark)?;
    (0..=LEVEL_WORDS_MAX).find(|fields| level_behind(rest, *fields, mark).is_some())
}

/// The time before a mark, and what follows the mark.
fn timed(record: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let (time, rest) = record.split_at_checked(time_len(record)?)?;
    Some((time, rest.strip_prefix(&[mark])?))
}

/// What stands before a level, the level, and what follows.
fn level_behind(text: &[u8], fields: u8, mark: u8) -> Option<(&[u8], &[u8], &[u8])> {
    let mut start = 0;
    for _ in 0..fields {
        start += memchr::memchr(mark, text.get(start..)?)? + 1;
    }
    let context = text.get(..start.saturating_sub(1))?;
    start = blanks_end(text, start);
    let end = token_end(text, start);
    let token = text.get(start..end)?;
    let token = memchr::memchr(mark, token).and_then(|len| token.get(..len)).unwrap_or(token);
    let found = level_in(token, fields == 0).filter(|found| found.prefix == 0)?;
    let rest = without_blanks(text.get(start + token.len()..)?);
    let rest = rest.strip_prefix(&[mark]).map_or(rest, without_blanks);
    Some((context.trim_ascii(), found.level, rest))
}
