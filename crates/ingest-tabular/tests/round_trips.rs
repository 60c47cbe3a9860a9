//! Any table comes back cell for cell, in whatever dialect it was written.
//!
//! Two properties: with the dialect given, for any text in the cells; with the dialect recognised, for cells as
//! files have them. The writer here shares no code with the reader.

#![cfg(test)]

use ingest_core::records::{Record, RecordBlock};
use ingest_core::schema::{PinnedType, TableSchema};
use ingest_core::shape::Body;
use ingest_tabular::{
    Codec, Decoder, EncodeOptions, Encoder, Encoding, Format, Framer, Observer, Origin, Overrides,
    Quarantine, Reason, RowGroupBounds, recognise_file,
};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;

type Table = Vec<Vec<String>>;

/// How a table is written.
#[derive(Debug, Clone)]
struct Written {
    delimiter: char,
    quote: Option<char>,
    escape: Option<char>,
    line_end: &'static str,
    header: bool,
    mark: bool,
    encoding: Encoding,
    last_line_ends: bool,
    quote_all: bool,
    padded: bool,
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn with_its_dialect_given_any_table_comes_back(
        table in (2_usize..6, 3_usize..12).prop_flat_map(|(columns, rows)| table(&cell(), columns, rows)),
        written in written(&[',', ';', '\t', '|', '^', '~', ':', ' ', '\u{1}', '\u{1f}', 'x'], true),
        step in 1_usize..200,
    ) {
        let written = written.able_to_hold(&table);
        let table = written.holdable(table);
        let names: Vec<String> = (1..=table[0].len()).map(|place| format!("column{place}")).collect();
        let bytes = written.write(&names, &table);
        let overrides = Overrides {
            encoding: Some(written.encoding),
            format: Some(Format::Csv),
            delimiter: Some(written.delimiter as u8),
            quote: Some(written.quote.map(|quote| quote as u8)),
            escape: Some(written.escape.map(|escape| escape as u8)),
            padded: Some(written.padded),
            comment: Some(None),
            header: Some(written.header),
            ..Overrides::default()
        };
        let names = if written.header { names } else { numbered(names.len()) };
        let got = read(&bytes, step, overrides, &names);
        prop_assert!(got == expected(&written, &table), "{:?}\nof {:?} {:?}", got, show(&bytes), written);
    }

    #[test]
    fn a_usual_table_is_recognised_and_comes_back(
        (names, table) in usual_table(),
        written in written(&[',', ';', '\t', '|'], false),
        step in 1_usize..200,
    ) {
        let written = written.able_to_hold(&table).telling(&table);
        let table = written.holdable(table);
        let written = Written { header: written.header || written.padded || names.len() == 2, ..written };
        let bytes = written.write(&names, &table);
        let seen = recognise_file(&bytes, true, &Overrides::default());
        let Body::Csv(dialect) = &seen.shape.body else {
            return Err(TestCaseError::fail(format!("{}: {:?} {:?}", seen.shape, show(&bytes), written)));
        };
        let (delimiter, header) = (char::from(dialect.delimiter), dialect.header);
        prop_assert!(delimiter == written.delimiter, "{:?}: {:?} {:?}", delimiter, show(&bytes), written);
        prop_assert!(header == written.header, "header {}: {:?} {:?}", header, show(&bytes), written);
        let names = if written.header { names } else { numbered(names.len()) };
        let got = read(&bytes, step, Overrides::default(), &names);
        prop_assert!(got == expected(&written, &table), "{:?}\nof {:?} {:?}", got, show(&bytes), written);
    }
}

fn table(cell: &BoxedStrategy<String>, columns: usize, rows: usize) -> BoxedStrategy<Table> {
    let row = prop::collection::vec(cell.clone(), columns);
    prop::collection::vec(row, rows).boxed()
}

/// Anything, of what means something to some dialect above all.
fn cell() -> BoxedStrategy<String> {
    let piece = prop_oneof![
        Just("a"),
        Just("1"),
        Just(" "),
        Just(","),
        Just(";"),
        Just("\t"),
        Just("|"),
        Just("\""),
        Just("'"),
        Just("\\"),
        Just("\n"),
        Just("\r"),
        Just("\r\n"),
        Just("#"),
        Just("-"),
        Just("x"),
        Just("ü"),
        Just("^"),
        Just(":"),
        Just("{"),
        Just("="),
        Just("NaN"),
        Just("\0"),
        Just("€"),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat()).boxed()
}

