//! `retain`: which days are kept no longer; with `--apply`, they go.
//!
//! Without it nothing is changed, and no lock is taken.

use super::print;
use crate::cli::RetainArgs;
use crate::exit::{CommandError, Exit};
use crate::settings;
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};
use crate::upkeep::{self, DayDone, Retained, Upkeep};

pub(crate) fn run(surroundings: &Surroundings, args: &RetainArgs) -> Result<Exit, CommandError> {
    let settings = settings::upkeep(&surroundings.layers)?;
    if settings.retention.is_for_ever() {
        print("RETENTION_DAYS and RETENTION_MAX_BYTES are 0: everything is kept for ever.\n")?;
        return Ok(Exit::Done);
    }
    let upkeep = if args.apply {
        Upkeep::open(&settings.output_dir, &surroundings.outside()?)?
    } else {
        Upkeep::beside(&settings.output_dir, &surroundings.disk, &surroundings.clock)
    };
    let retained = upkeep
        .retain(settings.retention, args.apply)
        .map_err(|error| CommandError::failed(upkeep::exit(&error), &error))?;
    if retained.taken.files > 0 {
        let (files, bytes) = (retained.taken.files, retained.taken.bytes);
        tracing::info!(event = "retained", files, bytes, days = retained.gone.len());
    }
    print(&if args.json { json(&retained, args.apply) } else { text(&retained, args.apply) })?;
    Ok(Exit::Done)
}

fn json(retained: &Retained, applied: bool) -> String {
    let goes = retained.gone.iter().map(|done| day_json(done, applied));
    let stays = retained.stays.iter().map(|stays| {
        let day = stays.day.to_string();
        serde_json::json!({"log": stays.log, "day": day, "goes": false, "reason": stays.why.words()})
    });
    goes.chain(stays).map(|line| format!("{line}\n")).collect()
}

fn day_json(done: &DayDone, applied: bool) -> serde_json::Value {
    serde_json::json!({
        "log": done.log,
        "day": done.day.to_string(),
        "files": done.files,
        "bytes": done.bytes,
        "goes": true,
        "done": applied,
        "reason": done.detail,
    })
}

fn text(retained: &Retained, applied: bool) -> String {
    let mut text = if retained.gone.is_empty() { String::new() } else { days(&retained.gone, "why") };
    for stays in &retained.stays {
        text.push_str(&format!("{} {} stays: {}\n", stays.log, stays.day, stays.why.words()));
    }
    let files: u64 = retained.gone.iter().map(|done| done.files).sum();
    let bytes: u64 = retained.gone.iter().map(|done| done.bytes).sum();
    let what = format!("{} files of {} days, {} bytes", grouped(files), retained.gone.len(), grouped(bytes));
    text.push_str(&match (retained.gone.is_empty(), applied) {
        (true, _) => "Nothing goes.\n".to_owned(),
        (false, true) => format!("Removed: {what}.\n"),
        (false, false) => format!("Would go: {what}. log-ingestion retain --apply removes them.\n"),
    });
    text
}

/// Days as a table, with a heading for what is said of each.
pub(super) fn days(days: &[DayDone], detail: &str) -> String {
    let row = |done: &DayDone| {
        let (files, bytes) = (grouped(done.files), grouped(done.bytes));
        vec![done.log.clone(), done.day.to_string(), files, bytes, done.detail.clone()]
    };
    let rows: Vec<Vec<String>> = days.iter().map(row).collect();
    let (left, right) = (Align::Left, Align::Right);
    table(&[("log", left), ("day", left), ("files", right), ("bytes", right), (detail, left)], &rows)
}
