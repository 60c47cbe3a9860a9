//! `deploy`: what operators are handed, judged by the programs that will read it, and by rules of our own.
//!
//! Installs or unpacks what is missing and says so. A check is left out only where there is no package manager to bring its
//! program; whatever else keeps it from being done fails. Builds nothing and starts no service.

mod alerts;
mod containers;
mod cron;
mod kubernetes;
mod metrics;
mod promql;
pub(crate) mod units;
mod yaml;

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::place::{self, Place};
use crate::process::{self, Summed};
use crate::{files, out, python, system};

/// What a check came to.
pub(crate) enum Outcome {
    /// It holds; what was looked at, in short.
    Holds(String),
    /// It could not be made on this machine.
    LeftOut(String),
}

pub(crate) type Checked = Result<Outcome, Failure>;

/// Where the files are, and where copies of them go.
pub(crate) struct Desk {
    /// The repository.
    pub(crate) root: PathBuf,
    /// `deploy/`.
    pub(crate) files: PathBuf,
    /// A folder for copies.
    pub(crate) scratch: PathBuf,
    /// Where unpacked programs are kept.
    pub(crate) tools: PathBuf,
    /// Reads YAML.
    python: PathBuf,
}

/// One check.
struct Check {
    /// What is judged, and by whom.
    name: &'static str,
    run: fn(&Desk) -> Checked,
}

const CHECKS: [Check; 13] = [
    Check { name: "alerts, as Prometheus reads them", run: alerts::read },
    Check { name: "alerts, when they fire and when not", run: alerts::fire },
    Check { name: "alerts, by house rules", run: alerts::keep_rules },
    Check { name: "the example of a scrape configuration", run: alerts::example },
    Check { name: "metrics that alerts and dashboard name", run: metrics::known },
    Check { name: "the dashboard, by house rules", run: metrics::dashboard },
    Check { name: "units, as systemd reads them", run: units::read },
    Check { name: "units, by systemd's score of exposure", run: units::exposure },
    Check { name: "units, by house rules", run: units::keep_rules },
    Check { name: "the table of cron", run: cron::table },
    Check { name: "logrotate, dry and for once", run: cron::logrotate },
    Check { name: "Kubernetes manifests, by house rules", run: kubernetes::keep_rules },
    Check { name: "Dockerfile and scripts of the package", run: containers::keep_rules },
];

/// Makes all checks, and closes with a line of figures.
pub(crate) fn run(place: &Place) -> Summed {
    let desk = match desk(place) {
        Ok(desk) => desk,
        Err(failure) => return Summed::failed(failure),
    };
    let (mut held, mut left_out, mut failed) = (0, 0, Vec::new());
    for check in &CHECKS {
        match (check.run)(&desk) {
            Ok(Outcome::Holds(facts)) => {
                held += 1;
                out::line(&format!("ok       {}: {facts}", check.name));
            }
            Ok(Outcome::LeftOut(reason)) => {
                left_out += 1;
                out::line(&format!("LEFT OUT {}: {reason}", check.name));
            }
            Err(failure) => {
                out::line(&format!("FAILED   {}: {failure}", check.name));
                failed.push(check.name);
            }
        }
    }
    let summary = format!("deploy: {held} checks hold, {left_out} left out, {} failed", failed.len());
    out::line(&summary);
    let result = if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("; "))) };
    Summed { result, summary: vec![summary] }
}

fn desk(place: &Place) -> Result<Desk, Failure> {
    let scratch = place.target.join("deploy");
    place::empty_folder(&scratch)?;
    Ok(Desk {
        root: place.root.clone(),
        files: place.root.join("deploy"),
        scratch,
        tools: place.target.join("tools"),
        python: python::require(place)?,
    })
}

impl Desk {
    /// The text of a file, by its path from the root of the repository.
    pub(crate) fn text(&self, path: &str) -> Result<String, Failure> {
        files::read(&self.root.join(path))
    }

    /// Prometheus' own judge of rules; `None` where it cannot be brought.
    pub(crate) fn promtool(&self) -> Result<Option<PathBuf>, Failure> {
        let why = "it judges alerts";
        system::program_of(&self.tools, "promtool", "prometheus", why)
    }
}

/// Runs a judge in a folder: what it said in its last line, or all of it where it found fault.
pub(crate) fn judge(command: &mut Command) -> Result<String, Failure> {
    let (success, said) = process::read_all(command)?;
    if success {
        return Ok(said
            .lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty())
            .unwrap_or("no complaint")
            .to_owned());
    }
    Err(Failure::new(format!("{} finds fault:\n{}", process::words(command), said.trim())))
}

/// Joins what rules found: nothing is a check that holds.
pub(crate) fn verdict(faults: &[String], facts: String) -> Checked {
    if faults.is_empty() { Ok(Outcome::Holds(facts)) } else { Err(Failure::new(faults.join("\n         "))) }
}

/// What a check says that cannot be made here.
pub(crate) fn nowhere(program: &str) -> Outcome {
    Outcome::LeftOut(format!("{program} is not there, and there is no apt-get to bring it"))
}
