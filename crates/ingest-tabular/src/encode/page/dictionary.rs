//! The dictionary of a column chunk: each distinct value once, found by hash.
//!
//! Values of up to 16 bytes are compared as two words, never byte by byte. Gives up rather than grow beyond what pays,
//! or search long where somebody made values to collide.

use crate::cells::Span;

/// Bytes of values that a dictionary may hold; more would cost readers more than it saves.
const BYTES_MAX: usize = 1 << 20;
/// Values that a dictionary may hold.
const VALUES_MAX: usize = 1 << 16;
/// Slots at first; always a power of two, and at most half full.
const SLOTS_FIRST: usize = 1 << 10;
/// Slots that a search looks at: at half load longer searches do not happen by chance.
const SEARCH_MAX: usize = 256;
/// Values that are hashed before the first of them is looked up, so that their slots are on their way.
const BLOCK: usize = 32;
/// Bytes of a value that are its key.
const KEY_LEN: usize = 16;
/// Odd numbers without a pattern.
const MIX_LOW: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_HIGH: u64 = 0xd1b5_4a32_d192_ed03;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Upper bits of the hash.
    tag: u32,
    /// Number of the value plus 1; 0 where the slot is empty.
    id: u32,
}

/// A value's first bytes, or for long values its first and the hash of all.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    low: u64,
    high: u64,
    len: u32,
    hash: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    low: u64,
    high: u64,
    start: u32,
    len: u32,
}

/// Distinct values.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    slots: Vec<Slot>,
    entries: Vec<Entry>,
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

    const fn tag(self) -> u32 {
        let [_, _, _, _, a, b, c, d] = self.hash.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    fn place(self) -> usize {
        usize::try_from(self.hash & 0xffff_ffff).unwrap_or(0)
    }
}

impl Dictionary {
    /// Appends the numbers of the values, which are added if they are new, until there is no room for one. Answers how
    /// many it took. [`KEY_LEN`] bytes follow each value in the text.
    pub(super) fn number_all(&mut self, text: &[u8], spans: &[Span], numbers: &mut Vec<u32>) -> usize {
        let mut taken = 0;
        let mut keys = [Key::default(); BLOCK];
        let mut heads = [Slot::default(); BLOCK];
        for block in spans.chunks(BLOCK) {
            if self.slots.is_empty() {
                self.grow();
            }
            let mask = self.slots.len() - 1;
            for ((span, key), head) in block.iter().zip(&mut keys).zip(&mut heads) {
                *key = Key::of(text, *span);
                *head = self.slots.get(key.place() & mask).copied().unwrap_or_default();
            }
            for ((span, key), head) in block.iter().zip(&keys).zip(&heads) {
                let value = span.of(text);
                let found = if head.id != 0 && head.tag == key.tag() && self.is(head.id - 1, key, value) {
                    Some(head.id - 1)
                } else {
                    self.search(key, value)
                };
                let Some(number) = found else { return taken };
                numbers.push(number);
                taken += 1;
            }
        }
        taken
    }

    /// The number of a word, which is added as its first `len` bytes if it is new; `None` when there is no room for it.
    pub(super) fn number_word(&mut self, word: u128, len: usize) -> Option<u32> {
        let [low, high] = halves(word);
        let key = Key::of_words(low, high, 16);
        let bytes = word.to_le_bytes();
        self.search(&key, bytes.get(..len).unwrap_or_default())
    }

    fn is(&self, number: u32, key: &Key, value: &[u8]) -> bool {
        let Some(entry) = self.entry(number) else { return false };
        let same = (entry.low == key.low) & (entry.high == key.high) & (entry.len == key.len);
        same && (value.len() <= KEY_LEN || self.get(number) == value)
    }

    fn search(&mut self, key: &Key, value: &[u8]) -> Option<u32> {
        if self.entries.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = key.place() & mask;
        for _ in 0..SEARCH_MAX {
            let slot = self.slots.get(at).copied().unwrap_or_default();
            if slot.id == 0 {
                return self.add(at, key, value);
            }
            if slot.tag == key.tag() && self.is(slot.id - 1, key, value) {
                return Some(slot.id - 1);
            }
            at = (at + 1) & mask;
        }
        None
    }

    fn add(&mut self, at: usize, key: &Key, value: &[u8]) -> Option<u32> {
        if self.entries.len() >= VALUES_MAX || self.text.len() + value.len() > BYTES_MAX {
            return None;
        }
        let start = u32::try_from(self.text.len()).ok()?;
        self.text.extend_from_slice(value);
        let number = u32::try_from(self.entries.len()).ok()?;
        self.entries.push(Entry { low: key.low, high: key.high, start, len: key.len });
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { tag: key.tag(), id: number + 1 };
        }
        Some(number)
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(number).ok()?)
    }

    /// The value of a number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> &[u8] {
        let Some(entry) = self.entry(number) else { return b"" };
        let start = usize::try_from(entry.start).unwrap_or(0);
        let next = usize::try_from(number).ok().and_then(|number| self.entries.get(number + 1));
        let end = next.and_then(|next| usize::try_from(next.start).ok()).unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of all values.
    pub(super) const fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The values in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..u32::try_from(self.entries.len()).unwrap_or(0)).map(|number| self.get(number))
    }

    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(SLOTS_FIRST);
        self.slots = vec![Slot::default(); len];
        for (entry, id) in self.entries.iter().zip(1..) {
            let is_long = usize::try_from(entry.len).is_ok_and(|len| len > KEY_LEN);
            let hash =
                if is_long { entry.high } else { Key::of_words(entry.low, entry.high, entry.len).hash };
            let key = Key { low: entry.low, high: entry.high, len: entry.len, hash };
            let mut at = key.place() & (len - 1);
            while self.slots.get(at).is_some_and(|slot| slot.id != 0) {
                at = (at + 1) & (len - 1);
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = Slot { tag: key.tag(), id };
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
