//! Finds out whether the server's `from` and `to` are inclusive, from rows and counts around one instant.

use std::collections::BTreeMap;

use ingest_core::bounds::{Bounds, RequestSpan};
use ingest_core::events::ROWS_PER_PAGE_MAX;
use ingest_core::ids::LogId;
use ingest_core::time::{LogWindow, Timestamp};

use crate::pipeline::{Context, WindowError};

/// Pages of rows that are looked through for a telling instant.
const PAGES_MAX: usize = 4;
/// Instants that are tried.
const TRIES_MAX: usize = 4;

/// The server's bounds.
///
/// # Errors
/// [`WindowError::BoundsUnknown`] when no instant of this window tells them apart.
pub(in crate::pipeline) async fn bounds(
    context: &Context,
    log: &LogId,
    window: LogWindow,
) -> Result<Bounds, WindowError> {
    let span = Bounds::Unknown.cover(window);
    let mut pages = context.client.events(log, span, ROWS_PER_PAGE_MAX);
    let mut at: BTreeMap<i64, u64> = BTreeMap::new();
    let mut complete = false;
    for _ in 0..PAGES_MAX {
        // A query that still runs answers with no rows.
        let mut rows = pages.next().await?;
        while rows.as_ref().is_some_and(Vec::is_empty) {
            rows = pages.next().await?;
        }
        complete = rows.is_none();
        for event in rows.unwrap_or_default() {
            *at.entry(event.receipt.received.millis()).or_insert(0) += 1;
        }
        if complete || telling(&at, span, complete).next().is_some() {
            break;
        }
    }
    for t in telling(&at, span, complete).take(TRIES_MAX) {
        let rows_at = |ms: i64| at.get(&ms).copied().unwrap_or(0);
        let between = |from: i64, to: i64| RequestSpan {
            from: Timestamp::from_millis(from),
            to: Timestamp::from_millis(to),
        };
        let after = context.client.count(log, between(t, t.saturating_add(1)), 1).await?.total;
        let before = context.client.count(log, between(t.saturating_sub(1), t), 1).await?.total;
        let around = [rows_at(t.saturating_sub(1)), rows_at(t), rows_at(t.saturating_add(1))];
        if let Some(bounds) = Bounds::solve(around, after, before) {
            tracing::info!(event = "bounds_found", bounds = ?bounds);
            return Ok(bounds);
        }
    }
    Err(WindowError::BoundsUnknown)
}

/// Instants whose neighbours were all seen and are empty: such a one always tells. Those at the edges of what was asked
/// for, or of what was seen of it, are left out, since rows beside them may be missing.
fn telling(at: &BTreeMap<i64, u64>, asked: RequestSpan, complete: bool) -> impl Iterator<Item = i64> {
    let seen = at.keys().next_back().copied().unwrap_or(i64::MIN);
    let end = if complete { asked.to.millis() } else { seen };
    let (first, last) = (asked.from.millis().saturating_add(2), end.saturating_sub(2));
    at.keys().copied().filter(move |t| {
        let alone = !at.contains_key(&t.saturating_sub(1)) && !at.contains_key(&t.saturating_add(1));
        alone && (first..=last).contains(t)
    })
}
