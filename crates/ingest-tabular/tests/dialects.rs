//! Dialects as data: every file of `dialects/` says what a text is and what becomes of it.
//!
//! A file is input, a line `---`, and what is expected: recognition, schema, rows, and what else came of records.
//! Escapes of the input: `\r`, `\n`, `\0`, `\xHH` and `\\`; a first line `#! WORDS` holds overrides or an encoding
//! to write the input in. `DIALECTS=update cargo test` writes what it sees, to be read before it is believed.

#![cfg(test)]

use std::fmt::Write as _;
use std::path::Path;

use ingest_core::records::{Record, RecordBlock};
use ingest_core::schema::TableSchema;
use ingest_core::shape::Body;
use ingest_tabular::{
    Codec, Decoder, EncodeOptions, Encoder, Encoding, Format, Framer, Observer, Origin, Overrides,
    Quarantine, Reason, RecognisedText, RowGroupBounds, recognise_file,
};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

#[test]
fn every_dialect_is_recognised_and_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 20, "the cases are there");
    #[expect(clippy::disallowed_methods, reason = "a test has no settings")]
    let update = std::env::var("DIALECTS").is_ok();
    let mut wrong = Vec::new();
    for path in paths {
        let case = std::fs::read_to_string(&path).unwrap();
        let (input, want) =
            case.split_once("\n---\n").unwrap_or_else(|| panic!("{} has no ---", path.display()));
        let seen = judge(input);
        if update {
            std::fs::write(&path, format!("{input}\n---\n{seen}")).unwrap();
        } else if seen != want {
            wrong.push(format!("{}\nwanted:\n{want}\nseen:\n{seen}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Everything that becomes of a text, for people.
fn judge(case: &str) -> String {
    let (overrides, encoding, text) = match case.strip_prefix("#! ").and_then(|rest| rest.split_once('\n')) {
        Some((words, text)) => (overrides(words), written_in(words), text),
        None => (Overrides::default(), Encoding::Utf8, case),
    };
    let bytes = encode(&unescape(text), encoding);
    let seen = recognise_file(&bytes, true, &overrides);
    let block = frame(&bytes, &seen);
    let mut observer = Observer::new(&seen.shape, Origin::File);
    observer.observe(&block);
    let observed = observer.finish();
    let mut schema = TableSchema::new(seen.shape.clone());
    schema.settle(&observed.columns);
    schema.pin(&seen.types);
    let mut said = describe(&seen);
    let columns: Vec<String> = schema.columns.iter().map(|c| format!("{} {}", c.name, c.kind)).collect();
    writeln!(said, "schema: {}", columns.join(", ")).unwrap();
    let options = EncodeOptions {
        codec: Codec::None,
        encodings: ingest_tabular::Encodings::Compact,
        origin: Origin::File,
        own: None,
        rescue: observed.needs_rescue,
        row_group: RowGroupBounds::default(),
        batch_rows: ingest_tabular::BATCH_ROWS,
        threads: 1,
        guess: None,
    };
    let mut misfits = Misfits(String::new());
    let mut encoder = Encoder::create(Vec::new(), &schema, options).unwrap();
    encoder.push(&block, &mut misfits).unwrap();
    let file = bytes::Bytes::from(encoder.finish(&[]).unwrap().output);
    for row in SerializedFileReader::new(file).unwrap().get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let cells: Vec<String> = row.get_column_iter().map(|(_, cell)| visible(&cell.to_string())).collect();
        writeln!(said, "row: {}", cells.join(" | ")).unwrap();
    }
    said.push_str(&misfits.0);
    for (kind, count) in &observed.ignored {
        writeln!(said, "ignored: {} {count}", kind.as_str()).unwrap();
    }
    said
}

/// Line ends and zeros as the input writes them.
fn visible(cell: &str) -> String {
    cell.replace('\n', "\\n").replace('\r', "\\r").replace('\0', "\\0")
}

fn describe(seen: &RecognisedText) -> String {
    let mark = if seen.mark { ", marked" } else { "" };
    let mut said =
        format!("text: {}{mark}, line ends {}\nshape: {}", seen.encoding, seen.line_ends.name(), seen.shape);
    if let Body::Csv(dialect) = &seen.shape.body {
        let byte = |byte: u8| format!("{:?}", char::from(byte));
        let quote = dialect.quote.map_or_else(|| "none".to_owned(), byte);
        write!(said, ", quote {quote}").unwrap();
        for (word, on) in [
            ("escaped", dialect.escape.is_some()),
            ("padded", dialect.padded),
            ("bracketed", dialect.bracketed),
            ("header", dialect.header),
            ("comments", dialect.comment.is_some()),
        ] {
            if on {
                write!(said, ", {word}").unwrap();
            }
        }
    }
    said.push('\n');
    for (name, fact) in &seen.facts {
        writeln!(said, "fact: {name} {fact:?}").unwrap();
    }
    said
}

fn frame(bytes: &[u8], seen: &RecognisedText) -> RecordBlock {
    let mut block = RecordBlock::default();
    let (mut decoder, mut framer) = (Decoder::new(seen.encoding), Framer::new(seen.framing));
    // In odd chunks: they must not matter.
    for chunk in bytes.chunks(7) {
        framer.push(decoder.push(chunk), &mut block);
    }
    framer.push(decoder.finish(), &mut block);
    framer.finish(&mut block);
    block
}

struct Misfits(String);

impl Quarantine for Misfits {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        writeln!(self.0, "misfit: {} {:?}", reason.as_str(), String::from_utf8_lossy(record.bytes)).unwrap();
    }
}

fn overrides(words: &str) -> Overrides {
    let mut overrides = Overrides::default();
    for (name, value) in words.split_ascii_whitespace().filter_map(|word| word.split_once('=')) {
        let byte = || match value {
            "tab" => b'\t',
            "space" => b' ',
            one => one.as_bytes()[0],
        };
        match name {
            "delimiter" => overrides.delimiter = Some(byte()),
            "quote" => overrides.quote = Some((value != "none").then(byte)),
            "escape" => overrides.escape = Some((value != "none").then(byte)),
            "padded" => overrides.padded = Some(value == "yes"),
            "comment" => overrides.comment = Some((value != "none").then(byte)),
            "header" => overrides.header = Some(value == "yes"),
            "columns" => overrides.columns = Some(value.split(',').map(str::to_owned).collect()),
            "encoding" => overrides.encoding = Encoding::named(value),
            "format" => overrides.format = Some(format(value)),
            "written" => {}
            _ => panic!("{name} is no override"),
        }
    }
    overrides
}

fn format(name: &str) -> Format {
    match name {
        "csv" => Format::Csv,
        "json" => Format::Json,
        "kvp" => Format::KeyValue,
        "syslog" => Format::Syslog,
        "access" => Format::Access,
        "ltsv" => Format::Ltsv,
        "cef" => Format::Cef,
        "xml" => Format::Xml,
        "text" => Format::Text,
        _ => panic!("{name} is no format"),
    }
}

fn written_in(words: &str) -> Encoding {
    let name = words.split_ascii_whitespace().find_map(|word| word.strip_prefix("written="));
    name.map_or(Encoding::Utf8, |name| Encoding::named(name).unwrap())
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let (value, used) = match (byte, after) {
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b'0', ..]) => (0, 1),
            (b'\\', [b'\\', ..]) => (b'\\', 1),
            (b'\\', [b'x', hex @ ..]) => {
                (u8::from_str_radix(std::str::from_utf8(&hex[..2]).unwrap(), 16).unwrap(), 3)
            }
            _ => (*byte, 0),
        };
        out.push(value);
        rest = &rest[used..];
    }
    out
}

fn encode(text: &[u8], encoding: Encoding) -> Vec<u8> {
    let units = || String::from_utf8(text.to_vec()).unwrap().encode_utf16().collect::<Vec<u16>>();
    match encoding {
        Encoding::Utf16Le => units().into_iter().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => units().into_iter().flat_map(u16::to_be_bytes).collect(),
        Encoding::Utf8 | Encoding::Windows1252 | Encoding::Latin1 => text.to_vec(),
    }
}
