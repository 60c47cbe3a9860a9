//! Delimited rows: whether a sample is one, by which delimiter, and whether it begins with a header.
//!
//! Decides by the regularity of field counts, and against prose, which has commas too. Never sees files or
//! envelopes: it is given records.

use std::collections::BTreeMap;

use ingest_core::schema::Fits;
use ingest_core::shape::CsvDialect;

use crate::parse::csv::{FieldForm, Marks, RawField};
use crate::scalar::classify;

/// Delimiters that are tried; of equals the earlier wins.
pub(super) const DELIMITERS: [u8; 4] = [b'\t', b',', b';', b'|'];
const QUOTE: u8 = b'"';
/// Fields that a row has at least; two only where a header vouches for them.
const FIELDS_MIN: usize = 3;
const FIELDS_WITH_HEADER_MIN: usize = 2;
/// Records that have the same count of fields.
const REGULAR_PERCENT: usize = 90;
/// Likewise, in a file whose header differs from its rows in kind: a short file may have a broken row.
const REGULAR_WITH_HEADER_PERCENT: usize = 60;
/// Fields that are words after a blank, beyond which a text is prose.
const PROSE_PERCENT: usize = 50;
/// Longest name that is believed to be a column's.
const NAME_LEN_MAX: usize = 64;

/// What the records are a sample of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Messages, which are mostly no CSV and mostly have no header.
    Events,
    /// A file's beginning, where a header is to be expected.
    File,
}

/// The dialect of the records, if they are delimited rows.
pub(super) fn dialect(records: &[&[u8]], evidence: Evidence, enveloped: bool) -> Option<CsvDialect> {
    let records: Vec<&[u8]> = records.iter().copied().filter(|record| !record.is_empty()).collect();
    let mut best: Option<(usize, CsvDialect)> = None;
    for delimiter in DELIMITERS {
        let Some((score, dialect)) = try_delimiter(&records, delimiter, evidence, enveloped) else {
            continue;
        };
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, dialect));
        }
    }
    best.map(|(_, dialect)| dialect)
}

/// A dialect for finding records before anything but a delimiter is assumed.
pub(super) const fn any_dialect(delimiter: u8) -> CsvDialect {
    new_dialect(Marks { delimiter, quote: Some(QUOTE), escape: None }, Vec::new())
}

const fn new_dialect(marks: Marks, columns: Vec<String>) -> CsvDialect {
    CsvDialect {
        delimiter: marks.delimiter,
        quote: marks.quote,
        escape: marks.escape,
        columns,
        header: false,
        null: None,
        comment: None,
    }
}

fn try_delimiter(
    records: &[&[u8]],
    delimiter: u8,
    evidence: Evidence,
    enveloped: bool,
) -> Option<(usize, CsvDialect)> {
    let marks = best_marks(records, delimiter);
    let (fields, regular) = usual_count(records, marks);
    if fields < FIELDS_WITH_HEADER_MIN {
        return None;
    }
    let header = if enveloped { None } else { header_of(records, marks, fields, evidence) };
    let proven = header.as_ref().is_some_and(|header| header.proven);
    let vouched = proven && evidence == Evidence::File;
    let percent = if vouched { REGULAR_WITH_HEADER_PERCENT } else { REGULAR_PERCENT };
    let too_narrow = fields < FIELDS_MIN && !vouched;
    if too_narrow || regular * 100 < records.len() * percent || (!proven && is_prose(records, marks)) {
        return None;
    }
    let mut dialect = new_dialect(marks, Vec::new());
    dialect.header = header.is_some();
    dialect.columns = match header {
        Some(header) => header.names,
        None => (1..=fields).map(|place| format!("c{place}")).collect(),
    };
    Some((fields, dialect))
}

