//! Syslog envelopes: RFC 3164 as it is found in the wild, and RFC 5424.
//!
//! Decides where the header ends and the body begins. Never guesses a year or a zone, and takes only
//! headers that can be written back from their parts; anything else is no header.

use super::{Field, Fixed, Sink, Value, cef, timed};
use crate::scalar::{instant, number};

mod clock;

/// Digits of the largest priority, 191.
const PRIORITY_DIGITS_MAX: usize = 3;
/// Longest program name that is believed; RFC 3164 says 32, containers write more.
const TAG_LEN_MAX: usize = 64;
/// Digits of the number that a Cisco device counts its events by.
const COUNT_DIGITS_MAX: usize = 10;

/// The parts of a record with a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) priority: Option<&'a [u8]>,
    pub(crate) time: Option<&'a [u8]>,
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) app: Option<&'a [u8]>,
    pub(crate) procid: Option<&'a [u8]>,
    pub(crate) msgid: Option<&'a [u8]>,
    pub(crate) data: Option<&'a [u8]>,
    /// What follows the header, if anything does.
    pub(crate) body: Option<&'a [u8]>,
}

impl Header<'_> {
    /// Whether the header is no other line's beginning. A time with a year begins many lines: it is syslog's where a
    /// priority stands before it, or a host and a program's tag, or an event, behind it.
    pub(crate) fn is_sure(&self) -> bool {
        let without_year = |time: &[u8]| !clock::has_year(set_clock(time));
        let is_host = |host: &[u8]| {
            let is_name = host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._:%".contains(byte));
            is_name && !timed::is_level(host)
        };
        self.priority.is_some()
            || self.time.is_some_and(without_year)
            || (self.host.is_none_or(is_host)
                && (self.app.is_some_and(|app| !timed::is_level(app))
                    || self.body.is_some_and(cef::is_event)))
    }

    pub(crate) fn put(&self, sink: &mut impl Sink) {
        let parts = [
            (Fixed::Priority, self.priority),
            (Fixed::SyslogTime, self.time),
            (Fixed::Host, self.host),
            (Fixed::App, self.app),
            (Fixed::Procid, self.procid),
            (Fixed::Msgid, self.msgid),
            (Fixed::StructuredData, self.data),
        ];
        for (field, text) in parts {
            if let Some(text) = text {
                sink.put(Field::Fixed(field), Value::Text(text));
            }
        }
    }
}

/// Splits a record of RFC 5424; `None` when it has no such header.
pub(crate) fn split_5424(record: &[u8]) -> Option<Header<'_>> {
    let (priority, rest) = split_priority(record)?;
    let rest = rest.strip_prefix(b"1 ")?;
    let (time, rest) = word(rest)?;
    if time != b"-" && instant::read(time).is_none() {
        return split_epoch(priority, time, rest);
    }
    let (host, rest) = word(rest)?;
    let (app, rest) = word(rest)?;
    let (procid, rest) = word(rest)?;
    let (msgid, rest) = word(rest)?;
    let (data, body) = split_data(rest).or_else(|| {
        // Some senders leave the structured data out. What stands before it shows that nothing else is missing.
        let is_sure = msgid == b"-" && procid.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
        (is_sure && !rest.starts_with(b"[")).then_some((b"-", Some(rest)))
    })?;
    let [time, host, app, procid, msgid, data] =
        [time, host, app, procid, msgid, data].map(|part| Some(part).filter(|part| *part != b"-"));
    Some(Header { priority, time, host, app, procid, msgid, data, body })
}

/// Splits a record of a log of RFC 5424, where one of RFC 3164 is taken as it is, and a priority before anything else.
pub(crate) fn split_any(record: &[u8]) -> Option<Header<'_>> {
    let is_other = |header: &Header<'_>| {
        let is_broken = || header.body.is_some_and(|body| body.first().is_some_and(u8::is_ascii_digit));
        header.is_sure() && (header.time.is_some() || !is_broken())
    };
    split_5424(record).or_else(|| split_3164(record).filter(is_other))
}

/// `<134>1 1770681513.153364527 MX84 flows body`: seconds since 1970, host and kind, and nothing else, as Meraki writes it.
fn split_epoch<'a>(priority: Option<&'a [u8]>, time: &'a [u8], rest: &'a [u8]) -> Option<Header<'a>> {
    priority.and_then(|_| number::epoch_parts(time))?;
    let (host, rest) = word(rest)?;
    let (app, body) = word(rest)?;
    let [host, app, body] = [host, app, body].map(Some);
    Some(Header { priority, time: Some(time), host, app, body, ..Header::default() })
}

/// Splits a record of RFC 3164; `None` when it has no such header. One of RFC 5424 among them is taken as it is, and a
/// priority is a header by itself.
pub(crate) fn split_3164(record: &[u8]) -> Option<Header<'_>> {
    let (priority, rest) = split_priority(record)?;
    let Some(len) = clock::len(rest) else {
        let alone = || priority.map(|_| Header { priority, body: Some(rest), ..Header::default() });
        return split_5424(record).or_else(|| split_counted(priority, rest)).or_else(alone);
    };
    let (time, rest) = rest.split_at_checked(len)?;
    let (host, rest) = split_host(rest)?;
    Some(with_tag(Header { priority, time: Some(time), host, ..Header::default() }, rest))
}

