//! `package`: a Debian package, built, looked into, and installed below a folder of its own.
//!
//! Not part of `ci`: it compiles the program for release, and cargo-deb where that is missing. Never installs anything on
//! the machine itself: dpkg works below a root of its own, and as root its scripts are run for that root, too.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::audit::{self, Tool};
use crate::deploy::units;
use crate::failure::Failure;
use crate::place::{self, Place};
use crate::{files, out, process, system};

const PROGRAM: &str = "log-ingestion";
const DEB: Tool = Tool { package: "cargo-deb", program: "cargo-deb", version: "3.8.0" };
/// The files of completions: the shell, and what its users' folders call the script.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "log-ingestion"), ("zsh", "_log-ingestion"), ("fish", "log-ingestion.fish")];
const UNITS: [&str; 3] = ["log-ingestion.service", "log-ingestion-once.service", "log-ingestion-once.timer"];
/// What the package must hold, as `dpkg-deb --contents` writes modes and paths.
const CONTENTS: [(&str, &str); 15] = [
    ("-rwxr-xr-x", "./usr/bin/log-ingestion"),
    ("-rw-------", "./etc/log-ingestion/log-ingestion.env"),
    ("-rw-r--r--", "./etc/logrotate.d/log-ingestion"),
    ("-rw-r--r--", "./usr/lib/systemd/system/log-ingestion.service"),
    ("-rw-r--r--", "./usr/lib/systemd/system/log-ingestion-once.service"),
    ("-rw-r--r--", "./usr/lib/systemd/system/log-ingestion-once.timer"),
    ("-rw-r--r--", "./usr/lib/sysusers.d/log-ingestion.conf"),
    ("-rw-r--r--", "./usr/lib/tmpfiles.d/log-ingestion.conf"),
    ("-rw-r--r--", "./usr/share/bash-completion/completions/log-ingestion"),
    ("-rw-r--r--", "./usr/share/zsh/vendor-completions/_log-ingestion"),
    ("-rw-r--r--", "./usr/share/fish/vendor_completions.d/log-ingestion.fish"),
    ("-rw-r--r--", "./usr/share/man/man1/log-ingestion.1.gz"),
    ("-rw-r--r--", "./usr/share/man/man1/log-ingestion-run.1.gz"),
    ("-rw-r--r--", "./usr/share/doc/log-ingestion/copyright"),
    ("-rw-r--r--", "./usr/share/doc/log-ingestion/examples/cron"),
];
/// Lines of its control file and of its list of configuration files.
const CONTROL: [&str; 3] =
    ["Package: log-ingestion", "/etc/log-ingestion/log-ingestion.env", "/etc/logrotate.d/log-ingestion"];
/// Folders and files that its scripts make, with their modes.
const MADE: [(&str, u32); 4] = [
    ("data/logs", 0o2750),
    ("var/lib/log-ingestion", 0o750),
    ("var/log/log-ingestion", 0o750),
    ("etc/log-ingestion/log-ingestion.env", 0o600),
];

/// Builds and judges the package.
pub(crate) fn run(place: &Place) -> Result<(), Failure> {
    let folder = place.target.join("package");
    place::empty_folder(&folder)?;
    out::step("the program, for release");
    let program = build(place)?;
    out::step("completions and manual pages");
    pages(&program, &folder)?;
    out::step("package");
    let package = pack(place, &folder)?;
    out::step("what is in it");
    look_into(&package)?;
    out::step("installed below a folder");
    install(&package, &folder.join("root"))?;
    out::line(&format!("\npackage ok: {}", package.display()));
    Ok(())
}

fn build(place: &Place) -> Result<PathBuf, Failure> {
    process::run(&mut place.cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        PROGRAM,
        "--bin",
        PROGRAM,
    ]))?;
    Ok(place.target.join("release").join(PROGRAM))
}

/// What the program prints about itself, where the package looks for it.
fn pages(program: &Path, folder: &Path) -> Result<(), Failure> {
    // In an empty folder: no settings file of a developer is read.
    for (shell, file) in COMPLETIONS {
        let script = process::read(Command::new(program).args(["completions", shell]).current_dir(folder))?;
        files::write(&folder.join("completions").join(file), &script)?;
    }
    process::run(Command::new(program).args(["man", "man"]).current_dir(folder))
}

