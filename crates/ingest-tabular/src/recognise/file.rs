//! Files: the shape, framing and encoding of a text from its beginning.
//!
//! Decides what files have and messages have not: encodings, line ends, headers, comments, titles before a table,
//! objects over several lines. What the user says is obeyed, whatever the text shows.

use std::collections::BTreeMap;

use ingest_core::records::RecordBlock;
use ingest_core::schema::PinnedType;
use ingest_core::shape::{Body, CsvDialect, Envelope, Shape};

use super::delimited::{self, Evidence};
use super::directives::{self, Directives};
use super::{
    SAMPLE_RECORDS, body_of, enveloped, looks_like_json, most, sample, syslog_of, without_delimiters,
    without_table,
};
use crate::encoding::{Decoder, Encoding};
use crate::framing::{Framer, Framing, LineEnds};
use crate::parse::csv::{BLANK, Marks};
use crate::parse::labels::LTSV;
use crate::parse::{cef, syslog, timed};
use crate::recognise::overrides::{Format, Overrides};

/// Where the lines before a table are kept among the facts.
const PREAMBLE_FACT: &str = "preamble";
/// Bytes that are looked through at once for a sample: most samples need a few.
const SAMPLE_PIECE: usize = 32 << 10;

/// What the beginning of a file or stream showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecognisedText {
    /// The shape of its records.
    pub shape: Shape,
    /// How its bytes, as UTF-8, are cut into records.
    pub framing: Framing,
    /// Types of columns that the text itself says.
    pub types: BTreeMap<String, PinnedType>,
    /// What stands before the records, as Zeek's `#path` or a title; for footers and people.
    pub facts: BTreeMap<String, String>,
    /// How its characters are written.
    pub encoding: Encoding,
    /// Whether it begins with a byte order mark.
    pub mark: bool,
    /// How its lines end.
    pub line_ends: LineEnds,
}

/// The shape and framing of UTF-8 text from its first bytes. `whole` says that there are no more. Every line of it
/// is a record or a comment: nothing is passed over, so that what follows may be framed by the shape alone.
#[must_use]
pub fn recognise_text(prefix: &[u8], whole: bool) -> RecognisedText {
    let text = Start { bytes: prefix, whole, line_ends: LineEnds::Lf, is_file: false };
    let mut seen = recognise_start(&text, &Overrides::default());
    seen.facts.remove(PREAMBLE_FACT);
    RecognisedText { framing: Framing::of(&seen.shape), ..seen }
}

/// The same of a file in any encoding and with any line ends, as far as `overrides` does not say it.
#[must_use]
pub fn recognise_file(prefix: &[u8], whole: bool, overrides: &Overrides) -> RecognisedText {
    let encoding = overrides.encoding.unwrap_or_else(|| Encoding::of(prefix, whole));
    let mut decoder = Decoder::new(encoding);
    let mut bytes = decoder.push(prefix).to_vec();
    if whole && encoding != Encoding::Utf8 {
        bytes.extend_from_slice(decoder.finish());
    }
    let line_ends = LineEnds::of(&bytes);
    let mut seen = recognise_start(&Start { bytes: &bytes, whole, line_ends, is_file: true }, overrides);
    seen.types.extend(overrides.types.clone());
    RecognisedText { encoding, mark: encoding.has_mark(prefix), ..seen }
}

/// The beginning of a text, as UTF-8.
struct Start<'a> {
    bytes: &'a [u8],
    whole: bool,
    line_ends: LineEnds,
    /// Whether it is a file, and no page of an API.
    is_file: bool,
}

impl Start<'_> {
    /// Its records; the last one only if it is known to be whole, or there is no other.
    fn records(&self, framing: Framing) -> RecordBlock {
        let mut block = RecordBlock::default();
        let mut framer = Framer::new(framing.with_line_ends(self.line_ends));
        framer.push(self.bytes, &mut block);
        if self.whole || block.is_empty() {
            framer.finish(&mut block);
        }
        block
    }

    /// The first of its records that are no comments, as many as a sample has.
    fn sample(&self, framing: Framing, comment: Option<u8>) -> RecordBlock {
        let is_data = |record: &[u8]| !record.is_empty() && !is(record, comment);
        let (mut sample, mut block) = (RecordBlock::default(), RecordBlock::default());
        let mut framer = Framer::new(framing.with_line_ends(self.line_ends));
        let mut pieces = self.bytes.chunks(SAMPLE_PIECE);
        let (mut any, mut ended) = (false, false);
        while sample.len() < SAMPLE_RECORDS && !ended {
            match pieces.next() {
                Some(piece) => framer.push(piece, &mut block),
                None => {
                    ended = true;
                    if self.whole || !any {
                        framer.finish(&mut block);
                    }
                }
            }
            any |= !block.is_empty();
            let data = block.iter().map(|record| record.bytes).filter(|record| is_data(record));
            for record in data.take(SAMPLE_RECORDS - sample.len()) {
                sample.push(record);
            }
            block.advance();
        }
        sample
    }

    fn recognised(&self, shape: Shape, framing: Framing, facts: BTreeMap<String, String>) -> RecognisedText {
        let (encoding, line_ends) = (Encoding::Utf8, self.line_ends);
        let framing = framing.with_line_ends(line_ends);
        let (mark, types) = (encoding.has_mark(self.bytes), BTreeMap::new());
        RecognisedText { shape, framing, types, facts, encoding, mark, line_ends }
    }
}

