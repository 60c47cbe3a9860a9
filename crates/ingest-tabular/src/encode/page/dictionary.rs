//! The dictionary of a column chunk: each distinct value once, found by hash.
//!
//! Values of up to 16 bytes are compared as two words, never byte by byte. Gives up rather than grow beyond what pays,
//! or search long where somebody made values to collide.

use crate::cells::Span;

/// Bytes of values that a dictionary may hold; more would cost readers more than it saves.
const BYTES_MAX: usize = 1 << 20;
/// Values that a dictionary may hold.
const VALUES_MAX: usize = 1 << 16;
/// Slots at first; always a power of two, and few, since a wide table has thousands of dictionaries.
const SLOTS_FIRST: usize = 1 << 6;
/// Slots that a search looks at: at the load that is allowed, longer searches do not happen by chance.
const SEARCH_MAX: usize = 512;
/// Of so many slots, at most three are taken.
const LOAD_QUARTERS: usize = 4;
/// What a value counts for beside its text: its length in the file, and a part of its slot.
const BYTES_BESIDE_TEXT: usize = 12;
/// Values that are hashed before the first of them is looked up, so that their slots are on their way.
const BLOCK: usize = 32;
/// Bytes of a value that are its key.
const KEY_LEN: usize = 16;
/// Odd numbers without a pattern.
const MIX_LOW: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_HIGH: u64 = 0xd1b5_4a32_d192_ed03;

/// A value's first bytes, or for long values its first and the hash of all, and its number: all that a search needs of
/// most values stands together.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    low: u64,
    high: u64,
    len: u32,
    /// Number of the value plus 1; 0 where the slot is empty.
    id: u32,
}

/// What a value is looked up by.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    low: u64,
    high: u64,
    len: u32,
    hash: u64,
}

/// Distinct values.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    slots: Vec<Slot>,
    /// Where each value ends in the text.
    ends: Vec<u32>,
    text: Vec<u8>,
}

impl Key {
    /// The key of a text with [`KEY_LEN`] bytes behind it.
    #[inline]
    fn of(text: &[u8], span: Span) -> Self {
        let len = span.len();
        let value = span.of(text);
        if value.len() > KEY_LEN {
            let hash = hash_long(value);
            return Self { low: first_word(value), high: hash, len, hash };
        }
        let start = usize::try_from(span.start()).unwrap_or(usize::MAX);
        let head = text.get(start..).and_then(<[u8]>::first_chunk::<KEY_LEN>).copied().unwrap_or_default();
        let words = u128::from_le_bytes(head) & u128::MAX.checked_shr(8 * (16 - len)).unwrap_or(0);
        let [low, high] = halves(words);
        Self::of_words(low, high, len)
    }

    #[inline]
    const fn of_words(low: u64, high: u64, len: u32) -> Self {
        let hash = mix(low ^ MIX_LOW, high ^ MIX_HIGH ^ (len as u64) << 56);
        Self { low, high, len, hash }
    }

    fn place(self) -> usize {
        usize::try_from(self.hash & 0xffff_ffff).unwrap_or(0)
    }
}

impl Dictionary {
    /// Appends the numbers of the values, which are added if they are new, until there is no room for one. Answers how
    /// many it took. [`KEY_LEN`] bytes follow each value in the text.
    pub(super) fn number_all(&mut self, text: &[u8], spans: &[Span], numbers: &mut Vec<u32>) -> usize {
        numbers.reserve(spans.len());
        let before = numbers.len();
        let mut keys = [Key::default(); BLOCK];
        let mut taken = [false; BLOCK];
        for block in spans.chunks(BLOCK) {
            for (span, key) in block.iter().zip(&mut keys) {
                *key = Key::of(text, *span);
            }
            // One look at each slot, none of which waits for another: large dictionaries are in no near cache.
            let mask = self.slots.len().wrapping_sub(1);
            for (key, taken) in keys.iter().zip(&mut taken).take(block.len()) {
                *taken = self.slots.get(key.place() & mask).is_some_and(|slot| slot.id != 0);
            }
            for ((span, key), taken) in block.iter().zip(&keys).zip(&taken) {
                let value = span.of(text);
                let at = key.place() & self.slots.len().wrapping_sub(1);
                let number = match self.slots.get(at).filter(|_| *taken) {
                    Some(slot) if slot.id != 0 && self.is(slot, key, value) => Some(slot.id - 1),
                    _ => self.search(key, value),
                };
                let Some(number) = number else { return numbers.len() - before };
                numbers.push(number);
            }
        }
        numbers.len() - before
    }

