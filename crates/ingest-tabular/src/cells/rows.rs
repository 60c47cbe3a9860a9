//! Delimited rows at speed: where delimiters, quotes and line feeds stand is found first, then walked.
//!
//! Decides the same as [`crate::parse::csv`] and [`crate::framing`] do, for the dialects that nearly all files have:
//! quotes escaped by doubling or not at all, records ended by line feeds. Never holds a record that does not end.

use ingest_core::shape::CsvDialect;

use super::marks::{Progress, Text, unreturned};
use super::{Batch, Form, Keep, RowOrigin, Span, narrow};
use crate::parse::csv::{Marks, Rows};
use crate::parse::{Ignored, dialect};
use crate::quarantine::Reason;
use ingest_core::shape::Shape;

/// Walks delimited text.
#[derive(Debug)]
pub(super) struct RowWalk {
    delimiter: u8,
    quote: Option<u8>,
    marks: Marks,
    columns: usize,
    null: Option<Vec<u8>>,
    empty: Option<Vec<u8>>,
    comment: Option<u8>,
    /// First bytes of records that may be a header again; none where the text has no header.
    name_starts: Option<Box<[bool; 256]>>,
    /// For rows that need a second look.
    rows: Rows,
    progress: Progress,
    /// Whether the columns are no longer the dialect's.
    pub(super) is_done: bool,
}

/// How a record ended.
enum End {
    /// Behind its line feed, with so many fields.
    Record { after: usize, fields: usize },
    /// Not within the text.
    Open,
}

impl RowWalk {
    /// A walk for rows of that shape, where it can do it.
    pub(super) fn new(shape: &Shape) -> Option<Self> {
        let dialect = dialect(shape).filter(|_| shape.envelope.is_none())?;
        let plain_escape = dialect.escape.is_none() || dialect.escape == dialect.quote;
        let marks_differ = dialect.delimiter != b'\n' && dialect.quote != Some(dialect.delimiter);
        let simple = plain_escape
            && marks_differ
            && !dialect.collapse
            && !dialect.padded
            && !dialect.bracketed
            && !dialect.columns.is_empty();
        simple.then(|| Self {
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            marks: Marks::of(dialect),
            columns: dialect.columns.len(),
            null: dialect.null.as_ref().map(|null| null.as_bytes().to_vec()),
            empty: dialect.empty.as_ref().map(|empty| empty.as_bytes().to_vec()),
            comment: dialect.comment,
            name_starts: name_starts(dialect),
            rows: Rows::new(dialect),
            progress: Progress::default(),
            is_done: false,
        })
    }

    /// Fills the batch with the rows of whole lines from `at` on, each line a record, until one is none or may be none:
    /// the parser tells. Answers where that one begins, or the text ends. From 0 on it is a new text, else the same one.
    pub(super) fn walk_lines(
        &mut self,
        batch: &mut Batch,
        (text, utf8, at): (&[u8], bool, usize),
        decoded: &mut Vec<u8>,
        (first, keep): (usize, Keep),
    ) -> usize {
        let mut progress = std::mem::take(&mut self.progress);
        if at == 0 {
            progress.restart();
        }
        let mut under = Text { bytes: text, progress, needles: self.needles(), by_lines: true, decoded };
        self.make_room(batch, first);
        while under.mark().is_some_and(|mark| mark < at) {
            under.pass();
        }
        let mut at = at;
        while at < text.len() {
            let decoded_before = under.decoded.len();
            let end = self.record(batch, &mut under, at, first);
            let row = match end {
                End::Record { after, fields } => {
                    let record = text.get(at..after.saturating_sub(1)).unwrap_or_default();
                    (fields == self.columns && !self.may_be_no_row(record)).then_some((record, after))
                }
                End::Open => None,
            };
            let Some((record, after)) = row else {
                self.undo(batch, first, self.columns);
                under.decoded.truncate(decoded_before);
                break;
            };
            if !utf8 && std::str::from_utf8(record).is_err() {
                self.mark_broken(batch, first);
            }
            if keep == Keep::Origins {
                batch.origins.push(RowOrigin { start: narrow(at), len: narrow(record.len()), receipt: None });
            }
            batch.rows += 1;
            batch.records += 1;
            at = after;
        }
        self.progress = under.progress;
        at
    }

