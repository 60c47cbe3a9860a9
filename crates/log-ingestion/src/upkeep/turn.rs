//! A turn of a service at looking after its days: so much at once, and then it gets back to pulling.
//!
//! Decides whether another day is begun, and which days need no second look. Does nothing to a file.

use std::collections::{BTreeMap, BTreeSet};

use ingest_core::ids::Slug;
use ingest_core::time::{Timestamp, UtcDay};
use tokio_util::sync::CancellationToken;

/// How much is done in one go.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Days of a log of which something is done, at most.
    pub days: usize,
    /// When no further day is begun.
    pub until: Timestamp,
    /// Cancelled when no further day is to be begun.
    pub stop: CancellationToken,
}

impl Turn {
    /// Whether no further day is begun.
    #[must_use]
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until || self.stop.is_cancelled()
    }
}

/// Days that were looked at by this process, and need no second look: each turn would read their files again.
#[derive(Debug, Default)]
pub struct Seen(BTreeMap<Slug, BTreeSet<UtcDay>>);

impl Seen {
    pub(super) fn has(&self, log: &Slug, day: UtcDay) -> bool {
        self.0.get(log).is_some_and(|days| days.contains(&day))
    }

    pub(super) fn add(&mut self, log: &Slug, day: UtcDay) {
        self.0.entry(log.clone()).or_default().insert(day);
    }

    /// Forgets a log's days of which there is nothing any more.
    pub(super) fn keep(&mut self, log: &Slug, is_there: impl Fn(UtcDay) -> bool) {
        if let Some(days) = self.0.get_mut(log) {
            days.retain(|day| is_there(*day));
        }
    }
}
