//! Syslog envelopes: RFC 3164 as it is found in the wild, and RFC 5424.
//!
//! Decides where the header ends and the body begins. Never guesses a year or a zone, and takes only
//! headers that can be written back from their parts; anything else is no header.

use super::{Field, Fixed, Sink, Value, cef, timed};
use crate::scalar::instant;

/// Digits of the largest priority, 191.
const PRIORITY_DIGITS_MAX: usize = 3;
/// Longest program name that is believed; RFC 3164 says 32, containers write more.
const TAG_LEN_MAX: usize = 64;
/// Length of `Mar 27 13:06:56`, and of a year with its blank.
const BSD_LEN: usize = 15;
const YEAR_LEN: usize = 5;

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
        let without_year = |time: &[u8]| time.first().is_some_and(u8::is_ascii_alphabetic) && !has_year(time);
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
        return None;
    }
    let (host, rest) = word(rest)?;
    let (app, rest) = word(rest)?;
    let (procid, rest) = word(rest)?;
    let (msgid, rest) = word(rest)?;
    let data_len = structured_len(rest)?;
    let (data, rest) = rest.split_at_checked(data_len)?;
    let body = match rest.split_first() {
        None => None,
        Some((b' ', body)) => Some(body),
        Some(_) => return None,
    };
    let [time, host, app, procid, msgid, data] =
        [time, host, app, procid, msgid, data].map(|part| Some(part).filter(|part| *part != b"-"));
    Some(Header { priority, time, host, app, procid, msgid, data, body })
}

/// Splits a record of RFC 3164; `None` when it has no such header. A priority is one by itself.
pub(crate) fn split_3164(record: &[u8]) -> Option<Header<'_>> {
    let (priority, rest) = split_priority(record)?;
    let Some(len) = time_3164_len(rest) else {
        return priority.map(|_| Header { priority, body: Some(rest), ..Header::default() });
    };
    let (time, rest) = rest.split_at_checked(len)?;
    let (host, rest) = split_host(rest)?;
    let base = Header { priority, time: Some(time), host, body: Some(rest), ..Header::default() };
    Some(split_tag(rest).map_or(base, |(app, procid, body)| Header { app: Some(app), procid, body, ..base }))
}

/// The host behind a time, and what follows. Firewalls that send none put a colon there, and one behind the host that
/// they do send; a program with a file of its own begins with its tag.
fn split_host(rest: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    if let Some(rest) = rest.strip_prefix(b": ") {
        return Some((None, rest));
    }
    let rest = rest.strip_prefix(b" ")?;
    if split_tag(rest).is_some_and(|(_, procid, _)| procid.is_some()) {
        return Some((None, rest));
    }
    let (host, rest) = word(rest)?;
    Some((Some(host), if rest.starts_with(b": %") { rest.get(2..)? } else { rest }))
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

/// The length of `Mar 27 13:06:56`, of the same with a year before the clock or decimals behind it, or of an RFC 3339
/// time as rsyslog writes it.
pub(crate) fn time_3164_len(text: &[u8]) -> Option<usize> {
    if !text.first()?.is_ascii_alphabetic() {
        let (time, _) = word(text)?;
        return instant::read(time).filter(|clock| clock.form.is_instant()).map(|_| time.len());
    }
    let year = if has_year(text) { YEAR_LEN } else { 0 };
    let (day, clock) = (text.first_chunk::<7>()?, text.get(7 + year..)?.first_chunk::<8>()?);
    let ([m1, m2, m3, b' ', d1, d2, b' '], [h1, h2, b':', n1, n2, b':', s1, s2]) = (day, clock) else {
        return None;
    };
    let month = instant::MONTHS.contains(&&[*m1, *m2, *m3]);
    let digits = [d2, h1, h2, n1, n2, s1, s2].into_iter().all(u8::is_ascii_digit);
    let end = timed::with_decimals(text, year + BSD_LEN);
    (month && digits && (d1.is_ascii_digit() || *d1 == b' ')).then_some(end)
}

/// Whether a year stands where the clock is otherwise.
fn has_year(time: &[u8]) -> bool {
    matches!(time.get(7..7 + YEAR_LEN), Some([year @ .., b' ']) if year.iter().all(u8::is_ascii_digit))
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
        None => (None, tail),
    };
    let after = tail.strip_prefix(b":")?;
    match after.split_first() {
        None => Some((app, procid, None)),
        Some((b' ', body)) => Some((app, procid, Some(body))),
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
