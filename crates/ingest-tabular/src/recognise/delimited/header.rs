//! Headers: whether the first record of a sample names its columns.
//!
//! Decides by what names look like, and by how the other records differ from them. Never looks for delimiters.

use ingest_core::schema::Fits;

use super::{Evidence, count};
use crate::parse::csv::{self, Marks, RawField};
use crate::scalar::classify;

/// Years that may name columns, and columns that do at least.
const YEARS: std::ops::RangeInclusive<u16> = 1900..=2100;
const RUN_MIN: usize = 2;
/// Rows for each header of a file that has its header again and again.
const ROWS_A_HEADER: usize = 2;

/// The first record as names.
pub(super) struct Header {
    pub(super) names: Vec<String>,
    /// Whether the other rows differ from the names in kind, not only in text.
    pub(super) proven: bool,
    /// Whether it comes again, or a value of it does in its place.
    pub(super) repeated: bool,
}

/// The first record as column names, if it is a header.
pub(super) fn header_of(
    records: &[&[u8]],
    marks: Marks,
    fields: usize,
    evidence: Evidence,
) -> Option<Header> {
    let (first, rest) = records.split_first()?;
    let mut names = Vec::new();
    let mut all_names = true;
    marks.split(first, |field| {
        let name = marks.name_of(field);
        all_names &= is_name(&name, evidence);
        names.push(name);
    });
    let all_names = all_names || (evidence == Evidence::File && has_run_of_times(&names, rest, marks));
    if names.len() != fields || !all_names || !unique(&names, evidence) {
        return None;
    }
    let mut columns = vec![Fits::ANY; fields];
    let mut repeated = false;
    let (mut rows, mut rows_alike) = (0, 0);
    let again = rest.iter().filter(|record| *record == first).count();
    if comes_too_often(again, rest.len()) {
        return None;
    }
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
        let (mut place, mut like) = (0, false);
        marks.split(record, |field| {
            if let (Some(fits), Some(name)) = (columns.get_mut(place), names.get(place)) {
                *fits = *fits & fits_of(field);
                like |= !name.is_empty() && field.text == name.as_bytes();
            }
            place += 1;
        });
        rows += 1;
        rows_alike += usize::from(like);
    }
    repeated |= rows_alike > 0;
    if rows_alike * 2 > rows {
        return None;
    }
    let proven = columns.iter().any(|fits| *fits != Fits::ANY && *fits != Fits::TEXT);
    match evidence {
        Evidence::Events => (proven && !repeated).then_some(Header { names, proven, repeated }),
        Evidence::File => (proven || !repeated).then_some(Header { names, proven, repeated }),
    }
}

/// Whether what comes `again` among so many records is no header: each has two rows on average at least.
pub(super) const fn comes_too_often(again: usize, records: usize) -> bool {
    records < again * (1 + ROWS_A_HEADER)
}

/// Whether names are times in a row, as `name,2024,2025`, above rows that have none there.
fn has_run_of_times(names: &[String], rows: &[&[u8]], marks: Marks) -> bool {
    let begin = names.iter().take_while(|name| time_of(name.as_bytes()).is_none()).count();
    let (words, run) = names.split_at_checked(begin).unwrap_or((names, &[]));
    let times: Vec<Time> = run.iter().filter_map(|name| time_of(name.as_bytes())).collect();
    let follows = |pair: &[Time]| match pair {
        [Time::Year(one), Time::Year(next)] => *one + 1 == *next,
        [Time::Date(one), Time::Date(next)] => one < next,
        _ => false,
    };
    let in_a_row = times.len() == run.len() && times.len() >= RUN_MIN && times.windows(2).all(follows);
    if !in_a_row || words.is_empty() || !words.iter().all(|name| is_name(name, Evidence::File)) {
        return false;
    }
    // A count may happen to be like a year; a column of years is one.
    let with_times = rows.iter().filter(|record| {
        let (mut place, mut time) = (0, false);
        marks.split(record, |field| {
            time |= place >= begin && time_of(field.text).is_some();
            place += 1;
        });
        time
    });
    with_times.count() * 2 < rows.len()
}

/// A text that names a span of time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Time {
    Year(u16),
    Date(Vec<u8>),
}

fn time_of(text: &[u8]) -> Option<Time> {
    let text = text.trim_ascii();
    let year =
        std::str::from_utf8(text).ok().filter(|text| text.len() == 4).and_then(|text| text.parse().ok());
    match year {
        Some(year) => YEARS.contains(&year).then_some(Time::Year(year)),
        None => classify(text).has(Fits::DATE).then(|| Time::Date(text.to_vec())),
    }
}

fn fits_of(field: RawField<'_>) -> Fits {
    if field.text.is_empty() { Fits::ANY } else { classify(field.text.trim_ascii()) }
}

/// Whether a text could name a column: a word or a few, and no value.
pub(super) fn is_name(name: &str, evidence: Evidence) -> bool {
    if name.is_empty() {
        return evidence == Evidence::File;
    }
    let is_plain = || name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    csv::is_name(name) && (evidence == Evidence::File || is_plain())
}

/// Names may repeat in files, but most must differ.
pub(super) fn unique(names: &[String], evidence: Evidence) -> bool {
    let mut sorted: Vec<&String> = names.iter().filter(|name| !name.is_empty()).collect();
    sorted.sort_unstable();
    let all = sorted.len();
    sorted.dedup();
    match evidence {
        Evidence::Events => sorted.len() == names.len(),
        Evidence::File => all > 0 && sorted.len() * 2 > names.len(),
    }
}
