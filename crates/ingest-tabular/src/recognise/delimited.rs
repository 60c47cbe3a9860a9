//! Delimited rows: whether a sample is one, by which delimiter, and whether it begins with a header.
//!
//! Decides by the regularity of field counts, and against prose, which has commas too. Never sees files or
//! envelopes: it is given records.

use std::collections::BTreeMap;

use ingest_core::schema::Fits;
use ingest_core::shape::CsvDialect;

use crate::parse::csv::{self, Columns, FieldForm, Marks, RawField};
use crate::scalar::classify;

/// Delimiters that are tried; of equals the earlier wins.
const DELIMITERS: [u8; 4] = [b'\t', b',', b';', b'|'];
/// Delimiters that are tried in files where none of those gives rows.
const RARE_DELIMITERS: [u8; 6] = [0x1f, 0x01, b'^', b'~', b':', b' '];
const QUOTE: u8 = b'"';
const SINGLE_QUOTE: u8 = b'\'';
/// Fields that a row has at least; two only where a header vouches for them.
const FIELDS_MIN: usize = 3;
const FIELDS_WITH_HEADER_MIN: usize = 2;
/// Records that have the same count of fields.
const REGULAR_PERCENT: usize = 90;
/// Likewise, in a file whose header differs from its rows in kind: a short file may have a broken row.
const REGULAR_WITH_HEADER_PERCENT: usize = 60;
/// Fields that are words after a blank, beyond which a text is prose.
const PROSE_PERCENT: usize = 50;
/// Fields without which colons are but punctuation.
const COLON_FIELDS_MIN: usize = 5;
/// Records before a table that may be titles and notes, and rows that vouch for it then.
const PREAMBLE_MAX: usize = 20;
const ROWS_AFTER_PREAMBLE_MIN: usize = 3;

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

/// Delimiters and quotes by which a text's records may be found.
pub(super) fn candidates(text: &[u8]) -> Vec<(u8, u8)> {
    let double = DELIMITERS.into_iter().map(|delimiter| (delimiter, QUOTE));
    let has_single = memchr::memchr(SINGLE_QUOTE, text).is_some();
    let single = DELIMITERS.into_iter().filter(|_| has_single).map(|delimiter| (delimiter, SINGLE_QUOTE));
    double.chain(single).collect()
}

/// A dialect for finding records before anything but delimiter and quote is assumed.
pub(super) const fn any_dialect(delimiter: u8, quote: Option<u8>) -> CsvDialect {
    new_dialect(Marks { delimiter, quote, escape: None }, Vec::new())
}

/// How many records stand before the table: titles and notes, with half of its fields at most.
pub(super) fn preamble(records: &[&[u8]], delimiter: u8) -> usize {
    let marks = best_marks(records, delimiter);
    let (fields, _) = usual_count(records, marks);
    let head = records.get(..PREAMBLE_MAX + 1).unwrap_or(records);
    let first = head.iter().position(|record| count(record, marks) == fields).unwrap_or(0);
    let filled = |record: &[u8]| {
        let mut filled = 0;
        marks.split(record, |field| filled += usize::from(!field.text.is_empty()));
        filled
    };
    let titles = head.iter().take(first).all(|record| filled(record) * 2 <= fields);
    if titles && fields >= FIELDS_WITH_HEADER_MIN { first } else { 0 }
}

/// The records up to a header that says other columns than the first record does: what follows has another form.
pub(super) fn first_section<'a, 'b>(records: &'a [&'b [u8]], delimiter: u8) -> &'a [&'b [u8]] {
    let marks = best_marks(records, delimiter);
    let Some((first, rest)) = records.split_first() else { return records };
    let names = names(first, marks);
    if !names.iter().all(|name| is_name(name, Evidence::File)) || !unique(&names, Evidence::File) {
        return records;
    }
    let columns = Columns::new(names.clone());
    let others = |record: &&[u8]| columns.named_by(marks, record).is_some_and(|others| others != names);
    let end = rest.iter().position(others).map_or(records.len(), |place| place + 1);
    records.get(..end).unwrap_or(records)
}

/// Whether the rows behind titles are surely a table.
pub(super) fn is_table(rows: &[&[u8]], dialect: &CsvDialect) -> bool {
    let (fields, regular) = usual_count(rows, Marks::of(dialect));
    rows.len() >= ROWS_AFTER_PREAMBLE_MIN
        && fields >= FIELDS_MIN
        && regular * 100 >= rows.len() * REGULAR_WITH_HEADER_PERCENT
}

/// Rows by a delimiter that text has for other reasons, too: all must be regular. Colons need many fields or a
/// header that differs from the rows in kind, blanks need the header.
pub(super) fn rare(lines: &[&[u8]]) -> Option<CsvDialect> {
    let records: Vec<&[u8]> = lines.iter().copied().filter(|line| !line.is_empty()).collect();
    RARE_DELIMITERS.into_iter().find_map(|delimiter| {
        let records = first_section(&records, delimiter);
        let marks = best_marks(records, delimiter);
        let (fields, regular) = usual_count(records, marks);
        if fields < FIELDS_MIN || records.len() < 2 || regular < records.len() {
            return None;
        }
        let header = header_of(records, marks, fields, Evidence::File).filter(|header| header.proven);
        let enough = match delimiter {
            b' ' => header.is_some(),
            b':' => header.is_some() || (fields >= COLON_FIELDS_MIN && !is_prose(records, marks)),
            _ => true,
        };
        enough.then(|| with_columns(marks, fields, header))
    })
}

