//! `restore`: after files were brought back from a backup, whether all is there and whole, and what to do where not.
//!
//! Sets the runbook's modes, since tools that copy do not keep them, and lets the ledgers follow the files. With `--check`
//! nothing is changed, and no lock is taken.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use ingest_core::ids::Slug;
use ingest_core::time::UtcDay;
use ingest_store::{FILE_MODE, FOLDER_MODE};

use super::print;
use crate::cli::RestoreArgs;
use crate::exit::{CommandError, Exit};
use crate::settings;
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};
use crate::upkeep::{self, DayFound, Found, Upkeep};

pub(crate) fn run(surroundings: &Surroundings, args: &RestoreArgs) -> Result<Exit, CommandError> {
    let output_dir = settings::output_dir(&surroundings.layers)?;
    let mut modes = Modes::default();
    let failed = |error: io::Error| {
        let text = format!("failed to look at the modes of {}: {error}", output_dir.display());
        CommandError::Failed(Exit::Failed, text)
    };
    let facts = fs::metadata(&output_dir).map_err(failed)?;
    modes.of(&output_dir, &facts, facts.uid(), !args.check).map_err(failed)?;
    let upkeep = if args.check {
        Upkeep::beside(&output_dir, &surroundings.disk, &surroundings.clock)
    } else {
        Upkeep::open(&output_dir, &surroundings.outside()?)?
    };
    let found =
        upkeep.restore(!args.check).map_err(|error| CommandError::failed(upkeep::exit(&error), &error))?;
    print(&if args.json { json(&found) } else { text(&found, &modes, args.check) })?;
    Ok(if found.is_whole() && !found.days.is_empty() { Exit::Done } else { Exit::Failed })
}

/// What was found of modes and owners.
#[derive(Debug, Default)]
struct Modes {
    /// Files and folders whose mode was, or is, another than it should be.
    wrong: u64,
    /// Those that belong to another user than the output folder does.
    strangers: u64,
}

impl Modes {
    /// Looks at a folder and all below it; where `set`, modes are set.
    fn of(&mut self, path: &Path, facts: &Metadata, owner: u32, set: bool) -> io::Result<()> {
        let want = if facts.is_dir() { FOLDER_MODE } else { FILE_MODE };
        if facts.permissions().mode() & 0o7777 != want {
            self.wrong = self.wrong.saturating_add(1);
            if set {
                fs::set_permissions(path, fs::Permissions::from_mode(want))?;
            }
        }
        self.strangers = self.strangers.saturating_add(u64::from(facts.uid() != owner));
        if !facts.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let (path, facts) = (entry.path(), entry.metadata()?);
            if facts.is_dir() || (facts.is_file() && is_ours(&path)) {
                self.of(&path, &facts, owner, set)?;
            }
        }
        Ok(())
    }
}

/// Whether a file is of a table, and not somebody's own that lies beside.
fn is_ours(path: &Path) -> bool {
    let beside = path.ancestors().skip(1).filter_map(Path::file_name);
    path.extension().is_some_and(|ending| ending == "parquet")
        || beside.filter_map(|name| name.to_str()).any(|name| name.starts_with('_'))
}

fn json(found: &Found) -> String {
    let days = found.days.iter().map(|((_, day), is)| {
        let damaged: Vec<_> = is
            .damaged
            .iter()
            .map(|(path, why)| serde_json::json!({"file": path.display().to_string(), "fault": why}))
            .collect();
        serde_json::json!({
            "log": is.log,
            "day": day.to_string(),
            "files": is.files,
            "rows": is.rows,
            "bytes": is.bytes,
            "damaged": damaged,
        })
    });
    let lacks = found.lacks.iter().map(|lacks| {
        serde_json::json!({
            "log": lacks.log,
            "missing_from": lacks.window.start().to_string(),
            "missing_to": lacks.window.end().to_string(),
            "stored": lacks.stored,
            "there": lacks.there,
            "what_to_do": lacks.fetchable.words(),
        })
    });
    days.chain(lacks).map(|line| format!("{line}\n")).collect()
}

fn text(found: &Found, modes: &Modes, check: bool) -> String {
    if found.days.is_empty() {
        return "There is no file of a table here.\n".to_owned();
    }
    let row = |((_, day), is): (&(Slug, UtcDay), &DayFound)| {
        let figures = [is.files, is.rows, is.bytes, is.damaged.len() as u64].map(grouped);
        [is.log.clone(), day.to_string()].into_iter().chain(figures).collect()
    };
    let rows: Vec<Vec<String>> = found.days.iter().map(row).collect();
    let (left, right) = (Align::Left, Align::Right);
    let columns = [
        ("log", left),
        ("day", left),
        ("files", right),
        ("rows", right),
        ("bytes", right),
        ("damaged", right),
    ];
    let mut text = table(&columns, &rows);
    for (path, why) in found.days.values().flat_map(|day| &day.damaged) {
        text.push_str(&format!("damaged: {}: {why}\n", path.display()));
    }
    for lacks in &found.lacks {
        let (there, stored) = (grouped(lacks.there), grouped(lacks.stored));
        let (log, window, what) = (&lacks.log, lacks.window, lacks.fetchable.words());
        text.push_str(&format!("missing: {log} {window}: {there} of {stored} rows are there; {what}\n"));
    }
    for log in &found.without_ledger {
        let what = if check {
            "log-ingestion restore makes it from the files"
        } else {
            "it was made from the files"
        };
        text.push_str(&format!("{log} had no ledger; {what}\n"));
    }
    if found.back > 0 {
        let files = grouped(found.back);
        text.push_str(&format!(
            "{files} files are of days that were removed or archived; they count again\n"
        ));
    }
    text.push_str(&said_of_modes(modes, check));
    text.push_str(&verdict(found));
    text
}

fn said_of_modes(modes: &Modes, check: bool) -> String {
    let mut text = String::new();
    if modes.wrong > 0 {
        let wrong = grouped(modes.wrong);
        let wanted = format!("{FILE_MODE:04o} and {FOLDER_MODE:04o}");
        text.push_str(&if check {
            format!(
                "{wrong} files and folders have other modes than {wanted}; log-ingestion restore sets them\n"
            )
        } else {
            format!("set the modes of {wrong} files and folders to {wanted}\n")
        });
    }
    if modes.strangers > 0 {
        let strangers = grouped(modes.strangers);
        text.push_str(&format!(
            "{strangers} files and folders belong to another user than OUTPUT_DIR does; chown -R them to the service's user\n"
        ));
    }
    text
}

fn verdict(found: &Found) -> String {
    let files: u64 = found.days.values().map(|day| day.files).sum();
    let rows: u64 = found.days.values().map(|day| day.rows).sum();
    let (files, rows) = (grouped(files), grouped(rows));
    if found.is_whole() {
        return format!("Whole: {files} files with {rows} rows.\n");
    }
    let damaged: usize = found.days.values().map(|day| day.damaged.len()).sum();
    let lacks = found.lacks.len();
    format!(
        "Not whole: {files} whole files with {rows} rows; {damaged} damaged, {lacks} spans of ledgers lack rows.\n"
    )
}
