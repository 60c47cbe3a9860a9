//! Stage recheck: complete windows are counted again, and those that the server counts otherwise are opened again.
//!
//! Only asks and notes; what is due, what a count means and what may be opened again the core decides. A window that
//! was opened again is fetched by the same pass that found it. What the source has dropped since is kept as it is.

use std::sync::Arc;

use ingest_core::audit::{self, Differs, Part, Recount, Run};
use ingest_core::bounds::Bounds;
use ingest_core::ledger::{LedgerError, Span};
use ingest_core::time::LogWindow;
use ingest_source::{Protocol, SourceError};

use super::inventory::Missing;
use super::{Context, LogWork, WindowError, chain, fetch, inventory, record};

/// Windows in which the server's bounds are looked for before the runs are searched as they are: the fullest ones.
const BOUNDS_TRIES_MAX: usize = 2;

/// Milliseconds before and after a run that are looked at as well: with them, each event of it has neighbours that were seen.
const EDGE_MS: i64 = 4;

/// What came of a recount of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rechecked {
    /// Spans that the server counts as they are stored.
    pub confirmed: Vec<LogWindow>,
    /// Windows that it counts otherwise.
    pub differing: Vec<Differs>,
    /// Spans that could not be counted, and why.
    pub uncounted: Vec<(LogWindow, String)>,
    /// Spans that the source says it no longer has.
    pub beyond: Vec<LogWindow>,
    /// Spans of which the table does not hold the files that the ledger counts.
    pub missing: Vec<Missing>,
}

/// Counts runs of complete spans again. Asks, and changes nothing.
///
/// # Errors
/// When nothing can be counted at all: the key is refused, the log is gone.
async fn recount(context: &Context, log: &LogWork, runs: Vec<Run>) -> Result<Rechecked, WindowError> {
    let mut outcome = Rechecked::default();
    if runs.is_empty() || context.client.protocol() == Protocol::CsvPages {
        return Ok(outcome);
    }
    let bounds = match known_bounds(context, log, &runs).await {
        Ok(bounds) => bounds,
        Err(error) => return refused_or_uncounted(error, &runs, outcome),
    };
    for run in runs {
        if context.stop.is_cancelled() {
            break;
        }
        match count_run(context, log, bounds, run.clone()).await {
            Ok((confirmed, differing)) => {
                outcome.confirmed.extend(confirmed);
                outcome.differing.extend(differing);
            }
            Err(error) if is_beyond(&error) => outcome.beyond.extend(whole(&run)),
            Err(error) if error.is_refusal() || error.is_stop() => return Err(error),
            Err(error) => outcome.uncounted.extend(whole(&run).map(|window| (window, chain(&error)))),
        }
    }
    // A window may be named by the ledger's figures and by the files'.
    outcome.differing.sort_by_key(|differs| differs.window);
    outcome.differing.dedup_by_key(|differs| differs.window);
    Ok(outcome)
}

/// Takes the outcome of a recount into the ledger: confirms what agrees, opens again what does not.
async fn settle(context: &Context, log: &mut LogWork, outcome: &Rechecked) -> Result<(), WindowError> {
    let now = context.clock.now();
    for window in &outcome.confirmed {
        log.state.ledger.confirm(*window, now);
    }
    for window in &outcome.beyond {
        log.state.ledger.settle_for_ever(*window);
    }
    for differs in &outcome.differing {
        if differs.was_dropped_for_its_age(log.retention, now) {
            log.state.ledger.settle_for_ever(differs.window);
            continue;
        }
        match open_again(context, log, differs).await {
            Ok(()) => {}
            Err(WindowError::Ledger(error @ LedgerError::TooManyOpen(_))) => {
                tracing::warn!(event = "recheck_waits", reason = %error);
                break;
            }
            Err(error) => return Err(error),
        }
    }
    for missing in &outcome.missing {
        correct(context, log, missing.window, &outcome.confirmed).await?;
    }
    for (window, reason) in &outcome.uncounted {
        tracing::warn!(event = "recheck_failed", window = %window, reason);
    }
    if outcome.confirmed.is_empty() && outcome.beyond.is_empty() && outcome.differing.is_empty() {
        return Ok(());
    }
    tracing::info!(
        event = "recheck_complete",
        confirmed = outcome.confirmed.len(),
        differing = outcome.differing.len()
    );
    record::save(context, log)
}

