//! The Python environment of the interoperability check: made once under the build folder, pinned by one file.
//!
//! Never touches the Python installation of the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::place::Place;
use crate::{files, out, process, system};

/// The oldest Python that the pinned readers support.
const OLDEST: &str = "3.11";
const SAY_VERSION: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";

/// Makes sure that the environment holds what the requirements file asks for, and gives its interpreter.
pub(crate) fn require(place: &Place) -> Result<PathBuf, Failure> {
    let wanted_file = place.interop().join("requirements.txt");
    let wanted = files::read(&wanted_file)?;
    let folder = place.target.join("venv");
    let (stamp, python) = (folder.join("installed.txt"), folder.join("bin/python"));
    if is_current(&stamp, &wanted) && python.exists() {
        return Ok(python);
    }
    require_python()?;
    out::line(&format!("Installing by pip into {}: {}.", folder.display(), packages(&wanted).join(", ")));
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    process::run(&mut make)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    install.arg(&wanted_file);
    process::run(&mut install)?;
    files::write(&stamp, wanted)?;
    Ok(python)
}

fn is_current(stamp: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|installed| installed == wanted)
}

/// The packages that a requirements file names.
fn packages(requirements: &str) -> Vec<&str> {
    requirements.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn require_python() -> Result<(), Failure> {
    let usable = || process::works("python3", &["-c", SAY_VERSION]);
    if usable() {
        return Ok(());
    }
    system::apt_install("python3-venv", "other Parquet readers run in a Python environment")?;
    if usable() {
        return Ok(());
    }
    Err(Failure::new(format!("python3 must be {OLDEST} or newer, with its module venv; please install one")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_and_blank_lines_are_no_packages() {
        assert_eq!(packages("# readers\nduckdb==1\n\n  polars==2\n"), ["duckdb==1", "polars==2"]);
    }
}
