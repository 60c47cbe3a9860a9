//! `archive`: old days move, or are copied, to another tree of the same layout: a folder, or a bucket of an object store.
//!
//! Where an archive may be is decided with the settings; what is done with files is `upkeep`'s.

use ingest_store::StoreError;

use super::print;
use super::retain::days;
use crate::cli::ArchiveArgs;
use crate::exit::{CommandError, Exit};
use crate::settings::{self, Place};
use crate::surroundings::Surroundings;
use crate::table_text::grouped;
use crate::upkeep::{self, Archived, Moving, Upkeep, open_archive};

pub(crate) fn run(surroundings: &Surroundings, args: &ArchiveArgs) -> Result<Exit, CommandError> {
    let settings = settings::upkeep(&surroundings.layers)?;
    let refused = |why: String| CommandError::Failed(Exit::Usage, format!("--to: {why}"));
    let place = Place::parse(&args.to, &settings.output_dir).map_err(refused)?;
    let failed = |error: StoreError| CommandError::failed(upkeep::exit(&error), &error);
    let moves = !args.copy;
    let apply = !args.dry_run;
    // What is committed never changes, so that it can be copied beside a running service.
    let upkeep = if moves && apply {
        Upkeep::open(&settings.output_dir, &surroundings.outside()?)?
    } else {
        Upkeep::beside(&settings.output_dir, &surroundings.disk, &surroundings.clock)
    };
    let open = || open_archive(&surroundings.disk, &place, surroundings.layers.store_variables());
    let archive = apply.then(open).transpose().map_err(failed)?;
    let moving = Moving { to: &place.to_string(), older_than: args.older_than, moves };
    let archived = upkeep.archive(archive.as_deref(), &moving).map_err(failed)?;
    print(&if args.json { json(&archived, &moving, apply) } else { text(&archived, &moving, apply) })?;
    Ok(Exit::Done)
}

fn json(archived: &Archived, moving: &Moving<'_>, apply: bool) -> String {
    let days = archived.days.iter().map(|done| {
        serde_json::json!({
            "log": done.log,
            "day": done.day.to_string(),
            "files": done.files,
            "bytes": done.bytes,
            "to": done.detail,
            "done": apply,
            "removed": apply && moving.moves,
        })
    });
    let stays = archived.stays.iter().map(|(log, day, why)| {
        serde_json::json!({"log": log, "day": day.to_string(), "done": false, "reason": why})
    });
    days.chain(stays).map(|line| format!("{line}\n")).collect()
}

fn text(archived: &Archived, moving: &Moving<'_>, apply: bool) -> String {
    let mut text = if archived.days.is_empty() { String::new() } else { days(&archived.days, "to") };
    for (log, day, why) in &archived.stays {
        text.push_str(&format!("{log} {day} stays: {why}\n"));
    }
    let files: u64 = archived.days.iter().map(|done| done.files).sum();
    let (copied, there) = (grouped(archived.copied), grouped(archived.already_there));
    let gone = grouped(archived.taken.files);
    text.push_str(&match (archived.days.is_empty(), apply, moving.moves) {
        (true, ..) => "No day is old enough to be archived.\n".to_owned(),
        (false, false, _) => format!("{} files would be archived.\n", grouped(files)),
        (false, true, false) => format!("Copied and verified: {copied} files; {there} were there already.\n"),
        (false, true, true) => {
            format!("Moved: {copied} files were copied and verified, {there} were there already, {gone} removed here.\n")
        }
    });
    text
}
