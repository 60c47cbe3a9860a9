use bytes::Bytes;
use ingest_core::records::{Record, RecordBlock};
use ingest_core::schema::TableSchema;
use ingest_core::shape::{Body, CsvDialect, Shape};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use proptest::prelude::*;

use super::*;
use crate::encode::{BATCH_ROWS, Codec, EncodeOptions, Encoder, Encodings, RowGroupBounds};
use crate::observe::Observer;
use crate::parse::Origin;
use crate::quarantine::{Quarantine, Reason};
use crate::readback::{check, read_back};

struct Nothing;

impl Quarantine for Nothing {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        panic!("{reason}: {:?}", record.bytes);
    }
}

fn shape(columns: &[&str]) -> Shape {
    let dialect = CsvDialect {
        delimiter: b',',
        quote: Some(b'"'),
        escape: None,
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
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

fn schema_of(columns: &[&str], sample: &str) -> TableSchema {
    let mut block = RecordBlock::default();
    assert!(block.push(sample.as_bytes()));
    let mut observer = Observer::new(&shape(columns), Origin::File);
    observer.observe(&block);
    let mut schema = TableSchema::new(shape(columns));
    schema.settle(&observer.finish().columns);
    schema
}

fn file(schema: &TableSchema, codec: Codec, rows: &[(i64, String)]) -> Bytes {
    let options = EncodeOptions {
        codec,
        encodings: Encodings::Compact,
        origin: Origin::File,
        own: None,
        rescue: true,
        row_group: RowGroupBounds { bytes: 1 << 20, rows: 3 },
        batch_rows: BATCH_ROWS,
        threads: 1,
        guess: None,
    };
    let mut block = RecordBlock::default();
    rows.iter().for_each(|(n, text)| assert!(block.push(format!("{n},{text}").as_bytes())));
    let mut encoder = Encoder::create(Vec::new(), schema, options).unwrap();
    encoder.push(&block, &mut Nothing).unwrap();
    encoder.finish(&[]).unwrap().output.into()
}

fn rows(file: &Bytes) -> Vec<String> {
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect()
}

fn spliced(inputs: &[Bytes]) -> Bytes {
    let facts = [("who".to_owned(), "test".to_owned())];
    let whole = splice(inputs, Vec::new(), &facts).unwrap();
    let file = Bytes::from(whole.output.clone());
    let read = read_back(&file).unwrap();
    check(&read, &whole).unwrap();
    assert_eq!(read.facts["who"], "test");
    file
}

#[test]
fn files_with_other_columns_do_not_become_one() {
    let (two, other) = (schema_of(&["n", "t"], "1,x"), schema_of(&["n", "u"], "1,x"));
    let of = |schema| file(schema, Codec::Snappy, &[(1, "x".to_owned())]);
    let error = splice(&[of(&two), of(&other)], Vec::new(), &[]).unwrap_err();
    assert!(matches!(error, SpliceError::Unlike), "{error:?}");
    assert!(matches!(splice(&[] as &[Bytes], Vec::new(), &[]), Err(SpliceError::Unlike)));
    assert!(matches!(splice(&[Bytes::from("x")], Vec::new(), &[]), Err(SpliceError::Read(_))));
}

#[test]
fn statistics_and_page_index_point_to_where_the_pages_are_now() {
    let schema = schema_of(&["n", "t"], "1,x");
    let input = |from: i64| {
        let rows: Vec<(i64, String)> = (from..from + 7).map(|n| (n, format!("row {n}"))).collect();
        file(&schema, Codec::Zstd, &rows)
    };
    let whole = spliced(&[input(0), input(100)]);
    let metadata = footer(&whole).unwrap();
    assert_eq!(metadata.num_row_groups(), 6);
    let offsets = metadata.offset_index().unwrap();
    assert_eq!(metadata.column_index().unwrap().len(), 6);
    for (group, offsets) in metadata.row_groups().iter().zip(offsets) {
        for (chunk, offsets) in group.columns().iter().zip(offsets) {
            let (start, len) = chunk.byte_range();
            for page in offsets.page_locations() {
                let at = u64::try_from(page.offset).unwrap();
                assert!((start..start + len).contains(&at), "{at} in {start} + {len}");
            }
            assert!(chunk.statistics().is_some());
        }
    }
}

proptest! {
    #[test]
    fn the_rows_of_the_whole_are_those_of_the_parts(
        parts in proptest::collection::vec(proptest::collection::vec((any::<i64>(), "[a-z]{1,12}"), 1..9), 1..5),
        codec in proptest::sample::select(vec![Codec::Snappy, Codec::Gzip, Codec::Lz4, Codec::None]),
    ) {
        let schema = schema_of(&["n", "t"], "1,x");
        let inputs: Vec<Bytes> = parts.iter().map(|rows| file(&schema, codec, rows)).collect();
        let want: Vec<String> = inputs.iter().flat_map(rows).collect();
        let whole = spliced(&inputs);
        prop_assert_eq!(&rows(&whole), &want);
        // A whole is a part again.
        let first = inputs.first().cloned().unwrap();
        let twice = spliced(&[first.clone(), whole]);
        prop_assert_eq!(rows(&twice).len(), want.len() + rows(&first).len());
    }
}
