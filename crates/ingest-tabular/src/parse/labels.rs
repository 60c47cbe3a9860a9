//! Values with labels and one byte between them: `time:10:00`, a tab, `status:200`, which is LTSV, or `a=1|b=2`.
//!
//! Decides what is one: a label at the start or behind that byte, its sign, and text up to the next one. Before the first
//! that ends in an equals sign there may be words. Everything else is the message. Never drops anything but what stands
//! between, and quotes that enclose a value behind an equals sign.

use super::{Field, Fixed, Sink, Value};

/// What divides labelled values, and what ends their labels.
pub(crate) type Signs = (u8, u8);
/// Those of LTSV.
pub(crate) const LTSV: Signs = (b'\t', b':');
/// Those of pairs whose values may hold blanks.
pub(crate) const TABBED: Signs = (b'\t', EQUALS);
/// Those of pairs that no blanks divide.
pub(crate) const PAIRS: [Signs; 3] = [(b'|', EQUALS), (b';', EQUALS), (b',', EQUALS)];
const EQUALS: u8 = b'=';
/// Labelled values that a record of such a log has at least.
const LABELS_MIN: usize = 2;

/// Parses records of labelled values; keeps its buffer.
#[derive(Debug)]
pub(crate) struct Labels {
    signs: Signs,
    rest: Vec<u8>,
}

impl Labels {
    pub(crate) const fn new(signs: Signs) -> Self {
        Self { signs, rest: Vec::new() }
    }

    /// Parses one record. Any text is a row.
    pub(crate) fn parse(&mut self, text: &[u8], sink: &mut impl Sink) {
        self.rest.clear();
        let (mut any, mut has_message) = (false, false);
        let (words, labels) = words_before(text, self.signs);
        self.rest.extend_from_slice(words);
        for part in parts(labels, self.signs) {
            match labelled(part, self.signs) {
                Some((label, value)) if label == Fixed::Message.name().as_bytes() => {
                    (any, has_message) = (true, true);
                    sink.put(Field::Fixed(Fixed::Message), Value::Text(value));
                }
                Some((label, value)) => {
                    any = true;
                    sink.put(Field::Name(label), Value::Text(value));
                }
                // Nothing between two dividing bytes is nothing to keep.
                None if part.is_empty() => {}
                None => {
                    if !self.rest.is_empty() {
                        self.rest.push(self.signs.0);
                    }
                    self.rest.extend_from_slice(part);
                }
            }
        }
        let rest = if any { &self.rest } else { text };
        if !any || !rest.is_empty() {
            let field = if has_message { Fixed::Rest } else { Fixed::Message };
            sink.put(Field::Fixed(field), Value::Text(rest));
        }
    }
}

/// Whether a record is nothing but labelled values, each label once, and words before them. Between tabs the words may be
/// a part of their own, as a time is, and values that hold further pairs are none.
pub(crate) fn is_record(record: &[u8], signs: Signs) -> bool {
    let is_tabbed = signs == TABBED;
    let mut labels = Vec::new();
    for (place, part) in parts(words_before(record, signs).1, signs).enumerate() {
        match labelled(part, signs) {
            Some((_, value)) if is_tabbed && holds_pairs(value) => return false,
            Some((label, _)) if !labels.contains(&label) => labels.push(label),
            None if is_tabbed && place == 0 && !part.contains(&EQUALS) => {}
            _ => return false,
        }
    }
    labels.len() >= LABELS_MIN
}

/// Whether a value of a record has a blank in it.
pub(crate) fn has_blanks(record: &[u8], signs: Signs) -> bool {
    let mut values = parts(record, signs).filter_map(|part| labelled(part, signs));
    values.any(|(_, value)| value.contains(&b' '))
}

fn holds_pairs(value: &[u8]) -> bool {
    memchr::memchr_iter(b' ', value).any(|blank| {
        let word = value.get(blank + 1..).unwrap_or_default();
        let len = word.iter().position(|byte| *byte == b' ').unwrap_or(word.len());
        word.get(..len).is_some_and(|word| labelled(word, TABBED).is_some())
    })
}

/// The words before the first label of several that end in equals signs, and the rest.
fn words_before(text: &[u8], (between, sign): Signs) -> (&[u8], &[u8]) {
    let words = || {
        let end = memchr::memchr2(sign, between, text).filter(|_| sign == EQUALS)?;
        // One value alone may be a sentence.
        memchr::memchr(between, text.get(end..)?).filter(|len| *len > 0)?;
        let blank = memchr::memrchr(b' ', text.get(..end)?)?;
        let (words, labels) = text.split_at_checked(blank)?;
        let labels = labels.get(1..).filter(|labels| labelled(labels, (between, sign)).is_some())?;
        Some((words, labels))
    };
    words().unwrap_or((&[], text))
}

/// What stands between the dividing bytes of a text. A quoted value behind an equals sign may hold them.
fn parts(text: &[u8], signs: Signs) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let tail = rest?;
        let len = quoted_len(tail, signs).or_else(|| memchr::memchr(signs.0, tail)).unwrap_or(tail.len());
        rest = tail.get(len + 1..);
        tail.get(..len)
    })
}

/// The length of a part whose value is quoted.
fn quoted_len(text: &[u8], (between, sign): Signs) -> Option<usize> {
    let value = memchr::memchr2(sign, between, text)? + 1;
    if text.get(value - 1..=value) != Some(&[EQUALS, b'"']) {
        return None;
    }
    let quotes = memchr::memchr_iter(b'"', text.get(value + 1..)?).map(|at| value + 1 + at);
    quotes.map(|quote| quote + 1).find(|end| text.get(*end).is_none_or(|byte| *byte == between))
}

/// A label and its value.
fn labelled(part: &[u8], (_, sign): Signs) -> Option<(&[u8], &[u8])> {
    let (label, value) = part.split_at_checked(memchr::memchr(sign, part)?)?;
    let begins = label.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let is_label = begins && label.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte));
    let value = match value.get(1..)? {
        [b'"', inner @ .., b'"'] if sign == EQUALS && !inner.contains(&b'"') => inner,
        value => value,
    };
    is_label.then_some((label, value))
}
