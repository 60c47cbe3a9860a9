//! The paged event query of one log over one span: every page, each row once.
//!
//! Decides what to ask next, which rows are new, and when the pages are at their end: only a missing Next link is
//! the end, an empty page is not. Rows are identified by (receive time, sequence number), since the sequence
//! alone is not promised to be unique over time. Never sends, never waits. Facts: API document, 2.1 and 2.5.

use std::collections::HashSet;

use crate::api::{ApiRequest, Ask, Envelope, Event, ProtocolError, Reply, Running};
use crate::bounds::RequestSpan;
use crate::ids::LogId;
use crate::quota::Class;
use crate::records::Receipt;

/// Rows that the API gives on a page at most. Source: API document, 2.1.
pub const ROWS_PER_PAGE_MAX: u32 = 500;

/// Rows that come with a page, where this many are wanted of a request: 1 to [`ROWS_PER_PAGE_MAX`].
#[must_use]
pub fn rows_per_page(wanted: u32) -> u32 {
    wanted.clamp(1, ROWS_PER_PAGE_MAX)
}
/// Pages without a single new row, one after the other, before the query counts as going in circles.
const BARREN_PAGES_MAX: u32 = 50;

/// A paged query under way.
#[derive(Debug)]
pub struct EventQuery {
    log: LogId,
    span: RequestSpan,
    running: Option<Running>,
    current: Option<String>,
    seen: HashSet<Receipt>,
    pages: u64,
    barren: u32,
    duplicates: u64,
    ended_full: bool,
    per_page: u32,
}

impl EventQuery {
    /// A query for all events of a log in the span, oldest first.
    #[must_use]
    pub fn new(log: LogId, span: RequestSpan, per_page: u32) -> Self {
        let per_page = rows_per_page(per_page);
        let parameters = vec![
            ("from", span.from.millis().to_string()),
            ("to", span.to.millis().to_string()),
            ("per_page", per_page.to_string()),
        ];
        let submit = ApiRequest::path(Class::Query, &["query", "logs", log.as_str()], parameters);
        Self {
            log,
            span,
            running: Some(Running::new(submit)),
            current: None,
            seen: HashSet::new(),
            pages: 0,
            barren: 0,
            duplicates: 0,
            ended_full: false,
            per_page,
        }
    }

    /// What to send next.
    pub fn ask(&self) -> Ask {
        self.running.as_ref().map_or(Ask::Finished, Running::ask)
    }

    /// Takes a reply in, and gives the rows that are new with it: none while the query runs.
    ///
    /// # Errors
    /// See [`ProtocolError`]; the machine is then as it was, and the same request may be sent again.
    pub fn answer(&mut self, reply: Reply<'_>) -> Result<Vec<Event>, ProtocolError> {
        let Some(running) = &mut self.running else {
            return Ok(Vec::new());
        };
        let Some(mut envelope) = running.answer(reply)? else {
            return Ok(Vec::new());
        };
        if self.pages == 0 {
            envelope.check_echo(self.span.from.millis(), self.span.to.millis(), "")?;
        }
        let mut rows = envelope.take_events();
        if let Some(other) =
            rows.iter().find_map(|e| e.log_id.as_deref().filter(|id| *id != self.log.as_str()))
        {
            return Err(ProtocolError::AnotherLog(other.to_owned()));
        }
        let came = rows.len() as u64;
        self.ended_full = came >= u64::from(self.per_page);
        rows.retain(|event| self.seen.insert(event.receipt));
        self.duplicates = self.duplicates.saturating_add(came.saturating_sub(rows.len() as u64));
        self.turn_page(&envelope, rows.is_empty())?;
        Ok(rows)
    }

    /// Rows that came so far, each once.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Refuses an end that is a page as full as was asked for when the server counts more for the very same request: its
    /// pages were cut off. Where the figures agree, the last page was full by chance.
    ///
    /// # Errors
    /// When it is.
    pub fn check_end(&self, counted: u64) -> Result<(), ProtocolError> {
        if self.ended_full && counted > self.rows() {
            return Err(ProtocolError::EndsFull { rows: self.rows(), counted });
        }
        Ok(())
    }

    /// Rows that came more than once and were dropped.
    #[must_use]
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Pages read so far.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.pages
    }

    fn turn_page(&mut self, envelope: &Envelope, barren: bool) -> Result<(), ProtocolError> {
        self.pages = self.pages.saturating_add(1);
        self.barren = if barren { self.barren.saturating_add(1) } else { 0 };
        let Some(next) = envelope.link("Next") else {
            self.running = None;
            return Ok(());
        };
        if barren && self.current.as_deref() == Some(next) {
            return Err(ProtocolError::NextRepeats(next.to_owned()));
        }
        if self.barren > BARREN_PAGES_MAX {
            return Err(ProtocolError::TooManyPages(self.pages));
        }
        if let Some(to) = per_page_of(next).filter(|to| *to < self.per_page) {
            return Err(ProtocolError::PageShrank { asked: self.per_page, to });
        }
        self.current = Some(next.to_owned());
        self.running = Some(Running::new(ApiRequest::link(Class::Query, next.to_owned())));
        Ok(())
    }
}

