//! Observing: which fields a log has, and what all values of each survive.
//!
//! Joins every value of every record by intersection, so that neither the order of records nor their split
//! over observers matters to the types. Decides no column type (the schema does) and stores no value, but the
//! few that explain a type, when asked.

use std::collections::BTreeMap;

use ingest_core::records::RecordBlock;
use ingest_core::schema::{COLUMNS_MAX, Fits, ObservedColumn, TimeForm};
use ingest_core::shape::Shape;

use crate::cells::{Batch, Form, Keep, RecordCutter, Span};
use crate::encode::BATCH_ROWS;
use crate::parse::{Ignored, Origin, Value};
use crate::quarantine::Reason;
use crate::scalar::{classify, numeric, temporal};
pub use explain::{Loss, Why, why};

mod explain;

/// What a run of records showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The fields, in order of first appearance. [`Fits::ANY`] marks a field without any value yet.
    pub columns: Vec<ObservedColumn>,
    /// Records that are rows.
    pub rows: u64,
    /// Records that will be quarantined, by reason.
    pub misfits: BTreeMap<Reason, u64>,
    /// Lines of files that are no records.
    pub ignored: BTreeMap<Ignored, u64>,
    /// Whether some value needs the `_rescued` column even under a schema made from this: text that is not
    /// UTF-8, a field that appears twice in a record, or more fields than a table may have.
    pub needs_rescue: bool,
}

impl Observed {
    /// Adds what another observer of the same shape saw.
    pub fn merge(&mut self, other: Self) {
        let mut unmatched: Vec<Option<ObservedColumn>> = other.columns.into_iter().map(Some).collect();
        // By occurrence, since a table may have the same name twice.
        for column in &mut self.columns {
            let same = unmatched.iter_mut().find(|o| o.as_ref().is_some_and(|o| o.field == column.field));
            if let Some(seen) = same.and_then(Option::take) {
                column.fits = column.fits & seen.fits;
            }
        }
        self.columns.extend(unmatched.into_iter().flatten());
        self.rows += other.rows;
        self.needs_rescue |= other.needs_rescue || self.columns.len() > COLUMNS_MAX;
        for (reason, count) in other.misfits {
            *self.misfits.entry(reason).or_insert(0) += count;
        }
        for (kind, count) in other.ignored {
            *self.ignored.entry(kind).or_insert(0) += count;
        }
    }
}

/// Looks at records of one log.
#[derive(Debug)]
pub struct Observer {
    cutter: RecordCutter,
    batch: Batch,
    slots: Vec<Seen>,
    explains: bool,
    /// Types that no column can get, whatever its values.
    barred: Fits,
    needs_rescue: bool,
    rows: u64,
    misfits: BTreeMap<Reason, u64>,
    ignored: BTreeMap<Ignored, u64>,
}

/// What was seen of one field.
#[derive(Debug)]
struct Seen {
    field: String,
    fits: Fits,
    seen: bool,
    losses: Vec<Loss>,
}

impl Observer {
    /// An observer of records of the shape.
    #[must_use]
    pub fn new(shape: &Shape, origin: Origin) -> Self {
        Self {
            cutter: RecordCutter::new(shape, origin, Keep::Values),
            batch: Batch::default(),
            slots: Vec::new(),
            explains: false,
            barred: match origin {
                Origin::Events => Fits::NONE,
                // Nothing says when a line was written, and so of which year a time without one is.
                Origin::File => TimeForm::YEARLESS
                    .into_iter()
                    .fold(Fits::NONE, |barred, form| barred | Fits::instant(form, 0)),
            },
            needs_rescue: false,
            rows: 0,
            misfits: BTreeMap::new(),
            ignored: BTreeMap::new(),
        }
    }

    /// As [`Observer::new`], keeping the values that take types from columns.
    #[must_use]
    pub fn explaining(shape: &Shape, origin: Origin) -> Self {
        Self { explains: true, ..Self::new(shape, origin) }
    }

    /// Takes in the records of a block.
    pub fn observe(&mut self, block: &RecordBlock) {
        let mut taken = 0;
        let mut batch = std::mem::take(&mut self.batch);
        while taken < block.len() {
            taken += self.cutter.cut(block, taken, BATCH_ROWS, &mut batch);
            self.take(&batch);
        }
        self.batch = batch;
    }

