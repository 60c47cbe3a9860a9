//! The rows of the open row group: values to cells of columns.
//!
//! Decides, value by value, whether its column's type holds it or the row rescues it. Never decides which
//! records are rows, and never writes.

use std::collections::BTreeMap;

use ingest_core::records::Record;
use ingest_core::schema::{ColumnType, TableSchema, TimeUnit, own};
use ingest_core::shape::Envelope;
use ingest_core::time::Timestamp;

use super::buffer::Buffer;
use super::layout::{FileLayout, Places};
use super::options::OwnColumns;
use super::rescue::Rescue;
use crate::fields::{Fields, fixed_slots};
use crate::parse::{Field, Fixed, Sink, Value, body_field, dialect};
use crate::quarantine::push_json_string;
use crate::scalar::{Cell, parse_cell, parse_cell_near};

/// A column of the log.
#[derive(Debug)]
struct Target {
    field: String,
    kind: ColumnType,
    is_time: bool,
}

/// The rows of the open row group.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) buffers: Vec<Buffer>,
    /// Rows in the buffers.
    pub(crate) count: u32,
    /// Bytes in the buffers, about.
    pub(crate) bytes: usize,
    /// Cells rescued in all rows of the file.
    pub(crate) rescued: u64,
    /// First and last `_time` of the file.
    pub(crate) times: Option<(Timestamp, Timestamp)>,
    targets: Vec<Target>,
    fields: Fields,
    by_field: BTreeMap<String, usize>,
    envelope: Option<Envelope>,
    dialect_fields: Vec<String>,
    places: Places,
    rescue: Rescue,
    time: Option<i64>,
    /// An instant near which the row was written.
    pub(crate) near: Option<Timestamp>,
    utf8: bool,
    text: String,
}

impl Rows {
    pub(crate) fn new(table: &TableSchema, layout: FileLayout) -> Self {
        let targets: Vec<Target> = table
            .columns
            .iter()
            .map(|column| Target {
                field: column.field.clone(),
                kind: column.kind,
                is_time: table.time_field.as_ref() == Some(&column.field),
            })
            .collect();
        let mut by_field = BTreeMap::new();
        for (slot, target) in targets.iter().enumerate() {
            by_field.entry(target.field.clone()).or_insert(slot);
        }
        let columns = dialect(&table.shape).map(|dialect| dialect.columns.as_slice()).unwrap_or_default();
        let envelope = table.shape.envelope;
        let dialect_fields: Vec<String> =
            columns.iter().map(|name| body_field(envelope, name).into_owned()).collect();
        let places = place_slots(&dialect_fields, &targets);
        let fixed = fixed_slots(&table.shape, |name| by_field.get(name).copied());
        Self {
            buffers: layout.buffers,
            count: 0,
            bytes: 0,
            rescued: 0,
            times: None,
            targets,
            fields: Fields::new(fixed, places),
            by_field,
            envelope,
            dialect_fields,
            places: layout.places,
            rescue: Rescue::default(),
            time: None,
            near: None,
            utf8: true,
            text: String::new(),
        }
    }

    /// Ends the row of `record`. False when it rescues something and the file has no column for it.
    pub(crate) fn commit(&mut self, record: Record<'_>, own: Option<&OwnColumns>) -> bool {
        if let Some(own) = own {
            self.commit_own(record, own);
        }
        if self.places.raw.is_some() {
            self.commit_raw(record.bytes);
        }
        self.rescued += self.rescue.len();
        if let Some(object) = self.rescue.object() {
            let Some(buffer) = self.places.rescued.and_then(|place| self.buffers.get_mut(place)) else {
                return false;
            };
            self.bytes += buffer.push(self.count, Cell::Text(object.as_bytes()));
        }
        self.count += 1;
        true
    }

    fn commit_own(&mut self, record: Record<'_>, own: &OwnColumns) {
        let received = record.receipt.map(|receipt| receipt.received);
        let time = self.time.map_or_else(|| received.unwrap_or(own.window_start), Timestamp::from_millis);
        self.times = Some(self.times.map_or((time, time), |(min, max)| (min.min(time), max.max(time))));
        let cells = [
            Some(Cell::Int(time.millis())),
            received.map(|received| Cell::Int(received.millis())),
            record.receipt.map(|receipt| Cell::Int(receipt.sequence.0)),
            Some(Cell::Text(own.log_id.as_bytes())),
        ];
        for (buffer, cell) in self.buffers.iter_mut().zip(cells) {
            if let Some(cell) = cell {
                self.bytes += buffer.push(self.count, cell);
            }
        }
    }

    fn commit_raw(&mut self, raw: &[u8]) {
        let text = String::from_utf8_lossy(raw);
        if let Some(buffer) = self.places.raw.and_then(|place| self.buffers.get_mut(place)) {
            self.bytes += buffer.push(self.count, Cell::Text(text.as_bytes()));
        }
        if !self.utf8 {
            self.rescue.add_bytes(own::RAW, raw);
        }
    }

