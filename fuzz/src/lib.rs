//! What must hold of any bytes: one function a target, run by the fuzzer and, on the corpus, by an ordinary test.
//!
//! A target takes its choices from the first bytes of its input, and the rest is text. It panics where a property does
//! not hold. Knows only what the engine offers everyone.

use std::collections::BTreeMap;

use ingest_core::records::{Receipt, RecordBlock, Sequence};
use ingest_core::schema::{Fits, PinnedType, TableSchema};
use ingest_core::shape::{Body, CsvDialect, Envelope, Inner, Outer, Shape};
use ingest_core::time::Timestamp;
use ingest_tabular::{
    Codec, Decoder, EncodeError, Encoding, Format, Framing, Guess, LineEnds, Observer, Origin, Overrides,
    OwnColumns, RecognisedText, recognise, recognise_file, recognise_text,
};

use choices::{Choices, Pieces};
use ways::{Reading, account};

mod choices;
mod ways;

const CODECS: [Codec; 6] = [Codec::None, Codec::Snappy, Codec::Gzip, Codec::Brotli, Codec::Zstd, Codec::Lz4];
const BATCH_ROWS: [u32; 4] = [ingest_tabular::BATCH_ROWS, 1, 3, 8];
/// Small groups are dear to read, and so are few.
const GROUP_ROWS: [usize; 8] = [MANY, 2, MANY, MANY, MANY, 7, MANY, MANY];
const MANY: usize = 1 << 20;
const ENVELOPES: [Option<Envelope>; 10] = [
    None,
    Some(Envelope::Syslog3164),
    Some(Envelope::Syslog5424),
    Some(Envelope::Timed { level_after: Some(0) }),
    Some(Envelope::Timed { level_after: None }),
    Some(Envelope::Cri),
    Some(Envelope::Levelled),
    Some(Envelope::Uptime),
    Some(Envelope::Within { outer: Outer::Syslog3164, inner: Inner::Timed { level_after: Some(0) } }),
    Some(Envelope::Within { outer: Outer::Cri, inner: Inner::Syslog5424 }),
];
const FORMATS: [Format; 8] = [
    Format::Csv,
    Format::Json,
    Format::KeyValue,
    Format::Syslog,
    Format::Access,
    Format::Cef,
    Format::Text,
    Format::Ltsv,
];
const ENDS: [LineEnds; 2] = [LineEnds::Lf, LineEnds::Cr];
const TYPES: [&str; 10] = [
    "text",
    "int64",
    "float64",
    "decimal:2",
    "bool",
    "date",
    "time",
    "json",
    "timestamp",
    "timestamp:rfc_local:micros",
];
const COLUMNS: [&[&str]; 7] = [
    &["c1"],
    &["c1", "c2"],
    &["c1", "c2", "c3"],
    &["c1", "c2", "c3", "c4"],
    &["", "c2"],
    &["c1", "", "c1"],
    &["été", "c 2"],
];
/// Parts of a byte of choices, of which a text's beginning may be any.
const SHARES: usize = 10;

/// Delimited text: both ways to a file agree, whatever the dialect and the pieces.
pub fn csv(data: &[u8]) {
    let mut choices = Choices::new(data);
    let names = choices.of(&COLUMNS).iter().map(|name| (*name).to_owned()).collect();
    let mut dialect = CsvDialect {
        delimiter: choices.of(b",;\t| x"),
        quote: choices.of(&[Some(b'"'), None, Some(b'\'')]),
        escape: choices.of(&[None, Some(b'\\'), Some(b'"')]),
        columns: names,
        header: choices.flag(),
        sections: false,
        null: choices.of(&[None, Some("-".to_owned()), Some(String::new())]),
        empty: choices.of(&[None, Some("(empty)".to_owned())]),
        comment: choices.of(&[None, Some(b'#')]),
        collapse: false,
        padded: false,
        bracketed: false,
    };
    let blanks = choices.number();
    (dialect.collapse, dialect.padded) = (blanks % 2 == 1, blanks / 2 % 2 == 1);
    dialect.bracketed = blanks / 4 % 2 == 1;
    dialect.sections = blanks / 8 % 2 == 1;
    let shape = Shape { envelope: None, body: Body::Csv(dialect) };
    let framing = Framing::of(&shape).with_line_ends(choices.of(&ENDS)).after(choices.of(&[0, 1, 2]));
    let reading = reading(&mut choices, (shape, framing));
    reading.check(choices.text());
}

