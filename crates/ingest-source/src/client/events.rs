//! The pages of an event query, one pull at a time.

use ingest_core::api::{Ask, Event, ProtocolError};
use ingest_core::events::EventQuery;

use super::Client;
use crate::error::SourceError;

/// A paged query under way. Pull until `None`.
#[derive(Debug)]
pub struct EventPages<'a> {
    client: &'a Client,
    query: EventQuery,
}

impl<'a> EventPages<'a> {
    pub(super) const fn new(client: &'a Client, query: EventQuery) -> Self {
        Self { client, query }
    }

    /// The rows of the next reply, each row once over all pages; may be empty; `None` at the end.
    ///
    /// # Errors
    /// See [`SourceError`]. The window is then not complete, whatever came before. After [`ProtocolError::PageShrank`] the
    /// client asks for pages of the server's size.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, SourceError> {
        let Ask::Send { request, after } = self.query.ask() else {
            return Ok(None);
        };
        let query = &mut self.query;
        let answer = self.client.converse(&request, after, |reply| query.answer(reply)).await;
        if let Err(SourceError::Protocol(ProtocolError::PageShrank { to, .. })) = &answer {
            self.client.learn_page_size(*to);
        }
        answer.map(Some)
    }

    /// What came so far.
    #[must_use]
    pub const fn query(&self) -> &EventQuery {
        &self.query
    }
}
