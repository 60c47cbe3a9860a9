//! `audit`: licences, bans, sources and known vulnerabilities of all dependencies, spelling, and fuzzing.
//!
//! Not part of `ci`: advisories come from the network and change while the code does not. Where their database cannot
//! be reached, this says so and judges the rest.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::place::Place;
use crate::{out, process};

mod fuzz;

/// How long each target of fuzzing runs where nothing else is said.
pub(crate) const FUZZ_SECONDS: u32 = 60;

/// A tool: its package, its program, the version that is installed when it is missing.
pub(crate) struct Tool {
    pub(crate) package: &'static str,
    pub(crate) program: &'static str,
    pub(crate) version: &'static str,
}

const DENY: Tool = Tool { package: "cargo-deny", program: "cargo-deny", version: "0.20.2" };
const TYPOS: Tool = Tool { package: "typos-cli", program: "typos", version: "1.52.0" };

/// How the look at advisories went.
#[derive(Debug, PartialEq, Eq)]
enum Advisories {
    Clean,
    Found,
    Unreachable,
}

/// Runs all checks; the first failure does not hide the others.
pub(crate) fn run(place: &Place, fuzz_seconds: u32) -> Result<(), Failure> {
    let deny = require(place, &DENY)?;
    let typos = require(place, &TYPOS)?;
    let mut failed = Vec::new();

    out::step("licences, bans, sources");
    if let Err(failure) = process::run(&mut command(place, &deny, &["check", "licenses", "bans", "sources"]))
    {
        failed.push(failure.to_string());
    }
    out::step("advisories");
    let (success, said) = process::read_all(&mut command(place, &deny, &["check", "advisories"]))?;
    match judge(success, &said) {
        Advisories::Clean => out::line(said.trim_end()),
        Advisories::Unreachable => {
            out::line("NOT CHECKED: the advisory database could not be fetched. Run this where it can be.");
        }
        Advisories::Found => {
            out::line(said.trim_end());
            failed.push("dependencies have known vulnerabilities".to_owned());
        }
    }
    out::step("spelling");
    if let Err(failure) = process::run(&mut command(place, &typos, &[])) {
        failed.push(failure.to_string());
    } else {
        out::line("spelling ok");
    }
    out::step("fuzzing");
    if let Err(failure) = fuzz::run(place, fuzz_seconds) {
        failed.push(failure.to_string());
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("; "))) }
}

fn judge(success: bool, said: &str) -> Advisories {
    if success {
        Advisories::Clean
    } else if said.contains("failed to fetch advisory database")
        || said.contains("failed to load advisory database")
    {
        Advisories::Unreachable
    } else {
        Advisories::Found
    }
}

fn command(place: &Place, program: &PathBuf, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(&place.root);
    command
}

/// Finds a tool, or installs it under the build folder.
pub(crate) fn require(place: &Place, tool: &Tool) -> Result<PathBuf, Failure> {
    if process::works(tool.program, &["--version"]) {
        return Ok(PathBuf::from(tool.program));
    }
    let folder = place.target.join("tools");
    let program = folder.join("bin").join(tool.program);
    if process::works(&program.to_string_lossy(), &["--version"]) {
        return Ok(program);
    }
    out::line(&format!(
        "Installing {} {} by cargo install into {}.",
        tool.package,
        tool.version,
        folder.display()
    ));
    let mut install =
        place.cargo(&["install", "--quiet", "--locked", "--version", tool.version, tool.package, "--root"]);
    process::run(install.arg(&folder))?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_database_is_no_vulnerability() {
        assert_eq!(judge(true, "advisories ok"), Advisories::Clean);
        assert_eq!(judge(false, "error: failed to fetch advisory database x"), Advisories::Unreachable);
        assert_eq!(judge(false, "error[vulnerability]: y"), Advisories::Found);
    }
}
