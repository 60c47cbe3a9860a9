//! Headers: whether the first record of a sample names its columns.
//!
//! Decides by what names look like, and by how the other records differ from them. Never looks for delimiters.

use ingest_core::schema::Fits;

use super::{Evidence, count};
use crate::parse::csv::{self, Marks, RawField};
use crate::scalar::classify;

/// The first record as names.
pub(super) struct Header {
    pub(super) names: Vec<String>,
    /// Whether the other rows differ from the names in kind, not only in text.
    pub(super) proven: bool,
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
