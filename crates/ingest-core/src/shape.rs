//! The shape of a log's text: which envelope, which body, which dialect.
//!
//! A value that is decided once for a log, kept with its schema, and obeyed for ever after. Recognising
//! it and parsing by it live elsewhere; nothing here looks at text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What wraps every record before its body begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// `<34>Oct 11 22:14:15 host app[pid]: body`, with or without the priority, and with the year where senders
    /// write it. RFC 3164.
    Syslog3164,
    /// `<34>1 2003-10-11T22:14:15.003Z host app pid msgid [sd] body`. RFC 5424.
    Syslog5424,
    /// `2026-02-10 10:00:00,123 INFO body`: a time, and mostly a level, as programs begin their lines.
    Timed {
        /// Words between the time and the level; none where lines have no level.
        level_after: Option<u8>,
    },
    /// `2026-02-10 10:00:00.123|INFO|body`: a time and a level with a mark right behind them, in lines that are no table.
    Parted {
        /// Fields between the time and the level.
        level_after: u8,
        /// The byte behind each: a tab, a comma or a bar.
        mark: u8,
    },
    /// `Feb 10, 2026 10:00:00 AM a.B run`, and `INFO: body` on the next line, as Java's own logger writes: a time or a level.
    TwoLines,
    /// `2026-02-10T10:00:00.123456789Z stdout F body`: what container runtimes put before each line.
    Cri,
    /// `INFO:root:body`, `[info] body`: a level, as programs begin their lines that leave the time to others.
    Levelled,
    /// `[    1.234567] body`: seconds since a start, as kernels begin their lines.
    Uptime,
    /// One around another: `<14>Feb 10 10:00:00 host app: 2026-02-10 10:00:00,123 INFO body`. Never more than two.
    Within {
        /// The one that records begin with.
        outer: Outer,
        /// The one that follows it. A record without it has only the outer one.
        inner: Inner,
    },
}

/// An envelope around another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outer {
    /// [`Envelope::Syslog3164`]
    Syslog3164,
    /// [`Envelope::Syslog5424`]
    Syslog5424,
    /// [`Envelope::Cri`]
    Cri,
}

impl Outer {
    /// It as such an envelope; `None` for those that nothing else stands in.
    #[must_use]
    pub const fn of(envelope: Envelope) -> Option<Self> {
        match envelope {
            Envelope::Syslog3164 => Some(Self::Syslog3164),
            Envelope::Syslog5424 => Some(Self::Syslog5424),
            Envelope::Cri => Some(Self::Cri),
            Envelope::Timed { .. }
            | Envelope::Parted { .. }
            | Envelope::TwoLines
            | Envelope::Levelled
            | Envelope::Uptime
            | Envelope::Within { .. } => None,
        }
    }

    /// It alone.
    #[must_use]
    pub const fn envelope(self) -> Envelope {
        match self {
            Self::Syslog3164 => Envelope::Syslog3164,
            Self::Syslog5424 => Envelope::Syslog5424,
            Self::Cri => Envelope::Cri,
        }
    }
}

/// An envelope within another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inner {
    /// [`Envelope::Syslog3164`], as where a relay puts its own header before the sender's.
    Syslog3164,
    /// [`Envelope::Syslog5424`], likewise.
    Syslog5424,
    /// [`Envelope::Timed`]
    Timed {
        /// Words between the time and the level; none where lines have no level.
        level_after: Option<u8>,
    },
    /// [`Envelope::Levelled`]
    Levelled,
}

impl Inner {
    /// It as such an envelope; `None` for those that stand in none.
    #[must_use]
    pub const fn of(envelope: Envelope) -> Option<Self> {
        match envelope {
            Envelope::Syslog3164 => Some(Self::Syslog3164),
            Envelope::Syslog5424 => Some(Self::Syslog5424),
            Envelope::Timed { level_after } => Some(Self::Timed { level_after }),
            Envelope::Levelled => Some(Self::Levelled),
            Envelope::Parted { .. }
            | Envelope::TwoLines
            | Envelope::Cri
            | Envelope::Uptime
            | Envelope::Within { .. } => None,
        }
    }

