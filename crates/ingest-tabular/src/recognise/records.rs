//! Records that stand apart already: their shape, as far as the user does not say it.
//!
//! Obeys what was said as files do, but finds no records: line ends within them are theirs. Looks for no header that
//! nobody spoke of, since what is left of a text has lost its beginning.

use ingest_core::records::RecordBlock;
use ingest_core::shape::{Body, CsvDialect, Shape};

use super::file::{bare, forced_shape, json, said, said_candidates};
use super::overrides::{Format, Overrides};
use super::{SAMPLE_RECORDS, delimited, recognise};

/// The shape of a sample of records, as far as `overrides` does not say it.
#[must_use]
pub fn recognise_records(sample: &RecordBlock, overrides: &Overrides) -> Shape {
    let records = sample.iter().map(|record| record.bytes).filter(|record| !record.is_empty());
    let records: Vec<&[u8]> = records.take(SAMPLE_RECORDS).collect();
    let mut shape = match (&overrides.shape, overrides.format()) {
        (Some(shape), _) => shape.clone(),
        (None, None) => recognise(sample),
        (None, Some(Format::Csv)) => bare(Body::Csv(rows(&records, overrides))),
        (None, Some(Format::Json)) => json(),
        (None, Some(format)) => forced_shape(format, &records),
    };
    if let (Body::Csv(dialect), Some(comment)) = (&mut shape.body, overrides.comment) {
        dialect.comment = comment;
    }
    shape
}

/// The dialect of records that the user says are rows: the one by which the most of them are alike.
fn rows(records: &[&[u8]], overrides: &Overrides) -> CsvDialect {
    let mut said = said(overrides);
    said.header = Some(overrides.header.unwrap_or(false));
    let mut candidates = said_candidates(&records.join(&b'\n'), overrides);
    candidates.sort_by_key(|marks| marks.delimiter != b',');
    candidates.dedup();
    let mut best: Option<(usize, CsvDialect)> = None;
    for marks in candidates {
        let said_marks = said.marks(records, marks.delimiter);
        let (mut regular, mut dialect, _) = delimited::forced(records, said_marks, &said);
        if said.columns.is_some() {
            // What has as many fields as there are names will be rows. A header may stand anywhere, or nowhere.
            regular = delimited::regularity(records, &dialect);
            dialect.header = overrides.header == Some(true);
        }
        if best.as_ref().is_none_or(|(most, _)| regular > *most) {
            best = Some((regular, dialect));
        }
    }
    best.map_or_else(|| delimited::any_dialect(delimited::USUAL), |(_, dialect)| dialect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(records: &[&str], overrides: &Overrides, want: &str, columns: &[&str]) {
        let mut block = RecordBlock::default();
        records.iter().for_each(|record| assert!(block.push(record.as_bytes())));
        let shape = recognise_records(&block, overrides);
        assert_eq!(shape.to_string(), want, "{records:?}");
        if let Body::Csv(dialect) = shape.body {
            assert_eq!(dialect.columns, columns, "{records:?}");
        }
    }

    #[test]
    fn what_is_said_is_obeyed_and_the_rest_recognised() {
        let said = |columns: &str| Overrides {
            columns: Some(columns.split(' ').map(str::to_owned).collect()),
            ..Overrides::default()
        };
        check(&["{\"a\":1}", "{\"a\":2}"], &Overrides::default(), "JSON", &[]);
        check(&["a;b,1\n;c"], &said("x y z"), "CSV (';', 3 columns)", &["x", "y", "z"]);
        check(&["4,x", "5,y", "6,z,9,9"], &said("id name"), "CSV (',', 2 columns)", &["id", "name"]);
        let text = Overrides { format: Some(Format::Text), ..Overrides::default() };
        check(&["{\"a\":1}"], &text, "text", &[]);
        check(&[], &said("a b"), "CSV (',', 2 columns)", &["a", "b"]);
        let semicolons = Overrides { delimiter: Some(b';'), ..Overrides::default() };
        check(&["id;name", "1;x"], &semicolons, "CSV (';', 2 columns)", &["c1", "c2"]);
        let header = Overrides { header: Some(true), ..semicolons };
        check(&["id;name", "1;x"], &header, "CSV (';', 2 columns)", &["id", "name"]);
    }
}
