//! The rules of progress: which spans of a log are complete, and which are open and why.
//!
//! A value with rules; where it is kept is the store's business. Spans never overlap, neighbours merge so that the
//! size stays bounded, a gap is only ever closed by a window that was committed, and an error leaves the ledger as
//! it was. The table holds the truth: a lost ledger is rebuilt by recording what the files say.

use serde::{Deserialize, Serialize};

use crate::ids::{LogId, Slug};
use crate::schema::TableSchema;
use crate::time::{LogWindow, Timestamp};

/// Open windows remembered for one log; the oldest are kept, since those behind them are planned again anyway.
const OPEN_MAX: usize = 1_000;

/// What a committed window amounted to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Events that the source gave, each once.
    pub fetched: u64,
    /// Of these, rows in files.
    pub stored: u64,
    /// Of these, records in the quarantine.
    pub quarantined: u64,
    /// What the server counts, where it can count.
    pub counted: Option<u64>,
    /// Files.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

impl Tally {
    /// Whether nothing was lost on the way: fetched = stored + quarantined, and = what the server counts.
    #[must_use]
    pub fn conserves(&self) -> bool {
        self.stored.checked_add(self.quarantined) == Some(self.fetched)
            && self.counted.is_none_or(|counted| counted == self.fetched)
    }

    /// Two tallies as one. The count is only known when both are.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            fetched: self.fetched.saturating_add(other.fetched),
            stored: self.stored.saturating_add(other.stored),
            quarantined: self.quarantined.saturating_add(other.quarantined),
            counted: self.counted.zip(other.counted).map(|(a, b)| a.saturating_add(b)),
            files: self.files.saturating_add(other.files),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// A complete span: one committed window, or several neighbours as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The span.
    pub window: LogWindow,
    /// What it amounted to.
    pub tally: Tally,
}

/// A window that was tried and could not be completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenWindow {
    /// The window.
    pub window: LogWindow,
    /// Why, in words.
    pub reason: String,
    /// When it failed last.
    pub at: Timestamp,
    /// How often it failed.
    pub tries: u32,
}

/// How a record was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// It is new.
    Added,
    /// It was recorded before, as after a crash between publishing and recording.
    AlreadyThere,
}

/// Why a window cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It covers a part of what is complete, and more: some events would be stored twice.
    #[error("window {0} overlaps a complete span without lying inside it")]
    Straddles(LogWindow),
    /// Its figures do not add up.
    #[error("window {0} would be recorded with figures that lose or invent events: {1:?}")]
    Unbalanced(LogWindow, Tally),
}

/// The progress of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLedger {
    tail_since: Option<Timestamp>,
    spans: Vec<Span>,
    open: Vec<OpenWindow>,
}

impl LogLedger {
    /// Where the live tail began; `None` before the first pass.
    #[must_use]
    pub const fn tail_since(&self) -> Option<Timestamp> {
        self.tail_since
    }

    /// Fixes where the live tail begins, or moves it to an earlier instant; never to a later one, which would
    /// forget gaps.
    pub fn start_tail(&mut self, start: Timestamp) {
        self.tail_since = Some(self.tail_since.map_or(start, |old| old.min(start)));
    }

    /// The instant up to which the live tail is complete without a gap; `None` before the first pass.
    #[must_use]
    pub fn position(&self) -> Option<Timestamp> {
        let start = self.tail_since?;
        let span = self.spans.iter().find(|s| s.window.start() <= start && start < s.window.end());
        Some(span.map_or(start, |s| s.window.end()))
    }

    /// Complete spans, oldest first, neighbours merged.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Windows that failed and are not complete since.
    #[must_use]
    pub fn open(&self) -> &[OpenWindow] {
        &self.open
    }

    /// All that was recorded.
    #[must_use]
    pub fn total(&self) -> Tally {
        let none = Tally { counted: Some(0), ..Tally::default() };
        self.spans.iter().fold(none, |all, span| all.plus(span.tally))
    }

