//! Stage commit: a staged file is read back from the disk and published in one step.
//!
//! The quarantine goes first: a crash between the two leaves a window that is fetched again, never records that are
//! in neither place. A window that was complete before takes the place of its old file; no other file may share an
//! instant with it.

use std::collections::BTreeMap;

use ingest_core::ledger::{Digest, LogState, Tally};
use ingest_core::time::LogWindow;
use ingest_store::layout::FileName;
use ingest_store::{Staged, TableFile};
use ingest_tabular::{Chunks, ReadBackError, check, read_back};

use super::encode::EncodedWindow;
use super::fetch::FetchedWindow;
use super::inventory::read_content;
use super::{CommittedWindow, Context, WindowError};

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
    let own = quarantine.is_some().then_some(fetched.window);
    if let Some(quarantine) = quarantine {
        drop(context.table.publish_quarantine(quarantine, &log.slug, fetched.window)?);
    }
    if fetched.in_the_way {
        context.table.put_quarantines_aside(&log.slug, fetched.window, own)?;
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
    let quarantined_by =
        encoded.quarantined.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    Ok(CommittedWindow { window: fetched.window, tally, counted_at: fetched.counted_at, quarantined_by })
}

/// Commits a window without records: what the table held of it is taken out.
pub(super) fn commit_empty(
    context: &Context,
    log: &LogState,
    fetched: &FetchedWindow,
) -> Result<CommittedWindow, WindowError> {
    if fetched.in_the_way {
        clear(context, log, fetched.window)?;
    }
    Ok(CommittedWindow {
        window: fetched.window,
        tally: Tally { counted: fetched.counted, ..Tally::EMPTY },
        counted_at: fetched.counted_at,
        quarantined_by: BTreeMap::new(),
    })
}

/// Takes everything out of the table that it holds of a window without events.
pub(super) fn clear(context: &Context, log: &LogState, window: LogWindow) -> Result<(), WindowError> {
    context.check_folder()?;
    let old = old_file(context, log, window)?;
    context.table.put_quarantines_aside(&log.slug, window, None)?;
    Ok(old.map_or(Ok(()), |old| context.table.withdraw(&old))?)
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

/// The file of this very window that is in the table: the one before, or what is left of an attempt that was not
/// recorded. Others that share an instant with it must be damaged, or the ledger would count them: they are put aside.
pub(super) fn old_file(
    context: &Context,
    log: &LogState,
    window: LogWindow,
) -> Result<Option<TableFile>, WindowError> {
    let mut same = None;
    for file in context.table.files_of(&log.slug, window)? {
        if file.name.window == window {
            same = Some(file);
        } else if read_content(&context.table, &file).is_ok() {
            return Err(WindowError::Occupied { path: file.path });
        } else {
            tracing::error!(event = "error", path = %file.path.display(), error = "the file is damaged", action = "it is kept in _replaced");
            context.table.withdraw(&file)?;
        }
    }
    Ok(same)
}
