//! Stage plan: a span that is due becomes windows to fetch, sized from the server's own counts.
//!
//! Only asks; the core's planner decides. The CSV pages endpoint cannot count: its windows are hours.

use ingest_core::bounds::Bounds;
use ingest_core::count::CountReply;
use ingest_core::ids::LogId;
use ingest_core::plan::{self, Due, PLAN_SLICES, Piece, Work};
use ingest_core::time::{LogWindow, MS_PER_HOUR};
use ingest_source::Protocol;

use super::recheck::is_beyond;
use super::{Context, WindowError};

/// Length of a window where nothing can be counted: what a failure costs is one hour's pages.
const UNCOUNTED_WINDOW_MS: i64 = MS_PER_HOUR;
/// To within this much, in milliseconds, it is found out where the source's retention ends: it moves on all the time.
const RETENTION_STEP_MS: i64 = MS_PER_HOUR;
/// Counts of one span in finer and finer slices; a day in 96 slices is below a millisecond after five.
const RECOUNTS_MAX: usize = 64;

/// The windows of a span that is due, oldest first.
pub(super) async fn plan(context: &Context, log: &LogId, due: Due) -> Result<Vec<Piece>, WindowError> {
    if context.client.protocol() == Protocol::CsvPages {
        return Ok(hours(due.window));
    }
    if due.replaces {
        let total = count(context, log, due.window, 1).await?.total;
        let work = Work::Fetch { counted: Some(total) };
        return Ok(vec![Piece { window: due.window, estimate: total, work }]);
    }
    let mut pieces = vec![recount(due.window)];
    for _ in 0..RECOUNTS_MAX {
        let Some(at) = pieces.iter().position(|piece| piece.work == Work::Recount) else {
            break;
        };
        let Some(window) = pieces.get(at).map(|piece| piece.window) else {
            break;
        };
        let slices = PLAN_SLICES.min(u32::try_from(window.len_ms()).unwrap_or(PLAN_SLICES));
        let finer = match count(context, log, window, slices).await {
            Ok(reply) => plan::carve(window, &reply, &context.options.policy),
            Err(error) if is_beyond(&error) => beyond(context, log, window).await?,
            Err(error) => return Err(error),
        };
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

/// A span of which the source no longer has all: what goes, goes from its older end, so the newest hour tells whether
/// anything is left.
async fn beyond(context: &Context, log: &LogId, window: LogWindow) -> Result<Vec<Piece>, WindowError> {
    let gone = vec![Piece { window, estimate: 0, work: Work::Beyond }];
    let newest = LogWindow::new(window.end().plus_millis(-RETENTION_STEP_MS), window.end());
    let (Some(newest), Some((left, right))) = (newest, window.split()) else {
        return Ok(gone);
    };
    if window.len_ms() <= RETENTION_STEP_MS {
        return Ok(gone);
    }
    match count(context, log, newest, 1).await {
        Ok(_there) => Ok(vec![recount(left), recount(right)]),
        Err(error) if is_beyond(&error) => Ok(gone),
        Err(error) => Err(error),
    }
}

async fn count(
    context: &Context,
    log: &LogId,
    window: LogWindow,
    slices: u32,
) -> Result<CountReply, WindowError> {
    let bounds = context.bounds.get().copied().unwrap_or(Bounds::Unknown);
    Ok(context.client.count(log, bounds.cover(window), slices).await?)
}

const fn recount(window: LogWindow) -> Piece {
    Piece { window, estimate: 0, work: Work::Recount }
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