fn recognise_start(start: &Start<'_>, overrides: &Overrides) -> RecognisedText {
    let block = start.records(Framing::LINES);
    let lines: Vec<&[u8]> = block.iter().map(|record| record.bytes).collect();
    if !overrides.say_shape()
        && overrides.comment != Some(None)
        && let Some(Directives { dialect, facts, types }) = directives::read(&lines)
    {
        let framing = Framing::csv(&dialect);
        let seen = start.recognised(bare(Body::Csv(dialect)), framing, facts);
        return RecognisedText { types, ..seen };
    }
    let comment = overrides.comment.unwrap_or_else(|| delimited::comment_byte(&lines));
    let comments: Vec<&[u8]> = lines.iter().copied().filter(|line| is(line, comment)).collect();
    if let Some(shape) = &overrides.shape {
        return fixed(start, shape.clone(), comment);
    }
    let data: Vec<&[u8]> = lines.into_iter().filter(|line| !is(line, comment)).collect();
    let table = match overrides.format() {
        None => match unsaid(start, comment, &data) {
            Ok(table) => table,
            Err((shape, framing)) => return start.recognised(shape, framing, BTreeMap::new()),
        },
        Some(Format::Csv) => forced_table(start, comment, overrides),
        Some(Format::Json) => {
            return start.recognised(json(), spread_json(start).unwrap_or(Framing::LINES), BTreeMap::new());
        }
        Some(format) => {
            return start.recognised(forced_shape(format, &data), Framing::LINES, BTreeMap::new());
        }
    };
    let kept = comment.filter(|_| overrides.comment.is_some() || !comments.is_empty());
    let comments = Comments { byte: kept, lines: &comments, may_name: overrides.columns.is_none() };
    recognised_table(start, table, &comments)
}

/// A text whose shape is fixed; only its comments and line ends are its own.
fn fixed(start: &Start<'_>, mut shape: Shape, comment: Option<u8>) -> RecognisedText {
    if let Body::Csv(dialect) = &mut shape.body {
        dialect.comment = dialect.comment.or(comment);
    }
    let spread = if shape == json() { spread_json(start) } else { None };
    let framing = spread.unwrap_or_else(|| Framing::of(&shape));
    start.recognised(shape, framing, BTreeMap::new())
}

/// What a text is of which nothing was said: a table, or records of another shape.
fn unsaid(start: &Start<'_>, comment: Option<u8>, data: &[&[u8]]) -> Result<Table, (Shape, Framing)> {
    if let Some(framing) = spread_json(start) {
        return Err((json(), framing));
    }
    let shape = without_delimiters(data);
    match shape {
        // A layout of the catalogue, whose file may have comments as any other table.
        Shape { envelope: None, body: Body::Csv(dialect) } => Ok(Table { dialect, begins: None }),
        Shape { envelope: None, body: Body::Text } => {
            table_of(start, comment, data).ok_or_else(|| (without_table(data), Framing::LINES))
        }
        // The first line may name columns of which the first is the time.
        Shape { envelope: Some(Envelope::Timed { .. }), .. } if begins_otherwise(data) => {
            let table = table_of(start, comment, data).filter(|table| table.dialect.header);
            table.ok_or((shape, Framing::LINES))
        }
        shape => {
            let framing = Framing::of(&shape);
            Err((shape, framing))
        }
    }
}

/// Whether the first line has no time before it.
fn begins_otherwise(lines: &[&[u8]]) -> bool {
    let first = lines.iter().find(|line| !line.is_empty());
    first.is_some_and(|line| timed::level_place(line).is_none())
}

fn is(line: &[u8], comment: Option<u8>) -> bool {
    comment.is_some() && line.first() == comment.as_ref()
}

