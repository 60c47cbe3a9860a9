//! Observing: which fields a log has, and what all values of each survive.
//!
//! Joins every value of every record by intersection, so that neither the order of records nor their split
//! over observers matters to the types. Decides no column type (the schema does) and stores no value, but the
//! few that explain a type, when asked.

use std::collections::BTreeMap;

use ingest_core::records::RecordBlock;
use ingest_core::schema::{COLUMNS_MAX, Fits, ObservedColumn, TimeForm};
use ingest_core::shape::{Envelope, Shape};

use crate::fields::{Fields, NAMES_MAX, fixed_slots};
use crate::parse::{Field, Ignored, Origin, Outcome, Parser, Sink, Value, body_field, dialect};
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
    parser: Parser,
    sight: Sight,
    rows: u64,
    misfits: BTreeMap<Reason, u64>,
    ignored: BTreeMap<Ignored, u64>,
}

impl Observer {
    /// An observer of records of the shape.
    #[must_use]
    pub fn new(shape: &Shape, origin: Origin) -> Self {
        Self {
            parser: Parser::new(shape, origin),
            sight: Sight::new(shape, origin),
            rows: 0,
            misfits: BTreeMap::new(),
            ignored: BTreeMap::new(),
        }
    }

    /// As [`Observer::new`], keeping the values that take types from columns.
    #[must_use]
    pub fn explaining(shape: &Shape, origin: Origin) -> Self {
        let mut observer = Self::new(shape, origin);
        observer.sight.explains = true;
        observer
    }

    /// Takes in the records of a block.
    pub fn observe(&mut self, block: &RecordBlock) {
        for record in block.iter() {
            match self.parser.parse(record.bytes, &mut self.sight) {
                Outcome::Row => {
                    self.rows += 1;
                    self.sight.commit(self.rows);
                }
                Outcome::Refused(reason) => *self.misfits.entry(reason).or_insert(0) += 1,
                Outcome::Ignored(kind) => *self.ignored.entry(kind).or_insert(0) += 1,
            }
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
        let seen = self.sight.slots.into_iter().filter(|slot| slot.seen);
        let column = |slot: Seen| (ObservedColumn { field: slot.field, fits: slot.fits }, slot.losses);
        let (columns, losses): (Vec<ObservedColumn>, Vec<Vec<Loss>>) = seen.map(column).unzip();
        let observed = Observed {
            needs_rescue: self.sight.needs_rescue || columns.len() > COLUMNS_MAX,
            columns,
            rows: self.rows,
            misfits: self.misfits,
            ignored: self.ignored,
        };
        (observed, losses)
    }
}

/// What was seen of one field.
#[derive(Debug)]
struct Seen {
    field: String,
    fits: Fits,
    seen: bool,
    /// The row of its last value, counted from 1.
    row: u64,
    losses: Vec<Loss>,
}

/// A value whose row is not known to be one yet.
#[derive(Debug)]
struct Staged {
    slot: usize,
    fits: Fits,
    /// Its text, where types are explained.
    sample: Option<String>,
}

/// The sink of an observer. The values of a row join only once the row is known to be one.
#[derive(Debug)]
struct Sight {
    envelope: Option<Envelope>,
    fields: Fields,
    slots: Vec<Seen>,
    by_field: BTreeMap<String, usize>,
    staged: Vec<Staged>,
    explains: bool,
    /// Types that no column can get, whatever its values.
    barred: Fits,
    row: u64,
    utf8: bool,
    row_needs_rescue: bool,
    needs_rescue: bool,
}

impl Sight {
    fn new(shape: &Shape, origin: Origin) -> Self {
        let barred = match origin {
            Origin::Events => Fits::NONE,
            // Nothing says when a line was written, and so of which year a time without one is.
            Origin::File => Fits::instant(TimeForm::Bsd, 0),
        };
        let mut sight = Self {
            envelope: shape.envelope,
            fields: Fields::default(),
            slots: Vec::new(),
            by_field: BTreeMap::new(),
            staged: Vec::new(),
            explains: false,
            barred,
            row: 0,
            utf8: true,
            row_needs_rescue: false,
            needs_rescue: false,
        };
        // The shape's own fields come first in the file, the body's after them.
        let fixed = fixed_slots(shape, |name| allot(&mut sight.slots, &mut sight.by_field, name));
        let columns = dialect(shape).map(|dialect| dialect.columns.as_slice()).unwrap_or_default();
        let places = columns.iter().map(|name| Some(sight.add(&body_field(shape.envelope, name), true)));
        let places = places.collect();
        sight.fields = Fields::new(fixed, places);
        sight
    }

