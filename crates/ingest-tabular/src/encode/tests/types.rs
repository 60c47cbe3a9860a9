//! Decimals, times of day and times without a year, through a file and back.

use super::*;

#[test]
fn wide_numbers_and_times_of_day_have_types_of_their_own() {
    let records: [&[u8]; 4] = [
        b"1,12345678901234567.89,10:00:00.000000",
        b"18446744073709551616,-0.01,",
        b",0.00,23:59:59.123456",
        b"-99999999999999999999999999999999999999,,00:00:00.500000",
    ];
    let (schema, file, _) = convert(&csv(&["id", "sum", "at"]), &block_of(&records));
    let types: Vec<String> = schema.columns.iter().map(|column| column.kind.to_string()).collect();
    assert_eq!(types, ["decimal[38, 0]", "decimal[38, 2]", "time[us]"]);
    let want = [
        "id|sum|at",
        "1|12345678901234567.89|10:00:00.000000",
        "18446744073709551616|-0.01|~",
        "~|0.00|23:59:59.123456",
        "-99999999999999999999999999999999999999|~|00:00:00.500000",
    ];
    check_table(&schema, &file, &want);
    let facts = read_back(&Bytes::from(file)).unwrap();
    let kinds: Vec<&str> = facts.columns.iter().map(|column| column.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "FIXED_LEN_BYTE_ARRAY (DECIMAL(38, 0))",
            "FIXED_LEN_BYTE_ARRAY (DECIMAL(38, 2))",
            "INT64 (TIME(MICROS, local))",
        ]
    );
}

#[test]
fn json_numbers_beyond_64_bits_are_decimals() {
    let records: [&[u8]; 3] =
        [br#"{"n":1,"t":"10:00:00.250000"}"#, br#"{"n":36893488147419103232}"#, br#"{"n":-7}"#];
    let (schema, file, _) = convert(&bare(Body::Json), &block_of(&records));
    check_table(&schema, &file, &["n|t", "1|10:00:00.250000", "36893488147419103232|~", "-7|~"]);
    // A number in quotes is text to its source, and one of another kind is rescued.
    let other: [&[u8]; 2] = [br#"{"n":"36893488147419103232"}"#, br#"{"n":1.5,"t":"24:00:00"}"#];
    let (file, _) = encode(&schema, &block_of(&other), options(true));
    let want = ["n|t", r#"~|~|{"n":"36893488147419103232"}"#, r#"~|~|{"n":1.5,"t":"24:00:00"}"#];
    check_table(&schema, &file, &want);
}

#[test]
fn a_time_without_a_year_has_that_of_its_receipt_or_window() {
    let shape = Shape { envelope: Some(Envelope::Syslog3164), body: Body::Text };
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let mut received = RecordBlock::default();
    let receipt = |text, n| Receipt { received: at(text), sequence: Sequence(n) };
    assert!(received.push_received(b"Dec 31 23:59:58 h a: x", receipt("2026-01-01T00:00:01Z", 1)));
    assert!(received.push_received(b"Feb 29 10:00:00 h a: y", receipt("2024-03-01T00:00:00Z", 2)));
    assert!(received.push_received(b"Feb 29 10:00:00 h a: z", receipt("2026-03-01T00:00:00Z", 3)));
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observe(&shape, &received, Origin::Events).columns);
    assert_eq!(schema.columns[0].kind.to_string(), "timestamp[ms, no zone]");
    assert_eq!(schema.time_field, None);
    let encode = |block: &RecordBlock| {
        let window_start = at("2027-06-01");
        let own = OwnColumns { log_id: "L".to_owned(), window_start, keep_raw: false };
        let options = EncodeOptions { own: Some(own), origin: Origin::Events, ..options(false) };
        cells(&schema, &encode(&schema, block, options).0)
    };
    // `_time` is the receipt, whose zone is known.
    let times = |rows: Vec<Vec<Option<String>>>| -> Vec<String> {
        rows.iter().map(|row| format!("{} {}", row[0].as_deref().unwrap(), row[4].is_some())).collect()
    };
    let rows = encode(&received);
    assert_eq!(rows[2][8].as_deref(), Some(r#"{"syslog_time":"Feb 29 10:00:00"}"#));
    assert_eq!(rows[0][4].as_deref(), Some("Dec 31 23:59:58"));
    let want = ["1767225601000 true", "1709251200000 true", "1772323200000 false"];
    assert_eq!(times(rows), want);
    let unreceived = block_of(&[b"Jul  1 10:00:00 h a: x"]);
    assert_eq!(times(encode(&unreceived)), ["1811808000000 true"]);
    // Nothing says when a line of a file was written.
    let in_file = observe(&shape, &unreceived, Origin::File);
    assert_eq!(in_file.columns[0].fits.column_type(true, false).to_string(), "text");
}

#[test]
fn so_has_a_time_of_glog_and_of_android() {
    for (line, time, unit) in [
        ("I1231 23:59:58.000001 7 a.go:1] x", "1231 23:59:58.000001", "us"),
        ("12-31 23:59:58.001  7  8 D A: x", "12-31 23:59:58.001", "ms"),
    ] {
        let shape = Shape { envelope: Some(Envelope::Timed { level_after: Some(0) }), body: Body::Text };
        let mut received = RecordBlock::default();
        let window_start = Timestamp::parse("2026-01-01T00:00:01Z").unwrap();
        let receipt = Receipt { received: window_start, sequence: Sequence(1) };
        assert!(received.push_received(line.as_bytes(), receipt));
        let mut schema = TableSchema::new(shape.clone());
        schema.settle(&observe(&shape, &received, Origin::Events).columns);
        assert_eq!(schema.columns[0].kind.to_string(), format!("timestamp[{unit}, no zone]"));
        assert_eq!(schema.time_field, None);
        let own = OwnColumns { log_id: "L".to_owned(), window_start, keep_raw: false };
        let options = EncodeOptions { own: Some(own), origin: Origin::Events, ..options(false) };
        let rows = cells(&schema, &encode(&schema, &received, options).0);
        assert_eq!((rows[0][0].as_deref(), rows[0][4].as_deref()), (Some("1767225601000"), Some(time)));
        let in_file = observe(&shape, &received, Origin::File);
        assert_eq!(in_file.columns[0].fits.column_type(true, false).to_string(), "text");
    }
}
