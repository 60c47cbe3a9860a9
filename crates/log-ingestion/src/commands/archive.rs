//! `archive`: old days move, or are copied, to another folder tree of the same layout.
//!
//! Decides where an archive may be: never inside of the output folder, nor around it. What is done with files is
//! `upkeep`'s.

use std::path::{Path, PathBuf};

use super::print;
use super::retain::days;
use crate::cli::ArchiveArgs;
use crate::exit::{CommandError, Exit};
use crate::settings;
use crate::surroundings::Surroundings;
use crate::table_text::grouped;
use crate::upkeep::{self, Archived, Moving, Upkeep};

pub(crate) fn run(surroundings: &Surroundings, args: &ArchiveArgs) -> Result<Exit, CommandError> {
    let settings = settings::upkeep(&surroundings.layers)?;
    let to = folder(&args.to)?;
    apart(&settings.output_dir, &to)?;
    let moves = !args.copy;
    let apply = !args.dry_run;
    // What is committed never changes, so that it can be copied beside a running service.
    let upkeep = if moves && apply {
        Upkeep::open(&settings.output_dir, &surroundings.outside()?)?
    } else {
        Upkeep::beside(&settings.output_dir, &surroundings.disk, &surroundings.clock)
    };
    let moving = Moving { to: &to, older_than: args.older_than, moves, apply };
    let archived = upkeep
        .archive(&surroundings.disk, &moving)
        .map_err(|error| CommandError::failed(upkeep::exit(&error), &error))?;
    print(&if args.json { json(&archived, &moving) } else { text(&archived, &moving) })?;
    Ok(Exit::Done)
}

/// The folder that `--to` names.
fn folder(to: &str) -> Result<PathBuf, CommandError> {
    let refuse = |why: String| Err(CommandError::Failed(Exit::Usage, why));
    match to.split_once("://") {
        Some(("file", path)) if path.starts_with('/') => Ok(PathBuf::from(path)),
        Some(("file", _)) => {
            refuse(format!("--to {to}: a file URL names a whole path, as file:///archive/logs"))
        }
        Some((scheme, _)) => refuse(format!(
            "--to {to}: {scheme} is not spoken here, only folders and file:///. Copy to a folder first and from there, so \
             that what is verified is what is sent: log-ingestion archive --to DIR --copy, then {}",
            tool(scheme, to)
        )),
        None if to.is_empty() => refuse("--to is empty: name a folder".to_owned()),
        None => std::path::absolute(to)
            .map_err(|error| CommandError::Failed(Exit::Usage, format!("--to {to}: {error}"))),
    }
}

/// What brings a folder to an object store.
fn tool(scheme: &str, to: &str) -> String {
    match scheme {
        "s3" => format!("aws s3 sync DIR {to}"),
        "gs" => format!("gcloud storage rsync --recursive DIR {to}"),
        "az" | "abfs" | "abfss" => "azcopy sync DIR URL".to_owned(),
        _ => format!("rclone copy DIR to {to}"),
    }
}

/// Refuses an archive that would be a part of the table, or the table of it.
fn apart(output_dir: &Path, to: &Path) -> Result<(), CommandError> {
    let output_dir = std::fs::canonicalize(output_dir).unwrap_or_else(|_missing| output_dir.to_owned());
    let known = to.ancestors().find_map(|folder| {
        let real = std::fs::canonicalize(folder).ok()?;
        Some(to.strip_prefix(folder).map_or_else(|_none| real.clone(), |rest| real.join(rest)))
    });
    let to = known.unwrap_or_else(|| to.to_owned());
    if !to.starts_with(&output_dir) && !output_dir.starts_with(&to) {
        return Ok(());
    }
    let (to, output_dir) = (to.display(), output_dir.display());
    let text =
        format!("--to {to} and OUTPUT_DIR {output_dir} lie within each other: readers would find rows twice");
    Err(CommandError::Failed(Exit::Usage, text))
}

fn json(archived: &Archived, moving: &Moving<'_>) -> String {
    let days = archived.days.iter().map(|done| {
        serde_json::json!({
            "log": done.log,
            "day": done.day.to_string(),
            "files": done.files,
            "bytes": done.bytes,
            "to": done.detail,
            "done": moving.apply,
            "removed": moving.apply && moving.moves,
        })
    });
    let stays = archived.stays.iter().map(|(log, day, why)| {
        serde_json::json!({"log": log, "day": day.to_string(), "done": false, "reason": why})
    });
    days.chain(stays).map(|line| format!("{line}\n")).collect()
}

fn text(archived: &Archived, moving: &Moving<'_>) -> String {
    let mut text = if archived.days.is_empty() { String::new() } else { days(&archived.days, "to") };
    for (log, day, why) in &archived.stays {
        text.push_str(&format!("{log} {day} stays: {why}\n"));
    }
    let files: u64 = archived.days.iter().map(|done| done.files).sum();
    let (copied, there) = (grouped(archived.copied), grouped(archived.already_there));
    let gone = grouped(archived.taken.files);
    text.push_str(&match (archived.days.is_empty(), moving.apply, moving.moves) {
        (true, ..) => "No day is old enough to be archived.\n".to_owned(),
        (false, false, _) => format!("{} files would be archived.\n", grouped(files)),
        (false, true, false) => format!("Copied and verified: {copied} files; {there} were there already.\n"),
        (false, true, true) => {
            format!("Moved: {copied} files were copied and verified, {there} were there already, {gone} removed here.\n")
        }
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_are_archives_and_others_are_told_how() {
        let check = |to: &str, want: &str| match folder(to) {
            Ok(path) => assert_eq!(path.to_str().unwrap(), want, "{to}"),
            Err(CommandError::Failed(Exit::Usage, text)) => assert!(text.contains(want), "{to}: {text}"),
            Err(other) => panic!("{to}: {other:?}"),
        };
        check("/archive/logs", "/archive/logs");
        check("file:///archive/logs", "/archive/logs");
        check("file://archive", "whole path");
        check("s3://bucket/logs", "aws s3 sync DIR s3://bucket/logs");
        check("gs://bucket", "gcloud storage rsync");
        check("", "empty");
    }

    #[test]
    fn an_archive_is_neither_in_the_table_nor_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        std::fs::create_dir(&output).unwrap();
        std::os::unix::fs::symlink(&output, folder.path().join("link")).unwrap();
        for (to, fine) in
            [("cold", true), ("out2/x", true), ("out/cold", false), ("link/cold/x", false), ("", false)]
        {
            assert_eq!(apart(&output, &folder.path().join(to)).is_ok(), fine, "{to}");
        }
    }
}
