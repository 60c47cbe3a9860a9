//! Recovery: what the table holds and the ledger does not say is taken from the files themselves.
//!
//! The table is the truth. A file that was published but not recorded, as after a kill between the two, is recorded
//! now; a replacement that a kill cut off between its two renames is finished; a ledger that is missing or damaged is
//! rebuilt whole. What was removed on purpose, its own record says: no file can. Says what is left that no ledger counts,
//! so that whoever commits knows where to look. Runs before each pass, with the lock held. Never removes a file.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use ingest_core::ids::Slug;
use ingest_core::ledger::{LogLedger, LogState, OpenWindow, Recorded, Span, Tally, Uncounted};
use ingest_core::time::{LogWindow, Timestamp};
use ingest_store::{DirTable, StateDir, StoreError, TableFile};

use super::chain;
use super::inventory::{Content, read_content};

/// What is remembered of all logs that were ever stored, in agreement with the table.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Their states.
    pub states: Vec<LogState>,
    /// Windows of files and quarantines that no ledger counts, by the log's folder.
    uncounted: BTreeMap<Slug, Vec<LogWindow>>,
}

impl Recovered {
    /// What the table holds of a log beside what its ledger counts.
    pub(crate) fn uncounted(&self, slug: &Slug) -> Uncounted {
        Uncounted::found(self.uncounted.get(slug).cloned().unwrap_or_default())
    }
}

/// Brings ledgers and table into agreement.
///
/// # Errors
/// When the table or the ledgers cannot be read or saved.
pub fn recover(table: &DirTable, states: &StateDir, now: Timestamp) -> Result<Recovered, StoreError> {
    let (known, damaged) = states.load()?;
    for path in damaged {
        tracing::warn!(event = "ledger_damaged", path = %path.display(), action = "rebuilding it from the files");
    }
    agree(table, states, known, now)
}

/// The same, with the ledgers made anew from the files; what no file tells is kept: ids, names, where tails began.
///
/// # Errors
/// When the table or the ledgers cannot be read or saved.
pub fn rebuild(table: &DirTable, states: &StateDir, now: Timestamp) -> Result<Vec<LogState>, StoreError> {
    let (known, _damaged) = states.load()?;
    let (_records, damaged) = states.load_removed()?;
    let bare: Vec<LogState> = known
        .into_iter()
        .map(|old| {
            let mut ledger = LogLedger::default();
            old.ledger.tail_since().into_iter().for_each(|since| ledger.start_tail(since));
            // A record that somebody took away is to be forgotten; one that is damaged is not.
            if damaged.iter().any(|path| path.file_stem() == Some(OsStr::new(&old.slug.to_string()))) {
                ledger.adopt_removed(old.ledger.removed());
            }
            LogState { ledger, ..old }
        })
        .collect();
    let rebuilt = agree(table, states, bare, now)?.states;
    rebuilt.iter().try_for_each(|state| states.save(state))?;
    Ok(rebuilt)
}

fn agree(
    table: &DirTable,
    states: &StateDir,
    known: Vec<LogState>,
    now: Timestamp,
) -> Result<Recovered, StoreError> {
    let mut by_slug: BTreeMap<Slug, LogState> =
        known.into_iter().map(|state| (state.slug.clone(), state)).collect();
    take_in_removed(states, &mut by_slug)?;
    end_exchanges(table, states, &mut by_slug)?;
    let mut changed: BTreeMap<Slug, u64> = BTreeMap::new();
    let (mut unreadable, mut doubtful) = (Vec::new(), Vec::new());
    for file in table.files()? {
        let slug = file.name.slug.clone();
        let state = by_slug.get(&slug);
        if state.is_some_and(|state| state.ledger.gaps(file.name.window).is_empty()) {
            continue;
        }
        doubtful.push((slug.clone(), file.name.window));
        match read_content(table, &file) {
            Ok(content) => {
                let added = take_in(table, &file, content, &mut by_slug)?;
                *changed.entry(slug).or_insert(0) += u64::from(added);
            }
            Err(error) => unreadable.push((file, error)),
        }
    }
    // Last of all: the files that can be read say which log it is, where its ledger is lost.
    for (file, error) in unreadable {
        let state = by_slug.get_mut(&file.name.slug);
        let again = state.is_some_and(|state| fetch_again(state, &file, now));
        let action = if again { "its window is fetched again" } else { "the file is not counted" };
        tracing::error!(event = "error", path = %file.path.display(), error, action);
        if again {
            *changed.entry(file.name.slug.clone()).or_insert(0) += 1;
        }
    }
    for (slug, files) in changed.into_iter().filter(|(_, files)| *files > 0) {
        if let Some(state) = by_slug.get(&slug) {
            tracing::warn!(event = "ledger_recovered", log = %state.name, files);
            states.save(state)?;
        }
    }
    let quarantines = table.quarantine_files()?.into_iter().map(|file| (file.slug, file.window));
    let uncounted = uncounted(&by_slug, doubtful.into_iter().chain(quarantines));
    Ok(Recovered { states: by_slug.into_values().collect(), uncounted })
}