/// JSON, a record a line or an object: both ways to a file agree.
pub fn json(data: &[u8]) {
    let mut choices = Choices::new(data);
    let shape = Shape { envelope: choices.of(&ENVELOPES), body: Body::Json };
    let framing =
        choices.of(&[Framing::LINES, Framing::JSON, Framing::JSON_MEMBERS]).with_line_ends(choices.of(&ENDS));
    let reading = reading(&mut choices, (shape, framing));
    reading.check(choices.text());
}

/// `key=value` pairs, and the other bodies that are lines: both ways to a file agree.
pub fn pairs(data: &[u8]) {
    let mut choices = Choices::new(data);
    let body = choices.of(&[
        Body::KeyValue,
        Body::Cef,
        Body::Access,
        Body::Text,
        Body::Labelled { between: b'\t', sign: b':' },
        Body::Leef,
        Body::Labelled { between: b'|', sign: b'=' },
        Body::WindowsXml,
    ]);
    let shape = Shape { envelope: choices.of(&ENVELOPES), body };
    let framing = Framing::LINES.with_line_ends(choices.of(&ENDS));
    let reading = reading(&mut choices, (shape, framing));
    reading.check(choices.text());
}

/// Decoding: the pieces do not matter, and what is UTF-8 already stays as it is.
pub fn encoding(data: &[u8]) {
    let mut choices = Choices::new(data);
    let said = choices.of(&[
        None,
        Some(Encoding::Utf8),
        Some(Encoding::Utf16Le),
        Some(Encoding::Utf16Be),
        Some(Encoding::Windows1252),
        Some(Encoding::Latin1),
    ]);
    let pieces = choices.pieces();
    let text = choices.text();
    let utf8 = std::str::from_utf8(text);
    let found = Encoding::of(text, true);
    let is_plain = utf8.is_ok() && !text.contains(&0);
    assert!(!is_plain || found == Encoding::Utf8, "UTF-8 is taken for {found}");
    let encoding = said.unwrap_or(found);
    let whole = decoded(encoding, std::iter::once(text));
    assert_eq!(decoded(encoding, pieces.of(text)), whole, "the pieces matter in {encoding}");
    let (out, verdict) = whole;
    let units = |order: fn([u8; 2]) -> u16| -> Option<String> {
        let pairs = text.chunks_exact(2);
        let ends = pairs.remainder().is_empty();
        let units: Vec<u16> = pairs.map(|pair| order([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok().filter(|_| ends)
    };
    let want = match encoding {
        Encoding::Utf8 => {
            assert_eq!(out, text, "UTF-8 is changed");
            assert!(utf8.is_err() || verdict == Encoding::Utf8, "UTF-8 turned out to be {verdict}");
            None
        }
        Encoding::Utf16Le => units(u16::from_le_bytes),
        Encoding::Utf16Be => units(u16::from_be_bytes),
        Encoding::Latin1 => Some(text.iter().copied().map(char::from).collect()),
        Encoding::Windows1252 => {
            let plain = text.iter().all(|byte| !(0x80..0xa0).contains(byte));
            plain.then(|| text.iter().copied().map(char::from).collect())
        }
    };
    if let Some(want) = want {
        assert_eq!(String::from_utf8(out), Ok(want), "of {encoding}");
    }
}

/// Recognising: whatever is said of a text, it can be read by it, and every record is accounted for.
pub fn sniff(data: &[u8]) {
    let mut choices = Choices::new(data);
    let overrides = overrides(&mut choices);
    let share = choices.number() % SHARES;
    let pieces = choices.pieces();
    let batch_rows = choices.of(&BATCH_ROWS);
    let text = choices.text();
    let seen = recognised(text, share, &overrides);
    let (text, _verdict) = decoded(seen.encoding, pieces.of(text));
    let lines = readable(&seen, &text, pieces, batch_rows);
    let seen = recognise_text(&text, share == 0);
    readable(&seen, &text, pieces, batch_rows);
    let shape = recognise(&lines);
    let mut observer = Observer::new(&shape, Origin::Events);
    observer.observe(&lines);
    let observed = observer.finish();
    account(&observed, &lines);
    assert!(observed.ignored.is_empty(), "an event was passed over");
}

/// The whole way of a file: recognised, settled, written, checked and read again; and the way of a guess, and of events.
pub fn table(data: &[u8]) {
    let mut choices = Choices::new(data);
    let pinned = choices.of(&[None, Some(()), Some(())]).map(|()| choices.of(&TYPES));
    let share = choices.number() % SHARES;
    let own = choices.flag();
    let mut reading = reading(&mut choices, (Shape { envelope: None, body: Body::Text }, Framing::LINES));
    reading.codec = choices.of(&CODECS);
    let bytes = choices.text();
    let mut seen = recognised(bytes, share, &Overrides::default());
    let (_, verdict) = decoded(seen.encoding, reading.pieces.of(bytes));
    assert!(share != 0 || verdict == seen.encoding, "all of it was {}, and is {verdict}", seen.encoding);
    seen.encoding = verdict;
    let (text, _) = decoded(verdict, reading.pieces.of(bytes));
    (reading.shape, reading.framing) = (seen.shape.clone(), seen.framing);
    let records = reading.records(&text);
    let observed = reading.observed(&text, &records);
    assert_eq!(reading.streamed(verdict, bytes), observed, "a stream shows something else");
    let mut schema = TableSchema::new(reading.shape.clone());
    schema.settle(&observed.columns);
    seen.types.extend(pinned.zip(schema.columns.first()).map(|(word, column)| {
        let pinned = PinnedType::parse(word).unwrap();
        (column.field.clone(), pinned)
    }));
    schema.pin(&seen.types);
    let written = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<TableSchema>(&written).unwrap(), schema);
    let rescue = observed.needs_rescue || !seen.types.is_empty();
    let stored = reading.fast(&text, &schema, (rescue, None)).unwrap();
    assert_eq!(stored.records(), records.len() as u64);
    assert_eq!(reading.long(&records, &schema, rescue).unwrap(), stored);
    if seen.types.is_empty() {
        guessed(&reading, &text, &schema, (rescue, &stored.rows));
    }
    if own {
        events(&reading, &records);
    }
}

/// A file whose types were guessed by its first batch is the same, or none.
fn guessed(reading: &Reading, text: &[u8], schema: &TableSchema, (rescue, rows): (bool, &[String])) {
    let mut observer = Some(Observer::new(&reading.shape, Origin::File));
    let mut seen = None;
    reading.cut(text, |batch| {
        if let Some(mut observer) = observer.take() {
            observer.take(&batch);
            seen = Some(observer.finish());
        }
        batch
    });
    let Some(seen) = seen else { return };
    let mut guess = TableSchema::new(reading.shape.clone());
    guess.settle(&seen.columns);
    let untyped = seen.columns.iter().filter(|column| column.fits == Fits::ANY);
    let untyped = Guess { untyped: untyped.map(|column| column.field.clone()).collect() };
    match reading.fast(text, &guess, (seen.needs_rescue, Some(untyped))) {
        Ok(stored) => {
            assert_eq!(guess.columns, schema.columns, "a wrong guess held");
            if seen.needs_rescue == rescue {
                assert_eq!(stored.rows, rows, "a guess stores something else");
            }
        }
        Err(EncodeError::WrongGuess { .. } | EncodeError::NeedsRescue { .. }) => {}
        Err(error) => panic!("{error}: {error:?}"),
    }
}

/// The same records as events of the API: each is stored or quarantined.
fn events(reading: &Reading, records: &RecordBlock) {
    let mut events = RecordBlock::default();
    for (record, number) in records.iter().zip(0..) {
        let received = Timestamp::from_millis(1_700_000_000_000 + number);
        events.push_received(record.bytes, Receipt { received, sequence: Sequence(number) });
    }
    let shape = recognise(&events);
    let mut observer = Observer::new(&shape, Origin::Events);
    observer.observe(&events);
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observer.finish().columns);
    let own =
        OwnColumns { log_id: "log".to_owned(), window_start: Timestamp::from_millis(0), keep_raw: true };
    let stored = Reading { shape, ..reading.clone() }.events(&events, &schema, own).unwrap();
    assert_eq!(stored.records(), events.len() as u64);
    assert!(stored.ignored.is_empty(), "an event was passed over");
}

fn reading(choices: &mut Choices<'_>, (shape, framing): (Shape, Framing)) -> Reading {
    let batch_rows = choices.of(&BATCH_ROWS);
    let group_rows = choices.of(&GROUP_ROWS);
    Reading { shape, framing, pieces: choices.pieces(), batch_rows, group_rows, codec: Codec::None }
}

/// What may be said of a text: each by a byte, and mostly nothing.
fn overrides(choices: &mut Choices<'_>) -> Overrides {
    let ascii = |choices: &mut Choices<'_>| u8::try_from(choices.number() & 0x7f).unwrap();
    let delimiter = |byte: u8| !matches!(byte, b'\n' | b'\r' | b'"');
    let said = choices.number();
    let says = |bit: u32| said & (1 << bit) != 0;
    let mark =
        |choices: &mut Choices<'_>| Some(ascii(choices)).filter(|byte| !matches!(byte, 0 | b'\n' | b'\r'));
    let names = [vec!["a", "b"], vec!["a"], vec![], vec!["x", "x", ""]];
    let mut padded = None;
    Overrides {
        encoding: says(0).then(|| choices.of(&Encoding::ALL)),
        format: says(1).then(|| choices.of(&FORMATS)),
        delimiter: says(2).then(|| ascii(choices)).filter(|byte| delimiter(*byte)),
        quote: says(3).then(|| mark(choices)),
        escape: says(4).then(|| mark(choices)),
        comment: says(5).then(|| mark(choices)),
        header: says(6).then(|| {
            let number = choices.number();
            padded = [None, Some(true), Some(false)][number / 2 % 3];
            number % 2 == 1
        }),
        padded,
        columns: says(7).then(|| choices.of(&names).into_iter().map(str::to_owned).collect()),
        shape: None,
        types: BTreeMap::new(),
    }
}

/// What the beginning of a text shows; share 0 is all of it.
fn recognised(text: &[u8], share: usize, overrides: &Overrides) -> RecognisedText {
    let beginning = if share == 0 { text } else { &text[..text.len() * share / SHARES] };
    recognise_file(beginning, share == 0, overrides)
}

/// A text as UTF-8, and the encoding that it turned out to be in.
fn decoded<'a>(encoding: Encoding, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Encoding) {
    let (mut decoder, mut out) = (Decoder::new(encoding), Vec::new());
    pieces.for_each(|piece| out.extend_from_slice(decoder.push(piece)));
    out.extend_from_slice(decoder.finish());
    (out, decoder.verdict())
}

/// Reads a text by what was recognised of it. Answers its records.
fn readable(seen: &RecognisedText, text: &[u8], pieces: Pieces, batch_rows: u32) -> RecordBlock {
    let (shape, framing) = (seen.shape.clone(), seen.framing);
    let reading = Reading { shape, framing, pieces, batch_rows, group_rows: 1, codec: Codec::None };
    let records = reading.records(text);
    reading.observed(text, &records);
    records
}
