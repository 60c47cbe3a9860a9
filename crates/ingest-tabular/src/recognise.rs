//! Recognising: the shape of a log from a sample of its text.
//!
//! Decides envelope and body by majority, once; the answer is kept with the log's schema. When in doubt it is
//! text, which loses nothing. Never guarantees that every record parses: those that do not are quarantined.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ingest_core::records::RecordBlock;
use ingest_core::shape::{Body, Envelope, Inner, Outer, Shape};

use crate::parse::{access, cef, cri, envelope, labels, levelled, syslog, timed, uptime, xml};
use delimited::Evidence;
pub use file::{RecognisedText, recognise_file, recognise_text};
pub use overrides::{Format, Overrides};
pub use records::recognise_records;

mod delimited;
mod directives;
mod file;
mod overrides;
mod paired;
mod records;

/// Records of a sample that are looked at: enough for a majority, and cheap.
const SAMPLE_RECORDS: usize = 1_000;
/// A body is pairs where this many percent of the records have them. Below half, because stack traces are shipped a line
/// an event.
const PAIRS_PERCENT: usize = 40;
const MAJORITY_PERCENT: usize = 50;
/// Lines that begin with a time in what is text otherwise: each may have a long stack trace behind it.
const TIMED_IN_TEXT_PERCENT: usize = 10;

/// The shape of a log from events of the API.
#[must_use]
pub fn recognise(sample: &RecordBlock) -> Shape {
    let records: Vec<&[u8]> = sample.iter().map(|record| record.bytes).collect();
    shape_of(&records, Evidence::Events)
}

fn shape_of(records: &[&[u8]], evidence: Evidence) -> Shape {
    let records = sample(records);
    let envelope = envelope_of(&records);
    let shape = enveloped(&records, envelope, Some(evidence));
    timed_instead_of_text(&records, shape)
}

/// The shape of lines, were there no delimited rows in the world.
fn without_delimiters(lines: &[&[u8]]) -> Shape {
    let lines = sample(lines);
    let envelope = envelope_of(&lines);
    let shape = enveloped(&lines, envelope, envelope.map(|_| Evidence::Events));
    // Pairs compete with delimiters, which are only looked for in whole records.
    let competes = shape == Shape { envelope: None, body: Body::KeyValue };
    if competes { Shape { envelope: None, body: Body::Text } } else { shape }
}

/// The shape of lines that are no table.
fn without_table(lines: &[&[u8]]) -> Shape {
    let lines = sample(lines);
    let shape = enveloped(&lines, None, None);
    timed_instead_of_text(&lines, shape)
}

fn sample<'a>(records: &[&'a [u8]]) -> Vec<&'a [u8]> {
    records.iter().copied().filter(|record| !record.is_empty()).take(SAMPLE_RECORDS).collect()
}

fn enveloped(records: &[&[u8]], envelope: Option<Envelope>, evidence: Option<Evidence>) -> Shape {
    let within = bodies(envelope, records);
    let body = body_of(&within, envelope, evidence);
    let is_levelled = || body == Body::Text && levelled_of(&within).is_some();
    let outer = envelope.and_then(Outer::of).filter(|_| is_levelled());
    match outer {
        Some(outer) => {
            let envelope = Some(Envelope::Within { outer, inner: Inner::Levelled });
            Shape { envelope, body: body_of(&bodies(envelope, records), envelope, evidence) }
        }
        None => Shape { envelope, body },
    }
}

/// Text of which some lines begin with a time, as where each has a stack trace behind it, is those lines': the others
/// are messages as well. So is text of which most lines begin with a level, or with seconds since a start.
fn timed_instead_of_text(records: &[&[u8]], shape: Shape) -> Shape {
    if shape != (Shape { envelope: None, body: Body::Text }) {
        return shape;
    }
    let untimed = || {
        let is_uptime = most(records, |record| uptime::split(record).is_some());
        if is_uptime { Some(Envelope::Uptime) } else { levelled_of(records) }
    };
    let timed = parted_of(records).or_else(|| programs_of(records, TIMED_IN_TEXT_PERCENT));
    match timed.or_else(untimed) {
        Some(envelope) => enveloped(records, Some(envelope), Some(Evidence::Events)),
        None => shape,
    }
}

fn levelled_of(records: &[&[u8]]) -> Option<Envelope> {
    most(records, |record| levelled::split(record).is_some()).then_some(Envelope::Levelled)
}

fn envelope_of(records: &[&[u8]]) -> Option<Envelope> {
    let envelope = outermost_of(records)?;
    let Some(outer) = Outer::of(envelope) else { return Some(envelope) };
    let bodies = bodies(Some(envelope), records);
    let within = syslog_of(&bodies).or_else(|| timed_of(&bodies, MAJORITY_PERCENT + 1));
    let inner = within.and_then(Inner::of);
    Some(inner.map_or(envelope, |inner| Envelope::Within { outer, inner }))
}

fn outermost_of(records: &[&[u8]]) -> Option<Envelope> {
    if most(records, |record| cri::split(record).is_some()) {
        return Some(Envelope::Cri);
    }
    syslog_of(records).or_else(|| programs_of(records, MAJORITY_PERCENT + 1))
}

fn syslog_of(records: &[&[u8]]) -> Option<Envelope> {
    if most(records, |record| syslog::split_5424(record).is_some()) {
        return Some(Envelope::Syslog5424);
    }
    let sure = |record: &[u8]| syslog::split_3164(record).is_some_and(|header| header.is_sure());
    most(records, sure).then_some(Envelope::Syslog3164)
}

