//! Envelopes: what stands around a record's body, whichever kind it is, and one within another.
//!
//! Hands a record to the module of its envelope, and what is in there to that of the inner one. Never looks at a body, and
//! never takes off a third.

use ingest_core::shape::{Envelope, Inner, Outer};

use super::{Field, Fixed, Sink, Value, cri, levelled, params, syslog, timed, uptime};

/// The headers of a record, and what follows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Headers<'a> {
    outer: Header<'a>,
    /// The one within, and what it stands in.
    inner: Option<(Header<'a>, Outer)>,
}

/// One header, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header<'a> {
    Syslog(syslog::Header<'a>),
    Timed(timed::Header<'a>),
    Cri(cri::Header<'a>),
    Levelled(levelled::Header<'a>),
    Uptime(uptime::Header<'a>),
}

impl<'a> Header<'a> {
    fn put(&self, sink: &mut impl Sink) {
        match self {
            Self::Syslog(header) => header.put(sink),
            Self::Timed(header) => header.put(sink),
            Self::Cri(header) => header.put(sink),
            Self::Levelled(header) => header.put(sink),
            Self::Uptime(header) => header.put(sink),
        }
    }

    /// What follows the header, if anything does.
    const fn body(&self) -> Option<&'a [u8]> {
        match self {
            Self::Syslog(header) => header.body,
            Self::Timed(header) => header.body,
            Self::Cri(header) => header.body,
            Self::Levelled(header) => header.body,
            Self::Uptime(header) => header.body,
        }
    }
}

impl<'a> Headers<'a> {
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        self.outer.put(sink);
        if let Some((inner, outer)) = &self.inner {
            inner.put(&mut Renaming { sink, outer: outer.envelope() });
        }
    }

    /// Puts what RFC 5424's structured data says, each parameter by its name.
    pub(crate) fn put_params(&self, sink: &mut impl Sink) {
        let inner = self.inner.as_ref().map(|(inner, _)| inner);
        for header in [Some(&self.outer), inner].into_iter().flatten() {
            if let Header::Syslog(syslog::Header { data: Some(data), .. }) = header {
                params::put(data, sink);
            }
        }
    }

    /// What follows them, if anything does.
    pub(crate) const fn body(&self) -> Option<&'a [u8]> {
        match &self.inner {
            Some((inner, _)) => inner.body(),
            None => self.outer.body(),
        }
    }
}

/// Takes the fields of an inner header: one that the outer has, too, is named as a body's field.
struct Renaming<'s, S> {
    sink: &'s mut S,
    outer: Envelope,
}

impl<S: Sink> Sink for Renaming<'_, S> {
    fn begin(&mut self, utf8: bool) {
        self.sink.begin(utf8);
    }

    fn put(&mut self, field: Field<'_>, value: Value<'_>) {
        let field = match field {
            Field::Fixed(fixed) if fixed.is_of(self.outer) => Field::Name(Fixed::name(fixed).as_bytes()),
            Field::Fixed(_) | Field::Place(_) | Field::Name(_) | Field::Key { .. } => field,
        };
        self.sink.put(field, value);
    }

    fn undo(&mut self) {
        self.sink.undo();
    }
}

/// Splits a record; `None` when it has no header of this kind, or not the outer one.
pub(crate) fn split(envelope: Envelope, record: &[u8]) -> Option<Headers<'_>> {
    let Envelope::Within { outer, inner } = envelope else {
        return Some(Headers { outer: split_one(envelope, record)?, inner: None });
    };
    let header = split_one(outer.envelope(), record)?;
    let within = header.body().and_then(|body| split_inner(inner, body));
    Some(Headers { outer: header, inner: within.map(|within| (within, outer)) })
}

/// Splits what stands in an envelope. A line that could be anything's beginning is no relayed one.
fn split_inner(inner: Inner, body: &[u8]) -> Option<Header<'_>> {
    let header = split_one(inner.envelope(), body)?;
    let is_sure = match &header {
        Header::Syslog(header) => header.is_sure(),
        Header::Timed(_) | Header::Cri(_) | Header::Levelled(_) | Header::Uptime(_) => true,
    };
    is_sure.then_some(header)
}

fn split_one(envelope: Envelope, record: &[u8]) -> Option<Header<'_>> {
    match envelope {
        Envelope::Syslog3164 => syslog::split_3164(record).map(Header::Syslog),
        Envelope::Syslog5424 => syslog::split_any(record).map(Header::Syslog),
        Envelope::Timed { level_after } => timed::split(record, level_after).map(Header::Timed),
        Envelope::Parted { level_after, mark } => {
            timed::split_parted(record, level_after, mark).map(Header::Timed)
        }
        Envelope::TwoLines => timed::split(record, None)
            .map(Header::Timed)
            .or_else(|| levelled::split(record).map(Header::Levelled)),
        Envelope::Cri => cri::split(record).map(Header::Cri),
        Envelope::Levelled => levelled::split(record).map(Header::Levelled),
        Envelope::Uptime => uptime::split(record).map(Header::Uptime),
        Envelope::Within { outer, .. } => split_one(outer.envelope(), record),
    }
}
