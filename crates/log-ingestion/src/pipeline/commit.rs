//! Stage commit: a staged file is read back from the disk and published in one step.
//!
//! The quarantine goes first: a crash between the two leaves a window that is fetched again, never records that are
//! in neither place.

use std::fs::File;

use ingest_core::ledger::{LogState, Tally};
use ingest_core::schema::TableSchema;
use ingest_store::layout::FileName;
use ingest_tabular::{check, read_back};

use super::encode::EncodedWindow;
use super::fetch::FetchedWindow;
use super::{CommittedWindow, Context, WindowError};

/// Keys of the facts in a file's footer.
pub(super) mod fact {
    pub(crate) const LOG_ID: &str = "ingest.log_id";
    pub(crate) const LOG_NAME: &str = "ingest.log_name";
    pub(crate) const SPAN_START: &str = "ingest.span_start";
    pub(crate) const SPAN_END: &str = "ingest.span_end";
    pub(crate) const FETCHED: &str = "ingest.fetched";
    pub(crate) const SERVER_COUNT: &str = "ingest.server_count";
    pub(crate) const TAIL_SINCE: &str = "ingest.tail_since";
    pub(crate) const SCHEMA: &str = "ingest.schema";
    pub(crate) const SCHEMA_FINGERPRINT: &str = "ingest.schema_fingerprint";
    pub(crate) const TOOL: &str = "ingest.tool";
}

/// What a file says of itself: enough to rebuild the ledger from the table alone.
pub(super) fn facts(
    context: &Context,
    log: &LogState,
    schema: &TableSchema,
    fetched: &FetchedWindow,
    tail: bool,
) -> Vec<(String, String)> {
    let mut facts = vec![
        (fact::LOG_ID, log.id.to_string()),
        (fact::LOG_NAME, log.name.clone()),
        (fact::SPAN_START, fetched.window.start().to_string()),
        (fact::SPAN_END, fetched.window.end().to_string()),
        (fact::SCHEMA, serde_json::to_string(schema).unwrap_or_default()),
        (fact::SCHEMA_FINGERPRINT, schema.fingerprint()),
        (fact::TOOL, format!("log-ingestion {}", env!("CARGO_PKG_VERSION"))),
    ];
    if let Some(counted) = fetched.counted {
        facts.push((fact::FETCHED, fetched.spool.records().to_string()));
        facts.push((fact::SERVER_COUNT, counted.to_string()));
    }
    let since = log.ledger.tail_since().unwrap_or(context.options.policy.first_start);
    if tail {
        facts.push((fact::TAIL_SINCE, since.to_string()));
    }
    facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Publishes a window's files. Blocks; call off the async threads.
pub(super) fn commit(
    context: &Context,
    log: &LogState,
    fetched: &FetchedWindow,
    made: EncodedWindow,
) -> Result<CommittedWindow, WindowError> {
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
    Ok(CommittedWindow { window: fetched.window, tally })
}
