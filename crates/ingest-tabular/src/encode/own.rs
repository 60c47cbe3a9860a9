//! The columns that are ours: when a row happened and was received, its number, its log, and its record.
//!
//! Decides the time of a row: its own where it has one, else when it was received, else when its window began.

use std::io;
use std::ops::Range;

use ingest_core::schema::{ColumnType, own};
use ingest_core::time::Timestamp;

use super::cell::steps_per_milli;
use super::column::{ColumnWriter, Lack};
use super::options::OwnColumns;
use super::page::Compressor;
use super::rescue::RescuedRows;
use crate::cells::{Batch, Form, Span};

/// Fills the columns that are ours.
#[derive(Debug)]
pub(super) struct Own {
    options: OwnColumns,
    time_kind: Option<ColumnType>,
    times: Option<(Timestamp, Timestamp)>,
    /// The columns before those of the log, and the one behind them, where it is asked for.
    first: Vec<ColumnWriter>,
    raw: Option<ColumnWriter>,
}

impl Own {
    pub(super) fn new(
        options: OwnColumns,
        time_kind: Option<ColumnType>,
        first: impl Iterator<Item = ColumnWriter>,
        raw: Option<ColumnWriter>,
    ) -> Self {
        Self { options, time_kind, times: None, first: first.collect(), raw }
    }

    /// First and last `_time` so far.
    pub(super) const fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.times
    }

    /// The columns before those of the log.
    pub(super) fn first_columns(&mut self) -> &mut [ColumnWriter] {
        &mut self.first
    }

    /// The column of the records themselves.
    pub(super) const fn raw_column(&mut self) -> Option<&mut ColumnWriter> {
        self.raw.as_mut()
    }

    /// Bytes that the open row group has of them, about.
    pub(super) fn size(&self) -> usize {
        self.first.iter().chain(&self.raw).map(ColumnWriter::size).sum()
    }

    /// Writes some rows; `times` are those rows' own, where they have one.
    pub(super) fn write(
        &mut self,
        (batch, rows): (&Batch, &Range<u32>),
        times: &[(u32, i64)],
        compressor: &mut Compressor,
        rescued: &mut RescuedRows,
    ) -> io::Result<()> {
        let count = rows.len();
        let event_times = self.event_times(batch, rows, times);
        let [time, timestamp, sequence, log_id] = self.first.as_mut_slice() else {
            return Err(io::Error::other("the file lacks columns of ours"));
        };
        time.take_own_wholes(count, event_times.into_iter(), compressor)?;
        let receipts = || rows.clone().map(|row| batch.origin(row).and_then(|origin| origin.receipt));
        let received = receipts().map(|receipt| receipt.map(|receipt| receipt.received.millis()));
        timestamp.take_own_wholes(count, received, compressor)?;
        let numbers = receipts().map(|receipt| receipt.map(|receipt| receipt.sequence.0));
        sequence.take_own_wholes(count, numbers, compressor)?;
        let id = self.options.log_id.as_str();
        log_id.take_own_texts(count, (0..).take(count).map(|row| (row, id)), compressor)?;
        match &mut self.raw {
            Some(raw) => write_raw(raw, (batch, rows), compressor, rescued),
            None => Ok(()),
        }
    }

    fn event_times(&mut self, batch: &Batch, rows: &Range<u32>, times: &[(u32, i64)]) -> Vec<Option<i64>> {
        let per_milli = self.time_kind.and_then(steps_per_milli).unwrap_or(1);
        let mut times = times.iter().peekable();
        let mut all = Vec::new();
        for row in rows.clone() {
            let event = times.next_if(|(at, _)| *at == row).map(|(_, steps)| steps.div_euclid(per_milli));
            let received =
                batch.origin(row).and_then(|origin| origin.receipt).map(|receipt| receipt.received);
            let time =
                event.map_or_else(|| received.unwrap_or(self.options.window_start), Timestamp::from_millis);
            self.times = Some(self.times.map_or((time, time), |(min, max)| (min.min(time), max.max(time))));
            all.push(Some(time.millis()));
        }
        all
    }
}

/// Writes the records themselves.
fn write_raw(
    raw: &mut ColumnWriter,
    (batch, rows): (&Batch, &Range<u32>),
    compressor: &mut Compressor,
    rescued: &mut RescuedRows,
) -> io::Result<()> {
    let count = rows.len();
    let mut texts = Vec::with_capacity(count);
    for row in rows.clone() {
        let Some(origin) = batch.origin(row) else { continue };
        let span = Span::new(row, origin.start, origin.len, Form::Text);
        let text = String::from_utf8_lossy(batch.bytes(span));
        if matches!(text, std::borrow::Cow::Owned(_)) {
            rescued.add(own::RAW, batch, span, Lack::Bytes);
        }
        texts.push((row - rows.start, text));
    }
    raw.take_own_texts(count, texts.iter().map(|(row, text)| (*row, text.as_ref())), compressor)
}