/// Where the table holds less of a span than the ledger says, and the server counts no more than that, nothing can be
/// fetched: the ledger follows the table.
async fn correct(
    context: &Context,
    log: &mut LogWork,
    missing: LogWindow,
    confirmed: &[LogWindow],
) -> Result<(), WindowError> {
    let spans = log.state.ledger.spans().iter();
    let Some(span) = spans.copied().find(|span| span.window == missing) else {
        return Ok(());
    };
    let parts = windows(context, log, span).await?;
    if audit::are_confirmed(&parts, confirmed) {
        log.state.ledger.correct(missing, &parts)?;
        tracing::warn!(event = "ledger_corrected", window = %missing, reason = "the server has no more than the table");
    }
    Ok(())
}

/// Narrows a span of the ledger that differs to the windows of its files that do, and opens these again.
async fn open_again(context: &Context, log: &mut LogWork, differs: &Differs) -> Result<(), WindowError> {
    let Differs { window, recorded, counted } = *differs;
    let spans = log.state.ledger.spans().iter();
    let Some(span) = spans.copied().find(|span| window.lies_in(span.window)) else {
        return Ok(());
    };
    let windows = windows(context, log, span).await?;
    let (held, rest): (Vec<Span>, Vec<Span>) = windows.into_iter().partition(|part| part.window == window);
    let Some(held) = held.first() else { return Ok(()) };
    let reason = format!("the server counts {counted} events, {recorded} are stored");
    log.state.ledger.reopen(*held, &rest, &reason, context.clock.now())?;
    tracing::warn!(event = "window_reopened", window = %window, recorded, counted);
    context.metrics.reopened(1);
    record::tell(context, log, window, "reopened", reason);
    Ok(())
}

/// The windows of a span as its files say, which are read for it.
async fn windows(context: &Context, log: &LogWork, span: Span) -> Result<Vec<Span>, WindowError> {
    let (table, slug) = (Arc::clone(&context.table), log.state.slug.clone());
    Ok(context.blocking(move || inventory::windows(&table, &slug, &span)).await??)
}

async fn count_run(
    context: &Context,
    log: &LogWork,
    bounds: Bounds,
    run: Run,
) -> Result<(Vec<LogWindow>, Vec<Differs>), WindowError> {
    let (mut confirmed, coarse) = count_parts(context, log, bounds, run).await?;
    let mut differing = Vec::new();
    for differs in coarse {
        let span = log.state.ledger.spans().iter().copied().find(|span| span.window == differs.window);
        let Some(span) = span else {
            // A window of a span whose files are not all there: named already.
            differing.push(differs);
            continue;
        };
        // The ledger remembers hours and days: the files say which of their windows it is.
        let windows = windows(context, log, span).await?;
        if windows.len() <= 1 {
            differing.push(differs);
            continue;
        }
        let run = Run { parts: windows.iter().map(Part::from).collect() };
        let (agreeing, named) = count_parts(context, log, bounds, run).await?;
        confirmed.extend(agreeing);
        differing.extend(named);
    }
    Ok((confirmed, differing))
}

async fn count_parts(
    context: &Context,
    log: &LogWork,
    bounds: Bounds,
    run: Run,
) -> Result<(Vec<LogWindow>, Vec<Differs>), WindowError> {
    let mut recount = Recount::new(run);
    while let Some(window) = recount.ask() {
        let reply = context.client.count(log.id(), bounds.cover(window), 1).await?;
        recount.answer(reply.total);
    }
    Ok(recount.into_outcome())
}