/// Of windows of files and quarantines, those that no ledger counts.
fn uncounted(
    by_slug: &BTreeMap<Slug, LogState>,
    held: impl Iterator<Item = (Slug, LogWindow)>,
) -> BTreeMap<Slug, Vec<LogWindow>> {
    let mut uncounted: BTreeMap<Slug, Vec<LogWindow>> = BTreeMap::new();
    for (slug, window) in held {
        let state = by_slug.get(&slug);
        if state.is_none_or(|state| !state.ledger.gaps(window).is_empty()) {
            uncounted.entry(slug).or_default().push(window);
        }
    }
    uncounted
}

/// Takes in what was removed on purpose and a ledger does not know, since it was lost, or is older; and lets the record say
/// what a ledger knows, where a kill came between the two.
fn take_in_removed(states: &StateDir, by_slug: &mut BTreeMap<Slug, LogState>) -> Result<(), StoreError> {
    let (records, damaged) = states.load_removed()?;
    for path in damaged {
        tracing::warn!(event = "removed_damaged", path = %path.display(), action = "what the ledger says was removed is taken instead");
    }
    for record in &records {
        let state = by_slug.entry(record.slug.clone()).or_insert_with(|| {
            let mut state = LogState::new(record.id.clone(), &record.name);
            state.slug = record.slug.clone();
            state
        });
        let before = state.ledger.clone();
        state.ledger.adopt_removed(&record.removed);
        record.tail_since.into_iter().for_each(|since| state.ledger.start_tail(since));
        if state.ledger != before {
            states.save(state)?;
        }
    }
    for state in by_slug.values() {
        let record = records.iter().find(|record| record.slug == state.slug);
        if record.map_or(&[][..], |record| &record.removed) != state.ledger.removed() {
            states.save_removed(state)?;
        }
    }
    Ok(())
}

/// Notes how exchanges of files ended that a kill cut off.
fn end_exchanges(
    table: &DirTable,
    states: &StateDir,
    by_slug: &mut BTreeMap<Slug, LogState>,
) -> Result<(), StoreError> {
    for state in by_slug.values_mut().filter(|state| !state.ledger.exchanges().is_empty()) {
        let figures = table.figures(&state.slug)?;
        if state.ledger.end_exchange(|window| figures.of(window)) {
            states.save(state)?;
        }
    }
    Ok(())
}

/// Takes a file in that the ledger does not count; whether that changed the ledger.
fn take_in(
    table: &DirTable,
    file: &TableFile,
    content: Content,
    by_slug: &mut BTreeMap<Slug, LogState>,
) -> Result<bool, StoreError> {
    let opened_again = |open: &&OpenWindow| open.window == file.name.window && open.held.is_some();
    let state = by_slug.get(&file.name.slug);
    let open = state.and_then(|state| state.ledger.open().iter().find(opened_again));
    // What was opened again stays open while the table has nothing but its old file.
    if open.is_some_and(|open| open.held.is_some_and(|held| held.digest == content.tally.digest)) {
        return Ok(false);
    }
    if content.name == file.name {
        // Whoever published it may have been killed before its name was durable, as the ledger will be.
        table.make_durable(file)?;
    } else {
        let path = file.path.display();
        tracing::warn!(event = "file_renamed", path = %path, reason = "its content is that of a replacement");
        table.rename_to(file, &content.name)?;
    }
    let state = by_slug.entry(file.name.slug.clone()).or_insert_with(|| new_state(file, &content));
    Ok(record(state, file, content))
}

fn record(state: &mut LogState, file: &TableFile, content: Content) -> bool {
    match (&mut state.schema, content.schema) {
        (Some(known), Some(schema)) => known.merge(&schema),
        (empty @ None, schema) => *empty = schema,
        (Some(_), None) => {}
    }
    if let Some(since) = content.tail_since {
        state.ledger.start_tail(since);
    }
    match state.ledger.record(content.name.window, content.tally, content.counted_at) {
        Ok(recorded) => recorded == Recorded::Added,
        Err(error) => {
            tracing::error!(event = "error", path = %file.path.display(), error = %chain(&error));
            false
        }
    }
}

/// Opens the window of a file that cannot be read: what is fetched again takes the file's place. Whether it is open now.
fn fetch_again(state: &mut LogState, file: &TableFile, now: Timestamp) -> bool {
    let window = file.name.window;
    if state.ledger.open().iter().any(|open| open.window == window && open.held.is_some()) {
        return true;
    }
    let nothing = Span::new(window, Tally::EMPTY, Some(now));
    if state.ledger.record(window, nothing.tally, nothing.proved).is_err() {
        return false;
    }
    let again = state.ledger.reopen(nothing, &[], "its file cannot be read", now).is_ok();
    if !again {
        // Too many wait already: it is a gap like any other, and no window without events.
        state.ledger.forget(window);
    }
    again
}

fn new_state(file: &TableFile, content: &Content) -> LogState {
    let mut state = LogState::new(content.log_id.clone(), &content.log_name);
    state.slug = file.name.slug.clone();
    state
}
