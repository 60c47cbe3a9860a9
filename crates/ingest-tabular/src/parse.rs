//! Parsing: one record, by the shape of its log, into values of fields.
//!
//! Decides where a record's fields begin and end, and which records are none. Knows no types and no
//! columns: whoever observes or encodes is a [`Sink`]. Never drops a byte of a value.

use ingest_core::shape::{Body, CsvDialect, Envelope, Shape};

use crate::quarantine::Reason;
pub(crate) use fixed::{Fixed, body_field};
use json::Json;

pub(crate) mod access;
pub(crate) mod cef;
pub(crate) mod cri;
pub(crate) mod csv;
pub(crate) mod envelope;
mod fixed;
pub(crate) mod json;
pub(crate) mod labels;
pub(crate) mod levelled;
pub(crate) mod pairs;
mod params;
pub(crate) mod syslog;
pub(crate) mod timed;
pub(crate) mod uptime;
pub(crate) mod xml;

/// Where records come from; it decides what may be passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Events of the API: each is stored or quarantined.
    Events,
    /// Lines of a file: blank lines, comments and headers are no records.
    File,
}

/// Lines of a file that are no records, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignored {
    /// Lines without text.
    Blank,
    /// Lines that repeat the column names.
    Header,
    /// Comments.
    Comment,
}

impl Ignored {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Blank, Self::Header, Self::Comment];

    /// Its place in [`Ignored::ALL`].
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Blank => 0,
            Self::Header => 1,
            Self::Comment => 2,
        }
    }

    /// Its name in files and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Header => "header",
            Self::Comment => "comment",
        }
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its values are with the sink.
    Row,
    /// It is none; the sink was left as it was.
    Ignored(Ignored),
    /// No row can be made of it; the sink was left as it was.
    Refused(Reason),
}

/// Which field a value is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// One that the shape itself has.
    Fixed(Fixed),
    /// A place in a row of delimited fields.
    Place(usize),
    /// A key, or a path of keys, of the body.
    Name(&'a [u8]),
    /// The same, by a number that means this name and no other as long as the parser lives.
    Key {
        /// The name.
        name: &'a [u8],
        /// The number; small.
        id: usize,
    },
}