fn written(delimiters: &'static [char], odd: bool) -> BoxedStrategy<Written> {
    let encodings = prop_oneof![
        5 => Just(Encoding::Utf8),
        1 => Just(Encoding::Utf16Le),
        1 => Just(Encoding::Utf16Be),
        1 => Just(Encoding::Windows1252),
    ];
    let quote = prop_oneof![4 => Just(Some('"')), 1 => Just(Some('\'')), u32::from(odd) + 1 => Just(None)];
    let ends = prop_oneof![4 => Just("\n"), 3 => Just("\r\n"), 1 => Just("\r")];
    let flags = any::<(bool, bool, bool, bool, bool, bool)>();
    (prop::sample::select(delimiters), quote, ends, encodings, flags)
        .prop_map(
            move |(
                delimiter,
                quote,
                line_end,
                encoding,
                (escaped, header, mark, last_line_ends, quote_all, padded),
            )| {
                Written {
                    delimiter,
                    quote,
                    escape: (escaped && quote.is_some()).then_some('\\'),
                    line_end,
                    header,
                    mark: mark && encoding != Encoding::Windows1252,
                    encoding,
                    last_line_ends,
                    quote_all,
                    padded: padded && (matches!(delimiter, ',' | ';') || (odd && delimiter != ' ')),
                }
            },
        )
        .boxed()
}

/// Columns as files have them; one of them tells a header from the rows.
fn usual_table() -> BoxedStrategy<(Vec<String>, Table)> {
    let cells = || {
        vec![
            "[0-9]{1,6}".boxed(),
            "-?[0-9]{1,3}\\.[0-9]{2}".boxed(),
            "[a-z]{3,9}".boxed(),
            "[A-Z][a-z]{2,8} [A-Z][a-z]{2,8}".boxed(),
            "2026-0[1-9]-1[0-9]T0[0-9]:[0-5][0-9]:[0-5][0-9]Z".boxed(),
            "2026-0[1-9]-1[0-9]".boxed(),
            "0[0-9]:[0-5][0-9]:[0-5][0-9]".boxed(),
            "192\\.0\\.2\\.[1-9][0-9]?".boxed(),
            "(true|false)".boxed(),
            "(|[a-z]{2,5})".boxed(),
            "[A-Z][a-z]{3,8}, [a-z]{3,8}(; [a-z]{3,8})?".boxed(),
            "[a-z]{2,6} \"[a-z]{2,6}\"( [a-z]{2,6})?".boxed(),
            "[a-z]{2,6}(\n|, |\\|)[a-z]{2,6}".boxed(),
            "https?://[a-z]{3,9}\\.example/[a-z]{0,5}(\\?[a-z]=[0-9])?".boxed(),
            "[A-Z]:\\\\[a-z]{2,6}\\\\[a-z]{2,6}".boxed(),
            "[a-zäöüß]{3,9}".boxed(),
            "[A-Z]'[A-Z][a-z]{3,6}".boxed(),
        ]
    };
    let names = prop::sample::subsequence(
        vec![
            "host",
            "user name",
            "Status",
            "bytes_sent",
            "Path",
            "Straße",
            "first.seen",
            "Cost (EUR)",
            "note",
        ],
        1..6,
    );
    (names, 3_usize..20)
        .prop_flat_map(move |(names, rows)| {
            let kinds = prop::collection::vec(cells_of(cells(), rows), names.len());
            let first =
                ["[1-9][0-9]{0,5}", "2026-0[1-9]-1[0-9] 0[0-9]:[0-5][0-9]:[0-5][0-9]", "[0-9]\\.[0-9]{3}"];
            let first = first.into_iter().map(Strategy::boxed).collect();
            let place = 0..=names.len();
            (Just(names), cells_of(first, rows), kinds, place)
        })
        .prop_map(|(names, typed, mut kinds, place)| {
            let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            names.insert(place, "id".to_owned());
            kinds.insert(place, typed);
            let row = |at: usize| kinds.iter().map(|column| column[at].clone()).collect();
            (names, (0..kinds[0].len()).map(row).collect())
        })
        .boxed()
}

/// A column's cells, which are of one kind.
fn cells_of(kinds: Vec<BoxedStrategy<String>>, rows: usize) -> BoxedStrategy<Vec<String>> {
    prop::sample::select(kinds).prop_flat_map(move |cell| prop::collection::vec(cell, rows)).boxed()
}

impl Written {
    /// The same, in an encoding that has the table's characters.
    fn able_to_hold(self, table: &Table) -> Self {
        let wide = table.iter().flatten().any(|cell| cell.chars().any(|c| u32::from(c) > 0xff));
        let encoding =
            if wide && self.encoding == Encoding::Windows1252 { Encoding::Utf8 } else { self.encoding };
        Self { encoding, ..self }
    }

    /// The same, with an escape only where a quote needs it: else nobody can tell that backslashes are doubled.
    fn telling(self, table: &Table) -> Self {
        let quotes = table.iter().flatten().any(|cell| self.quote.is_some_and(|quote| cell.contains(quote)));
        Self { escape: self.escape.filter(|_| quotes), ..self }
    }

