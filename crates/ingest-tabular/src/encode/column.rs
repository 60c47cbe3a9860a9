//! One column of a file: the values of a batch, as text, become values of its type.
//!
//! Decides, value by value, whether the type holds it. What it does not hold is told, never dropped and never bent.

use std::io;
use std::ops::Range;

use ingest_core::schema::{ColumnType, TimeForm};
use ingest_core::time::Timestamp;
use parquet::column::writer::ColumnCloseResult;

use super::cell::{cell_of, is_finer};
use super::page::{self, Chunk, Compressor};
use crate::cells::{Batch, Form, PADDING, Span};
use crate::scalar::Cell;
use crate::scalar::swift::{self, Instants};

/// A value that its column holds not at all, or not exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) value: Span,
    pub(super) lack: Lack,
}

/// What a column lacks of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// All of it.
    Value,
    /// How it was written; its text stands in the column as far as there is one.
    Writing,
    /// Its exact bytes, which are no UTF-8.
    Bytes,
}

/// What fills a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// Values of this type.
    Typed(ColumnType),
    /// Nothing, so far: any value is a misfit.
    Nothing,
    /// Whoever owns the encoder: the column is ours.
    Own,
}

/// Writes one column.
#[derive(Debug)]
pub(super) struct ColumnWriter {
    fill: Fill,
    /// Whether its values tell the time of rows.
    is_time: bool,
    /// Whether the type was guessed: then it holds no instant that is written more finely than it tells.
    is_guess: bool,
    /// When rows were written that do not tell, about.
    window_start: Option<Timestamp>,
    page: page::Column,
    instants: Option<Instants>,
    /// Rows with a value, and the values, of the batch at hand.
    present: Vec<u32>,
    wholes: Vec<i64>,
    wides: Vec<i128>,
    floats: Vec<f64>,
    truths: Vec<bool>,
    text: Vec<u8>,
    spans: Vec<Span>,
    scratch: String,
    pub(super) misfits: Vec<Misfit>,
    /// For times: row and value.
    pub(super) times: Vec<(u32, i64)>,
}

impl ColumnWriter {
    pub(super) fn new(
        fill: Fill,
        is_time: bool,
        window_start: Option<Timestamp>,
        spec: page::ColumnSpec,
    ) -> Self {
        let instants = match fill {
            Fill::Typed(ColumnType::Timestamp { form, unit }) => Instants::new(form, unit),
            Fill::Typed(_) | Fill::Nothing | Fill::Own => None,
        };
        Self {
            fill,
            is_time,
            is_guess: false,
            window_start,
            page: page::Column::new(spec),
            instants,
            present: Vec::new(),
            wholes: Vec::new(),
            wides: Vec::new(),
            floats: Vec::new(),
            truths: Vec::new(),
            text: Vec::new(),
            spans: Vec::new(),
            scratch: String::new(),
            misfits: Vec::new(),
            times: Vec::new(),
        }
    }

    /// The same, of a type that was but guessed.
    pub(super) fn guessed(self) -> Self {
        Self { is_guess: true, ..self }
    }

    /// Bytes that the open row group has of it, about.
    pub(super) fn size(&self) -> usize {
        self.page.size()
    }

