//! The values of one column of a batch of rows, until its column takes them.
//!
//! Keeps only values that are there, each with its row, so that a column costs nothing for rows that lack it, and the
//! last row can be taken back. Never decides what a value is, or when a page or row group ends.

use std::io;

use super::page::{Batch, Column, Compressor};
use crate::scalar::Cell;

/// What a value costs beside its text: its own size and its row's number.
const VALUE_COST: usize = 12;

/// How a column's values are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Bool,
    Int,
    Double,
    Bytes,
    /// Exact decimals: texts of 16 bytes, the high ones first.
    Wide,
}

/// The buffered values of a column.
#[derive(Debug)]
pub(crate) struct Buffer {
    rows: Vec<u32>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Bytes { text: Vec<u8>, ends: Vec<usize> },
}

impl Buffer {
    pub(crate) const fn new(layout: Layout) -> Self {
        let values = match layout {
            Layout::Bool => Values::Bool(Vec::new()),
            Layout::Int => Values::Int(Vec::new()),
            Layout::Double => Values::Double(Vec::new()),
            Layout::Bytes | Layout::Wide => Values::Bytes { text: Vec::new(), ends: Vec::new() },
        };
        Self { rows: Vec::new(), values }
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
            (Values::Int(values), Cell::Days(value)) => values.push(i64::from(value)),
            (Values::Int(values), Cell::Int(value)) => values.push(value),
            (Values::Double(values), Cell::Float(value)) => values.push(value),
            (Values::Bytes { text, ends }, Cell::Text(value)) => {
                text.extend_from_slice(value);
                ends.push(text.len());
                cost += value.len();
            }
            (Values::Bytes { text, ends }, Cell::Wide(value)) => {
                text.extend_from_slice(&value.to_be_bytes());
                ends.push(text.len());
                cost += size_of::<i128>();
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
            Values::Int(values) => drop(values.pop()),
            Values::Double(values) => drop(values.pop()),
            Values::Bytes { text, ends } => {
                ends.pop();
                text.truncate(ends.last().copied().unwrap_or(0));
            }
        }
    }

    /// Hands the batch of `rows` rows on to the column, and empties the buffer.
    pub(crate) fn flush(
        &mut self,
        column: &mut Column,
        rows: usize,
        compressor: &mut Compressor,
    ) -> io::Result<()> {
        let batch = match &self.values {
            Values::Bool(values) => Batch::Truths(values),
            Values::Int(values) => Batch::Wholes(values),
            Values::Double(values) => Batch::Floats(values),
            Values::Bytes { text, ends } => Batch::Texts(text, ends),
        };
        column.add(rows, &self.rows, batch, compressor)?;
        self.rows.clear();
        match &mut self.values {
            Values::Bool(values) => values.clear(),
            Values::Int(values) => values.clear(),
            Values::Double(values) => values.clear(),
            Values::Bytes { text, ends } => {
                text.clear();
                ends.clear();
            }
        }
        Ok(())
    }
}
