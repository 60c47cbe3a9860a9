//! `mutate`: takes guards of the code away, one at a time, and shows that the tests notice.
//!
//! Works on a copy below the build folder, with a build folder of its own. Tests that should notice run first; only where
//! none of them does, all of them. What no test notices is an error. Never changes the tree that it was started in.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::place::Place;
use crate::{files, out, process};

use table::{MUTATIONS, Mutation};

mod table;

/// Stories of the simulation that are tried first; all of its usual ones are in the whole suite.
const SEEDS_FIRST: &str = "300";
/// What is said of a mutation that no test notices.
const SURVIVED: &str = "NOTHING";
/// Lines of a build's end that tell why it failed.
const LINES_SHOWN: usize = 30;

/// Tries all mutations, or those that are named, and prints a table for `docs/reliability.md`.
pub(crate) fn run(place: &Place, names: &[&str]) -> Result<(), Failure> {
    let chosen = choose(names)?;
    let copy = Copy::of(place)?;
    out::step("without a mutation");
    for package in chosen.iter().map(|one| one.package).collect::<BTreeSet<_>>() {
        let tests: Vec<&str> =
            chosen.iter().filter(|one| one.package == package).flat_map(|one| one.tests).copied().collect();
        let failed = copy.test(&["--package", package], &tests)?;
        if !failed.is_empty() {
            return Err(Failure::new(format!("without any mutation these fail: {}", failed.join(", "))));
        }
        out::line(&format!("{package}: the tests that should notice pass"));
    }
    let (mut rows, mut survivors) = (Vec::new(), Vec::new());
    for mutation in chosen {
        out::step(&format!("{}: without {}", mutation.name, mutation.removes));
        let caught = copy.try_one(mutation)?;
        let said = if caught.is_empty() { SURVIVED.to_owned() } else { caught.join(", ") };
        out::line(&said);
        rows.push(format!("| {} | {} | {said} |", mutation.name, mutation.removes));
        if caught.is_empty() {
            survivors.push(mutation.name);
        }
    }
    out::step("table");
    out::line("| name | without | noticed by |\n|---|---|---|");
    rows.iter().for_each(|row| out::line(row));
    if survivors.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("no test notices: {}; add one that does", survivors.join(", "))))
}

fn choose(names: &[&str]) -> Result<Vec<&'static Mutation>, Failure> {
    if let Some(name) = names.iter().find(|name| MUTATIONS.iter().all(|one| one.name != **name)) {
        let known: Vec<&str> = MUTATIONS.iter().map(|one| one.name).collect();
        return Err(Failure::new(format!("no mutation is named {name:?}; there are {}", known.join(", "))));
    }
    let wanted = |one: &&Mutation| names.is_empty() || names.contains(&one.name);
    Ok(MUTATIONS.iter().filter(wanted).collect())
}

/// The copy of the tree, as the tree was at the start.
struct Copy {
    tree: PathBuf,
    build: PathBuf,
    nextest: bool,
}

