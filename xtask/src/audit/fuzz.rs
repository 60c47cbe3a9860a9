//! Fuzzing, as a part of `audit`: each target of `fuzz/` for some seconds, from its seeds on.
//!
//! Only where cargo-fuzz is installed: it takes minutes to build, and ordinary tests run the seeds anyway. What a target
//! finds by itself is kept in the build folder, and the input of a failure where cargo-fuzz says.

use crate::failure::Failure;
use crate::place::{self, Place};
use crate::{out, process};

const PROGRAM: &str = "cargo-fuzz";
/// Lines of a failed run that tell why.
const LINES_SHOWN: usize = 40;

/// Runs each target for that many seconds.
pub(super) fn run(place: &Place, seconds: u32) -> Result<(), Failure> {
    if !process::works(PROGRAM, &["--version"]) {
        out::line("NOT RUN: cargo-fuzz is not installed; see CONTRIBUTING.md.");
        return Ok(());
    }
    // To libFuzzer, no seconds are no limit.
    let seconds = seconds.max(1);
    let targets = process::read(&mut place.cargo(&["fuzz", "list"]))?;
    let mut failed = Vec::new();
    for target in targets.split_whitespace() {
        let found = place.target.join("fuzz-corpus").join(target);
        place::folder(&found)?;
        // Without a sanitizer it runs on the stable toolchain; there is no unsafe code that one would watch.
        let mut fuzz = place.cargo(&["fuzz", "run", "--sanitizer", "none", target]);
        fuzz.arg(&found).arg(format!("fuzz/corpus/{target}")).arg("--");
        fuzz.args([&format!("-max_total_time={seconds}"), "-timeout=20", "-print_final_stats=1"]);
        fuzz.env("CARGO_TARGET_DIR", place.target.join("fuzz"));
        let (success, said) = process::read_all(&mut fuzz)?;
        if success {
            out::line(&format!("{target:<10} ok, {} inputs in {seconds} s", inputs(&said)));
            continue;
        }
        let lines: Vec<&str> = said.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default();
        tail.iter().for_each(|line| out::line(line));
        failed.push(target);
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("fuzzing failed: {}", failed.join(", "))))
    }
}

/// How many inputs a run tried, as it says at its end.
fn inputs(said: &str) -> &str {
    let mut counts = said.lines().filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    counts.next().map_or("no", str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_says_how_many_inputs_it_tried() {
        let said = "Done 3 runs\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb: 40\n";
        assert_eq!((inputs(said), inputs("error: could not compile")), ("1234", "no"));
    }
}
