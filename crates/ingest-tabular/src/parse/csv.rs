//! Delimited fields: RFC 4180 with any delimiter, quote and escape, read without loss.
//!
//! Decides what a field holds. A quote opens a field only as its first byte; anywhere else it is text, and a
//! field that goes on after its closing quote is text as a whole, quotes included. Never trims.

use ingest_core::shape::CsvDialect;
use memchr::{memchr, memchr_iter};

use super::{Field, Sink, Value};
use crate::quarantine::Reason;

/// How fields are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Marks {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
}

/// A field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawField<'a> {
    /// Its text: without quotes where they only enclose it, but not yet unescaped.
    pub(crate) text: &'a [u8],
    /// How it was written.
    pub(crate) form: FieldForm,
}

/// How a field was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldForm {
    Plain,
    Quoted,
    /// Quoted, with quotes inside that must be unescaped.
    Escaped,
    /// Begins with a quote but is not a quoted field.
    Literal,
    /// Begins with a quote that nothing closes.
    Unclosed,
}

impl Marks {
    pub(crate) const fn of(dialect: &CsvDialect) -> Self {
        Self { delimiter: dialect.delimiter, quote: dialect.quote, escape: dialect.escape }
    }

    /// Hands every field of the record to `take`, in order.
    pub(crate) fn split<'a>(self, record: &'a [u8], mut take: impl FnMut(RawField<'a>)) {
        let quote = self.quote.filter(|quote| memchr(*quote, record).is_some());
        let Some(quote) = quote else {
            let mut start = 0;
            for end in memchr_iter(self.delimiter, record) {
                take(plain(record.get(start..end)));
                start = end + 1;
            }
            take(plain(record.get(start..)));
            return;
        };
        let mut rest = record;
        loop {
            let (field, len) = if rest.first() == Some(&quote) {
                self.quoted(rest, quote)
            } else {
                let len = memchr(self.delimiter, rest).unwrap_or(rest.len());
                (plain(rest.get(..len)), len)
            };
            take(field);
            match rest.get(len + 1..) {
                Some(next) => rest = next,
                None => return,
            }
        }
    }

    /// A field that begins with a quote, and its length as written.
    fn quoted(self, rest: &[u8], quote: u8) -> (RawField<'_>, usize) {
        let mut form = FieldForm::Quoted;
        let mut at = 1;
        let closing = loop {
            let tail = rest.get(at..).unwrap_or_default();
            let found = match self.escape.filter(|escape| *escape != quote) {
                Some(escape) => memchr::memchr2(quote, escape, tail),
                None => memchr(quote, tail),
            };
            let Some(found) = found.map(|found| at + found) else {
                return (RawField { text: rest, form: FieldForm::Unclosed }, rest.len());
            };
            let doubled = rest.get(found + 1) == Some(&quote);
            if rest.get(found) == Some(&quote) && !doubled {
                break found;
            }
            form = FieldForm::Escaped;
            at = found + 2;
        };
        match rest.get(closing + 1) {
            None => (RawField { text: rest.get(1..closing).unwrap_or_default(), form }, rest.len()),
            Some(next) if *next == self.delimiter => {
                (RawField { text: rest.get(1..closing).unwrap_or_default(), form }, closing + 1)
            }
            Some(_) => {
                let tail = rest.get(closing..).unwrap_or_default();
                let len = memchr(self.delimiter, tail).map_or(rest.len(), |found| closing + found);
                (RawField { text: rest.get(..len).unwrap_or_default(), form: FieldForm::Literal }, len)
            }
        }
    }

    /// Appends an escaped field's value.
    pub(crate) fn unescape(self, text: &[u8], out: &mut Vec<u8>) {
        let mut bytes = text.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            let doubled = self.quote == Some(byte) && bytes.peek() == Some(&byte);
            let escaped =
                self.escape == Some(byte) && self.quote != self.escape && self.escapable(bytes.peek());
            let kept = if doubled || escaped { bytes.next() } else { None };
            out.push(kept.unwrap_or(byte));
        }
    }

    /// Only a quote or the escape itself needs an escape; before anything else it is text, as in `C:\temp`.
    fn escapable(self, next: Option<&u8>) -> bool {
        next.is_some() && (next == self.quote.as_ref() || next == self.escape.as_ref())
    }
}

fn plain(text: Option<&[u8]>) -> RawField<'_> {
    RawField { text: text.unwrap_or_default(), form: FieldForm::Plain }
}