/// What the user says of rows.
pub(super) struct Said<'a> {
    pub(super) quote: Option<Option<u8>>,
    pub(super) escape: Option<Option<u8>>,
    pub(super) header: Option<bool>,
    pub(super) columns: Option<&'a [String]>,
}

/// The dialect of rows that the user says are some: how many records have its count of fields, the dialect, and
/// whether the first record holds names that are not the columns'.
pub(super) fn forced(records: &[&[u8]], delimiter: u8, said: &Said<'_>) -> (usize, CsvDialect, bool) {
    let mut marks = best_marks(records, delimiter);
    if let Some(quote) = said.quote {
        let escape = marks.escape.filter(|_| quote.is_some());
        marks = Marks { quote, escape, ..marks };
    }
    if let Some(escape) = said.escape {
        marks.escape = escape;
    }
    let (fields, regular) = usual_count(records, marks);
    let header = match said.header {
        Some(false) => None,
        Some(true) => records.first().map(|first| Header { names: names(first, marks), proven: true }),
        None => header_of(records, marks, fields, Evidence::File),
    };
    let regular = if fields > 1 { regular } else { 0 };
    let Some(columns) = said.columns else {
        return (regular, with_columns(marks, fields.max(1), header), false);
    };
    // Names that were given stand for a header's only where there surely is one.
    let header = header.filter(|header| header.proven || header.names == columns);
    let names_first = header.as_ref().is_some_and(|header| header.names != columns);
    let mut dialect = new_dialect(marks, columns.to_vec());
    dialect.header = header.is_some() && !names_first;
    (regular, dialect, names_first)
}

/// Takes the columns' names from the last comment, where it is one field a column and the rows have no names.
pub(super) fn name_by_comment(dialect: &mut CsvDialect, comments: &[&[u8]]) {
    let marks = Marks::of(dialect);
    let Some(comment) = comments.last().and_then(|line| line.get(1..)) else { return };
    let names = names(comment.trim_ascii_start(), marks);
    let fits =
        names.len() == dialect.columns.len() && names.iter().all(|name| is_name(name, Evidence::Events));
    if fits && !dialect.header && unique(&names, Evidence::Events) {
        dialect.columns = names;
    }
}

fn names(record: &[u8], marks: Marks) -> Vec<String> {
    let mut names = Vec::new();
    marks.split(record, |field| names.push(marks.name_of(field)));
    names
}

fn with_columns(marks: Marks, fields: usize, header: Option<Header>) -> CsvDialect {
    let mut dialect = new_dialect(marks, Vec::new());
    dialect.header = header.is_some();
    dialect.columns = match header {
        Some(header) => header.names,
        None => (1..=fields).map(|place| format!("c{place}")).collect(),
    };
    dialect
}

const fn new_dialect(marks: Marks, columns: Vec<String>) -> CsvDialect {
    CsvDialect {
        delimiter: marks.delimiter,
        quote: marks.quote,
        escape: marks.escape,
        columns,
        header: false,
        null: None,
        empty: None,
        comment: None,
        collapse: false,
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
    Some((fields, with_columns(marks, fields, header)))
}

/// Quotes and escapes with which the fewest fields are malformed. Tabs mostly come without quotes.
fn best_marks(records: &[&[u8]], delimiter: u8) -> Marks {
    let doubled = Marks { delimiter, quote: Some(QUOTE), escape: None };
    let escaped = Marks { escape: Some(b'\\'), ..doubled };
    let none = Marks { quote: None, ..doubled };
    let (malformed, enclosed) = quality(records, doubled);
    let with_escaped = quality(records, escaped).0;
    if malformed == 0 && enclosed == 0 && records.iter().any(|r| memchr::memchr(SINGLE_QUOTE, r).is_some()) {
        // Apostrophes begin words, too: single quotes are believed only where each encloses a field.
        let single = Marks { quote: Some(SINGLE_QUOTE), ..doubled };
        let escaped = Marks { quote: Some(SINGLE_QUOTE), ..escaped };
        for marks in [single, escaped] {
            if let (0, 1..) = quality(records, marks) {
                return marks;
            }
        }
    }
    let best = if with_escaped < malformed { escaped } else { doubled };
    let quoted = records.iter().any(|record| memchr::memchr(QUOTE, record).is_some());
    let unquoted = delimiter == b'\t' && (!quoted || malformed.min(with_escaped) > 0);
    if unquoted { none } else { best }
}

/// How many fields are malformed by these marks, and how many are quoted well.
fn quality(records: &[&[u8]], marks: Marks) -> (usize, usize) {
    let (mut malformed, mut enclosed) = (0, 0);
    for record in records {
        marks.split(record, |field| match field.form {
            FieldForm::Literal | FieldForm::Unclosed => malformed += 1,
            FieldForm::Quoted | FieldForm::Escaped => enclosed += 1,
            FieldForm::Plain => {}
        });
    }
    (malformed, enclosed)
}

fn count(record: &[u8], marks: Marks) -> usize {
    let mut fields = 0;
    marks.split(record, |_| fields += 1);
    fields
}

/// The most frequent count of fields, and how many records have it.
fn usual_count(records: &[&[u8]], marks: Marks) -> (usize, usize) {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for record in records {
        *counts.entry(count(record, marks)).or_insert(0) += 1;
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
        // Files that were joined have their header again and again.
        if evidence == Evidence::File && record == first {
            repeated = true;
            continue;
        }
        // A total or a note below a table says nothing of its columns.
        if count(record, marks) != fields {
            continue;
        }
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
    let is_plain = || name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    csv::is_name(name) && (evidence == Evidence::File || is_plain())
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
