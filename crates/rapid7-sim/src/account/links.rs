//! Decides where Self and Next lead, and in what form.
//!
//! Never decides whether there is another page; it asks the page. A Next link is the cursor (last timestamp,
//! last sequence number) and needs no memory, so it stays good for ever.

use serde_json::json;

use super::queries::Job;
use super::render::Link;
use super::select::{Hit, Page};
use super::submit::{PER_PAGE_DEFAULT, Query};
use super::{Account, Call};
use crate::faults::FaultName;
use crate::semantics::LinkStyle;
use crate::text::{percent_encode, put};

impl Account {
    /// The logs of a job as a path segment.
    fn ids(&self, job: &Job) -> String {
        let ids = job.logs.iter().filter_map(|log| self.logs.get(*log)).map(|log| log.id.as_str());
        ids.collect::<Vec<_>>().join(":")
    }

    /// Where the page after `page` is, if there is one.
    pub(super) fn next_href(&self, job: &Job, page: &Page) -> Option<String> {
        let last = page.hits.last()?;
        let full = page.hits.len() == usize::try_from(job.query.per_page).unwrap_or(usize::MAX);
        if page.following.is_none() && !(full && self.config.semantics.next_on_full_page) {
            return None;
        }
        let mut href = self.cursor_href(job, last.stamp.timestamp_ms, last.stamp.sequence);
        if self.config.semantics.empty_pages {
            href.push_str("&page_state=skip");
        }
        Some(href)
    }

    /// A link to the very page the job asked for.
    pub(super) fn same_href(&self, job: &Job) -> String {
        next_link(&self.ids(job), &job.query, (job.query.from, job.query.to), job.query.sequence)
    }

    /// A link to the page that starts with `first`.
    pub(super) fn href_before(&self, job: &Job, first: Hit) -> String {
        let sequence = first.stamp.sequence;
        let cursor = if job.query.newest_first { sequence + 1 } else { sequence.saturating_sub(1) };
        self.cursor_href(job, first.stamp.timestamp_ms, cursor)
    }

    fn cursor_href(&self, job: &Job, timestamp_ms: i64, sequence: u64) -> String {
        let query = &job.query;
        let window = if query.newest_first { (query.from, timestamp_ms) } else { (timestamp_ms, query.to) };
        let mut query = query.clone();
        if query.posted && self.config.semantics.post_next_per_page_reset {
            query.per_page = PER_PAGE_DEFAULT;
        }
        next_link(&self.ids(job), &query, window, Some(sequence))
    }

    /// A link in the form the switches and faults ask for.
    pub(super) fn link(&mut self, call: &Call<'_>, rel: &str, path: &str) -> Link {
        self.links += 1;
        let prefix = match self.config.semantics.link_host_style {
            LinkStyle::Bare => "",
            LinkStyle::LogSearchPrefix => "/log_search",
            LinkStyle::Alternate => {
                ["", "/log_search"].get(usize::from(self.links.is_multiple_of(2))).unwrap_or(&"")
            }
        };
        let foreign = self.faults.fires(&call.struck, FaultName::ForeignHostInLink);
        let origin = if foreign { &self.faults.faults.foreign_origin } else { &call.request.origin };
        let rel = if self.config.semantics.rel_lower_case { rel.to_lowercase() } else { rel.to_owned() };
        json!({ "rel": rel, "href": format!("{origin}{prefix}{path}") })
    }
}

fn next_link(ids: &str, query: &Query, window: (i64, i64), sequence: Option<u64>) -> String {
    let mut out = format!("/query/logs/{ids}?from={}&to={}&per_page={}&", window.0, window.1, query.per_page);
    if let Some(sequence) = sequence {
        put!(&mut out, "sequence_number={sequence}&");
    }
    out.push_str("next_page=true");
    if !query.text.is_empty() {
        put!(&mut out, "&query={}", percent_encode(&query.text));
    }
    if query.newest_first {
        out.push_str("&most_recent_first=true");
    }
    if query.kvp {
        out.push_str("&kvp_info=true");
    }
    out
}
