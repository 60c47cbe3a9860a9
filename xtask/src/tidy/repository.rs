//! Rules about the repository as a whole: what its documents must name, what no file may hold.

use super::{Repository, Violation, code, edges};

const SETTINGS_TABLE: &str = "crates/log-ingestion/src/settings/table.rs";
const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// Folders of somebody's machine. In two parts, so that this file holds neither.
const MACHINE_PATHS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Every setting is named where people look for it.
pub(super) fn settings(repository: &Repository) -> Vec<Violation> {
    let Some(table) = repository.file(SETTINGS_TABLE) else {
        return vec![Violation::error(SETTINGS_TABLE, 1, "the table of settings is not there")];
    };
    let is_document = |path: &str| {
        [".env.example", "README.md"].contains(&path) || (path.starts_with("docs/") && path.ends_with(".md"))
    };
    let documents: Vec<&str> =
        repository.files.iter().filter(|file| is_document(&file.path)).map(|f| f.text.as_str()).collect();
    let missing = variables(&table.text)
        .into_iter()
        .filter(|(_, variable)| !documents.iter().any(|document| names(document, variable)));
    missing
        .map(|(line, variable)| {
            let sentence = format!("{variable} is named in none of .env.example, README.md and docs/*.md");
            Violation::error(SETTINGS_TABLE, line, sentence)
        })
        .collect()
}

/// The variables of the table, with their lines: the first literal of each `setting(` or `variable:`.
fn variables(table: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for opening in ["setting(", "variable:"] {
        for (at, _) in table.match_indices(opening) {
            let Some(rest) = table.get(at + opening.len()..) else { continue };
            let Some(literal) = rest.trim_start().strip_prefix('"') else { continue };
            let Some((name, _)) = literal.split_once('"') else { continue };
            let line = table.len() - literal.len();
            found.push((table.get(..line).map_or(1, |before| before.lines().count()), name));
        }
    }
    found
}

/// Whether a text names a word that is not part of a longer one: `LAYOUT`, but not in `LAYOUT_DIR`.
fn names(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|t| t.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The drawing of the system shows every part.
pub(super) fn crates(repository: &Repository) -> Vec<Violation> {
    let Some(document) = repository.file(ARCHITECTURE) else {
        return vec![Violation::error(ARCHITECTURE, 1, "the file is not there")];
    };
    let crates = edges::names(&repository.metadata);
    let missing = crates.into_iter().filter(|name| !names(&document.text, name));
    missing.map(|name| Violation::error(ARCHITECTURE, 1, format!("the crate {name} is not named"))).collect()
}

/// Every `tests.rs` is a module of its parent: one that nobody declares is never run.
pub(super) fn tests(repository: &Repository) -> Vec<Violation> {
    let files = repository.rust().filter_map(|file| Some((file, file.path.strip_suffix("/tests.rs")?)));
    let undeclared = files.filter(|(_, module)| {
        let parents = [format!("{module}.rs"), format!("{module}/lib.rs"), format!("{module}/main.rs")];
        let parents = parents.iter().filter_map(|path| repository.file(path));
        !parents
            .into_iter()
            .any(|parent| code::of(&parent.text).lines().any(|line| line.trim() == "mod tests;"))
    });
    undeclared
        .map(|(file, _)| {
            Violation::error(&file.path, 1, "the module above does not declare it; write mod tests; there")
        })
        .collect()
}

/// No file names a folder of the machine that it was written on.
pub(super) fn paths(repository: &Repository) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in &repository.files {
        for (at, line) in file.text.lines().enumerate() {
            if let Some(path) = MACHINE_PATHS.iter().find(|path| line.contains(*path)) {
                violations.push(Violation::error(&file.path, at + 1, format!("the line names {path}")));
            }
        }
    }
    violations
}