pub(super) const fn bare(body: Body) -> Shape {
    Shape { envelope: None, body }
}

pub(super) const fn json() -> Shape {
    bare(Body::Json)
}

/// The shape of a format that the user named.
pub(super) fn forced_shape(format: Format, lines: &[&[u8]]) -> Shape {
    match format {
        Format::Csv | Format::Json => json(),
        Format::KeyValue => bare(Body::KeyValue),
        Format::Access => bare(Body::Access),
        Format::Ltsv => bare(Body::Labelled { between: LTSV.0, sign: LTSV.1 }),
        Format::Cef => bare(if most(lines, cef::is_leef) { Body::Leef } else { Body::Cef }),
        Format::Xml => bare(Body::WindowsXml),
        Format::Text => bare(Body::Text),
        Format::Syslog => {
            let is_new = lines.iter().any(|line| syslog::split_5424(line).is_some());
            let guess = if is_new { Envelope::Syslog5424 } else { Envelope::Syslog3164 };
            enveloped(lines, Some(syslog_of(lines).unwrap_or(guess)), Some(Evidence::Events))
        }
    }
}

/// How a text's JSON objects are told apart, if they stand over several lines or in an array.
fn spread_json(start: &Start<'_>) -> Option<Framing> {
    let text = start.bytes.strip_prefix(crate::framing::BOM).unwrap_or(start.bytes).trim_ascii_start();
    let inner = text.strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
    let is_array = inner.is_some_and(|inner| inner.first() == Some(&b'{'));
    let first_line = text.split(|byte| *byte == b'\n' || *byte == b'\r').next().unwrap_or_default();
    let is_open = text.first() == Some(&b'{') && !is_object(first_line);
    if !start.is_file {
        return None;
    }
    if has_members(start, text) {
        return Some(Framing::JSON_MEMBERS);
    }
    if !is_array && !is_open {
        return None;
    }
    let block = start.records(Framing::JSON);
    let first = block.iter().next();
    first.is_some_and(|record| is_object(record.bytes)).then_some(Framing::JSON)
}

/// Whether a text is one object, and all that it holds an array of objects, as far as can be seen.
fn has_members(start: &Start<'_>, text: &[u8]) -> bool {
    // Most objects show that they are none by their first value.
    let is_likely = || {
        let key = text.strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
        let value = key.get(memchr::memchr(b'"', key)? + 1..)?.trim_ascii_start().strip_prefix(b":")?;
        let member = value.trim_ascii_start().strip_prefix(b"[")?.trim_ascii_start();
        (member.first() == Some(&b'{')).then_some(())
    };
    if is_likely().is_none() {
        return false;
    }
    // Several such objects are records themselves: each says which members belong together.
    let roots = start.records(Framing::JSON);
    let several = roots.len() > 1 && roots.iter().next().is_some_and(|record| is_object(record.bytes));
    let block = start.records(Framing::JSON_MEMBERS);
    let cut = usize::from(!start.whole && block.len() > 1);
    let mut members = block.iter().take(block.len() - cut);
    !several && !block.is_empty() && members.all(|record| is_object(record.bytes))
}

fn is_object(record: &[u8]) -> bool {
    looks_like_json(record) && serde_json::from_slice::<serde::de::IgnoredAny>(record).is_ok()
}

/// A table, and the first of its records in the text.
struct Table {
    dialect: CsvDialect,
    /// The record before which all is passed over, and whether it is passed over itself.
    begins: Option<(Vec<u8>, bool)>,
}

/// The table that a text holds: by the delimiter whose records, framed by its quotes, are the most regular.
fn table_of(start: &Start<'_>, comment: Option<u8>, lines: &[&[u8]]) -> Option<Table> {
    let mut best: Option<Table> = None;
    let mut most = (0, 0, false);
    for marks in delimited::candidates(start.bytes) {
        let block = start.sample(Framing::csv(&delimited::any_dialect(marks)), comment);
        let records: Vec<&[u8]> = block.iter().map(|record| record.bytes).collect();
        let best_marks = delimited::best_marks(&records, marks.delimiter);
        let skip = delimited::preamble(&records, best_marks);
        let rows = delimited::first_section(records.get(skip..).unwrap_or_default(), best_marks);
        let Body::Csv(dialect) = body_of(&sample(rows), None, Some(Evidence::File)) else { continue };
        // Records are found by what their fields turn out to be written with, or not at all.
        let quotes = dialect.quote == marks.quote || (dialect.quote.is_none() && marks.quote == Some(b'"'));
        let padding = delimited::frames_alike(start.bytes, marks, &dialect);
        let matches =
            dialect.delimiter == marks.delimiter && quotes && padding && dialect.escape == marks.escape;
        // Of two ways that are as regular, the one that leaves nothing out: half of a quoted value is no title.
        let score = (dialect.columns.len(), delimited::regularity(rows, &dialect), skip == 0);
        if matches && score > most && (skip == 0 || delimited::is_table(rows, &dialect)) {
            most = score;
            let first = rows.first().filter(|_| skip > 0);
            best = Some(Table { dialect, begins: first.map(|first| (first.to_vec(), false)) });
        }
    }
    if best.is_some() || body_of(lines, None, None) != Body::Text {
        return best;
    }
    let dialect = delimited::rare(lines)?;
    Some(Table { dialect, begins: None })
}

