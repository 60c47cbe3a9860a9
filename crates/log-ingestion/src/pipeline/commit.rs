//! Stage commit: a staged file is read back from the disk and published in one step.
//!
//! The quarantine goes first: a crash between the two leaves a window that is fetched again, never records that are
//! in neither place.

use std::collections::BTreeMap;
use std::fs::File;

use ingest_core::ledger::{LogState, Tally};
use ingest_store::layout::FileName;
use ingest_tabular::{check, read_back};

use super::encode::EncodedWindow;
use super::fetch::FetchedWindow;
use super::{CommittedWindow, Context, WindowError};

/// Publishes a window's files. Blocks; call off the async threads.
pub(super) fn commit(
    context: &Context,
    log: &LogState,
    fetched: &FetchedWindow,
    made: EncodedWindow,
) -> Result<CommittedWindow, WindowError> {
    context.lock.check()?;
    let EncodedWindow { staged, encoded, quarantine } = made;
    let quarantined = encoded.quarantined.values().sum();
    if let Some(quarantine) = quarantine {
        context.table.publish_quarantine(quarantine, &log.slug, fetched.window)?;
    }
    let mut tally = Tally {
        fetched: encoded.rows.saturating_add(quarantined),
        stored: encoded.rows,
        quarantined,
        counted: fetched.counted,
        ..Tally::default()
    };
    if encoded.rows > 0 {
        let file: File = staged.reopen()?;
        check(&read_back(&file)?, &encoded)?;
        let name = FileName::new(&log.slug, fetched.window, encoded.rows, &encoded.file_hash);
        let published = context.table.publish(staged, &name)?;
        tally.files = 1;
        tally.bytes = published.bytes;
        tracing::info!(
            event = "file_write_complete",
            path = %published.path.display(),
            rows = encoded.rows,
            bytes = published.bytes,
            rescued = encoded.rescued,
        );
    }
    let by_reason: BTreeMap<&str, u64> =
        encoded.quarantined.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    let quarantined_by = serde_json::json!(by_reason).to_string();
    Ok(CommittedWindow { window: fetched.window, tally, quarantined_by })
}
