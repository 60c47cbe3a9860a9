//! Cells: a batch of records, split into the values of columns, still as text.
//!
//! Holds a batch's text once, and for each field where in it its values stand, so that a column can go over its own
//! values at once. Knows no types: whoever observes or encodes decides what a value is. Never drops a byte: what has no
//! place in a column stands among the extras, and what is no row among the refused.

use ingest_core::records::{Receipt, Record};

use crate::parse::{Field, Ignored, Sink, Value};
use crate::quarantine::Reason;
pub(crate) use cutter::RecordCutter;
pub use cutter::TextCutter;
pub(crate) use names::{Names, SlotName};
pub(crate) use span::{Form, Span};

mod cutter;
mod index;
mod marks;
mod names;
mod rows;
mod span;

/// Zeros behind a batch's text, so that the first bytes of any value can be taken at once.
pub(crate) const PADDING: usize = 32;

/// Where a record of a batch came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowOrigin {
    pub(crate) start: u32,
    pub(crate) len: u32,
    pub(crate) receipt: Option<Receipt>,
}

/// A record that is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    start: u32,
    len: u32,
    ordinal: u64,
    receipt: Option<Receipt>,
    reason: Reason,
}

/// Whose value an extra is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtraField {
    /// A field that has a value in this row already.
    Slot(usize),
    /// A field that may have no slot, by its name's place in the text.
    Name(Span),
}

/// A value that has no place in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extra {
    pub(crate) field: ExtraField,
    pub(crate) value: Span,
}

/// A batch of records.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, then values that had to be decoded, then zeros.
    text: Vec<u8>,
    rows: u32,
    columns: Vec<Vec<Span>>,
    /// Slots that records named to say that they have no value.
    mentioned: Vec<bool>,
    /// Fields that came up first in this batch, in the order of their slots.
    new_names: Vec<SlotName>,
    extras: Vec<Extra>,
    /// For decoded values: where the value stands, and where it was written.
    written: Vec<(u32, Span)>,
    origins: Vec<RowOrigin>,
    refused: Vec<Refused>,
    ignored: [u64; Ignored::ALL.len()],
    first_ordinal: u64,
    records: u64,
}

impl Batch {
    /// Records that it was made of.
    pub(crate) const fn records(&self) -> u64 {
        self.records
    }

    /// The place in its source of the record that would come after its last one.
    pub(crate) const fn next_ordinal(&self) -> u64 {
        self.first_ordinal + self.records
    }

    /// Records that are rows.
    pub(crate) const fn rows(&self) -> u32 {
        self.rows
    }

    /// The values of a slot, by ascending rows.
    pub(crate) fn spans(&self, slot: usize) -> &[Span] {
        self.columns.get(slot).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn is_mentioned(&self, slot: usize) -> bool {
        self.mentioned.get(slot).copied().unwrap_or(false)
    }

    pub(crate) fn new_names(&self) -> &[SlotName] {
        &self.new_names
    }

    pub(crate) fn extras(&self) -> &[Extra] {
        &self.extras
    }

    /// The text that spans point into, with [`PADDING`] zeros at its end.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The bytes of a span.
    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        span.of(&self.text)
    }

    /// Where a record came from, for batches that keep it.
    pub(crate) fn origin(&self, row: u32) -> Option<RowOrigin> {
        self.origins.get(usize::try_from(row).ok()?).copied()
    }

    /// The records that are no rows.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (Record<'_>, Reason)> {
        self.refused.iter().map(|refused| {
            let bytes = self.bytes(Span::new(0, refused.start, refused.len, Form::Text));
            (Record { bytes, receipt: refused.receipt, ordinal: refused.ordinal }, refused.reason)
        })
    }

    /// Lines that are no records, by kind.
    pub(crate) fn ignored(&self) -> impl Iterator<Item = (Ignored, u64)> {
        Ignored::ALL.into_iter().zip(self.ignored).filter(|(_, count)| *count > 0)
    }

    /// The value of a span in the terms of its source.
    pub(crate) fn value(&self, span: Span) -> Value<'_> {
        let text = self.bytes(span);
        match span.form() {
            Form::Text => Value::Text(text),
            Form::Number => Value::Number(text),
            Form::Bool => Value::Bool(text == b"true"),
            Form::Raw => Value::Raw(text),
            Form::String => Value::String { text, raw: self.written(span), exact: true },
            Form::InexactString => Value::String { text, raw: self.written(span), exact: false },
        }
    }

    /// A JSON string as it was written, with its quotes.
    fn written(&self, span: Span) -> &[u8] {
        match self.written.binary_search_by_key(&span.start(), |(at, _)| *at) {
            Ok(found) => self.written.get(found).map(|(_, raw)| self.bytes(*raw)).unwrap_or_default(),
            // Not decoded: the quotes are around it.
            Err(_) => {
                let start = span.start().saturating_sub(1);
                self.bytes(Span::new(0, start, span.len() + 2, Form::Text))
            }
        }
    }

    /// Empties it, keeping its memory, for records from `first_ordinal` on.
    fn restart(&mut self, first_ordinal: u64) {
        self.text.clear();
        self.rows = 0;
        self.columns.iter_mut().for_each(Vec::clear);
        self.mentioned.clear();
        self.new_names.clear();
        self.extras.clear();
        self.written.clear();
        self.origins.clear();
        self.refused.clear();
        self.ignored = [0; Ignored::ALL.len()];
        self.first_ordinal = first_ordinal;
        self.records = 0;
    }

    fn ignore(&mut self, kind: Ignored) {
        self.records += 1;
        if let Some(count) = self.ignored.get_mut(kind.place()) {
            *count += 1;
        }
    }

    fn refuse(&mut self, (start, len): (u32, u32), receipt: Option<Receipt>, reason: Reason) {
        let ordinal = self.next_ordinal();
        self.records += 1;
        self.refused.push(Refused { start, len, ordinal, receipt, reason });
    }
}

