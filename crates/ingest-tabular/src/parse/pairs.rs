//! `key=value` pairs, with text before and between them.
//!
//! Decides what becomes of what was found: each pair is a field, and everything else is the message. Never drops anything
//! but the blanks and marks between pairs, and brackets that hold nothing else.

use super::{Field, Fixed, Sink, Value};
pub(crate) use scan::{Pair, Scan};

mod brackets;
mod quotes;
mod scan;

/// Parses records of pairs; keeps its buffers.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    rest: Vec<u8>,
    unescaped: Vec<u8>,
}

impl Pairs {
    /// Parses one record. Any text is a row.
    pub(crate) fn parse(&mut self, text: &[u8], sink: &mut impl Sink) {
        self.rest.clear();
        let (mut copied, mut any, mut has_message) = (0, false, false);
        for pair in Scan::new(text) {
            any = true;
            has_message |= pair.key == Fixed::Message.name().as_bytes();
            self.put(pair, sink);
            self.rest.extend_from_slice(text.get(copied..pair.start).unwrap_or_default());
            copied = self.behind(pair, text);
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

    /// Where the text behind a pair goes on. A bracket goes with its pairs where it holds nothing else; otherwise both of
    /// its ends are the message's.
    #[inline]
    fn behind(&mut self, pair: Pair<'_>, text: &[u8]) -> usize {
        if pair.closed < pair.end
            && let Some(open) = self.still_open(pair, text)
        {
            return open;
        }
        pair.end + usize::from(text.get(pair.end).is_some_and(|byte| is_blank(*byte)))
    }

    /// Where the first bracket stands behind a pair that holds more.
    #[inline(never)]
    fn still_open(&mut self, pair: Pair<'_>, text: &[u8]) -> Option<usize> {
        for (place, closer) in pair.closers(text).iter().enumerate() {
            if self.rest.last().copied() != brackets::opener_of(*closer) {
                return Some(pair.closed + place);
            }
            self.rest.pop();
        }
        None
    }

    fn put(&mut self, pair: Pair<'_>, sink: &mut impl Sink) {
        let value = match pair.escaped_by {
            Some(quote) => {
                self.unescaped.clear();
                quotes::unescape(pair.value, quote, &mut self.unescaped);
                &self.unescaped
            }
            None => pair.value,
        };
        if pair.key == Fixed::Message.name().as_bytes() {
            sink.put(Field::Fixed(Fixed::Message), Value::Text(value));
        } else {
            sink.put(Field::Name(pair.key), Value::Text(value));
        }
    }
}

/// Whether a byte stands between words. 0x1D is auditd's, before what it adds to a record.
#[inline]
fn is_blank(byte: u8) -> bool {
    is_of(byte, BLANK)
}

/// Whether keys are made of it.
#[inline]
fn is_key(byte: u8) -> bool {
    is_of(byte, KEY)
}

#[inline]
fn is_of(byte: u8, kind: u8) -> bool {
    KINDS.get(usize::from(byte)).is_some_and(|kinds| kinds & kind != 0)
}

const BLANK: u8 = 1;
const KEY: u8 = 2;
/// The kinds of bytes. A table, because every byte of a text is asked for one.
#[expect(clippy::indexing_slicing, reason = "the bytes are below 0x80, and the compiler reads it")]
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte: u8 = 0;
    while byte < 0x80 {
        kinds[byte as usize] = match byte {
            b' ' | b'\t' | 0x1d => BLANK,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'@' | b'-' => KEY,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

/// Whether a byte may stand between a pair and the blank before the next.
const fn is_mark(byte: u8) -> bool {
    matches!(byte, b',' | b';')
}
