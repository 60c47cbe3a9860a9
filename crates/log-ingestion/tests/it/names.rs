//! Names of logs are the senders' to choose: none leaves the output folder, collides with another, or does anything to a
//! terminal.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ingest_core::ids::{LogId, Slug};
use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, complete, now_ms, outcome, program, run};
use crate::stored;

/// Names that mean something to a filesystem, a terminal, a reader of tables, or to this program.
const ODD: [&str; 30] = [
    "../../etc/passwd",
    "..",
    ".",
    "/",
    "/tmp/absolute",
    "a\0b",
    "CON",
    "con.parquet",
    "nul",
    "_staging",
    "_ingest",
    "_quarantine",
    "_replaced",
    ".hidden",
    "log=web/day=2026-01-01",
    "C:\\Windows\\System32",
    "\\\\server\\share",
    "\u{202e}gnp.exe",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{9b}2J",
    "two\nlines\r",
    "🔥🔥",
    "日本語",
    "Größe",
    "Web Access",
    "web-access",
    "WEB ACCESS",
    "web access ",
    "%2e%2e%2f",
    "$(touch owned)",
];

fn server() -> SimServer {
    let long = "x".repeat(300);
    let mut config = SimConfig { to_ms: Some(now_ms() - 60_000), span_ms: 600_000, ..SimConfig::default() };
    for name in ODD.into_iter().chain([long.as_str(), long.as_str(), "Web Access"]) {
        config = config.with_log(LogSpec::generated(name, Kind::Json, 10));
    }
    SimServer::start(config)
}

/// Asserts that every name below a folder is plain; gives the folders of logs.
fn plain_names(folder: &Path, logs: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.len() <= 200 && name.bytes().all(|b| b.is_ascii_graphic()), "{path:?}");
        assert!(!name.contains(['\\', ':', '$', '(']), "{path:?}");
        if name.starts_with("log=") {
            logs.insert(name.to_ascii_lowercase());
        }
        if path.is_dir() {
            plain_names(&path, logs);
        }
    }
}

/// Asserts that a text for people has no character that could turn, colour or break its lines.
#[track_caller]
fn check_text(text: &str) {
    let odd = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(odd), "{text:?}");
}

#[test]
fn odd_names_stay_in_the_folder_apart_and_harmless() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a/b/out");
    let words = ["--settle-delay", "0s"];
    fs::create_dir_all(output.parent().unwrap()).unwrap();
    complete(&server, &output, &words);
    let stored = stored::read(&output);
    for truth in server.account.lock().unwrap().truth() {
        let log = &stored[&format!("log={}", Slug::of(&truth.name, &LogId::new(&truth.id)))];
        assert_eq!((log.rows.len() + log.quarantined.len()) as u64, truth.count, "{:?}", truth.name);
    }
    let mut logs = BTreeSet::new();
    plain_names(folder.path(), &mut logs);
    assert_eq!(logs.len(), ODD.len() + 3, "{logs:?}");
    for (above, only) in [("", "a"), ("a", "b"), ("a/b", "out")] {
        let names: Vec<_> =
            fs::read_dir(folder.path().join(above)).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [only], "something left the output folder");
    }
    let environment = [
        ("RAPID7_API_KEY", "sim-key"),
        ("RAPID7_API_ENDPOINT", server.origin.as_str()),
        ("OUTPUT_DIR", output.to_str().unwrap()),
    ];
    for words in [&["logs"][..], &["status"], &["doctor"], &["audit", "--offline"], &["verify"], &["ledger"]]
    {
        let (_code, text) = outcome(&mut program(words, &environment, folder.path()));
        assert!(text.len() > 20, "{words:?}: {text}");
        check_text(&text);
    }
    // Lines for people, and JSON lines, which escape what they must.
    let (code, text) = outcome(&mut run(&server, &output, &["--log-format", "text", "--log-level", "DEBUG"]));
    assert_eq!(code, 0, "{text}");
    check_text(&text);
}
