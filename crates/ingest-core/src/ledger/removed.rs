//! What was complete once and was taken out of the table on purpose: kept too long, or moved to an archive.
//!
//! Such a span is settled: it is not planned, not counted again and not missed. Decides how a complete span is cut when
//! a part of it goes, and what becomes of a span that comes back. Never removes a file.

use serde::{Deserialize, Serialize};

use super::{LedgerError, LogLedger, Span, Tally};
use crate::time::{LogWindow, Timestamp};

/// Why a span was taken out of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovedBy {
    /// It was kept for as long as it was wanted.
    Retain,
    /// It was moved to an archive.
    Archive,
}

impl RemovedBy {
    /// Its name, as commands and metrics have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retain => "retain",
            Self::Archive => "archive",
        }
    }
}

/// A span that was complete, and whose files were taken out of the table on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// The span.
    pub window: LogWindow,
    /// Why.
    pub by: RemovedBy,
    /// Where its files went, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// When; of several spans as one, when the last of them was.
    pub at: Timestamp,
    /// What it amounted to, as far as that is known.
    pub tally: Tally,
}

impl Removed {
    /// What is known of it, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.by, &self.to) {
            (RemovedBy::Archive, Some(to)) => format!("moved to {to} on {}", self.at.day()),
            (RemovedBy::Archive, None) => format!("moved to an archive on {}", self.at.day()),
            (RemovedBy::Retain, _) => format!("removed by retention on {}", self.at.day()),
        }
    }

    fn joins(&self, right: &Self) -> bool {
        self.window.end() == right.window.start() && self.by == right.by && self.to == right.to
    }
}

/// What is done with a span that is taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Why.
    pub by: RemovedBy,
    /// Where its files go, if anywhere.
    pub to: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl LogLedger {
    /// Spans that were taken out of the table on purpose, oldest first.
    #[must_use]
    pub fn removed(&self) -> &[Removed] {
        &self.removed
    }

    /// Takes what is complete of `window` out. Of a span that reaches beyond it the rest stays complete, with the figures
    /// that `held` gives for what the table holds of a window by its names. Leaves the ledger as it was on error.
    ///
    /// # Errors
    /// When a part of it is open, or the table does not hold what the ledger counts of a span that is to be cut.
    pub fn remove(
        &mut self,
        window: LogWindow,
        removal: &Removal,
        held: impl Fn(LogWindow) -> Tally,
    ) -> Result<(), LedgerError> {
        if self.open.iter().any(|open| open.window.overlaps(window)) {
            return Err(LedgerError::StillOpen(window));
        }
        let (mut stays, mut goes) = (Vec::with_capacity(self.spans.len() + 1), Vec::new());
        for span in &self.spans {
            let (inside, outside) = cut(*span, window, &held)?;
            stays.extend(outside);
            goes.extend(inside.map(|part| Removed {
                window: part.window,
                by: removal.by,
                to: removal.to.clone(),
                at: removal.at,
                tally: part.tally,
            }));
        }
        stays.sort_unstable_by_key(|span| span.window);
        self.spans = stays;
        self.exchanges.retain(|exchange| !exchange.window.overlaps(window));
        self.note_removed(goes);
        Ok(())
    }

    /// Takes in what a record says was removed and this ledger does not know, being older or made anew: nothing of it is
    /// complete or open any more. What is left of a span that reaches beyond it is to be told by the files again.
    pub fn adopt_removed(&mut self, record: &[Removed]) {
        for known in record {
            let mut pieces = vec![known.window];
            for own in &self.removed {
                pieces = pieces.into_iter().flat_map(|piece| piece.without(own.window)).collect();
            }
            let whole = pieces.first() == Some(&known.window);
            let tally = if whole { known.tally } else { Tally::EMPTY };
            for window in pieces {
                self.spans.retain(|span| !span.window.overlaps(window));
                self.open.retain(|open| !open.window.overlaps(window));
                self.beyond = self.beyond.iter().flat_map(|lost| lost.without(window)).collect();
                self.exchanges.retain(|exchange| !exchange.window.overlaps(window));
                self.note_removed(vec![Removed { window, tally, ..known.clone() }]);
            }
        }
    }

    /// Forgets that `window` was removed: its files are back, or are to be fetched. Whether anything of it was.
    pub fn bring_back(&mut self, window: LogWindow) -> bool {
        let before = self.removed.len();
        let touched = self.removed.iter().any(|removed| removed.window.overlaps(window));
        let removed = std::mem::take(&mut self.removed);
        for known in removed {
            if !known.window.overlaps(window) {
                self.removed.push(known);
                continue;
            }
            // How its figures are shared by what is left, nobody knows.
            let left = known.window.without(window);
            self.removed.extend(left.map(|window| Removed { window, tally: Tally::EMPTY, ..known.clone() }));
        }
        touched || self.removed.len() != before
    }

    /// Forgets that a span is complete, since its files are not there: it is to be told by the files again.
    pub fn forget(&mut self, window: LogWindow) {
        self.spans.retain(|span| !span.window.overlaps(window));
        self.exchanges.retain(|exchange| !exchange.window.overlaps(window));
    }

    fn note_removed(&mut self, new: Vec<Removed>) {
        let mut all = std::mem::take(&mut self.removed);
        all.extend(new);
        all.sort_by_key(|removed| removed.window);
        for next in all {
            match self.removed.last_mut() {
                Some(last) if last.joins(&next) => {
                    let end = next.window.end();
                    last.window = LogWindow::new(last.window.start(), end).unwrap_or(last.window);
                    last.at = last.at.max(next.at);
                    last.tally = last.tally.plus(next.tally);
                }
                Some(_) | None => self.removed.push(next),
            }
        }
    }
}

/// The part of a span inside of `window`, and those outside.
fn cut(
    span: Span,
    window: LogWindow,
    held: impl Fn(LogWindow) -> Tally,
) -> Result<(Option<Span>, Vec<Span>), LedgerError> {
    if !span.window.overlaps(window) {
        return Ok((None, vec![span]));
    }
    if span.window.lies_in(window) {
        return Ok((Some(span), Vec::new()));
    }
    let figures = |window: LogWindow| {
        let tally = held(window);
        let counted = span.tally.counted.map(|_known| tally.fetched);
        Span { window, tally: Tally { counted, ..tally }, ..span }
    };
    let (start, end) = (span.window.start().max(window.start()), span.window.end().min(window.end()));
    let inside = LogWindow::new(start, end).map(figures);
    let outside: Vec<Span> = span.window.without(window).map(figures).collect();
    let all = inside.iter().chain(&outside).fold(Tally::EMPTY, |all, part| all.plus(part.tally));
    if span.tally.is_of(all) { Ok((inside, outside)) } else { Err(LedgerError::Unlike(span.window)) }
}

#[cfg(test)]
mod tests;