/// Parses records of one dialect.
#[derive(Debug)]
pub(crate) struct Rows {
    marks: Marks,
    columns: usize,
    header: Option<Vec<String>>,
    null: Option<Vec<u8>>,
    comment: Option<u8>,
    collapse: bool,
    squeezed: Vec<u8>,
    unescaped: Vec<u8>,
}

impl Rows {
    pub(crate) fn new(dialect: &CsvDialect) -> Self {
        Self {
            marks: Marks::of(dialect),
            columns: dialect.columns.len(),
            header: dialect.header.then(|| dialect.columns.clone()),
            null: dialect.null.as_ref().map(|null| null.as_bytes().to_vec()),
            comment: dialect.comment,
            collapse: dialect.collapse,
            squeezed: Vec::new(),
            unescaped: Vec::new(),
        }
    }

    /// The record as [`Rows::parse`] splits it.
    pub(crate) fn squeeze<'a>(dialect: &CsvDialect, record: &'a [u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
        if dialect.collapse { squeeze(dialect.delimiter, record, buffer) } else { record }
    }

    pub(crate) fn is_comment(&self, record: &[u8]) -> bool {
        self.comment.is_some() && record.first() == self.comment.as_ref()
    }

    /// Whether the record repeats the column names.
    pub(crate) fn is_header(&self, record: &[u8]) -> bool {
        let Some(header) = &self.header else { return false };
        // Nearly every record differs in its first field already.
        let begins = header.first().is_some_and(|name| self.marks.is_named(self.marks.first(record), name));
        if !begins {
            return false;
        }
        let mut names = header.iter();
        let mut same = true;
        self.marks.split(record, |field| {
            same = same && names.next().is_some_and(|name| self.marks.is_named(field, name));
        });
        same && names.next().is_none()
    }

    pub(crate) fn parse(&mut self, record: &[u8], sink: &mut impl Sink) -> Result<(), Reason> {
        let mut count = 0;
        let mut unclosed = false;
        let Self { marks, columns, null, collapse, squeezed, unescaped, .. } = self;
        let record = if *collapse { squeeze(marks.delimiter, record, squeezed) } else { record };
        marks.split(record, |field| {
            unclosed |= field.form == FieldForm::Unclosed;
            if count < *columns {
                let value = match field.form {
                    FieldForm::Plain if field.text.is_empty() => Value::Null,
                    FieldForm::Plain if null.as_ref().is_some_and(|null| null == field.text) => Value::Null,
                    FieldForm::Escaped => {
                        unescaped.clear();
                        marks.unescape(field.text, unescaped);
                        Value::Text(unescaped)
                    }
                    FieldForm::Plain | FieldForm::Quoted | FieldForm::Literal | FieldForm::Unclosed => {
                        Value::Text(field.text)
                    }
                };
                sink.put(Field::Place(count), value);
            }
            count += 1;
        });
        match count.cmp(columns) {
            _ if unclosed => Err(Reason::UnclosedQuote),
            std::cmp::Ordering::Less => Err(Reason::ShortRow),
            std::cmp::Ordering::Greater => Err(Reason::LongRow),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

/// The record with every run of delimiters made one, and none around it.
fn squeeze<'a>(delimiter: u8, record: &[u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    buffer.clear();
    for part in record.split(|byte| *byte == delimiter).filter(|part| !part.is_empty()) {
        if !buffer.is_empty() {
            buffer.push(delimiter);
        }
        buffer.extend_from_slice(part);
    }
    buffer
}

impl Marks {
    /// The first field of a record.
    fn first(self, record: &[u8]) -> RawField<'_> {
        match self.quote {
            Some(quote) if record.first() == Some(&quote) => self.quoted(record, quote).0,
            _ => plain(record.get(..memchr(self.delimiter, record).unwrap_or(record.len()))),
        }
    }

    fn is_named(self, field: RawField<'_>, name: &str) -> bool {
        field.text.trim_ascii() == name.as_bytes() || (Self::is_odd(field) && self.name_of(field) == name)
    }

    /// Whether a field's text says its name only once it was unescaped, or its blanks are none of ASCII.
    fn is_odd(field: RawField<'_>) -> bool {
        field.form == FieldForm::Escaped || !field.text.is_ascii()
    }

    /// A header field as a column name: unescaped, as text, trimmed.
    pub(crate) fn name_of(self, field: RawField<'_>) -> String {
        let mut unescaped = Vec::new();
        let text = if field.form == FieldForm::Escaped {
            self.unescape(field.text, &mut unescaped);
            &unescaped
        } else {
            field.text
        };
        String::from_utf8_lossy(text).trim().to_owned()
    }
}
