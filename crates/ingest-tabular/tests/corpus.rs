//! The corpus of fuzzing, without a fuzzer: every seed goes through the function of its target.
//!
//! The functions are those that `cargo fuzz` runs. An input that once showed a defect stays as a seed.

#![cfg(test)]

#[path = "../../../fuzz/src/lib.rs"]
pub mod targets;

use std::panic::catch_unwind;
use std::path::Path;

/// What a seed may have, so that the repository stays small.
const SEED_BYTES_MAX: usize = 2 << 10;

#[track_caller]
fn check(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 10, "the seeds are there");
    for path in paths {
        let seed = std::fs::read(&path).unwrap();
        assert!(seed.len() <= SEED_BYTES_MAX, "{} is long", path.display());
        assert!(catch_unwind(|| run(&seed)).is_ok(), "{} fails as said above", path.display());
    }
}

#[test]
fn any_text_is_recognised_as_what_can_be_read() {
    check("sniff", targets::sniff);
}

#[test]
fn delimited_text_is_stored_the_same_either_way() {
    check("csv", targets::csv);
}

#[test]
fn json_is_stored_the_same_either_way() {
    check("json", targets::json);
}

#[test]
fn pairs_are_stored_the_same_either_way() {
    check("pairs", targets::pairs);
}

#[test]
fn text_is_decoded_the_same_in_any_pieces() {
    check("encoding", targets::encoding);
}

#[test]
fn any_text_becomes_a_table_that_reads_back() {
    check("table", targets::table);
}
