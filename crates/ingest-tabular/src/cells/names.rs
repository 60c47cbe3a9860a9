//! Names of fields to slots: the first time that a field comes up, it is given the next slot.
//!
//! The same records give the same slots, whoever counts. Never decides which slots become columns.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ingest_core::shape::{Envelope, Shape};

use crate::fields::{Fields, NAMES_MAX, fixed_slots};
use crate::parse::{Field, Fixed, body_field, dialect};

/// A field that has a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlotName {
    pub(crate) field: String,
    /// Whether every row has it by the log's shape, so that it counts before it has a value.
    pub(crate) given: bool,
}

/// The slots of a log's fields.
#[derive(Debug)]
pub(crate) struct Names {
    envelope: Option<Envelope>,
    fields: Fields,
    slots: Slots,
    places: Vec<String>,
}

#[derive(Debug, Default)]
struct Slots {
    by_field: BTreeMap<String, usize>,
    count: usize,
    /// Slots given since they were last asked for.
    new: Vec<SlotName>,
}

impl Slots {
    fn add(&mut self, field: &str, given: bool) -> usize {
        let slot = self.count;
        self.count += 1;
        self.by_field.entry(field.to_owned()).or_insert(slot);
        self.new.push(SlotName { field: field.to_owned(), given });
        slot
    }

    fn allot(&mut self, field: &str) -> Option<usize> {
        if let Some(slot) = self.by_field.get(field) {
            return Some(*slot);
        }
        (self.count < NAMES_MAX).then(|| self.add(field, false))
    }
}

impl Names {
    /// The shape's own fields have the first slots, then the places of delimited rows, which may share a name.
    pub(crate) fn new(shape: &Shape) -> Self {
        let mut slots = Slots::default();
        let fixed = fixed_slots(shape, |name| slots.allot(name));
        let columns = dialect(shape).map(|dialect| dialect.columns.as_slice()).unwrap_or_default();
        let places: Vec<String> =
            columns.iter().map(|name| body_field(shape.envelope, name).into_owned()).collect();
        let given = places.iter().map(|name| Some(slots.add(name, true))).collect();
        Self { envelope: shape.envelope, fields: Fields::new(fixed, given), slots, places }
    }

    /// The slot of a field; none where there are too many, or its name is none.
    #[inline]
    pub(crate) fn find(&mut self, field: Field<'_>) -> Option<usize> {
        let Self { envelope, fields, slots, .. } = self;
        fields.find(field, |name| slots.allot(&body_field(*envelope, name)))
    }

    /// The slot of the first place of delimited rows; the others follow it.
    pub(crate) fn first_place(&mut self) -> Option<usize> {
        self.find(Field::Place(0))
    }

    /// The name under which a value of the field is kept beside the columns.
    pub(crate) fn text_of<'a>(&'a self, field: Field<'a>) -> Cow<'a, str> {
        match field {
            Field::Fixed(fixed) => Cow::Borrowed(Fixed::name(fixed)),
            Field::Place(place) => Cow::Borrowed(self.places.get(place).map_or("", String::as_str)),
            Field::Name(name) | Field::Key { name, .. } => {
                let name = String::from_utf8_lossy(name);
                Cow::Owned(body_field(self.envelope, &name).into_owned())
            }
        }
    }

    /// The slots that were given since this was last asked, in order.
    pub(crate) fn take_new(&mut self) -> Vec<SlotName> {
        std::mem::take(&mut self.slots.new)
    }
}
