//! `test`: what the tests need, all Rust tests, and the checks of interoperability and deployment.
//!
//! A failing part never hides the next one; the summary lines of all come last.

use crate::failure::Failure;
use crate::place::Place;
use crate::process::{self, Summed};
use crate::{deploy, interop, out, system};

/// Runs all tests and closes with the summary lines.
pub(crate) fn run_and_repeat(place: &Place, runner_args: &[&str]) -> Result<(), Failure> {
    let summed = run(place, runner_args);
    repeat(&summed.summary);
    summed.result
}

/// Prints summary lines once more, so that a long run ends with them.
pub(crate) fn repeat(summary: &[String]) {
    out::step("summary");
    for line in summary {
        out::line(line.trim_start());
    }
}

/// Runs all tests; what they say in short, and the first failure.
pub(crate) fn run(place: &Place, runner_args: &[&str]) -> Summed {
    let mut summary = Vec::new();
    let mut result = Ok(());
    let parts: [(&str, &dyn Fn() -> Summed); 4] = [
        ("Rust tests", &|| rust_tests(place, runner_args)),
        ("documentation tests", &|| doc_tests(place)),
        ("interoperability", &|| interop::run(place)),
        ("deployment", &|| deploy::run(place)),
    ];
    for (name, part) in parts {
        out::step(name);
        let summed = part();
        summary.extend(summed.summary);
        if let Err(failure) = summed.result {
            out::line(&format!("{name} FAILED: {failure}"));
            result = result.and(Err(failure));
        }
    }
    Summed { result, summary }
}

fn rust_tests(place: &Place, runner_args: &[&str]) -> Summed {
    if let Err(failure) = system::require_jq() {
        return Summed::failed(failure);
    }
    let nextest = process::works("cargo", &["nextest", "--version"]);
    let mut command = if nextest {
        place.cargo(&["nextest", "run", "--workspace"])
    } else {
        out::line("cargo-nextest is not installed; cargo test runs the same tests.");
        place.cargo(&["test", "--workspace", "--lib", "--bins", "--tests"])
    };
    if runner_args.is_empty() {
        command.arg("--no-fail-fast");
    }
    let is_summary = if nextest { is_nextest_summary } else { is_cargo_summary };
    process::run_summed(command.args(runner_args), is_summary)
}

fn doc_tests(place: &Place) -> Summed {
    let sources = match crate::tidy::rust_files(place) {
        Ok(sources) => sources,
        Err(failure) => return Summed::failed(failure),
    };
    if !sources.iter().any(|file| has_doc_test(&file.text)) {
        out::line("There are none.");
        return Summed { result: Ok(()), summary: Vec::new() };
    }
    process::run_summed(&mut place.cargo(&["test", "--doc", "--workspace"]), is_cargo_summary)
}

/// Whether a line of the runner's output says in short how its tests went.
fn is_nextest_summary(line: &str) -> bool {
    line.trim_start().starts_with("Summary [")
}

/// The same for cargo's own runner, which says it for every program of tests; those of no test say nothing.
fn is_cargo_summary(line: &str) -> bool {
    line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed")
}

/// Whether a source file has a code block in its documentation that rustdoc would compile.
fn has_doc_test(source: &str) -> bool {
    let mut inside = false;
    for line in source.lines().map(str::trim_start) {
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            inside = false;
            continue;
        };
        let Some(language) = text.trim().strip_prefix("```") else { continue };
        if !inside && is_compiled(language) {
            return true;
        }
        inside = !inside;
    }
    false
}

fn is_compiled(language: &str) -> bool {
    language.split(',').all(|word| {
        matches!(word.trim(), "" | "rust" | "should_panic" | "no_run" | "compile_fail" | "edition2024")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_compiled_blocks_are_doc_tests() {
        assert!(has_doc_test("/// Adds.\n/// ```\n/// add(1);\n/// ```\n"));
        assert!(has_doc_test("//! ```rust,no_run\n//! ```\n"));
        assert!(!has_doc_test("/// ```text\n/// a | b\n/// ```\nfn f() {}\n"));
        assert!(!has_doc_test("let s = \"```\";\n// ```\n"));
    }

    #[test]
    fn summary_lines_of_both_runners_are_known() {
        assert!(is_nextest_summary("     Summary [   1.2s] 4 tests run: 4 passed, 0 skipped"));
        assert!(!is_nextest_summary("        PASS [   0.1s] a::b"));
        assert!(is_cargo_summary("test result: ok. 3 passed; 0 failed; 0 ignored"));
        assert!(!is_cargo_summary("test result: ok. 0 passed; 0 failed; 0 ignored"));
    }
}
