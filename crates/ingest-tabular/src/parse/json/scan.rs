//! JSON values, eight bytes at a time: most are so short that anything larger would first have to be set up.
//!
//! Decides where the value that a text starts with ends, as the cursor would, or leaves it to the cursor. Never says
//! why a text is no JSON.

use super::cursor::Cursor;
use super::string;
use crate::parse::{Field, Sink, Value};

/// A byte of each eight.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
const HIGH: u64 = 0x80 * ONES;

/// Memory for values that are not slices of their record.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) decoded: Vec<u8>,
    pub(super) nesting: Vec<u8>,
}

/// Whether a value may start so. An object is one only when it is empty: the others have values of their own.
#[inline]
pub(super) fn starts_value(text: &[u8]) -> bool {
    match text {
        [b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'[', ..] => true,
        [b'{', rest @ ..] => rest.first() == Some(&b'}'),
        _ => false,
    }
}

/// Puts the value that the text starts with; answers its length.
#[inline]
pub(super) fn put<S: Sink>(
    text: &[u8],
    field: Field<'_>,
    scratch: &mut Scratch,
    sink: &mut S,
) -> Option<usize> {
    // Each kind is put where it is found: carrying a `Value` about costs more than most of them.
    match text.first()? {
        b'"' => string(text, field, scratch, sink),
        b'-' | b'0'..=b'9' => {
            let len = number_len(text)?;
            sink.put(field, Value::Number(text.get(..len)?));
            Some(len)
        }
        b'[' => {
            let len = array_len(text, &mut scratch.nesting)?;
            sink.put(field, Value::Raw(text.get(..len)?));
            Some(len)
        }
        _ => word(text, field, sink),
    }
}

/// A value that is one of few words.
#[inline]
fn word<S: Sink>(text: &[u8], field: Field<'_>, sink: &mut S) -> Option<usize> {
    let words = [
        (&b"true"[..], Value::Bool(true)),
        (b"false", Value::Bool(false)),
        (b"null", Value::Null),
        (b"{}", Value::Raw(text.get(..2)?)),
    ];
    let (word, value) = words.into_iter().find(|(word, _)| text.starts_with(word))?;
    sink.put(field, value);
    Some(word.len())
}

#[inline]
fn string<S: Sink>(text: &[u8], field: Field<'_>, scratch: &mut Scratch, sink: &mut S) -> Option<usize> {
    let rest = text.get(1..)?;
    let plain = plain_len(rest)?;
    let (inside, end) = rest.split_at_checked(plain)?;
    let len = plain + 2;
    if end.first() == Some(&b'"') {
        sink.put(field, Value::String { text: inside, raw: text.get(..len)?, exact: true });
        return Some(len);
    }
    let raw = text.get(..escaped_len(text, plain + 1)?)?;
    scratch.decoded.clear();
    let exact = string::decode(string::inside(raw), &mut scratch.decoded);
    sink.put(field, Value::String { text: &scratch.decoded, raw, exact });
    Some(raw.len())
}

/// Length of a string with escapes, of which the first `from` bytes are plain.
#[inline(never)]
fn escaped_len(text: &[u8], from: usize) -> Option<usize> {
    let mut cursor = Cursor { bytes: text, at: from };
    loop {
        match text.get(cursor.at)? {
            b'"' => return Some(cursor.at + 1),
            b'\\' => {
                cursor.at += 1;
                cursor.skip_escape().ok()?;
            }
            _ => return None,
        }
        cursor.at += plain_len(text.get(cursor.at..)?)?;
    }
}

/// Bytes before the first that is a quote, a backslash or a control character.
#[inline]
fn plain_len(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let ends = ends(u64::from_le_bytes(*word));
        if ends != 0 {
            return usize::try_from(ends.trailing_zeros() / 8).ok().map(|place| at + place);
        }
        at += 8;
    }
    rest.iter().position(|byte| is_end(*byte)).map(|place| at + place)
}

#[inline]
const fn is_end(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < b' ')
}

/// The high bit of each byte of the word that is no plain byte of a string; of those behind the first, some others too.
#[inline]
const fn ends(word: u64) -> u64 {
    let quote = word ^ (ONES * 0x22);
    let backslash = word ^ (ONES * 0x5c);
    let lower = quote.wrapping_sub(ONES) & !quote
        | backslash.wrapping_sub(ONES) & !backslash
        | word.wrapping_sub(ONES * 0x20) & !word;
    lower & HIGH
}

/// Length of a number, by the grammar of JSON.
#[inline]
fn number_len(text: &[u8]) -> Option<usize> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let mut at = match text.get(sign)? {
        b'0' => sign + 1,
        _ => digits(text, sign)?,
    };
    if text.get(at) == Some(&b'.') {
        at = digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let signed = matches!(text.get(at + 1), Some(b'+' | b'-'));
        at = digits(text, at + 1 + usize::from(signed))?;
    }
    Some(at)
}

/// Where the digits end that stand at that place; none where there are none.
#[inline]
fn digits(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(word) = text.get(at..).and_then(|tail| tail.first_chunk::<8>()) {
        let apart = u64::from_le_bytes(*word) ^ (ONES * 0x30);
        // Carries only reach bytes behind one that is no digit itself.
        let others = (apart | apart.wrapping_add(ONES * 0x76)) & HIGH;
        if others != 0 {
            at += usize::try_from(others.trailing_zeros() / 8).ok()?;
            return (at > from).then_some(at);
        }
        at += 8;
    }
    at += text.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (at > from).then_some(at)
}

/// Length of an array.
#[inline]
fn array_len(text: &[u8], nesting: &mut Vec<u8>) -> Option<usize> {
    if text.get(1) == Some(&b']') {
        return Some(2);
    }
    let mut cursor = Cursor { bytes: text, at: 0 };
    cursor.skip_nested(nesting).ok()?;
    Some(cursor.at)
}
