use std::fmt::Write as _;

use bytes::Bytes;
use ingest_core::records::{Receipt, Record, Sequence};
use ingest_core::shape::{Body, CsvDialect, Envelope, Shape};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;

use super::*;
use crate::framing::{Framer, Framing};
use crate::observe::{Observed, Observer};
use crate::parse::Origin;
use crate::readback::{check, read_back};
use crate::recognise::recognise_text;
use crate::scalar::{Cell, print_cell};

mod types;

#[derive(Default)]
struct Kept(Vec<String>);

impl Quarantine for Kept {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        self.0.push(crate::quarantine::quarantine_line(record, reason));
    }
}

fn options(rescue: bool) -> EncodeOptions {
    EncodeOptions {
        codec: Codec::Snappy,
        encodings: Encodings::Compact,
        origin: Origin::File,
        own: None,
        rescue,
        row_group: RowGroupBounds::default(),
        batch_rows: BATCH_ROWS,
        threads: 1,
        guess: None,
    }
}

fn block_of(records: &[&[u8]]) -> RecordBlock {
    let mut block = RecordBlock::default();
    for record in records {
        assert!(block.push(record));
    }
    block
}

fn bare(body: Body) -> Shape {
    Shape { envelope: None, body }
}

fn csv(columns: &[&str]) -> Shape {
    bare(Body::Csv(CsvDialect {
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
    }))
}

fn observe(shape: &Shape, block: &RecordBlock, origin: Origin) -> Observed {
    let mut observer = Observer::new(shape, origin);
    observer.observe(block);
    observer.finish()
}

/// A table made from the records themselves, encoded and checked as the caller would.
fn convert(shape: &Shape, block: &RecordBlock) -> (TableSchema, Vec<u8>, Kept) {
    let observed = observe(shape, block, Origin::File);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observed.columns);
    let (file, kept) = encode(&schema, block, options(observed.needs_rescue));
    (schema, file, kept)
}

fn encode(schema: &TableSchema, block: &RecordBlock, options: EncodeOptions) -> (Vec<u8>, Kept) {
    let mut encoder = Encoder::create(Vec::new(), schema, options).unwrap();
    let mut kept = Kept::default();
    encoder.push(block, &mut kept).unwrap();
    let encoded = encoder.finish(&[("who".to_owned(), "test".to_owned())]).unwrap();
    let facts = read_back(&Bytes::from(encoded.output.clone())).unwrap();
    check(&facts, &encoded).unwrap();
    assert_eq!(facts.facts["who"], "test");
    assert_eq!(facts.facts[CONTENT_HASH_FACT], encoded.content_hash);
    (encoded.output, kept)
}

/// A field as the encoder was given it; `None` for null.
fn cell_of(field: &Field) -> Option<Cell<'_>> {
    if let Field::Bool(value) = field {
        return Some(Cell::Bool(*value));
    }
    if let Field::Long(value) | Field::TimestampMillis(value) | Field::TimestampMicros(value) = field {
        return Some(Cell::Int(*value));
    }
    if let Field::TimeMicros(value) = field {
        return Some(Cell::Int(*value));
    }
    if let Field::Decimal(value) = field {
        return Some(Cell::Wide(i128::from_be_bytes(value.data().try_into().unwrap())));
    }
    if let Field::Double(value) = field {
        return Some(Cell::Float(*value));
    }
    if let Field::Date(value) = field {
        return Some(Cell::Days(*value));
    }
    if let Field::Str(text) = field {
        return Some(Cell::Text(text.as_bytes()));
    }
    assert_eq!(*field, Field::Null);
    None
}

/// The rows of a file, each cell as its column's type prints it; null is `None`.
fn cells(schema: &TableSchema, file: &[u8]) -> Vec<Vec<Option<String>>> {
    let reader = SerializedFileReader::new(Bytes::from(file.to_vec())).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    rows.map(|row| {
        let columns = row.get_column_iter();
        columns
            .map(|(name, field)| {
                let kind = schema.columns.iter().find(|c| c.name == *name);
                let kind = kind.map_or(ingest_core::schema::ColumnType::Text, |column| column.kind);
                let cell = cell_of(field)?;
                if let (ingest_core::schema::ColumnType::Text, Cell::Int(value)) = (kind, cell) {
                    return Some(value.to_string());
                }
                Some(String::from_utf8(print_cell(kind, cell).unwrap()).unwrap())
            })
            .collect()
    })
    .collect()
}