    /// Takes the values of a slot in these rows of the batch.
    pub(super) fn take(
        &mut self,
        batch: &Batch,
        slot: Option<usize>,
        rows: &Range<u32>,
        compressor: &mut Compressor,
    ) -> io::Result<()> {
        let spans = within(slot.map(|slot| batch.spans(slot)).unwrap_or_default(), rows);
        self.clear();
        let count = rows.len();
        match self.fill {
            _ if spans.is_empty() => self.page.add_nulls(count),
            Fill::Typed(ColumnType::Text) if spans.iter().all(|span| span.is_readable()) => {
                self.present.extend(spans.iter().map(|span| span.row() - rows.start));
                let texts = page::Batch::Texts(batch.text(), spans);
                return self.page.add(count, &self.present, texts, compressor);
            }
            Fill::Typed(ColumnType::Int64) => self.take_wholes(batch, spans, rows.start),
            Fill::Typed(ColumnType::Float64 { form }) => {
                for span in spans {
                    let float = is_plain(*span).then(|| swift::float(batch.text(), *span, form)).flatten();
                    match float {
                        Some(float) => {
                            self.present.push(span.row() - rows.start);
                            self.floats.push(float);
                        }
                        None => self.take_one(batch, *span, rows.start, ColumnType::Float64 { form }),
                    }
                }
            }
            Fill::Typed(kind @ ColumnType::Timestamp { .. }) if self.instants.is_some() => {
                self.take_instants(batch, spans, rows.start, kind);
            }
            Fill::Typed(
                kind @ ColumnType::Timestamp {
                    form: form @ (TimeForm::EpochSeconds | TimeForm::EpochMillis),
                    unit,
                },
            ) => {
                for span in spans {
                    match is_plain(*span).then(|| swift::epoch(batch.text(), *span, form, unit)).flatten() {
                        Some(steps) => {
                            self.present.push(span.row() - rows.start);
                            self.wholes.push(steps);
                        }
                        None => self.take_one(batch, *span, rows.start, kind),
                    }
                }
            }
            Fill::Typed(kind) => {
                spans.iter().for_each(|span| self.take_one(batch, *span, rows.start, kind));
            }
            Fill::Nothing | Fill::Own => {
                self.misfits.extend(spans.iter().map(|span| Misfit { value: *span, lack: Lack::Value }));
            }
        }
        if spans.is_empty() {
            return self.page.close_full(compressor);
        }
        if self.is_time {
            let rows = self.present.iter().map(|row| row + rows.start);
            self.times.extend(rows.zip(self.wholes.iter().copied()));
        }
        self.hand_over(count, compressor)
    }

    fn take_wholes(&mut self, batch: &Batch, spans: &[Span], first: u32) {
        for span in spans {
            match is_plain(*span).then(|| swift::whole(batch.text(), *span)).flatten() {
                Some(whole) => {
                    self.present.push(span.row() - first);
                    self.wholes.push(whole);
                }
                None => self.misfits.push(Misfit { value: *span, lack: Lack::Value }),
            }
        }
    }

    fn take_instants(&mut self, batch: &Batch, spans: &[Span], first: u32, kind: ColumnType) {
        let Some(mut instants) = self.instants.take() else { return };
        for span in spans {
            let text = span.of(batch.text());
            let quick = match span.is_readable().then(|| instants.read_known_day(text)).flatten() {
                None if !span.is_readable() || (self.is_guess && is_finer(kind, text)) => None,
                None => instants.read_slowly(text),
                known => known,
            };
            match quick {
                Some(steps) => {
                    self.present.push(span.row() - first);
                    self.wholes.push(steps);
                }
                None => self.take_one(batch, *span, first, kind),
            }
        }
        self.instants = Some(instants);
    }

    /// Takes one value of any type and form.
    fn take_one(&mut self, batch: &Batch, span: Span, first: u32, kind: ColumnType) {
        let value = batch.value(span);
        let received =
            batch.origin(span.row()).and_then(|origin| origin.receipt).map(|receipt| receipt.received);
        let near = received.or(self.window_start);
        let finer = self.is_guess && is_finer(kind, batch.bytes(span));
        let Some(cell) = cell_of(kind, value, near, &mut self.scratch).filter(|_| !finer) else {
            self.misfits.push(Misfit { value: span, lack: Lack::Value });
            return;
        };
        match cell {
            Cell::Bool(truth) => self.truths.push(truth),
            Cell::Int(whole) => self.wholes.push(whole),
            Cell::Wide(wide) => self.wides.push(wide),
            Cell::Days(days) => self.wholes.push(i64::from(days)),
            Cell::Float(float) => self.floats.push(float),
            Cell::Text(text) => {
                let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
                if span.may_be_broken() && std::str::from_utf8(text).is_err() {
                    self.text.extend_from_slice(String::from_utf8_lossy(text).as_bytes());
                    self.misfits.push(Misfit { value: span, lack: Lack::Bytes });
                } else {
                    self.text.extend_from_slice(text);
                    if span.form() == Form::InexactString && kind == ColumnType::Text {
                        self.misfits.push(Misfit { value: span, lack: Lack::Writing });
                    }
                }
                let len = u32::try_from(self.text.len()).unwrap_or(u32::MAX) - start;
                self.spans.push(Span::text(span.row(), start, len));
            }
        }
        self.present.push(span.row() - first);
    }

