//! Labelled values divided by tabs, `time:10:00\tstatus:200`: LTSV.
//!
//! Decides what is one: a label at the start or behind a tab, a colon, and text up to the next tab. Everything else is the
//! message. Never drops anything but the tabs between.

use super::{Field, Fixed, Sink, Value};

const TAB: u8 = b'\t';
/// Labelled values that a record of such a log has at least.
const LABELS_MIN: usize = 2;

/// Parses records of labelled values; keeps its buffer.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    rest: Vec<u8>,
}

impl Labels {
    /// Parses one record. Any text is a row.
    pub(crate) fn parse(&mut self, text: &[u8], sink: &mut impl Sink) {
        self.rest.clear();
        let (mut any, mut has_message) = (false, false);
        for part in text.split(|byte| *byte == TAB) {
            match labelled(part) {
                Some((label, value)) if label == Fixed::Message.name().as_bytes() => {
                    (any, has_message) = (true, true);
                    sink.put(Field::Fixed(Fixed::Message), Value::Text(value));
                }
                Some((label, value)) => {
                    any = true;
                    sink.put(Field::Name(label), Value::Text(value));
                }
                None => {
                    if !self.rest.is_empty() {
                        self.rest.push(TAB);
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

/// Whether a record is nothing but labelled values, each label once.
pub(crate) fn is_record(record: &[u8]) -> bool {
    let mut labels = Vec::new();
    for part in record.split(|byte| *byte == TAB) {
        match labelled(part) {
            Some((label, _)) if !labels.contains(&label) => labels.push(label),
            _ => return false,
        }
    }
    labels.len() >= LABELS_MIN
}

/// A label and its value.
fn labelled(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let (label, value) = part.split_at_checked(memchr::memchr(b':', part)?)?;
    let begins = label.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let is_label = begins && label.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte));
    is_label.then_some((label, value.get(1..)?))
}
