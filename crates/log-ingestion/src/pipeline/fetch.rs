//! Stage fetch: a window becomes its records in a spool, compared with the server's own count.
//!
//! Takes the way that the core's planner chooses, and falls back from a download that does not add up to the paged
//! query. Never looks inside a record.

use std::sync::Arc;

use ingest_core::bounds::Bounds;
use ingest_core::ids::LogId;
use ingest_core::plan::{FetchMode, Piece, Way, Work};
use ingest_core::schema::TableSchema;
use ingest_core::shape::Shape;
use ingest_core::time::{LogWindow, Timestamp};
use ingest_source::Protocol;
use ingest_store::{Spool, TableFile};
use ingest_tabular::Origin;
use tokio::sync::OwnedSemaphorePermit;

use super::at_once::Attempt;
use super::space::Room;
use super::{Context, WindowError};
use crate::metrics::{Board, InFlight};

mod ahead;
mod calibrate;
mod download;
mod pages;
mod query;

pub(super) use calibrate::bounds;

/// Text that a window keeps in memory before it uses the disk.
const SPOOL_MEMORY: usize = 4 << 20;

/// A window whose records are all there.
#[derive(Debug)]
pub(super) struct FetchedWindow {
    pub(super) window: LogWindow,
    pub(super) spool: Spool,
    /// What the server counts in the window; `None` where it cannot count.
    pub(super) counted: Option<u64>,
    /// When it counted that.
    pub(super) counted_at: Timestamp,
    /// Whether the table may hold something of it that is to go; asked once the window is made.
    pub(super) in_the_way: bool,
    /// The file whose place the new one takes; found once the window is made.
    pub(super) replaced: Option<TableFile>,
    pub(super) origin: Origin,
    /// The shape, where fetching had to find it out to tell records apart.
    pub(super) shape: Option<Shape>,
    /// What was encoded of it while it came.
    pub(super) ahead: Option<Attempt>,
    /// Given back when the window is done.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// Says that the window is under way, until it is done.
    pub(super) in_flight: Option<InFlight>,
}

impl FetchedWindow {
    /// Records of events, just counted.
    pub(super) fn new(context: &Context, window: LogWindow, spool: Spool, counted: Option<u64>) -> Self {
        let counted_at = context.clock.now();
        let origin = Origin::Events;
        Self {
            window,
            spool,
            counted,
            counted_at,
            in_the_way: false,
            replaced: None,
            origin,
            shape: None,
            ahead: None,
            permit: None,
            in_flight: None,
        }
    }
}

/// What a fetch is told.
#[derive(Debug, Clone)]
pub(super) struct FetchOrder {
    pub(super) log: LogId,
    pub(super) piece: Piece,
    pub(super) way: Way,
    /// The log's shape, once known.
    pub(super) shape: Option<Shape>,
    /// The schema of the log's table, once there is one.
    pub(super) schema: Option<Arc<TableSchema>>,
    /// Whether a pin says something of a log that has no table yet.
    pub(super) is_pinned: bool,
}

/// Fetches a window. Waits for its turn, and for room on the disk, first; `None` when nothing is to be begun any more.
pub(super) async fn fetch(
    context: &Context,
    order: FetchOrder,
) -> Result<Option<FetchedWindow>, WindowError> {
    let permit =
        Arc::clone(&context.windows).acquire_owned().await.map_err(|e| WindowError::Died(e.to_string()))?;
    if context.space.room(&context.stop).await? == Room::Stopped {
        return Ok(None);
    }
    let in_flight = Board::in_flight(context.metrics.board(), &order.log);
    let started = context.clock.now();
    let mut fetched = fetch_one_way(&context.for_window(), &order).await?;
    let duration_ms = context.clock.now().millis().saturating_sub(started.millis());
    tracing::info!(
        event = "logs_fetched",
        record_count = fetched.spool.records(),
        server_count = fetched.counted,
        bytes = fetched.spool.text_bytes(),
        duration_ms,
    );
    fetched.permit = Some(permit);
    fetched.in_flight = Some(in_flight);
    Ok(Some(fetched))
}

async fn fetch_one_way(context: &Context, order: &FetchOrder) -> Result<FetchedWindow, WindowError> {
    if context.client.protocol() == Protocol::CsvPages {
        return pages::fetch(context, order).await;
    }
    if order.way == Way::Query {
        return query::fetch(context, order).await;
    }
    let bounds = context.bounds.get_or_try_init(|| bounds(context, &order.log, order.piece.window)).await;
    let bounds = match bounds {
        Ok(bounds) => *bounds,
        Err(error @ WindowError::Source(_)) => return Err(error),
        // Told apart by a later window, perhaps.
        Err(_) => Bounds::Unknown,
    };
    let fallback = context.options.fetch_mode == FetchMode::Auto;
    if !bounds.exact() {
        return if fallback { query::fetch(context, order).await } else { Err(WindowError::BoundsUnknown) };
    }
    match download::fetch(context, order, bounds).await {
        Err(WindowError::Short { fetched, counted }) if fallback => {
            tracing::warn!(event = "download_mistrusted", fetched, counted);
            query::fetch(context, order).await
        }
        Err(error @ WindowError::OpenEnded) if fallback => {
            tracing::warn!(event = "download_mistrusted", reason = %error);
            query::fetch(context, order).await
        }
        other => other,
    }
}

impl FetchOrder {
    /// What the planner's count already says for the very request that covers the window.
    const fn counted(&self) -> Option<u64> {
        match self.piece.work {
            Work::Fetch { counted } => counted,
            Work::Empty | Work::Recount | Work::Beyond => None,
        }
    }
}

/// An empty spool for a window.
fn spool(context: &Context) -> Spool {
    context.table.spool(SPOOL_MEMORY)
}
