//! The chain from a fetched window to a committed one, off the async threads.

use std::sync::Arc;

use ingest_core::ledger::LogState;
use ingest_core::schema::TableSchema;

use super::at_once::at_once;
use super::encode::EncodedWindow;
use super::fetch::FetchedWindow;
use super::{CommittedWindow, Context, LogWork, WindowError, commit, encode, settle, shape};

/// Shapes, settles, encodes and commits a window; gives the schema that the table has with it.
pub(super) async fn make(
    context: &Arc<Context>,
    log: &LogWork,
    mut fetched: FetchedWindow,
) -> Result<(CommittedWindow, Option<TableSchema>), WindowError> {
    fetched.in_the_way = log.may_hold(fetched.window);
    let (shared, state, tail) = (Arc::clone(context), log.state.clone(), log.tail);
    context.blocking(move || make_blocking(&shared, &state, tail, fetched)).await?
}

fn make_blocking(
    context: &Context,
    state: &LogState,
    tail: bool,
    mut fetched: FetchedWindow,
) -> Result<(CommittedWindow, Option<TableSchema>), WindowError> {
    if fetched.in_the_way {
        fetched.replaced = commit::old_file(context, state, fetched.window)?;
    }
    if fetched.spool.records() == 0 {
        return Ok((commit::commit_empty(context, state, &fetched)?, None));
    }
    tracing::info!(event = "parse_start", record_count = fetched.spool.records());
    let (made, schema) = match at_once(context, state, tail, &mut fetched)? {
        Some(made) => made,
        None => in_two_readings(context, state, tail, &mut fetched)?,
    };
    let done = commit::commit(context, state, &fetched, made)?;
    Ok((done, Some(schema)))
}

/// Looks at the whole window, settles its schema, and encodes it by that.
pub(super) fn in_two_readings(
    context: &Context,
    state: &LogState,
    tail: bool,
    fetched: &mut FetchedWindow,
) -> Result<(EncodedWindow, TableSchema), WindowError> {
    let known = state.schema.as_ref();
    let pin = context.options.pins.of(state).filter(|_| known.is_none());
    let fixed = known.map(|schema| &schema.shape).or_else(|| pin.and_then(|pin| pin.shape.as_ref()));
    let (shape, observed) = shape::shape(fetched, fixed)?;
    let schema = settle::settle(known, pin, shape, &observed);
    let made = encode::encode(context, state, &schema, fetched, tail)?;
    Ok((made, schema))
}
