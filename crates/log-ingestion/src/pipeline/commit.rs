//! Stage commit: a staged file is read back from the disk and published in one step.
//!
//! The quarantine goes first: a crash between the two leaves a window that is fetched again, never records that are
//! in neither place. A window that was complete before takes the place of its old file; no other file may share an
//! instant with it.

use std::collections::BTreeMap;

use ingest_core::ledger::{Digest, LogState, Tally};
use ingest_store::layout::FileName;
use ingest_store::{Staged, TableFile};
use ingest_tabular::{Chunks, ReadBackError, check, read_back};

use super::encode::EncodedWindow;
use super::fetch::FetchedWindow;
use super::{CommittedWindow, Context, NONE, WindowError};

/// Publishes a window's files. Blocks; call off the async threads.
pub(super) fn commit(
    context: &Context,
    log: &LogState,
    fetched: &FetchedWindow,
    made: EncodedWindow,
) -> Result<CommittedWindow, WindowError> {
    context.check_folder()?;
    let EncodedWindow { staged, encoded, quarantine } = made;
    let quarantined = encoded.quarantined.values().sum();
    match quarantine {
        Some(quarantine) => {
            drop(context.table.publish_quarantine(quarantine, &log.slug, fetched.window)?);
        }
        None if fetched.replaces => context.table.drop_quarantine(&log.slug, fetched.window)?,
        None => {}
    }
    let mut tally = Tally {
        fetched: encoded.rows.saturating_add(quarantined),
        stored: encoded.rows,
        quarantined,
        counted: fetched.counted,
        ..Tally::EMPTY
    };
    if encoded.rows > 0 {
        let file = Chunks::new(staged.reopen()?).map_err(ReadBackError::Bytes)?;
        check(&read_back(&file)?, &encoded)?;
        let name = FileName::new(&log.slug, fetched.window, encoded.rows, &encoded.file_hash);
        let published = publish(context, staged, &name, fetched.replaced.as_ref())?;
        tally.files = 1;
        tally.bytes = published.bytes;
        tally.digest = Digest::of_name(&name.hash).unwrap_or_default();
        tracing::info!(
            event = "file_write_complete",
            path = %published.path.display(),
            rows = encoded.rows,
            bytes = published.bytes,
            rescued = encoded.rescued,
        );
    } else if let Some(old) = &fetched.replaced {
        context.table.withdraw(old)?;
    }
    let by_reason: BTreeMap<&str, u64> =
        encoded.quarantined.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    let quarantined_by = serde_json::json!(by_reason).to_string();
    Ok(CommittedWindow { window: fetched.window, tally, counted_at: fetched.counted_at, quarantined_by })
}

/// Commits a window without records: what the table held of it is taken out.
pub(super) fn commit_empty(
    context: &Context,
    log: &LogState,
    fetched: &FetchedWindow,
) -> Result<CommittedWindow, WindowError> {
    context.check_folder()?;
    if fetched.replaces {
        context.table.drop_quarantine(&log.slug, fetched.window)?;
    }
    if let Some(old) = &fetched.replaced {
        context.table.withdraw(old)?;
    }
    Ok(CommittedWindow {
        window: fetched.window,
        tally: Tally { counted: fetched.counted, ..Tally::EMPTY },
        counted_at: fetched.counted_at,
        quarantined_by: NONE.to_owned(),
    })
}

fn publish(
    context: &Context,
    staged: Staged,
    name: &FileName,
    old: Option<&TableFile>,
) -> Result<TableFile, WindowError> {
    let Some(old) = old.filter(|old| old.name != *name) else {
        return Ok(context.table.publish(staged, name)?);
    };
    let published = context.table.replace(staged, name, old)?;
    tracing::info!(event = "file_replaced", path = %old.path.display(), rows_before = old.name.rows, rows = name.rows);
    Ok(published)
}

/// The file of this very window that is in the table, where the window was complete before.
pub(super) fn old_file(
    context: &Context,
    log: &LogState,
    fetched: &FetchedWindow,
) -> Result<Option<TableFile>, WindowError> {
    if !fetched.replaces {
        return Ok(None);
    }
    let mut files = context.table.files_of(&log.slug, fetched.window)?;
    if let Some(other) = files.iter().find(|file| file.name.window != fetched.window) {
        return Err(WindowError::Occupied { path: other.path.clone() });
    }
    Ok(files.pop())
}
