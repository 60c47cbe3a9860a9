//! Access lines of Apache and nginx, common and combined.
//!
//! Decides where the parts behind the time's bracket are. Unescapes nothing, and refuses a line that does not match.

use super::{Field, Fixed, Sink, Value};
use crate::quarantine::Reason;

mod head;

/// What stands for a missing part.
const MISSING: &[u8] = b"-";

/// Parses lines.
#[derive(Debug)]
pub(crate) struct Access {
    time: Field<'static>,
}

impl Access {
    /// A parser whose time has a column of its own, unless an envelope's has it.
    pub(crate) const fn new(has_time: bool) -> Self {
        let name = Field::Name(Fixed::Time.name().as_bytes());
        Self { time: if has_time { Field::Fixed(Fixed::Time) } else { name } }
    }

    /// Parses one line.
    pub(crate) fn parse(&self, line: &[u8], sink: &mut impl Sink) -> Result<(), Reason> {
        let parts = split(line).ok_or(Reason::NotAccessLog)?;
        let mut put = |field, text: &[u8]| {
            let value = if text == MISSING { Value::Null } else { Value::Text(text) };
            sink.put(field, value);
        };
        for (field, word) in [(Fixed::Vhost, parts.head.vhost), (Fixed::Lead, parts.head.lead)] {
            if let Some(word) = word {
                put(Field::Fixed(field), word);
            }
        }
        put(Field::Fixed(Fixed::Client), parts.head.client);
        put(Field::Fixed(Fixed::Ident), parts.head.ident);
        put(Field::Fixed(Fixed::User), parts.head.user);
        put(self.time, parts.time);
        match three_words(parts.request) {
            Some([method, path, protocol]) => {
                put(Field::Fixed(Fixed::Method), method);
                put(Field::Fixed(Fixed::Path), path);
                put(Field::Fixed(Fixed::Protocol), protocol);
            }
            None => put(Field::Fixed(Fixed::Request), parts.request),
        }
        put(Field::Fixed(Fixed::Status), parts.status);
        put(Field::Fixed(Fixed::Bytes), parts.bytes);
        if let Some((referer, agent)) = parts.combined {
            put(Field::Fixed(Fixed::Referer), referer);
            put(Field::Fixed(Fixed::UserAgent), agent);
        }
        if let Some(extra) = parts.extra {
            // `-` is text here: nobody declared what these parts mean.
            sink.put(Field::Fixed(Fixed::Extra), Value::Text(extra));
        }
        Ok(())
    }
}

/// The parts of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    head: head::Head<'a>,
    time: &'a [u8],
    request: &'a [u8],
    status: &'a [u8],
    bytes: &'a [u8],
    combined: Option<(&'a [u8], &'a [u8])>,
    extra: Option<&'a [u8]>,
}

/// Splits a line; `None` when it is no access line.
pub(crate) fn split(line: &[u8]) -> Option<Parts<'_>> {
    let (head, rest) = head::split(line)?;
    let end = memchr::memchr(b']', rest)?;
    let time = rest.get(..end)?;
    let (request, rest) = quoted(rest.get(end + 1..)?.strip_prefix(b" ")?)?;
    let (status, rest) = word_or_end(rest.strip_prefix(b" ")?)?;
    let (bytes, rest) = word_or_end(rest?)?;
    let plain = |text: &[u8]| text == MISSING || text.iter().all(u8::is_ascii_digit);
    if head.user.is_empty() || !plain(status) || !plain(bytes) {
        return None;
    }
    let (combined, extra) = match rest {
        None => (None, None),
        Some(tail) => split_combined(tail).unwrap_or((None, Some(tail))),
    };
    Some(Parts { head, time, request, status, bytes, combined, extra })
}

type Combined<'a> = (Option<(&'a [u8], &'a [u8])>, Option<&'a [u8]>);

fn split_combined(tail: &[u8]) -> Option<Combined<'_>> {
    let (referer, rest) = quoted(tail)?;
    let (agent, rest) = quoted(rest.strip_prefix(b" ")?)?;
    let extra = match rest.split_first() {
        None => None,
        Some((b' ', extra)) => Some(extra),
        Some(_) => return None,
    };
    Some((Some((referer, agent)), extra))
}

/// A quoted part as written, and what follows. A backslash keeps the next byte from closing it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', inner.get(at..)?)?;
        if inner.get(at) == Some(&b'"') {
            return Some((inner.get(..at)?, inner.get(at + 1..)?));
        }
        at += 2;
    }
}

fn three_words(request: &[u8]) -> Option<[&[u8]; 3]> {
    let (method, rest) = word(request)?;
    let (path, protocol) = word(rest)?;
    let whole = !protocol.is_empty() && !protocol.contains(&b' ') && path != MISSING && method != MISSING;
    (whole && protocol != MISSING).then_some([method, path, protocol])
}

fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = memchr::memchr(b' ', text).filter(|len| *len > 0)?;
    Some((text.get(..len)?, text.get(len + 1..)?))
}

/// A word, and what follows its blank; nothing follows where the line ends.
fn word_or_end(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    match word(text) {
        Some((word, rest)) => Some((word, Some(rest))),
        None if text.is_empty() || text.contains(&b' ') => None,
        None => Some((text, None)),
    }
}
