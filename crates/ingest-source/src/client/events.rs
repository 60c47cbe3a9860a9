//! The pages of an event query, one pull at a time.

use ingest_core::api::{Ask, Event};
use ingest_core::events::EventQuery;

use super::Client;
use crate::error::SourceError;

/// A paged query under way. Pull until `None`.
#[derive(Debug)]
pub struct EventPages<'a> {
    client: &'a Client,
    query: EventQuery,
    shrink_reported: bool,
}

impl<'a> EventPages<'a> {
    pub(super) const fn new(client: &'a Client, query: EventQuery) -> Self {
        Self { client, query, shrink_reported: false }
    }

    /// The rows of the next reply, each row once over all pages; may be empty; `None` at the end.
    ///
    /// # Errors
    /// See [`SourceError`]. The window is then not complete, whatever came before.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, SourceError> {
        let Ask::Send { request, after } = self.query.ask() else {
            return Ok(None);
        };
        let query = &mut self.query;
        let rows = self.client.converse(&request, after, |reply| query.answer(reply)).await?;
        if self.query.page_shrank() && !self.shrink_reported {
            self.shrink_reported = true;
            tracing::warn!(event = "page_shrank", reason = "the server's Next link asks for smaller pages");
        }
        Ok(Some(rows))
    }

    /// What came so far.
    #[must_use]
    pub const fn query(&self) -> &EventQuery {
        &self.query
    }
}