    /// Takes the values that the owner made: whole numbers.
    pub(super) fn take_own_wholes(
        &mut self,
        rows: usize,
        values: impl Iterator<Item = Option<i64>>,
        compressor: &mut Compressor,
    ) -> io::Result<()> {
        self.clear();
        for (value, row) in values.zip(0_u32..) {
            if let Some(value) = value {
                self.present.push(row);
                self.wholes.push(value);
            }
        }
        self.hand_over(rows, compressor)
    }

    /// Takes texts that the owner made, each with its row.
    pub(super) fn take_own_texts<'a>(
        &mut self,
        rows: usize,
        values: impl Iterator<Item = (u32, &'a str)>,
        compressor: &mut Compressor,
    ) -> io::Result<()> {
        self.clear();
        for (row, text) in values {
            if text.len() > Span::LEN_MAX {
                return Err(io::Error::other("a rescued or raw text is too long for a page"));
            }
            let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
            self.text.extend_from_slice(text.as_bytes());
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            self.spans.push(Span::text(row, start, len));
            self.present.push(row);
        }
        self.hand_over(rows, compressor)
    }

    /// Ends the chunk of the open row group.
    pub(super) fn end_chunk(
        &mut self,
        compressor: &mut Compressor,
    ) -> parquet::errors::Result<(Chunk, ColumnCloseResult)> {
        self.page.end_chunk(compressor)
    }

    fn hand_over(&mut self, rows: usize, compressor: &mut Compressor) -> io::Result<()> {
        let batch = if !self.wholes.is_empty() {
            page::Batch::Wholes(&self.wholes)
        } else if !self.wides.is_empty() {
            page::Batch::Wides(&self.wides)
        } else if !self.floats.is_empty() {
            page::Batch::Floats(&self.floats)
        } else if !self.truths.is_empty() {
            page::Batch::Truths(&self.truths)
        } else if !self.spans.is_empty() {
            self.text.extend_from_slice(&[0; PADDING]);
            page::Batch::Texts(&self.text, &self.spans)
        } else {
            self.page.add_nulls(rows);
            return self.page.close_full(compressor);
        };
        self.page.add(rows, &self.present, batch, compressor)
    }

    fn clear(&mut self) {
        self.present.clear();
        self.wholes.clear();
        self.wides.clear();
        self.floats.clear();
        self.truths.clear();
        self.text.clear();
        self.spans.clear();
        self.times.clear();
    }
}

/// Whether a number may be read from the value's text, whatever its bytes are.
fn is_plain(span: Span) -> bool {
    span.is_text() || matches!(span.form(), Form::Text | Form::Number)
}

/// The spans of these rows.
fn within<'a>(spans: &'a [Span], rows: &Range<u32>) -> &'a [Span] {
    let reaches = |row: u32| spans.partition_point(|span| span.row() < row);
    let whole = spans.first().is_none_or(|first| first.row() >= rows.start)
        && spans.last().is_none_or(|last| last.row() < rows.end);
    if whole { spans } else { spans.get(reaches(rows.start)..reaches(rows.end)).unwrap_or_default() }
}
