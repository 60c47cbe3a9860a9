//! What is noted of a pass, and what the note means to whoever asks for the service's health later.
//!
//! Decides from the note, the ledgers and `now`; asks nobody.

use std::time::Duration;

use indicatif::HumanDuration;
use ingest_core::ledger::LogState;
use ingest_core::time::{Timestamp, millis_of};
use serde::{Deserialize, Serialize};

use crate::exit::{CommandError, Exit};
use crate::ingest::PassReport;

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastPass {
    /// When it ended.
    pub(crate) ended: Timestamp,
    /// When one ended last that left nothing open.
    pub(crate) last_success: Option<Timestamp>,
    /// Whether it was one of continuous mode.
    pub(crate) continuous: bool,
    /// The exit code that it stands for.
    pub(crate) exit: u8,
    /// Windows that it left open.
    pub(crate) windows_open: u64,
    /// Why it came to nothing at all, if it did.
    pub(crate) error: Option<String>,
}

impl LastPass {
    /// The note of a pass.
    pub(crate) fn of(
        outcome: &Result<PassReport, CommandError>,
        continuous: bool,
        success_before: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let (exit, windows_open, error) = match outcome {
            Ok(report) => (report.exit(), report.logs.iter().map(|log| log.open).sum(), None),
            Err(CommandError::Settings(error)) => (Exit::Settings, 0, Some(error.to_string())),
            Err(CommandError::Failed(exit, text)) => (*exit, 0, Some(text.clone())),
        };
        let last_success = if exit == Exit::Done { Some(now) } else { success_before };
        Self { ended: now, last_success, continuous, exit: exit.number(), windows_open, error }
    }

    /// Reads a note; `None` for other text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// As text.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// Why what a folder says is not healthy; nothing if it is. `served` is where a service in continuous mode would answer.
pub(crate) fn complaints(
    note: Option<&LastPass>,
    states: &[LogState],
    served: Option<&str>,
    max_age: Duration,
    now: Timestamp,
) -> Vec<String> {
    let Some(note) = note else {
        return vec!["no pass has ended in OUTPUT_DIR yet".to_owned()];
    };
    let mut complaints = Vec::new();
    if let Some(served) = served.filter(|_| note.continuous) {
        complaints
            .push(format!("nobody answers at {served}, where the last pass was one of continuous mode"));
    }
    let age = note.last_success.map(|at| now.millis().saturating_sub(at.millis()).max(0));
    match (note.last_success, age) {
        (Some(at), Some(age)) if age > millis_of(max_age) => {
            let ago = HumanDuration(Duration::from_millis(age.unsigned_abs()));
            complaints.push(format!("the last pass that left nothing open ended at {at}, {ago} ago"));
        }
        (Some(_), _) => {}
        (None, _) => complaints.push("no pass has left nothing open yet".to_owned()),
    }
    if complaints.is_empty() {
        return complaints;
    }
    if note.exit != Exit::Done.number() {
        let why = note.error.as_deref().unwrap_or("it left windows open");
        complaints.push(format!("the last pass ended at {} with {}: {why}", note.ended, note.exit));
    }
    for state in states.iter().filter(|state| !state.ledger.open().is_empty()) {
        let open = state.ledger.open();
        let reason = open.last().map_or("", |open| open.reason.as_str());
        complaints.push(format!("{}: {} open: {reason}", state.name, open.len()));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use ingest_core::ids::LogId;
    use ingest_core::time::LogWindow;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn note(last_success: Option<i64>, continuous: bool, exit: Exit) -> LastPass {
        let last_success = last_success.map(at);
        LastPass {
            ended: at(1_000),
            last_success,
            continuous,
            exit: exit.number(),
            windows_open: 0,
            error: None,
        }
    }

    #[track_caller]
    fn check(note: Option<&LastPass>, served: Option<&str>, want: &[&str]) {
        let mut state = LogState::new(LogId::new("1"), "web");
        state.ledger.leave_open(LogWindow::new(at(0), at(9)).unwrap(), "timed out", at(10));
        let said = complaints(note, &[state], served, Duration::from_secs(7_200), at(10_000));
        assert_eq!(said.len(), want.len(), "{said:?}");
        for (said, want) in said.iter().zip(want) {
            assert!(said.contains(want), "{want} in {said}");
        }
    }

    #[test]
    fn a_fresh_success_is_healthy_and_an_old_one_is_not() {
        check(Some(&note(Some(9_000), false, Exit::Done)), Some("addr"), &[]);
        // What the newest pass left open is tried again; health is about how long that goes on.
        check(Some(&note(Some(9_000), false, Exit::TryLater)), Some("addr"), &[]);
        let late = note(Some(1_000), false, Exit::TryLater);
        check(Some(&late), None, &["3 hours ago", "with 75", "web: 1 open: timed out"]);
        check(Some(&note(None, false, Exit::KeyRefused)), None, &["nothing open yet", "with 77", "web: 1"]);
        check(None, None, &["no pass has ended"]);
    }

    #[test]
    fn a_service_that_should_answer_and_does_not_is_not_healthy() {
        let note = note(Some(9_999), true, Exit::Done);
        check(Some(&note), Some("127.0.0.1:9464"), &["nobody answers at 127.0.0.1:9464", "web: 1 open"]);
        check(Some(&note), None, &[]);
    }

    #[test]
    fn a_note_reads_back() {
        let note = note(Some(9_000), true, Exit::TryLater);
        assert_eq!(LastPass::read(&note.text()), Some(note));
        assert_eq!(LastPass::read("{}"), None);
    }
}
