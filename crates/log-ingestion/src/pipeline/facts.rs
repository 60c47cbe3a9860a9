//! What a file says of itself in its footer: enough to rebuild the ledger from the table alone.

use ingest_core::ledger::LogState;
use ingest_core::schema::TableSchema;

use super::Context;
use super::fetch::FetchedWindow;

/// Keys of the facts in a file's footer.
pub(crate) mod fact {
    pub(crate) const LOG_ID: &str = "ingest.log_id";
    pub(crate) const LOG_NAME: &str = "ingest.log_name";
    pub(crate) const SPAN_START: &str = "ingest.span_start";
    pub(crate) const SPAN_END: &str = "ingest.span_end";
    pub(crate) const FETCHED: &str = "ingest.fetched";
    pub(crate) const SERVER_COUNT: &str = "ingest.server_count";
    pub(crate) const COUNTED_AT: &str = "ingest.counted_at";
    pub(crate) const REPLACES: &str = "ingest.replaces";
    pub(crate) const TAIL_SINCE: &str = "ingest.tail_since";
    pub(crate) const SCHEMA: &str = "ingest.schema";
    pub(crate) const SCHEMA_FINGERPRINT: &str = "ingest.schema_fingerprint";
    /// The hashes in the names of the files that it was made of.
    pub(crate) const MADE_OF: &str = "ingest.made_of";
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
        facts.push((fact::COUNTED_AT, fetched.counted_at.to_string()));
    }
    if let Some(old) = &fetched.replaced {
        facts.push((fact::REPLACES, old.name.hash.clone()));
    }
    let since = log.ledger.tail_since().unwrap_or(context.options.policy.first_start);
    if tail {
        facts.push((fact::TAIL_SINCE, since.to_string()));
    }
    facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