/// Quotes and escapes with which the fewest fields are malformed. Tabs mostly come without quotes.
fn best_marks(records: &[&[u8]], delimiter: u8) -> Marks {
    let doubled = Marks { delimiter, quote: Some(QUOTE), escape: None };
    let escaped = Marks { escape: Some(b'\\'), ..doubled };
    let none = Marks { quote: None, ..doubled };
    let malformed = |marks: Marks| {
        let mut count = 0_usize;
        for record in records {
            marks.split(record, |field| {
                count += usize::from(matches!(field.form, FieldForm::Literal | FieldForm::Unclosed));
            });
        }
        count
    };
    let (with_doubled, with_escaped) = (malformed(doubled), malformed(escaped));
    let best = if with_escaped < with_doubled { escaped } else { doubled };
    let quoted = records.iter().any(|record| memchr::memchr(QUOTE, record).is_some());
    let unquoted = delimiter == b'\t' && (!quoted || with_doubled.min(with_escaped) > 0);
    if unquoted { none } else { best }
}

/// The most frequent count of fields, and how many records have it.
fn usual_count(records: &[&[u8]], marks: Marks) -> (usize, usize) {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for record in records {
        let mut fields = 0;
        marks.split(record, |_| fields += 1);
        *counts.entry(fields).or_insert(0) += 1;
    }
    counts.into_iter().max_by_key(|(fields, times)| (*times, *fields)).unwrap_or((0, 0))
}

/// Whether the parts read like clauses: several words after a comma and a blank, or very long.
fn is_prose(records: &[&[u8]], marks: Marks) -> bool {
    let (mut parts, mut clauses) = (0_usize, 0_usize);
    for record in records {
        let mut first = true;
        marks.split(record, |field| {
            let words = field.text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).count();
            let blank = field.text.first() == Some(&b' ');
            if !first {
                parts += 1;
                clauses += usize::from(
                    field.form == FieldForm::Plain && blank && words >= 1 && !is_value(field.text),
                );
            }
            first = false;
        });
    }
    clauses * 100 >= parts.max(1) * PROSE_PERCENT
}

/// Whether a field after a blank is a number or the like, which prose seldom lists.
fn is_value(text: &[u8]) -> bool {
    classify(text.trim_ascii()) != Fits::TEXT
}

struct Header {
    names: Vec<String>,
    /// Whether the other rows differ from the names in kind, not only in text.
    proven: bool,
}

/// The first record as column names, if it is a header.
fn header_of(records: &[&[u8]], marks: Marks, fields: usize, evidence: Evidence) -> Option<Header> {
    let (first, rest) = records.split_first()?;
    let mut names = Vec::new();
    let mut all_names = true;
    marks.split(first, |field| {
        let name = marks.name_of(field);
        all_names &= is_name(&name, evidence);
        names.push(name);
    });
    if names.len() != fields || !all_names || !unique(&names, evidence) {
        return None;
    }
    let mut columns = vec![Fits::ANY; fields];
    let mut repeated = false;
    for record in rest {
        let mut place = 0;
        marks.split(record, |field| {
            if let (Some(fits), Some(name)) = (columns.get_mut(place), names.get(place)) {
                *fits = *fits & fits_of(field);
                repeated |= !name.is_empty() && field.text == name.as_bytes();
            }
            place += 1;
        });
    }
    let proven = columns.iter().any(|fits| *fits != Fits::ANY && *fits != Fits::TEXT);
    match evidence {
        Evidence::Events => (proven && !repeated).then_some(Header { names, proven }),
        Evidence::File => (proven || !repeated).then_some(Header { names, proven }),
    }
}

fn fits_of(field: RawField<'_>) -> Fits {
    if field.text.is_empty() { Fits::ANY } else { classify(field.text) }
}

/// Whether a text could name a column: a word or a few, and no value.
fn is_name(name: &str, evidence: Evidence) -> bool {
    if name.is_empty() {
        return evidence == Evidence::File;
    }
    if name.len() > NAME_LEN_MAX || classify(name.as_bytes()) != Fits::TEXT {
        return false;
    }
    match evidence {
        Evidence::Events => name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')),
        Evidence::File => name.chars().any(char::is_alphabetic) && !name.contains("://"),
    }
}

/// Names may repeat in files, but most must differ.
fn unique(names: &[String], evidence: Evidence) -> bool {
    let mut sorted: Vec<&String> = names.iter().filter(|name| !name.is_empty()).collect();
    sorted.sort_unstable();
    let all = sorted.len();
    sorted.dedup();
    match evidence {
        Evidence::Events => sorted.len() == names.len(),
        Evidence::File => all > 0 && sorted.len() * 2 > names.len(),
    }
}
