//! The bulk download of a window: only trusted when its lines are as many as the server counts.

use super::{FetchOrder, FetchedWindow, spool};
use crate::pipeline::{Context, WindowError};
use ingest_core::bounds::Bounds;

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
            Ok(()) => {
                let came = spool.records();
                let counted = context.client.count(&order.log, span, 1).await?.total;
                if counted == came {
                    let counted = Some(counted);
                    return Ok(FetchedWindow::new(context, window, spool, counted));
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

async fn stream(
    context: &Context,
    order: &FetchOrder,
    bounds: Bounds,
    spool: &mut ingest_store::Spool,
) -> Result<(), WindowError> {
    let mut download = context.client.download(&order.log, bounds.cover(order.piece.window)).await?;
    while let Some(block) = download.next().await? {
        spool.push(block)?;
    }
    Ok(())
}