    /// Takes in a batch of a file's text.
    pub fn take(&mut self, batch: &Batch) {
        for name in batch.new_names() {
            let (field, seen) = (name.field.clone(), name.given);
            self.slots.push(Seen { field, fits: Fits::ANY, seen, losses: Vec::new() });
        }
        let mut needs_rescue = !batch.extras().is_empty();
        for (slot, seen) in self.slots.iter_mut().enumerate() {
            let spans = batch.spans(slot);
            seen.seen |= !spans.is_empty() || batch.is_mentioned(slot);
            needs_rescue |= if self.explains {
                seen.explain(batch, spans, (self.barred, self.rows + 1))
            } else {
                seen.take(batch, spans, self.barred)
            };
        }
        self.needs_rescue |= needs_rescue;
        self.rows += u64::from(batch.rows());
        for (_, reason) in batch.refused() {
            *self.misfits.entry(reason).or_insert(0) += 1;
        }
        for (kind, count) in batch.ignored() {
            *self.ignored.entry(kind).or_insert(0) += count;
        }
    }

    /// What was seen.
    #[must_use]
    pub fn finish(self) -> Observed {
        self.finish_explained().0
    }

    /// What was seen, and for each column the values that took types from it.
    #[must_use]
    pub fn finish_explained(self) -> (Observed, Vec<Vec<Loss>>) {
        let seen = self.slots.into_iter().filter(|slot| slot.seen);
        let column = |slot: Seen| (ObservedColumn { field: slot.field, fits: slot.fits }, slot.losses);
        let (columns, losses): (Vec<ObservedColumn>, Vec<Vec<Loss>>) = seen.map(column).unzip();
        let observed = Observed {
            needs_rescue: self.needs_rescue || columns.len() > COLUMNS_MAX,
            columns,
            rows: self.rows,
            misfits: self.misfits,
            ignored: self.ignored,
        };
        (observed, losses)
    }
}

impl Seen {
    /// Joins the values of a batch. Answers whether one of them needs `_rescued` whatever the column's type.
    fn take(&mut self, batch: &Batch, spans: &[Span], barred: Fits) -> bool {
        let mut fits = self.fits;
        let mut needs_rescue = false;
        for span in spans {
            let (own, broken) = fits_of_span(fits, batch, *span);
            fits = fits & own.without(barred);
            needs_rescue |= broken;
        }
        self.fits = fits;
        needs_rescue
    }

    /// As [`Seen::take`], keeping values that take types from the column; the first row of the batch is `first`.
    fn explain(&mut self, batch: &Batch, spans: &[Span], (barred, first): (Fits, u64)) -> bool {
        let mut needs_rescue = false;
        for span in spans {
            let before = self.fits;
            let (own, broken) = fits_of_span(before, batch, *span);
            let own = own.without(barred);
            needs_rescue |= broken;
            self.fits = before & own;
            if self.fits != before {
                let value = explain::sample(batch.value(*span));
                let row = first + u64::from(span.row());
                self.losses.push(Loss { row, value, own, before, after: self.fits });
            }
        }
        needs_rescue
    }
}

/// The types that a value survives, and whether it needs `_rescued` even so.
fn fits_of_span(known: Fits, batch: &Batch, span: Span) -> (Fits, bool) {
    let value = batch.value(span);
    if span.may_be_broken() {
        return fits_of_bytes(value);
    }
    (fits_of(known, value), span.form() == Form::InexactString)
}

/// As [`fits_of`] for a value of a record that is not UTF-8 as a whole.
fn fits_of_bytes(value: Value<'_>) -> (Fits, bool) {
    let (text, broken) = match value {
        Value::Text(text) => (text, Fits::TEXT),
        Value::String { raw, .. } => (raw, Fits::TEXT | Fits::JSON),
        Value::Raw(raw) => (raw, Fits::JSON),
        Value::Null | Value::Number(_) | Value::Bool(_) => return (fits_of(Fits::ANY, value), false),
    };
    if std::str::from_utf8(text).is_ok() {
        let inexact = matches!(value, Value::String { exact: false, .. });
        return (fits_of(Fits::ANY, value), inexact);
    }
    (broken, true)
}

/// The types that a value survives; what `known` has lost already need not be tried again.
fn fits_of(known: Fits, value: Value<'_>) -> Fits {
    let text_only = known == Fits::TEXT || known == Fits::TEXT | Fits::JSON;
    match value {
        Value::Null => Fits::ANY,
        Value::Text(_) if text_only => known,
        // Also JSON, so that a field filled by an envelope here and by a JSON body there has a type.
        Value::Text(text) => classify(text) | Fits::JSON,
        Value::String { .. } if text_only => known,
        Value::String { text, .. } => temporal(text).unwrap_or(Fits::TEXT) | Fits::TEXT | Fits::JSON,
        Value::Number(text) => numeric(text).map_or(Fits::JSON, |fits| fits | Fits::JSON),
        Value::Bool(_) => Fits::boolean(ingest_core::schema::BoolCase::Lower) | Fits::JSON,
        Value::Raw(_) => Fits::JSON,
    }
}

#[cfg(test)]
mod tests;
