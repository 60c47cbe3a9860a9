//! Brackets around pairs.
//!
//! Decides which bracket behind a value closes one that opened before it, and so is no part of it.

const BRACKETS: [(u8, u8); 3] = [(b'[', b']'), (b'(', b')'), (b'{', b'}')];
/// Brackets that may close behind one value. More are text.
const CLOSERS_MAX: usize = 8;

/// Brackets that are open, as far as a text was looked at. It is looked at only where a value ends in a bracket.
#[derive(Debug, Default)]
pub(super) struct Open {
    seen: usize,
    counts: [usize; BRACKETS.len()],
}

impl Open {
    /// The end of a value without the brackets behind it that opened before its start.
    pub(super) fn before_closers(&mut self, text: &[u8], start: usize, end: usize) -> usize {
        let mut before = end;
        while end - before < CLOSERS_MAX && before > start && self.closes(text, start, before - 1) {
            before -= 1;
        }
        before
    }

    fn closes(&mut self, text: &[u8], start: usize, at: usize) -> bool {
        let Some(kind) = text.get(at).and_then(|byte| kind_of(*byte, |(_, closer)| closer)) else {
            return false;
        };
        self.look(text, start);
        let Some(((opener, closer), open)) = BRACKETS.get(kind).zip(self.counts.get(kind)) else {
            return false;
        };
        let within = text.get(start..at).unwrap_or_default();
        let count = |bracket: &u8| memchr::memchr_iter(*bracket, within).count();
        // The value's own come first.
        count(closer).checked_sub(count(opener)).is_some_and(|closed| closed < *open)
    }

    /// Counts what is open at a place.
    fn look(&mut self, text: &[u8], to: usize) {
        for byte in text.get(self.seen..to).unwrap_or_default() {
            if let Some(count) =
                kind_of(*byte, |(opener, _)| opener).and_then(|kind| self.counts.get_mut(kind))
            {
                *count += 1;
            } else if let Some(count) =
                kind_of(*byte, |(_, closer)| closer).and_then(|kind| self.counts.get_mut(kind))
            {
                *count = count.saturating_sub(1);
            }
        }
        self.seen = self.seen.max(to);
    }
}

/// The bracket that opens what this one closes.
pub(super) fn opener_of(closer: u8) -> Option<u8> {
    BRACKETS.into_iter().find(|(_, other)| *other == closer).map(|(opener, _)| opener)
}

pub(super) const fn is_opener(byte: u8) -> bool {
    matches!(byte, b'[' | b'(' | b'{')
}

pub(super) const fn is_closer(byte: u8) -> bool {
    matches!(byte, b']' | b')' | b'}')
}

fn kind_of(byte: u8, end: impl Fn((u8, u8)) -> u8) -> Option<usize> {
    BRACKETS.into_iter().position(|pair| end(pair) == byte)
}
