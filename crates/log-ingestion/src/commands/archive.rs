//! `archive`: old days move, or are copied, to another tree of the same layout: a folder, or a bucket of an object store.
//!
//! Decides where an archive may be: never inside of the output folder, nor around it. What is done with files is
//! `upkeep`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_bucket::Bucket;
use ingest_store::{Archive, FolderArchive, StoreError};

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
    let place = Place::parse(&args.to)?;
    if let Place::Folder(to) = &place {
        apart(&settings.output_dir, to)?;
    }
    let moves = !args.copy;
    let archive = if args.dry_run { None } else { Some(place.open(surroundings)?) };
    // What is committed never changes, so that it can be copied beside a running service.
    let upkeep = if moves && archive.is_some() {
        Upkeep::open(&settings.output_dir, &surroundings.outside()?)?
    } else {
        Upkeep::beside(&settings.output_dir, &surroundings.disk, &surroundings.clock)
    };
    let to = place.to_string();
    let moving = Moving { to: &to, older_than: args.older_than, moves, archive: archive.as_deref() };
    let archived = upkeep.archive(&moving).map_err(|error| failed(&error))?;
    print(&if args.json { json(&archived, &moving) } else { text(&archived, &moving) })?;
    Ok(Exit::Done)
}

fn failed(error: &StoreError) -> CommandError {
    CommandError::failed(upkeep::exit(error), error)
}

/// Where an archive is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket of an object store.
    Bucket(String),
}

impl Place {
    /// What `--to` names.
    fn parse(to: &str) -> Result<Self, CommandError> {
        let refuse = |why: String| Err(CommandError::Failed(Exit::Usage, why));
        match to.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Folder(PathBuf::from(path))),
            Some(("file", _)) => {
                refuse(format!("--to {to}: a file URL names a whole path, as file:///archive/logs"))
            }
            Some(_) => Ok(Self::Bucket(to.to_owned())),
            None if to.is_empty() => refuse("--to is empty: name a folder or a bucket".to_owned()),
            None => std::path::absolute(to)
                .map(Self::Folder)
                .map_err(|error| CommandError::Failed(Exit::Usage, format!("--to {to}: {error}"))),
        }
    }

    fn open(&self, surroundings: &Surroundings) -> Result<Box<dyn Archive>, CommandError> {
        let disk = Arc::clone(&surroundings.disk);
        match self {
            Self::Folder(root) => {
                Ok(Box::new(FolderArchive::open(disk, root).map_err(|error| failed(&error))?))
            }
            Self::Bucket(url) => {
                let variables = surroundings.layers.beginning_with(&ingest_bucket::VARIABLES);
                let opened = Bucket::open(disk, url, variables);
                let bucket = opened.map_err(|error| CommandError::failed(Exit::Usage, &error))?;
                Ok(Box::new(bucket))
            }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(url) => f.write_str(url),
        }
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
            "done": moving.archive.is_some(),
            "removed": moving.archive.is_some() && moving.moves,
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
    text.push_str(&match (archived.days.is_empty(), moving.archive.is_some(), moving.moves) {
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
    fn folders_and_buckets_are_archives() {
        let check = |to: &str, want: &str| match Place::parse(to) {
            Ok(place) => assert_eq!(format!("{place:?}"), want, "{to}"),
            Err(CommandError::Failed(Exit::Usage, text)) => assert!(text.contains(want), "{to}: {text}"),
            Err(other) => panic!("{to}: {other:?}"),
        };
        check("/archive/logs", "Folder(\"/archive/logs\")");
        check("file:///archive/logs", "Folder(\"/archive/logs\")");
        check("file://archive", "whole path");
        check("s3://bucket/logs", "Bucket(\"s3://bucket/logs\")");
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
