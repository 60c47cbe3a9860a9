//! Delimited rows: whether a sample is one, by which delimiter, and whether it begins with a header.
//!
//! Decides by the regularity of field counts, and against prose, which has commas too. Never sees files or
//! envelopes: it is given records.

use std::collections::BTreeMap;

use ingest_core::shape::CsvDialect;

use crate::parse::csv::{BLANK, FieldForm, Marks};
pub(super) use extent::{comment_byte, first_section, is_table, preamble};
use header::{Header, header_of, is_name, unique};
use punctuation::{
    has_decimal_commas, is_narrow_table, is_prose, splits_clocks, splits_seconds, tears_brackets,
};

mod extent;
mod header;
mod punctuation;

/// Delimiters that are tried; of equals the earlier wins.
const DELIMITERS: [u8; 4] = [b'\t', b',', b';', b'|'];
/// Delimiters that are tried in files where none of those gives rows.
const RARE_DELIMITERS: [u8; 6] = [0x1f, 0x01, b'^', b'~', b':', b' '];
/// Delimiters to which a blank behind them may belong.
const PADDABLE: [u8; 2] = [b',', b';'];
/// What is taken for commas where nothing shows how rows are written.
pub(super) const USUAL: Marks =
    Marks { delimiter: b',', quote: Some(QUOTE), escape: None, padded: false, bracketed: false };
const QUOTE: u8 = b'"';
const SINGLE_QUOTE: u8 = b'\'';
const ESCAPE: u8 = b'\\';
/// Fields that a row has at least; two only where a header vouches for them.
const FIELDS_MIN: usize = 3;
const FIELDS_WITH_HEADER_MIN: usize = 2;
/// Records that have the same count of fields.
const REGULAR_PERCENT: usize = 90;
/// Likewise, in a file whose header differs from its rows in kind: a short file may have a broken row.
const REGULAR_WITH_HEADER_PERCENT: usize = 60;
/// Fields without which colons are but punctuation.
const COLON_FIELDS_MIN: usize = 5;
/// The same where no field has a blank.
const COLON_WORDS_MIN: usize = 4;

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
    let decimal_commas = commas_are_decimal(&records);
    for delimiter in DELIMITERS.into_iter().filter(|delimiter| *delimiter != b',' || !decimal_commas) {
        let Some((score, dialect)) = try_delimiter(&records, delimiter, evidence, enveloped) else {
            continue;
        };
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, dialect));
        }
    }
    best.map(|(_, dialect)| dialect)
}

/// Whether another delimiter than the comma divides records whose commas stand in numbers.
pub(super) fn commas_are_decimal(records: &[&[u8]]) -> bool {
    has_decimal_commas(records, &DELIMITERS)
}

/// Marks by which a text's records may be found; of equals the earlier win.
pub(super) fn candidates(text: &[u8]) -> Vec<Marks> {
    let mut candidates = Vec::new();
    for quote in [QUOTE, SINGLE_QUOTE] {
        let escapes = memchr::memmem::find(text, &[ESCAPE, quote]).is_some();
        for escape in [None, Some(ESCAPE)].into_iter().filter(|escape| escape.is_none() || escapes) {
            let marks =
                |delimiter| Marks { delimiter, quote: Some(quote), escape, padded: false, bracketed: false };
            candidates.extend(DELIMITERS.map(marks));
            let padded = PADDABLE.map(|delimiter| Marks { padded: true, ..marks(delimiter) });
            candidates.extend(padded.into_iter().filter(|marks| has_padded_quotes(text, *marks)));
        }
        if memchr::memchr(SINGLE_QUOTE, text).is_none() {
            break;
        }
    }
    candidates
}

/// Whether records framed by the marks are those of the dialect, as far as blanks behind delimiters go.
pub(super) fn frames_alike(text: &[u8], marks: Marks, dialect: &CsvDialect) -> bool {
    marks.padded == dialect.padded || !has_padded_quotes(text, marks)
}

/// Whether a quote stands behind a delimiter and a blank.
fn has_padded_quotes(text: &[u8], marks: Marks) -> bool {
    marks.quote.is_some_and(|quote| memchr::memmem::find(text, &[marks.delimiter, BLANK, quote]).is_some())
}

/// A dialect for finding records before anything but its marks is assumed.
pub(super) const fn any_dialect(marks: Marks) -> CsvDialect {
    new_dialect(marks, Vec::new())
}

/// How many of a thousand records have the dialect's count of fields.
pub(super) fn regularity(records: &[&[u8]], dialect: &CsvDialect) -> usize {
    let regular = records.iter().filter(|record| count(record, Marks::of(dialect)) == dialect.columns.len());
    (regular.count() * 1_000).checked_div(records.len()).unwrap_or(0)
}

