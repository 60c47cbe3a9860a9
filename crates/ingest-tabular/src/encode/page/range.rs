//! The least and greatest value of a page or chunk, for statistics and the page index.
//!
//! Long texts are cut to a bound that still holds: below for the least, above for the greatest. Never keeps more of a
//! text than that, however long it is.

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

/// Least and greatest of texts, as bytes compare, as far as a bound keeps them: texts that agree in their first
/// [`BOUND_LEN`] bytes need not be told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TextRange {
    pub(super) any: bool,
    min: Vec<u8>,
    max: Vec<u8>,
    /// Whether they are whole texts.
    min_whole: bool,
    max_whole: bool,
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
        let kept = value.get(..BOUND_LEN).unwrap_or(value);
        let whole = kept.len() == value.len();
        self.lower((kept, whole), head);
        self.raise((kept, whole), head);
        self.any = true;
    }

    fn lower(&mut self, (kept, whole): (&[u8], bool), head: u64) {
        let order = kept.cmp(&self.min);
        if !self.any || order.is_lt() {
            set(&mut self.min, kept);
            (self.min_whole, self.min_head) = (whole, head);
        } else if order.is_eq() {
            self.min_whole |= whole;
        }
    }

    fn raise(&mut self, (kept, whole): (&[u8], bool), head: u64) {
        let order = kept.cmp(&self.max);
        if !self.any || order.is_gt() {
            set(&mut self.max, kept);
            (self.max_whole, self.max_head) = (whole, head);
        } else if order.is_eq() {
            self.max_whole &= whole;
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        if other.any {
            self.lower((&other.min, other.min_whole), other.min_head);
            self.raise((&other.max, other.max_whole), other.max_head);
            self.any = true;
        }
    }

    pub(super) fn clear(&mut self) {
        self.any = false;
    }

    /// A text not above the least, of at most [`BOUND_LEN`] bytes, and whether it is the same.
    pub(super) fn lower_bound(&self) -> Option<(Vec<u8>, bool)> {
        let bound = if self.min_whole { &self.min } else { whole_chars(&self.min).as_bytes() };
        self.any.then(|| (bound.to_vec(), self.min_whole))
    }

    /// A text not below the greatest, of at most a byte more, and whether it is the same; none where the greatest is
    /// long and begins with characters of which none has a successor.
    pub(super) fn upper_bound(&self) -> Option<(Vec<u8>, bool)> {
        if !self.any || self.max_whole {
            return self.any.then(|| (self.max.clone(), true));
        }
        // The last character that has a successor is raised, what follows it dropped.
        let mut head = whole_chars(&self.max).to_owned();
        while let Some(last) = head.pop() {
            let beyond = u32::from(last) + 1..=u32::from(char::MAX);
            if let Some(next) = beyond.into_iter().find_map(char::from_u32) {
                head.push(next);
                return Some((head.into_bytes(), false));
            }
        }
        None
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

/// A text's beginning without the part of a character that it may end in.
fn whole_chars(text: &[u8]) -> &str {
    text.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}
