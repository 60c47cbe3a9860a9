//! Decides which events a query finds, and in what order.
//!
//! Never decides what an answer says about them. Bounds, visibility and retention meet here and nowhere else.

use std::ops::Range;

use super::Account;
use super::submit::Query;
use crate::leql::Filter;
use crate::semantics::Bound;
use crate::store::LogStore;
use crate::timeline::Stamp;

/// One event of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) log: usize,
    pub(super) index: usize,
    pub(super) stamp: Stamp,
}

/// A page, and the event after it.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) hits: Vec<Hit>,
    pub(super) following: Option<Hit>,
}

/// The part of one log a query reads.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) log: usize,
    pub(super) range: Range<usize>,
}

/// How far back and how fresh a query sees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    pub(super) now_ms: i64,
    /// Milliseconds from receipt until visible.
    pub(super) lag_ms: i64,
    /// Start with the event the cursor stands on, once more.
    pub(super) repeat_cursor: bool,
}

impl Account {
    pub(super) fn spans(&self, query: &Query, logs: &[usize], sight: Sight) -> Vec<Span> {
        let known = logs.iter().filter_map(|log| Some((*log, self.logs.get(*log)?)));
        known.map(|(log, store)| Span { log, range: self.range(store, query, sight) }).collect()
    }

    fn range(&self, store: &LogStore, query: &Query, sight: Sight) -> Range<usize> {
        let semantics = &self.config.semantics;
        let lower = match semantics.from_bound {
            Bound::Inclusive => query.from,
            Bound::Exclusive => query.from.saturating_add(1),
        };
        let upper = match semantics.to_bound {
            Bound::Exclusive => query.to,
            Bound::Inclusive => query.to.saturating_add(1),
        };
        let (mut start, mut end) = (store.at_or_after(lower), store.at_or_after(upper));
        // with a cursor the rest of its millisecond is "additionally included", whatever the bound says
        match query.sequence {
            Some(sequence) if query.newest_first => {
                let cursor = Stamp { timestamp_ms: query.to, sequence };
                end = if sight.repeat_cursor { store.after(cursor) } else { store.at_cursor(cursor) };
            }
            Some(sequence) => {
                let cursor = Stamp { timestamp_ms: query.from, sequence };
                start = if sight.repeat_cursor { store.at_cursor(cursor) } else { store.after(cursor) };
            }
            None => {}
        }
        let visible = store.at_or_after(sight.now_ms.saturating_sub(sight.lag_ms).saturating_add(1));
        let kept = store.retention_ms().map_or(0, |keep| store.at_or_after(sight.now_ms - keep));
        let start = start.max(kept);
        start..end.min(visible).max(start)
    }

    /// Merges the spans by stamp and takes one page of what passes the filter.
    pub(super) fn page(&self, query: &Query, mut spans: Vec<Span>) -> Page {
        let limit = usize::try_from(query.per_page).unwrap_or(usize::MAX);
        let mut page = Page::default();
        let mut text = String::new();
        while let Some(hit) = self.advance(&mut spans, query.newest_first) {
            if query.statement.filter != Filter::All {
                text.clear();
                if let Some(store) = self.logs.get(hit.log) {
                    store.put_message(hit.index, &mut text);
                }
                if !query.statement.filter.passes(&text) {
                    continue;
                }
            }
            if page.hits.len() == limit {
                page.following = Some(hit);
                break;
            }
            page.hits.push(hit);
        }
        page
    }

    /// Takes the next event off the spans.
    fn advance(&self, spans: &mut [Span], newest_first: bool) -> Option<Hit> {
        let head = |span: &Span| {
            let index = if newest_first { span.range.end.checked_sub(1)? } else { span.range.start };
            let stamp = self.logs.get(span.log)?.stamp(index).filter(|_| !span.range.is_empty())?;
            Some(Hit { log: span.log, index, stamp })
        };
        let heads = spans.iter().enumerate().filter_map(|(at, span)| Some((at, head(span)?)));
        let (at, hit) = if newest_first {
            heads.max_by_key(|(_, hit)| hit.stamp)?
        } else {
            heads.min_by_key(|(_, hit)| hit.stamp)?
        };
        let span = spans.get_mut(at)?;
        if newest_first {
            span.range.end -= 1;
        } else {
            span.range.start += 1;
        }
        Some(hit)
    }
}