/// Rows by a delimiter that text has for other reasons, too: all must be regular. Colons need many fields, fewer without
/// blanks, or a header that differs from the rows in kind; blanks need the header.
pub(super) fn rare(lines: &[&[u8]]) -> Option<CsvDialect> {
    let records: Vec<&[u8]> = lines.iter().copied().filter(|line| !line.is_empty()).collect();
    RARE_DELIMITERS.into_iter().find_map(|delimiter| {
        let marks = best_marks(&records, delimiter);
        let (fields, regular) = usual_count(&records, marks);
        if fields < FIELDS_MIN || records.len() < 2 || regular < records.len() {
            return None;
        }
        let header = header_of(&records, marks, fields, Evidence::File);
        let header = header.filter(|header| header.proven && !header.repeated);
        let listed = || records.iter().all(|record| memchr::memmem::find(record, b", ").is_some());
        let wordy = records.iter().all(|record| !record.contains(&BLANK));
        let colons_min = if wordy { COLON_WORDS_MIN } else { COLON_FIELDS_MIN };
        let torn = || splits_clocks(&records, marks) || tears_brackets(&records, marks);
        let enough = match delimiter {
            b' ' => header.is_some() && !listed(),
            b':' => header.is_some() || (fields >= colons_min && !is_prose(&records, marks) && !torn()),
            _ => header.is_some() || !torn(),
        };
        enough.then(|| with_columns(marks, fields, header))
    })
}

/// What the user says of rows.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) quote: Option<Option<u8>>,
    pub(super) escape: Option<Option<u8>>,
    pub(super) padded: Option<bool>,
    pub(super) header: Option<bool>,
    pub(super) columns: Option<&'a [String]>,
}

impl Said<'_> {
    /// The best marks, as far as they are not said.
    pub(super) fn marks(&self, records: &[&[u8]], delimiter: u8) -> Marks {
        let best = match self.padded {
            Some(padded) => best_of(records, delimiter, padded),
            None => best_marks(records, delimiter),
        };
        let quote = self.quote.unwrap_or(best.quote);
        let escape = best.escape.filter(|_| quote.is_some());
        Marks { quote, escape: self.escape.unwrap_or(escape), ..best }
    }
}

/// The dialect of rows that the user says are some: how many records have its count of fields, the dialect, and
/// whether the first record holds names that are not the columns'.
pub(super) fn forced(records: &[&[u8]], marks: Marks, said: &Said<'_>) -> (usize, CsvDialect, bool) {
    let (fields, regular) = usual_count(records, marks);
    let seen = header_of(records, marks, fields, Evidence::File);
    let differs = seen.as_ref().is_some_and(|header| header.proven);
    let header = match said.header {
        Some(false) => None,
        Some(true) => {
            records.first().map(|first| Header { names: names(first, marks), proven: true, repeated: false })
        }
        None => seen,
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
    dialect.sections = dialect.header && differs;
    (regular, dialect, names_first)
}

/// Takes the columns' names from the last comment, where it is one field a column and the rows have no names.
pub(super) fn name_by_comment(dialect: &mut CsvDialect, comments: &[&[u8]]) {
    let marks = Marks::of(dialect);
    let Some(comment) = comments.last().and_then(|line| line.get(1..)) else { return };
    let mut names = names(comment.trim_ascii_start(), marks);
    // A column of numbers is often named by their sign.
    if let Some(first) = names.first_mut().filter(|first| first.is_empty()) {
        "#".clone_into(first);
    }
    let fits = names.len() == dialect.columns.len()
        && names.iter().all(|name| name == "#" || is_name(name, Evidence::Events));
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
    dialect.sections = header.as_ref().is_some_and(|header| header.proven);
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
        sections: false,
        null: None,
        empty: None,
        comment: None,
        collapse: false,
        padded: marks.padded,
        bracketed: false,
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
    let narrow = || evidence == Evidence::File && !enveloped && is_narrow_table(records, marks);
    let too_narrow = fields < FIELDS_MIN && !vouched && !narrow();
    if too_narrow || regular * 100 < records.len() * percent || (!proven && is_prose(records, marks)) {
        return None;
    }
    // Names without brackets speak for a table whose fields have them.
    let first = records.get(..1).unwrap_or_default();
    let named = proven || (header.is_some() && !tears_brackets(first, marks));
    if splits_seconds(records, marks) || (!named && tears_brackets(records, marks)) {
        return None;
    }
    Some((fields, with_columns(marks, fields, header)))
}

/// Quotes and escapes with which the fewest fields are malformed, and whether blanks belong to the delimiters.
pub(super) fn best_marks(records: &[&[u8]], delimiter: u8) -> Marks {
    if PADDABLE.contains(&delimiter) {
        let padded = best_of(records, delimiter, true);
        if is_padded(records, padded) {
            return padded;
        }
    }
    best_of(records, delimiter, false)
}

/// Whether a blank stands behind each delimiter of the rows but those before nothing. A header may be written without.
fn is_padded(records: &[&[u8]], marks: Marks) -> bool {
    let rows = records.get(1..).filter(|rows| !rows.is_empty()).unwrap_or(records);
    let mut padded = 0;
    for row in rows {
        let (with, without) = marks.paddings(row);
        if without > 0 {
            return false;
        }
        padded += with;
    }
    padded > 0
}

/// Quotes and escapes with which the fewest fields are malformed. Tabs mostly come without quotes.
fn best_of(records: &[&[u8]], delimiter: u8, padded: bool) -> Marks {
    let padded = padded && delimiter != BLANK;
    let doubled = Marks { delimiter, quote: Some(QUOTE), escape: None, padded, bracketed: false };
    let escaped = Marks { escape: Some(ESCAPE), ..doubled };
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
