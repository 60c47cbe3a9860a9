//! Printing, and the clock of the timing lines. Nothing else here prints or reads a clock.

use std::time::Instant;

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Announces a step.
pub(crate) fn step(text: &str) {
    line(&format!("\n==> {text}"));
}

/// Runs `work` and says how many seconds it took.
#[expect(clippy::disallowed_methods, reason = "the timing lines of ci measure real time")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}