    /// What the dialect can hold of a table: without quotes, nothing that means something.
    fn holdable(&self, table: Table) -> Table {
        let plain = |cell: String| -> String {
            let cell: String =
                cell.chars().filter(|c| !matches!(c, '\r' | '\n') && *c != self.delimiter).collect();
            cell
        };
        let hold = |cell: String| match (self.quote, self.line_end) {
            (None, _) => plain(cell),
            // More line feeds in cells than rows would pass for the line ends.
            (Some(_), "\r") => cell.replace('\n', ""),
            (Some(_), _) => cell,
        };
        table.into_iter().map(|row| row.into_iter().map(hold).collect()).collect()
    }

    fn quotes(&self, cell: &str) -> bool {
        self.quote.is_some_and(|quote| {
            self.quote_all
                || cell.is_empty()
                || cell.contains([self.delimiter, quote, '\r', '\n'])
                || cell.starts_with(' ')
        })
    }

    fn cell(&self, cell: &str) -> String {
        let Some(quote) = self.quote.filter(|_| self.quotes(cell)) else { return cell.to_owned() };
        let inside: String = match self.escape {
            Some(escape) => cell
                .chars()
                .flat_map(|c| (c == quote || c == escape).then_some(escape).into_iter().chain([c]))
                .collect(),
            None => cell.replace(quote, &format!("{quote}{quote}")),
        };
        format!("{quote}{inside}{quote}")
    }

    fn write(&self, names: &[String], table: &Table) -> Vec<u8> {
        let header = self.header.then(|| names.to_vec());
        let line = |row: &Vec<String>| -> String {
            let cells: Vec<String> = row.iter().map(|cell| self.cell(cell)).collect();
            let blank = if self.padded { " " } else { "" };
            cells.join(&format!("{}{blank}", self.delimiter))
        };
        let lines: Vec<String> = header.iter().chain(table).map(line).collect();
        let mut text = lines.join(self.line_end);
        if self.last_line_ends {
            text.push_str(self.line_end);
        }
        if self.mark {
            text.insert(0, '\u{feff}');
        }
        match self.encoding {
            Encoding::Utf8 => text.into_bytes(),
            Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Encoding::Windows1252 | Encoding::Latin1 => {
                text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
            }
        }
    }
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "")
}

fn numbered(columns: usize) -> Vec<String> {
    (1..=columns).map(|place| format!("c{place}")).collect()
}

/// The table as it must come back: what was written as nothing is missing.
fn expected(written: &Written, table: &Table) -> Vec<Vec<Option<String>>> {
    let cell = |cell: &String| (!cell.is_empty() || written.quotes(cell)).then(|| cell.clone());
    table.iter().map(|row| row.iter().map(cell).collect()).collect()
}

/// The cells of a text that arrives in such steps, all columns being text.
fn read(bytes: &[u8], step: usize, overrides: Overrides, names: &[String]) -> Vec<Vec<Option<String>>> {
    let text = PinnedType::parse("text").unwrap();
    let types = names.iter().map(|name| (name.clone(), text)).collect();
    let seen = recognise_file(bytes, true, &Overrides { types, ..overrides });
    let mut block = RecordBlock::default();
    let (mut decoder, mut framer) = (Decoder::new(seen.encoding), Framer::new(seen.framing));
    bytes.chunks(step).for_each(|piece| framer.push(decoder.push(piece), &mut block));
    framer.push(decoder.finish(), &mut block);
    framer.finish(&mut block);
    let mut observer = Observer::new(&seen.shape, Origin::File);
    observer.observe(&block);
    let observed = observer.finish();
    let mut schema = TableSchema::new(seen.shape.clone());
    schema.settle(&observed.columns);
    schema.pin(&seen.types);
    let options = EncodeOptions {
        codec: Codec::None,
        encodings: ingest_tabular::Encodings::Compact,
        origin: Origin::File,
        own: None,
        rescue: true,
        row_group: RowGroupBounds::default(),
        batch_rows: ingest_tabular::BATCH_ROWS,
        threads: 1,
        guess: None,
    };
    let mut encoder = Encoder::create(Vec::new(), &schema, options).unwrap();
    let mut lost = Lost::default();
    encoder.push(&block, &mut lost).unwrap();
    let file = bytes::Bytes::from(encoder.finish(&[]).unwrap().output);
    let cell = |(name, cell): (&String, &Field)| {
        if let Field::Str(text) = cell {
            return Some(text.clone());
        }
        assert_eq!(*cell, Field::Null, "{name} is text");
        None
    };
    let file = SerializedFileReader::new(file).unwrap();
    let rows = file.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().get_column_iter().filter(|(name, _)| *name != "_rescued").map(cell).collect())
        .chain(lost.0)
        .collect()
}

/// Nothing may be lost here: what is, shows as a row that is in no table.
#[derive(Default)]
struct Lost(Vec<Vec<Option<String>>>);

impl Quarantine for Lost {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        self.0.push(vec![Some(format!("{reason}: {:?}", String::from_utf8_lossy(record.bytes)))]);
    }
}