#[track_caller]
fn check_table(schema: &TableSchema, file: &[u8], want: &[&str]) {
    let names: Vec<&str> = schema.columns.iter().map(|column| column.name.as_str()).collect();
    let mut seen = vec![names.join("|")];
    for row in cells(schema, file) {
        seen.push(row.iter().map(|cell| cell.as_deref().unwrap_or("~")).collect::<Vec<_>>().join("|"));
    }
    assert_eq!(seen, want);
}

#[test]
fn a_csv_file_becomes_a_typed_table() {
    let text = b"id,when,name,ok\n1,2026-02-10,\"a, b\",true\n\n2,,\"\",false\n3,2026-02-11,x\n";
    let recognised = recognise_text(text, true);
    let mut block = RecordBlock::default();
    let mut framer = Framer::new(recognised.framing);
    framer.push(text, &mut block);
    framer.finish(&mut block);
    let (schema, file, kept) = convert(&recognised.shape, &block);
    check_table(&schema, &file, &["id|when|name|ok", "1|2026-02-10|a, b|true", "2|~||false"]);
    assert_eq!(kept.0, ["{\"reason\":\"short_row\",\"ordinal\":4,\"raw\":\"3,2026-02-11,x\"}"]);
    let types: Vec<String> = schema.columns.iter().map(|column| column.kind.to_string()).collect();
    assert_eq!(types, ["int64", "date", "text", "bool"]);
}

#[test]
fn nothing_in_gives_a_valid_file() {
    for shape in [bare(Body::Json), csv(&[]), csv(&["a"])] {
        let (schema, file, _) = convert(&shape, &RecordBlock::default());
        assert!(cells(&schema, &file).is_empty());
    }
    let (schema, file, _) = convert(&bare(Body::Json), &block_of(&[b"{}", b"{}"]));
    check_table(&schema, &file, &["", "~", "~"]);
}

