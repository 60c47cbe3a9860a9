//! `audit --explain`: what is known of the window that holds an instant, and what happened to it.

use std::path::Path;
use std::sync::Arc;

use ingest_core::ledger::LogState;
use ingest_core::time::{LogWindow, Timestamp};
use ingest_store::layout::Layout;
use ingest_store::{DirTable, HistoryDir, StoreError};

use super::to_the_second;
use crate::commands::print;
use crate::exit::{CommandError, Exit};
use crate::pipeline::read_content;
use crate::surroundings::Surroundings;
use crate::table_text::plain;

pub(super) fn run(
    surroundings: &Surroundings,
    output_dir: &Path,
    states: &[LogState],
    instant: Timestamp,
) -> Result<Exit, CommandError> {
    let table = DirTable::beside(Arc::clone(&surroundings.disk), output_dir, Layout::Hive);
    let history = HistoryDir::of(Arc::clone(&surroundings.disk), output_dir);
    let mut text = String::new();
    for state in states {
        let told = explain(&table, &history, state, instant);
        text.push_str(&told.map_err(|error| CommandError::failed(Exit::Failed, &error))?);
    }
    print(&text)?;
    Ok(if states.is_empty() { Exit::Failed } else { Exit::Done })
}

fn explain(
    table: &DirTable,
    history: &HistoryDir,
    state: &LogState,
    instant: Timestamp,
) -> Result<String, StoreError> {
    let Some(moment) = LogWindow::new(instant, instant.plus_millis(1)) else { return Ok(String::new()) };
    let mut text = format!("{} at {instant}\n", plain(&state.name));
    text.push_str(&format!("  ledger: {}\n", in_ledger(state, moment)));
    for file in table.files_of(&state.slug, moment)? {
        let rows = file.name.rows;
        text.push_str(&format!("  file: {} ({rows} rows, {} bytes)\n", file.path.display(), file.bytes));
        text.push_str(&match read_content(table, &file) {
            Ok(content) => {
                let tally = content.tally;
                let counted = tally.counted.map_or_else(|| "nothing".to_owned(), |n| n.to_string());
                let at = content.counted_at.map_or_else(String::new, |at| format!(" at {}", to_the_second(at)));
                format!(
                    "  footer: {} holds {} events, {} of them quarantined; the server counted {counted}{at}\n",
                    content.name.window, tally.fetched, tally.quarantined
                )
            }
            Err(error) => format!("  footer: cannot be read: {error}\n"),
        });
    }
    let told = history.of_window(&state.slug, moment)?;
    for line in &told {
        text.push_str(&format!(
            "  {}  {}  {}  {}\n",
            to_the_second(line.at),
            line.what,
            line.window,
            line.detail
        ));
    }
    if told.is_empty() {
        text.push_str("  history: nothing is remembered; it is kept for a bounded time only\n");
    }
    Ok(text)
}

fn in_ledger(state: &LogState, moment: LogWindow) -> String {
    let ledger = &state.ledger;
    if let Some(open) = ledger.open().iter().find(|open| open.window.overlaps(moment)) {
        return format!("open, {} since {}: {} ({} tries)", open.window, open.at, open.reason, open.tries);
    }
    if let Some(span) = ledger.spans().iter().find(|span| span.window.overlaps(moment)) {
        let proved =
            span.proved.map_or_else(|| "never compared since".to_owned(), |at| format!("compared last {at}"));
        return format!("complete within {}, {} events, {proved}", span.window, span.tally.fetched);
    }
    if let Some(removed) = ledger.removed().iter().find(|removed| removed.window.overlaps(moment)) {
        return format!("complete once, within {}, and {}", removed.window, removed.words());
    }
    if ledger.beyond().iter().any(|lost| lost.overlaps(moment)) {
        return "never fetched, and beyond the source's retention".to_owned();
    }
    "not fetched yet".to_owned()
}
