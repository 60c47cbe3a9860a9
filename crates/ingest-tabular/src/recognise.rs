//! Recognising: the shape of a log from a sample of its text.
//!
//! Decides envelope and body by majority, once; the answer is kept with the log's schema. When in doubt it is
//! text, which loses nothing. Never guarantees that every record parses: those that do not are quarantined.

use std::collections::BTreeMap;

use ingest_core::records::RecordBlock;
use ingest_core::shape::{Body, Envelope, Shape};

use crate::framing::{BOM, Framer, Framing};
use crate::parse::{access, pairs, syslog};
use delimited::Evidence;

mod delimited;
mod directives;

/// Records of a sample that are looked at: enough for a majority, and cheap.
const SAMPLE_RECORDS: usize = 1_000;
/// A body is pairs where this many percent of the records have at least [`PAIRS_MIN`]. Below half, because
/// stack traces are shipped a line an event.
const PAIRS_PERCENT: usize = 40;
const PAIRS_MIN: usize = 2;
/// Pairs that cover this share of a text are its content even where delimiters are regular, too.
const PAIRS_COVER_PERCENT: usize = 50;
const MAJORITY_PERCENT: usize = 50;

/// What the beginning of a file or stream showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecognisedText {
    /// The shape of its records.
    pub shape: Shape,
    /// How its bytes are cut into records.
    pub framing: Framing,
    /// What directives before the records say, as Zeek's `#path`; for footers and people.
    pub facts: BTreeMap<String, String>,
}

/// The shape of a log from events of the API.
#[must_use]
pub fn recognise(sample: &RecordBlock) -> Shape {
    let records: Vec<&[u8]> = sample.iter().map(|record| record.bytes).collect();
    shape_of(&records, Evidence::Events)
}

/// The shape and framing of a file or stream from its first bytes. `whole` says that there are no more.
#[must_use]
pub fn recognise_text(prefix: &[u8], whole: bool) -> RecognisedText {
    let text = prefix.strip_prefix(BOM).unwrap_or(prefix);
    let lines = complete_lines(text, whole);
    if let Some((dialect, facts)) = directives::read(&lines) {
        let framing = Framing::csv(&dialect);
        return RecognisedText { shape: Shape { envelope: None, body: Body::Csv(dialect) }, framing, facts };
    }
    let comment = lines.first().is_some_and(|line| line.starts_with(b"#")).then_some(b'#');
    let data: Vec<&[u8]> =
        lines.into_iter().filter(|line| comment.is_none() || line.first() != comment.as_ref()).collect();
    let mut shape = without_delimiters(&data);
    if shape.body == Body::Text && shape.envelope.is_none() {
        shape.body = file_body(text, whole, comment, &data);
    }
    if let Body::Csv(dialect) = &mut shape.body {
        dialect.comment = comment;
    }
    let framing = Framing::of(&shape);
    RecognisedText { shape, framing, facts: BTreeMap::new() }
}

fn shape_of(records: &[&[u8]], evidence: Evidence) -> Shape {
    let records: Vec<&[u8]> =
        records.iter().copied().filter(|r| !r.is_empty()).take(SAMPLE_RECORDS).collect();
    let envelope = envelope_of(&records);
    let bodies = bodies(envelope, &records);
    Shape { envelope, body: body_of(&bodies, envelope, Some(evidence)) }
}

/// The body of a file that is neither JSON, access lines nor syslog: rows by the delimiter whose records,
/// framed by its own quotes, are the most regular; else pairs or text.
fn file_body(text: &[u8], whole: bool, comment: Option<u8>, lines: &[&[u8]]) -> Body {
    let mut best: Option<Body> = None;
    let mut fields = 0;
    for delimiter in delimited::DELIMITERS {
        let block = quoted_records(text, delimiter, whole);
        let records: Vec<&[u8]> = block
            .iter()
            .map(|record| record.bytes)
            .filter(|record| comment.is_none() || record.first() != comment.as_ref())
            .collect();
        let body = shape_of(&records, Evidence::File).body;
        if let Body::Csv(dialect) = &body
            && dialect.delimiter == delimiter
            && dialect.columns.len() > fields
        {
            fields = dialect.columns.len();
            best = Some(body);
        }
    }
    best.unwrap_or_else(|| body_of(lines, None, None))
}

