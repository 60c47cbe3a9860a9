//! The least and greatest value of a page or chunk, for statistics and the page index.
//!
//! Long texts are cut for the page index to a bound that still holds: below for the least, above for the greatest.

/// Bytes of a text that a bound keeps.
pub(super) const BOUND_LEN: usize = 64;

/// Least and greatest of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range<T>(pub(super) Option<(T, T)>);

impl<T> Default for Range<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialOrd + Copy> Range<T> {
    pub(super) const EMPTY: Self = Self(None);

    #[inline]
    pub(super) fn add(&mut self, value: T) {
        self.0 = Some(match self.0 {
            None => (value, value),
            Some((min, max)) => {
                (if value < min { value } else { min }, if value > max { value } else { max })
            }
        });
    }

    pub(super) fn join(&mut self, other: Self) {
        if let Some((min, max)) = other.0 {
            self.add(min);
            self.add(max);
        }
    }
}

/// Least and greatest of texts, as bytes compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TextRange {
    pub(super) any: bool,
    pub(super) min: Vec<u8>,
    pub(super) max: Vec<u8>,
    /// The first bytes of both, as numbers.
    min_head: u64,
    max_head: u64,
}

impl TextRange {
    #[inline]
    pub(super) fn add(&mut self, value: &[u8]) {
        let head = head(value);
        // Most values lie between by their first bytes alone.
        if self.any && head > self.min_head && head < self.max_head {
            return;
        }
        self.widen(value, head);
    }

    fn widen(&mut self, value: &[u8], head: u64) {
        if !self.any || value < self.min.as_slice() {
            set(&mut self.min, value);
            self.min_head = head;
        }
        if !self.any || value > self.max.as_slice() {
            set(&mut self.max, value);
            self.max_head = head;
        }
        self.any = true;
    }

    pub(super) fn join(&mut self, other: &Self) {
        if other.any {
            self.add(&other.min);
            self.add(&other.max);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            any: false,
            min: std::mem::take(&mut self.min),
            max: std::mem::take(&mut self.max),
            min_head: 0,
            max_head: 0,
        };
        self.min.clear();
        self.max.clear();
    }
}

/// The first eight bytes as a number that compares as they do; a shorter text is filled up with zeros.
#[inline]
fn head(value: &[u8]) -> u64 {
    match value.first_chunk::<8>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            value.iter().fold(0, |head, byte| head << 8 | u64::from(*byte)) << (8 * (8 - value.len()) % 64)
        }
    }
}

fn set(place: &mut Vec<u8>, value: &[u8]) {
    place.clear();
    place.extend_from_slice(value);
}

/// A text not above the given one, of at most [`BOUND_LEN`] bytes, and whether it is the same.
pub(super) fn lower_bound(text: &[u8]) -> (Vec<u8>, bool) {
    if text.len() <= BOUND_LEN {
        return (text.to_vec(), true);
    }
    (text.get(..char_cut(text)).unwrap_or_default().to_vec(), false)
}

/// A text not below the given one, of about [`BOUND_LEN`] bytes where there is one, and whether it is the same.
pub(super) fn upper_bound(text: &[u8]) -> (Vec<u8>, bool) {
    if text.len() <= BOUND_LEN {
        return (text.to_vec(), true);
    }
    let Ok(mut head) = String::from_utf8(text.get(..char_cut(text)).unwrap_or_default().to_vec()) else {
        return (text.to_vec(), true);
    };
    // The last character that has a successor is raised, what follows it dropped.
    while let Some(last) = head.pop() {
        let next = (u32::from(last) + 1..)
            .map_while(|c| (c <= u32::from(char::MAX)).then_some(c))
            .find_map(char::from_u32);
        if let Some(next) = next.filter(|next| next.len_utf8() == last.len_utf8()) {
            head.push(next);
            return (head.into_bytes(), false);
        }
    }
    (text.to_vec(), true)
}

/// Where to cut so that no character is broken.
fn char_cut(text: &[u8]) -> usize {
    let continues = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (0..=BOUND_LEN).rev().find(|at| !continues(at)).unwrap_or(0)
}
