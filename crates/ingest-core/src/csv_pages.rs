//! The CSV pages endpoint of the runbook: pages of CSV text, chained by a token.
//!
//! Decides what to ask next and when the pages end. Hands each page on as the text it is: where records begin and
//! whether the first line is a header is decided where CSV is read. Facts: API document, section 9.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;

use crate::api::{ApiRequest, Ask, ProtocolError};
use crate::quota::Class;
use crate::time::LogWindow;

/// Pages of one window, a guard against tokens that never end.
const PAGES_MAX: u64 = 1_000_000;

/// One reply of this endpoint.
#[derive(Debug, Clone, Copy)]
pub struct PageReply<'a> {
    /// `Content-Type`, as sent.
    pub content_type: &'a str,
    /// `X-Next-Page-Token`, if sent.
    pub next_token: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// The pages of one window, under way.
#[derive(Debug)]
pub struct CsvPages {
    window: LogWindow,
    rows_per_page: u32,
    token: Option<String>,
    /// Every token that was followed: pages in a circle would be rows twice.
    followed: HashSet<String>,
    finished: bool,
    pages: u64,
}

#[derive(Deserialize)]
struct JsonPage {
    data: Option<String>,
    logs: Option<String>,
    next_page_token: Option<String>,
    next_cursor: Option<String>,
}

impl CsvPages {
    /// All rows of the window, `rows_per_page` a request.
    #[must_use]
    pub fn new(window: LogWindow, rows_per_page: u32) -> Self {
        Self { window, rows_per_page, token: None, followed: HashSet::new(), finished: false, pages: 0 }
    }

    /// What to send next.
    pub fn ask(&self) -> Ask {
        if self.finished {
            return Ask::Finished;
        }
        let mut parameters = vec![
            ("start_time", self.window.start().to_string()),
            ("end_time", self.window.end().to_string()),
            ("format", "csv".to_owned()),
            ("limit", self.rows_per_page.to_string()),
        ];
        if let Some(token) = &self.token {
            parameters.push(("page_token", token.clone()));
        }
        Ask::Send { request: ApiRequest::path(Class::Pages, &["logs"], parameters), after: Duration::ZERO }
    }

    /// Takes a reply in, and gives its CSV text.
    ///
    /// # Errors
    /// When it is neither CSV nor JSON that holds CSV, or its token repeats. The machine is then as it was.
    pub fn answer(&mut self, reply: PageReply<'_>) -> Result<Vec<u8>, ProtocolError> {
        let media = reply.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let (text, token) = match media.as_str() {
            "text/csv" | "application/csv" => (reply.body.to_vec(), reply.next_token.map(str::to_owned)),
            "application/json" => read_json(reply.body)?,
            _ => {
                return Err(ProtocolError::Lacks(
                    "a content type of text/csv, application/csv or application/json",
                ));
            }
        };
        let blank = text.iter().all(u8::is_ascii_whitespace);
        let token = token.filter(|t| !t.is_empty() && !blank);
        if let Some(again) = token.as_ref().filter(|token| self.followed.contains(*token)) {
            return Err(ProtocolError::NextRepeats(again.clone()));
        }
        if self.pages >= PAGES_MAX {
            return Err(ProtocolError::TooManyPages(self.pages));
        }
        self.pages = self.pages.saturating_add(1);
        self.finished = token.is_none();
        self.followed.extend(token.clone());
        self.token = token;
        Ok(if blank { Vec::new() } else { text })
    }

    /// Pages read so far.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.pages
    }
}

fn read_json(body: &[u8]) -> Result<(Vec<u8>, Option<String>), ProtocolError> {
    let page: JsonPage = serde_json::from_slice(body).map_err(|cause| {
        let start = String::from_utf8_lossy(body).chars().take(60).collect();
        ProtocolError::Unreadable { start, cause }
    })?;
    let text = page.data.or(page.logs);
    let token = page.next_page_token.or(page.next_cursor);
    // Neither field is no page at all; an empty text is a blank page.
    let text = text.ok_or(ProtocolError::Lacks("CSV text in data or logs"))?;
    Ok((text.into_bytes(), token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn pages() -> CsvPages {
        let window = LogWindow::new(Timestamp::from_millis(0), Timestamp::from_millis(1_000)).unwrap();
        CsvPages::new(window, 100)
    }

    fn token_asked(pages: &CsvPages) -> Option<String> {
        let Ask::Send { request, .. } = pages.ask() else {
            return Some("finished".to_owned());
        };
        let crate::api::Target::Path { parameters, .. } = request.target else {
            return None;
        };
        parameters.into_iter().find(|(name, _)| *name == "page_token").map(|(_, value)| value)
    }

    #[test]
    fn tokens_are_followed_in_both_forms_until_there_is_none() {
        let mut pages = pages();
        let csv =
            PageReply { content_type: "text/csv; charset=utf-8", next_token: Some("t1"), body: b"a\n1" };
        assert_eq!(pages.answer(csv).unwrap(), b"a\n1");
        assert_eq!(token_asked(&pages).as_deref(), Some("t1"));
        let json = br#"{"logs":"a\n2\n","next_cursor":"t2"}"#;
        pages.answer(PageReply { content_type: "application/json", next_token: None, body: json }).unwrap();
        assert_eq!(token_asked(&pages).as_deref(), Some("t2"));
        let blank = PageReply { content_type: "text/csv", next_token: Some("t3"), body: b" \r\n" };
        assert_eq!(pages.answer(blank).unwrap(), b"");
        assert_eq!(token_asked(&pages).as_deref(), Some("finished"));
    }

    #[test]
    fn tokens_in_a_circle_are_an_error() {
        let mut pages = pages();
        let page = |token| PageReply { content_type: "text/csv", next_token: Some(token), body: b"a\n1\n" };
        pages.answer(page("t1")).unwrap();
        pages.answer(page("t2")).unwrap();
        assert!(matches!(pages.answer(page("t1")), Err(ProtocolError::NextRepeats(_))));
        assert_eq!(token_asked(&pages).as_deref(), Some("t2"), "the machine is as it was");
    }

    #[test]
    fn what_is_not_a_page_is_an_error_and_changes_nothing() {
        let mut pages = pages();
        for (content_type, body) in
            [("text/html", "<html>"), ("application/json", "{}"), ("application/json", "<html>"), ("", "a,b")]
        {
            assert!(
                pages.answer(PageReply { content_type, next_token: None, body: body.as_bytes() }).is_err()
            );
        }
        assert_eq!((token_asked(&pages), pages.pages()), (None, 0));
    }
}
