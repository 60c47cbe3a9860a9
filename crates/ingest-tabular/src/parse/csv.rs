//! Delimited fields: RFC 4180 with any delimiter, quote and escape, read without loss.
//!
//! Decides what a field holds. A quote opens a field only as its first byte; anywhere else it is text, and a
//! field that goes on after its closing quote is text as a whole, quotes included. Never trims, but takes one blank for
//! a part of the delimiter before it where the dialect says so.

use ingest_core::shape::CsvDialect;
use memchr::{memchr, memchr_iter};

use super::{Field, Sink, Value};
use crate::quarantine::Reason;
pub(crate) use columns::{Columns, is_name};
use columns::{Goal, directive};

mod columns;

/// What may stand behind a delimiter.
pub(crate) const BLANK: u8 = b' ';
/// Longest field in brackets, brackets included. Times are shorter, and a bracket that nothing closes must not have the
/// rest of its record searched again for every other one.
const BRACKETED_LEN_MAX: usize = 64;

/// How fields are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Marks {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    /// Whether a blank behind a delimiter is a part of it.
    pub(crate) padded: bool,
    /// Whether a field may stand in brackets.
    pub(crate) bracketed: bool,
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
        Self {
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            escape: dialect.escape,
            // Between blanks it would tell nothing.
            padded: dialect.padded && dialect.delimiter != BLANK,
            bracketed: dialect.bracketed,
        }
    }

    /// Hands every field of the record to `take`, in order.
    pub(crate) fn split<'a>(self, record: &'a [u8], mut take: impl FnMut(RawField<'a>)) {
        if !self.bracketed && self.quote.is_none_or(|quote| memchr(quote, record).is_none()) {
            let mut start = 0;
            for end in memchr_iter(self.delimiter, record) {
                take(plain(record.get(start..end)));
                start = end + 1 + self.padding(record.get(end + 1..));
            }
            take(plain(record.get(start..)));
            return;
        }
        let mut rest = Some(record);
        while let Some(tail) = rest {
            let (field, after) = self.next(tail);
            take(field);
            rest = after;
        }
    }

    /// How many bytes of what stands behind a delimiter belong to it.
    fn padding(self, behind: Option<&[u8]>) -> usize {
        usize::from(self.padded && behind.is_some_and(|behind| behind.first() == Some(&BLANK)))
    }

    /// How many delimiters of the record have a blank behind them, and how many have a field without one.
    pub(crate) fn paddings(self, record: &[u8]) -> (usize, usize) {
        let (mut with, mut without) = (0, 0);
        let mut rest = Some(record);
        while let Some(tail) = rest {
            let (_, len) = self.first(tail);
            let behind = tail.get(len + 1..);
            match behind.and_then(<[u8]>::first) {
                Some(&BLANK) => with += 1,
                Some(byte) if *byte != self.delimiter => without += 1,
                Some(_) | None => {}
            }
            rest = behind.and_then(|behind| behind.get(self.padding(Some(behind))..));
        }
        (with, without)
    }

    /// The first field, and what follows its delimiter.
    fn next(self, rest: &[u8]) -> (RawField<'_>, Option<&[u8]>) {
        let (field, len) = self.first(rest);
        let behind = rest.get(len + 1..);
        (field, behind.and_then(|behind| behind.get(self.padding(Some(behind))..)))
    }

    /// The first field, and its length as written.
    fn first(self, rest: &[u8]) -> (RawField<'_>, usize) {
        match self.quote {
            Some(quote) if rest.first() == Some(&quote) => self.quoted(rest, quote),
            _ => self.bracketed(rest).unwrap_or_else(|| {
                let len = memchr(self.delimiter, rest).unwrap_or(rest.len());
                (plain(rest.get(..len)), len)
            }),
        }
    }

    /// A field that begins with a bracket and ends with one, and its length as written.
    fn bracketed(self, rest: &[u8]) -> Option<(RawField<'_>, usize)> {
        if !self.bracketed || rest.first() != Some(&b'[') {
            return None;
        }
        let looked_at = rest.get(..BRACKETED_LEN_MAX).unwrap_or(rest);
        let ends = |at: &usize| rest.get(at + 1).is_none_or(|next| *next == self.delimiter);
        let closing = memchr_iter(b']', looked_at).find(ends)?;
        Some((RawField { text: rest.get(1..closing)?, form: FieldForm::Quoted }, closing + 1))
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
    columns: Columns,
    header: bool,
    sections: bool,
    null: Option<Vec<u8>>,
    empty: Option<Vec<u8>>,
    comment: Option<u8>,
    collapse: bool,
    squeezed: Vec<u8>,
    unescaped: Vec<u8>,
}

