//! Cutting: blocks of records, or the bytes of a file, to batches of cells.
//!
//! Decides how much a batch holds, by fixed measures, so that the same text gives the same batches however it arrives;
//! batches of records end with their block. Files, and blocks of lines, take a fast way while it is open to them; whatever
//! is odd goes through the framer and the parser of its shape, record by record, with the same outcome. Holds one batch of
//! text beside the batch that is filled.

use std::io::{self, Read};

use ingest_core::records::{Receipt, RecordBlock};
use ingest_core::shape::Shape;
use memchr::{memchr, memchr_iter};

use super::names::Names;
use super::rows::RowWalk;
use super::{Batch, Filler, Keep, PADDING, RowOrigin, narrow};
use crate::encoding::Decoder;
use crate::framing::{Framer, Framing};
use crate::parse::{Origin, Outcome, Parser};

/// Text of a batch: with its cells and what columns keep beside it, it stays in a core's own cache.
const BATCH_BYTES: usize = 128 << 10;
/// Text of a batch at most: far less than a record may have.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Text of a batch for each column: what a batch costs each column once should be shared by several rows.
const BATCH_BYTES_A_COLUMN: usize = 256;

/// A record within a text: start, length, receipt.
type Piece = (usize, usize, Option<Receipt>);

/// Cuts blocks of records.
#[derive(Debug)]
pub(crate) struct RecordCutter {
    parser: Parser,
    names: Names,
    /// For blocks of lines, where their shape has a fast way.
    walk: Option<RowWalk>,
    keep: Keep,
    decoded: Vec<u8>,
    nulls: Vec<usize>,
}

impl RecordCutter {
    pub(crate) fn new(shape: &Shape, origin: Origin, keep: Keep) -> Self {
        Self {
            parser: Parser::new(shape, origin),
            names: Names::new(shape),
            walk: if origin == Origin::Events { RowWalk::new(shape) } else { None },
            keep,
            decoded: Vec::new(),
            nulls: Vec::new(),
        }
    }

    /// Replaces the batch by the records of `block` from the `from`-th on, as many as fit, `rows_max` at most. Answers
    /// how many they are.
    pub(crate) fn cut(
        &mut self,
        block: &RecordBlock,
        from: usize,
        rows_max: u32,
        batch: &mut Batch,
    ) -> usize {
        batch.restart(block.first_ordinal().saturating_add(from as u64));
        let most = usize::try_from(rows_max).unwrap_or(usize::MAX);
        let (run, count) = block.run(from, most, BATCH_BYTES);
        let mut text = std::mem::take(&mut batch.text);
        text.extend_from_slice(run);
        let walk = if block.is_lines() { self.walk.take() } else { None };
        if let Some(mut walk) = walk {
            self.walk_lines(&mut walk, batch, &text);
            self.walk = Some(walk);
        } else {
            let (mut start, gap) = (0, block.gap());
            let pieces = block.iter_from(from).take(count).map(|record| {
                let piece = (start, record.bytes.len(), record.receipt);
                start += record.bytes.len() + gap;
                piece
            });
            self.parse(batch, (&text, false), pieces);
        }
        self.seal(batch, text);
        count
    }

    /// Walks whole lines into the batch. Those of which the walk is not sure are parsed.
    fn walk_lines(&mut self, walk: &mut RowWalk, batch: &mut Batch, text: &[u8]) {
        let first = self.names.first_place().unwrap_or(0);
        let utf8 = std::str::from_utf8(text).is_ok();
        let mut at = 0;
        loop {
            at = walk.walk_lines(batch, (text, utf8, at), &mut self.decoded, (first, self.keep));
            let Some(len) = text.get(at..).and_then(|rest| memchr(b'\n', rest)) else { return };
            self.parse(batch, (text, utf8), std::iter::once((at, len, None)));
            at += len + 1;
        }
    }