    /// The number of a word, which is added as its first `len` bytes if it is new; `None` when there is no room for it.
    pub(super) fn number_word(&mut self, word: u128, len: usize) -> Option<u32> {
        let [low, high] = halves(word);
        let key = Key::of_words(low, high, 16);
        let bytes = word.to_le_bytes();
        self.search(&key, bytes.get(..len).unwrap_or_default())
    }

    #[inline]
    fn is(&self, slot: &Slot, key: &Key, value: &[u8]) -> bool {
        let same = (slot.low == key.low) & (slot.high == key.high) & (slot.len == key.len);
        same && (value.len() <= KEY_LEN || self.get(slot.id - 1) == value)
    }

    fn search(&mut self, key: &Key, value: &[u8]) -> Option<u32> {
        if self.ends.len() * LOAD_QUARTERS >= self.slots.len() * (LOAD_QUARTERS - 1) {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = key.place() & mask;
        for _ in 0..SEARCH_MAX {
            let slot = self.slots.get(at)?;
            if slot.id == 0 {
                return self.add(at, key, value);
            }
            if self.is(slot, key, value) {
                return Some(slot.id - 1);
            }
            at = (at + 1) & mask;
        }
        None
    }

    fn add(&mut self, at: usize, key: &Key, value: &[u8]) -> Option<u32> {
        if self.ends.len() >= VALUES_MAX || self.text.len() + value.len() > BYTES_MAX {
            return None;
        }
        self.text.extend_from_slice(value);
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        let id = u32::try_from(self.ends.len()).ok()?;
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { low: key.low, high: key.high, len: key.len, id };
        }
        Some(id - 1)
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

    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes that it takes in the file, and a share of what it takes beside that in memory: few row groups are open at
    /// once, but each has many columns.
    pub(super) const fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * BYTES_BESIDE_TEXT
    }

    /// Bytes of all values.
    pub(super) const fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The values in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..u32::try_from(self.ends.len()).unwrap_or(0)).map(|number| self.get(number))
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(SLOTS_FIRST);
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); len]);
        for slot in old.into_iter().filter(|slot| slot.id != 0) {
            let is_long = usize::try_from(slot.len).is_ok_and(|len| len > KEY_LEN);
            let hash = if is_long { slot.high } else { Key::of_words(slot.low, slot.high, slot.len).hash };
            let key = Key { low: slot.low, high: slot.high, len: slot.len, hash };
            let mut at = key.place() & (len - 1);
            while self.slots.get(at).is_some_and(|slot| slot.id != 0) {
                at = (at + 1) & (len - 1);
            }
            if let Some(place) = self.slots.get_mut(at) {
                *place = slot;
            }
        }
    }
}

/// A hash of more than [`KEY_LEN`] bytes.
fn hash_long(value: &[u8]) -> u64 {
    let word = |bytes: &[u8; 16]| halves(u128::from_le_bytes(*bytes));
    let mut hash = (value.len() as u64).wrapping_mul(MIX_LOW);
    let (pairs, _rest) = value.as_chunks::<16>();
    for pair in pairs {
        let [low, high] = word(pair);
        hash = mix(low ^ hash, high ^ MIX_HIGH);
    }
    let [low, high] = value.last_chunk::<16>().map(word).unwrap_or_default();
    mix(low ^ hash, high ^ MIX_LOW)
}

fn first_word(value: &[u8]) -> u64 {
    value.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Both halves of the product of two words.
#[inline]
const fn mix(a: u64, b: u64) -> u64 {
    let [low, high] = halves((a as u128).wrapping_mul(b as u128));
    low ^ high
}

/// Low and high 64 bits.
#[inline]
const fn halves(value: u128) -> [u64; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
    [value as u64, (value >> 64) as u64]
}
