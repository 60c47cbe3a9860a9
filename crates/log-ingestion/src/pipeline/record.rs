//! Stage record: a committed window moves the ledger, a failed one is noted in it, and both are made durable.
//!
//! What happened to a window also goes into the log's history, for people. Only the ledger decides what is complete.

use ingest_core::ledger::{Recorded, Tally};
use ingest_core::time::LogWindow;
use ingest_store::Happening;

use super::{CommittedWindow, Context, LogWork, WindowError, chain};

/// Records a window that is in the table.
pub(super) fn record(
    context: &Context,
    log: &mut LogWork,
    done: &CommittedWindow,
) -> Result<(), WindowError> {
    let recorded = log.state.ledger.record(done.window, done.tally, Some(done.counted_at))?;
    if recorded == Recorded::AlreadyThere {
        tracing::warn!(event = "window_already_recorded",);
    }
    save(context, log)?;
    let Tally { fetched, stored, quarantined, counted, bytes, .. } = done.tally;
    tracing::info!(
        event = "batch_complete",
        record_count = fetched,
        stored,
        quarantined,
        quarantined_by = %serde_json::json!(done.quarantined_by),
        server_count = counted,
        bytes,
    );
    let counted =
        counted.map_or_else(|| "nothing to compare with".to_owned(), |n| format!("server count {n}"));
    let detail = format!("{stored} stored, {quarantined} quarantined, {counted}");
    tell(context, log, done.window, "complete", detail);
    Ok(())
}

/// Notes why a window stays open.
pub(super) fn leave_open(context: &Context, log: &mut LogWork, window: LogWindow, error: &WindowError) {
    let reason = chain(error);
    let short = matches!(error, WindowError::Short { .. });
    context.metrics.board().left_open(log.id(), window, short, &reason);
    tracing::error!(event = "error", error = %reason, action = "the window stays open and is tried again");
    log.state.ledger.leave_open(window, &reason, context.clock.now());
    save_note(context, log);
    tell(context, log, window, "open", reason);
}

/// Notes that the server no longer has a window.
pub(super) fn lose(context: &Context, log: &mut LogWork, window: LogWindow) {
    tracing::error!(
        event = "beyond_retention",
        action = "the source no longer has these events; they are not asked for again"
    );
    log.state.ledger.lose(window);
    save_note(context, log);
    tell(context, log, window, "lost", "the server says that it is beyond retention".to_owned());
}

/// Makes the log's state durable, with what needs no room of its own any more merged.
pub(super) fn save(context: &Context, log: &mut LogWork) -> Result<(), WindowError> {
    // Ledgers of a folder that is gone would say of the next one that it holds what it does not.
    context.check_folder()?;
    let last = context.options.recheck_after.last().copied().unwrap_or_default();
    let now = context.clock.now();
    log.state.ledger.merge(last, now);
    context.metrics.board().ledger(&log.state, now);
    Ok(context.states.save(&log.state)?)
}

/// The same, where a failure costs a note and nothing else: a gap in the ledger is planned again all the same.
fn save_note(context: &Context, log: &mut LogWork) {
    if let Err(error) = save(context, log) {
        tracing::error!(event = "error", error = %chain(&error), action = "the ledger could not be saved");
    }
}

/// Adds to the history of a log.
pub(super) fn tell(context: &Context, log: &LogWork, window: LogWindow, what: &str, detail: String) {
    if context.check_folder().is_err() {
        // A folder that was removed must not come back for the sake of a note: it would look like a new start.
        return;
    }
    let happening = Happening { at: context.clock.now(), window, what: what.to_owned(), detail };
    // Nor may a history make a folder anew that is gone.
    let told = context.check_folder().and_then(|()| context.history.add(&log.state.slug, &happening));
    if let Err(error) = told {
        tracing::warn!(event = "history_not_written", error = %chain(&error));
    }
}