/// The server's bounds: without them a count would take in the neighbours' events.
async fn known_bounds(context: &Context, log: &LogWork, runs: &[Run]) -> Result<Bounds, WindowError> {
    if let Some(bounds) = context.bounds.get() {
        return Ok(*bounds);
    }
    let mut parts: Vec<Part> = runs.iter().flat_map(|run| run.parts.iter().copied()).collect();
    parts.retain(|part| part.recorded > 0);
    parts.sort_by_key(|part| std::cmp::Reverse(part.recorded));
    if parts.is_empty() {
        // Nothing was ever seen: any answer but zero is a difference, whichever millisecond it lies at.
        return Ok(Bounds::Unknown);
    }
    // An event at the edge tells nothing, and may be the only one that is left.
    let wider = |window: LogWindow| {
        LogWindow::new(window.start().plus_millis(-EDGE_MS), window.end().plus_millis(EDGE_MS))
    };
    let wholes = runs.iter().filter_map(whole).filter_map(wider);
    for window in parts.iter().map(|part| part.window).take(BOUNDS_TRIES_MAX).chain(wholes) {
        match context.bounds.get_or_try_init(|| fetch::bounds(context, log.id(), window)).await {
            Ok(bounds) => return Ok(*bounds),
            Err(WindowError::BoundsUnknown) => {}
            Err(error) => return Err(error),
        }
    }
    for window in runs.iter().filter_map(whole) {
        if context.client.count(log.id(), Bounds::Unknown.cover(window), 1).await?.total > 0 {
            return Err(WindowError::BoundsUnknown);
        }
    }
    // The source has nothing left of all this, which is the same with any bounds.
    Ok(Bounds::Unknown)
}

fn refused_or_uncounted(
    error: WindowError,
    runs: &[Run],
    mut outcome: Rechecked,
) -> Result<Rechecked, WindowError> {
    if error.is_refusal() || error.is_stop() {
        return Err(error);
    }
    let reason = chain(&error);
    outcome.uncounted.extend(runs.iter().flat_map(whole).map(|window| (window, reason.clone())));
    Ok(outcome)
}

fn whole(run: &Run) -> Option<LogWindow> {
    LogWindow::new(run.parts.first()?.window.start(), run.parts.last()?.window.end())
}

/// Whether the source says that it no longer has what was asked for.
pub(super) const fn is_beyond(error: &WindowError) -> bool {
    use ingest_core::api::ProtocolError;
    matches!(error, WindowError::Source(SourceError::Protocol(ProtocolError::BeyondRetention(_))))
}

/// Recounts what is due by age, and takes the outcome in.
///
/// # Errors
/// When the key is refused, the log is gone, or the ledger cannot be saved.
pub(super) async fn recheck_due(context: &Arc<Context>, log: &mut LogWork) -> Result<Rechecked, WindowError> {
    let due = audit::due(&log.state.ledger, &context.options.recheck_after, context.clock.now());
    let outcome = recount(context, log, due).await?;
    settle(context, log, &outcome).await?;
    Ok(outcome)
}

/// Recounts everything in `range`, files that are missing or cannot be read included, and takes the outcome in.
///
/// # Errors
/// When the key is refused, the log is gone, or table or ledger cannot be read or saved.
pub(super) async fn recheck_all(
    context: &Arc<Context>,
    log: &mut LogWork,
    range: LogWindow,
    deep: bool,
) -> Result<Rechecked, WindowError> {
    log.state.ledger.hope_again(range);
    let outcome = examine(context, log, range, deep).await?;
    settle(context, log, &outcome).await?;
    Ok(outcome)
}

/// Compares everything that is complete in `range` with the files and with the server. Changes nothing.
///
/// # Errors
/// When the key is refused, the log is gone, or the table cannot be read.
pub async fn examine(
    context: &Context,
    log: &LogWork,
    range: LogWindow,
    deep: bool,
) -> Result<Rechecked, WindowError> {
    let (table, state) = (Arc::clone(&context.table), log.state.clone());
    let compared = context.blocking(move || inventory::compare(&table, &state, range, deep)).await?;
    let (missing, by_files) = compared?;
    let runs = audit::all(&log.state.ledger, range).into_iter().chain(by_files).collect();
    Ok(Rechecked { missing, ..recount(context, log, runs).await? })
}