/// The shape of lines, were there no delimited rows in the world.
fn without_delimiters(lines: &[&[u8]]) -> Shape {
    let lines: Vec<&[u8]> = lines.iter().copied().filter(|r| !r.is_empty()).take(SAMPLE_RECORDS).collect();
    let envelope = envelope_of(&lines);
    let bodies = bodies(envelope, &lines);
    if envelope.is_some() {
        return Shape { envelope, body: body_of(&bodies, envelope, Some(Evidence::Events)) };
    }
    let body = body_of(&bodies, envelope, None);
    // Pairs compete with delimiters, which are only looked for in whole records.
    Shape { envelope, body: if body == Body::KeyValue { Body::Text } else { body } }
}

fn envelope_of(records: &[&[u8]]) -> Option<Envelope> {
    let bsd = |record: &[u8]| {
        // A bare RFC 3339 time begins many lines; only with a program's tag is it syslog's.
        syslog::split(Envelope::Syslog3164, record).is_some_and(|header| {
            header.priority.is_some()
                || header.time.is_some_and(|time| time.first().is_some_and(u8::is_ascii_alphabetic))
                || header.app.is_some()
        })
    };
    if most(records, |record| syslog::split(Envelope::Syslog5424, record).is_some()) {
        return Some(Envelope::Syslog5424);
    }
    most(records, bsd).then_some(Envelope::Syslog3164)
}

fn bodies<'a>(envelope: Option<Envelope>, records: &[&'a [u8]]) -> Vec<&'a [u8]> {
    match envelope {
        None => records.to_vec(),
        Some(envelope) => {
            let headers = records.iter().filter_map(|record| syslog::split(envelope, record));
            headers.filter_map(|header| header.body).collect()
        }
    }
}

fn body_of(bodies: &[&[u8]], envelope: Option<Envelope>, evidence: Option<Evidence>) -> Body {
    if most(bodies, looks_like_json) {
        return Body::Json;
    }
    if envelope.is_none() && most(bodies, |line| access::split(line).is_some()) {
        return Body::Access;
    }
    let has_pairs = share(bodies, |body| pairs_of(body).0 >= PAIRS_MIN) >= PAIRS_PERCENT;
    let mostly_pairs = |body: &[u8]| {
        let (count, covered) = pairs_of(body);
        count >= PAIRS_MIN && covered * 100 >= body.len() * PAIRS_COVER_PERCENT
    };
    if has_pairs && share(bodies, mostly_pairs) >= PAIRS_PERCENT {
        return Body::KeyValue;
    }
    let dialect = evidence.and_then(|evidence| delimited::dialect(bodies, evidence, envelope.is_some()));
    match dialect {
        Some(dialect) => Body::Csv(dialect),
        None if has_pairs => Body::KeyValue,
        None => Body::Text,
    }
}

/// Whether it is an object, or one that was cut.
fn looks_like_json(body: &[u8]) -> bool {
    let inner = body.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    inner.is_some_and(|inner| matches!(inner.first(), Some(b'"' | b'}')))
}

/// How many pairs a text has, and how many of its bytes they are.
fn pairs_of(text: &[u8]) -> (usize, usize) {
    let (mut at, mut count, mut covered) = (0, 0, 0);
    while let Some((start, pair)) = pairs::next_pair(text, at) {
        count += 1;
        covered += pair.end - start + 1;
        at = pair.end;
    }
    (count, covered)
}

fn most(records: &[&[u8]], test: impl Fn(&[u8]) -> bool) -> bool {
    share(records, test) > MAJORITY_PERCENT
}

/// The percentage of records that pass.
fn share(records: &[&[u8]], test: impl Fn(&[u8]) -> bool) -> usize {
    let passed = records.iter().filter(|record| test(record)).count();
    (passed * 100).checked_div(records.len()).unwrap_or(0)
}

/// The lines of a text; the last one only if it is known to be whole.
fn complete_lines(text: &[u8], whole: bool) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let last = lines.pop();
    if let Some(last) = last.filter(|last| !last.is_empty() && (whole || lines.is_empty())) {
        lines.push(last);
    }
    lines.iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect()
}

/// The records of a text whose quoted fields may hold line feeds.
fn quoted_records(text: &[u8], delimiter: u8, whole: bool) -> RecordBlock {
    let mut block = RecordBlock::default();
    let mut framer = Framer::new(Framing::csv(&delimited::any_dialect(delimiter)));
    framer.push(text, &mut block);
    if whole || block.is_empty() {
        framer.finish(&mut block);
    }
    block
}

#[cfg(test)]
mod tests;
