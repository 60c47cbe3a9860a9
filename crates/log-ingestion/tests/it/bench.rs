//! `bench` measures, judges and cleans up. How fast it is, no test says: that is the machine's.

use serde_json::Value;

use crate::program::{outcome, program};

const LOGS: [&str; 4] = ["access.csv", "firewall.csv", "events.jsonl", "pairs.log"];

/// Runs it with few events; what it printed, and whether all was as expected. Checks that its folder is gone.
fn bench(words: &[&str]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().to_str().unwrap();
    let words: Vec<&str> = ["bench", "--events", "3000"].iter().chain(words).copied().collect();
    let (code, text) = outcome(&mut program(&words, &[("TMPDIR", temporary)], folder.path()));
    assert!(code == 0 || code == 1, "{code} {text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{text}");
    (code == 0, text)
}

#[test]
fn each_shape_is_a_line_against_what_is_expected() {
    let (met, text) = bench(&["--threads", "2"]);
    for log in LOGS {
        let ends = |line: &&str| line.ends_with("  met") || line.contains("  missed: ");
        let lines = text.lines().filter(|line| line.starts_with(&format!("{log} "))).filter(ends);
        assert_eq!(lines.count(), 1, "{log} in {text}");
    }
    for part in ["parse/s (> 10,000)", "write/s (> 5,000)", "peak MB (< 500)", "smaller % (> 70)", " 3,000 "]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(met, !text.contains("missed"), "{text}");
}

#[test]
fn json_gives_the_same_figures_to_programs() {
    let (met, text) = bench(&["--json", "--compression", "zstd", "--seed", "3"]);
    let shapes: Vec<Value> = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(shapes.iter().map(|shape| shape["log"].as_str().unwrap()).collect::<Vec<_>>(), LOGS, "{text}");
    assert_eq!(met, shapes.iter().all(|shape| shape["met"] == true), "{text}");
    for shape in &shapes {
        assert_eq!(shape["entries"], 3_000);
        let (whole, part) = (shape["text_bytes"].as_f64().unwrap(), shape["file_bytes"].as_f64().unwrap());
        let percent = shape["smaller_percent"]["value"].as_f64().unwrap();
        assert!((percent - (100.0 - 100.0 * part / whole)).abs() <= 0.1, "{shape}");
        assert_eq!(shape["smaller_percent"]["met"], percent > 70.0, "{shape}");
        for rate in ["parse_per_second", "write_per_second"] {
            assert!(shape[rate]["value"].as_f64().unwrap() > 0.0, "{shape}");
        }
        assert!(shape["peak_mb"].is_null() || shape["peak_mb"]["value"].as_f64().unwrap() > 1.0, "{shape}");
    }
}
