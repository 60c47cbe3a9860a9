//! What is remembered of one log between runs.
//!
//! Plain values. Where they are kept is the store's business.

use serde::{Deserialize, Serialize};

use super::LogLedger;
use crate::ids::{LogId, Slug};
use crate::schema::TableSchema;

/// Everything that is remembered of one log between runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogState {
    /// The log.
    pub id: LogId,
    /// Its name when it was last seen.
    pub name: String,
    /// Its folder; fixed when the log is first seen, whatever its name becomes.
    pub slug: Slug,
    /// How long the source keeps its events, in the source's words, when it was last seen; see [`crate::retention`].
    #[serde(default)]
    pub retention: Option<String>,
    /// Its table's schema, once a window was settled.
    pub schema: Option<TableSchema>,
    /// Its progress.
    pub ledger: LogLedger,
}

impl LogState {
    /// A log that was never seen before.
    #[must_use]
    pub fn new(id: LogId, name: &str) -> Self {
        let slug = Slug::of(name, &id);
        let ledger = LogLedger::default();
        Self { id, name: name.to_owned(), slug, retention: None, schema: None, ledger }
    }
}
