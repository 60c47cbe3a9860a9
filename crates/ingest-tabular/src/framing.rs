//! Framing: bytes in any chunks to records.
//!
//! Decides where a record ends: at a line end, in CSV not inside quotes, and in JSON that is spread over lines
//! where its brackets close. The members of an array that is all a JSON object holds are records by themselves. The same
//! bytes give the same records however they are cut into chunks. Never
//! interprets a record, and holds at most 16 MiB.

use ingest_core::records::RecordBlock;

use crate::parse::csv::Marks;
use scan::{Breaks, State};

mod scan;

/// Longest record that is held together. A quote that nothing closes within it is taken for text, and the
/// lines behind it for records; a line longer than it is delivered in pieces. Events are at most 64 KiB,
/// and the largest lines of the field a few MiB.
pub(crate) const RECORD_MAX: usize = 16 << 20;
/// What some editors put before UTF-8.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// How the lines of a text end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineEnds {
    /// There is none.
    None,
    /// Line feeds.
    Lf,
    /// Carriage returns with line feeds.
    CrLf,
    /// Carriage returns alone.
    Cr,
    /// Line feeds, with and without carriage returns before them.
    Mixed,
    /// Carriage returns alone, mostly, and line feeds.
    MixedWithCr,
}

impl LineEnds {
    /// What a text's beginning shows. Carriage returns end lines where there are more of them than line feeds:
    /// elsewhere they are text, as a terminal's progress is.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let (mut lf, mut crlf, mut cr) = (0_usize, 0_usize, 0_usize);
        for at in memchr::memchr2_iter(b'\n', b'\r', text) {
            let here = text.get(at);
            let previous = at.checked_sub(1).and_then(|at| text.get(at));
            match (here, previous, text.get(at + 1)) {
                (Some(b'\n'), Some(b'\r'), _) => crlf += 1,
                (Some(b'\n'), _, _) => lf += 1,
                // `\r\r\n` is one line end, written twice by a program that meant well.
                (Some(b'\r'), _, next) if !matches!(next, Some(b'\n' | b'\r')) => cr += 1,
                _ => {}
            }
        }
        match (lf, crlf, cr) {
            (0, 0, 0) => Self::None,
            (0, 0, _) => Self::Cr,
            _ if cr > lf + crlf => Self::MixedWithCr,
            (_, 0, _) => Self::Lf,
            (0, _, _) => Self::CrLf,
            _ => Self::Mixed,
        }
    }

    /// A name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lf => "LF",
            Self::CrLf => "CRLF",
            Self::Cr => "CR",
            Self::Mixed => "LF and CRLF",
            Self::MixedWithCr => "CR and LF",
        }
    }

    const fn breaks(self) -> Breaks {
        match self {
            Self::Cr | Self::MixedWithCr => Breaks::Either,
            Self::None | Self::Lf | Self::CrLf | Self::Mixed => Breaks::Feed,
        }
    }
}

/// How records are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Framing {
    kind: Kind,
    breaks: Breaks,
    /// Records before the first one that counts.
    passed_over: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Lines,
    Csv { marks: Marks, quote: u8 },
    Json,
    JsonMembers,
}

impl Framing {
    /// A record a line.
    pub const LINES: Self = Self::new(Kind::Lines);
    /// A record an object, over as many lines as it takes; also the objects of one array.
    pub const JSON: Self = Self::new(Kind::Json);
    /// A record an object in the array that is the only value of the text's object, as in `{"Records":[{…},{…}]}`.
    pub const JSON_MEMBERS: Self = Self::new(Kind::JsonMembers);

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
            Some(quote) => Self::new(Kind::Csv { marks: Marks::of(dialect), quote }),
            None => Self::LINES,
        }
    }

    /// The same in a text with these line ends.
    #[must_use]
    pub const fn with_line_ends(self, ends: LineEnds) -> Self {
        Self { breaks: ends.breaks(), ..self }
    }

    /// The same, passing over what stands before the first record.
    #[must_use]
    pub const fn after(self, passed_over: usize) -> Self {
        Self { passed_over, ..self }
    }

    /// Whether records are lines that end with line feeds.
    pub(crate) fn is_lines(self) -> bool {
        self.kind == Kind::Lines && self.breaks == Breaks::Feed
    }

    /// Whether records are those of the shape's dialect, and end with line feeds.
    pub(crate) fn suits_walk(self, shape: &ingest_core::shape::Shape) -> bool {
        self.kind == Self::of(shape).kind && self.breaks == Breaks::Feed
    }

    /// A name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.kind {
            Kind::Lines => "a record a line",
            Kind::Csv { .. } => "a record a line, and line ends in quotes",
            Kind::Json => "a record an object",
            Kind::JsonMembers => "a record an object in the array of the only key",
        }
    }

    const fn new(kind: Kind) -> Self {
        Self { kind, breaks: Breaks::Feed, passed_over: 0 }
    }
}

