//! The CSV pages of a window: each page a CSV text of its own, framed as it comes.

use ingest_core::records::RecordBlock;
use ingest_tabular::{Framer, Framing, Origin, recognise_text};

use super::{FetchOrder, FetchedWindow, spool};
use crate::pipeline::{Context, WindowError};

pub(super) async fn fetch(context: &Context, order: &FetchOrder) -> Result<FetchedWindow, WindowError> {
    let window = order.piece.window;
    let mut spool = spool(context);
    let mut shape = order.shape.clone();
    let mut framer: Option<Framer> = shape.as_ref().map(|shape| Framer::new(Framing::of(shape)));
    let mut pages = context.client.pages(window, context.options.batch_size);
    while let Some(text) = pages.next().await? {
        if text.is_empty() {
            continue;
        }
        let framer = framer.get_or_insert_with(|| {
            // The first page of the first window tells what all that follow are.
            let recognised = recognise_text(&text, true);
            shape = Some(recognised.shape);
            Framer::new(recognised.framing)
        });
        let mut block = RecordBlock::starting_at(spool.records());
        framer.push(&text, &mut block);
        framer.page_end(&mut block);
        spool.push(block)?;
    }
    let fetched = FetchedWindow::new(context, window, spool, None);
    Ok(FetchedWindow { origin: Origin::File, shape, ..fetched })
}
