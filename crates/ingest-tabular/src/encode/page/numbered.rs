//! Numbers of a dictionary for the words of a page, while they take less than the words would.

use super::dictionary::Dictionary;
use super::hybrid;

/// A dictionary is only tried while it has at most one value in so many rows.
const ROWS_A_VALUE: usize = 4;
/// Pages over which a dictionary's own bytes are spread, about: a row group of 1 Mi rows has 50.
const PAGES_A_CHUNK: usize = 16;

/// The numbers of the open page, and the dictionary of its chunk.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    dictionary: Option<Dictionary>,
    numbers: Vec<u32>,
    tried: bool,
    /// Whether a page did not fit, so that no later one goes by numbers.
    ended: bool,
}

impl Numbered {
    /// Whether the page goes by numbers: the first page of a chunk decides, and any that does not fit ends it. `plainly`
    /// tells how many bytes the page takes otherwise; the first `len` bytes of a word are its value.
    pub(super) fn takes(
        &mut self,
        words: impl ExactSizeIterator<Item = u128>,
        len: usize,
        plainly: impl FnOnce() -> usize,
    ) -> bool {
        if self.ended || (self.tried && self.dictionary.is_none()) {
            return false;
        }
        let first = !self.tried;
        self.tried = true;
        let mut dictionary = self.dictionary.take().unwrap_or_default();
        let count = words.len();
        let room = if first { count / ROWS_A_VALUE } else { usize::MAX };
        self.numbers.clear();
        for word in words {
            let number = dictionary.number_word(word, len);
            let Some(number) = number.filter(|_| dictionary.len() <= room) else {
                // Pages before this one may rest on it.
                self.dictionary = (!first).then_some(dictionary);
                self.ended = true;
                return false;
            };
            self.numbers.push(number);
        }
        let bits = u64::from(hybrid::number_width(dictionary.len())) * count as u64;
        let bytes = bits / 8 + (dictionary.len() * len / PAGES_A_CHUNK) as u64;
        if first && bytes >= plainly() as u64 {
            return false;
        }
        self.dictionary = Some(dictionary);
        true
    }

    /// Bytes that the dictionary adds to the chunk.
    pub(super) fn bytes(&self) -> usize {
        self.dictionary.as_ref().map_or(0, Dictionary::bytes)
    }

    /// Appends the page's payload.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let width = hybrid::number_width(self.dictionary.as_ref().map_or(0, Dictionary::len));
        out.push(super::header::low_byte(u64::from(width)));
        hybrid::encode(&self.numbers, width, out);
    }

    /// Ends the chunk; gives the dictionary that its pages rest on.
    pub(super) fn end_chunk(&mut self) -> Option<Dictionary> {
        self.tried = false;
        self.ended = false;
        self.dictionary.take()
    }
}
