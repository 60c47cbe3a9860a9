//! Stage plan: a span that is missing becomes windows to fetch, sized from the server's own counts.
//!
//! Only asks; the core's planner decides. The CSV pages endpoint cannot count: its windows are hours.

use ingest_core::bounds::Bounds;
use ingest_core::ids::LogId;
use ingest_core::plan::{self, PLAN_SLICES, Piece, Work};
use ingest_core::time::LogWindow;
use ingest_source::Protocol;

use super::{Context, WindowError};

/// Length of a window where nothing can be counted: what a failure costs is one hour's pages.
const UNCOUNTED_WINDOW_MS: i64 = 3_600_000;
/// Counts of one span in finer and finer slices; a day in 96 slices is below a millisecond after five.
const RECOUNTS_MAX: usize = 64;

/// The windows of a span, oldest first.
pub(super) async fn plan(context: &Context, log: &LogId, span: LogWindow) -> Result<Vec<Piece>, WindowError> {
    if context.client.protocol() == Protocol::CsvPages {
        return Ok(hours(span));
    }
    let mut pieces = vec![Piece { window: span, estimate: 0, work: Work::Recount }];
    for _ in 0..RECOUNTS_MAX {
        let Some(at) = pieces.iter().position(|piece| piece.work == Work::Recount) else {
            break;
        };
        let Some(window) = pieces.get(at).map(|piece| piece.window) else {
            break;
        };
        let bounds = context.bounds.get().copied().unwrap_or(Bounds::Unknown);
        let slices = PLAN_SLICES.min(u32::try_from(window.len_ms()).unwrap_or(PLAN_SLICES));
        let reply = context.client.count(log, bounds.cover(window), slices).await?;
        let finer = plan::carve(window, &reply, &context.options.policy);
        pieces.splice(at..=at, finer);
    }
    // What is still to be counted is fetched as it is: larger files, but nothing left out.
    for piece in &mut pieces {
        if piece.work == Work::Recount {
            piece.work = Work::Fetch { counted: None };
        }
    }
    Ok(pieces)
}

fn hours(span: LogWindow) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = span.start();
    while start < span.end() {
        let hour_end = start.millis().div_euclid(UNCOUNTED_WINDOW_MS).saturating_add(1);
        let ms = hour_end.saturating_mul(UNCOUNTED_WINDOW_MS).saturating_sub(start.millis());
        let Some(window) = LogWindow::new(start, start.plus_millis(ms).min(span.end())) else {
            break;
        };
        pieces.push(Piece { window, estimate: 0, work: Work::Fetch { counted: None } });
        start = window.end();
    }
    pieces
}
