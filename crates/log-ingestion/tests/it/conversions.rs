//! Conversions as users fear them: what breaks a column's type late, and files that differ by how they were made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::program::{outcome, program};

/// Rows that a guess by the beginning of a file never sees: far more than a MiB of them.
const ROWS: usize = 120_000;

/// A converted file: rows, and for each column its type and how many of its values are null.
pub(crate) fn convert(
    folder: &Path,
    text: &[u8],
    name: &str,
    flags: &[&str],
) -> (usize, BTreeMap<String, (String, usize)>) {
    std::fs::write(folder.join(name), text).unwrap();
    let words = [&["convert", name, "--output", "out"], flags].concat();
    let (code, said) = outcome(&mut program(&words, &[], folder));
    assert_eq!(code, 0, "{said}");
    let reader = SerializedFileReader::new(std::fs::File::open(output(folder, name)).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    let mut columns: BTreeMap<String, (String, usize)> = schema
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), (column.physical_type().to_string(), 0)))
        .collect();
    let mut rows = 0;
    for row in reader.get_row_iter(None).unwrap() {
        rows += 1;
        for (name, field) in row.unwrap().get_column_iter() {
            columns.get_mut(name).unwrap().1 += usize::from(*field == parquet::record::Field::Null);
        }
    }
    (rows, columns)
}

pub(crate) fn output(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join("out").join(Path::new(name).with_extension("parquet"))
}

fn column<'a>(columns: &'a BTreeMap<String, (String, usize)>, name: &str) -> (&'a str, usize) {
    let (kind, nulls) = &columns[name];
    (kind, *nulls)
}

fn csv(rows: usize, late: &str) -> Vec<u8> {
    let mut text = "id,at,note\n".to_owned();
    for row in 0..rows {
        writeln!(text, "{row},2026-02-10T10:00:{:02}Z,", row % 60).unwrap();
    }
    text.push_str(late);
    text.into_bytes()
}

#[test]
fn a_value_that_breaks_a_type_late_widens_its_column_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, columns) = convert(folder.path(), &csv(ROWS, ""), "even.csv", &[]);
    assert_eq!(rows, ROWS);
    assert_eq!(column(&columns, "id"), ("INT64", 0));
    assert_eq!(column(&columns, "note"), ("BYTE_ARRAY", ROWS));
    assert!(!columns.contains_key("_rescued"));
    let late = "x,2026-02-10T10:00:00Z,7\n8,yesterday,\n";
    let (rows, columns) = convert(folder.path(), &csv(ROWS, late), "late.csv", &[]);
    assert_eq!(rows, ROWS + 2);
    assert_eq!(column(&columns, "id"), ("BYTE_ARRAY", 0));
    assert_eq!(column(&columns, "at"), ("BYTE_ARRAY", 0));
    // A column without values so far has the type of the first one that it gets.
    assert_eq!(column(&columns, "note"), ("INT64", ROWS + 1));
    assert!(!columns.contains_key("_rescued"));
}

#[test]
fn bytes_that_are_no_utf8_late_in_a_file_are_rescued() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = csv(ROWS, "9,2026-02-10T10:00:00Z,gr\u{fc}n und wei\u{df}\n");
    text.extend_from_slice(b"10,2026-02-10T10:00:00Z,\xff\xfe\n");
    let (rows, columns) = convert(folder.path(), &text, "a.csv", &[]);
    assert_eq!(rows, ROWS + 2);
    assert_eq!(column(&columns, "note"), ("BYTE_ARRAY", ROWS));
    assert_eq!(column(&columns, "_rescued"), ("BYTE_ARRAY", ROWS + 1));
}

#[test]
fn a_key_that_comes_up_late_is_a_column() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for row in 0..ROWS {
        writeln!(text, r#"{{"n":{row},"user":{{"name":"u{}"}}}}"#, row % 50).unwrap();
    }
    text.push_str("{\"n\":1.5,\"user\":{\"mail\":\"a@b\"}}\nno json\n");
    let (rows, columns) = convert(folder.path(), text.as_bytes(), "a.jsonl", &[]);
    assert_eq!(rows, ROWS + 1);
    assert_eq!(column(&columns, "n"), ("DOUBLE", 0));
    assert_eq!(column(&columns, "user__mail"), ("BYTE_ARRAY", ROWS));
    let left = std::fs::read_to_string(folder.path().join("out/a.quarantine.jsonl")).unwrap();
    assert_eq!(left.lines().count(), 1);
}

#[test]
fn what_the_beginning_of_a_file_does_not_show_counts_as_if_it_stood_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for row in 0..ROWS {
        writeln!(text, r#"{{"n":{row},"at":"2026-01-01T10:00:00Z"}}"#).unwrap();
    }
    let late = r#"{"n":1,"at":"2026-01-01T10:00:00.500000Z","new":null}"#;
    let (_, columns) = convert(folder.path(), format!("{text}{late}\n").as_bytes(), "late.jsonl", &[]);
    let (_, same) = convert(folder.path(), format!("{late}\n{text}").as_bytes(), "early.jsonl", &[]);
    assert_eq!(columns, same);
    assert_eq!(column(&columns, "new"), ("BYTE_ARRAY", ROWS + 1));
}

#[test]
fn a_file_is_the_same_byte_for_byte_however_many_threads_make_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = csv(ROWS, "1,2,3,4\nx,\"a\nb\",\"\"\"q\"\"\"\n");
    let mut made = Vec::new();
    for threads in ["1", "2", "5"] {
        convert(folder.path(), &text, "a.csv", &["--threads", threads]);
        let quarantine = std::fs::read(folder.path().join("out/a.quarantine.jsonl")).unwrap();
        made.push((std::fs::read(output(folder.path(), "a.csv")).unwrap(), quarantine));
    }
    assert_eq!(made[0], made[1]);
    assert_eq!(made[0], made[2]);
}

#[test]
fn old_readers_find_no_encoding_that_they_do_not_know() {
    use parquet::basic::Encoding;
    let folder = tempfile::tempdir().unwrap();
    let mut text = "id,name\n".to_owned();
    (0..30_000).for_each(|row| writeln!(text, "{},name {}", row * 7, row * 3).unwrap());
    for (flags, differences) in [(&["--compat"][..], false), (&[], true)] {
        convert(folder.path(), text.as_bytes(), "a.csv", flags);
        let file = std::fs::File::open(output(folder.path(), "a.csv")).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let chunks = reader.metadata().row_group(0).columns();
        let encodings: Vec<Encoding> = chunks.iter().flat_map(|chunk| chunk.encodings()).collect();
        let new = [Encoding::DELTA_BINARY_PACKED, Encoding::DELTA_LENGTH_BYTE_ARRAY];
        assert_eq!(encodings.iter().any(|encoding| new.contains(encoding)), differences, "{encodings:?}");
    }
}
