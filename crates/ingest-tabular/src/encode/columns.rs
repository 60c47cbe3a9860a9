//! All columns of a file: a batch's values go to them, and what they can not hold is rescued.
//!
//! Decides which slot of a batch fills which column. Never decides which records are rows, and waits for no column before
//! it must: other threads go on with batches meanwhile.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use ingest_core::schema::TableSchema;
use ingest_core::time::Timestamp;
use parquet::column::writer::ColumnCloseResult;
use parquet::schema::types::ColumnDescPtr;

use super::EncodeError;
use super::column::{ColumnWriter, Fill, Lack, Misfit};
use super::crew::{Crew, Lane};
use super::group::{AHEAD, Group};
use super::layout::{FileLayout, compression};
use super::options::EncodeOptions;
use super::output::Output;
use super::own::Own;
use super::page::{Chunk, ColumnSpec, Compressor};
use super::rescue::RescuedRows;
use crate::cells::{Batch, ExtraField, SlotName};

/// What the log's columns are to do.
pub(super) enum Task {
    /// Take the values of some rows of a batch, each column those of its slot.
    Take {
        batch: Arc<Batch>,
        slots: Arc<[Option<usize>]>,
        rows: Range<u32>,
        /// Whether no more rows of the batch follow.
        last: bool,
    },
    /// End the chunk.
    End,
}

/// What came of a task in one column.
pub(super) struct Done {
    result: parquet::errors::Result<Option<(Chunk, ColumnCloseResult)>>,
    misfits: Vec<Misfit>,
    times: Vec<(u32, i64)>,
    /// Bytes that the open row group has of the column, about.
    size: usize,
}

impl Lane for ColumnWriter {
    type Task = Task;
    type Tool = Compressor;
    type Yield = Done;

    fn work(&mut self, place: usize, task: &Task, compressor: &mut Compressor) -> Done {
        let result = match task {
            Task::Take { batch, slots, rows, .. } => {
                let slot = slots.get(place).copied().flatten();
                self.take(batch, slot, rows, compressor).map(|()| None).map_err(Into::into)
            }
            Task::End => self.end_chunk(compressor).map(Some),
        };
        let (misfits, times) = (std::mem::take(&mut self.misfits), std::mem::take(&mut self.times));
        Done { result, misfits, times, size: self.size() }
    }
}

/// The columns of an open file.
#[derive(Debug)]
pub(super) struct Columns {
    /// The log's columns.
    crew: Crew<ColumnWriter>,
    own: Option<Own>,
    rescue: Option<ColumnWriter>,
    /// The log's columns by their fields, and for each the slot that fills it.
    fields: Vec<String>,
    slots: Arc<[Option<usize>]>,
    /// For each slot its field, and whether a column takes it.
    slot_names: Vec<(String, bool)>,
    /// The columns of a field that no slot fills yet, the first one last.
    waiting: BTreeMap<String, Vec<usize>>,
    time_column: Option<usize>,
    group: Group,
    is_guess: bool,
    /// Whether a field without a column is refused.
    is_closed: bool,
    rescued_rows: RescuedRows,
    /// Values in `_rescued`.
    pub(super) rescued: u64,
}