    /// Fills the batch with the rows of `text` that end within it, `rows_max` at most, the values of the first field in
    /// slot `first`. Answers how much of the text they are.
    pub(super) fn walk(
        &mut self,
        batch: &mut Batch,
        (text, utf8): (&[u8], bool),
        decoded: &mut Vec<u8>,
        (first, rows_max): (usize, u32),
    ) -> usize {
        let mut progress = std::mem::take(&mut self.progress);
        progress.restart();
        let mut under = Text { bytes: text, progress, needles: self.needles(), by_lines: false, decoded };
        self.make_room(batch, first);
        let mut at = 0;
        while batch.rows < rows_max {
            let decoded_before = under.decoded.len();
            let end = self.record(batch, &mut under, at, first);
            let End::Record { after, fields } = end else {
                self.undo(batch, first, self.columns);
                under.decoded.truncate(decoded_before);
                break;
            };
            let record = line(text.get(at..after).unwrap_or_default());
            let verdict = self.judge(record, fields);
            if matches!(verdict, Verdict::Row) {
                if !utf8 && std::str::from_utf8(record).is_err() {
                    self.mark_broken(batch, first);
                }
                batch.rows += 1;
                batch.records += 1;
                at = after;
                continue;
            }
            self.undo(batch, first, fields);
            under.decoded.truncate(decoded_before);
            match verdict {
                Verdict::Refused(reason) => batch.refuse((narrow(at), narrow(record.len())), None, reason),
                Verdict::Ignored(kind) => batch.ignore(kind),
                Verdict::NewColumns => {
                    self.is_done = true;
                    break;
                }
                Verdict::Row => {}
            }
            at = after;
        }
        self.progress = under.progress;
        at
    }

    fn needles(&self) -> [u8; 3] {
        [self.delimiter, b'\n', self.quote.unwrap_or(b'\n')]
    }

    fn make_room(&self, batch: &mut Batch, first: usize) {
        if batch.columns.len() < first + self.columns {
            batch.columns.resize_with(first + self.columns, Vec::new);
        }
    }

    /// Walks one record from `at` on, and hands its fields to the columns.
    #[inline]
    fn record(&self, batch: &mut Batch, text: &mut Text<'_>, at: usize, first: usize) -> End {
        let row = batch.rows;
        let mut start = at;
        let mut field = 0;
        let Some(columns) = batch.columns.get_mut(first..first + self.columns) else { return End::Open };
        loop {
            let Some(mark) = text.mark() else { return End::Open };
            let byte = text.byte(mark);
            let is_end = byte == b'\n';
            if !is_end && byte != self.delimiter {
                // A quote opens a field as its first byte only; anywhere else it is text.
                if mark == start {
                    let Some((span, end)) = self.quoted(text, row, start) else { return End::Open };
                    if let Some(column) = columns.get_mut(field) {
                        column.push(span);
                    }
                    field += 1;
                    start = end + 1;
                    if text.byte(end) == b'\n' {
                        return End::Record { after: end + 1, fields: field };
                    }
                } else {
                    text.pass();
                }
                continue;
            }
            text.pass();
            let end = if is_end { unreturned(text, start, mark) } else { mark };
            if end > start
                && let Some(column) = columns.get_mut(field)
                && let Some(len) = self.len_of(text.bytes, start, end)
            {
                column.push(Span::text(row, narrow(start), len));
            }
            field += 1;
            start = mark + 1;
            if is_end {
                return End::Record { after: start, fields: field };
            }
        }
    }

    /// The length of a field that is not quoted; none where its text stands for a missing value.
    #[inline]
    fn len_of(&self, text: &[u8], start: usize, end: usize) -> Option<u32> {
        if self.null.is_some() || self.empty.is_some() {
            let field = text.get(start..end);
            if self.null.as_deref() == field {
                return None;
            }
            if self.empty.as_deref() == field {
                return Some(0);
            }
        }
        Some(narrow(end - start))
    }

