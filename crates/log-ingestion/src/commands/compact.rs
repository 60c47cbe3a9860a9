//! `compact`: which small files would become few large ones; with `--apply`, they do.
//!
//! Without it nothing is changed, and no lock is taken. Exit 1 where a day could not be compacted; it stays as it is.

use super::print;
use crate::cli::CompactArgs;
use crate::exit::{CommandError, Exit};
use crate::settings;
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};
use crate::upkeep::{self, Chosen, Compacted, Compaction, Upkeep};

pub(crate) fn run(surroundings: &Surroundings, args: &CompactArgs) -> Result<Exit, CommandError> {
    let settings = settings::upkeep(&surroundings.layers)?;
    let upkeep = if args.apply {
        Upkeep::open(&settings.output_dir, &surroundings.outside()?)?
    } else {
        Upkeep::beside(&settings.output_dir, &surroundings.disk, &surroundings.clock)
    };
    let chosen = Chosen { day: args.day, older_than: args.older_than, rows: settings.window_rows };
    let compaction = upkeep
        .compact(chosen, args.apply)
        .map_err(|error| CommandError::failed(upkeep::exit(&error), &error))?;
    print(&if args.json { json(&compaction, args.apply) } else { text(&compaction, args.apply) })?;
    Ok(if compaction.failed.is_empty() { Exit::Done } else { Exit::Failed })
}

fn json(compaction: &Compaction, applied: bool) -> String {
    let days = compaction.days.iter().map(|done| {
        serde_json::json!({
            "log": done.log,
            "day": done.day.to_string(),
            "files_before": done.before,
            "files_after": done.after,
            "rows": done.rows,
            "bytes": done.bytes,
            "done": applied,
        })
    });
    let failed = compaction.failed.iter().map(|(log, day, why)| {
        serde_json::json!({"log": log, "day": day.to_string(), "done": false, "error": why})
    });
    days.chain(failed).map(|line| format!("{line}\n")).collect()
}

fn text(compaction: &Compaction, applied: bool) -> String {
    let row = |done: &Compacted| {
        let figures = [done.before, done.after, done.rows, done.bytes].map(grouped);
        [done.log.clone(), done.day.to_string()].into_iter().chain(figures).collect()
    };
    let rows: Vec<Vec<String>> = compaction.days.iter().map(row).collect();
    let (left, right) = (Align::Left, Align::Right);
    let columns = [
        ("log", left),
        ("day", left),
        ("files", right),
        ("become", right),
        ("rows", right),
        ("bytes", right),
    ];
    let mut text = if rows.is_empty() { String::new() } else { table(&columns, &rows) };
    for (log, day, why) in &compaction.failed {
        text.push_str(&format!("{log} {day} stays as it is: {why}\n"));
    }
    let before: u64 = compaction.days.iter().map(|done| done.before).sum();
    let after: u64 = compaction.days.iter().map(|done| done.after).sum();
    let (before, after) = (grouped(before), grouped(after));
    text.push_str(&match (compaction.days.is_empty(), applied) {
        (true, _) => "There is nothing to compact.\n".to_owned(),
        (false, true) => format!("{before} files became {after}, with the same rows.\n"),
        (false, false) => {
            format!("{before} files would become {after}. log-ingestion compact --apply does it.\n")
        }
    });
    text
}
