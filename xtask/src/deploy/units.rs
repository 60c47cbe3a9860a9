//! Units of systemd: read by systemd, scored by it, and kept to what this program needs of them.
//!
//! Works without systemd as the first process: copies are judged below a folder of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Checked, Desk, Outcome, judge, nowhere, verdict};
use crate::failure::Failure;
use crate::{files, process, system};

/// The highest exposure that a service may have, in tenths as `--threshold` takes them; 100 is none protected.
///
/// What is left of it: the network is needed, and other users may read files of the group.
const EXPOSURE_MAX: u32 = 15;
/// Where the host has its units: services are judged together with the targets that they name.
const HOST_UNITS: &str = "/usr/lib/systemd/system";
const PROGRAMS: [&str; 2] = ["usr/bin/log-ingestion", "bin/kill"];
/// What must stand in both services; that in the other tells why it is not there.
const OF_BOTH: [&str; 9] = [
    "User=logservice",
    "Group=logservice",
    "MemoryMax=512M",
    "LimitCORE=0",
    "UMask=0027",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ReadWritePaths=-/data/logs",
];
const OF_THE_SERVICE: [&str; 6] = [
    "Type=notify",
    "WatchdogSec=60",
    "Restart=on-failure",
    "RestartSec=10",
    "RestartPreventExitStatus=77 78",
    "ExecReload=/bin/kill -HUP $MAINPID",
];
const OF_ONE_PASS: [&str; 2] = ["Type=oneshot", "SuccessExitStatus=75"];

/// `systemd-analyze verify`: unknown keys and missing programs are faults, though it ends well with them.
pub(super) fn read(desk: &Desk) -> Checked {
    if !is_there()? {
        return Ok(nowhere("systemd-analyze"));
    }
    let root = desk.scratch.join("root");
    let units = files::of(&desk.files.join("systemd"))?;
    for unit in &units {
        files::write(&in_root(&root, unit), &files::read(unit)?)?;
    }
    for program in PROGRAMS {
        program_stub(&root.join(program))?;
    }
    let names = units.iter().filter_map(|unit| Some(unit.file_name()?.to_string_lossy().into_owned()));
    verify(&root, &names.collect::<Vec<_>>()).map(Outcome::Holds)
}

/// Has systemd read units below a folder; targets of the host are put beside them.
pub(crate) fn verify(root: &Path, units: &[String]) -> Result<String, Failure> {
    let targets = files::of(Path::new(HOST_UNITS))?;
    for target in targets.iter().filter(|path| path.extension().is_some_and(|kind| kind == "target")) {
        files::write(&in_root(root, target), &files::read(target)?)?;
    }
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).arg(format!("--root={}", root.display())).args(units);
    let (success, said) = process::read_all(&mut verify)?;
    if success && said.trim().is_empty() {
        return Ok(units.join(", "));
    }
    Err(Failure::new(format!("systemd finds fault:\n{}", said.trim())))
}

/// `systemd-analyze security`, for each service.
pub(super) fn exposure(desk: &Desk) -> Checked {
    if !is_there()? {
        return Ok(nowhere("systemd-analyze"));
    }
    let mut scores = Vec::new();
    for service in services(desk)? {
        let mut security = Command::new("systemd-analyze");
        security
            .args(["security", "--offline=true", "--no-pager"])
            .arg(format!("--threshold={EXPOSURE_MAX}"));
        let said = judge(security.arg(&service))?;
        let words = said.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        scores.push(words.trim_end_matches(|c: char| !c.is_ascii()).trim().to_owned());
    }
    Ok(Outcome::Holds(scores.join("; ")))
}

/// What exit codes, signals and limits the units count on is what the program has.
pub(super) fn keep_rules(desk: &Desk) -> Checked {
    let mut faults = Vec::new();
    for (unit, own) in
        [("log-ingestion.service", &OF_THE_SERVICE[..]), ("log-ingestion-once.service", &OF_ONE_PASS)]
    {
        let text = files::read(&desk.files.join("systemd").join(unit))?;
        let missing = OF_BOTH.iter().chain(own).filter(|line| !text.lines().any(|l| l == **line));
        faults.extend(missing.map(|line| format!("{unit} does not say {line}")));
    }
    let [service, once] = ["log-ingestion.service", "log-ingestion-once.service"]
        .map(|unit| files::read(&desk.files.join("systemd").join(unit)).map(|text| hardening(&text)));
    if service? != once? {
        faults.push("the two services are not protected alike, from NoNewPrivileges on".to_owned());
    }
    verdict(&faults, "exit codes, limits and protection as they should be".to_owned())
}

/// The lines of protection, which both services have.
fn hardening(text: &str) -> String {
    let from = text.split_once("NoNewPrivileges=").map_or("", |(_, rest)| rest);
    let until = from.split_once("[Install]").map_or(from, |(before, _)| before);
    until.trim().to_owned()
}

fn services(desk: &Desk) -> Result<Vec<PathBuf>, Failure> {
    let mut units = files::of(&desk.files.join("systemd"))?;
    units.retain(|unit| unit.extension().is_some_and(|kind| kind == "service"));
    Ok(units)
}

fn in_root(root: &Path, unit: &Path) -> PathBuf {
    root.join("usr/lib/systemd/system").join(unit.file_name().unwrap_or_default())
}

/// A program in the place of the one that a unit names.
pub(crate) fn program_stub(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    files::write(path, "#!/bin/sh\n")?;
    files::set_mode(path, 0o755)
}

fn is_there() -> Result<bool, Failure> {
    system::program_installed("systemd-analyze", "systemd", "it judges units")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protection_is_what_stands_before_the_installation() {
        assert_eq!(hardening("[Service]\nA=1\n\nNoNewPrivileges=yes\nB=2\n\n[Install]\nC=3\n"), "yes\nB=2");
        assert_eq!(hardening("[Service]\nNoNewPrivileges=yes\nB=2\n"), "yes\nB=2");
    }
}
