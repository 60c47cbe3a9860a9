//! The paged query of a window: exact rows, cut to the window by their own receive times.

use ingest_core::api::{Event, ProtocolError};
use ingest_core::bounds::Bounds;
use ingest_core::records::RecordBlock;
use ingest_core::time::LogWindow;
use ingest_source::SourceError;

use super::{FetchOrder, FetchedWindow, spool};
use crate::pipeline::{Context, WindowError};

/// Sizes of page that a window is tried with in one pass, while each time the server's links ask for smaller ones.
const PAGE_SIZES_MAX: u32 = 3;

/// Rows outside the window that requests may bring, by side: those are other windows' rows.
struct Cut {
    window: LogWindow,
    outside: u64,
}

/// Fetches a window. Where the server's links ask for smaller pages than the query did, what came is thrown away, and the
/// window asked for anew with pages of the server's size.
pub(super) async fn fetch(context: &Context, order: &FetchOrder) -> Result<FetchedWindow, WindowError> {
    let mut tried = 1;
    loop {
        match fetch_once(context, order).await {
            Err(error) if tried < PAGE_SIZES_MAX && is_shrunken(&error) => {
                tracing::warn!(event = "page_shrank", window = %order.piece.window, reason = %error);
                tried += 1;
            }
            outcome => return outcome,
        }
    }
}

const fn is_shrunken(error: &WindowError) -> bool {
    matches!(error, WindowError::Source(SourceError::Protocol(ProtocolError::PageShrank { .. })))
}

async fn fetch_once(context: &Context, order: &FetchOrder) -> Result<FetchedWindow, WindowError> {
    let window = order.piece.window;
    let bounds = context.bounds.get().copied().unwrap_or(Bounds::Unknown);
    let span = bounds.cover(window);
    let mut spool = spool(context);
    let mut cut = Cut { window, outside: 0 };
    let mut pages = context.client.events(&order.log, span, context.options.batch_size);
    while let Some(rows) = pages.next().await? {
        let block = cut.keep(rows, spool.records());
        spool.push(block)?;
    }
    let came = pages.query().rows();
    // The planner's count is for the bounds known then; a fresh one is for the request just made.
    let planned = order.counted().filter(|counted| *counted == came);
    let counted = match planned {
        Some(counted) => counted,
        None => context.client.count(&order.log, span, 1).await?.total,
    };
    pages.query().check_end(counted).map_err(SourceError::from)?;
    if counted != came {
        return Err(WindowError::Short { fetched: came, counted });
    }
    let counted = Some(counted.saturating_sub(cut.outside));
    Ok(FetchedWindow::new(context, window, spool, counted))
}

impl Cut {
    fn keep(&mut self, rows: Vec<Event>, first_ordinal: u64) -> RecordBlock {
        let mut block = RecordBlock::starting_at(first_ordinal);
        for event in rows {
            if self.window.contains(event.receipt.received) {
                block.push_received(&event.message, event.receipt);
            } else {
                self.outside = self.outside.saturating_add(1);
            }
        }
        block
    }
}
