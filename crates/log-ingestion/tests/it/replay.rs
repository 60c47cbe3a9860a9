//! Quarantined records come back with their exact bytes, and none of them is lost on the way.

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::program::{outcome, program};

fn ok(words: &[&str], folder: &Path) -> String {
    let (code, text) = outcome(&mut program(words, &[], folder));
    assert_eq!(code, 0, "{text}");
    text
}

/// The rows of a file, as text.
fn rows(path: &Path) -> Vec<String> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A table whose ragged rows are in `out/a.quarantine.jsonl`.
fn ragged(folder: &Path) {
    let mut text = "id,name,n\n".to_owned();
    (0..50).for_each(|id| text.push_str(&format!("{id},name {id},{id}\n")));
    text.push_str("50,\"two\nlines\",7,late\n51,plain,8,later\n52\n");
    std::fs::write(folder.join("a.csv"), text).unwrap();
    ok(&["convert", "a.csv", "--output", "out"], folder);
}

#[test]
fn ragged_rows_become_rows_under_columns_that_fit() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ragged(folder);
    let quarantine = folder.join("out/a.quarantine.jsonl");
    let before = read(&quarantine);
    let words = ["replay", "out/a.quarantine.jsonl", "--output", "again", "--columns", "id,name,n,note"];
    let said = ok(&words, folder);
    for part in ["again/a.replayed.parquet", "1 short_row", "CSV (',', 4 columns)"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let wanted = [
        r#"{id: 50, name: "two\nlines", n: 7, note: "late"}"#,
        r#"{id: 51, name: "plain", n: 8, note: "later"}"#,
    ];
    let stored: Vec<String> =
        rows(&folder.join("again/a.replayed.parquet")).iter().map(|row| row.replace('\n', "\\n")).collect();
    assert_eq!(stored, wanted);
    // What is left is the record as the first quarantine has it, its place in the source included.
    let left = read(&folder.join("again/a.quarantine.jsonl"));
    let wanted: String =
        before.lines().filter(|line| line.contains("short_row")).map(|l| format!("{l}\n")).collect();
    assert_eq!(left, wanted);
    assert_eq!(read(&quarantine), before);
    // What was left is a quarantine file like any other.
    let words =
        ["replay", "again/a.quarantine.jsonl", "--output", "third", "--columns", "id", "--header", "no"];
    ok(&words, folder);
    assert_eq!(rows(&folder.join("third/a.replayed.parquet")), ["{id: 52}"]);
    assert!(!folder.join("third/a.quarantine.jsonl").exists());
}

#[test]
fn a_pin_that_fits_takes_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ragged(folder);
    let pin = r#"{"format":"csv","columns":["id","name","n","note"],"types":{"n":"text"}}"#;
    std::fs::write(folder.join("a.json"), pin).unwrap();
    let said = ok(&["replay", "out/a.quarantine.jsonl", "--output", "again", "--pin", "a.json"], folder);
    assert!(said.contains("1 short_row"), "{said}");
    let stored = rows(&folder.join("again/a.replayed.parquet"));
    assert!(stored.len() == 2 && stored[1].contains("n: \"8\""), "{stored:?}");
}

#[test]
fn bytes_that_are_no_utf_8_come_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line = r#"{"reason":"not_json","ordinal":9,"received":"2026-02-10T00:00:00.000Z","sequence":"7","raw_hex":"61ff0a62"}"#;
    std::fs::write(folder.join("x.jsonl"), format!("{line}\n")).unwrap();
    // As JSON it is none, still: the line is the same, receipt and place included.
    let said = ok(&["replay", "x.jsonl", "--output", "again", "--format", "json"], folder);
    assert!(said.contains("1 not_json") && !folder.join("again/x.replayed.parquet").exists(), "{said}");
    assert_eq!(read(&folder.join("again/x.quarantine.jsonl")), format!("{line}\n"));
    // As text it is a row, and the bytes are in `_rescued`.
    ok(&["replay", "x.jsonl", "--output", "text", "--format", "text"], folder);
    let stored = rows(&folder.join("text/x.replayed.parquet"));
    assert!(stored.len() == 1 && stored[0].contains("61ff0a62"), "{stored:?}");
    assert!(!folder.join("text/x.quarantine.jsonl").exists());
}

#[test]
fn a_damaged_line_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line = r#"{"reason":"not_json","ordinal":1,"raw":"x"}"#;
    for damage in [r#"{"reason":"not_json","ordinal":1,"ra"#, "", r#"{"reason":"not_json","ordinal":1}"#] {
        std::fs::write(folder.join("x.quarantine.jsonl"), format!("{line}\n{damage}\n{line}\n")).unwrap();
        let words = ["replay", "x.quarantine.jsonl", "--output", "again"];
        let (code, said) = outcome(&mut program(&words, &[], folder));
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("line 2 of x.quarantine.jsonl is damaged"), "{said}");
        assert!(!folder.join("again").exists(), "{said}");
    }
}

#[test]
fn a_quarantine_file_is_never_replaced_by_what_is_left_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ragged(folder);
    let before = read(&folder.join("out/a.quarantine.jsonl"));
    let (code, said) =
        outcome(&mut program(&["replay", "out/a.quarantine.jsonl", "--output", "out"], &[], folder));
    assert!(code == 64 && said.contains("choose another --output"), "{code} {said}");
    let words = ["replay", "out/a.quarantine.jsonl", "--output", "x", "--encoding", "latin-1"];
    assert_eq!(outcome(&mut program(&words, &[], folder)).0, 64);
    assert_eq!(read(&folder.join("out/a.quarantine.jsonl")), before);
}

#[test]
fn every_record_is_a_row_passed_over_or_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let raw = |place: u32| match place % 5 {
        0 => format!("{place}"),
        1 => "id,name".to_owned(),
        _ => format!("{place},name"),
    };
    let line = |place: u32| {
        format!("{{\"reason\":\"short_row\",\"ordinal\":{},\"raw\":\"{}\"}}\n", place * 7, raw(place))
    };
    let text: String = (0..20_000).map(line).collect();
    std::fs::write(folder.join("x.jsonl"), text).unwrap();
    let said =
        ok(&["replay", "x.jsonl", "--output", "again", "--columns", "id,name", "--header", "yes"], folder);
    let cells: Vec<&str> = said.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(cells[2..8], ["20,000", "12,000", "4,000", "4,000", "4,000", "short_row"], "{said}");
    assert_eq!(rows(&folder.join("again/x.replayed.parquet")).len(), 12_000);
    let left: String = (0..20_000).filter(|place| place % 5 == 0).map(line).collect();
    assert_eq!(read(&folder.join("again/x.quarantine.jsonl")), left);
}
