//! CEF and LEEF: security events with a header between bars and an extension of pairs.
//!
//! Decides where the parts are and undoes the escapes that the formats define. Never drops a byte of a value but the
//! escapes; a record that is neither keeps its text as the message.

use super::{Field, Fixed, Sink, Value};

const CEF_FIELDS: [&[u8]; 7] = [
    b"cef_version",
    b"device_vendor",
    b"device_product",
    b"device_version",
    b"signature_id",
    b"name",
    b"severity",
];
const LEEF_FIELDS: [&[u8]; 5] =
    [b"leef_version", b"device_vendor", b"device_product", b"device_version", b"signature_id"];
/// What divides LEEF's pairs unless its header says another byte.
const TAB: u8 = b'\t';

/// Parses records; keeps its buffer.
#[derive(Debug, Default)]
pub(crate) struct Cef {
    unescaped: Vec<u8>,
}

/// A record split into its header and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts<'a> {
    header: Vec<&'a [u8]>,
    extension: &'a [u8],
    /// What divides the pairs; none where blanks do, as in CEF.
    delimiter: Option<u8>,
}

/// Whether a record is one of CEF or LEEF.
pub(crate) fn is_event(record: &[u8]) -> bool {
    split(record).is_some()
}

/// Whether a record is one of LEEF.
pub(crate) fn is_leef(record: &[u8]) -> bool {
    split(record).is_some_and(|parts| parts.delimiter.is_some())
}

impl Cef {
    /// Parses one record. Any text is a row.
    pub(crate) fn parse(&mut self, record: &[u8], sink: &mut impl Sink) {
        let Some(parts) = split(record) else {
            sink.put(Field::Fixed(Fixed::Message), Value::Text(record));
            return;
        };
        let names = if parts.delimiter.is_none() { CEF_FIELDS.as_slice() } else { LEEF_FIELDS.as_slice() };
        for (name, text) in names.iter().zip(parts.header) {
            self.put(name, text, Escapes::Header, sink);
        }
        match parts.delimiter {
            None => self.put_extension(parts.extension, sink),
            Some(delimiter) => self.put_attributes(parts.extension, delimiter, sink),
        }
    }

    /// CEF's pairs: a value goes on until the blank before the next key.
    fn put_extension(&mut self, text: &[u8], sink: &mut impl Sink) {
        let mut key = next_key(text, 0);
        let before = text.get(..key.map_or(text.len(), |(start, _)| start)).unwrap_or_default();
        put_rest(before, sink);
        while let Some((start, equals)) = key {
            key = next_key(text, equals + 1);
            // The blank before the next key is no part of the value.
            let end = key.map_or(text.len(), |(next, _)| next.saturating_sub(1));
            let name = text.get(start..equals).unwrap_or_default();
            self.put(name, text.get(equals + 1..end).unwrap_or_default(), Escapes::Extension, sink);
        }
    }

    /// LEEF's pairs, which have no escapes.
    fn put_attributes(&mut self, text: &[u8], delimiter: u8, sink: &mut impl Sink) {
        for attribute in text.split(|byte| *byte == delimiter) {
            match memchr::memchr(b'=', attribute).filter(|equals| *equals > 0) {
                Some(equals) => {
                    let (name, value) = attribute.split_at(equals);
                    self.put(name.trim_ascii(), value.get(1..).unwrap_or_default(), Escapes::None, sink);
                }
                None => put_rest(attribute, sink),
            }
        }
    }

    fn put(&mut self, name: &[u8], text: &[u8], escapes: Escapes, sink: &mut impl Sink) {
        let field = if name == Fixed::Message.name().as_bytes() {
            Field::Fixed(Fixed::Message)
        } else {
            Field::Name(name)
        };
        let value = if text.is_empty() {
            Value::Null
        } else if escapes == Escapes::None || memchr::memchr(b'\\', text).is_none() {
            Value::Text(text)
        } else {
            self.unescaped.clear();
            unescape(text, escapes, &mut self.unescaped);
            Value::Text(&self.unescaped)
        };
        sink.put(field, value);
    }
}

