//! The rules of progress: which spans of a log are complete, and which are open and why.
//!
//! A value with rules; where it is kept is the store's business. Spans never overlap, neighbours merge so that the
//! size stays bounded, a gap is only ever closed by a window that was committed, a complete window is only opened again
//! by name, and an error leaves the ledger as it was. The table holds the truth: a lost ledger is rebuilt by recording
//! what the files say, and what the record of removed spans says of files that are gone on purpose.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{LogWindow, MS_PER_DAY, MS_PER_HOUR, Timestamp, millis_of};

pub use entry::{Digest, OpenWindow, Span, Tally};
pub use exchange::Exchange;
pub use removed::{Removal, Removed, RemovedBy};
pub use state::LogState;
pub use uncounted::Uncounted;

mod entry;
mod exchange;
mod removed;
mod state;
mod uncounted;

/// Open windows remembered for one log; the oldest are kept, since those behind them are planned again anyway. Windows
/// whose old file is still in the table are never forgotten: no more than this many are opened again at a time.
const OPEN_MAX: usize = 1_000;
/// Days within which complete spans stay apart by day, in milliseconds; older neighbours become one span, so that years
/// take no more room than a season.
const BY_DAY_MS: i64 = 90 * MS_PER_DAY;

/// How a record was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// It is new.
    Added,
    /// It was recorded before, as after a crash between publishing and recording.
    AlreadyThere,
}

/// Why the ledger refused a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It covers a part of what is complete, and more: some events would be stored twice.
    #[error("window {0} overlaps a complete span without lying inside it")]
    Straddles(LogWindow),
    /// It covers a part of a window whose old file is still in the table.
    #[error("window {0} overlaps a window that was opened again, without being that window")]
    NotTheReplaced(LogWindow),
    /// Its figures do not add up.
    #[error("window {0} would be recorded with figures that lose or invent events: {1:?}")]
    Unbalanced(LogWindow, Tally),
    /// What is to be opened again, and what is to stay, are not together the complete spans they are taken from.
    #[error("window {0} cannot be opened again: what would stay complete is not exactly the rest")]
    NotTiled(LogWindow),
    /// The table's files are not what the ledger counts, so that a part of a span cannot be told from the rest.
    #[error("the files of {0} are not those that the ledger counts; log-ingestion repair puts that right")]
    Unlike(LogWindow),
    /// Something of it is to be fetched, or fetched again.
    #[error("a part of {0} is open")]
    StillOpen(LogWindow),
    /// Too many windows wait for their replacement.
    #[error("window {0} is not opened again yet: {OPEN_MAX} windows wait to be fetched again")]
    TooManyOpen(LogWindow),
}

