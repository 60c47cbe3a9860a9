//! The bulk download of a window: only trusted when its lines are as many as the server counts.

use std::sync::Arc;

use ingest_core::bounds::Bounds;
use ingest_source::Download;
use ingest_store::Spool;

use super::ahead::{Ahead, ahead};
use super::{FetchOrder, FetchedWindow, spool};
use crate::pipeline::at_once::Attempt;
use crate::pipeline::{Context, WindowError};

pub(super) async fn fetch(
    context: &Context,
    order: &FetchOrder,
    bounds: Bounds,
) -> Result<FetchedWindow, WindowError> {
    let window = order.piece.window;
    let span = bounds.cover(window);
    let mut spool = spool(context);
    let mut tries = 0;
    loop {
        let complete = stream(context, order, bounds, &mut spool).await;
        let why: Box<dyn std::fmt::Display + Send + Sync> = match complete {
            Ok(ahead) => {
                let came = spool.records();
                let counted = context.client.count(&order.log, span, 1).await?.total;
                if counted == came {
                    let counted = Some(counted);
                    let fetched = FetchedWindow::new(context, window, spool, counted);
                    return Ok(FetchedWindow { ahead, ..fetched });
                }
                if tries >= context.options.download_retries {
                    return Err(WindowError::Short { fetched: came, counted });
                }
                Box::new(WindowError::Short { fetched: came, counted })
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

/// Brings all lines into the spool, and encodes them meanwhile where that may be.
async fn stream(
    context: &Context,
    order: &FetchOrder,
    bounds: Bounds,
    spool: &mut Spool,
) -> Result<Option<Attempt>, WindowError> {
    let download = context.client.download(&order.log, bounds.cover(order.piece.window)).await?;
    let (ahead, follower) = ahead(context, order);
    let (brought, attempt) = tokio::join!(bring(download, ahead, spool), follower.follow());
    brought.map(|()| attempt)
}

async fn bring(mut download: Download, mut ahead: Ahead, spool: &mut Spool) -> Result<(), WindowError> {
    while let Some(block) = download.next().await? {
        let block = Arc::new(block);
        ahead.push(&block).await;
        spool.push(block)?;
    }
    Ok(())
}
