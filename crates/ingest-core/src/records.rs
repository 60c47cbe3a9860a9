//! Records: what a source hands on, before anyone has looked inside.
//!
//! A block keeps its records end to end in one buffer, with the receive time and sequence number of each
//! where the source gives them. Lines of a text keep their line feeds there, so that they come and go as text. It never
//! interprets a record's bytes.

use memchr::{memchr, memchr_iter};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The number that makes an event unique within its log and millisecond; above 2^53, not monotonic in time.
/// Source: API document, 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub i64);

/// What the server says of an event beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt {
    /// When the server received the event.
    pub received: Timestamp,
    /// Its number.
    pub sequence: Sequence,
}

/// One record of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its bytes, without any line end. May be empty, and need not be UTF-8.
    pub bytes: &'a [u8],
    /// Receive time and sequence, where the source gave them.
    pub receipt: Option<Receipt>,
    /// Its place in its source, counted from 0.
    pub ordinal: u64,
}

/// A run of records in arrival order. All of them carry a receipt, or none does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordBlock {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    receipts: Vec<Receipt>,
    first_ordinal: u64,
    /// Whether a line feed stands behind each record. No record holds one then, and none has a receipt.
    lines: bool,
}

impl RecordBlock {
    /// An empty block whose first record will be the `first_ordinal`-th of its source.
    #[must_use]
    pub fn starting_at(first_ordinal: u64) -> Self {
        Self { first_ordinal, ..Self::default() }
    }

    /// An empty block of lines, which are kept as text: each record with a line feed behind it.
    #[must_use]
    pub fn of_lines() -> Self {
        Self { lines: true, ..Self::default() }
    }

    /// Whether it is a block of lines.
    #[must_use]
    pub const fn is_lines(&self) -> bool {
        self.lines
    }

    /// An empty block for the records that come after these, with room for some more than these: one that has to grow is
    /// copied.
    #[must_use]
    pub fn following(&self) -> Self {
        let room = |len: usize| len.saturating_add(len / 8);
        Self {
            bytes: Vec::with_capacity(room(self.bytes.len())),
            ends: Vec::with_capacity(room(self.ends.len())),
            receipts: Vec::with_capacity(room(self.receipts.len())),
            first_ordinal: self.next_ordinal(),
            lines: self.lines,
        }
    }

    /// Adds a record that carries only its text. In a block of receipts it is not added, nor in one of lines where it holds
    /// a line feed: answers `false`.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let fits = self.receipts.is_empty() && !(self.lines && memchr(b'\n', bytes).is_some());
        if fits {
            self.append(bytes);
        }
        fits
    }

    /// Adds the lines of a text, a record each. Only in a block of lines, and only where the last one ends as well: answers
    /// `false` else, and adds none.
    pub fn push_lines(&mut self, text: &[u8]) -> bool {
        let fits = self.lines && (text.is_empty() || text.ends_with(b"\n"));
        if fits {
            self.push_lines_until(text, usize::MAX, usize::MAX);
        }
        fits
    }

    /// Adds lines of a text until the block has `bytes_max` bytes, line feeds included, or `records_max` records: the line
    /// that reaches either is the last. Answers how much of the text they are; none of it outside a block of lines. What
    /// has no line feed behind it is left.
    pub fn push_lines_until(&mut self, text: &[u8], bytes_max: usize, records_max: usize) -> usize {
        if !self.lines {
            return 0;
        }
        let before = self.bytes.len();
        let mut taken = 0;
        for end in memchr_iter(b'\n', text) {
            if before + taken >= bytes_max || self.ends.len() >= records_max {
                break;
            }
            self.ends.push(before + end);
            taken = end + 1;
        }
        self.bytes.extend_from_slice(text.get(..taken).unwrap_or_default());
        taken
    }

    /// Adds a record with its receipt. In a block without receipts it is not added: answers `false`.
    pub fn push_received(&mut self, bytes: &[u8], receipt: Receipt) -> bool {
        let fits = self.receipts.len() == self.ends.len() && !self.lines;
        if fits {
            self.append(bytes);
            self.receipts.push(receipt);
        }
        fits
    }

    fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        if self.lines {
            self.bytes.push(b'\n');
        }
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of all records, end to end; each with a line feed behind it in a block of lines.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of all records together, without the line feeds of lines.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.bytes.len().saturating_sub(self.gap().saturating_mul(self.ends.len()))
    }

    /// Bytes that stand behind each record in the text, and are none of its own.
    #[must_use]
    pub fn gap(&self) -> usize {
        usize::from(self.lines)
    }

    /// The text from the `first`-th record on, of as many as have `bytes_max` bytes together, `records_max` at most and one
    /// at least where there is one; and how many they are.
    #[must_use]
    pub fn run(&self, first: usize, records_max: usize, bytes_max: usize) -> (&[u8], usize) {
        let start = self.start_of(first);
        let gap = self.gap();
        let ends = self.ends.get(first..).unwrap_or_default();
        let fits = |(end, before): &(usize, usize)| end - start - before * gap <= bytes_max;
        let most = ends.iter().copied().zip(0..).take(records_max);
        let count = most.take_while(fits).count().max(ends.len().min(records_max).min(1));
        (self.bytes.get(start..self.start_of(first + count)).unwrap_or_default(), count)
    }

    /// Where the text of a record begins.
    fn start_of(&self, index: usize) -> usize {
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before));
        before.map_or(0, |end| end + self.gap())
    }

    /// The place of the record that would come after the last one.
    #[must_use]
    pub fn next_ordinal(&self) -> u64 {
        self.first_ordinal.saturating_add(self.ends.len() as u64)
    }

    /// The place of its first record.
    #[must_use]
    pub const fn first_ordinal(&self) -> u64 {
        self.first_ordinal
    }

    /// Its records, in order.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.iter_from(0)
    }

    /// Its records from the `first`-th on, in order.
    pub fn iter_from(&self, first: usize) -> impl Iterator<Item = Record<'_>> {
        let (mut start, gap) = (self.start_of(first), self.gap());
        self.ends.iter().skip(first).zip(first as u64..).map(move |(&end, index)| {
            let bytes = self.bytes.get(start..end).unwrap_or_default();
            start = end + gap;
            let receipt = usize::try_from(index).ok().and_then(|i| self.receipts.get(i)).copied();
            Record { bytes, receipt, ordinal: self.first_ordinal.saturating_add(index) }
        })
    }

    /// Empties the block and lets it start where it ended, keeping its memory.
    pub fn advance(&mut self) {
        self.first_ordinal = self.next_ordinal();
        self.bytes.clear();
        self.ends.clear();
        self.receipts.clear();
    }
}

