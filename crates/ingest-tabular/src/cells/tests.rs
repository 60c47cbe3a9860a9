//! The fast way and the long way give the same cells.

use ingest_core::records::RecordBlock;
use ingest_core::shape::{Body, CsvDialect, Shape};
use proptest::prelude::*;

use super::*;
use crate::framing::{Framer, Framing};
use crate::parse::Origin;

fn csv(columns: usize, quote: Option<u8>, header: bool) -> Shape {
    Shape {
        envelope: None,
        body: Body::Csv(CsvDialect {
            delimiter: b',',
            quote,
            escape: None,
            columns: (1..=columns).map(|n| format!("c{n}")).collect(),
            header,
            sections: header,
            null: Some("-".to_owned()),
            empty: Some("b".to_owned()),
            comment: Some(b'#'),
            collapse: false,
            padded: false,
            bracketed: false,
        }),
    }
}

/// What became of a text: rows of field, form and value; refused records; ignored lines.
#[derive(Debug, PartialEq, Default)]
struct Seen {
    rows: Vec<Vec<(usize, String, bool)>>,
    refused: Vec<(u64, String, String)>,
    ignored: Vec<(Ignored, u64)>,
    records: u64,
}

impl Seen {
    fn add(&mut self, batch: &Batch) {
        let first = self.rows.len();
        self.rows.resize(first + usize::try_from(batch.rows()).unwrap(), Vec::new());
        for slot in 0..batch.columns.len() {
            for span in batch.spans(slot) {
                let text = format!("{:?}", batch.value(*span));
                self.rows[first + usize::try_from(span.row()).unwrap()].push((
                    slot,
                    text,
                    span.may_be_broken(),
                ));
            }
        }
        for (record, reason) in batch.refused() {
            let text = String::from_utf8_lossy(record.bytes).into_owned();
            self.refused.push((record.ordinal, text, reason.to_string()));
        }
        for (kind, count) in batch.ignored() {
            match self.ignored.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, known)) => *known += count,
                None => self.ignored.push((kind, count)),
            }
        }
        self.ignored.sort();
        self.records += batch.records();
    }
}

fn the_long_way(shape: &Shape, framing: Framing, text: &[u8]) -> Seen {
    let mut block = RecordBlock::default();
    let mut framer = Framer::new(framing);
    framer.push(text, &mut block);
    framer.finish(&mut block);
    let mut cutter = RecordCutter::new(shape, Origin::File, Keep::Values);
    let (mut seen, mut taken) = (Seen::default(), 0);
    let mut batch = Batch::default();
    while taken < block.len() {
        taken += cutter.cut(&block, taken, 3, &mut batch);
        seen.add(&batch);
    }
    seen
}

/// Events of a block: what was seen, and each row's record, where batches keep it.
fn the_block_way(
    shape: &Shape,
    block: &RecordBlock,
    keep: Keep,
    rows_max: u32,
) -> (Seen, Vec<Option<Vec<u8>>>) {
    let mut cutter = RecordCutter::new(shape, Origin::Events, keep);
    let (mut seen, mut raw, mut taken) = (Seen::default(), Vec::new(), 0);
    let mut batch = Batch::default();
    while taken < block.len() {
        taken += cutter.cut(block, taken, rows_max, &mut batch);
        seen.add(&batch);
        raw.extend((0..batch.rows()).map(|row| {
            let RowOrigin { start, len, receipt } = batch.origin(row)?;
            assert_eq!(receipt, None);
            Some(batch.bytes(Span::new(row, start, len, Form::Text)).to_vec())
        }));
    }
    (seen, raw)
}