    fn add(&mut self, field: &str, seen: bool) -> usize {
        add(&mut self.slots, &mut self.by_field, field, seen)
    }

    fn commit(&mut self, row: u64) {
        for Staged { slot, fits, sample } in self.staged.drain(..) {
            let Some(seen) = self.slots.get_mut(slot) else { continue };
            let before = seen.fits;
            seen.fits = before & fits;
            seen.seen = true;
            if let Some(value) = sample.filter(|_| seen.fits != before) {
                seen.losses.push(Loss { row, value, own: fits, before, after: seen.fits });
            }
        }
        self.needs_rescue |= self.row_needs_rescue;
    }
}

fn add(slots: &mut Vec<Seen>, by_field: &mut BTreeMap<String, usize>, field: &str, seen: bool) -> usize {
    let slot = slots.len();
    slots.push(Seen { field: field.to_owned(), fits: Fits::ANY, seen, row: 0, losses: Vec::new() });
    by_field.entry(field.to_owned()).or_insert(slot);
    slot
}

/// The slot of a field, a new one where it has none yet; none once there are too many.
fn allot(slots: &mut Vec<Seen>, by_field: &mut BTreeMap<String, usize>, field: &str) -> Option<usize> {
    if let Some(slot) = by_field.get(field) {
        return Some(*slot);
    }
    (slots.len() < NAMES_MAX).then(|| add(slots, by_field, field, false))
}

impl Sink for Sight {
    fn begin(&mut self, utf8: bool) {
        self.utf8 = utf8;
        self.undo();
    }

    fn put(&mut self, field: Field<'_>, value: Value<'_>) {
        let Self { envelope, fields, slots, by_field, .. } = self;
        let found = fields.find(field, |name| allot(slots, by_field, &body_field(*envelope, name)));
        let Some((place, slot)) = found.and_then(|place| Some((place, slots.get_mut(place)?))) else {
            self.row_needs_rescue |= value != Value::Null;
            return;
        };
        if value == Value::Null {
            if !slot.seen {
                self.staged.push(Staged { slot: place, fits: Fits::ANY, sample: None });
            }
            return;
        }
        if slot.row == self.row {
            self.row_needs_rescue = true;
            return;
        }
        slot.row = self.row;
        let known = slot.fits;
        let fits = if self.utf8 { fits_of(known, value) } else { self.fits_of_bytes(value) };
        let fits = fits.without(self.barred);
        if fits & known != known || !self.slots.get(place).is_some_and(|slot| slot.seen) {
            let sample = self.explains.then(|| explain::sample(value));
            self.staged.push(Staged { slot: place, fits, sample });
        }
        if matches!(value, Value::String { exact: false, .. }) {
            self.row_needs_rescue = true;
        }
    }

    fn undo(&mut self) {
        self.staged.clear();
        self.row_needs_rescue = false;
        self.row += 1;
    }
}

impl Sight {
    /// As [`fits_of`] for a record that is not UTF-8 as a whole.
    fn fits_of_bytes(&mut self, value: Value<'_>) -> Fits {
        let (text, broken) = match value {
            Value::Text(text) => (text, Fits::TEXT),
            Value::String { raw, .. } => (raw, Fits::TEXT | Fits::JSON),
            Value::Raw(raw) => (raw, Fits::JSON),
            Value::Null | Value::Number(_) | Value::Bool(_) => return fits_of(Fits::ANY, value),
        };
        if std::str::from_utf8(text).is_ok() {
            return fits_of(Fits::ANY, value);
        }
        self.row_needs_rescue = true;
        broken
    }
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