/// Puts text that is no pair.
fn put_rest(text: &[u8], sink: &mut impl Sink) {
    if !text.trim_ascii().is_empty() {
        sink.put(Field::Fixed(Fixed::Message), Value::Text(text));
    }
}

fn split(record: &[u8]) -> Option<Parts<'_>> {
    if let Some(rest) = record.strip_prefix(b"CEF:") {
        // Some senders put a blank behind the name.
        let (header, extension) = header(rest.trim_ascii_start(), CEF_FIELDS.len(), true)?;
        return is_version(&header).then_some(Parts { header, extension, delimiter: None });
    }
    let rest = record.strip_prefix(b"LEEF:")?.trim_ascii_start();
    let (header, extension) = header(rest, LEEF_FIELDS.len(), false)?;
    if !is_version(&header) {
        return None;
    }
    let says_delimiter = header.first().is_some_and(|version| version.starts_with(b"2"));
    let bar = memchr::memchr(b'|', extension).filter(|_| says_delimiter);
    let said = bar.and_then(|bar| Some((delimiter(extension.get(..bar)?)?, extension.get(bar + 1..)?)));
    let (delimiter, extension) = said.unwrap_or((TAB, extension));
    Some(Parts { header, extension, delimiter: Some(delimiter) })
}

/// So many fields that end in a bar, and what follows them. CEF's last one may end the record.
fn header(text: &[u8], fields: usize, may_end: bool) -> Option<(Vec<&[u8]>, &[u8])> {
    let mut header = Vec::with_capacity(fields);
    let mut rest = text;
    while header.len() < fields {
        let Some(bar) = bar(rest) else {
            let last = may_end && header.len() + 1 == fields;
            return last.then(|| {
                header.push(rest);
                (header, b"".as_slice())
            });
        };
        header.push(rest.get(..bar)?);
        rest = rest.get(bar + 1..)?;
    }
    Some((header, rest))
}

/// The first bar that no backslash escapes.
fn bar(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'|', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'|') {
            return Some(at);
        }
        at += 2;
    }
}

fn is_version(header: &[&[u8]]) -> bool {
    let version = header.first().copied().unwrap_or_default();
    !version.is_empty() && version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// The byte that LEEF 2.0 says: itself, `x09` or `0x09`, or a tab where nothing is said.
fn delimiter(text: &[u8]) -> Option<u8> {
    match text {
        [] => Some(TAB),
        [byte] => Some(*byte),
        _ => {
            let text = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
            let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix('x'))?;
            u8::from_str_radix(hex, 16).ok()
        }
    }
}

/// Where the next key starts, and its equals sign: a name after a blank, or at the start.
fn next_key(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        at += memchr::memchr2(b'=', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'\\') {
            at += 2;
            continue;
        }
        let before = text.get(from..at)?;
        let len = before.iter().rev().take_while(|byte| is_key(**byte)).count();
        let start = at - len;
        let begins = start.checked_sub(1).is_none_or(|before| text.get(before) == Some(&b' '));
        if len > 0 && begins {
            return Some((start, at));
        }
        at += 1;
    }
}

const fn is_key(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'[' | b']')
}

/// Which escapes a text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    /// `\|` and `\\`
    Header,
    /// The same with `\=`, `\n` and `\r`
    Extension,
}

/// Undoes escapes; a backslash before anything else is text, as in `C:\temp`.
fn unescape(text: &[u8], escapes: Escapes, out: &mut Vec<u8>) {
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let stands_for = match (byte, bytes.peek(), escapes) {
            (b'\\', Some(next @ (b'\\' | b'|')), _) => Some(*next),
            (b'\\', Some(b'='), Escapes::Extension) => Some(b'='),
            (b'\\', Some(b'n'), Escapes::Extension) => Some(b'\n'),
            (b'\\', Some(b'r'), Escapes::Extension) => Some(b'\r'),
            _ => None,
        };
        if stands_for.is_some() {
            bytes.next();
        }
        out.push(stands_for.unwrap_or(byte));
    }
}

#[cfg(test)]
mod tests;