impl Rows {
    pub(crate) fn new(dialect: &CsvDialect) -> Self {
        Self {
            marks: Marks::of(dialect),
            columns: Columns::new(dialect.columns.clone()),
            header: dialect.header,
            sections: dialect.sections,
            null: dialect.null.as_ref().map(|null| null.as_bytes().to_vec()),
            empty: dialect.empty.as_ref().map(|empty| empty.as_bytes().to_vec()),
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

    /// Obeys a comment of a file that says columns, as Zeek and W3C logs say them again after a restart.
    pub(crate) fn obey(&mut self, comment: &[u8]) {
        if let Some(names) = directive(comment, self.marks.delimiter) {
            self.columns.switch(&names);
        }
    }

    /// Whether the record repeats the column names of the dialect.
    pub(crate) fn is_header(&self, record: &[u8]) -> bool {
        let Some(first) = self.columns.original().first().filter(|_| self.header) else { return false };
        // Nearly every record differs in its first field already.
        self.marks.is_named(self.marks.next(record).0, first) && self.names_all(record)
    }

    /// Whether the record of a file is a header, this one or another, which is obeyed from here on.
    pub(crate) fn takes_header(&mut self, record: &[u8]) -> bool {
        if !self.header {
            return false;
        }
        let names = if self.is_header(record) {
            Some(self.columns.original().to_vec())
        } else {
            Some(record)
                .filter(|_| self.sections)
                .and_then(|record| self.columns.named_by(self.marks, record))
        };
        names.inspect(|names| self.columns.switch(names)).is_some()
    }

    /// Whether the record of a file, which is none that [`Rows::is_header`] knows, says other columns.
    pub(crate) fn says_columns(&self, record: &[u8]) -> bool {
        if self.is_comment(record) {
            let names = directive(record, self.marks.delimiter);
            return names.is_some_and(|names| names != self.columns.original());
        }
        self.header && self.sections && self.columns.named_by(self.marks, record).is_some()
    }

    /// Whether rows still have the dialect's own columns in their order.
    pub(crate) fn is_original(&self) -> bool {
        self.columns.goals().is_none()
    }

    /// The first bytes of the dialect's own names.
    pub(crate) fn name_starts(&self) -> impl Iterator<Item = u8> {
        self.columns.original().iter().filter_map(|name| name.bytes().next())
    }

    fn names_all(&self, record: &[u8]) -> bool {
        let mut names = self.columns.original().iter();
        let mut same = true;
        self.marks.split(record, |field| {
            same = same && names.next().is_some_and(|name| self.marks.is_named(field, name));
        });
        same && names.next().is_none()
    }

    pub(crate) fn parse(&mut self, record: &[u8], sink: &mut impl Sink) -> Result<(), Reason> {
        let mut count = 0;
        let mut unclosed = false;
        let Self { marks, columns, null, empty, collapse, squeezed, unescaped, .. } = self;
        let record = if *collapse { squeeze(marks.delimiter, record, squeezed) } else { record };
        let (expected, goals) = (columns.count(), columns.goals());
        let is = |marker: &Option<Vec<u8>>, text: &[u8]| marker.as_ref().is_some_and(|marker| marker == text);
        marks.split(record, |field| {
            unclosed |= field.form == FieldForm::Unclosed;
            if count < expected {
                let value = match field.form {
                    FieldForm::Plain if field.text.is_empty() || is(null, field.text) => Value::Null,
                    FieldForm::Plain if is(empty, field.text) => Value::Text(b""),
                    FieldForm::Escaped => {
                        unescaped.clear();
                        marks.unescape(field.text, unescaped);
                        Value::Text(unescaped)
                    }
                    FieldForm::Plain | FieldForm::Quoted | FieldForm::Literal | FieldForm::Unclosed => {
                        Value::Text(field.text)
                    }
                };
                sink.put(goal(goals, count), value);
            }
            count += 1;
        });
        match count.cmp(&expected) {
            _ if unclosed => Err(Reason::UnclosedQuote),
            std::cmp::Ordering::Less => Err(Reason::ShortRow),
            std::cmp::Ordering::Greater => Err(Reason::LongRow),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

/// Where the field at a place of a row goes.
fn goal(goals: Option<&[Goal]>, place: usize) -> Field<'_> {
    match goals.and_then(|goals| goals.get(place)) {
        Some(Goal::Name(name)) => Field::Name(name),
        Some(Goal::Place(place)) => Field::Place(*place),
        None => Field::Place(place),
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