/// The table that the user says a text holds.
fn forced_table(start: &Start<'_>, comment: Option<u8>, overrides: &Overrides) -> Table {
    let said = said(overrides);
    let mut candidates = said_candidates(start.bytes, overrides);
    // Where nothing is told apart, it is by commas that nothing is.
    candidates.sort_by_key(|marks| marks.delimiter != b',');
    candidates.dedup();
    let mut best: Option<((usize, bool, bool), Table)> = None;
    for marks in candidates {
        let block = start.sample(Framing::csv(&delimited::any_dialect(marks)), comment);
        let records: Vec<&[u8]> = block.iter().map(|record| record.bytes).collect();
        let commas = marks.delimiter == b',' && overrides.delimiter.is_none();
        if commas && delimited::commas_are_decimal(&records) {
            continue;
        }
        let said_marks = said.marks(&records, marks.delimiter);
        let skip = delimited::preamble(&records, said_marks);
        let rows = delimited::first_section(records.get(skip..).unwrap_or_default(), said_marks);
        let (regular, dialect, names_first) = delimited::forced(rows, said_marks, &said);
        let padding = delimited::frames_alike(start.bytes, marks, &dialect);
        let alike = dialect.quote == marks.quote && padding && dialect.escape == marks.escape;
        let score = (regular, alike, skip == 0);
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            let first = rows.first().filter(|_| skip > 0 || names_first);
            let begins = first.map(|first| (first.to_vec(), names_first));
            best = Some((score, Table { dialect, begins }));
        }
    }
    let none = || Table { dialect: delimited::any_dialect(delimited::USUAL), begins: None };
    best.map_or_else(none, |(_, table)| table)
}

/// What the user says of rows.
pub(super) fn said(overrides: &Overrides) -> delimited::Said<'_> {
    delimited::Said {
        quote: overrides.quote,
        escape: overrides.escape,
        padded: overrides.padded,
        header: overrides.header,
        columns: overrides.columns.as_deref(),
    }
}

/// How rows may be written, as far as the user does not say it.
pub(super) fn said_candidates(text: &[u8], overrides: &Overrides) -> Vec<Marks> {
    let mut candidates = delimited::candidates(text);
    for marks in &mut candidates {
        marks.delimiter = overrides.delimiter.unwrap_or(marks.delimiter);
        marks.quote = overrides.quote.unwrap_or(marks.quote);
        marks.escape = overrides.escape.unwrap_or(marks.escape);
        marks.padded = overrides.padded.unwrap_or(marks.padded) && marks.delimiter != BLANK;
    }
    candidates
}

/// The comments of a text, the byte that begins them, and whether the last of them may name the columns.
struct Comments<'a> {
    byte: Option<u8>,
    lines: &'a [&'a [u8]],
    may_name: bool,
}

fn recognised_table(start: &Start<'_>, table: Table, comments: &Comments<'_>) -> RecognisedText {
    let Table { mut dialect, begins } = table;
    if comments.may_name {
        delimited::name_by_comment(&mut dialect, comments.lines);
    }
    dialect.comment = comments.byte;
    let framing = Framing::csv(&dialect);
    let mut facts = BTreeMap::new();
    let mut passed_over = 0;
    if let Some((first, itself)) = begins {
        let block = start.records(framing);
        let place = block.iter().position(|record| record.bytes == first).unwrap_or(0);
        passed_over = place + usize::from(itself);
        let lines = block.iter().take(passed_over).map(|record| String::from_utf8_lossy(record.bytes));
        facts.insert(PREAMBLE_FACT.to_owned(), lines.collect::<Vec<_>>().join("\n"));
    }
    start.recognised(bare(Body::Csv(dialect)), framing.after(passed_over), facts)
}
