//! Fields that a shape itself has, whatever its bodies say: those of envelopes, of access lines, and the message.
//!
//! Decides which shapes have which, and what a body's field is called that is named like one of an envelope. Never sees a
//! record.

use std::borrow::Cow;

use ingest_core::shape::{Body, Envelope, Shape};

macro_rules! fixed_fields {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A field that the shape itself has, whatever the body says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Fixed { $(#[doc = $name] $variant),* }

        impl Fixed {
            /// All of them, in the order in which files carry them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name of its column.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

fixed_fields! {
    Priority = "priority", SyslogTime = "syslog_time", Host = "host", App = "app", Procid = "procid",
    Msgid = "msgid", StructuredData = "structured_data", Stamp = "time", Uptime = "uptime", Context = "context",
    Level = "level", Stream = "stream", Tag = "tag", Message = "message", Rest = "message_rest",
    Vhost = "vhost", Lead = "lead", Client = "client", Ident = "ident", User = "user", Time = "time",
    Method = "method", Path = "path", Protocol = "protocol", Request = "request", Status = "status", Bytes = "bytes", Referer = "referer",
    UserAgent = "user_agent", Extra = "extra",
}

impl Fixed {
    /// Whether records of an envelope can have it. A field of a body that is named like one of those has another name.
    pub(crate) fn is_of(self, envelope: Envelope) -> bool {
        match envelope {
            Envelope::Within { outer, inner } => self.is_of(outer.envelope()) || self.is_of(inner.envelope()),
            Envelope::Syslog3164
            | Envelope::Syslog5424
            | Envelope::Timed { .. }
            | Envelope::Parted { .. }
            | Envelope::TwoLines
            | Envelope::Cri
            | Envelope::Levelled
            | Envelope::Uptime => Self::of_one(envelope).contains(&self),
        }
    }

    /// Those of an envelope that is not put together of two.
    const fn of_one(envelope: Envelope) -> &'static [Self] {
        match envelope {
            Envelope::Syslog3164 | Envelope::Syslog5424 => &[
                Self::Priority,
                Self::SyslogTime,
                Self::Host,
                Self::App,
                Self::Procid,
                Self::Msgid,
                Self::StructuredData,
            ],
            Envelope::Timed { level_after: Some(_) } | Envelope::Parted { .. } | Envelope::TwoLines => {
                &[Self::Stamp, Self::Context, Self::Level]
            }
            Envelope::Timed { level_after: None } => &[Self::Stamp],
            Envelope::Cri => &[Self::Stamp, Self::Stream, Self::Tag],
            Envelope::Levelled => &[Self::Context, Self::Level],
            Envelope::Uptime => &[Self::Uptime],
            Envelope::Within { .. } => &[],
        }
    }

    /// Whether records of the shape can have it.
    pub(crate) fn belongs_to(self, shape: &Shape) -> bool {
        match self {
            Self::Priority
            | Self::SyslogTime
            | Self::Host
            | Self::App
            | Self::Procid
            | Self::Msgid
            | Self::StructuredData
            | Self::Stamp
            | Self::Uptime
            | Self::Context
            | Self::Level
            | Self::Stream
            | Self::Tag => shape.envelope.is_some_and(|envelope| self.is_of(envelope)),
            Self::Message => {
                let has_text = matches!(
                    shape.body,
                    Body::KeyValue
                        | Body::Labelled { .. }
                        | Body::Cef
                        | Body::Leef
                        | Body::WindowsXml
                        | Body::Text
                );
                shape.envelope.is_some() || has_text
            }
            Self::Rest => matches!(shape.body, Body::KeyValue | Body::Labelled { .. }),
            Self::Time => matches!(shape.body, Body::Access) && !Self::Stamp.belongs_to(shape),
            Self::Vhost
            | Self::Lead
            | Self::Client
            | Self::Ident
            | Self::User
            | Self::Method
            | Self::Path
            | Self::Protocol
            | Self::Request
            | Self::Status
            | Self::Bytes
            | Self::Referer
            | Self::UserAgent
            | Self::Extra => {
                matches!(shape.body, Body::Access)
            }
        }
    }

    /// Its place in [`Fixed::ALL`].
    pub(crate) const fn place(self) -> usize {
        self as usize
    }
}

/// The name that a body's field has in the table: its own, unless the envelope has one of that name.
pub(crate) fn body_field<'a>(envelope: Option<Envelope>, name: &'a str) -> Cow<'a, str> {
    let taken = |envelope| Fixed::ALL.iter().any(|fixed| fixed.name() == name && fixed.is_of(envelope));
    if envelope.is_some_and(taken) { Cow::Owned(format!("body_{name}")) } else { Cow::Borrowed(name) }
}
