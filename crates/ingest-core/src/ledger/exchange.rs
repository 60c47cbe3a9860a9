//! Files of a complete span that become others with the same rows, in one step of the disk.
//!
//! A ledger counts files. Between the step that exchanges them and the note that it was done, a process may be killed:
//! the ledger therefore knows both figures beforehand, and takes those that the table has. Never moves a file.

use serde::{Deserialize, Serialize};

use super::{LedgerError, LogLedger, Span, Tally};
use crate::time::LogWindow;

/// Neighbouring windows whose files are about to become one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// All of them.
    pub window: LogWindow,
    /// What their files amount to.
    pub before: Tally,
    /// What the new file does.
    pub after: Tally,
}

impl LogLedger {
    /// Exchanges that were begun, and of which it is not noted how they ended.
    #[must_use]
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// Notes that files are about to be exchanged, all of them in one step. Spans that a new file lies across become one.
    /// Leaves the ledger as it was on error.
    ///
    /// # Errors
    /// When a window is not complete, its rows would not be the same, or it is not noted how others ended.
    pub fn begin_exchange(&mut self, exchanges: &[Exchange]) -> Result<(), LedgerError> {
        if let Some(unended) = self.exchanges.first() {
            return Err(LedgerError::StillOpen(unended.window));
        }
        let mut spans = self.spans.clone();
        for Exchange { window, before, after } in exchanges {
            let same = |tally: &Tally| (tally.fetched, tally.stored, tally.quarantined, tally.counted);
            if same(before) != same(after) {
                return Err(LedgerError::Unbalanced(*window, *after));
            }
            let first = spans.iter().position(|span| span.window.overlaps(*window));
            let first = first.ok_or(LedgerError::NotTiled(*window))?;
            let mut whole = *spans.get(first).ok_or(LedgerError::NotTiled(*window))?;
            while whole.window.end() < window.end() {
                let next = spans.get(first + 1).copied().ok_or(LedgerError::NotTiled(*window))?;
                whole = whole.join(next).ok_or(LedgerError::NotTiled(*window))?;
                spans.remove(first + 1);
            }
            let holds = window.lies_in(whole.window) && whole.tally.minus(*before).is_some();
            if !holds {
                return Err(LedgerError::Unlike(*window));
            }
            if let Some(span) = spans.get_mut(first) {
                *span = whole;
            }
        }
        self.spans = spans;
        self.exchanges = exchanges.to_vec();
        Ok(())
    }

    /// Takes in how the exchanges ended, `held` being what the table holds of a window by its names: as before, or after.
    /// Where it is neither, files are missing, which the figures from before tell. Whether anything changed.
    pub fn end_exchange(&mut self, held: impl Fn(LogWindow) -> Tally) -> bool {
        let begun = std::mem::take(&mut self.exchanges);
        for exchange in &begun {
            let Tally { files, stored, digest, .. } = held(exchange.window);
            let is_after = (files, stored, digest)
                == (exchange.after.files, exchange.after.stored, exchange.after.digest);
            let span = self.spans.iter_mut().find(|span| exchange.window.lies_in(span.window));
            if let (true, Some(span)) = (is_after, span) {
                span.tally = exchanged(span, exchange).unwrap_or(span.tally);
            }
        }
        !begun.is_empty()
    }

    /// What a complete span amounts to if the exchanges that were begun in it are done; `None` where there are none.
    #[must_use]
    pub fn exchanged(&self, span: &Span) -> Option<Tally> {
        let inside = self.exchanges.iter().filter(|exchange| exchange.window.lies_in(span.window));
        let mut after = *span;
        let mut any = None;
        for exchange in inside {
            after.tally = exchanged(&after, exchange)?;
            any = Some(after.tally);
        }
        any
    }
}

fn exchanged(span: &Span, exchange: &Exchange) -> Option<Tally> {
    let rest = span.tally.minus(exchange.before)?;
    let all = rest.plus(exchange.after);
    Some(Tally { counted: span.tally.counted, ..all })
}