/// The progress of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLedger {
    tail_since: Option<Timestamp>,
    spans: Vec<Span>,
    open: Vec<OpenWindow>,
    #[serde(default)]
    beyond: Vec<LogWindow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<Removed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exchanges: Vec<Exchange>,
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

    /// The instant up to which nothing is left to fetch of the live tail; `None` before the first pass.
    ///
    /// Spans that the server no longer has hold it up no longer than they can be fetched.
    #[must_use]
    pub fn position(&self) -> Option<Timestamp> {
        let start = self.tail_since?;
        let behind = self.settled().into_iter().chain(self.beyond.iter().copied());
        let mut behind: Vec<LogWindow> = behind.collect();
        behind.sort_unstable();
        let run = joined(behind.into_iter()).into_iter().find(|window| window.contains(start));
        Some(run.map_or(start, LogWindow::end))
    }

    /// Complete spans, oldest first.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Windows that failed, or were opened again, and are not complete since; oldest first.
    #[must_use]
    pub fn open(&self) -> &[OpenWindow] {
        &self.open
    }

    /// Spans that the server says it no longer has and that were never fetched; oldest first.
    #[must_use]
    pub fn beyond(&self) -> &[LogWindow] {
        &self.beyond
    }

    /// From the first instant to the last that this ledger says anything of; `None` before it says anything.
    #[must_use]
    pub fn extent(&self) -> Option<LogWindow> {
        let spans = self.spans.iter().map(|span| span.window);
        let open = self.open.iter().map(|open| open.window);
        let removed = self.removed.iter().map(|removed| removed.window);
        let lost = self.beyond.iter().copied();
        let windows = || spans.clone().chain(open.clone()).chain(lost.clone()).chain(removed.clone());
        let start = windows().map(LogWindow::start).chain(self.tail_since).min()?;
        LogWindow::new(start, windows().map(LogWindow::end).max()?)
    }

    /// When the server's count was last found to be that of a complete span; `None` where nothing was compared.
    #[must_use]
    pub fn compared_last(&self) -> Option<Timestamp> {
        self.spans.iter().filter_map(|span| span.proved).max()
    }

    /// All that is complete.
    #[must_use]
    pub fn total(&self) -> Tally {
        self.spans.iter().fold(Tally::EMPTY, |all, span| all.plus(span.tally))
    }

    /// Records that a window is durable, `proved` being when the server counted it. Leaves the ledger as it was on error.
    ///
    /// | the window, against the complete spans                | outcome        |
    /// |--------------------------------------------------------|----------------|
    /// | shares nothing with them                               | `Added`        |
    /// | lies inside one, or in what was removed on purpose     | `AlreadyThere` |
    /// | shares a part only                                     | error          |
    /// | shares a part with a window that was opened again only | error          |
    ///
    /// # Errors
    /// As in the table, and when the tally does not conserve events.
    pub fn record(
        &mut self,
        window: LogWindow,
        tally: Tally,
        proved: Option<Timestamp>,
    ) -> Result<Recorded, LedgerError> {
        if !tally.conserves() {
            return Err(LedgerError::Unbalanced(window, tally));
        }
        if self.replaced().any(|held| held.overlaps(window) && held != window) {
            return Err(LedgerError::NotTheReplaced(window));
        }
        let at = self.spans.partition_point(|s| s.window.end() <= window.start());
        if let Some(next) = self.spans.get(at)
            && next.window.overlaps(window)
        {
            return if window.lies_in(next.window) {
                Ok(Recorded::AlreadyThere)
            } else {
                Err(LedgerError::Straddles(window))
            };
        }
        if let Some(removed) = self.removed.iter().find(|removed| removed.window.overlaps(window)) {
            let inside = window.lies_in(removed.window);
            return if inside { Ok(Recorded::AlreadyThere) } else { Err(LedgerError::Straddles(window)) };
        }
        self.spans.insert(at, Span::new(window, tally, proved));
        self.close_open(window);
        self.beyond = self.beyond.iter().flat_map(|old| old.without(window)).collect();
        Ok(Recorded::Added)
    }

    /// Notes that a window could not be completed, as far as it is not complete all the same: where only the note of it failed.
    pub fn leave_open(&mut self, window: LogWindow, reason: &str, now: Timestamp) {
        let mut tries = 0;
        let mut held = None;
        self.open.retain(|open| {
            let same = open.window == window;
            let gone = same || (open.held.is_none() && open.window.overlaps(window));
            if gone {
                tries = tries.max(open.tries);
                held = held.or_else(|| open.held.filter(|_| same));
            }
            !gone
        });
        let tries: u32 = tries.saturating_add(1);
        for window in self.gaps(window) {
            self.open.push(OpenWindow { window, reason: reason.to_owned(), at: now, tries, held });
        }
        self.keep_open_bounded();
    }

    /// Opens a complete window again: its file is to be replaced. `held` is that window as the table holds it, `rest` what
    /// stays complete of the spans that it was a part of. Leaves the ledger as it was on error.
    ///
    /// # Errors
    /// When the two are not exactly what was complete, or too many windows wait already.
    pub fn reopen(
        &mut self,
        held: Span,
        rest: &[Span],
        reason: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let window = held.window;
        if self.replaced().count() >= OPEN_MAX {
            return Err(LedgerError::TooManyOpen(window));
        }
        let (taken, others): (Vec<Span>, Vec<Span>) =
            self.spans.iter().copied().partition(|span| span.window.overlaps(window));
        let mut parts: Vec<LogWindow> = rest.iter().map(|span| span.window).chain([window]).collect();
        parts.sort_unstable();
        let wanted = taken.iter().map(|span| span.window);
        let length = |windows: &[LogWindow]| windows.iter().map(|w| w.len_ms()).sum::<i64>();
        let wanted: Vec<LogWindow> = wanted.collect();
        if length(&parts) != length(&wanted) || joined(parts.into_iter()) != joined(wanted.into_iter()) {
            return Err(LedgerError::NotTiled(window));
        }
        self.spans = others;
        self.spans.extend(rest);
        self.spans.sort_unstable_by_key(|span| span.window);
        self.open.push(OpenWindow {
            window,
            reason: reason.to_owned(),
            at: now,
            tries: 0,
            held: Some(held.tally),
        });
        self.keep_open_bounded();
        Ok(())
    }

    /// Takes in that of a complete span the table holds `parts`, and that these are what the server counts: what was
    /// recorded beyond them is at neither end any more. Leaves the ledger as it was on error.
    ///
    /// # Errors
    /// When there is no such span, or the parts are not exactly all of it.
    pub fn correct(&mut self, window: LogWindow, parts: &[Span]) -> Result<(), LedgerError> {
        let length: i64 = parts.iter().map(|part| part.window.len_ms()).sum();
        let whole = joined(parts.iter().map(|part| part.window)) == [window] && length == window.len_ms();
        let Some(at) = self.spans.iter().position(|span| span.window == window && whole) else {
            return Err(LedgerError::NotTiled(window));
        };
        self.spans.splice(at..=at, parts.iter().copied());
        Ok(())
    }

    /// Takes in that the server's count for `window`, `now`, is still that of the complete spans inside it.
    pub fn confirm(&mut self, window: LogWindow, now: Timestamp) {
        for span in self.spans.iter_mut().filter(|span| span.window.lies_in(window)) {
            let fresh = Span::new(span.window, span.tally, Some(now));
            span.proved = fresh.proved;
            span.proved_age_ms = span.proved_age_ms.max(fresh.proved_age_ms);
        }
    }

    /// Takes in that counting `window` again will tell nothing any more: the server no longer has all of it.
    pub fn settle_for_ever(&mut self, window: LogWindow) {
        for span in self.spans.iter_mut().filter(|span| span.window.lies_in(window)) {
            span.proved_age_ms = i64::MAX;
        }
    }

    /// Notes that the server no longer has a window that was never fetched. It is not complete, and not planned again.
    pub fn lose(&mut self, window: LogWindow) {
        let incomplete = self.gaps(window);
        self.open.retain(|open| open.held.is_some() || !open.window.lies_in(window));
        self.beyond.extend(incomplete);
        self.beyond.sort_unstable();
        self.beyond = joined(std::mem::take(&mut self.beyond).into_iter());
    }

    /// Forgets what was noted as lost: asked for again, the server may have it after all.
    pub fn hope_again(&mut self, window: LogWindow) {
        self.beyond = self.beyond.iter().flat_map(|old| old.without(window)).collect();
    }

    /// Merges neighbours that nothing needs apart any more, so that the size stays bounded: within an hour all, within a
    /// day those whose last recount is behind them, after [`BY_DAY_MS`] these whatever their day.
    pub fn merge(&mut self, last_recount: Duration, now: Timestamp) {
        let last_ms = millis_of(last_recount);
        let mut merged: Vec<Span> = Vec::with_capacity(self.spans.len());
        for span in self.spans.drain(..) {
            let joined = merged.last().and_then(|left| {
                let (from, to) = (left.window.start(), span.window.end().plus_millis(-1));
                let unit = |ms: i64| from.millis().div_euclid(ms) == to.millis().div_euclid(ms);
                let done = left.proved_age_ms >= last_ms && span.proved_age_ms >= last_ms;
                let old = span.window.end().plus_millis(BY_DAY_MS) < now;
                let may = unit(MS_PER_HOUR) || (done && (old || unit(MS_PER_DAY)));
                if may { left.join(span) } else { None }
            });
            match (joined, merged.last_mut()) {
                (Some(joined), Some(left)) => *left = joined,
                (None, _) | (Some(_), None) => merged.push(span),
            }
        }
        self.spans = merged;
    }

    /// The parts of `range` that are neither complete nor removed on purpose, oldest first.
    #[must_use]
    pub fn gaps(&self, range: LogWindow) -> Vec<LogWindow> {
        let mut gaps = vec![range];
        for settled in self.settled().into_iter().filter(|window| window.overlaps(range)) {
            let Some(last) = gaps.pop() else { break };
            gaps.extend(last.without(settled));
        }
        gaps
    }

    /// What is complete, and what was and then was removed on purpose; oldest first.
    fn settled(&self) -> Vec<LogWindow> {
        let removed = self.removed.iter().map(|removed| removed.window);
        let mut settled: Vec<LogWindow> = self.spans.iter().map(|span| span.window).chain(removed).collect();
        settled.sort_unstable();
        settled
    }

    /// Windows whose old file is still in the table.
    fn replaced(&self) -> impl Iterator<Item = LogWindow> + '_ {
        self.open.iter().filter(|open| open.held.is_some()).map(|open| open.window)
    }

    /// Forgets open windows, or parts of them, that are complete now.
    fn close_open(&mut self, window: LogWindow) {
        let open = std::mem::take(&mut self.open);
        self.open = open
            .into_iter()
            .flat_map(|open| {
                open.window.without(window).map(move |window| OpenWindow { window, ..open.clone() })
            })
            .collect();
        self.keep_open_bounded();
    }

    fn keep_open_bounded(&mut self) {
        self.open.sort_by_key(|o| o.window);
        let mut left = OPEN_MAX.saturating_sub(self.replaced().count());
        self.open.retain(|open| {
            let kept = open.held.is_some() || left > 0;
            left = left.saturating_sub(usize::from(open.held.is_none()));
            kept
        });
    }
}

/// Sorted windows with neighbours, and those that overlap, as one.
fn joined(windows: impl Iterator<Item = LogWindow>) -> Vec<LogWindow> {
    let mut all: Vec<LogWindow> = Vec::new();
    for window in windows {
        match all.last_mut() {
            Some(last) if last.end() >= window.start() => {
                let end = last.end().max(window.end());
                *last = LogWindow::new(last.start(), end).unwrap_or(window);
            }
            Some(_) | None => all.push(window),
        }
    }
    all
}

#[cfg(test)]
mod tests;