    /// Records that a window is durable. Leaves the ledger as it was on error.
    ///
    /// | the window, against the complete spans | outcome        |
    /// |----------------------------------------|----------------|
    /// | shares nothing with them               | `Added`        |
    /// | lies inside one                        | `AlreadyThere` |
    /// | shares a part only                     | error          |
    ///
    /// # Errors
    /// As in the table, and when the tally does not conserve events.
    pub fn record(&mut self, window: LogWindow, tally: Tally) -> Result<Recorded, LedgerError> {
        if !tally.conserves() {
            return Err(LedgerError::Unbalanced(window, tally));
        }
        let at = self.spans.partition_point(|s| s.window.end() <= window.start());
        if let Some(next) = self.spans.get(at)
            && next.window.overlaps(window)
        {
            let inside = next.window.start() <= window.start() && window.end() <= next.window.end();
            return if inside { Ok(Recorded::AlreadyThere) } else { Err(LedgerError::Straddles(window)) };
        }
        self.spans.insert(at, Span { window, tally });
        self.merge_around(at);
        self.close_open(window);
        Ok(Recorded::Added)
    }

    /// Notes that a window could not be completed.
    pub fn leave_open(&mut self, window: LogWindow, reason: &str, now: Timestamp) {
        let before = self.open.iter().position(|o| o.window.overlaps(window));
        let tries = before.map_or(0, |at| self.open.remove(at).tries);
        self.open.push(OpenWindow {
            window,
            reason: reason.to_owned(),
            at: now,
            tries: tries.saturating_add(1),
        });
        self.open.sort_by_key(|o| o.window);
        self.open.truncate(OPEN_MAX);
    }

    /// The parts of `range` that are not complete, oldest first.
    #[must_use]
    pub fn gaps(&self, range: LogWindow) -> Vec<LogWindow> {
        let mut gaps = Vec::new();
        let mut start = range.start();
        for span in self.spans.iter().filter(|s| s.window.overlaps(range)) {
            gaps.extend(LogWindow::new(start, span.window.start()));
            start = start.max(span.window.end());
        }
        gaps.extend(LogWindow::new(start, range.end()));
        gaps
    }

    /// Forgets open windows, or parts of them, that are complete now.
    fn close_open(&mut self, window: LogWindow) {
        let mut rest = Vec::new();
        for open in self.open.drain(..) {
            if !open.window.overlaps(window) {
                rest.push(open);
                continue;
            }
            let left = LogWindow::new(open.window.start(), window.start());
            let right = LogWindow::new(window.end(), open.window.end());
            rest.extend(
                [left, right].into_iter().flatten().map(|window| OpenWindow { window, ..open.clone() }),
            );
        }
        self.open = rest;
        self.open.truncate(OPEN_MAX);
    }

    fn merge_around(&mut self, at: usize) {
        for left in [at, at.saturating_sub(1)] {
            let (Some(a), Some(b)) = (self.spans.get(left).copied(), self.spans.get(left + 1).copied())
            else {
                continue;
            };
            let alike = a.tally.counted.is_some() == b.tally.counted.is_some();
            if a.window.end() != b.window.start() || !alike {
                continue;
            }
            if let Some(window) = LogWindow::new(a.window.start(), b.window.end()) {
                self.spans.remove(left + 1);
                if let Some(kept) = self.spans.get_mut(left) {
                    *kept = Span { window, tally: a.tally.plus(b.tally) };
                }
            }
        }
    }
}

/// Everything that is remembered of one log between runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogState {
    /// The log.
    pub id: LogId,
    /// Its name when it was last seen.
    pub name: String,
    /// Its folder; fixed when the log is first seen, whatever its name becomes.
    pub slug: Slug,
    /// Its table's schema, once a window was settled.
    pub schema: Option<TableSchema>,
    /// Its progress.
    pub ledger: LogLedger,
}

impl LogState {
    /// A log that was never seen before.
    #[must_use]
    pub fn new(id: LogId, name: &str) -> Self {
        let slug = Slug::of(name, &id);
        Self { id, name: name.to_owned(), slug, schema: None, ledger: LogLedger::default() }
    }
}

#[cfg(test)]
mod tests;
