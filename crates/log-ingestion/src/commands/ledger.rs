//! `ledger`: what is remembered of each log, and `ledger rebuild`, which makes it anew from the files.

use std::sync::Arc;

use ingest_core::ledger::LogState;
use ingest_store::layout::Layout;
use ingest_store::{DirTable, StateDir};

use super::print;
use crate::cli::{LedgerAction, LedgerArgs};
use crate::exit::{CommandError, Exit};
use crate::ingest::take_lock;
use crate::pipeline::rebuild;
use crate::settings;
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};

pub(crate) fn run(surroundings: &Surroundings, args: &LedgerArgs) -> Result<Exit, CommandError> {
    let output_dir = settings::output_dir(&surroundings.layers)?;
    let ledgers = StateDir::of(Arc::clone(&surroundings.disk), &output_dir);
    let failed = |error: &dyn std::error::Error| CommandError::failed(Exit::Failed, error);
    let states = match args.action {
        None => ledgers.load().map_err(|error| failed(&error))?.0,
        Some(LedgerAction::Rebuild) => {
            let _lock = take_lock(&output_dir, &surroundings.outside()?)?;
            let table = DirTable::beside(Arc::clone(&surroundings.disk), &output_dir, Layout::Hive);
            rebuild(&table, &ledgers, surroundings.clock.now()).map_err(|error| failed(&error))?
        }
    };
    print(&spans(&states))?;
    Ok(Exit::Done)
}

fn spans(states: &[LogState]) -> String {
    let mut rows = Vec::new();
    for state in states {
        for span in state.ledger.spans() {
            let tally = span.tally;
            rows.push(vec![
                state.name.clone(),
                span.window.start().to_string(),
                span.window.end().to_string(),
                grouped(tally.stored),
                grouped(tally.quarantined),
                tally.counted.map_or_else(|| "-".to_owned(), grouped),
                grouped(tally.bytes),
                tally.digest.to_string(),
                span.proved.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            ]);
        }
    }
    let (left, right) = (Align::Left, Align::Right);
    let columns = [
        ("log", left),
        ("complete from", left),
        ("to", left),
        ("stored", right),
        ("quarantined", right),
        ("server count", right),
        ("bytes", right),
        ("digest", left),
        ("compared last", left),
    ];
    table(&columns, &rows)
}