    /// Parses pieces of the text, which may be known to be UTF-8, into the batch.
    fn parse(&mut self, batch: &mut Batch, (text, utf8): (&[u8], bool), pieces: impl Iterator<Item = Piece>) {
        let Self { parser, names, walk: _, keep, decoded, nulls } = self;
        let mut filler = Filler::new(batch, names, text, decoded, nulls);
        for (start, len, receipt) in pieces {
            let record = text.get(start..start + len).unwrap_or_default();
            let place = (narrow(start), narrow(len));
            match parser.parse(record, utf8, &mut filler) {
                Outcome::Row => {
                    let origin = RowOrigin { start: place.0, len: place.1, receipt };
                    filler.commit((*keep == Keep::Origins).then_some(origin));
                }
                Outcome::Refused(reason) => filler.batch.refuse(place, receipt, reason),
                Outcome::Ignored(kind) => filler.batch.ignore(kind),
            }
        }
    }

    /// Gives the batch its text: what was decoded comes behind it.
    fn seal(&mut self, batch: &mut Batch, mut text: Vec<u8>) {
        text.append(&mut self.decoded);
        text.extend_from_slice(&[0; PADDING]);
        batch.text = text;
        batch.new_names = self.names.take_new();
    }
}

/// Cuts the text of a file, as UTF-8.
#[derive(Debug)]
pub struct TextCutter {
    records: RecordCutter,
    walk: Option<RowWalk>,
    /// Whether records are lines, so that the fast way is open.
    lines: bool,
    target: usize,
    framer: Framer,
    /// Whether the framer is in the midst of a record.
    framing: bool,
    block: RecordBlock,
    taken: usize,
    pending: Vec<u8>,
    /// Whether all text so far is known to be UTF-8.
    utf8: bool,
    /// Bytes on their way to become UTF-8.
    encoded: Vec<u8>,
    ended: bool,
    next_ordinal: u64,
}

impl TextCutter {
    /// A cutter at the start of a text of that shape.
    #[must_use]
    pub fn new(shape: &Shape, framing: Framing) -> Self {
        let columns = crate::parse::dialect(shape).map_or(0, |dialect| dialect.columns.len());
        Self::with_target(
            shape,
            framing,
            (columns * BATCH_BYTES_A_COLUMN).clamp(BATCH_BYTES, BATCH_BYTES_MAX),
        )
    }

    /// As [`TextCutter::new`], with batches of another size.
    pub(crate) fn with_target(shape: &Shape, framing: Framing, target: usize) -> Self {
        let walk = if framing.suits_walk(shape) { RowWalk::new(shape) } else { None };
        Self {
            walk,
            lines: framing.is_lines(),
            records: RecordCutter::new(shape, Origin::File, Keep::Values),
            target,
            framer: Framer::new(framing),
            // It knows what to pass over before the first record.
            framing: true,
            block: RecordBlock::default(),
            taken: 0,
            pending: Vec::new(),
            utf8: false,
            encoded: Vec::new(),
            ended: false,
            next_ordinal: 0,
        }
    }

    /// How many bytes it needs before the next batch is cut; 0 when it has enough.
    #[must_use]
    pub fn wanted(&self) -> usize {
        if self.ended || self.taken < self.block.len() {
            0
        } else {
            self.target.saturating_sub(self.pending.len())
        }
    }

    /// Takes the next bytes.
    pub fn fill(&mut self, bytes: &[u8]) {
        self.utf8 = false;
        self.pending.extend_from_slice(bytes);
    }

