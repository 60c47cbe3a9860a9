//! Programs that tests call and that the system's package manager brings.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::{out, place, process};

/// Makes sure that `jq` is there: a test reads the program's JSON with it.
pub(crate) fn require_jq() -> Result<(), Failure> {
    if process::works("jq", &["--version"]) {
        return Ok(());
    }
    apt_install("jq", "a test reads JSON with it")
}

/// Whether a program is there, or was just installed; `false` only where no package manager could bring it.
pub(crate) fn program_installed(program: &str, package: &str, why: &str) -> Result<bool, Failure> {
    if process::works(program, &["--version"]) {
        return Ok(true);
    }
    if !has_apt() {
        return Ok(false);
    }
    apt_install(package, why)?;
    Ok(true)
}

/// Finds a program, or unpacks it from its Debian package below a folder: the package as a whole would start a service.
/// `None` only where there is no package manager.
pub(crate) fn program_of(
    folder: &Path,
    program: &str,
    package: &str,
    why: &str,
) -> Result<Option<PathBuf>, Failure> {
    if process::works(program, &["--version"]) {
        return Ok(Some(PathBuf::from(program)));
    }
    let unpacked = folder.join(package).join("usr/bin").join(program);
    if process::works(&unpacked.to_string_lossy(), &["--version"]) {
        return Ok(Some(unpacked));
    }
    if !has_apt() {
        return Ok(None);
    }
    let downloads = folder.join("downloads");
    place::empty_folder(&downloads)?;
    out::line(&format!(
        "Unpacking {program} from the Debian package {package} into {}: {why}.",
        folder.display()
    ));
    let download = || {
        let mut download = Command::new("apt-get");
        download.args(["download", "-qq", package]).current_dir(&downloads);
        process::read_all(&mut download)
    };
    let (mut success, mut said) = download()?;
    if !success && is_root() {
        process::run(Command::new("apt-get").args(["update", "-qq"]))?;
        (success, said) = download()?;
    }
    let archive = std::fs::read_dir(&downloads).ok().and_then(|mut files| files.next()?.ok());
    let (true, Some(archive)) = (success, archive) else {
        return Err(Failure::new(format!("{package} cannot be downloaded ({why}): {}", said.trim())));
    };
    process::run(Command::new("dpkg-deb").arg("-x").arg(archive.path()).arg(folder.join(package)))?;
    Ok(Some(unpacked))
}

fn has_apt() -> bool {
    process::works("apt-get", &["--version"])
}

/// Installs a Debian package where this user may; elsewhere says what is to be installed.
pub(crate) fn apt_install(package: &str, why: &str) -> Result<(), Failure> {
    if !is_root() || !has_apt() {
        return Err(Failure::new(format!(
            "{package} is missing ({why}); install it first, for example: apt-get install {package}"
        )));
    }
    out::line(&format!("Installing {package} by apt-get: {why}."));
    let mut update = Command::new("apt-get");
    update.args(["update", "-qq"]);
    process::run(&mut update)?;
    let mut install = Command::new("apt-get");
    install
        .args(["install", "-y", "-qq", "--no-install-recommends", package])
        .env("DEBIAN_FRONTEND", "noninteractive");
    process::run(&mut install)
}

pub(crate) fn is_root() -> bool {
    let mut id = Command::new("id");
    id.arg("-u");
    process::read(&mut id).is_ok_and(|text| text.trim() == "0")
}
