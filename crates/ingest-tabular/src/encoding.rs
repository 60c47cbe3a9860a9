//! Encodings: the bytes of a file to UTF-8, whatever they were written in.
//!
//! Decides from a text's bytes how it was written, and turns it into UTF-8 in chunks of any size. Drops nothing:
//! what has no UTF-8, as half a surrogate pair, passes as bytes that are none, which the encoder rescues. Events
//! of the API never come here: they are UTF-8 already.

use std::fmt;

pub(crate) use tally::Tally;

mod tally;

/// How a text's characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// UTF-8, and with it ASCII. Bytes that are none stay as they are.
    #[default]
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows-1252; of its five bytes without a character each is the control of that number.
    Windows1252,
    /// ISO 8859-1: every byte is the character of that number.
    Latin1,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Utf8, Self::Utf16Le, Self::Utf16Be, Self::Windows1252, Self::Latin1];

    /// Its usual name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1252 => "windows-1252",
            Self::Latin1 => "latin-1",
        }
    }

    /// The encoding of that name, whatever its case and hyphens: `UTF8`, `cp1252`, `ISO-8859-1`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        match plain.to_ascii_lowercase().as_str() {
            "utf8" | "ascii" | "usascii" => Some(Self::Utf8),
            "utf16" | "utf16le" => Some(Self::Utf16Le),
            "utf16be" => Some(Self::Utf16Be),
            "windows1252" | "cp1252" => Some(Self::Windows1252),
            "latin1" | "iso88591" => Some(Self::Latin1),
            _ => None,
        }
    }

    /// The encoding that a text's beginning shows: by its mark, by where its zero bytes are, or because it is
    /// no UTF-8 and reads as single bytes. `whole` says that there is no more of it.
    #[must_use]
    pub fn of(prefix: &[u8], whole: bool) -> Self {
        match prefix {
            [0xef, 0xbb, 0xbf, ..] => return Self::Utf8,
            [0xff, 0xfe, ..] => return Self::Utf16Le,
            [0xfe, 0xff, ..] => return Self::Utf16Be,
            _ => {}
        }
        if let Some(wide) = by_zeros(prefix) {
            return wide;
        }
        let mut tally = Tally::default();
        tally.add(prefix);
        if whole {
            tally.end();
        }
        tally.verdict()
    }

    /// Whether the text begins with this encoding's mark.
    pub(crate) fn has_mark(self, prefix: &[u8]) -> bool {
        prefix.starts_with(match self {
            Self::Utf8 => b"\xef\xbb\xbf",
            Self::Utf16Le => b"\xff\xfe",
            Self::Utf16Be => b"\xfe\xff",
            Self::Windows1252 | Self::Latin1 => return false,
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes of a text that are looked at for zeros.
const ZEROS_LOOKED_AT: usize = 64 << 10;
/// Pairs whose one byte is zero, in percent, from which a text is UTF-16, and how many times as often as the other
/// it is. Western text has nine in ten, mixed scripts have at least blanks and line ends.
const ZERO_PAIRS_PERCENT: usize = 30;
const ZEROS_RATIO: usize = 8;
/// Line feeds that have their zero beside them; some scripts have a byte of that number.
const FEEDS_PERCENT: usize = 90;

/// UTF-16 without a mark: every other byte of it is mostly zero, and so is the one beside each line feed.
fn by_zeros(prefix: &[u8]) -> Option<Encoding> {
    let text = prefix.get(..ZEROS_LOOKED_AT).unwrap_or(prefix);
    let (mut high_first, mut low_first, mut pairs) = (0_usize, 0_usize, 0_usize);
    let (mut feeds, mut big_feeds, mut little_feeds) = (0_usize, 0_usize, 0_usize);
    for pair in text.chunks_exact(2) {
        pairs += 1;
        high_first += usize::from(pair.first() == Some(&0));
        low_first += usize::from(pair.last() == Some(&0));
        feeds += usize::from(pair.contains(&b'\n'));
        big_feeds += usize::from(pair == b"\0\n");
        little_feeds += usize::from(pair == b"\n\0");
    }
    let mostly = |count: usize| pairs >= 2 && count * 100 >= pairs * ZERO_PAIRS_PERCENT;
    let beside = |count: usize, other: usize| count >= other * ZEROS_RATIO;
    let regular = |count: usize| count * 100 >= feeds * FEEDS_PERCENT;
    if mostly(low_first) && beside(low_first, high_first) && regular(little_feeds) {
        return Some(Encoding::Utf16Le);
    }
    (mostly(high_first) && beside(high_first, low_first) && regular(big_feeds)).then_some(Encoding::Utf16Be)
}

/// Turns a text into UTF-8, chunk by chunk. A byte order mark becomes UTF-8's, which the framer passes over.
#[derive(Debug)]
pub struct Decoder {
    encoding: Encoding,
    out: Vec<u8>,
    /// The first byte of a unit whose second byte is in the next chunk.
    odd: Option<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    tally: Tally,
}

impl Decoder {
    /// A decoder at the start of a text.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, out: Vec::new(), odd: None, high: None, tally: Tally::default() }
    }

    /// Whether bytes pass as they are.
    pub(crate) const fn is_plain(&self) -> bool {
        matches!(self.encoding, Encoding::Utf8)
    }

    /// Whether all bytes so far were found to be UTF-8, but for a character that is still to be completed.
    pub(crate) const fn is_clean(&self) -> bool {
        self.is_plain() && self.tally.is_clean()
    }

    /// The next bytes of the text, as UTF-8.
    pub fn push<'a>(&'a mut self, bytes: &'a [u8]) -> &'a [u8] {
        self.out.clear();
        match self.encoding {
            Encoding::Utf8 => {
                self.tally.add(bytes);
                return bytes;
            }
            Encoding::Latin1 => bytes.iter().for_each(|byte| put(&mut self.out, u32::from(*byte))),
            Encoding::Windows1252 => bytes.iter().for_each(|byte| put(&mut self.out, windows_1252(*byte))),
            Encoding::Utf16Le | Encoding::Utf16Be => self.push_units(bytes),
        }
        &self.out
    }

    /// What is left when the text ends: half a pair, or half a unit.
    pub fn finish(&mut self) -> &[u8] {
        self.out.clear();
        self.give_high();
        self.out.extend(self.odd.take());
        self.tally.end();
        &self.out
    }

    /// The encoding that the whole text, read as UTF-8, turned out to be in. Its beginning may have been ASCII.
    #[must_use]
    pub fn verdict(&self) -> Encoding {
        match self.encoding {
            Encoding::Utf8 => self.tally.verdict(),
            Encoding::Utf16Le | Encoding::Utf16Be | Encoding::Windows1252 | Encoding::Latin1 => self.encoding,
        }
    }

    fn push_units(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let Some(first) = self.odd.take() else {
                self.odd = Some(*byte);
                continue;
            };
            let big = self.encoding == Encoding::Utf16Be;
            let pair = [first, *byte];
            let unit = if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
            self.push_unit(unit);
        }
    }

    fn push_unit(&mut self, unit: u16) {
        let low = (0xdc00..0xe000).contains(&unit);
        if let (true, Some(high)) = (low, self.high) {
            self.high = None;
            put(&mut self.out, 0x1_0000 + ((u32::from(high) & 0x3ff) << 10) + (u32::from(unit) & 0x3ff));
            return;
        }
        self.give_high();
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
        } else {
            put(&mut self.out, u32::from(unit));
        }
    }

    fn give_high(&mut self) {
        if let Some(high) = self.high.take() {
            put(&mut self.out, u32::from(high));
        }
    }
}

/// Appends a character; half a pair as the three bytes that it would have, were it one.
fn put(out: &mut Vec<u8>, code: u32) {
    if let Some(ascii) = u8::try_from(code).ok().filter(u8::is_ascii) {
        out.push(ascii);
    } else if let Some(character) = char::from_u32(code) {
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let [_, _, second, first] = code.to_be_bytes();
        let middle = ((second & 0x0f) << 2) | (first >> 6);
        out.extend_from_slice(&[0xe0 | (second >> 4), 0x80 | middle, 0x80 | (first & 0x3f)]);
    }
}

/// The characters of the bytes 0x80 to 0x9f; the five without one are controls.
const WINDOWS_1252: [u16; 32] = [
    0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152,
    0x8d, 0x017d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161,
    0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
];

fn windows_1252(byte: u8) -> u32 {
    let moved = byte.checked_sub(0x80).and_then(|at| WINDOWS_1252.get(usize::from(at)));
    u32::from(moved.copied().unwrap_or_else(|| u16::from(byte)))
}

#[cfg(test)]
mod tests;
