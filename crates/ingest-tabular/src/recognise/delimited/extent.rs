//! Where in a text a table is: behind titles, up to where another begins, and between comments.
//!
//! Decides by counts of fields and by names. What the table's columns are is for others to say.

use ingest_core::shape::CsvDialect;

use super::header::{comes_too_often, header_of, is_name, unique};
use super::{DELIMITERS, Evidence, FIELDS_MIN, FIELDS_WITH_HEADER_MIN, REGULAR_WITH_HEADER_PERCENT};
use super::{best_marks, count, names, usual_count};
use crate::parse::csv::{Columns, Marks};

const COMMENT: u8 = b'#';
/// Records before a table that may be titles and notes, and rows that vouch for it then.
const PREAMBLE_MAX: usize = 20;
const ROWS_AFTER_PREAMBLE_MIN: usize = 3;
/// Records that begin as comments do and are rows: so many at least, and one in so many of all.
const ROWS_BEGUN_MIN: usize = 2;
const ROWS_BEGUN_ONE_IN: usize = 4;

/// How many records stand before the table: titles and notes, with half of its fields at most.
pub(crate) fn preamble(records: &[&[u8]], marks: Marks) -> usize {
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
pub(crate) fn first_section<'a, 'b>(records: &'a [&'b [u8]], marks: Marks) -> &'a [&'b [u8]] {
    let Some((first, rest)) = records.split_first() else { return records };
    let names = names(first, marks);
    if !names.iter().all(|name| is_name(name, Evidence::File)) || !unique(&names, Evidence::File) {
        return records;
    }
    let columns = Columns::new(names.clone());
    let said = |record: &&[u8]| columns.named_by(marks, record);
    let end = rest.iter().position(|record| said(record).is_some_and(|others| others != names));
    let Some(section) = end.and_then(|end| records.get(..end + 1)) else { return records };
    let again = rest.iter().filter(|record| said(record).is_some()).count();
    // Rows that are all words may have those of the first one again.
    let proven = header_of(section, marks, names.len(), Evidence::File).is_some_and(|header| header.proven);
    if proven && !comes_too_often(again, rest.len()) { section } else { records }
}

/// The byte that begins comments, where the first record begins with it, and such records are no rows.
pub(crate) fn comment_byte(records: &[&[u8]]) -> Option<u8> {
    let begins = records.first().is_some_and(|record| record.first() == Some(&COMMENT));
    (begins && !are_rows(records)).then_some(COMMENT)
}

/// Whether the records that begin as comments do are rows as the others are: as many fields, and no names in the first.
fn are_rows(records: &[&[u8]]) -> bool {
    let records: Vec<&[u8]> = records.iter().copied().filter(|record| !record.is_empty()).collect();
    let begun: Vec<&[u8]> =
        records.iter().copied().filter(|record| record.first() == Some(&COMMENT)).collect();
    let Some(first) = begun.first() else { return false };
    begun.len() >= ROWS_BEGUN_MIN
        && begun.len() * ROWS_BEGUN_ONE_IN >= records.len()
        && DELIMITERS.into_iter().any(|delimiter| {
            let marks = best_marks(&records, delimiter);
            let (fields, regular) = usual_count(&records, marks);
            let named = names(first, marks).iter().all(|name| is_name(name, Evidence::File));
            fields >= FIELDS_MIN && regular == records.len() && !named
        })
}

/// Whether the rows behind titles are surely a table.
pub(crate) fn is_table(rows: &[&[u8]], dialect: &CsvDialect) -> bool {
    let (fields, regular) = usual_count(rows, Marks::of(dialect));
    rows.len() >= ROWS_AFTER_PREAMBLE_MIN
        && fields >= FIELDS_MIN
        && regular * 100 >= rows.len() * REGULAR_WITH_HEADER_PERCENT
}