    /// It alone.
    #[must_use]
    pub const fn envelope(self) -> Envelope {
        match self {
            Self::Syslog3164 => Envelope::Syslog3164,
            Self::Syslog5424 => Envelope::Syslog5424,
            Self::Timed { level_after } => Envelope::Timed { level_after },
            Self::Levelled => Envelope::Levelled,
        }
    }
}

impl fmt::Display for Envelope {
    /// A few words for people, from the outside in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syslog3164 => f.write_str("syslog (RFC 3164)"),
            Self::Syslog5424 => f.write_str("syslog (RFC 5424)"),
            Self::Timed { level_after: Some(_) } => f.write_str("time and level"),
            Self::Timed { level_after: None } => f.write_str("time"),
            Self::Parted { mark, .. } => write!(f, "time and level ({:?})", char::from(*mark)),
            Self::TwoLines => f.write_str("time or level"),
            Self::Cri => f.write_str("container lines (CRI)"),
            Self::Levelled => f.write_str("level"),
            Self::Uptime => f.write_str("seconds since a start"),
            Self::Within { outer, inner } => write!(f, "{} over {}", outer.envelope(), inner.envelope()),
        }
    }
}

/// How a CSV body is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CsvDialect {
    /// The byte between two fields.
    pub delimiter: u8,
    /// The byte around a quoted field, if any; doubled inside to stand for itself.
    pub quote: Option<u8>,
    /// The byte that makes the next one literal inside quotes, where the log uses one instead of doubling.
    pub escape: Option<u8>,
    /// Column names, in the order of the fields.
    pub columns: Vec<String>,
    /// Whether a line that repeats the column names is a header and not data.
    pub header: bool,
    /// Whether a record of a file may say other columns further on: only where rows differ from names in kind, or some of
    /// them would be taken for such a record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sections: bool,
    /// The text that stands for a missing value, beside nothing at all (Zeek's and W3C's `-`).
    pub null: Option<String>,
    /// The text that stands for an empty text or set, and not for a missing one (Zeek's `(empty)`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<String>,
    /// Lines that begin with this byte are comments.
    pub comment: Option<u8>,
    /// Whether several delimiters in a row are one, as where fields are padded with blanks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub collapse: bool,
    /// Whether a blank behind a delimiter belongs to it, as in `1, x, 2`. One that is not there is not missed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub padded: bool,
    /// Whether a field may stand in brackets, delimiters and all, as a time does in `x [10/Feb/2026:10:00:00 +0000] y`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bracketed: bool,
}

/// What a record's body is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// One JSON object a record.
    Json,
    /// Delimited fields.
    Csv(CsvDialect),
    /// `key=value` pairs, with text between and before them.
    KeyValue,
    /// Apache or nginx access lines, common or combined.
    Access,
    /// Values with labels, and nothing else: `time:10:00`, a tab, `status:200`, which is LTSV, or `a=1|b=2`.
    Labelled {
        /// The byte between two of them.
        between: u8,
        /// The byte behind a label.
        sign: u8,
    },
    /// Security events, most of them in CEF.
    Cef,
    /// Security events, most of them in LEEF.
    Leef,
    /// Events of Windows, each an element in XML.
    WindowsXml,
    /// Anything else: one text column.
    Text,
}

/// The shape of a log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// What stands around every body, if anything does.
    pub envelope: Option<Envelope>,
    /// What the bodies are.
    pub body: Body,
}

impl fmt::Display for Shape {
    /// A few words for people: `syslog (RFC 5424) over key=value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(envelope) = self.envelope {
            write!(f, "{envelope} over ")?;
        }
        match &self.body {
            Body::Json => f.write_str("JSON"),
            Body::Csv(dialect) => {
                write!(f, "CSV ({:?}, {} columns)", char::from(dialect.delimiter), dialect.columns.len())
            }
            Body::KeyValue => f.write_str("key=value"),
            Body::Access => f.write_str("access log"),
            Body::Labelled { between: b'\t', sign: b':' } => f.write_str("label:value (LTSV)"),
            Body::Labelled { between, sign } => {
                write!(f, "key{}value ({:?})", char::from(*sign), char::from(*between))
            }
            Body::Cef => f.write_str("CEF"),
            Body::Leef => f.write_str("LEEF"),
            Body::WindowsXml => f.write_str("Windows events (XML)"),
            Body::Text => f.write_str("text"),
        }
    }
}
