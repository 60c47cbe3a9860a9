//! `status`: each log's position, lag and open windows, from the ledgers alone.

use std::sync::Arc;

use ingest_core::ledger::LogState;
use ingest_core::time::Timestamp;
use ingest_store::StateDir;

use super::print;
use crate::cli::JsonArgs;
use crate::exit::{CommandError, Exit};
use crate::settings;
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};

pub(crate) fn run(surroundings: &Surroundings, args: &JsonArgs) -> Result<Exit, CommandError> {
    let output_dir = settings::output_dir(&surroundings.layers)?;
    let (states, damaged) = StateDir::of(Arc::clone(&surroundings.disk), &output_dir)
        .load()
        .map_err(|error| CommandError::failed(Exit::Failed, &error))?;
    for path in damaged {
        tracing::warn!(event = "ledger_damaged", path = %path.display(), action = "the next run rebuilds it");
    }
    let now = surroundings.clock.now();
    let text = if args.json { json(&states, now) } else { lines(&states, now) };
    print(&text)?;
    Ok(Exit::Done)
}

fn lag_seconds(state: &LogState, now: Timestamp) -> Option<i64> {
    state.ledger.position().map(|position| now.millis().saturating_sub(position.millis()) / 1_000)
}

fn json(states: &[LogState], now: Timestamp) -> String {
    let logs: Vec<_> = states
        .iter()
        .map(|state| {
            let total = state.ledger.total();
            let open: Vec<_> = state
                .ledger
                .open()
                .iter()
                .map(|open| {
                    serde_json::json!({
                        "from": open.window.start().to_string(),
                        "to": open.window.end().to_string(),
                        "reason": open.reason,
                        "tries": open.tries,
                        "last_try": open.at.to_string(),
                    })
                })
                .collect();
            serde_json::json!({
                "log": state.name,
                "id": state.id,
                "position": state.ledger.position().map(|t| t.to_string()),
                "lag_seconds": lag_seconds(state, now),
                "fetched": total.fetched,
                "stored": total.stored,
                "quarantined": total.quarantined,
                "server_count": total.counted,
                "files": total.files,
                "bytes": total.bytes,
                "windows_open": open,
            })
        })
        .collect();
    format!("{}\n", serde_json::Value::from(logs))
}

fn lines(states: &[LogState], now: Timestamp) -> String {
    if states.is_empty() {
        return "Nothing was stored in this folder yet.\n".to_owned();
    }
    let rows: Vec<Vec<String>> = states
        .iter()
        .map(|state| {
            let total = state.ledger.total();
            vec![
                state.name.clone(),
                state.ledger.position().map_or_else(|| "-".to_owned(), |t| t.to_string()),
                lag_seconds(state, now).map_or_else(|| "-".to_owned(), |lag| format!("{lag} s")),
                grouped(total.stored),
                grouped(total.quarantined),
                grouped(total.files),
                grouped(total.bytes),
                state.ledger.open().len().to_string(),
            ]
        })
        .collect();
    let right = Align::Right;
    let mut text = table(
        &[
            ("log", Align::Left),
            ("complete up to", Align::Left),
            ("lag", right),
            ("stored", right),
            ("quarantined", right),
            ("files", right),
            ("bytes", right),
            ("open windows", right),
        ],
        &rows,
    );
    for (state, open) in
        states.iter().flat_map(|state| state.ledger.open().iter().map(move |open| (state, open)))
    {
        text.push_str(&format!(
            "open: {} {}: {} ({} tries)\n",
            state.name, open.window, open.reason, open.tries
        ));
    }
    text
}
