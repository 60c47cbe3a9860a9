use ingest_core::shape::{Body, CsvDialect};
use proptest::prelude::*;

use super::*;
use crate::fields::NAMES_MAX;

fn observe(shape: &Shape, records: &[&str]) -> Observed {
    let mut observer = Observer::new(shape, Origin::Events);
    let mut block = RecordBlock::default();
    for record in records {
        block.push(record.as_bytes());
    }
    observer.observe(&block);
    observer.finish()
}

fn json() -> Shape {
    Shape { envelope: None, body: Body::Json }
}

fn csv(columns: usize) -> Shape {
    let columns = (1..=columns).map(|place| format!("c{place}")).collect();
    let dialect = CsvDialect {
        delimiter: b',',
        quote: Some(b'"'),
        escape: None,
        columns,
        header: false,
        sections: false,
        null: None,
        empty: None,
        comment: None,
        collapse: false,
        padded: false,
        bracketed: false,
    };
    Shape { envelope: None, body: Body::Csv(dialect) }
}

fn sorted(mut observed: Observed) -> Observed {
    observed.columns.sort_by(|a, b| a.field.cmp(&b.field));
    observed
}

#[test]
fn refused_records_show_nothing() {
    let observed = observe(&json(), &["{\"a\":1}", "{\"a\":\"x\",\"b\":2", "{\"a\":2}"]);
    assert_eq!(observed.columns.len(), 1);
    assert!(observed.columns[0].fits.has(Fits::INT64));
    assert_eq!((observed.rows, observed.misfits[&Reason::NotJson]), (2, 1));
}

#[test]
fn what_needs_rescue_is_said() {
    for (record, want) in [
        ("{\"a\":1}", false),
        ("{\"a\":1,\"a\":2}", true),
        ("{\"a\":null,\"a\":2}", false),
        ("{\"a\":\"\\ud800\"}", true),
        ("{\"a\":1,\"a\":2", false),
    ] {
        assert_eq!(observe(&json(), &[record]).needs_rescue, want, "{record}");
    }
    let names: Vec<String> = (0..NAMES_MAX + 5).map(|n| format!("\"k{n}\":1")).collect();
    let observed = observe(&json(), &[&format!("{{{}}}", names.join(","))]);
    assert!(observed.needs_rescue);
    assert_eq!(observed.columns.len(), NAMES_MAX);
}

proptest! {
    #[test]
    fn order_and_split_do_not_matter(
        records in prop::collection::vec("\\{\"[abc]\":(1|1\\.5|1\\.0|null|true|\"x\"|\"2026-01-01\"|\\[\\])\\}", 1..12),
        cut in 0_usize..12,
    ) {
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        let whole = sorted(observe(&json(), &records));
        let reversed: Vec<&str> = records.iter().rev().copied().collect();
        prop_assert_eq!(&sorted(observe(&json(), &reversed)), &whole);
        let (left, right) = records.split_at(cut.min(records.len()));
        let mut merged = observe(&json(), left);
        merged.merge(observe(&json(), right));
        prop_assert_eq!(&sorted(merged), &whole);
    }

    #[test]
    fn order_and_split_of_rows_do_not_matter(
        rows in prop::collection::vec(
            "(1|1\\.5|1\\.0|007||\"\"|true|TRUE),(x|2026-01-01|10:00:00|1e3|-|NaN|)(,y)?", 1..12),
        cut in 0_usize..12,
    ) {
        let sample: Vec<&str> = rows.iter().map(String::as_str).collect();
        let shape = csv(2);
        let whole = observe(&shape, &sample);
        let reversed: Vec<&str> = sample.iter().rev().copied().collect();
        prop_assert_eq!(&observe(&shape, &reversed), &whole);
        let (left, right) = sample.split_at(cut.min(sample.len()));
        let mut merged = observe(&shape, left);
        merged.merge(observe(&shape, right));
        prop_assert_eq!(&merged, &whole);
    }
}
