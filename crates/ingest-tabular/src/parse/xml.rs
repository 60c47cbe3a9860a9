//! Events of Windows in XML, one a line: `<Event …><System><EventID>4624</EventID>…</System>…</Event>`.
//!
//! Decides what is a value: an element that holds text and no others, and an attribute. Names are put together as those of
//! nested JSON are; an element `Data` has the name that its first attribute says. Whatever is not plainly of this form, is
//! cut off, or is malformed, keeps its text as the message. Knows no documents: neither comments, nor types, nor entities
//! of their own.

use super::json::PATH_SEPARATOR;
use super::{Field, Fixed, Sink, Value};
use crate::fields::NAME_LEN_MAX;

/// The element that all of a record is.
const ROOT: &[u8] = b"Event";
/// Elements within each other, beyond which a record is text: such events have five.
const DEPTH_MAX: usize = 16;
/// An element whose name is what its first attribute says.
const DATA: &[u8] = b"Data";
const DATA_NAME: &[u8] = b"Name";
/// Longest character reference that is looked for: `&#x10FFFF;`.
const REFERENCE_LEN_MAX: usize = 10;

/// Parses records; keeps its buffers.
#[derive(Debug, Default)]
pub(crate) struct Xml {
    path: Vec<u8>,
    value: Vec<u8>,
}

/// Whether a record is an event.
pub(crate) fn is_event(record: &[u8]) -> bool {
    Xml::default().walk(record, |_, _| {}).is_some()
}

impl Xml {
    /// Parses one record. Any text is a row.
    pub(crate) fn parse(&mut self, record: &[u8], sink: &mut impl Sink) {
        // Looked at whole before the first value is put: what breaks off has none.
        let is_event = self.walk(record, |_, _| {}).is_some();
        let put = |name: &[u8], value: Value<'_>| sink.put(Field::Name(name), value);
        if !is_event || self.walk(record, put).is_none() {
            sink.put(Field::Fixed(Fixed::Message), Value::Text(record));
        }
    }

    /// Hands every value to `take`; `None` where the record is none of this form.
    fn walk(&mut self, record: &[u8], take: impl FnMut(&[u8], Value<'_>)) -> Option<()> {
        self.path.clear();
        let mut walk = Walk { buffers: self, open: Vec::new(), take };
        let record = record.trim_ascii();
        let mut rest = walk.opened(b"", record.strip_prefix(b"<").filter(|tag| tag.starts_with(ROOT))?)?;
        while !walk.open.is_empty() {
            let (text, mark) = rest.split_at_checked(memchr::memchr(b'<', rest)?)?;
            rest = match mark.get(1..)? {
                [b'/', tag @ ..] => walk.closed(text, tag)?,
                tag => walk.opened(text, tag)?,
            };
        }
        rest.is_empty().then_some(())
    }
}

/// An element that has begun.
#[derive(Debug, Clone, Copy)]
struct Open<'a> {
    name: &'a [u8],
    /// The length of the path without it.
    path_before: usize,
    is_leaf: bool,
}

/// A record on the way.
struct Walk<'a, 'b, F> {
    buffers: &'b mut Xml,
    open: Vec<Open<'a>>,
    take: F,
}

