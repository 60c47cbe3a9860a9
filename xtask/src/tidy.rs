//! `tidy`: the house rules that clippy cannot check, one table of small functions.
//!
//! Loads every file that belongs to the repository, once; a rule sees files and gives violations, and never reads the
//! disk. Violations of a whole run are printed together, as `file:line: sentence`.

mod code;
mod edges;
mod repository;
mod sources;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::failure::Failure;
use crate::place::Place;
use crate::{out, process};

/// A file of the repository.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Its path from the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// What the rules judge.
struct Repository {
    files: Vec<File>,
    metadata: Value,
}

impl Repository {
    fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// Whether a violation fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Warning,
    Error,
}

/// A rule broken at a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    line: usize,
    severity: Severity,
    sentence: String,
}

impl Violation {
    fn error(path: &str, line: usize, sentence: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, severity: Severity::Error, sentence: sentence.into() }
    }

    fn warning(path: &str, line: usize, sentence: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, line, sentence) }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}:{}: {kind}{}", self.path, self.line, self.sentence)
    }
}

/// One house rule.
struct Rule {
    /// What holds when it is kept.
    name: &'static str,
    check: fn(&Repository) -> Vec<Violation>,
}

const RULES: [Rule; 10] = [
    Rule { name: "files are small", check: |r| each_rust(r, sources::small) },
    Rule { name: "modules open with a header", check: |r| each_rust(r, sources::header) },
    Rule { name: "nothing is ignored, left to do or allowed", check: |r| each_rust(r, sources::unfinished) },
    Rule { name: "only settings read the environment", check: |r| each_rust(r, sources::environment) },
    Rule { name: "only the edges of the system read the clock", check: |r| each_rust(r, sources::clock) },
    Rule { name: "files of tests are declared", check: repository::tests },
    Rule { name: "crates depend as drawn", check: edges::allowed },
    Rule { name: "settings are documented", check: repository::settings },
    Rule { name: "ARCHITECTURE.md names every crate", check: repository::crates },
    Rule { name: "no path of a developer's machine", check: repository::paths },
];

/// Checks all rules.
pub(crate) fn run(place: &Place) -> Result<(), Failure> {
    let repository = Repository { files: load(&place.root)?, metadata: place.metadata.clone() };
    let mut errors = 0;
    for rule in &RULES {
        let mut violations = (rule.check)(&repository);
        violations.sort();
        let broken = violations.iter().filter(|v| v.severity == Severity::Error).count();
        let outcome = if broken == 0 { "ok" } else { "BROKEN" };
        out::line(&format!("{outcome:<8}{}", rule.name));
        for violation in violations {
            out::line(&format!("  {violation}"));
        }
        errors += broken;
    }
    if errors == 0 { Ok(()) } else { Err(Failure::new(format!("house rules are broken in {errors} places"))) }
}

fn each_rust(repository: &Repository, check: fn(&File) -> Vec<Violation>) -> Vec<Violation> {
    repository.rust().flat_map(check).collect()
}

/// The Rust files of the repository.
pub(crate) fn rust_files(place: &Place) -> Result<Vec<File>, Failure> {
    let mut files = load(&place.root)?;
    files.retain(|file| file.path.ends_with(".rs"));
    Ok(files)
}

/// Every text file that git tracks or would track.
fn load(root: &Path) -> Result<Vec<File>, Failure> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let mut files = BTreeMap::new();
    for path in process::read(&mut list)?.split_terminator('\0') {
        // Not there: deleted and not yet committed. Not UTF-8: no text.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            files.insert(path.to_owned(), text);
        }
    }
    Ok(files.into_iter().map(|(path, text)| File { path, text }).collect())
}