/// A value, in the terms of its source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    /// Nothing.
    Null,
    /// Text that may stand for anything.
    Text(&'a [u8]),
    /// A JSON string.
    String {
        /// Decoded.
        text: &'a [u8],
        /// As written, with its quotes.
        raw: &'a [u8],
        /// Whether decoding kept everything; a lone surrogate has no UTF-8.
        exact: bool,
    },
    /// A JSON number as written.
    Number(&'a [u8]),
    /// A JSON truth value.
    Bool(bool),
    /// A JSON array, an empty object, or what is nested too deep, as written.
    Raw(&'a [u8]),
}

/// Takes the values of a row, one after the other.
pub(crate) trait Sink {
    /// A new row begins. `utf8` says that the record, and so every slice of it, is UTF-8.
    fn begin(&mut self, utf8: bool);
    /// A value of the row.
    fn put(&mut self, field: Field<'_>, value: Value<'_>);
    /// Forgets every value of the row that was put so far.
    fn undo(&mut self);
}

/// Parses the records of one log.
#[derive(Debug)]
pub(crate) struct Parser {
    envelope: Option<Envelope>,
    body: BodyParser,
    origin: Origin,
}

#[derive(Debug)]
enum BodyParser {
    Json(Json),
    Csv(csv::Rows),
    Pairs(pairs::Pairs),
    Labels(labels::Labels),
    Access(access::Access),
    Cef(cef::Cef),
    Xml(xml::Xml),
    Text,
}

impl Parser {
    /// A parser of the shape.
    pub(crate) fn new(shape: &Shape, origin: Origin) -> Self {
        let body = match &shape.body {
            Body::Json => BodyParser::Json(Json::default()),
            Body::Csv(dialect) => BodyParser::Csv(csv::Rows::new(dialect)),
            Body::KeyValue => BodyParser::Pairs(pairs::Pairs::default()),
            Body::Labelled { between, sign } => BodyParser::Labels(labels::Labels::new((*between, *sign))),
            Body::Access => BodyParser::Access(access::Access::new(Fixed::Time.belongs_to(shape))),
            Body::Cef | Body::Leef => BodyParser::Cef(cef::Cef::default()),
            Body::WindowsXml => BodyParser::Xml(xml::Xml::default()),
            Body::Text => BodyParser::Text,
        };
        Self { envelope: shape.envelope, body, origin }
    }

    /// Whether no record has said other columns than the shape has.
    pub(crate) fn has_original_columns(&self) -> bool {
        match &self.body {
            BodyParser::Csv(rows) => rows.is_original(),
            BodyParser::Json(_)
            | BodyParser::Pairs(_)
            | BodyParser::Labels(_)
            | BodyParser::Access(_)
            | BodyParser::Cef(_)
            | BodyParser::Xml(_)
            | BodyParser::Text => true,
        }
    }

    /// Parses one record into the sink; `utf8` says that it is known to be UTF-8, and not that it is none.
    pub(crate) fn parse(&mut self, record: &[u8], utf8: bool, sink: &mut impl Sink) -> Outcome {
        if let Some(outcome) = self.pass_over(record) {
            return outcome;
        }
        sink.begin(utf8 || std::str::from_utf8(record).is_ok());
        let Some(envelope) = self.envelope else {
            return match self.parse_body(record, sink) {
                Ok(()) => Outcome::Row,
                Err(reason) => {
                    sink.undo();
                    Outcome::Refused(reason)
                }
            };
        };
        let Some(header) = envelope::split(envelope, record) else {
            sink.put(Field::Fixed(Fixed::Message), Value::Text(record));
            return Outcome::Row;
        };
        header.put(sink);
        if let Some(body) = header.body()
            && self.parse_body(body, sink).is_err()
        {
            // A body of another kind, as a stack trace among JSON, still is the event's message.
            sink.undo();
            header.put(sink);
            sink.put(Field::Fixed(Fixed::Message), Value::Text(body));
        }
        // Behind the body's, whose fields they may be named like: of two in a row the first has the column.
        header.put_params(sink);
        Outcome::Row
    }

    /// Answers for records without a row: blank ones, comments and headers.
    fn pass_over(&mut self, record: &[u8]) -> Option<Outcome> {
        let origin = self.origin;
        let answer = |ignored, reason| match origin {
            Origin::File => Some(Outcome::Ignored(ignored)),
            Origin::Events => Some(Outcome::Refused(reason)),
        };
        if record.is_empty() {
            return match (&self.body, self.origin) {
                (BodyParser::Text, _) if self.envelope.is_none() => None,
                (BodyParser::Pairs(_) | BodyParser::Text, Origin::Events) => None,
                _ if self.envelope.is_some() && self.origin == Origin::Events => None,
                _ => answer(Ignored::Blank, Reason::Empty),
            };
        }
        let BodyParser::Csv(rows) = &mut self.body else {
            return None;
        };
        if rows.is_comment(record) {
            if origin == Origin::File {
                rows.obey(record);
            }
            return answer(Ignored::Comment, Reason::CommentLine);
        }
        let is_header = match origin {
            _ if self.envelope.is_some() => false,
            Origin::File => rows.takes_header(record),
            Origin::Events => rows.is_header(record),
        };
        if is_header {
            return answer(Ignored::Header, Reason::HeaderLine);
        }
        None
    }

    fn parse_body(&mut self, body: &[u8], sink: &mut impl Sink) -> Result<(), Reason> {
        match &mut self.body {
            BodyParser::Json(json) => json.parse(body, sink),
            BodyParser::Csv(rows) => rows.parse(body, sink),
            BodyParser::Pairs(pairs) => {
                pairs.parse(body, sink);
                Ok(())
            }
            BodyParser::Labels(labels) => {
                labels.parse(body, sink);
                Ok(())
            }
            BodyParser::Access(access) => access.parse(body, sink),
            BodyParser::Cef(cef) => {
                cef.parse(body, sink);
                Ok(())
            }
            BodyParser::Xml(xml) => {
                xml.parse(body, sink);
                Ok(())
            }
            BodyParser::Text => {
                sink.put(Field::Fixed(Fixed::Message), Value::Text(body));
                Ok(())
            }
        }
    }
}

/// The dialect, where the body is delimited.
pub(crate) const fn dialect(shape: &Shape) -> Option<&CsvDialect> {
    match &shape.body {
        Body::Csv(dialect) => Some(dialect),
        Body::Json
        | Body::KeyValue
        | Body::Labelled { .. }
        | Body::Access
        | Body::Cef
        | Body::Leef
        | Body::WindowsXml
        | Body::Text => None,
    }
}

#[cfg(test)]
mod tests;