/// The envelope of lines of which so many percent begin with a time, or with the level of the line before them.
fn programs_of(records: &[&[u8]], percent_min: usize) -> Option<Envelope> {
    let timed = timed_of(records, percent_min);
    let has_level = timed.is_some_and(has_level);
    if has_level || !are_two_lines(records, percent_min) { timed } else { Some(Envelope::TwoLines) }
}

/// Whether times and levels stand in lines of their own, at least one level for two times.
fn are_two_lines(records: &[&[u8]], percent_min: usize) -> bool {
    let count = |test: fn(&[u8]) -> bool| records.iter().filter(|record| test(record)).count();
    let timed = count(|record| timed::level_place(record) == Some(None));
    timed > 0 && {
        let levelled = count(|record| levelled::split(record).is_some());
        levelled * 2 >= timed && (timed + levelled) * 100 >= records.len() * percent_min
    }
}

/// The envelope of lines of which so many percent begin with a time, and the place of the level in most of those. None
/// where they are rows of a layout that begins with one.
fn timed_of(records: &[&[u8]], percent_min: usize) -> Option<Envelope> {
    let places: Vec<Option<u8>> = records.iter().filter_map(|record| timed::level_place(record)).collect();
    let is_timed = !places.is_empty() && places.len() * 100 >= records.len() * percent_min;
    if !is_timed || crate::catalogue::dialect_of(records, false).is_some() {
        return None;
    }
    Some(Envelope::Timed { level_after: usual_place(&places) })
}

/// The envelope of text of which some lines begin with a time, a mark, and a level behind as many fields in most of those.
/// None where more have no mark.
fn parted_of(records: &[&[u8]]) -> Option<Envelope> {
    let unmarked = records.iter().filter(|record| timed::level_place(record).is_some()).count();
    timed::MARKS.into_iter().find_map(|mark| {
        let place = |record: &&[u8]| timed::level_place_parted(record, mark);
        let places: Vec<Option<u8>> = records.iter().map(place).filter(Option::is_some).collect();
        let enough = places.len() * 100 >= records.len() * TIMED_IN_TEXT_PERCENT;
        let is_timed = enough && places.len() > unmarked;
        let level_after = usual_place(&places).filter(|_| is_timed)?;
        Some(Envelope::Parted { level_after, mark })
    })
}

/// The place that most levels have, if as many lines have one; of equals the first.
fn usual_place(places: &[Option<u8>]) -> Option<u8> {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    for place in places.iter().flatten() {
        *counts.entry(*place).or_insert(0) += 1;
    }
    let best = counts.into_iter().max_by_key(|(place, count)| (*count, Reverse(*place)));
    let (place, count) = best?;
    (count * 100 >= places.len() * MAJORITY_PERCENT).then_some(place)
}

fn bodies<'a>(envelope: Option<Envelope>, records: &[&'a [u8]]) -> Vec<&'a [u8]> {
    match envelope {
        None => records.to_vec(),
        Some(envelope) => {
            let headers = records.iter().filter_map(|record| envelope::split(envelope, record));
            headers.filter_map(|header| header.body()).collect()
        }
    }
}

fn body_of(bodies: &[&[u8]], envelope: Option<Envelope>, evidence: Option<Evidence>) -> Body {
    if let Some(dialect) = crate::catalogue::dialect_of(bodies, envelope.is_some()) {
        return Body::Csv(dialect);
    }
    if most(bodies, looks_like_json) {
        return Body::Json;
    }
    if most(bodies, cef::is_event) {
        return if most(bodies, cef::is_leef) { Body::Leef } else { Body::Cef };
    }
    if most(bodies, xml::is_event) {
        return Body::WindowsXml;
    }
    if most(bodies, |line| access::split(line).is_some()) {
        return Body::Access;
    }
    let labelled = |signs| most(bodies, |body| labels::is_record(body, signs));
    if labelled(labels::LTSV) {
        return Body::Labelled { between: labels::LTSV.0, sign: labels::LTSV.1 };
    }
    if labelled(labels::TABBED) && bodies.iter().any(|body| labels::has_blanks(body, labels::TABBED)) {
        return Body::Labelled { between: labels::TABBED.0, sign: labels::TABBED.1 };
    }
    if share(bodies, paired::is_mostly) >= PAIRS_PERCENT {
        return Body::KeyValue;
    }
    if let Some((between, sign)) = labels::PAIRS.into_iter().find(|signs| labelled(*signs)) {
        return Body::Labelled { between, sign };
    }
    // Behind a level stands what people read.
    let evidence = evidence.filter(|_| !envelope.is_some_and(has_level));
    let dialect = evidence.and_then(|evidence| delimited::dialect(bodies, evidence, envelope.is_some()));
    match dialect {
        Some(dialect) => Body::Csv(dialect),
        None if share(bodies, paired::is_in_part) >= PAIRS_PERCENT => Body::KeyValue,
        None => Body::Text,
    }
}

const fn has_level(envelope: Envelope) -> bool {
    match envelope {
        Envelope::Timed { level_after } => level_after.is_some(),
        Envelope::Parted { .. } | Envelope::TwoLines | Envelope::Levelled => true,
        Envelope::Within { inner, .. } => has_level(inner.envelope()),
        Envelope::Syslog3164 | Envelope::Syslog5424 | Envelope::Cri | Envelope::Uptime => false,
    }
}

/// Whether it is an object, or one that was cut.
fn looks_like_json(body: &[u8]) -> bool {
    let inner = body.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    inner.is_some_and(|inner| matches!(inner.first(), Some(b'"' | b'}')))
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
