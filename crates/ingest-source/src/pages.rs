//! The pages of the CSV pages endpoint, one pull at a time.

use ingest_core::api::Ask;
use ingest_core::csv_pages::{CsvPages, PageReply};
use ingest_core::time::LogWindow;

use crate::client::Client;
use crate::error::SourceError;

/// Pages of CSV text under way. Pull until `None`.
#[derive(Debug)]
pub struct TextPages<'a> {
    client: &'a Client,
    pages: CsvPages,
}

impl Client {
    /// The pages of all rows in a window, `rows_per_page` a request.
    #[must_use]
    pub fn pages(&self, window: LogWindow, rows_per_page: u32) -> TextPages<'_> {
        TextPages { client: self, pages: CsvPages::new(window, rows_per_page) }
    }
}

impl TextPages<'_> {
    /// The text of the next page, `None` after the last.
    ///
    /// # Errors
    /// See [`SourceError`]. The window is then not complete, whatever came before.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, SourceError> {
        let Ask::Send { request, .. } = self.pages.ask() else {
            return Ok(None);
        };
        let mut tries = 0;
        loop {
            let answer = self.client.call(&request, None).await?;
            let reply = PageReply {
                content_type: answer.header("content-type").unwrap_or_default(),
                next_token: answer.header("x-next-page-token"),
                body: &answer.body,
            };
            match self.pages.answer(reply).map_err(|error| self.client.discreet(error, &answer)) {
                Ok(text) => return Ok(Some(text)),
                // A gateway's error page may come with status 200 in place of a page.
                Err(error) if error.may_pass() && tries < self.client.retries() => {
                    self.client.pause(&request, tries, &error, None).await?;
                }
                Err(error) => return Err(error.into()),
            }
            tries = tries.saturating_add(1);
        }
    }
}