impl<'a, F: FnMut(&[u8], Value<'_>)> Walk<'a, '_, F> {
    /// Begins an element behind text of its parent, which must be blank. Answers what follows its tag.
    fn opened(&mut self, text: &[u8], tag: &'a [u8]) -> Option<&'a [u8]> {
        if !text.trim_ascii().is_empty() || self.open.len() >= DEPTH_MAX {
            return None;
        }
        let (name, mut rest) = name(tag)?;
        let path_before = self.buffers.path.len();
        let is_root = self.open.is_empty();
        if let Some(parent) = self.open.last_mut() {
            parent.is_leaf = false;
        }
        let mut is_silent = !is_root;
        match attribute(rest)? {
            Some((DATA_NAME, said, tail)) if name == DATA => {
                rest = tail;
                self.step(said)?;
            }
            _ if is_root => (name == ROOT).then_some(())?,
            _ => self.step(name)?,
        }
        while let Some((name, raw, tail)) = attribute(rest)? {
            is_silent = false;
            rest = tail;
            let before = self.buffers.path.len();
            self.step(name)?;
            self.put(raw)?;
            self.buffers.path.truncate(before);
        }
        match rest.trim_ascii_start() {
            [b'>', tail @ ..] => {
                self.open.push(Open { name, path_before, is_leaf: true });
                Some(tail)
            }
            [b'/', b'>', tail @ ..] => {
                if is_silent {
                    (self.take)(&self.buffers.path, Value::Null);
                }
                self.buffers.path.truncate(path_before);
                Some(tail)
            }
            _ => None,
        }
    }

    /// Ends the last element that has begun, behind its text. Answers what follows its tag.
    fn closed(&mut self, text: &[u8], tag: &'a [u8]) -> Option<&'a [u8]> {
        let last = self.open.pop()?;
        let (name, tail) = name(tag)?;
        let rest = tail.trim_ascii_start().strip_prefix(b">").filter(|_| name == last.name)?;
        if last.is_leaf && !self.open.is_empty() {
            self.put(text)?;
        } else if !text.trim_ascii().is_empty() {
            return None;
        }
        self.buffers.path.truncate(last.path_before);
        Some(rest)
    }

    /// Adds a name to the path.
    fn step(&mut self, name: &[u8]) -> Option<()> {
        let path = &mut self.buffers.path;
        if !path.is_empty() {
            path.extend_from_slice(PATH_SEPARATOR);
        }
        path.extend_from_slice(name);
        let is_name = !name.is_empty() && memchr::memchr2(b'&', b'<', name).is_none();
        (is_name && path.len() <= NAME_LEN_MAX).then_some(())
    }

    fn put(&mut self, raw: &[u8]) -> Option<()> {
        let Xml { path, value } = &mut *self.buffers;
        decode(raw, value)?;
        (self.take)(path, Value::Text(value));
        Some(())
    }
}

/// The name at the beginning of a tag, and what follows it.
fn name(tag: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(byte) || !byte.is_ascii();
    let len = tag.iter().take_while(|byte| is_part(byte)).count();
    (len > 0).then(|| tag.split_at_checked(len)).flatten()
}

/// An attribute's name, its value as written, and what follows.
type Attribute<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// The attribute behind blanks at the beginning of a tag's rest, if one stands there; `None` where it is malformed.
fn attribute(rest: &[u8]) -> Option<Option<Attribute<'_>>> {
    let text = rest.trim_ascii_start();
    if matches!(text.first()?, b'>' | b'/') {
        return Some(None);
    }
    let (name, tail) = name(text).filter(|_| text.len() < rest.len())?;
    let tail = tail.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, tail) = tail.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    let value = tail.get(..memchr::memchr(*quote, tail)?)?;
    let rest = tail.get(value.len() + 1..)?;
    memchr::memchr(b'<', value).is_none().then_some(Some((name, value, rest)))
}

/// Decodes references to characters; `None` where one is not known.
fn decode(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(rest.get(..at)?);
        rest = rest.get(at + 1..)?;
        let looked_at = rest.get(..REFERENCE_LEN_MAX).unwrap_or(rest);
        let reference = rest.get(..memchr::memchr(b';', looked_at)?)?;
        rest = rest.get(reference.len() + 1..)?;
        let character = match reference {
            b"lt" => '<',
            b"gt" => '>',
            b"amp" => '&',
            b"quot" => '"',
            b"apos" => '\'',
            [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
            [b'#', digits @ ..] => number(digits, 10)?,
            _ => return None,
        };
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out.extend_from_slice(rest);
    Some(())
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    char::from_u32(u32::from_str_radix(digits, radix).ok()?)
}

#[cfg(test)]
mod tests;