/// Layout of a stored block, little endian: first ordinal (8 bytes), records (8), what they are (1), then the end of each
/// record (8 each) unless they are lines, receive time and sequence of each (16 each) where they have them, and the text.
const HEAD_LEN: usize = 17;
/// Records of which only the text is known.
const TEXTS: u8 = 0;
/// Records with receipts.
const RECEIVED: u8 = 1;
/// Lines: their text says where they end.
const LINES: u8 = 2;

impl RecordBlock {
    /// Appends the block in a form that [`RecordBlock::read`] takes back.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_head(out);
        out.extend_from_slice(&self.bytes);
    }

    /// Appends what stands before the text in that form.
    pub fn write_head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first_ordinal.to_le_bytes());
        out.extend_from_slice(&(self.ends.len() as u64).to_le_bytes());
        out.push(match (self.lines, self.receipts.is_empty()) {
            (true, _) => LINES,
            (false, true) => TEXTS,
            (false, false) => RECEIVED,
        });
        if self.lines {
            return;
        }
        for end in &self.ends {
            out.extend_from_slice(&(*end as u64).to_le_bytes());
        }
        for receipt in &self.receipts {
            out.extend_from_slice(&receipt.received.millis().to_le_bytes());
            out.extend_from_slice(&receipt.sequence.0.to_le_bytes());
        }
    }

    /// Takes a written block back; `None` when the bytes are not one.
    #[must_use]
    pub fn read(stored: &[u8]) -> Option<Self> {
        let (head, rest) = stored.split_at_checked(HEAD_LEN)?;
        let first_ordinal = u64::from_le_bytes(head.get(..8)?.try_into().ok()?);
        let count = usize::try_from(u64::from_le_bytes(head.get(8..16)?.try_into().ok()?)).ok()?;
        if head.last() == Some(&LINES) {
            let mut block = Self { first_ordinal, ..Self::of_lines() };
            return (block.push_lines(rest) && block.len() == count).then_some(block);
        }
        let (ends, rest) = rest.split_at_checked(count.checked_mul(8)?)?;
        let mut block = Self { first_ordinal, ..Self::default() };
        for end in ends.as_chunks::<8>().0 {
            let end = usize::try_from(u64::from_le_bytes(*end)).ok()?;
            if end < block.ends.last().copied().unwrap_or(0) {
                return None;
            }
            block.ends.push(end);
        }
        let receipts = if head.last() == Some(&RECEIVED) { count } else { 0 };
        let (receipts, bytes) = rest.split_at_checked(receipts.checked_mul(16)?)?;
        for receipt in receipts.as_chunks::<16>().0 {
            let received = i64::from_le_bytes(receipt.get(..8)?.try_into().ok()?);
            let sequence = i64::from_le_bytes(receipt.get(8..)?.try_into().ok()?);
            block
                .receipts
                .push(Receipt { received: Timestamp::from_millis(received), sequence: Sequence(sequence) });
        }
        if block.ends.last().copied().unwrap_or(0) != bytes.len() {
            return None;
        }
        block.bytes = bytes.to_vec();
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_written_block_reads_back(
            records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..20),
            received: bool, first in 0_u64..1000,
        ) {
            let mut block = RecordBlock::starting_at(first);
            for (record, n) in records.iter().zip(0_i64..) {
                let receipt = Receipt { received: Timestamp::from_millis(n), sequence: Sequence(-n) };
                let pushed = if received { block.push_received(record, receipt) } else { block.push(record) };
                prop_assert!(pushed);
            }
            let mut stored = Vec::new();
            block.write(&mut stored);
            prop_assert_eq!(RecordBlock::read(&stored), Some(block));
            stored.pop();
            prop_assert_eq!(RecordBlock::read(&stored), None);
        }
    }

    proptest! {
        #[test]
        fn lines_are_the_records_that_they_were_pushed_as(
            records in proptest::collection::vec(proptest::collection::vec(0_u8..9, 0..9), 0..20),
            split in 0_usize..20, first in 0_usize..22, most in 1_usize..9, bytes_max in 0_usize..40,
        ) {
            let (mut plain, mut lines) = (RecordBlock::default(), RecordBlock::of_lines());
            for record in &records {
                prop_assert!(plain.push(record));
            }
            let (one_by_one, at_once) = records.split_at(split.min(records.len()));
            for record in one_by_one {
                prop_assert!(lines.push(record));
            }
            let text: Vec<u8> = at_once.iter().flat_map(|record| [record.as_slice(), b"\n"].concat()).collect();
            prop_assert!(lines.push_lines(&text));
            prop_assert_eq!(lines.text_len(), plain.text_len());
            prop_assert_eq!(lines.iter_from(first).collect::<Vec<_>>(), plain.iter_from(first).collect::<Vec<_>>());
            let (some, count) = lines.run(first, most, bytes_max);
            let (same, same_count) = plain.run(first, most, bytes_max);
            prop_assert_eq!(count, same_count);
            prop_assert_eq!(some.iter().copied().filter(|byte| *byte != b'\n').collect::<Vec<_>>(), same);
            prop_assert_eq!(count == 0, first >= records.len());
            prop_assert!(count <= 1 || same.len() <= bytes_max);
            let mut stored = Vec::new();
            lines.write(&mut stored);
            prop_assert_eq!(RecordBlock::read(&stored), Some(lines));
            stored.pop();
            prop_assert_eq!(RecordBlock::read(&stored), None);
        }
    }

    proptest! {
        #[test]
        fn a_block_is_full_at_the_same_line_whatever_the_pieces(
            records in proptest::collection::vec(proptest::collection::vec(b'a'..b'd', 0..9), 0..20),
            bytes_max in 0_usize..40, records_max in 0_usize..9, before in 0_usize..9,
        ) {
            let text: Vec<u8> = records.iter().flat_map(|record| [record.as_slice(), b"\n"].concat()).collect();
            let mut lines = RecordBlock::of_lines();
            prop_assert!(lines.push_lines(&text));
            let mut block = RecordBlock::of_lines();
            for record in records.iter().take(before) {
                prop_assert!(block.push(record));
            }
            let rest = &text[block.text().len()..];
            let taken = block.push_lines_until(&[rest, b"open"].concat(), bytes_max, records_max);
            let is_full = |text: usize, count: usize| text >= bytes_max || count >= records_max;
            let (mut want, mut count) = (0, 0);
            while count < records.len() && (count < before || !is_full(want, count)) {
                want += records[count].len() + 1;
                count += 1;
            }
            prop_assert_eq!((block.text(), block.len()), (&text[..want], count));
            prop_assert_eq!(taken + (text.len() - rest.len()), want);
            prop_assert_eq!(block.iter().collect::<Vec<_>>(), lines.iter().take(count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_block_of_lines_refuses_what_is_no_whole_line() {
        let receipt = Receipt { received: Timestamp::from_millis(5), sequence: Sequence(1) };
        let mut block = RecordBlock::of_lines();
        assert!(!block.push(b"a\nb"));
        assert!(!block.push_lines(b"a\nb"));
        assert!(!block.push_received(b"a", receipt));
        assert!(!RecordBlock::default().push_lines(b"a\n"));
        assert_eq!(RecordBlock::default().push_lines_until(b"a\n", 9, 9), 0);
        assert!(block.is_empty() && block.text().is_empty());
    }

    #[test]
    fn a_block_holds_receipts_for_all_or_none() {
        let receipt = Receipt { received: Timestamp::from_millis(5), sequence: Sequence(1) };
        let mut block = RecordBlock::starting_at(10);
        assert!(block.push_received(b"a", receipt));
        assert!(!block.push(b"b"));
        assert!(block.push_received(b"", receipt));
        let seen: Vec<_> = block.iter().map(|r| (r.bytes, r.receipt.is_some(), r.ordinal)).collect();
        assert_eq!(seen, [(&b"a"[..], true, 10), (&b""[..], true, 11)]);
        block.advance();
        assert_eq!((block.len(), block.next_ordinal()), (0, 12));
    }
}