fn pack(place: &Place, folder: &Path) -> Result<PathBuf, Failure> {
    let cargo_deb = audit::require(place, &DEB)?;
    let package = folder.join("log-ingestion.deb");
    let mut pack = Command::new(cargo_deb);
    pack.args(["deb", "--no-build", "--locked", "--package", PROGRAM, "--output"]).arg(&package);
    process::run(pack.current_dir(&place.root))?;
    Ok(package)
}

fn look_into(package: &Path) -> Result<(), Failure> {
    let contents = process::read(Command::new("dpkg-deb").arg("--contents").arg(package))?;
    let control = process::read(Command::new("dpkg-deb").args(["--info"]).arg(package))?;
    let conffiles = process::read(Command::new("dpkg-deb").arg("--info").arg(package).arg("conffiles"))?;
    out::line(control.trim_end());
    out::line(contents.trim_end());
    let faults = missing(&contents, &format!("{control}{conffiles}"));
    if faults.is_empty() { Ok(()) } else { Err(Failure::new(faults.join("\n        "))) }
}

fn missing(contents: &str, control: &str) -> Vec<String> {
    let held: Vec<(&str, &str)> = contents
        .lines()
        .filter_map(|line| Some((line.split_whitespace().next()?, line.split_whitespace().nth(5)?)))
        .collect();
    let files = CONTENTS.iter().filter(|file| !held.contains(file));
    let files = files.map(|(mode, path)| format!("the package lacks {path} of mode {mode}"));
    let lines = CONTROL.iter().filter(|want| !control.lines().any(|line| line.trim() == **want));
    files.chain(lines.map(|line| format!("the package does not say {line}"))).collect()
}

/// Unpacks it, and as root installs it with its scripts; systemd then reads the units where they lie.
fn install(package: &Path, root: &Path) -> Result<(), Failure> {
    place::folder(&root.join("var/lib/dpkg/info"))?;
    for file in ["status", "available"] {
        files::write(&root.join("var/lib/dpkg").join(file), "")?;
    }
    if system::is_root() {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg(format!("--root={}", root.display()));
        // Neither are the libraries it depends on in that root, nor a shell.
        dpkg.args(["--force-depends", "--force-script-chrootless", "--force-confnew", "--install"]);
        process::run(dpkg.arg(package))?;
        let passwd = files::read(&root.join("etc/passwd"))?;
        if !passwd.lines().any(|line| line.starts_with("logservice:")) {
            return Err(Failure::new("the scripts of the package did not make the user logservice"));
        }
        for (path, mode) in MADE {
            if files::mode(&root.join(path)) != Some(mode) {
                return Err(Failure::new(format!(
                    "the scripts of the package left /{path} without mode {mode:o}"
                )));
            }
        }
        out::line("The user logservice was made, and folders with their modes.");
    } else {
        process::run(Command::new("dpkg-deb").arg("-x").arg(package).arg(root))?;
        out::line("NOT CHECKED: the scripts of the package run as root only. It was unpacked.");
    }
    units::program_stub(&root.join("bin/kill"))?;
    let read = units::verify(root, &UNITS.map(str::to_owned))?;
    out::line(&format!("systemd reads {read}."));
    process::run(Command::new(root.join("usr/bin").join(PROGRAM)).arg("--version").current_dir(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_lacking_or_open_to_all_is_found() {
        let line = |(mode, path): (&str, &str)| format!("{mode} root/root  7 2026-01-01 00:00 {path}\n");
        let contents: String = CONTENTS.into_iter().map(line).collect();
        let control = CONTROL.join("\n ");
        assert_eq!(missing(&contents, &control), Vec::<String>::new());
        assert_eq!(missing(&contents.replace("-rw-------", "-rw-r--r--"), &control).len(), 1);
        assert_eq!(missing(&contents, "Package: other").len(), CONTROL.len());
    }
}
