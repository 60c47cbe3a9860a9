//! Framing: bytes in any chunks to records.
//!
//! Decides where a record ends: at a line feed, and in CSV not inside quotes. The same bytes give the same
//! records however they are cut into chunks. Never interprets a record, and holds at most 16 MiB.

use ingest_core::records::RecordBlock;
use memchr::{memchr, memchr2};

use crate::parse::csv::Marks;

/// Longest record that is held together. A quote that nothing closes within it is taken for text, and the
/// lines behind it for records; a line longer than it is delivered in pieces. Events are at most 64 KiB,
/// and the largest lines of the field a few MiB.
pub(crate) const RECORD_MAX: usize = 16 << 20;
/// What some editors put before UTF-8.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// How records are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Framing(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Lines,
    Csv { marks: Marks, quote: u8 },
}

impl Framing {
    /// A record a line.
    pub const LINES: Self = Self(Kind::Lines);

    /// The framing of a log's text: lines, except that quoted fields may hold line feeds.
    #[must_use]
    pub const fn of(shape: &ingest_core::shape::Shape) -> Self {
        match (shape.envelope, crate::parse::dialect(shape)) {
            (None, Some(dialect)) => Self::csv(dialect),
            _ => Self::LINES,
        }
    }

    /// The framing of a dialect.
    #[must_use]
    pub const fn csv(dialect: &ingest_core::shape::CsvDialect) -> Self {
        match dialect.quote {
            Some(quote) => Self(Kind::Csv { marks: Marks::of(dialect), quote }),
            None => Self::LINES,
        }
    }
}

/// Where in a CSV record the scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside quotes.
    Open,
    /// Inside quotes.
    Quoted,
    /// After a quote inside quotes: the next byte tells what it was.
    AfterQuote,
    /// After an escape inside quotes.
    Escaped,
}

/// Cuts text into records.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    record_max: usize,
    held: Vec<u8>,
    state: State,
    at_start: bool,
    cut: u64,
}

impl Framer {
    /// A framer at the start of a text.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self::with_record_max(framing, RECORD_MAX)
    }

    /// As [`Framer::new`], holding less.
    pub(crate) const fn with_record_max(framing: Framing, record_max: usize) -> Self {
        Self { framing, record_max, held: Vec::new(), state: State::Open, at_start: true, cut: 0 }
    }

    /// Records that were cut because they were longer than 16 MiB, or held an unclosed quote.
    #[must_use]
    pub const fn cut_records(&self) -> u64 {
        self.cut
    }

    /// Takes the next bytes of the text, and adds the records that end in them.
    pub fn push(&mut self, bytes: &[u8], block: &mut RecordBlock) {
        let mut rest = bytes;
        if self.at_start {
            rest = self.pass_bom(rest);
            if self.at_start {
                return;
            }
        }
        while !rest.is_empty() {
            // At most as much as may be held: so a cut falls on the same byte whatever the chunks.
            let room = self.record_max - self.held.len();
            let piece = rest.get(..room.min(rest.len())).unwrap_or(rest);
            if let Some(len) = self.record_len(piece) {
                self.emit(piece.get(..len).unwrap_or(piece), block);
                rest = rest.get(len..).unwrap_or_default();
            } else {
                self.held.extend_from_slice(piece);
                rest = rest.get(piece.len()..).unwrap_or_default();
                if self.held.len() >= self.record_max {
                    self.give_up(block);
                }
            }
        }
    }

    /// The text ends, with or without a last line end.
    pub fn finish(&mut self, block: &mut RecordBlock) {
        self.at_start = false;
        if self.state == State::Quoted || self.state == State::Escaped {
            self.give_up(block);
        }
        if !self.held.is_empty() {
            block.push(&self.held);
            self.held.clear();
        }
        self.state = State::Open;
    }

    /// One page of several ends: the next bytes begin a text of its own.
    pub fn page_end(&mut self, block: &mut RecordBlock) {
        self.finish(block);
        self.at_start = true;
    }

    /// Passes over a byte order mark, which may itself arrive in pieces.
    fn pass_bom<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let missing = BOM.get(self.held.len()..).unwrap_or_default();
        let same = missing.iter().zip(bytes).take_while(|(want, have)| want == have).count();
        if same == bytes.len() && same < missing.len() {
            self.held.extend_from_slice(bytes);
            return b"";
        }
        self.at_start = false;
        if same == missing.len() {
            self.held.clear();
            return bytes.get(same..).unwrap_or_default();
        }
        bytes
    }

    /// The length, line feed included, of what `piece` adds to the record; `None` where it does not end.
    fn record_len(&mut self, piece: &[u8]) -> Option<usize> {
        match self.framing.0 {
            Kind::Lines => memchr(b'\n', piece).map(|at| at + 1),
            Kind::Csv { marks, quote } => {
                let before = self.held.last().copied();
                scan(&mut self.state, marks, quote, (before, piece))
            }
        }
    }

    fn emit(&mut self, ending: &[u8], block: &mut RecordBlock) {
        if self.held.is_empty() {
            block.push(line(ending));
            return;
        }
        self.held.extend_from_slice(ending);
        block.push(line(&self.held));
        self.held.clear();
    }

    /// Delivers what is held by its line ends: a quote was not closed, or a line does not end.
    fn give_up(&mut self, block: &mut RecordBlock) {
        self.cut += 1;
        self.state = State::Open;
        let mut held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        while let Some(end) = memchr(b'\n', rest) {
            let (record, after) = rest.split_at_checked(end + 1).unwrap_or((rest, b""));
            block.push(line(record));
            rest = after;
        }
        if rest.len() >= self.record_max {
            block.push(rest);
            rest = b"";
        }
        let kept = held.len() - rest.len();
        held.drain(..kept);
        self.held = held;
        self.resume();
    }

    /// Scans what is kept of the last line, which is a record's beginning now. It has no line feed.
    fn resume(&mut self) {
        let held = std::mem::take(&mut self.held);
        if let Kind::Csv { marks, quote } = self.framing.0 {
            let _no_end = scan(&mut self.state, marks, quote, (None, &held));
        }
        self.held = held;
    }
}

/// A record without its line end.
fn line(record: &[u8]) -> &[u8] {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    record.strip_suffix(b"\r").unwrap_or(record)
}

/// The end of a CSV record in `piece`, which follows the byte `before`; none at the record's start.
fn scan(state: &mut State, marks: Marks, quote: u8, (before, piece): (Option<u8>, &[u8])) -> Option<usize> {
    let mut at = 0;
    while let Some(tail) = piece.get(at..).filter(|tail| !tail.is_empty()) {
        match *state {
            State::Open => {
                at += memchr2(b'\n', quote, tail)?;
                if piece.get(at) == Some(&b'\n') {
                    return Some(at + 1);
                }
                let previous = at.checked_sub(1).map_or(before, |at| piece.get(at).copied());
                if previous.is_none_or(|byte| byte == marks.delimiter) {
                    *state = State::Quoted;
                }
                at += 1;
            }
            State::Quoted => {
                let escape = marks.escape.unwrap_or(quote);
                let found = memchr2(quote, escape, tail)?;
                let is_quote = tail.get(found) == Some(&quote);
                *state = if is_quote { State::AfterQuote } else { State::Escaped };
                at += found + 1;
            }
            State::AfterQuote => {
                let doubled = tail.first() == Some(&quote);
                *state = if doubled { State::Quoted } else { State::Open };
                at += usize::from(doubled);
            }
            State::Escaped => {
                *state = State::Quoted;
                at += 1;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
