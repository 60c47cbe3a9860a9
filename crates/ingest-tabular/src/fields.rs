//! Fields to slots: where the values of a field go, found fast.
//!
//! Remembers for every name which slot it was given, and which name came after it last time, since records
//! of a log repeat each other. Never decides what a slot is: whoever owns the slots resolves new names.

use std::collections::HashMap;

use ingest_core::schema::COLUMNS_MAX;
use ingest_core::shape::Shape;

use crate::parse::{Field, Fixed};

/// Names that are remembered. Twice the columns of a table: more can not become columns, and a log that
/// uses ids as keys must not fill the memory.
pub(crate) const NAMES_MAX: usize = 2 * COLUMNS_MAX;
/// Longest name that may become a column; a longer one is data, and a footer repeats names per row group.
pub(crate) const NAME_LEN_MAX: usize = 1_024;

/// A slot, or the knowledge that there is none.
pub(crate) type Slot = Option<usize>;

/// The slots of a table's fields.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    fixed: Vec<Slot>,
    places: Vec<Slot>,
    names: Vec<Name>,
    by_name: HashMap<Box<[u8]>, usize>,
    /// Slots by the numbers that the parser gives to names.
    keys: Vec<Option<Slot>>,
    last: usize,
}

#[derive(Debug)]
struct Name {
    name: Box<[u8]>,
    slot: Slot,
    /// The name that came after this one last time.
    next: usize,
}

impl Fields {
    /// Fields with known slots for the shape's own fields and for places; names are still to be resolved.
    pub(crate) fn new(fixed: Vec<Slot>, places: Vec<Slot>) -> Self {
        Self { fixed, places, ..Self::default() }
    }

    /// The slot of a field; a name that is new is resolved once.
    #[inline]
    pub(crate) fn find(&mut self, field: Field<'_>, resolve: impl FnOnce(&str) -> Slot) -> Slot {
        match field {
            Field::Fixed(fixed) => self.fixed.get(fixed.place()).copied().flatten(),
            Field::Place(place) => self.places.get(place).copied().flatten(),
            Field::Name(name) => self.find_name(name, resolve),
            Field::Key { name, id } => match self.keys.get(id) {
                Some(Some(slot)) => *slot,
                _ => self.learn_key(name, id, resolve),
            },
        }
    }

    fn learn_key(&mut self, name: &[u8], id: usize, resolve: impl FnOnce(&str) -> Slot) -> Slot {
        let slot = self.find_name(name, resolve);
        if id >= self.keys.len() {
            self.keys.resize(id + 1, None);
        }
        if let Some(key) = self.keys.get_mut(id) {
            *key = Some(slot);
        }
        slot
    }

    fn find_name(&mut self, name: &[u8], resolve: impl FnOnce(&str) -> Slot) -> Slot {
        let expected = self.names.get(self.last).map(|last| last.next);
        if let Some(place) = expected
            && let Some(known) = self.names.get(place)
            && *known.name == *name
        {
            self.last = place;
            return known.slot;
        }
        let place = match self.by_name.get(name) {
            Some(place) => *place,
            None => return self.learn(name, resolve),
        };
        self.follow(place);
        self.names.get(place).and_then(|known| known.slot)
    }

    fn learn(&mut self, name: &[u8], resolve: impl FnOnce(&str) -> Slot) -> Slot {
        let text = std::str::from_utf8(name).ok().filter(|text| text.len() <= NAME_LEN_MAX)?;
        let slot = resolve(text);
        if self.names.len() < NAMES_MAX {
            let place = self.names.len();
            self.names.push(Name { name: name.into(), slot, next: 0 });
            self.by_name.insert(name.into(), place);
            self.follow(place);
        }
        slot
    }

    fn follow(&mut self, place: usize) {
        if let Some(last) = self.names.get_mut(self.last) {
            last.next = place;
        }
        self.last = place;
    }
}

/// The slots of the shape's own fields, by the names that `find` knows.
pub(crate) fn fixed_slots(shape: &Shape, mut find: impl FnMut(&str) -> Slot) -> Vec<Slot> {
    let slot = |fixed: &Fixed| {
        if fixed.belongs_to(shape) { find(fixed.name()) } else { None }
    };
    Fixed::ALL.iter().map(slot).collect()
}
