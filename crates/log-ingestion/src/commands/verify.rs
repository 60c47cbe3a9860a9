//! `verify`: whether files are what was written: footer, hashes, name, every value decoded by a second reader.
//!
//! Without a path, the whole output folder, and its ledgers against its files. Changes nothing, and takes no lock.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_store::layout::{FileName, Layout};
use ingest_store::{DirTable, StateDir};
use ingest_tabular::{decode, inspect, read_back};

use super::print;
use crate::cli::VerifyArgs;
use crate::exit::{CommandError, Exit};
use crate::pipeline::{chain, compare};
use crate::settings;
use crate::surroundings::Surroundings;
use crate::table_text::grouped;

/// Folders below a folder that was given in which files are looked for; more are no table of ours.
const DEPTH_MAX: usize = 16;

pub(crate) fn run(surroundings: &Surroundings, args: &VerifyArgs) -> Result<Exit, CommandError> {
    let mut verdicts = Verdicts { json: args.json, files: 0, rows: 0, faults: 0 };
    if args.paths.is_empty() {
        let output_dir = settings::output_dir(&surroundings.layers)?;
        folder(&output_dir, 0, &mut verdicts)?;
        ledgers(surroundings, &output_dir, &mut verdicts)?;
    }
    for path in &args.paths {
        if path.is_dir() { folder(path, 0, &mut verdicts)? } else { verdicts.file(path)? }
    }
    if !args.json {
        print(&verdicts.summary())?;
    }
    // Nothing looked at is nothing verified.
    Ok(if verdicts.faults > 0 || verdicts.files == 0 { Exit::Failed } else { Exit::Done })
}

struct Verdicts {
    json: bool,
    files: u64,
    rows: u64,
    faults: u64,
}

impl Verdicts {
    fn file(&mut self, path: &Path) -> Result<(), CommandError> {
        self.files = self.files.saturating_add(1);
        match verify(path) {
            Ok(rows) => {
                self.rows = self.rows.saturating_add(rows);
                if self.json { self.line(path, Some(rows), None) } else { Ok(()) }
            }
            Err(fault) => self.fault(path, &fault),
        }
    }

    fn fault(&mut self, path: &Path, fault: &str) -> Result<(), CommandError> {
        self.faults = self.faults.saturating_add(1);
        self.line(path, None, Some(fault))
    }

    fn line(&self, path: &Path, rows: Option<u64>, fault: Option<&str>) -> Result<(), CommandError> {
        let path = path.display().to_string();
        if self.json {
            let value =
                serde_json::json!({"file": path, "ok": fault.is_none(), "rows": rows, "fault": fault});
            return print(&format!("{value}\n"));
        }
        print(&format!("{path}: {}\n", fault.unwrap_or("ok")))
    }

    fn summary(&self) -> String {
        let (files, rows) = (grouped(self.files), grouped(self.rows));
        match (self.files, self.faults) {
            (0, 0) => "There is no Parquet file to verify.\n".to_owned(),
            (_, 0) => format!("{files} files with {rows} rows are whole.\n"),
            (_, faults) => format!("{files} files with {rows} whole rows; {} faults.\n", grouped(faults)),
        }
    }
}

/// How many rows a whole file has; in words, what is wrong with one that is not.
fn verify(path: &Path) -> Result<u64, String> {
    let open = || File::open(path).map_err(|error| format!("it cannot be opened: {error}"));
    let said = inspect(open()?).map_err(|error| format!("its footer cannot be read: {error}"))?;
    let ours = said.metadata.contains_key(ingest_tabular::CONTENT_HASH_FACT);
    if ours {
        let found = read_back(&open()?).map_err(|error| chain(&error))?;
        if let Some(name) = FileName::parse(path) {
            if !found.file_hash.starts_with(&name.hash) {
                return Err(format!("its hash is {}, its name says {}", found.file_hash, name.hash));
            }
            if found.rows != name.rows {
                return Err(format!("it has {} rows, its name says {}", found.rows, name.rows));
            }
        }
    }
    let rows = decode(open()?).map_err(|error| format!("a value cannot be decoded: {error}"))?;
    if rows == said.rows {
        Ok(rows)
    } else {
        Err(format!("{rows} rows decode, its footer says {}", said.rows))
    }
}

/// All Parquet files below a folder, but for folders that readers skip.
fn folder(path: &Path, depth: usize, verdicts: &mut Verdicts) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::Failed(
            Exit::Failed,
            format!("{} cannot be listed: {error}; is it there, and may this user read it?", path.display()),
        )
    };
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>().map_err(failed)?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(['_', '.']) {
            continue;
        }
        if path.is_dir() && depth < DEPTH_MAX {
            folder(&path, depth + 1, verdicts)?;
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            verdicts.file(&path)?;
        }
    }
    Ok(())
}

/// What the ledgers count and the folder does not hold.
fn ledgers(
    surroundings: &Surroundings,
    output_dir: &Path,
    verdicts: &mut Verdicts,
) -> Result<(), CommandError> {
    let failed = |error: &dyn std::error::Error| CommandError::failed(Exit::Failed, error);
    let table = DirTable::beside(Arc::clone(&surroundings.disk), output_dir, Layout::Hive);
    let states = StateDir::of(Arc::clone(&surroundings.disk), output_dir);
    let (states, damaged) = states.load().map_err(|error| failed(&error))?;
    for path in damaged {
        verdicts.fault(&path, "the ledger is damaged; log-ingestion ledger rebuild makes it anew")?;
    }
    for state in states {
        let Some(range) = state.ledger.extent() else { continue };
        let (missing, _runs) = compare(&table, &state, range, false).map_err(|error| failed(&error))?;
        for missing in missing {
            let (stored, there) = (missing.stored, missing.there);
            let fault = format!("{}: the ledger counts {stored} rows, the files {there}", missing.window);
            verdicts.fault(&output_dir.join(format!("log={}", state.slug)), &fault)?;
        }
    }
    Ok(())
}
