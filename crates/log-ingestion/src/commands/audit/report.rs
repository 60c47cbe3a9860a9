//! What an audit found, as a table for people and as JSON for auditors.

use ingest_core::audit::{Day, State};
use ingest_core::ids::LogId;
use ingest_core::ledger::Tally;
use serde::Serialize;

use crate::table_text::{Align, grouped, plain, table};

/// Everything that an audit found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) tool: &'static str,
    pub(super) made_at: String,
    pub(super) output_dir: String,
    /// Whether complete windows were compared with the server's counts, and not only with the recorded ones.
    pub(super) server_asked: bool,
    /// Whether every file was read.
    pub(super) files_read: bool,
    pub(super) logs: Vec<LogAudit>,
}

/// What an audit found of one log.
#[derive(Debug, Serialize)]
pub(super) struct LogAudit {
    pub(super) log: String,
    pub(super) id: LogId,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) days: Vec<Day>,
}

impl Report {
    /// The worst state of all; `None` when nothing was looked at.
    pub(super) fn worst(&self) -> Option<State> {
        self.logs.iter().flat_map(|log| &log.days).map(|day| day.state).max()
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string_pretty(self).map_or_else(|error| error.to_string(), |text| format!("{text}\n"))
    }

    pub(super) fn text(&self) -> String {
        if self.logs.is_empty() {
            return "Nothing was stored in this folder yet, or nothing in this period: there is nothing to prove.\n"
                .to_owned();
        }
        let mut text = String::new();
        for log in &self.logs {
            text.push_str(&format!("{}, {} to {}\n", plain(&log.log), log.from, log.to));
            text.push_str(&days(log));
            for (day, gap) in log.days.iter().flat_map(|day| day.gaps.iter().map(move |gap| (day, gap))) {
                let name = gap.state.name();
                text.push_str(&format!("  {}: {name} {} to {}: {}\n", day.day, gap.from, gap.to, gap.reason));
            }
            text.push('\n');
        }
        text.push_str(&self.verdict());
        if self.logs.iter().flat_map(|log| &log.days).any(|day| day.state == State::Removed) {
            text.push_str("Days that were removed or archived on purpose are not counted.\n");
        }
        text
    }

    fn verdict(&self) -> String {
        let days = || self.logs.iter().flat_map(|log| &log.days);
        let total = days().fold(Tally::EMPTY, |all, day| all.plus(day.complete));
        let gaps = days().map(|day| day.gaps.len()).sum::<usize>();
        let events = grouped(total.fetched);
        let logs = format!("{} log{}", self.logs.len(), if self.logs.len() == 1 { "" } else { "s" });
        let compared = if self.server_asked {
            "the server counts now"
        } else {
            "the server counted when they were fetched"
        };
        match self.worst() {
            Some(State::Complete | State::Removed) => {
                format!(
                    "Complete: {events} events in {logs} are stored or quarantined, as many as {compared}.\n"
                )
            }
            Some(State::NotCompared) => {
                format!(
                    "Not proven: {gaps} spans could not be compared with the server; nothing else is open.\n"
                )
            }
            Some(State::BeyondRetention | State::Open | State::Short | State::Missing) | None => {
                format!("Not complete: {gaps} findings; log-ingestion repair fetches what can be had.\n")
            }
        }
    }
}

fn days(log: &LogAudit) -> String {
    let right = Align::Right;
    let rows: Vec<Vec<String>> = log
        .days
        .iter()
        .map(|day| {
            let Tally { stored, quarantined, counted, files, .. } = day.complete;
            vec![
                day.day.clone(),
                day.state.name().to_owned(),
                grouped(stored),
                grouped(quarantined),
                counted.map_or_else(|| "-".to_owned(), grouped),
                grouped(files),
                day.proved.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        })
        .collect();
    let columns = [
        ("  day", Align::Left),
        ("state", Align::Left),
        ("stored", right),
        ("quarantined", right),
        ("server count", right),
        ("files", right),
        ("compared last", Align::Left),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|mut row| {
            row.iter_mut().take(1).for_each(|day| day.insert_str(0, "  "));
            row
        })
        .collect();
    table(&columns, &rows)
}
