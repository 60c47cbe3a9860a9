//! Stage record: a committed window moves the ledger, a failed one is noted in it, and both are made durable.

use ingest_core::ledger::{Recorded, Tally};
use ingest_core::time::LogWindow;

use super::{CommittedWindow, Context, LogWork, WindowError, chain};

/// Records a window that is in the table.
pub(super) fn record(
    context: &Context,
    log: &mut LogWork,
    done: &CommittedWindow,
) -> Result<(), WindowError> {
    // Ledgers of a folder that is gone would say of the next one that it holds what it does not.
    context.lock.check()?;
    if log.state.ledger.record(done.window, done.tally)? == Recorded::AlreadyThere {
        tracing::warn!(event = "window_already_recorded",);
    }
    context.states.save(&log.state)?;
    let Tally { fetched, stored, quarantined, counted, bytes, .. } = done.tally;
    tracing::info!(
        event = "batch_complete",
        record_count = fetched,
        stored,
        quarantined,
        quarantined_by = %done.quarantined_by,
        server_count = counted,
        bytes,
    );
    Ok(())
}

/// Notes why a window stays open.
pub(super) fn leave_open(context: &Context, log: &mut LogWork, window: LogWindow, error: &WindowError) {
    let reason = chain(error);
    tracing::error!(event = "error", error = %reason, action = "the window stays open and is tried again");
    log.state.ledger.leave_open(window, &reason, context.clock.now());
    if let Err(error) = context.lock.check().and_then(|()| context.states.save(&log.state)) {
        // The note is lost, the gap in the ledger is not: the window is planned again all the same.
        tracing::error!(event = "error", error = %chain(&error), action = "the ledger could not be saved");
    }
}