impl Columns {
    pub(super) fn new(
        table: &TableSchema,
        layout: &FileLayout,
        descriptors: &[ColumnDescPtr],
        options: EncodeOptions,
    ) -> Result<Self, EncodeError> {
        let places = layout.places;
        let compression = compression(options.codec);
        let time_column =
            table.columns.iter().position(|column| table.time_field.as_ref() == Some(&column.field));
        let window_start = options.own.as_ref().map(|own| own.window_start);
        let is_guess = options.guess.is_some();
        let untyped = options.guess.as_ref().map(|guess| guess.untyped.as_slice()).unwrap_or_default();
        let spec = |descriptor: &ColumnDescPtr| ColumnSpec {
            descriptor: Arc::clone(descriptor),
            compression,
            encodings: options.encodings,
        };
        let ours = |place: usize| {
            let descriptor = descriptors.get(place)?;
            Some(ColumnWriter::new(Fill::Own, false, window_start, spec(descriptor)))
        };
        let has_own = options.own.is_some();
        let of_log = table.columns.iter().zip(descriptors.iter().skip(places.first)).zip(0_usize..);
        let of_log = of_log.map(|((column, descriptor), at)| {
            let is_untyped = untyped.contains(&column.field);
            let fill = if is_untyped { Fill::Nothing } else { Fill::Typed(column.kind) };
            let is_time = has_own && Some(at) == time_column;
            let writer = ColumnWriter::new(fill, is_time, window_start, spec(descriptor));
            if is_guess { writer.guessed() } else { writer }
        });
        let mut waiting: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, column) in table.columns.iter().enumerate().rev() {
            waiting.entry(column.field.clone()).or_default().push(at);
        }
        let tool = || Compressor::new(options.codec).map_err(EncodeError::Compress);
        let others = (1..options.threads).map(|_| tool()).collect::<Result<_, _>>()?;
        let crew = Crew::new(of_log, tool()?, others).map_err(EncodeError::Compress)?;
        let time_kind = time_column.and_then(|at| table.columns.get(at)).map(|column| column.kind);
        let raw = places.raw.and_then(ours);
        Ok(Self {
            crew,
            rescue: places.rescued.and_then(ours),
            own: options.own.map(|own| Own::new(own, time_kind, (0..places.first).filter_map(ours), raw)),
            fields: table.columns.iter().map(|column| column.field.clone()).collect(),
            slots: vec![None; table.columns.len()].into(),
            slot_names: Vec::new(),
            waiting,
            time_column,
            group: Group::new(options.row_group),
            is_guess,
            is_closed: false,
            rescued_rows: RescuedRows::default(),
            rescued: 0,
        })
    }

    /// Refuses fields without a column from now on.
    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    /// First and last `_time` so far.
    pub(super) fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.own.as_ref().and_then(Own::times)
    }

    /// Batches that may be in work when the next one is begun.
    pub(super) const fn ahead(&self) -> usize {
        if self.crew.has_others() { AHEAD } else { 0 }
    }

    /// Whether all batches must be through before the next one is begun.
    pub(super) fn must_be_measured(&self) -> bool {
        self.group.is_unsure()
    }

    /// Hands a batch to the columns.
    pub(super) fn begin(&mut self, batch: &Arc<Batch>) -> Result<(), EncodeError> {
        for name in batch.new_names() {
            self.learn(name);
        }
        let has_rescue = self.rescue.is_some();
        if self.is_guess || self.is_closed || !has_rescue {
            // A field that is only named is a column as well, once all of the text is observed.
            let has_values =
                |slot| !batch.spans(slot).is_empty() || (self.is_guess && batch.is_mentioned(slot));
            let mut slots = self.slot_names.iter().zip(0..);
            if let Some(((field, _), _)) = slots.find(|((_, taken), slot)| !taken && has_values(*slot)) {
                return Err(self.refusal(field.clone()));
            }
        }
        if let (Some(extra), false) = (batch.extras().first(), has_rescue) {
            return Err(EncodeError::NeedsRescue { field: self.extra_name(batch, extra.field) });
        }
        if self.group.is_full() {
            self.end_group();
        }
        let mut from = 0;
        loop {
            let until = batch.rows().min(from + self.group.room().min(batch.rows()));
            let (batch, slots, last) = (Arc::clone(batch), Arc::clone(&self.slots), until >= batch.rows());
            let rows = from..until;
            let is_full = self.group.add(rows.len());
            self.crew.push(Task::Take { batch, slots, rows, last });
            if is_full {
                self.end_group();
            }
            if last {
                self.group.next_batch();
                return Ok(());
            }
            from = until;
        }
    }

    /// Ends the open row group, if it has rows.
    pub(super) fn end_group(&mut self) {
        if !self.group.is_empty() {
            self.crew.push(Task::End);
        }
        self.group.end();
    }

    /// Works along until the oldest batch is through, and gives it back; none where there is none. Row groups that ended
    /// before it are written, or will be without more to do.
    pub(super) fn complete<W: Write + Send + 'static>(
        &mut self,
        output: &Output<W>,
    ) -> Result<Option<Arc<Batch>>, EncodeError> {
        while let Some((task, done)) = self.crew.finish_oldest().map_err(EncodeError::Compress)? {
            match &*task {
                Task::End => self.write_group(done, output)?,
                Task::Take { batch, rows, last, .. } => {
                    self.complete_part(batch, rows, done)?;
                    if *last {
                        return Ok(Some(Arc::clone(batch)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Leaves the row group of these chunks to be written.
    fn write_group<W: Write + Send + 'static>(
        &mut self,
        done: Vec<Done>,
        output: &Output<W>,
    ) -> Result<(), EncodeError> {
        let compressor = self.crew.tool();
        let mut chunks = Vec::new();
        for column in self.own.iter_mut().flat_map(Own::first_columns) {
            chunks.push(column.end_chunk(compressor).map_err(EncodeError::RowGroup)?);
        }
        for Done { result, .. } in done {
            chunks.extend(result.map_err(EncodeError::RowGroup)?);
        }
        let raw = self.own.as_mut().and_then(Own::raw_column);
        for column in self.rescue.iter_mut().chain(raw) {
            chunks.push(column.end_chunk(compressor).map_err(EncodeError::RowGroup)?);
        }
        self.crew.send(output.write(chunks)).map_err(EncodeError::Compress)?;
        output.check()
    }

    /// Waits until all row groups that were left to be written are.
    pub(super) fn settle(&mut self) -> Result<(), EncodeError> {
        self.crew.settle().map_err(EncodeError::Compress)
    }

    fn complete_part(
        &mut self,
        batch: &Arc<Batch>,
        rows: &Range<u32>,
        done: Vec<Done>,
    ) -> Result<(), EncodeError> {
        let mut size = 0;
        let mut event_times = Vec::new();
        for (Done { result, misfits, times, size: own_size }, place) in done.into_iter().zip(0..) {
            result.map_err(EncodeError::RowGroup)?;
            size += own_size;
            if Some(place) == self.time_column {
                event_times = times;
            }
            let field = self.fields.get(place).map(String::as_str).unwrap_or_default();
            let is_lost = |misfit: &Misfit| misfit.lack == Lack::Value && self.is_guess;
            if misfits.iter().any(is_lost) || (!misfits.is_empty() && self.rescue.is_none()) {
                return Err(self.refusal(field.to_owned()));
            }
            for Misfit { value, lack } in misfits {
                self.rescued_rows.add(field, batch, value, lack);
            }
        }
        self.rescue_slots(batch, rows);
        let compressor = self.crew.tool();
        if let Some(own) = &mut self.own {
            own.write((batch, rows), &event_times, compressor, &mut self.rescued_rows)
                .map_err(EncodeError::Compress)?;
            size += own.size();
        }
        if let Some(rescue) = &mut self.rescue {
            let (objects, values) = self.rescued_rows.objects(rows.start);
            self.rescued += values;
            let texts = objects.iter().map(|(row, object)| (*row, object.as_str()));
            rescue.take_own_texts(rows.len(), texts, compressor).map_err(EncodeError::Compress)?;
            size += rescue.size();
        }
        if rows.end >= batch.rows() {
            self.group.measured(size);
        }
        Ok(())
    }

    /// Rescues values of slots without a column, and those that are extra.
    fn rescue_slots(&mut self, batch: &Batch, rows: &Range<u32>) {
        for extra in batch.extras().iter().filter(|extra| rows.contains(&extra.value.row())) {
            let name = self.extra_name(batch, extra.field);
            self.rescued_rows.add(&name, batch, extra.value, Lack::Value);
        }
        for ((field, taken), slot) in self.slot_names.iter().zip(0..) {
            if !taken {
                for value in batch.spans(slot).iter().filter(|value| rows.contains(&value.row())) {
                    self.rescued_rows.add(field, batch, *value, Lack::Value);
                }
            }
        }
    }

    const fn refusal(&self, field: String) -> EncodeError {
        if self.is_guess || self.is_closed {
            return EncodeError::WrongGuess { field };
        }
        EncodeError::NeedsRescue { field }
    }

    fn extra_name(&self, batch: &Batch, field: ExtraField) -> String {
        match field {
            ExtraField::Slot(slot) => {
                self.slot_names.get(slot).map(|(name, _)| name.clone()).unwrap_or_default()
            }
            ExtraField::Name(name) => String::from_utf8_lossy(batch.bytes(name)).into_owned(),
        }
    }

    /// Gives a new slot its column, if there is one.
    fn learn(&mut self, name: &SlotName) {
        let slot = self.slot_names.len();
        let column = self.waiting.get_mut(&name.field).and_then(Vec::pop);
        if let Some(filled) = column.and_then(|column| Arc::make_mut(&mut self.slots).get_mut(column)) {
            *filled = Some(slot);
        }
        self.slot_names.push((name.field.clone(), column.is_some()));
    }
}