fn per_page_of(href: &str) -> Option<u32> {
    let (_, query) = href.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("per_page="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn query() -> EventQuery {
        let span = RequestSpan { from: Timestamp::from_millis(0), to: Timestamp::from_millis(100) };
        EventQuery::new(LogId::new("L"), span, 500)
    }

    fn page(events: &[(i64, i64)], link: &str) -> String {
        let events: Vec<String> = events
            .iter()
            .map(|(t, s)| {
                format!(r#"{{"timestamp":{t},"sequence_number_str":"{s}","log_id":"L","message":"m"}}"#)
            })
            .collect();
        format!(r#"{{"leql":{{"statement":""}},"events":[{}],"links":[{link}]}}"#, events.join(","))
    }

    fn give(query: &mut EventQuery, body: &str) -> Result<usize, ProtocolError> {
        query.answer(Reply::Body { body: body.as_bytes(), beyond_retention: None }).map(|rows| rows.len())
    }

    fn asked(query: &EventQuery) -> String {
        match query.ask() {
            Ask::Send { request, .. } => match request.target {
                crate::api::Target::Link(href) => href,
                crate::api::Target::Path { segments, .. } => segments.join("/"),
            },
            Ask::Finished => "finished".to_owned(),
        }
    }

    const SELF: &str = r#"{"rel":"Self","href":"S"}"#;

    #[test]
    fn a_running_reply_has_no_rows_whatever_it_holds() {
        let mut query = query();
        assert_eq!(give(&mut query, &page(&[(1, 1)], SELF)).unwrap(), 0);
        assert_eq!(asked(&query), "S");
        assert_eq!(give(&mut query, &page(&[(1, 1)], "")).unwrap(), 1);
        assert_eq!((asked(&query).as_str(), query.rows()), ("finished", 1));
    }

    #[test]
    fn pages_are_followed_and_repeated_rows_dropped() {
        let mut query = query();
        assert_eq!(give(&mut query, &page(&[(1, 1), (1, 2)], r#"{"rel":"next","href":"N1"}"#)).unwrap(), 2);
        assert_eq!(give(&mut query, &page(&[], r#"{"rel":"Next","href":"N2"}"#)).unwrap(), 0);
        assert_eq!(give(&mut query, &page(&[(1, 2), (2, 1)], "")).unwrap(), 1);
        assert_eq!((query.rows(), query.duplicates(), query.pages()), (3, 1, 3));
    }

    #[test]
    fn a_next_link_that_repeats_without_rows_is_an_error() {
        let mut query = query();
        let next = r#"{"rel":"Next","href":"N"}"#;
        assert_eq!(give(&mut query, &page(&[(1, 1)], next)).unwrap(), 1);
        assert!(matches!(give(&mut query, &page(&[(1, 1)], next)), Err(ProtocolError::NextRepeats(_))));
    }

    #[test]
    fn an_expired_continuation_is_submitted_again() {
        let mut query = query();
        give(&mut query, &page(&[], SELF)).unwrap();
        query.answer(Reply::Gone).unwrap();
        assert_eq!(asked(&query), "query/logs/L");
        assert!(matches!(query.answer(Reply::Gone), Err(ProtocolError::NotFound)));
    }

    #[test]
    fn pages_without_rows_end_as_an_error_wherever_they_lead() {
        let mut query = query();
        give(&mut query, &page(&[(1, 1)], r#"{"rel":"Next","href":"N"}"#)).unwrap();
        for n in 0..BARREN_PAGES_MAX {
            // Rows that were seen before are no progress either.
            let next = format!(r#"{{"rel":"Next","href":"N{}"}}"#, n % 2);
            assert_eq!(give(&mut query, &page(&[(1, 1)], &next)).unwrap(), 0);
        }
        let next = r#"{"rel":"Next","href":"M"}"#;
        assert!(matches!(give(&mut query, &page(&[], next)), Err(ProtocolError::TooManyPages(_))));
        assert_ne!(asked(&query), "finished");
    }

    #[test]
    fn a_full_last_page_is_the_end_only_if_the_count_says_so() {
        let span = RequestSpan { from: Timestamp::from_millis(0), to: Timestamp::from_millis(100) };
        for (rows, ended_full) in [(2, true), (1, false)] {
            let mut query = EventQuery::new(LogId::new("L"), span, 2);
            let events: Vec<(i64, i64)> = (0..rows).map(|n| (n, n)).collect();
            give(&mut query, &page(&events, "")).unwrap();
            let rows = query.rows();
            assert!(query.check_end(rows).is_ok());
            let more = query.check_end(rows + 1);
            assert_eq!(matches!(more, Err(ProtocolError::EndsFull { .. })), ended_full, "{more:?}");
        }
    }

    #[test]
    fn a_next_link_that_asks_for_smaller_pages_is_an_error() {
        for (href, shrank) in [("/q?per_page=50&x=1", true), ("/q?per_page=500", false), ("/q", false)] {
            let mut query = query();
            let next = page(&[(1, 1)], &format!(r#"{{"rel":"Next","href":"{href}"}}"#));
            let outcome = give(&mut query, &next);
            let said = matches!(outcome, Err(ProtocolError::PageShrank { asked: 500, to: 50 }));
            assert_eq!((said, outcome.is_ok()), (shrank, !shrank), "{href}: {outcome:?}");
        }
    }

    #[test]
    fn a_range_beyond_retention_and_another_query_are_errors() {
        let body = page(&[], "");
        let beyond = Reply::Body { body: body.as_bytes(), beyond_retention: Some("gone") };
        assert!(matches!(query().answer(beyond), Err(ProtocolError::BeyondRetention(_))));
        let other = r#"{"leql":{"statement":"","during":{"from":-100,"to":0}},"events":[]}"#;
        assert!(matches!(give(&mut query(), other), Err(ProtocolError::AnotherQuery(_))));
    }

    #[test]
    fn an_unreadable_reply_changes_nothing() {
        let mut query = query();
        assert!(give(&mut query, "<html>").is_err());
        assert_eq!((asked(&query).as_str(), query.pages()), ("query/logs/L", 0));
    }
}
