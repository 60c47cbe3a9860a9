//! Where a log's table may hold something that its ledger does not count, and that a window must not be published beside.
//!
//! What is counted is not fetched again. So only what was left uncounted when everything was looked at, the old files of
//! windows that are to be replaced, and what a failure left behind since can be in the way of a window: for any other,
//! nobody needs to look. Never looks itself.

use super::LogLedger;
use crate::time::LogWindow;

/// What of a log's table is not counted. As long as nobody looked, anything may be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uncounted {
    /// What was found; `None` where nobody looked, or something failed since.
    found: Option<Vec<LogWindow>>,
}

impl Uncounted {
    /// After a look at everything, which found no other windows that the ledger does not count.
    #[must_use]
    pub const fn found(windows: Vec<LogWindow>) -> Self {
        Self { found: Some(windows) }
    }

    /// Takes in that a window failed: what of it was published, nobody knows.
    pub fn doubt(&mut self) {
        self.found = None;
    }

    /// Whether something that is not counted may share an instant with a window that is to be committed.
    #[must_use]
    pub fn may_hold(&self, ledger: &LogLedger, window: LogWindow) -> bool {
        let known = |found: &Vec<LogWindow>| found.iter().any(|found| found.overlaps(window));
        self.found.as_ref().is_none_or(known) || ledger.replaced().any(|old| old.overlaps(window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Recorded, Span, Tally};
    use crate::time::Timestamp;

    fn window(start: i64, end: i64) -> LogWindow {
        LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end)).unwrap()
    }

    #[test]
    fn only_what_is_not_counted_is_in_the_way_of_a_window() {
        let mut ledger = LogLedger::default();
        assert_eq!(ledger.record(window(0, 10), Tally::EMPTY, None), Ok(Recorded::Added));
        let mut uncounted = Uncounted::default();
        assert!(uncounted.may_hold(&ledger, window(20, 30)), "nobody looked");
        uncounted = Uncounted::found(vec![window(40, 50)]);
        let held = |ledger: &LogLedger, start, end| uncounted.may_hold(ledger, window(start, end));
        assert_eq!(
            [held(&ledger, 10, 40), held(&ledger, 49, 60), held(&ledger, 50, 60)],
            [false, true, false]
        );
        // Also where it was opened again after everything was looked at.
        let span = Span::new(window(0, 10), Tally::EMPTY, None);
        ledger.reopen(span, &[], "differs", Timestamp::from_millis(0)).unwrap();
        assert_eq!([held(&ledger, 0, 10), held(&ledger, 10, 40)], [true, false]);
        // A window that was never complete has no old file.
        ledger.leave_open(window(20, 30), "away", Timestamp::from_millis(0));
        assert!(!held(&ledger, 20, 30));
        uncounted.doubt();
        assert!(uncounted.may_hold(&ledger, window(50, 60)), "something failed");
    }
}
