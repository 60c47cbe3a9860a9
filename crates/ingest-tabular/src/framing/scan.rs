//! Scanning: where a record ends in the next bytes of a text.
//!
//! Decides by what stands between bytes: quotes in CSV, brackets and strings in JSON. Holds no bytes.

use memchr::{memchr, memchr2, memchr3};

use crate::parse::csv::{BLANK, Marks};

/// Where in a record the scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Outside quotes.
    Open,
    /// Inside quotes.
    Quoted,
    /// After a quote inside quotes: the next byte tells what it was.
    AfterQuote,
    /// After an escape inside quotes.
    Escaped,
}

/// Which bytes end a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Breaks {
    /// The line feed; a carriage return before it belongs to it.
    Feed,
    /// The carriage return, too.
    Either,
}

impl Breaks {
    pub(super) fn find(self, piece: &[u8]) -> Option<usize> {
        match self {
            Self::Feed => memchr(b'\n', piece),
            Self::Either => memchr2(b'\n', b'\r', piece),
        }
    }

    fn find_or(self, other: u8, piece: &[u8]) -> Option<usize> {
        match self {
            Self::Feed => memchr2(b'\n', other, piece),
            Self::Either => memchr3(b'\n', b'\r', other, piece),
        }
    }
}

/// The end of a CSV record in `piece`, which follows what is held of the record.
pub(super) fn csv(
    state: &mut State,
    marks: (Marks, u8, Breaks),
    (held, piece): (&[u8], &[u8]),
) -> Option<usize> {
    let (marks, quote, breaks) = marks;
    let mut at = 0;
    while let Some(tail) = piece.get(at..).filter(|tail| !tail.is_empty()) {
        match *state {
            State::Open => {
                at += breaks.find_or(quote, tail)?;
                if piece.get(at) != Some(&quote) {
                    return Some(at + 1);
                }
                if begins_field(marks, held, piece.get(..at).unwrap_or_default()) {
                    *state = State::Quoted;
                }
                at += 1;
            }
            State::Quoted => {
                let escape = marks.escape.unwrap_or(quote);
                let found = memchr2(quote, escape, tail)?;
                let is_quote = tail.get(found) == Some(&quote);
                *state = if is_quote { State::AfterQuote } else { State::Escaped };
                at += found + 1;
            }
            State::AfterQuote => {
                let doubled = tail.first() == Some(&quote);
                *state = if doubled { State::Quoted } else { State::Open };
                at += usize::from(doubled);
            }
            State::Escaped => {
                *state = State::Quoted;
                at += 1;
            }
        }
    }
    None
}

/// Whether a field begins behind what is held of a record and what stands in the piece.
fn begins_field(marks: Marks, held: &[u8], before: &[u8]) -> bool {
    let mut back = held.iter().chain(before).rev();
    let Some(previous) = back.next() else { return true };
    let padded = marks.padded && *previous == BLANK && back.next() == Some(&marks.delimiter);
    padded || *previous == marks.delimiter
}

/// The end of a JSON object in `piece`: where the brackets that it opened are closed. Text between objects ends
/// with its line. `depth` counts the brackets that are open.
pub(super) fn json(state: &mut State, depth: &mut u32, piece: &[u8]) -> Option<usize> {
    brackets(state, depth, piece, |_, depth| depth == 0)
}

/// Brackets that are open between the members of the array that is an object's only value.
pub(super) const AMONG_MEMBERS: u32 = 2;

/// As [`json`], where records are members: the end of one in `piece`, or of what stands before the first or behind the
/// last.
pub(super) fn members(state: &mut State, depth: &mut u32, piece: &[u8]) -> Option<usize> {
    brackets(state, depth, piece, |bracket, depth| bracket != b'{' && (depth == AMONG_MEMBERS || depth == 0))
}

/// Where in `piece` a bracket ends something, by what it is and how many are open behind it. A line ends outside of all.
fn brackets(
    state: &mut State,
    depth: &mut u32,
    piece: &[u8],
    ends: impl Fn(u8, u32) -> bool,
) -> Option<usize> {
    let mut at = 0;
    while let Some(tail) = piece.get(at..).filter(|tail| !tail.is_empty()) {
        match *state {
            State::Quoted => {
                let found = memchr2(b'"', b'\\', tail)?;
                let is_quote = tail.get(found) == Some(&b'"');
                *state = if is_quote { State::Open } else { State::Escaped };
                at += found + 1;
            }
            State::Escaped => {
                *state = State::Quoted;
                at += 1;
            }
            State::Open | State::AfterQuote => {
                let place = tail.iter().position(|byte| match byte {
                    b'{' | b'}' | b'[' | b']' | b'"' => true,
                    b'\n' => *depth == 0,
                    _ => false,
                })?;
                at += place + 1;
                let byte = tail.get(place).copied().unwrap_or_default();
                match byte {
                    b'\n' => return Some(at),
                    b'"' if *depth > 0 => *state = State::Quoted,
                    b'{' => *depth += 1,
                    b'[' if *depth > 0 => *depth += 1,
                    b'}' | b']' if *depth > 0 => *depth -= 1,
                    _ => continue,
                }
                if byte != b'"' && ends(byte, *depth) {
                    return Some(at);
                }
            }
        }
    }
    None
}

/// Whether a text is what stands before the first member: `{"Records":[`.
pub(super) fn is_opening(text: &[u8]) -> bool {
    let Some(inner) = text.trim_ascii().strip_prefix(b"{").and_then(|text| text.strip_suffix(b"[")) else {
        return false;
    };
    let Some(key) = inner.trim_ascii().strip_suffix(b":").map(<[u8]>::trim_ascii_end) else { return false };
    serde_json::from_slice::<String>(key).is_ok()
}

/// Whether a text is what stands behind the last member: `]}`.
pub(super) fn is_closing(text: &[u8]) -> bool {
    let mut signs = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    (signs.next(), signs.next(), signs.next()) == (Some(&b']'), Some(&b'}'), None)
}

/// A JSON record without what only stands between records: blanks, commas, and the brackets of the array. What is
/// no object stays as it is, unless there is nothing else.
pub(super) fn between_json(record: &[u8]) -> &[u8] {
    let noise = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']');
    let Some(start) = record.iter().position(|byte| !noise(byte)) else { return b"" };
    let rest = record.get(start..).unwrap_or_default();
    if rest.first() == Some(&b'{') { rest } else { record }
}