/// Cuts text into records.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    record_max: usize,
    held: Vec<u8>,
    state: State,
    /// Brackets that are open, in JSON.
    depth: u32,
    /// What stands before the first member, where records are members.
    opening: Option<Vec<u8>>,
    at_start: bool,
    /// The last record ended in a carriage return: a line feed now belongs to it.
    pass_feed: bool,
    passed_over: usize,
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
        Self {
            framing,
            record_max,
            held: Vec::new(),
            state: State::Open,
            depth: 0,
            opening: None,
            at_start: true,
            pass_feed: false,
            passed_over: 0,
            cut: 0,
        }
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
            if std::mem::take(&mut self.pass_feed) {
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
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
        if self.state == State::Quoted || self.state == State::Escaped || self.depth > 0 {
            self.give_up(block);
        }
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            self.deliver(&held, block);
        }
        self.state = State::Open;
        self.depth = 0;
        self.pass_feed = false;
    }

    /// Gives back the bytes of the record that is open, as if they had not come yet.
    pub(crate) fn release(&mut self) -> Vec<u8> {
        self.state = State::Open;
        self.depth = 0;
        std::mem::take(&mut self.held)
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

    /// The length, line end included, of what `piece` adds to the record; `None` where it does not end.
    fn record_len(&mut self, piece: &[u8]) -> Option<usize> {
        let breaks = self.framing.breaks;
        match self.framing.kind {
            Kind::Lines => breaks.find(piece).map(|at| at + 1),
            Kind::Csv { marks, quote } => {
                scan::csv(&mut self.state, (marks, quote, breaks), (&self.held, piece))
            }
            Kind::Json => scan::json(&mut self.state, &mut self.depth, piece),
            Kind::JsonMembers => scan::members(&mut self.state, &mut self.depth, piece),
        }
    }

    fn emit(&mut self, ending: &[u8], block: &mut RecordBlock) {
        self.pass_feed = self.framing.breaks == Breaks::Either && ending.last() == Some(&b'\r');
        if self.held.is_empty() {
            self.deliver(line(ending), block);
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(ending);
        self.deliver(line(&held), block);
        held.clear();
        self.held = held;
    }

    /// Hands a record on, unless it stands before the first one that counts.
    fn deliver(&mut self, record: &[u8], block: &mut RecordBlock) {
        let record = match self.framing.kind {
            Kind::Json => scan::between_json(record),
            Kind::JsonMembers => self.member(record),
            Kind::Lines | Kind::Csv { .. } => record,
        };
        let is_json = matches!(self.framing.kind, Kind::Json | Kind::JsonMembers);
        if is_json && record.is_empty() {
            return;
        }
        if self.passed_over < self.framing.passed_over {
            self.passed_over += 1;
            return;
        }
        block.push(record);
    }

    /// A member without what only stands around members. What stands before the first says no more when it comes again,
    /// as where files were joined; anything else is a record, and none of JSON.
    fn member<'a>(&mut self, record: &'a [u8]) -> &'a [u8] {
        if scan::is_opening(record) {
            let known = self.opening.get_or_insert_with(|| record.trim_ascii().to_vec());
            return if known == record.trim_ascii() { b"" } else { record };
        }
        if scan::is_closing(record) { b"" } else { scan::between_json(record) }
    }

    /// Delivers what is held by its line ends: a quote or bracket was not closed, or a line does not end.
    fn give_up(&mut self, block: &mut RecordBlock) {
        self.cut += 1;
        self.state = State::Open;
        // What follows a member that was given up still stands among members.
        let is_within = self.framing.kind == Kind::JsonMembers && self.depth >= scan::AMONG_MEMBERS;
        self.depth = if is_within { scan::AMONG_MEMBERS } else { 0 };
        let mut held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        while let Some(end) = self.framing.breaks.find(rest) {
            let (record, after) = rest.split_at_checked(end + 1).unwrap_or((rest, b""));
            self.deliver(line(record), block);
            let pair = self.framing.breaks == Breaks::Either && record.last() == Some(&b'\r');
            self.pass_feed = pair && after.is_empty();
            rest = if pair { after.strip_prefix(b"\n").unwrap_or(after) } else { after };
        }
        if rest.len() >= self.record_max {
            self.deliver(rest, block);
            rest = b"";
        }
        let kept = held.len() - rest.len();
        held.drain(..kept);
        self.held = held;
        self.resume();
    }

    /// Scans what is kept of the last line, which is a record's beginning now. It has no line end.
    fn resume(&mut self) {
        let held = std::mem::take(&mut self.held);
        let _no_end = self.record_len(&held);
        self.held = held;
    }
}

/// A record without its line end.
fn line(record: &[u8]) -> &[u8] {
    if let Some(record) = record.strip_suffix(b"\n") {
        return record.strip_suffix(b"\r").unwrap_or(record);
    }
    record.strip_suffix(b"\r").unwrap_or(record)
}

#[cfg(test)]
mod tests;