    /// Takes as many bytes of a stream as it wants, however many the stream gives at once.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn read(&mut self, stream: &mut dyn Read, decoder: &mut Decoder) -> io::Result<()> {
        while self.wanted() > 0 {
            let wanted = self.wanted();
            let read = if decoder.is_plain() {
                let read = fill_up(stream, &mut self.pending, wanted)?;
                let before = self.pending.len() - read;
                decoder.push(self.pending.get(before..).unwrap_or_default());
                read
            } else {
                self.encoded.clear();
                let read = fill_up(stream, &mut self.encoded, wanted)?;
                self.pending.extend_from_slice(decoder.push(&self.encoded));
                read
            };
            self.utf8 = decoder.is_clean();
            if read == 0 {
                self.pending.extend_from_slice(decoder.finish());
                self.ended = true;
            }
        }
        Ok(())
    }

    /// There are no more bytes.
    pub const fn end(&mut self) {
        self.ended = true;
    }

    /// Replaces the batch by the next one, of `rows_max` rows at most. False when the text is used up; an empty batch
    /// only means that it wants more text.
    pub fn cut(&mut self, rows_max: u32, batch: &mut Batch) -> bool {
        batch.restart(self.next_ordinal);
        if !self.records.parser.has_original_columns() {
            self.walk = None;
        }
        if self.taken >= self.block.len() && !self.pending.is_empty() && !self.framing {
            let taken = self.cut_fast(rows_max, batch);
            if taken {
                self.next_ordinal = batch.next_ordinal();
                return true;
            }
            self.framing = true;
        }
        if self.taken >= self.block.len() {
            if self.ended && self.pending.is_empty() && !self.framing {
                return false;
            }
            self.frame();
        }
        self.taken += self.records.cut(&self.block, self.taken, rows_max, batch);
        self.next_ordinal = self.next_ordinal.max(self.block.first_ordinal() + self.taken as u64);
        true
    }

    /// Hands what is pending to the framer.
    fn frame(&mut self) {
        let mut block = RecordBlock::starting_at(self.next_ordinal);
        let pending = std::mem::take(&mut self.pending);
        self.framer.push(&pending, &mut block);
        if self.ended {
            self.framer.finish(&mut block);
            self.framing = false;
        } else if (self.lines || self.walk.is_some()) && !block.is_empty() {
            // The record that is open begins anew on the fast way.
            self.pending = self.framer.release();
            self.framing = false;
        }
        self.block = block;
        self.taken = 0;
    }

    /// Cuts whole records out of what is pending, if there are any.
    fn cut_fast(&mut self, rows_max: u32, batch: &mut Batch) -> bool {
        // What is left over goes where the batch's text was.
        let text = std::mem::replace(&mut self.pending, std::mem::take(&mut batch.text));
        let records = &mut self.records;
        let used = match &mut self.walk {
            Some(walk) => {
                let first = records.names.first_place().unwrap_or(0);
                let utf8 = self.utf8 || std::str::from_utf8(&text).is_ok();
                walk.walk(batch, (&text, utf8), &mut records.decoded, (first, rows_max))
            }
            None if self.lines => {
                let (pieces, used) = lines(&text, rows_max);
                records.parse(batch, (&text, self.utf8), pieces.iter().copied());
                used
            }
            None => 0,
        };
        if self.walk.as_ref().is_some_and(|walk| walk.is_done) {
            self.walk = None;
        }
        if used == 0 {
            batch.text = std::mem::replace(&mut self.pending, text);
            return false;
        }
        self.pending.extend_from_slice(text.get(used..).unwrap_or_default());
        records.seal(batch, text);
        true
    }
}

/// The first lines of a text, without their ends, as far as they do end; and how much of the text they are.
fn lines(text: &[u8], lines_max: u32) -> (Vec<Piece>, usize) {
    let mut pieces = Vec::new();
    let mut start = 0;
    let most = usize::try_from(lines_max).unwrap_or(usize::MAX);
    for feed in memchr_iter(b'\n', text).take(most) {
        let returned = feed > start && text.get(feed - 1) == Some(&b'\r');
        pieces.push((start, feed - start - usize::from(returned), None));
        start = feed + 1;
    }
    (pieces, start)
}

/// Appends `wanted` bytes of the stream, or as many as it has. Answers how many.
fn fill_up(stream: &mut dyn Read, bytes: &mut Vec<u8>, wanted: usize) -> io::Result<usize> {
    let before = bytes.len();
    bytes.resize(before + wanted, 0);
    let mut filled = before;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match stream.read(room) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(filled - before)
}
