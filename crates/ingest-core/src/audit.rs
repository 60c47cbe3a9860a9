//! Counting again: which complete spans are due for it, and which of their windows no longer agree with the server.
//!
//! Events may become searchable late, and servers lose some. Decides what to count next and what a count means; one
//! count settles a run of windows that agrees, and halves narrow one that does not down to the windows concerned.
//! Never asks anybody, and never changes a ledger.

use std::time::Duration;

use crate::ledger::{LogLedger, Span};
use crate::time::{LogWindow, MS_PER_DAY, Timestamp, millis_of};

pub use calendar::{Day, Findings, Gap, State, calendar};

mod calendar;

/// Length of a run that one count covers at most, in milliseconds: a statistic over longer spans is slow to compute.
const RUN_MS: i64 = 31 * MS_PER_DAY;

/// Neighbouring complete windows whose figures can be compared with one count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Each window with the events that were fetched of it, oldest first, without a gap between them.
    pub parts: Vec<Part>,
}

/// A window, and how many events were fetched of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The window.
    pub window: LogWindow,
    /// Events that were fetched.
    pub recorded: u64,
}

impl From<&Span> for Part {
    fn from(span: &Span) -> Self {
        Self { window: span.window, recorded: span.tally.fetched }
    }
}

/// Spans that are due for a recount: whose last one was at an age below one of `ages` that they have reached by `now`.
/// Neighbours come together.
#[must_use]
pub fn due(ledger: &LogLedger, ages: &[Duration], now: Timestamp) -> Vec<Run> {
    let is_due = |span: &&Span| {
        ages.iter().map(|age| millis_of(*age)).any(|age| {
            span.proved_age_ms < age && span.window.end().millis().saturating_add(age) <= now.millis()
        })
    };
    runs(ledger.spans().iter().filter(is_due))
}

/// Spans inside `range` that the server can count, neighbours together.
#[must_use]
pub fn all(ledger: &LogLedger, range: LogWindow) -> Vec<Run> {
    runs(ledger.spans().iter().filter(|s| s.tally.counted.is_some() && s.window.overlaps(range)))
}

fn runs<'a>(spans: impl Iterator<Item = &'a Span>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for span in spans {
        let part = Part::from(span);
        if let Some(run) = runs.last_mut()
            && let (Some(first), Some(last)) = (run.parts.first(), run.parts.last())
            && last.window.end() == span.window.start()
            && span.window.end().millis().saturating_sub(first.window.start().millis()) <= RUN_MS
        {
            run.parts.push(part);
            continue;
        }
        runs.push(Run { parts: vec![part] });
    }
    runs
}

/// A window whose figures are not the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differs {
    /// The window.
    pub window: LogWindow,
    /// Events that were fetched of it.
    pub recorded: u64,
    /// Events that the server counts now.
    pub counted: u64,
}

impl Differs {
    /// Whether the window shrank because the source keeps events no longer than `retention`: its file then has what the source
    /// has dropped, and stays.
    #[must_use]
    pub fn was_dropped_for_its_age(&self, retention: Option<Duration>, now: Timestamp) -> bool {
        let kept_since = retention.map(|period| now.minus(period));
        self.counted < self.recorded && kept_since.is_some_and(|edge| self.window.start() <= edge)
    }
}

/// Whether the server counts in all of a span what the table holds of it, which are these `parts`: then there is nothing to
/// fetch, whatever a ledger says.
#[must_use]
pub fn are_confirmed(parts: &[Span], confirmed: &[LogWindow]) -> bool {
    parts.iter().all(|part| confirmed.iter().any(|window| part.window.lies_in(*window)))
}

/// A recount of a run under way.
#[derive(Debug)]
pub struct Recount {
    parts: Vec<Part>,
    /// Ranges of `parts` still to be looked at; the last one is next.
    todo: Vec<Todo>,
    agreed: Vec<LogWindow>,
    differing: Vec<Differs>,
}

#[derive(Debug, Clone, Copy)]
struct Todo {
    first: usize,
    len: usize,
    /// What the server counts there, where that follows from counts around it.
    counted: Option<u64>,
    /// For the right half of a range, what the server counts in the whole range; its left half is above it in the list.
    both: Option<u64>,
    /// Whether it is a left half.
    left: bool,
}

impl Recount {
    /// A recount of all windows of a run.
    #[must_use]
    pub fn new(run: Run) -> Self {
        let whole = Todo { first: 0, len: run.parts.len(), counted: None, both: None, left: false };
        Self { parts: run.parts, todo: vec![whole], agreed: Vec::new(), differing: Vec::new() }
    }

    /// The span to count next; `None` once every window is settled.
    #[must_use]
    pub fn ask(&self) -> Option<LogWindow> {
        self.todo.last().and_then(|todo| self.window(*todo))
    }

    /// Takes the server's count for the span that was asked for.
    pub fn answer(&mut self, counted: u64) {
        let Some(todo) = self.todo.pop() else { return };
        if let Some(right) = self.todo.last_mut().filter(|_| todo.left) {
            right.counted = right.both.and_then(|both| both.checked_sub(counted));
        }
        self.settle(Todo { counted: Some(counted), ..todo });
        // What follows from counts that are known needs no request.
        while let Some(todo) = self.todo.last().copied().filter(|todo| todo.counted.is_some()) {
            self.todo.pop();
            self.settle(todo);
        }
    }

    /// Spans whose figures are the server's, and windows whose are not, in the order in which they were found.
    #[must_use]
    pub fn into_outcome(self) -> (Vec<LogWindow>, Vec<Differs>) {
        (self.agreed, self.differing)
    }

    fn settle(&mut self, todo: Todo) {
        let (Some(window), Some(counted)) = (self.window(todo), todo.counted) else { return };
        let parts = self.parts.iter().skip(todo.first).take(todo.len);
        let recorded: u64 = parts.map(|part| part.recorded).sum();
        if recorded == counted {
            self.agreed.push(window);
        } else if todo.len == 1 {
            self.differing.push(Differs { window, recorded, counted });
        } else {
            let half = todo.len / 2;
            let (right, both) = (todo.first + half, Some(counted));
            let len = todo.len - half;
            self.todo.push(Todo { first: right, len, counted: None, both, left: false });
            self.todo.push(Todo { first: todo.first, len: half, counted: None, both: None, left: true });
        }
    }

    fn window(&self, todo: Todo) -> Option<LogWindow> {
        let first = self.parts.get(todo.first)?;
        let last = self.parts.get(todo.first + todo.len.checked_sub(1)?)?;
        LogWindow::new(first.window.start(), last.window.end())
    }
}

#[cfg(test)]
mod tests;
