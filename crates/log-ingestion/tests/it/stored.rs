//! What an output folder holds, read with the parquet crate's own reader and nothing of ours.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ingest_store::layout::FileName;
use ingest_store::scripted::ScriptedDisk;
use parquet::file::reader::{ChunkReader, FileReader as _, SerializedFileReader};
use parquet::record::Field;

/// Everything stored of one log, by the id in its rows.
#[derive(Debug, Default)]
pub(crate) struct StoredLog {
    /// Rows: receive time and sequence where known, `_time`, and the record as it came (`_raw`).
    pub(crate) rows: Vec<StoredRow>,
    /// Records in the quarantine, as they came.
    pub(crate) quarantined: Vec<String>,
    /// The names and types of each file's columns.
    pub(crate) columns: Vec<BTreeMap<String, String>>,
}

#[derive(Debug)]
pub(crate) struct StoredRow {
    pub(crate) received: Option<i64>,
    pub(crate) sequence: Option<i64>,
    pub(crate) time: i64,
    pub(crate) raw: String,
}

/// All logs below an output folder, by folder name.
pub(crate) fn read(output: &Path) -> BTreeMap<String, StoredLog> {
    let mut logs: BTreeMap<String, StoredLog> = BTreeMap::new();
    for path in files(output, "parquet") {
        let log = folder_of(output, &path);
        assert!(!log.starts_with('_'), "a visible file in {log}");
        let entry = logs.entry(log).or_default();
        read_file(File::open(&path).unwrap(), &path, entry);
    }
    for path in files(&output.join("_quarantine"), "jsonl") {
        let log = folder_of(&output.join("_quarantine"), &path);
        let text = std::fs::read_to_string(&path).unwrap();
        logs.entry(log).or_default().quarantined.extend(quarantined_records(&text));
    }
    logs
}

/// The same of a simulated disk, whatever the layout.
pub(crate) fn read_scripted(disk: &ScriptedDisk, output: &Path) -> BTreeMap<String, StoredLog> {
    let mut logs: BTreeMap<String, StoredLog> = BTreeMap::new();
    for path in disk.files() {
        let Ok(below) = path.strip_prefix(output) else { continue };
        let bytes = || disk.bytes(&path).unwrap();
        let top = below.components().next().unwrap().as_os_str().to_str().unwrap();
        if top == "_quarantine" && path.extension().is_some_and(|ending| ending == "jsonl") {
            let log = folder_of(&output.join("_quarantine"), &path);
            let text = String::from_utf8(bytes()).unwrap();
            logs.entry(log).or_default().quarantined.extend(quarantined_records(&text));
        } else if let Some(name) = FileName::parse(below).filter(|_| !top.starts_with('_')) {
            let log = logs.entry(format!("log={}", name.slug)).or_default();
            read_file(Bytes::from(bytes()), &path, log);
        }
    }
    logs
}

/// The records of a quarantine file as they came; bytes that are no UTF-8 as replacement characters.
pub(crate) fn quarantined_records(text: &str) -> impl Iterator<Item = String> + '_ {
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| match (line["raw"].as_str(), line["raw_hex"].as_str()) {
        (Some(raw), _) => raw.to_owned(),
        (None, Some(hex)) => {
            let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        (None, None) => line.to_string(),
    })
}

/// Files with an ending below a folder, staging excluded.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !name.starts_with('_') {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn folder_of(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().components().next().unwrap().as_os_str().to_str().unwrap().to_owned()
}

/// Adds what a file holds, whose name is `path`.
pub(crate) fn read_file(file: impl ChunkReader + 'static, path: &Path, log: &mut StoredLog) {
    let reader = SerializedFileReader::new(file).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let columns = schema.columns().iter();
    let columns = columns
        .map(|c| (c.name().to_owned(), format!("{:?} {:?}", c.physical_type(), c.logical_type_ref())))
        .collect();
    log.columns.push(columns);
    let mut rows = 0_u64;
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        rows += 1;
        let mut stored = StoredRow { received: None, sequence: None, time: i64::MIN, raw: String::new() };
        for (name, field) in row.get_column_iter() {
            match (name.as_str(), field) {
                ("_time", Field::TimestampMillis(ms)) => stored.time = *ms,
                ("_timestamp", Field::TimestampMillis(ms)) => stored.received = Some(*ms),
                ("_sequence", Field::Long(n)) => stored.sequence = Some(*n),
                ("_raw", Field::Str(raw)) => stored.raw.clone_from(raw),
                _ => {}
            }
        }
        assert_ne!(stored.time, i64::MIN, "_time is null in {}", path.display());
        log.rows.push(stored);
    }
    let named: u64 = path.file_stem().unwrap().to_str().unwrap().rsplit('_').nth(1).unwrap().parse().unwrap();
    assert_eq!(rows, named, "rows in {}", path.display());
}
