//! All columns of a file: a batch's values go to them, and what they can not hold is rescued.
//!
//! Decides which slot of a batch fills which column, and when a row group closes. Never decides which records are rows.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use ingest_core::schema::TableSchema;
use ingest_core::time::Timestamp;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;

use super::EncodeError;
use super::column::{ColumnWriter, Fill, Lack, Misfit};
use super::crew::{Crew, Done, Job, Task};
use super::hashing::Hashing;
use super::layout::{FileLayout, Places, compression};
use super::options::{EncodeOptions, RowGroupBounds};
use super::own::Own;
use super::page::ColumnSpec;
use super::rescue::RescuedRows;
use crate::cells::{Batch, ExtraField, SlotName};

/// The columns of an open file.
#[derive(Debug)]
pub(super) struct Columns {
    crew: Crew,
    /// In file order; none while the crew has it.
    writers: Vec<Option<Box<ColumnWriter>>>,
    places: Places,
    own: Option<Own>,
    /// The log's own columns, and for each the slot that fills it.
    fields: Vec<String>,
    slots: Vec<Option<usize>>,
    /// For each slot its field, and whether a column takes it.
    slot_names: Vec<(String, bool)>,
    /// The columns of a field that no slot fills yet, the first one last.
    waiting: BTreeMap<String, Vec<usize>>,
    time_column: Option<usize>,
    bounds: RowGroupBounds,
    is_guess: bool,
    /// Whether a field without a column is refused.
    is_closed: bool,
    group_rows: usize,
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
        let own = options.own.map(|own| {
            Own::new(own, time_column.and_then(|at| table.columns.get(at)).map(|column| column.kind))
        });
        let untyped = options.guess.as_ref().map(|guess| guess.untyped.as_slice()).unwrap_or_default();
        let is_guess = options.guess.is_some();
        let writers = descriptors.iter().zip(0_usize..).map(|(descriptor, place)| {
            let column =
                place.checked_sub(places.first).and_then(|at| table.columns.get(at).map(|c| (at, c)));
            let fill = match column {
                None => Fill::Own,
                Some((_, column)) if untyped.contains(&column.field) => Fill::Nothing,
                Some((_, column)) => Fill::Typed(column.kind),
            };
            let is_time = own.is_some() && column.is_some_and(|(at, _)| Some(at) == time_column);
            let spec =
                ColumnSpec { descriptor: Arc::clone(descriptor), compression, encodings: options.encodings };
            let writer = ColumnWriter::new(fill, is_time, window_start, spec);
            Some(Box::new(if is_guess { writer.guessed() } else { writer }))
        });
        let mut waiting: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, column) in table.columns.iter().enumerate().rev() {
            waiting.entry(column.field.clone()).or_default().push(at);
        }
        Ok(Self {
            crew: Crew::new(options.threads, options.codec).map_err(EncodeError::Compress)?,
            writers: writers.collect(),
            places,
            own,
            fields: table.columns.iter().map(|column| column.field.clone()).collect(),
            slots: vec![None; table.columns.len()],
            slot_names: Vec::new(),
            waiting,
            time_column,
            bounds: options.row_group,
            is_guess,
            is_closed: false,
            group_rows: 0,
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

    /// The first rows of a batch that go into one row group.
    fn part(&self, batch: &Batch, from: u32) -> Range<u32> {
        let room = self.bounds.rows.saturating_sub(self.group_rows).max(1);
        from..batch.rows().min(from.saturating_add(u32::try_from(room).unwrap_or(u32::MAX)))
    }

    /// Hands a batch to the columns.
    pub(super) fn begin(&mut self, batch: &Arc<Batch>) -> Result<(), EncodeError> {
        for name in batch.new_names() {
            self.learn(name);
        }
        let has_rescue = self.places.rescued.is_some();
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
        let rows = self.part(batch, 0);
        self.begin_part(batch, rows);
        Ok(())
    }

    /// Ends what [`Columns::begin`] began.
    pub(super) fn complete<W: Write + Send>(
        &mut self,
        batch: &Arc<Batch>,
        writer: &mut SerializedFileWriter<Hashing<W>>,
    ) -> Result<(), EncodeError> {
        let mut rows = self.part(batch, 0);
        loop {
            self.complete_part(batch, &rows)?;
            self.group_rows += rows.len();
            let size: usize = self.writers.iter().flatten().map(|column| column.size()).sum();
            if size >= self.bounds.bytes || self.group_rows >= self.bounds.rows {
                self.close_row_group(writer)?;
            }
            if rows.end >= batch.rows() {
                return Ok(());
            }
            rows = self.part(batch, rows.end);
            self.begin_part(batch, rows.clone());
        }
    }

    /// Ends the open row group, if it has rows.
    pub(super) fn close_row_group<W: Write + Send>(
        &mut self,
        writer: &mut SerializedFileWriter<Hashing<W>>,
    ) -> Result<(), EncodeError> {
        if self.group_rows == 0 {
            return Ok(());
        }
        self.group_rows = 0;
        let columns = self.writers.iter_mut().zip(0..);
        let jobs = columns
            .filter_map(|(column, place)| Some(Job { place, column: column.take()?, task: Task::End }));
        self.crew.begin(jobs);
        let mut done = self.crew.complete().map_err(EncodeError::Compress)?;
        done.sort_by_key(|done| done.place);
        let mut group = writer.next_row_group().map_err(EncodeError::RowGroup)?;
        for Done { place, column, result } in done {
            self.put_back(place, column);
            if let Some((chunk, close)) = result.map_err(EncodeError::RowGroup)? {
                group.append_column(&chunk, close).map_err(EncodeError::RowGroup)?;
            }
        }
        group.close().map_err(EncodeError::RowGroup)?;
        Ok(())
    }

    fn begin_part(&mut self, batch: &Arc<Batch>, rows: Range<u32>) {
        let (first, slots) = (self.places.first, self.slots.clone());
        let is_log = |place: usize| place.checked_sub(first).and_then(|at| slots.get(at).copied());
        let jobs: Vec<Job> = (0..self.writers.len())
            .filter_map(|place| {
                let slot = is_log(place)?;
                let column = self.writers.get_mut(place)?.take()?;
                let task = Task::Take { batch: Arc::clone(batch), slot, rows: rows.clone() };
                Some(Job { place, column, task })
            })
            .collect();
        self.crew.begin(jobs.into_iter());
    }

    fn complete_part(&mut self, batch: &Batch, rows: &Range<u32>) -> Result<(), EncodeError> {
        let mut done = self.crew.complete().map_err(EncodeError::Compress)?;
        done.sort_by_key(|done| done.place);
        for Done { place, mut column, result } in done {
            let misfits = std::mem::take(&mut column.misfits);
            self.put_back(place, column);
            result.map_err(EncodeError::RowGroup)?;
            let field = place.checked_sub(self.places.first).and_then(|at| self.fields.get(at));
            let field = field.map(String::as_str).unwrap_or_default();
            let is_lost = |misfit: &Misfit| misfit.lack == Lack::Value && self.is_guess;
            if misfits.iter().any(is_lost) || (!misfits.is_empty() && self.places.rescued.is_none()) {
                return Err(self.refusal(field.to_owned()));
            }
            for Misfit { value, lack } in misfits {
                self.rescued_rows.add(field, batch, value, lack);
            }
        }
        self.rescue_slots(batch, rows);
        let count = rows.len();
        let compressor = self.crew.compressor();
        if let Some(own) = &mut self.own {
            let time = self.time_column.and_then(|at| self.writers.get_mut(self.places.first + at));
            let times = time.and_then(Option::as_mut).map(|column| std::mem::take(&mut column.times));
            own.write(&mut self.writers, (batch, rows), &times.unwrap_or_default(), compressor)
                .map_err(EncodeError::Compress)?;
            if let Some(raw) = self.places.raw.and_then(|place| self.writers.get_mut(place)?.as_mut()) {
                Own::write_raw(raw, (batch, rows), compressor, &mut self.rescued_rows)
                    .map_err(EncodeError::Compress)?;
            }
        }
        if let Some(rescued) = self.places.rescued.and_then(|place| self.writers.get_mut(place)?.as_mut()) {
            let (objects, values) = self.rescued_rows.objects(rows.start);
            self.rescued += values;
            let texts = objects.iter().map(|(row, object)| (*row, object.as_str()));
            rescued.take_own_texts(count, texts, compressor).map_err(EncodeError::Compress)?;
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
        if let Some(filled) = column.and_then(|column| self.slots.get_mut(column)) {
            *filled = Some(slot);
        }
        self.slot_names.push((name.field.clone(), column.is_some()));
    }

    fn put_back(&mut self, place: usize, column: Box<ColumnWriter>) {
        if let Some(writer) = self.writers.get_mut(place) {
            *writer = Some(column);
        }
    }
}