    /// Stores a value, or says that its column can not hold it.
    fn store(&mut self, slot: usize, value: Value<'_>) -> bool {
        let Some(target) = self.targets.get(slot) else {
            return false;
        };
        let Some(buffer) = self.buffers.get_mut(self.places.first + slot) else {
            return false;
        };
        if buffer.has(self.count) {
            return false;
        }
        let Some(cell) = cell_of(target.kind, value, self.near, &mut self.text) else {
            return false;
        };
        if let (Cell::Text(text), false) = (cell, self.utf8)
            && std::str::from_utf8(text).is_err()
        {
            let readable = String::from_utf8_lossy(text);
            self.bytes += buffer.push(self.count, Cell::Text(readable.as_bytes()));
            self.rescue.add_bytes(&target.field, text);
            return true;
        }
        if target.is_time
            && let (Cell::Int(steps), ColumnType::Timestamp { unit, .. }) = (cell, target.kind)
        {
            self.time = Some(steps.div_euclid(steps_per_milli(unit)));
        }
        self.bytes += buffer.push(self.count, cell);
        if matches!((value, target.kind), (Value::String { exact: false, .. }, ColumnType::Text)) {
            self.rescue.add(&target.field, value);
        }
        true
    }
}

impl Sink for Rows {
    fn begin(&mut self, utf8: bool) {
        self.utf8 = utf8;
        self.rescue.clear();
        self.time = None;
    }

    fn put(&mut self, field: Field<'_>, value: Value<'_>) {
        if value == Value::Null {
            return;
        }
        let Self { fields, by_field, envelope, .. } = self;
        let slot = fields.find(field, |name| by_field.get(body_field(*envelope, name).as_ref()).copied());
        if slot.is_some_and(|slot| self.store(slot, value)) {
            return;
        }
        match field {
            Field::Fixed(fixed) => self.rescue.add(Fixed::name(fixed), value),
            Field::Place(place) => {
                let name = self.dialect_fields.get(place).map_or("", String::as_str);
                self.rescue.add(name, value);
            }
            Field::Name(name) => {
                let name = String::from_utf8_lossy(name);
                self.rescue.add(&body_field(self.envelope, &name), value);
            }
        }
    }

    fn undo(&mut self) {
        for buffer in &mut self.buffers {
            buffer.undo(self.count);
        }
        self.rescue.clear();
        self.time = None;
    }
}

/// The cell of a value under its column's type; `None` when the type does not hold it. `scratch` holds text
/// that had to be made.
fn cell_of<'a>(
    kind: ColumnType,
    value: Value<'a>,
    near: Option<Timestamp>,
    scratch: &'a mut String,
) -> Option<Cell<'a>> {
    match (kind, value) {
        (ColumnType::Json, Value::Text(text)) => {
            scratch.clear();
            push_json_string(scratch, std::str::from_utf8(text).ok()?);
            Some(Cell::Text(scratch.as_bytes()))
        }
        (_, Value::Text(text)) => parse_cell_near(kind, text, near),
        (ColumnType::Json, Value::String { raw, .. } | Value::Number(raw) | Value::Raw(raw)) => {
            Some(Cell::Text(raw))
        }
        (ColumnType::Json, Value::Bool(value)) => Some(Cell::Text(if value { b"true" } else { b"false" })),
        (ColumnType::Text, Value::String { text, .. }) => Some(Cell::Text(text)),
        (
            ColumnType::Timestamp { .. } | ColumnType::Date | ColumnType::Time { .. },
            Value::String { text, exact: true, .. },
        ) => {
            // An epoch in quotes is text to its source.
            text.iter()
                .any(|byte| !byte.is_ascii_digit())
                .then(|| parse_cell_near(kind, text, near))
                .flatten()
        }
        (
            ColumnType::Int64
            | ColumnType::Float64 { .. }
            | ColumnType::Decimal { .. }
            | ColumnType::Timestamp { .. },
            Value::Number(text),
        ) => parse_cell(kind, text),
        (ColumnType::Bool { .. }, Value::Bool(value)) => {
            parse_cell(kind, if value { b"true" } else { b"false" }).map(|_| Cell::Bool(value))
        }
        _ => None,
    }
}

/// The column of each place: the first of the name for the first place of the name, and so on, since a
/// header may name two columns alike.
fn place_slots(fields: &[String], targets: &[Target]) -> Vec<Option<usize>> {
    let mut slots: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (slot, target) in targets.iter().enumerate().rev() {
        slots.entry(&target.field).or_default().push(slot);
    }
    fields.iter().map(|field| slots.get_mut(field.as_str()).and_then(Vec::pop)).collect()
}

const fn steps_per_milli(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Millis => 1,
        TimeUnit::Micros => 1_000,
        TimeUnit::Nanos => 1_000_000,
    }
}
