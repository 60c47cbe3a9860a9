//! Lines of containers: `2026-02-10T10:00:00.123456789Z stdout F body`, as runtimes of Kubernetes write them.
//!
//! Decides where the body begins. Never puts the pieces of a line together that was written in several.

use super::{Field, Fixed, Sink, Value};
use crate::scalar::instant;

/// What a line came out of.
const STREAMS: [&[u8]; 2] = [b"stdout", b"stderr"];

/// The parts of a record with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    time: &'a [u8],
    stream: &'a [u8],
    tag: &'a [u8],
    /// What follows the header, if anything does.
    pub(crate) body: Option<&'a [u8]>,
}

impl Header<'_> {
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        sink.put(Field::Fixed(Fixed::Stamp), Value::Text(self.time));
        sink.put(Field::Fixed(Fixed::Stream), Value::Text(self.stream));
        sink.put(Field::Fixed(Fixed::Tag), Value::Text(self.tag));
    }
}

/// Splits a record; `None` when it has no such header.
pub(crate) fn split(record: &[u8]) -> Option<Header<'_>> {
    let mut words = record.splitn(4, |byte| *byte == b' ');
    let (time, stream, tag, body) = (words.next()?, words.next()?, words.next()?, words.next());
    // `F` is a full line, `P` a part of one; more tags may follow behind colons.
    let is_tag = matches!(tag, [b'F' | b'P'] | [b'F' | b'P', b':', ..]);
    let is_line = STREAMS.contains(&stream) && is_tag;
    let is_instant = || instant::read(time).is_some_and(|clock| clock.form.is_instant());
    (is_line && is_instant()).then_some(Header { time, stream, tag, body })
}
