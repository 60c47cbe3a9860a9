//! Recognising: the shape of a log from a sample of its text.
//!
//! Decides envelope and body by majority, once; the answer is kept with the log's schema. When in doubt it is
//! text, which loses nothing. Never guarantees that every record parses: those that do not are quarantined.

use ingest_core::records::RecordBlock;
use ingest_core::shape::{Body, Envelope, Shape};

use crate::parse::{access, cef, pairs, syslog};
use delimited::Evidence;
pub use file::{RecognisedText, recognise_file, recognise_text};
pub use overrides::{Format, Overrides};
pub use records::recognise_records;

mod delimited;
mod directives;
mod file;
mod overrides;
mod records;

/// Records of a sample that are looked at: enough for a majority, and cheap.
const SAMPLE_RECORDS: usize = 1_000;
/// A body is pairs where this many percent of the records have at least [`PAIRS_MIN`]. Below half, because
/// stack traces are shipped a line an event.
const PAIRS_PERCENT: usize = 40;
const PAIRS_MIN: usize = 2;
/// Pairs that cover this share of a text are its content even where delimiters are regular, too.
const PAIRS_COVER_PERCENT: usize = 50;
const MAJORITY_PERCENT: usize = 50;

/// The shape of a log from events of the API.
#[must_use]
pub fn recognise(sample: &RecordBlock) -> Shape {
    let records: Vec<&[u8]> = sample.iter().map(|record| record.bytes).collect();
    shape_of(&records, Evidence::Events)
}

fn shape_of(records: &[&[u8]], evidence: Evidence) -> Shape {
    let records: Vec<&[u8]> =
        records.iter().copied().filter(|r| !r.is_empty()).take(SAMPLE_RECORDS).collect();
    let envelope = envelope_of(&records);
    let bodies = bodies(envelope, &records);
    Shape { envelope, body: body_of(&bodies, envelope, Some(evidence)) }
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
    if let Some(dialect) = crate::catalogue::dialect_of(bodies) {
        return Body::Csv(dialect);
    }
    if most(bodies, looks_like_json) {
        return Body::Json;
    }
    if most(bodies, cef::is_event) {
        return Body::Cef;
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

#[cfg(test)]
mod tests;