fn the_fast_way(shape: &Shape, framing: Framing, text: &[u8], target: usize, step: usize) -> Seen {
    let mut cutter = TextCutter::with_target(shape, framing, target);
    let mut seen = Seen::default();
    let mut batch = Batch::default();
    let mut rest = text;
    loop {
        while cutter.wanted() > 0 {
            let piece = rest.get(..step.min(cutter.wanted()).min(rest.len())).unwrap();
            if piece.is_empty() {
                cutter.end();
            }
            cutter.fill(piece);
            rest = &rest[piece.len()..];
        }
        if !cutter.cut(4, &mut batch) {
            return seen;
        }
        seen.add(&batch);
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => Just(b",".to_vec()),
        1 => Just(b", ".to_vec()),
        1 => Just(b", \"".to_vec()),
        3 => Just(b"\n".to_vec()),
        2 => Just(b"\"".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"-".to_vec()),
        1 => Just(b"#".to_vec()),
        1 => Just(b"c1,c2,c3\n".to_vec()),
        1 => Just(b"c2,c1\n".to_vec()),
        1 => Just(b"c2,new,c1\n".to_vec()),
        1 => Just(b"c1,c2,more\n".to_vec()),
        1 => Just(vec![0xff]),
        1 => Just("é".as_bytes().to_vec()),
        4 => "[a-c0-9]{1,9}".prop_map(String::into_bytes),
        3 => "\"[a-c,\n]{0,5}\",".prop_map(String::into_bytes),
        1 => "\"[a-c]{0,3}\"\"[a-c]{0,3}\",".prop_map(String::into_bytes),
        3 => "[a-c]{0,3},[0-9]{0,3},[a-c]{0,20}\n".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn delimited_text_is_cut_the_same_either_way(
        pieces in proptest::collection::vec(piece(), 0..60),
        columns in 1_usize..4, quoted: bool, header: bool, padded: bool, target in 1_usize..200, step in 1_usize..50,
    ) {
        let mut shape = csv(columns, quoted.then_some(b'"'), header);
        if let Body::Csv(dialect) = &mut shape.body {
            dialect.padded = padded;
        }
        let framing = Framing::of(&shape);
        let text = pieces.concat();
        let want = the_long_way(&shape, framing, &text);
        let fast = the_fast_way(&shape, framing, &text, target, step);
        prop_assert_eq!(fast, want);
    }

    #[test]
    fn a_block_of_lines_is_cut_as_its_records_are(
        pieces in proptest::collection::vec(piece(), 0..60),
        columns in 1_usize..4, quoted: bool, header: bool, own: bool, rows_max in 1_u32..9,
    ) {
        let shape = csv(columns, quoted.then_some(b'"'), header);
        let text = [pieces.concat(), b"\n".to_vec()].concat();
        let (mut lines, mut records) = (RecordBlock::of_lines(), RecordBlock::default());
        prop_assert!(lines.push_lines(&text));
        prop_assert!(lines.iter().all(|line| records.push(line.bytes)));
        let keep = if own { Keep::Origins } else { Keep::Values };
        let want = the_block_way(&shape, &records, keep, rows_max);
        prop_assert_eq!(the_block_way(&shape, &lines, keep, rows_max), want);
    }

    #[test]
    fn lines_of_json_are_cut_the_same_either_way(
        lines in proptest::collection::vec(
            prop_oneof![
                r#"\{"a":[0-9]{1,3},"b":"[a-c]{0,4}"\}"#.prop_map(String::from),
                r#"\{"b":\{"c":(true|null|"x\\u0041")\},"a":"","a":1\}"#.prop_map(String::from),
                Just(r#"{"s":"\ud800","a":[1, 2]}"#.to_owned()),
                Just("no json".to_owned()),
                Just(String::new()),
            ], 0..40),
        returned: bool, target in 1_usize..300, step in 1_usize..80,
    ) {
        let shape = Shape { envelope: None, body: Body::Json };
        let text = lines.join(if returned { "\r\n" } else { "\n" }).into_bytes();
        let want = the_long_way(&shape, Framing::LINES, &text);
        prop_assert_eq!(the_fast_way(&shape, Framing::LINES, &text, target, step), want);
    }
}

#[test]
fn titles_and_marks_are_passed_over() {
    let shape = csv(2, Some(b'"'), false);
    let framing = Framing::of(&shape).after(2);
    let text = b"\xef\xbb\xbfA title\n\nx,1\ny,2\n";
    for target in 1..40 {
        let seen = the_fast_way(&shape, framing, text, target, 7);
        assert_eq!((seen.rows.len(), seen.records), (2, 2), "{seen:?}");
        assert_eq!(seen.rows[0][0].1, format!("{:?}", Value::Text(b"x")));
    }
}
