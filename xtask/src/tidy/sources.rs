//! Rules about one Rust file: its size, its header, what it must not call.

use super::code;
use super::{File, Violation};

/// Production lines that a file should stay under, and those that it may not exceed.
const LINES_AIMED: usize = 400;
const LINES_MAX: usize = 600;

/// What only the settings may call, as the code has it.
const ENVIRONMENT: [&str; 4] = ["env::var(", "env::var_os(", "env::vars(", "env::vars_os("];
/// What only the edges of the system may call.
const CLOCK: [&str; 2] = ["SystemTime::now", "Timestamp::now"];

/// Production lines of a file are few: tests are not counted.
pub(super) fn small(file: &File) -> Vec<Violation> {
    if is_test(&file.path) {
        return Vec::new();
    }
    let lines = code::production_lines(&code::of(&file.text)).len();
    let sentence = format!("{lines} production lines; a file aims under {LINES_AIMED}, at most {LINES_MAX}");
    if lines > LINES_MAX {
        vec![Violation::error(&file.path, 1, sentence)]
    } else if lines > LINES_AIMED {
        vec![Violation::warning(&file.path, 1, sentence)]
    } else {
        Vec::new()
    }
}

/// A module says first what it decides and what it never does. A `tests.rs` is a part of the module that declares it.
pub(super) fn header(file: &File) -> Vec<Violation> {
    let part = file.path.ends_with("/tests.rs");
    if !file.path.contains("/src/") || part || file.text.starts_with("//!") {
        return Vec::new();
    }
    let sentence = "the file does not open with a header; say in //! what it decides and what it never does";
    vec![Violation::error(&file.path, 1, sentence)]
}

/// Nothing is ignored, unfinished or allowed.
pub(super) fn unfinished(file: &File) -> Vec<Violation> {
    let code = code::of(&file.text);
    let lines = code.lines().enumerate().filter_map(|(at, line)| Some((at + 1, complaint(line)?)));
    lines.map(|(number, sentence)| Violation::error(&file.path, number, sentence)).collect()
}

fn complaint(line: &str) -> Option<&'static str> {
    let attribute = line.contains("#[") || line.contains("#![");
    match line {
        _ if line.contains("#[ignore") => Some("a test is ignored; mend it or remove it"),
        _ if calls(line, "todo!") || calls(line, "unimplemented!") => Some("code is left unfinished"),
        _ if calls(line, "dbg!") => Some("dbg! is for debugging; remove it"),
        _ if attribute && calls(line, "allow(") => {
            Some("an allow outlives its reason; use #[expect(.., reason = \"..\")]")
        }
        _ => None,
    }
}

/// Whether `call` stands in a line as a word of its own.
fn calls(line: &str, call: &str) -> bool {
    line.match_indices(call).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Only the settings read the environment.
pub(super) fn environment(file: &File) -> Vec<Violation> {
    let allowed = ["crates/log-ingestion/src/settings.rs", "crates/log-ingestion/src/settings/"];
    let sentence = "the environment is read here; only settings/ does that";
    outside(file, &allowed, &ENVIRONMENT, sentence)
}

/// Only the composition root and the simulator's server read the clock.
pub(super) fn clock(file: &File) -> Vec<Violation> {
    let server = ["crates/rapid7-sim/src/server.rs", "crates/rapid7-sim/src/server/"];
    let allowed = ["crates/log-ingestion/src/app.rs", server[0], server[1]];
    outside(file, &allowed, &CLOCK, "the clock is read here; take `now` as an argument")
}

fn outside(file: &File, allowed: &[&str], calls: &[&str], sentence: &str) -> Vec<Violation> {
    if is_test(&file.path) || allowed.iter().any(|prefix| file.path.starts_with(prefix)) {
        return Vec::new();
    }
    let code = code::of(&file.text);
    let lines = code::production_lines(&code);
    let found = lines.iter().filter(|(_, line)| calls.iter().any(|call| line.contains(call)));
    found.map(|(number, _)| Violation::error(&file.path, *number, sentence)).collect()
}

/// Whether a whole file is tests.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/benches/")
}
