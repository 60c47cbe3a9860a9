//! Programs that tests call and that the system's package manager brings.

use std::process::Command;

use crate::failure::Failure;
use crate::{out, process};

/// Makes sure that `jq` is there: a test reads the program's JSON with it.
pub(crate) fn require_jq() -> Result<(), Failure> {
    if process::works("jq", &["--version"]) {
        return Ok(());
    }
    apt_install("jq", "a test reads JSON with it")
}

/// Installs a Debian package where this user may; elsewhere says what is to be installed.
pub(crate) fn apt_install(package: &str, why: &str) -> Result<(), Failure> {
    if !is_root() || !process::works("apt-get", &["--version"]) {
        return Err(Failure::new(format!(
            "{package} is missing ({why}); install it first, for example: apt-get install {package}"
        )));
    }
    out::line(&format!("Installing {package} by apt-get: {why}."));
    let mut update = Command::new("apt-get");
    update.args(["update", "-qq"]);
    process::run(&mut update)?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", package]).env("DEBIAN_FRONTEND", "noninteractive");
    process::run(&mut install)
}

fn is_root() -> bool {
    let mut id = Command::new("id");
    id.arg("-u");
    process::read(&mut id).is_ok_and(|text| text.trim() == "0")
}
