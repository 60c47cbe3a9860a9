//! Looking after the files: `verify`, `meta` and `head`, as an operator uses them.

use std::fs;
use std::path::{Path, PathBuf};

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, outcome, program, run};
use crate::stored;

fn pulled() -> (tempfile::TempDir, Vec<PathBuf>) {
    let log = LogSpec::generated("web", Kind::Access, 3_000);
    let server = SimServer::start(SimConfig::default().with_log(log));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let (code, text) =
        outcome(&mut run(&server, &output, &["--settle-delay", "0s", "--window-rows", "1000"]));
    assert_eq!(code, 0, "{text}");
    let files = stored::files(&output, "parquet");
    assert!(files.len() >= 3, "{files:?}");
    (folder, files)
}

fn command(folder: &Path, words: &[&str]) -> (i32, String) {
    let output_dir = folder.join("out").to_str().unwrap().to_owned();
    outcome(&mut program(words, &[("OUTPUT_DIR", &output_dir)], folder))
}

#[test]
fn whole_files_verify_and_a_flipped_bit_anywhere_does_not() {
    let (folder, files) = pulled();
    let (code, text) = command(folder.path(), &["verify"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("files with 3,000 rows are whole"), "{text}");
    let whole = fs::read(&files[0]).unwrap();
    let file = files[0].to_str().unwrap();
    // The magic, a page, the page index, the footer, the footer's length.
    for at in [1, whole.len() / 4, whole.len() / 2, whole.len() - 200, whole.len() - 6] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&files[0], &damaged).unwrap();
        let (code, text) = command(folder.path(), &["verify", file]);
        assert_eq!(code, 1, "a flipped bit at {at} of {} went unnoticed: {text}", whole.len());
    }
    fs::write(&files[0], &whole).unwrap();
    fs::remove_file(&files[1]).unwrap();
    let (code, text) = command(folder.path(), &["verify", "--json"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the ledger counts"), "{text}");
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
}

#[test]
fn nothing_to_verify_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("out")).unwrap();
    let (code, text) = command(folder.path(), &["verify"]);
    assert_eq!(code, 1, "{text}");
}

#[test]
fn meta_and_head_show_what_a_file_holds() {
    let (folder, files) = pulled();
    let file = files[0].to_str().unwrap();
    let (code, text) = command(folder.path(), &["meta", file]);
    assert_eq!(code, 0, "{text}");
    for part in ["rows ", "_time", "ingest.server_count = ", "SNAPPY", "created by  log-ingestion"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, text) = command(folder.path(), &["meta", file, "--json"]);
    let meta: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (code, text) = command(folder.path(), &["head", file, "-n", "100000", "--json"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(u64::try_from(text.lines().count()).ok(), meta["rows"].as_u64());
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(first["_time"].is_string() && first["status"].is_number(), "{first}");
    let (code, text) = command(folder.path(), &["head", file, "-n", "3"]);
    assert_eq!((code, text.lines().count()), (0, 4), "{text}");
    let (code, text) = command(folder.path(), &["meta", "nothing.parquet"]);
    assert_eq!(code, 1, "{text}");
}
