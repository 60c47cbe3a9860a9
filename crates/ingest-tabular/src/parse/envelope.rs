//! Envelopes: what stands around a record's body, whichever kind it is.
//!
//! Only hands a record to the module of its envelope. Never looks at a body.

use ingest_core::shape::Envelope;

use super::{Sink, cri, levelled, syslog, timed, uptime};

/// The header of a record, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header<'a> {
    Syslog(syslog::Header<'a>),
    Timed(timed::Header<'a>),
    Cri(cri::Header<'a>),
    Levelled(levelled::Header<'a>),
    Uptime(uptime::Header<'a>),
}

impl<'a> Header<'a> {
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        match self {
            Self::Syslog(header) => header.put(sink),
            Self::Timed(header) => header.put(sink),
            Self::Cri(header) => header.put(sink),
            Self::Levelled(header) => header.put(sink),
            Self::Uptime(header) => header.put(sink),
        }
    }

    /// What follows the header, if anything does.
    pub(crate) const fn body(&self) -> Option<&'a [u8]> {
        match self {
            Self::Syslog(header) => header.body,
            Self::Timed(header) => header.body,
            Self::Cri(header) => header.body,
            Self::Levelled(header) => header.body,
            Self::Uptime(header) => header.body,
        }
    }
}

/// Splits a record; `None` when it has no header of this kind.
pub(crate) fn split(envelope: Envelope, record: &[u8]) -> Option<Header<'_>> {
    match envelope {
        Envelope::Syslog3164 => syslog::split_3164(record).map(Header::Syslog),
        Envelope::Syslog5424 => syslog::split_5424(record).map(Header::Syslog),
        Envelope::Timed { level_after } => timed::split(record, level_after).map(Header::Timed),
        Envelope::Cri => cri::split(record).map(Header::Cri),
        Envelope::Levelled => levelled::split(record).map(Header::Levelled),
        Envelope::Uptime => uptime::split(record).map(Header::Uptime),
    }
}
