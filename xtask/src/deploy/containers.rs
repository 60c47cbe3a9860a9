//! Rules about the Dockerfile, and a shell's look at the scripts of the Debian package.
//!
//! Neither builds an image nor installs a package: `cargo xtask package` does the latter.

use std::process::Command;

use super::{Checked, Desk, judge, verdict};
use crate::files;

/// What the Dockerfile must hold: the beginning of a line, and a part of the same instruction.
const INSTRUCTIONS: [(&str, &str); 4] = [
    ("HEALTHCHECK", "\"health\""),
    ("ENTRYPOINT", "[\"/usr/bin/log-ingestion\"]"),
    ("STOPSIGNAL", "SIGTERM"),
    ("RUN", "--locked"),
];

/// Judges all of them.
pub(super) fn keep_rules(desk: &Desk) -> Checked {
    let manifest = desk.text("Cargo.toml")?;
    let oldest = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap_or_default();
    let faults = dockerfile(&desk.text("Dockerfile")?, oldest.trim_matches('"'));
    let mut scripts = files::of(&desk.files.join("debian"))?;
    scripts.retain(|path| path.extension().is_none());
    for script in &scripts {
        judge(Command::new("sh").arg("-n").arg(script))?;
    }
    verdict(&faults, format!("not root, versions pinned, health asked; {} scripts", scripts.len()))
}

fn dockerfile(text: &str, rust_version: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines: Vec<&str> = joined.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
    let mut faults = Vec::new();
    let bases: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("FROM ")).collect();
    for base in &bases {
        let image = base.split_whitespace().next().unwrap_or_default();
        let tag = image.rsplit('/').next().and_then(|name| name.split_once(':'));
        let pinned =
            tag.is_some_and(|(_, tag)| tag != "latest") && image.contains(|c: char| c.is_ascii_digit());
        if !pinned {
            faults.push(format!("the base {image} has no version"));
        }
    }
    if !bases.first().is_some_and(|base| base.starts_with(&format!("rust:{rust_version}-"))) {
        faults.push(format!("it is not built by Rust {rust_version}, as Cargo.toml asks for"));
    }
    let last_stage = lines.rsplit(|line| line.starts_with("FROM ")).next().unwrap_or_default();
    let user = last_stage.iter().rev().find_map(|line| line.strip_prefix("USER "));
    if user.is_none_or(|user| user.starts_with("root") || user.split(':').next() == Some("0")) {
        faults.push(format!("it runs as {}", user.unwrap_or("root")));
    }
    for (instruction, part) in INSTRUCTIONS {
        if !lines.iter().any(|line| line.starts_with(instruction) && line.contains(part)) {
            faults.push(format!("no {instruction} has {part}"));
        }
    }
    let kept = lines.iter().filter(|line| line.starts_with("ADD ") || line.contains("API_KEY"));
    faults.extend(kept.map(|line| format!("an image keeps what this brings: {line}")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "FROM rust:1.95-slim AS build\nRUN cargo build \\\n    --locked\nFROM x/cc-debian12:nonroot\n\
        USER 65532:65532\nSTOPSIGNAL SIGTERM\nHEALTHCHECK CMD [\"l\", \"health\"]\n\
        ENTRYPOINT [\"/usr/bin/log-ingestion\"]\n";

    #[track_caller]
    fn check(from: &str, to: &str, fault: &str) {
        let faults = dockerfile(&GOOD.replace(from, to), "1.95");
        assert!(faults.len() == 1 && faults[0].contains(fault), "{faults:?}");
    }

    #[test]
    fn an_image_is_pinned_and_not_root() {
        assert_eq!(dockerfile(GOOD, "1.95"), Vec::<String>::new());
        check("debian12:nonroot", "debian12", "no version");
        check("cc-debian12:nonroot", "cc12:latest", "no version");
        check("USER 65532:65532\n", "", "runs as root");
        check("USER 65532:65532", "USER 0:0", "runs as 0:0");
        check("rust:1.95", "rust:1.80", "not built by Rust 1.95");
        check("\"health\"", "\"status\"", "no HEALTHCHECK");
        check("STOPSIGNAL SIGTERM\n", "STOPSIGNAL SIGTERM\nENV RAPID7_API_KEY=x\n", "keeps");
    }
}
