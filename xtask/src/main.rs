//! The project's own commands: test, interop, deploy, tidy, ci, mutate, audit, package.
//!
//! Only reads the command line and turns the outcome into an exit code; each command is a module.

mod audit;
mod ci;
mod deploy;
mod failure;
mod files;
mod interop;
mod mutate;
mod out;
mod package;
mod place;
mod process;
mod python;
mod system;
mod test;
mod tidy;

use std::process::ExitCode;

use failure::Failure;
use place::Place;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test [-- ARGS]  all Rust tests, then interop and deploy; ARGS go to the test runner
  interop         write Parquet with the program, read it back with DuckDB, pyarrow, pandas and Polars
  deploy          alerts, dashboard, units, cron, logrotate, Kubernetes and Docker files, judged by what reads them
  tidy            the house rules that clippy cannot check
  ci              formatting, clippy, tidy and test
  mutate [NAME]   takes guards of the code away, one at a time, and shows which tests notice; all, or those that are named
  audit           licences, bans, sources and advisories of dependencies, spelling, and, with cargo-fuzz installed,
                  each target of fuzz/ for --fuzz-seconds N (60)
  package         a Debian package, built, looked into and installed below a folder of its own";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out::line(&format!("\nFAILED: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test::run_and_repeat(&Place::find()?, &[]),
        ["test", "--", runner_args @ ..] => test::run_and_repeat(&Place::find()?, runner_args),
        ["interop"] => interop::run(&Place::find()?).result,
        ["deploy"] => deploy::run(&Place::find()?).result,
        ["tidy"] => tidy::run(&Place::find()?),
        ["ci"] => ci::run(&Place::find()?),
        ["mutate", names @ ..] => mutate::run(&Place::find()?, names),
        ["package"] => package::run(&Place::find()?),
        ["audit"] => audit::run(&Place::find()?, audit::FUZZ_SECONDS),
        ["audit", "--fuzz-seconds", seconds] => {
            let seconds = seconds.parse().map_err(|error| {
                Failure::new(format!("--fuzz-seconds takes a number, which {seconds:?} is not: {error}"))
            })?;
            audit::run(&Place::find()?, seconds)
        }
        ["help" | "--help" | "-h"] => {
            out::line(USAGE);
            Ok(())
        }
        _ => Err(Failure::new(format!("this command line is not known: {}\n\n{USAGE}", words.join(" ")))),
    }
}
