//! Overrides: what the user says of a text, instead of what it shows.
//!
//! Only holds what was said. Whoever recognises obeys it.

use std::collections::BTreeMap;

use ingest_core::schema::PinnedType;
use ingest_core::shape::Shape;

use crate::encoding::Encoding;

/// A format that can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Delimited rows.
    Csv,
    /// JSON objects.
    Json,
    /// `key=value` pairs.
    KeyValue,
    /// `label:value` divided by tabs.
    Ltsv,
    /// Syslog lines, whatever their bodies.
    Syslog,
    /// Access lines.
    Access,
    /// Security events in CEF or LEEF.
    Cef,
    /// Windows events in XML.
    Xml,
    /// Text.
    Text,
}

/// What the user says of a text. Whatever is not said is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// How its characters are written.
    pub encoding: Option<Encoding>,
    /// What its records are.
    pub format: Option<Format>,
    /// The byte between two fields.
    pub delimiter: Option<u8>,
    /// The byte around a quoted field; `Some(None)` says that fields are not quoted.
    pub quote: Option<Option<u8>>,
    /// The byte that makes the next one literal inside quotes; `Some(None)` says that quotes are doubled.
    pub escape: Option<Option<u8>>,
    /// Whether a blank behind a delimiter belongs to it.
    pub padded: Option<bool>,
    /// The byte that begins comments; `Some(None)` says that there are none.
    pub comment: Option<Option<u8>>,
    /// Whether the first record holds the columns' names.
    pub header: Option<bool>,
    /// The columns' names.
    pub columns: Option<Vec<String>>,
    /// The whole shape, which leaves nothing of the above to say but the encoding.
    pub shape: Option<Shape>,
    /// Types of columns.
    pub types: BTreeMap<String, PinnedType>,
}

impl Overrides {
    /// The format that was named, or that follows from what else was said.
    pub(super) fn format(&self) -> Option<Format> {
        let of_rows = self.delimiter.is_some()
            || self.quote.is_some()
            || self.escape.is_some()
            || self.padded.is_some()
            || self.header.is_some()
            || self.columns.is_some();
        self.format.or_else(|| of_rows.then_some(Format::Csv))
    }

    /// Whether anything about records was said.
    pub(super) fn say_shape(&self) -> bool {
        self.shape.is_some() || self.format().is_some()
    }
}
