//! `status`: each log's position and lag, what is open, lost or about to be dropped, from the ledgers alone.

use std::sync::Arc;

use ingest_core::ledger::{LogState, OpenWindow};
use ingest_core::retention::tail_edge;
use ingest_core::time::{MS_PER_HOUR, Timestamp};
use ingest_store::StateDir;

use super::print;
use crate::cli::JsonArgs;
use crate::exit::{CommandError, Exit};
use crate::ingest::RETENTION_NEAR_MS;
use crate::settings;
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, plain, table};

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

fn reopened(state: &LogState) -> impl Iterator<Item = &OpenWindow> {
    state.ledger.open().iter().filter(|open| open.held.is_some())
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
                        "reopened": open.held.is_some(),
                    })
                })
                .collect();
            let beyond = state.ledger.beyond().iter();
            let beyond: Vec<_> = beyond
                .map(|lost| serde_json::json!({"from": lost.start().to_string(), "to": lost.end().to_string()}))
                .collect();
            let removed = state.ledger.removed().iter().map(|removed| {
                let window = removed.window;
                serde_json::json!({
                    "from": window.start().to_string(),
                    "to": window.end().to_string(),
                    "by": removed.by,
                    "archive": removed.to,
                })
            });
            let removed: Vec<_> = removed.collect();
            let edge = tail_edge(state, now);
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
                "windows_reopened": reopened(state).count(),
                "windows_beyond_retention": beyond,
                "removed": removed,
                "compared_last": state.ledger.compared_last().map(|t| t.to_string()),
                "retention": state.retention,
                "oldest_missing": edge.map(|edge| edge.oldest_missing.to_string()),
                "retention_left_seconds": edge.map(|edge| edge.left_ms / 1_000),
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
                instant(state.ledger.position()),
                lag_seconds(state, now).map_or_else(|| "-".to_owned(), |lag| format!("{lag} s")),
                grouped(total.stored),
                grouped(total.quarantined),
                grouped(total.files),
                grouped(total.bytes),
                state.ledger.open().len().to_string(),
                instant(state.ledger.compared_last()),
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
            ("compared last", Align::Left),
        ],
        &rows,
    );
    states.iter().for_each(|state| text.push_str(&remarks(state, now)));
    text
}

fn instant(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.to_string())
}

/// What is open of a log, what the source no longer has, and what it drops soon.
fn remarks(state: &LogState, now: Timestamp) -> String {
    let name = &plain(&state.name);
    let mut text = String::new();
    for open in state.ledger.open() {
        let kept = if open.held.is_some() { "; its old file stays until it is replaced" } else { "" };
        text.push_str(&format!(
            "open: {name} {}: {} ({} tries){kept}\n",
            open.window,
            plain(&open.reason),
            open.tries
        ));
    }
    for lost in state.ledger.beyond() {
        text.push_str(&format!("lost: {name} {lost}: beyond the source's retention\n"));
    }
    if let Some(edge) = tail_edge(state, now).filter(|edge| edge.left_ms < RETENTION_NEAR_MS) {
        let hours = edge.left_ms.max(0) / MS_PER_HOUR;
        let oldest = edge.oldest_missing;
        text.push_str(&format!(
            "soon: {name}: the source drops what is missing from {oldest} in {hours} h\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use ingest_core::ids::LogId;
    use ingest_core::ledger::{Recorded, Span, Tally};
    use ingest_core::time::LogWindow;

    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * MS_PER_HOUR)
    }

    fn state() -> LogState {
        let window = |from, to| LogWindow::new(at(from), at(to)).unwrap();
        let mut state = LogState::new(LogId::new("1"), "web");
        state.retention = Some("1w".to_owned());
        let ledger = &mut state.ledger;
        ledger.start_tail(at(0));
        assert_eq!(ledger.record(window(0, 4), Tally::EMPTY, Some(at(5))), Ok(Recorded::Added));
        ledger.lose(window(4, 6));
        assert_eq!(ledger.record(window(6, 10), Tally::EMPTY, Some(at(11))), Ok(Recorded::Added));
        let held = Span::new(window(6, 10), Tally::EMPTY, Some(at(11)));
        ledger.reopen(held, &[], "the server counts 7", at(12)).unwrap();
        state
    }

    #[test]
    fn what_is_lost_reopened_compared_and_about_to_go_is_said() {
        let json: serde_json::Value = serde_json::from_str(&json(&[state()], at(20))).unwrap();
        let log = &json[0];
        assert_eq!(log["windows_open"][0]["reopened"], true);
        assert_eq!(log["windows_reopened"], 1);
        assert_eq!(log["windows_beyond_retention"][0]["from"], at(4).to_string());
        assert_eq!(log["compared_last"], at(5).to_string());
        assert_eq!((&log["retention"], &log["oldest_missing"]), (&"1w".into(), &at(10).to_string().into()));
        assert_eq!(log["retention_left_seconds"], 158 * 3_600);
    }

    #[test]
    fn for_people_the_edge_is_said_once_it_is_near() {
        let early = lines(&[state()], at(20));
        for part in ["its old file stays", "lost: web", "beyond the source's retention", "compared last"] {
            assert!(early.contains(part), "{part} in {early}");
        }
        assert!(!early.contains("soon: "), "{early}");
        let late = lines(&[state()], at(120));
        assert!(late.contains("soon: web") && late.contains("in 58 h"), "{late}");
    }
}
