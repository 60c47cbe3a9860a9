//! Recovery: what the table holds and the ledger does not say is taken from the files themselves.
//!
//! The table is the truth. A file that was published but not recorded, as after a kill between the two, is recorded
//! now; a ledger that is missing or damaged is rebuilt whole. Runs once, at the start, with the lock held.

use std::collections::BTreeMap;
use std::fs::File;

use ingest_core::ids::{LogId, Slug};
use ingest_core::ledger::{LogState, Tally};
use ingest_core::schema::TableSchema;
use ingest_core::time::Timestamp;
use ingest_store::{DirTable, StateDir, StoreError, TableFile};
use ingest_tabular::FileFacts;

use super::chain;
use super::facts::fact;

/// The states of all logs that were ever stored, in agreement with the table.
///
/// # Errors
/// When the table or the ledgers cannot be read or saved.
pub fn recover(table: &DirTable, states: &StateDir) -> Result<Vec<LogState>, StoreError> {
    let (known, damaged) = states.load()?;
    for path in damaged {
        tracing::warn!(event = "ledger_damaged", path = %path.display(), action = "rebuilding it from the files");
    }
    let mut by_slug: BTreeMap<Slug, LogState> =
        known.into_iter().map(|state| (state.slug.clone(), state)).collect();
    let mut changed: BTreeMap<Slug, u64> = BTreeMap::new();
    for file in table.files()? {
        let state = by_slug.get(&file.name.slug);
        if state.is_some_and(|state| state.ledger.gaps(file.name.window).is_empty()) {
            continue;
        }
        let Some((facts, schema)) = look_into(&file) else {
            continue;
        };
        let state = by_slug.entry(file.name.slug.clone()).or_insert_with(|| new_state(&file, &facts));
        match &mut state.schema {
            Some(known) => known.merge(&schema),
            empty @ None => *empty = Some(schema),
        }
        if let Some(since) = facts.facts.get(fact::TAIL_SINCE).and_then(|text| Timestamp::parse(text).ok()) {
            state.ledger.start_tail(since);
        }
        match state.ledger.record(file.name.window, tally(&file, &facts)) {
            Ok(_added) => *changed.entry(file.name.slug.clone()).or_insert(0) += 1,
            Err(error) => {
                tracing::error!(event = "error", path = %file.path.display(), error = %chain(&error));
            }
        }
    }
    for (slug, files) in changed {
        if let Some(state) = by_slug.get(&slug) {
            tracing::warn!(event = "ledger_recovered", log = %state.name, files);
            states.save(state)?;
        }
    }
    set_aside_unfinished(table, &by_slug)?;
    Ok(by_slug.into_values().collect())
}

/// Sets aside the quarantine of windows that are not complete, as after a kill between the quarantine and the file: such
/// a span is fetched again, in other windows perhaps, and its records would be kept twice.
fn set_aside_unfinished(table: &DirTable, known: &BTreeMap<Slug, LogState>) -> Result<(), StoreError> {
    for file in table.quarantine_files()? {
        let state = known.get(&file.slug);
        if state.is_none_or(|state| !state.ledger.gaps(file.window).is_empty()) {
            let path = table.set_aside(&file)?;
            tracing::warn!(event = "quarantine_unfinished", path = %path.display(), action = "its window is fetched again");
        }
    }
    Ok(())
}

fn look_into(file: &TableFile) -> Option<(FileFacts, TableSchema)> {
    let read = File::open(&file.path)
        .map_err(|e| e.to_string())
        .and_then(|open| ingest_tabular::read_back(&open).map_err(|e| chain(&e)));
    let facts = match read {
        Ok(facts) => facts,
        Err(error) => {
            // Not recorded, so its window is fetched again beside it; what to do with the file is the operator's.
            tracing::error!(event = "error", path = %file.path.display(), error, action = "the file is not counted");
            return None;
        }
    };
    let schema = facts.facts.get(fact::SCHEMA).and_then(|text| serde_json::from_str(text).ok())?;
    Some((facts, schema))
}

fn new_state(file: &TableFile, facts: &FileFacts) -> LogState {
    let text = |key: &str| facts.facts.get(key).cloned().unwrap_or_default();
    let mut state = LogState::new(LogId::new(text(fact::LOG_ID)), &text(fact::LOG_NAME));
    state.slug = file.name.slug.clone();
    state
}

fn tally(file: &TableFile, facts: &FileFacts) -> Tally {
    let number = |key: &str| facts.facts.get(key).and_then(|text| text.parse::<u64>().ok());
    let fetched = number(fact::FETCHED).unwrap_or(facts.rows);
    Tally {
        fetched,
        stored: facts.rows,
        quarantined: fetched.saturating_sub(facts.rows),
        counted: number(fact::SERVER_COUNT),
        files: 1,
        bytes: file.bytes,
    }
}