/// Whether a batch keeps where each row came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Only what columns need.
    Values,
    /// Receipts and records as they came, too.
    Origins,
}

/// Fills a batch, value by value. Its text is lent to the parser meanwhile.
struct Filler<'a> {
    batch: &'a mut Batch,
    names: &'a mut Names,
    text: &'a [u8],
    /// Values that had to be decoded.
    decoded: &'a mut Vec<u8>,
    /// Slots that the row named to say that they have no value.
    nulls: &'a mut Vec<usize>,
    utf8: bool,
    extras_before: usize,
    written_before: usize,
    decoded_before: usize,
}

impl<'a> Filler<'a> {
    fn new(
        batch: &'a mut Batch,
        names: &'a mut Names,
        text: &'a [u8],
        decoded: &'a mut Vec<u8>,
        nulls: &'a mut Vec<usize>,
    ) -> Self {
        Self {
            batch,
            names,
            text,
            decoded,
            nulls,
            utf8: true,
            extras_before: 0,
            written_before: 0,
            decoded_before: 0,
        }
    }

    /// Where a value stands: in the text, or behind it, where it is kept now.
    fn place(&mut self, bytes: &[u8]) -> u32 {
        let at = bytes.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        if at < self.text.len() && at + bytes.len() <= self.text.len() {
            return narrow(at);
        }
        let at = self.text.len() + self.decoded.len();
        self.decoded.extend_from_slice(bytes);
        narrow(at)
    }

    fn span(&mut self, value: Value<'_>) -> Option<Span> {
        let (bytes, form) = match value {
            Value::Null => return None,
            Value::Text(text) => (text, Form::Text),
            Value::Number(text) => (text, Form::Number),
            Value::Raw(text) => (text, Form::Raw),
            Value::Bool(true) => (&b"true"[..], Form::Bool),
            Value::Bool(false) => (&b"false"[..], Form::Bool),
            Value::String { text, exact: true, .. } => (text, Form::String),
            Value::String { text, exact: false, .. } => (text, Form::InexactString),
        };
        let start = self.place(bytes);
        let decoded = usize::try_from(start).is_ok_and(|start| start >= self.text.len());
        if let (Value::String { raw, .. }, true) = (value, decoded) {
            // Two empty texts would stand at one place.
            self.decoded.push(0);
            let raw_start = self.place(raw);
            let raw = Span::new(0, raw_start, narrow(raw.len()), Form::Text);
            self.batch.written.push((start, raw));
        }
        let span = Span::new(self.batch.rows, start, narrow(bytes.len()), form);
        Some(if self.utf8 { span } else { span.unproven() })
    }

    /// Adds the first value of a slot.
    #[cold]
    fn put_first(&mut self, slot: usize, value: Span) {
        if let Some(column) = self.batch.columns.get_mut(slot) {
            column.push(value);
        }
    }

    /// Keeps a value of a field without a slot.
    #[cold]
    fn put_extra(&mut self, field: Field<'_>, value: Span) {
        let name = self.names.text_of(field).into_owned();
        let start = self.place(name.as_bytes());
        let name = Span::new(value.row(), start, narrow(name.len()), Form::Text);
        self.batch.extras.push(Extra { field: ExtraField::Name(name), value });
    }

    /// The row is one.
    fn commit(&mut self, origin: Option<RowOrigin>) {
        if let Some(origin) = origin {
            self.batch.origins.push(origin);
        }
        for slot in self.nulls.drain(..) {
            if slot >= self.batch.mentioned.len() {
                self.batch.mentioned.resize(slot + 1, false);
            }
            if let Some(mentioned) = self.batch.mentioned.get_mut(slot) {
                *mentioned = true;
            }
        }
        self.batch.rows += 1;
        self.batch.records += 1;
    }
}

impl Sink for Filler<'_> {
    fn begin(&mut self, utf8: bool) {
        self.utf8 = utf8;
        self.nulls.clear();
        self.extras_before = self.batch.extras.len();
        self.written_before = self.batch.written.len();
        self.decoded_before = self.decoded.len();
    }

    fn put(&mut self, field: Field<'_>, value: Value<'_>) {
        let slot = self.names.find(field);
        let Some(value) = self.span(value) else {
            self.nulls.extend(slot);
            return;
        };
        let Some(slot) = slot else { return self.put_extra(field, value) };
        let Some(column) = self.batch.columns.get_mut(slot) else {
            self.batch.columns.resize_with(slot + 1, Vec::new);
            return self.put_first(slot, value);
        };
        if column.last().is_some_and(|last| last.row() == value.row()) {
            self.batch.extras.push(Extra { field: ExtraField::Slot(slot), value });
            return;
        }
        column.push(value);
    }

    fn undo(&mut self) {
        let row = self.batch.rows;
        self.nulls.clear();
        for column in &mut self.batch.columns {
            column.pop_if(|last| last.row() == row);
        }
        self.batch.extras.truncate(self.extras_before);
        self.batch.written.truncate(self.written_before);
        self.decoded.truncate(self.decoded_before);
    }
}

/// A place or length within a batch. Batches are far below 4 GiB: a record is 16 MiB at most.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