    /// The field that the quote at `start` opens, and where the delimiter or line feed behind it stands.
    fn quoted(&self, text: &mut Text<'_>, row: u32, start: usize) -> Option<(Span, usize)> {
        let quote = self.quote?;
        let mut escaped = false;
        text.pass();
        let closing = loop {
            let mark = text.mark()?;
            text.pass();
            if text.byte(mark) != quote {
                if text.by_lines && text.byte(mark) == b'\n' {
                    return None;
                }
                continue;
            }
            if mark + 1 < text.bytes.len() && text.byte(mark + 1) == quote {
                text.mark()?;
                text.pass();
                escaped = true;
                continue;
            }
            break mark;
        };
        // The field ends here, or it goes on and is text as a whole.
        let end = loop {
            let mark = text.mark()?;
            text.pass();
            if text.byte(mark) != quote {
                break mark;
            }
        };
        let is_end = text.byte(end) == b'\n';
        let behind = if is_end { unreturned(text, start, end) } else { end };
        if behind != closing + 1 {
            return Some((Span::text(row, narrow(start), narrow(behind - start)), end));
        }
        let inside = text.bytes.get(start + 1..closing)?;
        if !escaped {
            return Some((Span::text(row, narrow(start + 1), narrow(inside.len())), end));
        }
        let from = text.decoded.len();
        self.marks.unescape(inside, text.decoded);
        let len = text.decoded.len() - from;
        Some((Span::new(row, narrow(text.bytes.len() + from), narrow(len), Form::Text), end))
    }

    /// Whether a record with the right number of fields may be a comment or a header all the same, or is empty.
    #[inline]
    fn may_be_no_row(&self, record: &[u8]) -> bool {
        let Some(first) = record.first() else { return true };
        let names = self.name_starts.as_ref();
        self.comment == Some(*first)
            || names.is_some_and(|starts| starts.get(usize::from(*first)).copied().unwrap_or(true))
    }

    /// What a record of so many fields is.
    #[inline]
    fn judge(&self, record: &[u8], fields: usize) -> Verdict {
        let Some(first) = record.first() else { return Verdict::Ignored(Ignored::Blank) };
        if self.comment == Some(*first) {
            let says = self.rows.says_columns(record);
            return if says { Verdict::NewColumns } else { Verdict::Ignored(Ignored::Comment) };
        }
        let fits = fields == self.columns;
        if let Some(starts) = &self.name_starts
            && (!fits || starts.get(usize::from(*first)).copied().unwrap_or(true))
        {
            if self.rows.is_header(record) {
                return Verdict::Ignored(Ignored::Header);
            }
            if self.rows.says_columns(record) {
                return Verdict::NewColumns;
            }
        }
        match fields.cmp(&self.columns) {
            std::cmp::Ordering::Equal => Verdict::Row,
            std::cmp::Ordering::Less => Verdict::Refused(Reason::ShortRow),
            std::cmp::Ordering::Greater => Verdict::Refused(Reason::LongRow),
        }
    }

    /// Takes the values of the open row back, of which so many fields were walked.
    #[cold]
    fn undo(&self, batch: &mut Batch, first: usize, fields: usize) {
        let row = batch.rows;
        for column in batch.columns.iter_mut().skip(first).take(fields.min(self.columns)) {
            if column.last().is_some_and(|last| last.row() == row) {
                column.pop();
            }
        }
    }

    /// Says of the values of the open row that they may be no UTF-8.
    #[cold]
    fn mark_broken(&self, batch: &mut Batch, first: usize) {
        let row = batch.rows;
        for column in batch.columns.iter_mut().skip(first).take(self.columns) {
            if let Some(last) = column.last_mut().filter(|last| last.row() == row) {
                *last = last.unproven();
            }
        }
    }
}

enum Verdict {
    Row,
    /// A header with other columns, which the long way goes by.
    NewColumns,
    Ignored(Ignored),
    Refused(Reason),
}

/// A record without its line end.
fn line(record: &[u8]) -> &[u8] {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    record.strip_suffix(b"\r").unwrap_or(record)
}

/// Quotes, blanks and what is beyond ASCII may come before a name, too.
fn name_starts(dialect: &CsvDialect) -> Option<Box<[bool; 256]>> {
    if !dialect.header {
        return None;
    }
    let rows = Rows::new(dialect);
    let mut named: Vec<u8> = rows.name_starts().collect();
    // A header whose first name is empty begins with the delimiter, as that of a table with an index does.
    named.extend(dialect.columns.first().filter(|name| name.is_empty()).map(|_| dialect.delimiter));
    let may_start = |byte: u8| {
        named.contains(&byte)
            || dialect.quote == Some(byte)
            || byte.is_ascii_whitespace()
            || byte == 0x0b
            || !byte.is_ascii()
    };
    let mut starts = [false; 256];
    for (starts, byte) in starts.iter_mut().zip(0..=u8::MAX) {
        *starts = may_start(byte);
    }
    Some(Box::new(starts))
}
