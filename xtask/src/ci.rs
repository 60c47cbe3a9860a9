//! `ci`: everything that must hold before a change lands, each step timed.
//!
//! A failing step does not hide the others. The summary lines of the tests are printed last.

use crate::failure::Failure;
use crate::place::Place;
use crate::process::{self, Summed};
use crate::{out, test, tidy};

/// Runs all steps.
pub(crate) fn run(place: &Place) -> Result<(), Failure> {
    let steps: [(&str, &dyn Fn() -> Summed); 4] = [
        ("formatting", &|| cargo(place, &["fmt", "--all", "--check"])),
        ("clippy", &|| {
            cargo(place, &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])
        }),
        ("tidy", &|| Summed { result: tidy::run(place), summary: Vec::new() }),
        ("test", &|| test::run(place, &[])),
    ];
    let mut times = Vec::new();
    let mut summary = Vec::new();
    let mut failed = Vec::new();
    for (name, step) in steps {
        out::step(name);
        let (summed, seconds) = out::timed(step);
        let outcome = if summed.result.is_ok() { "ok" } else { "FAILED" };
        let time = format!("{name:<12} {outcome:<8} {seconds:>7.1} s");
        out::line(&time);
        times.push(time);
        summary.extend(summed.summary);
        if let Err(failure) = summed.result {
            failed.push(format!("{name}: {failure}"));
        }
    }
    out::step("steps");
    for time in times {
        out::line(&time);
    }
    test::repeat(&summary);
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("\n        "))) }
}

fn cargo(place: &Place, args: &[&str]) -> Summed {
    Summed { result: process::run(&mut place.cargo(args)), summary: Vec::new() }
}
