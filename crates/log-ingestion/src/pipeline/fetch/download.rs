//! The bulk download of a window: only trusted when its lines are as many as the server counts.

use std::sync::Arc;

use ingest_core::bounds::Bounds;
use ingest_core::plan::FetchMode;
use ingest_source::Download;
use ingest_store::Spool;

use super::ahead::{Ahead, ahead};
use super::{FetchOrder, FetchedWindow, spool};
use crate::pipeline::at_once::Attempt;
use crate::pipeline::{Context, WindowError};

/// Events of a window whose download ended within a line that are fetched by query instead: a hundred requests.
const OPEN_ENDED_QUERY_MAX: u64 = 50_000;

/// Lines that a download may bring beyond twice what the server counted before: events that became searchable meanwhile, and
/// line feeds within events, are far fewer. A stream without end must not fill the disk.
const LINES_BEYOND_MAX: u64 = 100_000;

pub(super) async fn fetch(
    context: &Context,
    order: &FetchOrder,
    bounds: Bounds,
) -> Result<FetchedWindow, WindowError> {
    let window = order.piece.window;
    let span = bounds.cover(window);
    let mut spool = spool(context);
    let mut tries = 0;
    // Text of a download that ended within a line. A query tells whether it is whole; where that takes too many requests,
    // or may not be, another download that is as long must do.
    let mut open_ended = None;
    loop {
        let complete = stream(context, order, bounds, &mut spool).await;
        let why: Box<dyn std::fmt::Display + Send + Sync> = match complete {
            Ok((ended_whole, ahead)) => {
                let came = spool.records();
                let counted = context.client.count(&order.log, span, 1).await?.total;
                let same = open_ended.replace(spool.text_bytes()) == Some(spool.text_bytes());
                if counted == came && (ended_whole || same) {
                    let counted = Some(counted);
                    let fetched = FetchedWindow::new(context, window, spool, counted);
                    return Ok(FetchedWindow { ahead, ..fetched });
                }
                let doubt = if counted == came {
                    WindowError::OpenEnded
                } else {
                    WindowError::Short { fetched: came, counted }
                };
                let by_query = matches!(doubt, WindowError::OpenEnded) && came <= OPEN_ENDED_QUERY_MAX;
                let may_query = context.options.fetch_mode == FetchMode::Auto;
                if (by_query && may_query) || tries >= context.options.download_retries {
                    return Err(doubt);
                }
                Box::new(doubt)
            }
            Err(error @ WindowError::Source(ingest_source::SourceError::Cut { .. }))
                if tries < context.options.download_retries =>
            {
                Box::new(error)
            }
            Err(error) => return Err(error),
        };
        tracing::warn!(event = "download_again", attempt = tries + 1, reason = %why);
        spool.clear()?;
        tries += 1;
    }
}

/// Brings all lines into the spool, and encodes them meanwhile where that may be; whether the last line has an end.
async fn stream(
    context: &Context,
    order: &FetchOrder,
    bounds: Bounds,
    spool: &mut Spool,
) -> Result<(bool, Option<Attempt>), WindowError> {
    let download = context.client.download(&order.log, bounds.cover(order.piece.window)).await?;
    let (ahead, follower) = ahead(context, order);
    let counted = order.counted().unwrap_or(context.options.policy.window_rows);
    let lines = Lines { counted, most: counted.saturating_mul(2).saturating_add(LINES_BEYOND_MAX) };
    let (brought, attempt) = tokio::join!(bring(download, ahead, spool, lines), follower.follow());
    brought.map(|ended_whole| (ended_whole, attempt))
}

/// What the server counted, and how many lines are taken before it is not believed.
#[derive(Debug, Clone, Copy)]
struct Lines {
    counted: u64,
    most: u64,
}

async fn bring(
    mut download: Download,
    mut ahead: Ahead,
    spool: &mut Spool,
    lines: Lines,
) -> Result<bool, WindowError> {
    while let Some(block) = download.next().await? {
        let block = Arc::new(block);
        ahead.push(&block).await;
        spool.push(block)?;
        if spool.records() > lines.most {
            return Err(WindowError::Short { fetched: spool.records(), counted: lines.counted });
        }
    }
    Ok(!download.is_open_ended())
}
