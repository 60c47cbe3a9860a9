//! What speaks for and against a text being UTF-8.
//!
//! Counts characters of several bytes, and bytes that are none, in chunks of any size. Decides only between
//! UTF-8 and single bytes: UTF-16 is told by its zeros before.

use super::Encoding;

/// Longest beginning of a character that may stand at the end of a chunk.
const CUT_MAX: usize = 3;
/// Share of the bytes beyond ASCII that may be signs which Western text seldom has, in percent.
const ODD_PERCENT: u64 = 25;
/// What some editors put before UTF-8.
const MARK: char = '\u{feff}';

/// Bytes whose hits a single byte counts: compilers then count many bytes side by side.
const COUNTED_BYTES: usize = 192;

/// Counts of a text read as UTF-8.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Characters of several bytes.
    characters: u64,
    /// Bytes beyond ASCII that belong to no character.
    single: u64,
    /// Of these, those that Western text seldom has.
    odd: u64,
    /// Controls that text has not, once there are single bytes.
    controls: u64,
    /// Whether the text begins with UTF-8's mark; none while nothing of it is known.
    marked: Option<bool>,
    /// A character cut by the end of the last chunk.
    cut: Vec<u8>,
}

impl Tally {
    /// Takes in the next bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        if self.cut.is_empty() {
            self.add_joined(bytes);
            return;
        }
        // The cut character needs three bytes more at most; what is behind them is counted where it stands.
        let mut joined = std::mem::take(&mut self.cut);
        let missing = bytes.get(..CUT_MAX.min(bytes.len())).unwrap_or_default();
        let continuing = missing.iter().take_while(|byte| (0x80..0xc0).contains(*byte)).count();
        joined.extend_from_slice(bytes.get(..continuing).unwrap_or_default());
        if continuing == bytes.len() {
            self.add_joined(&joined);
            return;
        }
        let rest = bytes.get(continuing..).unwrap_or_default();
        self.add_joined(&joined);
        let cut = std::mem::take(&mut self.cut);
        self.single_bytes(&cut);
        self.add_joined(rest);
    }

    /// Whether no byte so far was out of place.
    pub(crate) const fn is_clean(&self) -> bool {
        self.single == 0
    }

    /// The text ends: a character that was cut stays so.
    pub(crate) fn end(&mut self) {
        let cut = std::mem::take(&mut self.cut);
        self.single_bytes(&cut);
    }

    /// What the bytes so far are. A mark says it. Any character of several bytes speaks for UTF-8: single bytes seldom
    /// form one by chance, and a few stray bytes in UTF-8 are rescued one by one.
    pub(crate) fn verdict(&self) -> Encoding {
        if self.marked == Some(true) {
            return Encoding::Utf8;
        }
        let western = self.odd * 100 <= self.single * ODD_PERCENT;
        // By chance, accented letters followed by signs form a character now and then.
        let by_chance = self.characters * 20 < self.single;
        if self.single > 0 && western && by_chance && self.controls == 0 {
            return Encoding::Windows1252;
        }
        Encoding::Utf8
    }

    fn add_joined(&mut self, mut bytes: &[u8]) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return self.characters_of(text),
                Err(error) => {
                    let (valid, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or((bytes, b""));
                    self.characters_of(std::str::from_utf8(valid).unwrap_or_default());
                    let Some(len) = error.error_len() else {
                        self.cut.extend_from_slice(rest);
                        return;
                    };
                    let (broken, after) = rest.split_at_checked(len).unwrap_or((rest, b""));
                    self.single_bytes(broken);
                    bytes = after;
                }
            }
        }
    }

    fn characters_of(&mut self, text: &str) {
        if self.marked.is_none() && !text.is_empty() {
            self.marked = Some(text.starts_with(MARK));
        }
        if !text.is_ascii() {
            self.characters = self.characters.saturating_add(wide_characters(text.as_bytes()));
        }
        // Binary data has controls; text has none but blanks and, in terminals, the escape. Plain text is not
        // searched: only next to single bytes do controls tell anything.
        let control = |byte: &u8| matches!(byte, 0..=8 | 14..=26 | 28..=31);
        if self.controls == 0 && self.single > 0 && text.as_bytes().iter().any(control) {
            self.controls = 1;
        }
    }

    fn single_bytes(&mut self, bytes: &[u8]) {
        self.marked = self.marked.or_else(|| (!bytes.is_empty()).then_some(false));
        for byte in bytes.iter().filter(|byte| !byte.is_ascii()) {
            self.single = self.single.saturating_add(1);
            let odd = matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d | 0xfe | 0xff);
            self.odd = self.odd.saturating_add(u64::from(odd));
        }
    }
}

/// First bytes of characters of several bytes.
fn wide_characters(text: &[u8]) -> u64 {
    let count = |part: &[u8]| part.iter().fold(0_u8, |count, byte| count + u8::from(*byte >= 0xc0));
    text.chunks(COUNTED_BYTES).map(|part| u64::from(count(part))).sum()
}
