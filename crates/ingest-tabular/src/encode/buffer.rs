//! The values of one column of one row group, until it is written.
//!
//! Keeps only values that are there, each with its row, so that a column costs nothing for rows that lack it.
//! Never decides what a value is, or when a row group ends.

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedColumnWriter;

use crate::scalar::Cell;

/// Rows that are handed to the column writer at once: bounds what texts and levels cost while writing.
const BATCH_ROWS: u32 = 8_192;
/// What a value costs beside its text: its own size and its row's number.
const VALUE_COST: usize = 12;

/// How a column's values are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Bool,
    Int32,
    Int64,
    Double,
    Bytes,
}

/// The buffered values of a column.
#[derive(Debug)]
pub(crate) struct Buffer {
    required: bool,
    rows: Vec<u32>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Bytes { text: Vec<u8>, ends: Vec<usize> },
}

/// Memory that is used while columns are written, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    levels: Vec<i16>,
    texts: Vec<ByteArray>,
}

impl Buffer {
    pub(crate) const fn new(layout: Layout, required: bool) -> Self {
        let values = match layout {
            Layout::Bool => Values::Bool(Vec::new()),
            Layout::Int32 => Values::Int32(Vec::new()),
            Layout::Int64 => Values::Int64(Vec::new()),
            Layout::Double => Values::Double(Vec::new()),
            Layout::Bytes => Values::Bytes { text: Vec::new(), ends: Vec::new() },
        };
        Self { required, rows: Vec::new(), values }
    }

    /// Whether the row has a value.
    pub(crate) fn has(&self, row: u32) -> bool {
        self.rows.last() == Some(&row)
    }

    /// Adds the value of a row, which must be later than all before. Answers what it costs; a cell of
    /// another layout is not added, and costs nothing.
    pub(crate) fn push(&mut self, row: u32, cell: Cell<'_>) -> usize {
        let mut cost = VALUE_COST;
        match (&mut self.values, cell) {
            (Values::Bool(values), Cell::Bool(value)) => values.push(value),
            (Values::Int32(values), Cell::Days(value)) => values.push(value),
            (Values::Int64(values), Cell::Int(value)) => values.push(value),
            (Values::Double(values), Cell::Float(value)) => values.push(value),
            (Values::Bytes { text, ends }, Cell::Text(value)) => {
                text.extend_from_slice(value);
                ends.push(text.len());
                cost += value.len();
            }
            _ => return 0,
        }
        self.rows.push(row);
        cost
    }

    /// Takes the row's value back, if it has one.
    pub(crate) fn undo(&mut self, row: u32) {
        if !self.has(row) {
            return;
        }
        self.rows.pop();
        match &mut self.values {
            Values::Bool(values) => drop(values.pop()),
            Values::Int32(values) => drop(values.pop()),
            Values::Int64(values) => drop(values.pop()),
            Values::Double(values) => drop(values.pop()),
            Values::Bytes { text, ends } => {
                ends.pop();
                text.truncate(ends.last().copied().unwrap_or(0));
            }
        }
    }

    /// Writes the values of `rows` rows, nulls where there is none, and empties the buffer.
    pub(crate) fn write(
        &mut self,
        column: &mut SerializedColumnWriter<'_>,
        rows: u32,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let mut batch =
            Batch { required: self.required, rows: &self.rows, end: rows, levels: &mut scratch.levels };
        match &mut self.values {
            Values::Bool(values) => batch.write_plain::<BoolType>(column, values),
            Values::Int32(values) => batch.write_plain::<Int32Type>(column, values),
            Values::Int64(values) => batch.write_plain::<Int64Type>(column, values),
            Values::Double(values) => batch.write_plain::<DoubleType>(column, values),
            Values::Bytes { text, ends } => {
                // The writer keeps slices of the text, so that it is given away and made anew.
                let fresh = Vec::with_capacity(text.len());
                let whole = ByteArray::from(std::mem::replace(text, fresh));
                let texts = &mut scratch.texts;
                let result = batch.each(|levels, from, to| {
                    let mut start = from.checked_sub(1).and_then(|i| ends.get(i)).copied().unwrap_or(0);
                    texts.clear();
                    for end in ends.get(from..to).unwrap_or_default() {
                        texts.push(whole.slice(start, end - start));
                        start = *end;
                    }
                    column.typed::<ByteArrayType>().write_batch(texts, levels, None)
                });
                texts.clear();
                ends.clear();
                result
            }
        }?;
        self.rows.clear();
        Ok(())
    }
}

/// The rows of a column, a batch after the other.
struct Batch<'a> {
    required: bool,
    rows: &'a [u32],
    end: u32,
    levels: &'a mut Vec<i16>,
}

impl Batch<'_> {
    fn write_plain<T>(
        &mut self,
        column: &mut SerializedColumnWriter<'_>,
        values: &mut Vec<T::T>,
    ) -> Result<()>
    where
        T: DataType,
    {
        self.each(|levels, from, to| {
            let values = values.get(from..to).unwrap_or_default();
            column.typed::<T>().write_batch(values, levels, None)
        })?;
        values.clear();
        Ok(())
    }

    /// Calls `write` for each batch with its definition levels and the range of its values.
    fn each(&mut self, mut write: impl FnMut(Option<&[i16]>, usize, usize) -> Result<usize>) -> Result<()> {
        let (mut first, mut from) = (0_u32, 0_usize);
        while first < self.end {
            let next = first.saturating_add(BATCH_ROWS).min(self.end);
            let later = self.rows.get(from..).unwrap_or_default();
            let count = later.partition_point(|row| *row < next);
            self.set_levels(first, next, later.get(..count).unwrap_or_default());
            let levels = (!self.required).then_some(self.levels.as_slice());
            let written = write(levels, from, from + count)?;
            if written != count {
                return Err(ParquetError::General(format!("{written} of {count} values were written")));
            }
            first = next;
            from += count;
        }
        Ok(())
    }

    fn set_levels(&mut self, first: u32, next: u32, present: &[u32]) {
        let len = usize::try_from(next - first).unwrap_or_default();
        self.levels.clear();
        self.levels.resize(len, i16::from(present.len() == len));
        if present.len() == len {
            return;
        }
        for row in present {
            let place = usize::try_from(row - first).ok();
            if let Some(level) = place.and_then(|place| self.levels.get_mut(place)) {
                *level = 1;
            }
        }
    }
}
