//! `key=value` pairs, with text before and between them.
//!
//! Decides what is a pair: a key after a blank or at the start, an equals sign, and text up to a blank or a
//! closing quote. Everything else is the message. Never drops anything but the blanks and commas between.

use super::{Field, Fixed, Sink, Value};

/// Parses records of pairs; keeps its buffers.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    rest: Vec<u8>,
    unescaped: Vec<u8>,
}

/// A pair found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Where it ends, closing quote and separating comma included.
    pub(crate) end: usize,
    escaped: bool,
}

impl Pairs {
    /// Parses one record. Any text is a row.
    pub(crate) fn parse(&mut self, text: &[u8], sink: &mut impl Sink) {
        self.rest.clear();
        let (mut at, mut copied, mut any, mut has_message) = (0, 0, false, false);
        while let Some((start, pair)) = next_pair(text, at) {
            any = true;
            has_message |= pair.key == Fixed::Message.name().as_bytes();
            self.put(pair, sink);
            self.rest.extend_from_slice(text.get(copied..start).unwrap_or_default());
            let blank = text.get(pair.end).is_some_and(|byte| is_blank(*byte));
            at = pair.end + usize::from(blank);
            copied = at;
        }
        if copied >= text.len() && self.rest.last().is_some_and(|byte| is_blank(*byte)) {
            self.rest.pop();
        }
        self.rest.extend_from_slice(text.get(copied..).unwrap_or_default());
        if !any || !self.rest.iter().all(|byte| is_blank(*byte)) {
            let field = if has_message { Fixed::Rest } else { Fixed::Message };
            sink.put(Field::Fixed(field), Value::Text(&self.rest));
        }
    }

    fn put(&mut self, pair: Pair<'_>, sink: &mut impl Sink) {
        let value = if pair.escaped {
            self.unescaped.clear();
            unescape(pair.value, &mut self.unescaped);
            &self.unescaped
        } else {
            pair.value
        };
        if pair.key == Fixed::Message.name().as_bytes() {
            sink.put(Field::Fixed(Fixed::Message), Value::Text(value));
        } else {
            sink.put(Field::Name(pair.key), Value::Text(value));
        }
    }
}

/// The first pair at or after `at`, and where it starts.
pub(crate) fn next_pair(text: &[u8], mut at: usize) -> Option<(usize, Pair<'_>)> {
    loop {
        while text.get(at).is_some_and(|byte| is_blank(*byte)) {
            at += 1;
        }
        let token = text.get(at..).filter(|token| !token.is_empty())?;
        if let Some(pair) = pair_at(text, at) {
            return Some((at, pair));
        }
        at += token.iter().position(|byte| is_blank(*byte)).unwrap_or(token.len());
    }
}

fn pair_at(text: &[u8], at: usize) -> Option<Pair<'_>> {
    let token = text.get(at..)?;
    let key_len = token.iter().position(|byte| !is_key(*byte))?;
    if key_len == 0 || token.get(key_len) != Some(&b'=') {
        return None;
    }
    let (key, rest) = (token.get(..key_len)?, token.get(key_len + 1..)?);
    let value_at = at + key_len + 1;
    if let Some((len, escaped)) = quoted_len(rest) {
        let end = separator_end(text, value_at + len);
        return Some(Pair { key, value: rest.get(1..len - 1)?, end, escaped });
    }
    let len = rest.iter().position(|byte| is_blank(*byte)).unwrap_or(rest.len());
    let mut value = rest.get(..len)?;
    // A comma before the next pair separates; any other is part of the value.
    if let Some((b',' | b';', before)) = value.split_last()
        && is_pair_start(text.get(value_at + len..).unwrap_or_default().trim_ascii_start())
    {
        value = before;
    }
    Some(Pair { key, value, end: value_at + len, escaped: false })
}

/// The length of a quoted value with its quotes, and whether it has escapes; none where it is not one.
fn quoted_len(rest: &[u8]) -> Option<(usize, bool)> {
    if rest.first() != Some(&b'"') {
        return None;
    }
    // A path such as "C:\" ends in a backslash that escapes nothing: then quotes alone decide.
    closing(rest, true).or_else(|| closing(rest, false)).map(|(at, escaped)| (at + 1, escaped))
}

fn closing(rest: &[u8], backslashes: bool) -> Option<(usize, bool)> {
    let (mut at, mut escaped) = (1, false);
    loop {
        match rest.get(at)? {
            b'\\' if backslashes && matches!(rest.get(at + 1), Some(b'"' | b'\\')) => {
                escaped = true;
                at += 2;
            }
            b'"' if rest.get(at + 1) == Some(&b'"') => {
                escaped = true;
                at += 2;
            }
            b'"' => {
                let ends = matches!(rest.get(at + 1), None | Some(b' ' | b'\t' | b',' | b';'));
                return ends.then_some((at, escaped));
            }
            _ => at += 1,
        }
    }
}

/// Passes a comma that separates a quoted value from the next pair.
fn separator_end(text: &[u8], end: usize) -> usize {
    let after = text.get(end..).unwrap_or_default();
    let separates = match after.split_first() {
        Some((b',' | b';', rest)) => rest.is_empty() || is_pair_start(rest.trim_ascii_start()),
        _ => false,
    };
    end + usize::from(separates)
}

fn is_pair_start(text: &[u8]) -> bool {
    let key_len = text.iter().position(|byte| !is_key(*byte));
    key_len.is_some_and(|len| len > 0 && text.get(len) == Some(&b'='))
}

/// Decodes `\"`, `\\` and `""`. Where a backslash stands before anything else it is text, and so are all
/// others: the value was not written with escapes.
fn unescape(value: &[u8], out: &mut Vec<u8>) {
    let backslashes = {
        let mut rest = value;
        loop {
            let Some(found) = memchr::memchr(b'\\', rest) else {
                break true;
            };
            match rest.get(found + 1) {
                Some(b'"' | b'\\') => rest = rest.get(found + 2..).unwrap_or_default(),
                _ => break false,
            }
        }
    };
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied();
        let escape = byte == b'\\' && (next == Some(b'"') || (backslashes && next == Some(b'\\')));
        let doubled = byte == b'"' && next == Some(b'"');
        let kept = if escape || doubled { bytes.next() } else { None };
        out.push(kept.unwrap_or(byte));
    }
}

const fn is_key(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'@' | b'-')
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