#[test]
fn a_fixed_schema_rescues_what_it_can_not_hold() {
    let shape = bare(Body::Json);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observe(&shape, &block_of(&[br#"{"n":1,"t":"x","j":[1]}"#]), Origin::Events).columns);
    let records: [&[u8]; 7] = [
        br#"{"n":"1","t":5,"j":"s"}"#,
        br#"{"n":2,"n":3,"n":4,"new":{"a":true}}"#,
        br#"{"t":"\ud800","j":{"k":1}}"#,
        b"{\"t\":\"\xff\",\"j\":[\"\xfe\"]}",
        br#"{"n":1.5,"t":null,"j":null,"new":null}"#,
        br#"{"n":7"#,
        br#"{"j":1e5}"#,
    ];
    let (file, kept) = encode(&schema, &block_of(&records), options(true));
    let want = [
        "n|t|j",
        r#"~|~|"s"|{"n":"1","t":5}"#,
        r#"2|~|~|{"n":3,"n#2":4,"new__a":true}"#,
        "~|\u{fffd}|~|{\"t\":\"\\ud800\",\"j__k\":1}",
        "~|\u{fffd}|[\"\u{fffd}\"]|{\"t\":{\"hex\":\"ff\"},\"j\":{\"hex\":\"5b22fe225d\"}}",
        r#"~|~|~|{"n":1.5}"#,
        "~|~|1e5|~",
    ];
    check_table(&schema, &file, &want);
    assert_eq!(kept.0, [r#"{"reason":"not_json","ordinal":5,"raw":"{\"n\":7"}"#]);
}

#[test]
fn a_row_that_repeats_a_key_thousands_of_times_is_rescued_in_no_time() {
    let shape = bare(Body::Json);
    let members: Vec<String> = (0..60_000).map(|n| format!(r#""a":{n}"#)).collect();
    let long_key = "k".repeat(30_000);
    let inner: Vec<String> = (0..5_000).map(|n| format!(r#""b{n}":1"#)).collect();
    let records =
        [format!("{{{}}}", members.join(",")), format!(r#"{{"{long_key}":{{{}}}}}"#, inner.join(","))];
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    let (schema, file, _) = convert(&shape, &block_of(&records));
    let rows = cells(&schema, &file);
    let rescued = rows[0].last().unwrap().as_ref().unwrap();
    assert!(rescued.starts_with(r#"{"a":1,"a#2":2,"#) && rescued.ends_with(r#""a#59999":59999}"#));
    // Nobody asks for five thousand columns of so long a name: what is below it is kept as it is written.
    let rescued = rows[1].last().unwrap().as_ref().unwrap();
    assert!(rescued.len() < 2 * records[1].len(), "{}", rescued.len());
}

#[test]
fn an_instant_beyond_the_last_nanosecond_is_rescued_though_its_day_began_before() {
    let shape = csv(&["at"]);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observe(&shape, &block_of(&[b"2262-04-11T00:00:00.000000001Z"]), Origin::File).columns);
    assert_eq!(schema.columns[0].kind.to_string(), "timestamp[ns, UTC]");
    let records: [&[u8]; 2] = [b"2262-04-11T00:00:00.000000001Z", b"2262-04-11T23:59:59Z"];
    let (file, _) = encode(&schema, &block_of(&records), options(true));
    let rows = cells(&schema, &file);
    assert!(rows[0][0].is_some());
    assert_eq!(rows[1], [None, Some(r#"{"at":"2262-04-11T23:59:59Z"}"#.to_owned())]);
}

#[test]
fn a_quoted_epoch_is_text_to_its_source() {
    let shape = bare(Body::Json);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observe(&shape, &block_of(&[br#"{"ts":1700000000.5}"#]), Origin::Events).columns);
    assert_eq!(schema.columns[0].kind.to_string(), "timestamp[ms, UTC]");
    let (file, _) = encode(&schema, &block_of(&[br#"{"ts":"1700000001.5"}"#]), options(true));
    assert_eq!(cells(&schema, &file)[0], [None, Some(r#"{"ts":"1700000001.5"}"#.to_owned())]);
}

#[test]
fn a_file_that_lost_a_record_is_not_ended() {
    let block = block_of(&[b"1", b"2"]);
    let schema = TableSchema::new(csv(&["n"]));
    let lossy: [fn(&mut Encoder<Vec<u8>>); 3] =
        [|encoder| encoder.records += 1, |encoder| encoder.stored -= 1, |encoder| encoder.stored += 1];
    for lose in lossy {
        let mut encoder = Encoder::create(Vec::new(), &schema, options(true)).unwrap();
        encoder.push(&block, &mut Kept::default()).unwrap();
        lose(&mut encoder);
        assert!(matches!(encoder.finish(&[]), Err(EncodeError::Unbalanced { .. })));
    }
}

#[test]
fn a_file_without_rescue_refuses_to_lose_a_value() {
    let shape = csv(&["a", "b"]);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observe(&shape, &block_of(&[b"1,2"]), Origin::File).columns);
    let mut encoder = Encoder::create(Vec::new(), &schema, options(false)).unwrap();
    let result = encoder.push(&block_of(&[b"3,4", b"x,5"]), &mut Kept::default());
    assert!(matches!(result, Err(EncodeError::NeedsRescue { .. })));
}

#[test]
fn own_columns_come_first_and_are_filled() {
    let shape = Shape { envelope: Some(Envelope::Syslog5424), body: Body::KeyValue };
    let mut block = RecordBlock::starting_at(40);
    let receipt = |ms, n| Receipt { received: Timestamp::from_millis(ms), sequence: Sequence(n) };
    assert!(block.push_received(b"<14>1 2026-01-01T00:00:01.231456Z h app - - - host=x n=1", receipt(5, 7)));
    assert!(block.push_received(b"no \xff header", receipt(6, 8)));
    let observed = observe(&shape, &block, Origin::Events);
    assert!(observed.needs_rescue);
    let mut schema = TableSchema::new(shape);
    schema.settle(&observed.columns);
    let own = OwnColumns { log_id: "L".to_owned(), window_start: Timestamp::from_millis(1), keep_raw: true };
    let options = EncodeOptions { own: Some(own), origin: Origin::Events, ..options(false) };
    let mut encoder = Encoder::create(Vec::new(), &schema, options).unwrap();
    encoder.push(&block, &mut Kept::default()).unwrap();
    let encoded = encoder.finish(&[]).unwrap();
    assert_eq!(encoded.times, Some((Timestamp::from_millis(6), Timestamp::from_millis(1_767_225_601_231))));
    let facts = read_back(&Bytes::from(encoded.output.clone())).unwrap();
    check(&facts, &encoded).unwrap();
    let names: Vec<&str> = facts.columns.iter().map(|column| column.name.as_str()).collect();
    let want =
        "_time _timestamp _sequence _log_id priority syslog_time host app message body_host n _rescued _raw";
    assert_eq!(names.join(" "), want);
    check_table(
        &schema,
        &encoded.output,
        &[
            "priority|syslog_time|host|app|message|body_host|n",
            "1767225601231|5|7|L|14|2026-01-01T00:00:01.231456Z|h|app|~|x|1|~|<14>1 2026-01-01T00:00:01.231456Z h app - - - host=x n=1",
            "6|6|8|L|~|~|~|~|no \u{fffd} header|~|~|{\"message\":{\"hex\":\"6e6f20ff20686561646572\"},\"_raw\":{\"hex\":\"6e6f20ff20686561646572\"}}|no \u{fffd} header",
        ],
    );
}

#[test]
fn columns_of_one_name_keep_their_own_values() {
    let (schema, file, _) = convert(&csv(&["a", "a", ""]), &block_of(&[b"1,x,2", b"2,y,3"]));
    check_table(&schema, &file, &["a|a_2|unnamed", "1|x|2", "2|y|3"]);
}

#[test]
fn row_groups_close_at_their_bounds() {
    let rows: Vec<String> =
        (0..1_000).map(|n| format!("{n},{}", if n % 3 == 0 { "" } else { "text" })).collect();
    let records: Vec<&[u8]> = rows.iter().map(String::as_bytes).collect();
    let block = block_of(&records);
    let shape = csv(&["n", "t"]);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observe(&shape, &block, Origin::File).columns);
    for (rows, groups) in [(100, 10), (300, 4), (usize::MAX, 1)] {
        let row_group = RowGroupBounds { bytes: usize::MAX, rows };
        let (file, _) = encode(&schema, &block, EncodeOptions { row_group, ..options(false) });
        let facts = read_back(&Bytes::from(file.clone())).unwrap();
        assert_eq!((facts.rows, facts.row_groups), (1_000, groups));
        assert_eq!(facts.columns[1].nulls, 334);
        let cells = cells(&schema, &file);
        assert_eq!(cells[999], [Some("999".to_owned()), None]);
    }
}

#[test]
fn row_groups_close_by_their_encoded_size() {
    let mut block = RecordBlock::default();
    for n in 0_u64..40_000 {
        // Texts of their own, which nothing compresses.
        let text = format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        assert!(block.push(format!("{n},{text}").as_bytes()));
    }
    let shape = csv(&["n", "t"]);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observe(&shape, &block, Origin::File).columns);
    let row_group = RowGroupBounds { bytes: 200_000, rows: usize::MAX };
    let (file, _) = encode(&schema, &block, EncodeOptions { row_group, ..options(false) });
    let facts = read_back(&Bytes::from(file.clone())).unwrap();
    assert_eq!(facts.rows, 40_000);
    // Open pages count as they are, about 26 bytes a row: two batches of 4,096 rows reach the bound.
    assert!((4..=6).contains(&facts.row_groups), "{} row groups", facts.row_groups);
    assert_eq!(cells(&schema, &file)[40_000 - 1][0].as_deref(), Some("39999"));
}

#[test]
fn every_codec_reads_back() {
    let block = block_of(&[b"1,x", b"2,y"]);
    let shape = csv(&["n", "t"]);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observe(&shape, &block, Origin::File).columns);
    for codec in [Codec::Snappy, Codec::Gzip, Codec::Brotli, Codec::Zstd, Codec::Lz4, Codec::None] {
        let (file, _) = encode(&schema, &block, EncodeOptions { codec, ..options(false) });
        check_table(&schema, &file, &["n|t", "1|x", "2|y"]);
    }
}

#[test]
fn a_changed_byte_is_found() {
    let (_, file, _) = convert(&csv(&["n", "t"]), &block_of(&[b"1,x", b"2,y"]));
    let whole = read_back(&Bytes::from(file.clone())).unwrap();
    for place in 0..file.len() {
        let mut changed = file.clone();
        changed[place] ^= 1;
        // Beyond the content the footer itself may still parse; then the hash of the file tells.
        if let Ok(facts) = read_back(&Bytes::from(changed)) {
            assert_ne!(facts.file_hash, whole.file_hash, "byte {place}");
        }
    }
    assert!(read_back(&Bytes::from(file[..file.len() - 1].to_vec())).is_err());
}

/// A row as CSV, each field quoted where it must be, or where `quote` says so.
fn write_row(out: &mut String, row: &[Option<String>], quote: bool) {
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        let Some(text) = cell else { continue };
        if quote || text.is_empty() || text.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", text.replace('"', "\"\"")).unwrap();
        } else {
            out.push_str(text);
        }
    }
    out.push_str("\r\n");
}

fn any_cell() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        2 => "[0-9]{1,4}".prop_map(Some),
        1 => "-?[0-9]{1,3}\\.[0-9]{1,3}".prop_map(Some),
        1 => "-?[1-9][0-9]{16,33}(\\.[0-9]{2})?".prop_map(Some),
        1 => "20[0-9]{2}-0[1-9]-[12][0-9]".prop_map(Some),
        1 => "(true|false|NaN|)".prop_map(Some),
        2 => "[ -~é\n\r\t,\"]{0,6}".prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_table_comes_back_cell_for_cell(
        rows in (2_usize..6).prop_flat_map(|width| {
            prop::collection::vec((prop::collection::vec(any_cell(), width..=width), any::<bool>()), 1..20)
        }),
        one_kind in any::<bool>(),
    ) {
        let mut rows = rows;
        if one_kind {
            // Columns of one kind of value, so that types other than text occur.
            let first = rows[0].0.clone();
            for (row, _) in &mut rows {
                let same = row.iter_mut().zip(&first);
                same.for_each(|(cell, first)| if cell.is_some() { cell.clone_from(first) });
            }
        }
        let width = rows[0].0.len();
        let names: Vec<String> = (1..=width).map(|n| format!("c{n}")).collect();
        let shape = csv(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut text = String::new();
        rows.iter().for_each(|(row, quote)| write_row(&mut text, row, *quote));
        let mut block = RecordBlock::default();
        let mut framer = Framer::new(Framing::of(&shape));
        framer.push(text.as_bytes(), &mut block);
        framer.finish(&mut block);
        let (schema, file, kept) = convert(&shape, &block);
        prop_assert!(kept.0.is_empty());
        let want: Vec<Vec<Option<String>>> = rows.into_iter().map(|(row, _)| row).collect();
        prop_assert_eq!(cells(&schema, &file), want);
    }

    #[test]
    fn any_json_comes_back_leaf_for_leaf(values in prop::collection::vec(any_json(), 1..12)) {
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        let records: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        let (schema, file, kept) = convert(&bare(Body::Json), &block_of(&records));
        prop_assert!(kept.0.is_empty());
        for (row, value) in cells(&schema, &file).iter().zip(&values) {
            let mut leaves = BTreeMap::new();
            flatten(String::new(), value, &mut leaves);
            for (column, cell) in schema.columns.iter().zip(row) {
                let want = leaves.remove(&column.field).filter(|leaf| !leaf.is_null());
                let json = column.kind == ingest_core::schema::ColumnType::Json;
                let text = |leaf: &serde_json::Value| leaf.as_str().filter(|_| !json).map(str::to_owned);
                let want = want.map(|leaf| text(&leaf).unwrap_or_else(|| leaf.to_string()));
                prop_assert_eq!(cell, &want, "{}", column.field);
            }
            prop_assert!(leaves.is_empty());
        }
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1_000_i32..1_000).prop_map(|n| serde_json::Value::from(f64::from(n) / 8.0)),
        "[a-z0-9\"\\\\\u{0}-\u{1f}é😀]{0,5}".prop_map(Into::into),
    ];
    let nested = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::Array),
            prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    });
    prop::collection::btree_map("[a-e]", nested, 0..4).prop_map(|map| map.into_iter().collect())
}

fn flatten(path: String, value: &serde_json::Value, leaves: &mut BTreeMap<String, serde_json::Value>) {
    let object = value.as_object().filter(|object| !object.is_empty() || path.is_empty());
    let Some(object) = object else {
        leaves.insert(path, value.clone());
        return;
    };
    for (key, value) in object {
        let path = if path.is_empty() { key.clone() } else { format!("{path}__{key}") };
        flatten(path, value, leaves);
    }
}
