//! The dictionary of a column chunk: each distinct value once, found by hash.

use twox_hash::XxHash3_64;

/// Bytes of values that a dictionary may hold; more would cost readers more than it saves.
const BYTES_MAX: usize = 1 << 20;
/// Values that a dictionary may hold.
const VALUES_MAX: usize = 1 << 16;
/// Slots at first; always a power of two, and at most half full.
const SLOTS_FIRST: usize = 1 << 10;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Upper bits of the hash; 0 marks an empty slot together with `id` 0.
    tag: u32,
    /// Number of the value plus 1.
    id: u32,
}

/// Distinct texts.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    slots: Vec<Slot>,
    text: Vec<u8>,
    ends: Vec<u32>,
    last: Option<u32>,
}

impl Dictionary {
    /// The number of a value, which is added if it is new; `None` when there is no room for it.
    #[inline]
    pub(super) fn number(&mut self, value: &[u8]) -> Option<u32> {
        // Logs repeat the value of the row before more than any other.
        if let Some(last) = self.last
            && self.get(last) == value
        {
            return Some(last);
        }
        if self.ends.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let hash = hash(value);
        let tag = tag_of(hash);
        let mask = self.slots.len() - 1;
        let mut at = place_of(hash) & mask;
        loop {
            let slot = self.slots.get(at).copied().unwrap_or_default();
            if slot.id == 0 {
                break;
            }
            if slot.tag == tag && self.get(slot.id - 1) == value {
                self.last = Some(slot.id - 1);
                return self.last;
            }
            at = (at + 1) & mask;
        }
        if self.ends.len() >= VALUES_MAX || self.text.len() + value.len() > BYTES_MAX {
            return None;
        }
        self.text.extend_from_slice(value);
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        let id = u32::try_from(self.ends.len()).ok()?;
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { tag, id };
        }
        self.last = Some(id - 1);
        self.last
    }

    /// The value of a number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> &[u8] {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end);
        let end = self.ends.get(at).copied().unwrap_or(start);
        let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
        self.text.get(range).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all values.
    pub(super) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The values in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..u32::try_from(self.ends.len()).unwrap_or(0)).map(|number| self.get(number))
    }

    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(SLOTS_FIRST);
        self.slots = vec![Slot::default(); len];
        for number in 0..u32::try_from(self.ends.len()).unwrap_or(0) {
            let hash = hash(self.get(number));
            let mut at = place_of(hash) & (len - 1);
            while self.slots.get(at).is_some_and(|slot| slot.id != 0) {
                at = (at + 1) & (len - 1);
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = Slot { tag: tag_of(hash), id: number + 1 };
            }
        }
    }
}

#[inline]
fn hash(value: &[u8]) -> u64 {
    XxHash3_64::oneshot(value)
}

fn tag_of(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(0)
}

fn place_of(hash: u64) -> usize {
    usize::try_from(hash & 0xffff_ffff).unwrap_or(0)
}