impl Copy {
    /// Brings the copy up to date. Files that are the same are left alone, so that builds go on where they were.
    fn of(place: &Place) -> Result<Self, Failure> {
        let folder = place.target.join("mutate");
        let nextest = process::works("cargo", &["nextest", "--version"]);
        let copy = Self { tree: folder.join("tree"), build: folder.join("build"), nextest };
        let mut list = Command::new("git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(&place.root);
        let mut there = BTreeSet::new();
        for path in process::read(&mut list)?.split_terminator('\0') {
            // Not there: deleted and not yet committed.
            if let Ok(bytes) = std::fs::read(place.root.join(path)) {
                copy.write(path, &bytes)?;
                there.insert(copy.tree.join(path));
            }
        }
        // A file of tests that is gone from the tree would run on in the copy.
        for path in files::below(&copy.tree)?.iter().filter(|path| !there.contains(*path)) {
            files::remove(path)?;
        }
        Ok(copy)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let to = self.tree.join(path);
        if std::fs::read(&to).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        files::write(&to, bytes)
    }

    /// The tests that notice a mutation.
    fn try_one(&self, mutation: &Mutation) -> Result<Vec<String>, Failure> {
        // Of the copy: the tree itself may be worked on meanwhile.
        let original = files::read(&self.tree.join(mutation.file))?;
        self.write(mutation.file, mutation.applied(&original)?.as_bytes())?;
        let mut failed = self.test(&["--package", mutation.package], mutation.tests);
        if matches!(&failed, Ok(none) if none.is_empty()) {
            out::line("None of the tests that should notice does; all others run.");
            // The table of mutations finds its texts, which is one of the tests of `xtask`: any mutation fails it.
            failed = self.test(&["--workspace", "--exclude", "xtask"], &[]);
        }
        // Before anything else, so that no other mutation is tried on top of this one.
        self.write(mutation.file, original.as_bytes())?;
        Ok(failed?.iter().map(|name| format!("`{name}`")).collect())
    }

    /// Runs tests, all where none are named; the names of those that fail, each once.
    fn test(&self, of: &[&str], names: &[&str]) -> Result<Vec<String>, Failure> {
        let (built, said) = process::read_all(self.runner().args(of).arg("--no-run"))?;
        if !built {
            let lines: Vec<&str> = said.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default();
            tail.iter().for_each(|line| out::line(line));
            return Err(Failure::new("the mutated tree does not compile; mend the mutation"));
        }
        let mut runner = self.runner();
        runner.args(of);
        if !names.is_empty() {
            runner.arg("--no-fail-fast").env("LOG_INGESTION_SEEDS", SEEDS_FIRST);
        }
        if !self.nextest {
            runner.arg("--");
        }
        let (passed, said) = process::read_all(runner.args(names))?;
        let failed = failed_tests(&said);
        if !passed && failed.is_empty() {
            said.lines().for_each(out::line);
            return Err(Failure::new("the tests did not run to their end"));
        }
        Ok(failed)
    }

    fn runner(&self) -> Command {
        let mut command = Command::new("cargo");
        if self.nextest {
            command.args(["nextest", "run"]);
        } else {
            command.args(["test", "--lib", "--bins", "--tests"]);
        }
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.build).env("CARGO_INCREMENTAL", "1");
        command
    }
}

impl Mutation {
    /// A file's text with the mutation in it.
    fn applied(&self, text: &str) -> Result<String, Failure> {
        match text.matches(self.text).count() {
            1 => Ok(text.replacen(self.text, self.replacement, 1)),
            found => {
                let Self { name, file, .. } = self;
                Err(Failure::new(format!(
                    "{name}: its text stands {found} times in {file}, and not once; mend the table"
                )))
            }
        }
    }
}

/// The names of the tests that failed, as either runner says them, in order and each once.
fn failed_tests(said: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in said.lines().map(str::trim) {
        let name = if line.starts_with("FAIL [") || line.starts_with("SIGABRT [") {
            line.split_whitespace().next_back()
        } else {
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        };
        let name = name.and_then(|path| path.rsplit("::").next());
        names.extend(name.filter(|name| !names.iter().any(|known| known == name)).map(str::to_owned));
    }
    names
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn the_text_of_each_mutation_stands_once_in_its_file() {
        for mutation in MUTATIONS {
            let text = files::read(&root().join(mutation.file)).unwrap();
            let mutated = mutation.applied(&text).unwrap();
            assert_ne!(mutated, text, "{}", mutation.name);
        }
    }

    #[test]
    fn each_mutation_has_a_name_of_its_own_and_tests_that_are_there() {
        let names: BTreeSet<&str> = MUTATIONS.iter().map(|one| one.name).collect();
        assert_eq!(names.len(), MUTATIONS.len());
        for mutation in MUTATIONS {
            let sources = sources(&root().join("crates").join(mutation.package));
            assert!(!mutation.tests.is_empty(), "{}", mutation.name);
            for test in mutation.tests {
                let there = sources.iter().any(|text| text.contains(&format!("fn {test}")));
                assert!(there, "{}: no test of {} begins with {test}", mutation.name, mutation.package);
            }
        }
    }

    fn sources(folder: &Path) -> Vec<String> {
        let mut paths = files::below(folder).unwrap();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
        paths.iter().map(|path| files::read(path).unwrap()).collect()
    }

    #[test]
    fn a_mutation_that_is_not_there_is_named() {
        assert_eq!(choose(&[]).unwrap().len(), MUTATIONS.len());
        assert_eq!(choose(&[MUTATIONS[0].name]).unwrap().len(), 1);
        assert!(choose(&["nonsense"]).err().unwrap().to_string().contains(MUTATIONS[0].name));
    }

    #[test]
    fn failed_tests_are_read_of_both_runners() {
        let nextest = "PASS [ 0.1s] (1/2) a::b c::d\n  FAIL [   0.004s] (2/2) log-ingestion::it sim::every\n  FAIL [   0.004s] (2/2) log-ingestion::it sim::every\n";
        let cargo = "test sim::every ... FAILED\ntest other ... ok\n";
        for said in [nextest, cargo] {
            assert_eq!(failed_tests(said), ["every"]);
        }
    }
}