/// `2492: router1: *Feb  9 23:58:04.479: body`, as Cisco's devices write it: a count, which is `msgid`, mostly a host, and a
/// time, before which a sign says that nobody set the clock.
fn split_counted<'a>(priority: Option<&'a [u8]>, text: &'a [u8]) -> Option<Header<'a>> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (count, rest) = text.split_at_checked(digits)?;
    let rest = rest.strip_prefix(b": ").filter(|_| (1..=COUNT_DIGITS_MAX).contains(&digits))?;
    let split_time = |text: &'a [u8]| {
        let unset = text.len() - set_clock(text).len();
        let (time, rest) = text.split_at_checked(unset + clock::len(set_clock(text))?)?;
        Some((time, rest.strip_prefix(b": ")?))
    };
    let (host, (time, rest)) = match split_time(rest) {
        Some(parts) => (None, parts),
        None => {
            let (host, rest) = word(rest)?;
            (Some(host.strip_suffix(b":")?), split_time(rest)?)
        }
    };
    Some(with_tag(Header { priority, time: Some(time), host, msgid: Some(count), ..Header::default() }, rest))
}

/// A time without the sign that nobody set the clock, or that it has lost its source.
fn set_clock(time: &[u8]) -> &[u8] {
    time.strip_prefix(b"*").or_else(|| time.strip_prefix(b".")).unwrap_or(time)
}

/// The header with what follows it: mostly a tag, and a body.
fn with_tag<'a>(header: Header<'a>, rest: &'a [u8]) -> Header<'a> {
    match split_tag(rest) {
        Some((app, procid, body)) => Header { app: Some(app), procid, body, ..header },
        None => Header { body: Some(rest), ..header },
    }
}

/// The host behind a time, and what follows. Firewalls that send none put a colon there, and one behind the host that
/// they do send; a program with a file of its own begins with its tag, and so do senders that do not know their host.
fn split_host(rest: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    if let Some(rest) = rest.strip_prefix(b": ") {
        return Some((None, rest));
    }
    let rest = rest.strip_prefix(b" ")?;
    match split_tag(rest) {
        Some((host, None, Some(body))) if body.starts_with(b"%") || is_device(host) => {
            return Some((Some(host), body));
        }
        Some(_) => return Some((None, rest)),
        None if rest.starts_with(b"CEF:") || rest.starts_with(b"LEEF:") => return Some((None, rest)),
        None => {}
    }
    let (host, rest) = word(rest)?;
    Some((Some(host), if rest.starts_with(b": %") { rest.get(2..)? } else { rest }))
}

/// Whether a word names a device, and no program: an address of IPv4, as far as its signs say, or several things in one.
fn is_device(word: &[u8]) -> bool {
    let is_address =
        || word.contains(&b'.') && word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    word.contains(&b',') || is_address()
}

/// `<34>` and what follows; nothing where there is none, and no header where it is broken.
fn split_priority(record: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let Some(rest) = record.strip_prefix(b"<") else {
        return Some((None, record));
    };
    let len = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    if !(1..=PRIORITY_DIGITS_MAX).contains(&len) || rest.get(len) != Some(&b'>') {
        return None;
    }
    Some((rest.get(..len), rest.get(len + 1..)?))
}

/// The parts after the host: program, process, and what follows them.
type Tagged<'a> = (&'a [u8], Option<&'a [u8]>, Option<&'a [u8]>);

/// `app[pid]: body` or `app: body`.
pub(crate) fn split_tag(rest: &[u8]) -> Option<Tagged<'_>> {
    let len = rest.iter().take(TAG_LEN_MAX + 1).position(|byte| matches!(byte, b' ' | b':' | b'['))?;
    let (app, tail) = rest.split_at_checked(len).filter(|(app, _)| !app.is_empty())?;
    // `CEF: 0|…` is a body without a tag, not a program of that name.
    if matches!(app, b"CEF" | b"LEEF") {
        return None;
    }
    let (procid, tail) = match tail.strip_prefix(b"[") {
        Some(inner) => {
            let end = inner.iter().position(|byte| matches!(byte, b']' | b' '))?;
            (Some(inner.get(..end)?), inner.get(end..)?.strip_prefix(b"]")?)
        }
        // A number counts what a device sends, and is no program's name.
        None if app.iter().all(u8::is_ascii_digit) => return None,
        None => (None, tail),
    };
    let after = tail.strip_prefix(b":")?;
    match after.split_first() {
        None => Some((app, procid, None)),
        Some((b' ', body)) => Some((app, procid, Some(body))),
        Some(_) => None,
    }
}

/// The structured data, and the body behind it.
fn split_data(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (data, rest) = text.split_at_checked(structured_len(text)?)?;
    match rest.split_first() {
        None => Some((data, None)),
        Some((b' ', body)) => Some((data, Some(body))),
        Some(_) => None,
    }
}

/// The length of `-`, or of elements in brackets.
fn structured_len(text: &[u8]) -> Option<usize> {
    if text.first() == Some(&b'-') {
        return Some(1);
    }
    let mut at = 0;
    while text.get(at) == Some(&b'[') {
        at += element_len(text.get(at..)?)?;
    }
    (at > 0).then_some(at)
}

fn element_len(text: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The text up to the next blank, which is passed too. Not empty.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = memchr::memchr(b' ', text)?;
    (len > 0).then_some((text.get(..len)?, text.get(len + 1..)?))
}
