//! Files of unusual size: very wide, with very long fields, compressed, or with nothing in them.

use std::io::Write as _;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;

use crate::conversions::{convert, output};

#[test]
fn five_thousand_columns_have_types_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let line = |cell: &dyn Fn(usize) -> String| (0..5_000).map(cell).collect::<Vec<_>>().join(",") + "\n";
    let mut text = line(&|place| format!("column_{place}"));
    for row in 0..20 {
        text += &line(&|place| match place % 3 {
            0 => format!("{}", place * row),
            1 => format!("\"word {place}, {row}\""),
            _ => String::new(),
        });
    }
    let (rows, columns) = convert(folder.path(), text.as_bytes(), "wide.csv", &[]);
    assert_eq!((rows, columns.len()), (20, 5_000));
    for (place, want) in [(4_998, ("INT64", 0)), (4_999, ("BYTE_ARRAY", 0)), (4_997, ("BYTE_ARRAY", 20))] {
        let (kind, nulls) = &columns[&format!("column_{place}")];
        assert_eq!((kind.as_str(), *nulls), want, "{place}");
    }
}

#[test]
fn a_field_of_ten_megabytes_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let long = "0123456789, \n\0 abc".repeat(10 << 20 >> 4);
    let json = serde_json::json!({"id": 2, "text": long}).to_string();
    let csv = format!("id,text\n1,short\n2,\"{long}\"\n3,short\n");
    for (name, text, rows) in [("a.csv", csv, 3), ("a.jsonl", format!("{json}\n{{\"id\":3}}\n"), 2)] {
        let (got, columns) = convert(folder.path(), text.as_bytes(), name, &[]);
        assert_eq!((got, columns["id"].0.as_str()), (rows, "INT64"), "{name}");
        let file = std::fs::File::open(output(folder.path(), name)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let found = reader.get_row_iter(None).unwrap().any(|row| {
            let row = row.unwrap();
            let cells: Vec<&Field> = row.get_column_iter().map(|(_, cell)| cell).collect();
            cells == [&Field::Long(2), &Field::Str(long.clone())]
        });
        assert!(found, "{name}");
        let statistics = reader.metadata().row_group(0).column(1).statistics().unwrap();
        assert!(statistics.max_bytes_opt().unwrap().len() < 100, "{name}");
    }
}

#[test]
fn compressed_files_become_what_plain_ones_do() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..30_000).map(|row| format!("{row},\"name {}\"\n", row % 70)).collect();
    let text = format!("id,name\n{text}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let inputs = [
        ("plain.csv", text.clone().into_bytes()),
        ("a.csv", gzip.finish().unwrap()),
        ("b.csv", zstd::encode_all(text.as_bytes(), 1).unwrap()),
    ];
    let read = |(name, bytes): (&str, Vec<u8>)| {
        let seen = convert(folder.path(), &bytes, name, &[]);
        let file = std::fs::File::open(output(folder.path(), name)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<String> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        (seen, rows)
    };
    let [plain, gzip, zstd] = inputs.map(read);
    assert_eq!(plain.0.0, 30_000);
    assert!(plain == gzip && plain == zstd);
}

#[test]
fn files_of_nothing_and_of_headers_alone_have_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        // A file of Parquet has a column at least.
        ("nothing.csv", "", &["_rescued"][..]),
        ("header.csv", "id,name,at\n", &["at", "id", "name"]),
        ("directives.log", "#Version: 1.0\n#Fields: date cs-uri\n", &["cs-uri", "date"]),
    ];
    for (name, text, want) in cases {
        let (rows, columns) = convert(folder.path(), text.as_bytes(), name, &[]);
        assert_eq!(
            (rows, columns.keys().map(String::as_str).collect::<Vec<_>>()),
            (0, want.to_vec()),
            "{name}"
        );
    }
}
