use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::ledger::{Digest, Exchange, Recorded};

fn window(start: i64, end: i64) -> LogWindow {
    LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end)).unwrap()
}

fn removal(by: RemovedBy) -> Removal {
    Removal { by, to: None, at: Timestamp::from_millis(1_000) }
}

/// What a table holds that has one row, and one file, a millisecond.
fn held(window: LogWindow) -> Tally {
    let n = window.len_ms().unsigned_abs();
    let digests = (window.start().millis()..window.end().millis()).map(|ms| ms.unsigned_abs() + 7);
    let digest = Digest(digests.sum());
    Tally { fetched: n, stored: n, counted: Some(n), files: n, bytes: n, digest, ..Tally::EMPTY }
}

fn ledger(windows: &[(i64, i64)]) -> LogLedger {
    let mut ledger = LogLedger::default();
    for (start, end) in windows {
        let window = window(*start, *end);
        assert_eq!(ledger.record(window, held(window), None), Ok(Recorded::Added));
    }
    ledger.merge(Duration::ZERO, Timestamp::from_millis(0));
    ledger
}

#[test]
fn what_was_removed_is_neither_complete_nor_missing_and_does_not_hold_the_position_up() {
    let mut ledger = ledger(&[(0, 10), (10, 40)]);
    ledger.start_tail(Timestamp::from_millis(0));
    ledger.remove(window(0, 15), &removal(RemovedBy::Retain), held).unwrap();
    let spans: Vec<LogWindow> = ledger.spans().iter().map(|span| span.window).collect();
    assert_eq!(spans, [window(15, 40)]);
    assert_eq!(ledger.total(), held(window(15, 40)));
    assert_eq!(ledger.removed()[0].window, window(0, 15));
    assert_eq!(ledger.removed()[0].tally, held(window(0, 15)));
    assert_eq!(ledger.gaps(window(0, 50)), [window(40, 50)]);
    assert_eq!(ledger.position(), Some(Timestamp::from_millis(40)));
    assert_eq!(ledger.extent(), Some(window(0, 40)));
    assert_eq!(crate::plan::missing(&ledger, window(0, 40), true), []);
}

#[test]
fn a_window_of_what_was_removed_is_not_taken_in_again() {
    let mut ledger = ledger(&[(0, 40)]);
    ledger.remove(window(0, 15), &removal(RemovedBy::Retain), held).unwrap();
    let before = ledger.clone();
    assert_eq!(ledger.record(window(3, 5), held(window(3, 5)), None), Ok(Recorded::AlreadyThere));
    assert!(ledger.record(window(-3, 5), held(window(-3, 5)), None).is_err());
    assert_eq!(ledger, before);
}

#[test]
fn nothing_open_is_removed_and_nothing_is_cut_that_the_table_does_not_hold() {
    let mut ledger = ledger(&[(0, 40)]);
    ledger.leave_open(window(40, 50), "the API is away", Timestamp::from_millis(0));
    let before = ledger.clone();
    let retain = removal(RemovedBy::Retain);
    assert_eq!(ledger.remove(window(30, 45), &retain, held), Err(LedgerError::StillOpen(window(30, 45))));
    let lacks_one = |window: LogWindow| Tally { files: held(window).files - 1, ..held(window) };
    assert_eq!(ledger.remove(window(0, 10), &retain, lacks_one), Err(LedgerError::Unlike(window(0, 40))));
    assert_eq!(ledger, before);
    // A whole span goes, whatever is left of its files.
    ledger.remove(window(0, 40), &retain, lacks_one).unwrap();
    assert_eq!(ledger.spans(), []);
}

#[test]
fn neighbours_that_went_the_same_way_are_one() {
    let mut ledger = ledger(&[(0, 10), (10, 20), (20, 30), (30, 40)]);
    let archive = Removal { to: Some("/archive".to_owned()), ..removal(RemovedBy::Archive) };
    ledger.remove(window(10, 20), &removal(RemovedBy::Retain), held).unwrap();
    ledger.remove(window(0, 10), &removal(RemovedBy::Retain), held).unwrap();
    ledger.remove(window(20, 30), &archive, held).unwrap();
    let removed: Vec<LogWindow> = ledger.removed().iter().map(|removed| removed.window).collect();
    assert_eq!(removed, [window(0, 20), window(20, 30)]);
    assert_eq!(ledger.removed()[1].words(), "moved to /archive on 1970-01-01");
}

#[test]
fn a_record_wins_over_a_ledger_that_is_older() {
    let mut newer = ledger(&[(0, 40)]);
    newer.remove(window(0, 15), &removal(RemovedBy::Retain), held).unwrap();
    let mut older = ledger(&[(0, 40)]);
    older.adopt_removed(newer.removed());
    assert_eq!(older.removed(), newer.removed());
    assert_eq!(older.spans(), [], "what is left of the span is told by the files again");
    older.adopt_removed(newer.removed());
    assert_eq!(older.removed(), newer.removed());
    let mut lost = LogLedger::default();
    lost.adopt_removed(newer.removed());
    assert_eq!(lost.gaps(window(0, 40)), [window(15, 40)]);
}

#[test]
fn what_comes_back_is_to_be_told_by_the_files_again() {
    let mut ledger = ledger(&[(0, 40)]);
    ledger.remove(window(0, 15), &removal(RemovedBy::Archive), held).unwrap();
    assert!(ledger.bring_back(window(5, 10)));
    assert!(!ledger.bring_back(window(5, 10)));
    assert_eq!(ledger.gaps(window(0, 40)), [window(5, 10)]);
    assert_eq!(ledger.record(window(5, 10), held(window(5, 10)), None), Ok(Recorded::Added));
}

#[test]
fn exchanged_files_count_as_the_table_has_them() {
    let whole = window(0, 40);
    let one = |window| Tally { files: 1, bytes: 9, digest: Digest(3), ..held(window) };
    let exchange = |from, to| {
        let window = window(from, to);
        Exchange { window, before: held(window), after: one(window) }
    };
    let mut ledger = ledger(&[(0, 40)]);
    let before = ledger.clone();
    let both = [exchange(0, 10), exchange(20, 40)];
    ledger.begin_exchange(&both).unwrap();
    let after = ledger.exchanged(&ledger.spans()[0]).unwrap();
    assert_eq!((after.files, after.stored, after.counted), (12, 40, Some(40)));
    let begun = ledger.clone();
    assert_eq!(ledger.begin_exchange(&both), Err(LedgerError::StillOpen(window(0, 10))));
    assert!(ledger.end_exchange(held));
    assert_eq!(ledger, before, "the step was not done");
    let mut ledger = begun;
    assert!(ledger.end_exchange(one));
    assert_eq!(ledger.spans()[0].tally, after);
    assert!(!ledger.end_exchange(one));
    let more = Exchange { after: held(whole), ..exchange(0, 10) };
    assert!(ledger.begin_exchange(&[more]).is_err(), "rows that were not there");
    let empty = Exchange { window: window(40, 50), ..exchange(0, 10) };
    assert!(ledger.begin_exchange(&[empty]).is_err(), "not complete");
}

#[test]
fn spans_that_a_new_file_lies_across_become_one() {
    let mut ledger = LogLedger::default();
    for part in [window(0, 10), window(10, 20), window(30, 40)] {
        assert_eq!(ledger.record(part, held(part), None), Ok(Recorded::Added));
    }
    let exchange = |start, end| {
        let window = window(start, end);
        Exchange { window, before: held(window), after: held(window) }
    };
    assert!(ledger.begin_exchange(&[exchange(5, 35)]).is_err());
    ledger.begin_exchange(&[exchange(5, 15)]).unwrap();
    let spans: Vec<LogWindow> = ledger.spans().iter().map(|span| span.window).collect();
    assert_eq!(spans, [window(0, 20), window(30, 40)]);
}

proptest! {
    /// Whatever goes, comes back or is adopted: every millisecond is in one state, and figures add up.
    #[test]
    fn removed_and_complete_are_two_sets_of_milliseconds(
        cuts in proptest::collection::vec((0_i64..60, 1_i64..30, any::<bool>()), 1..12),
    ) {
        let mut ledger = ledger(&[(0, 25), (25, 60)]);
        let mut gone = std::collections::BTreeSet::new();
        for (start, len, by) in cuts {
            let part = window(start, (start + len).min(60));
            let by = if by { RemovedBy::Retain } else { RemovedBy::Archive };
            ledger.remove(part, &removal(by), held).unwrap();
            gone.extend(part.start().millis()..part.end().millis());
            prop_assert_eq!(ledger.gaps(window(0, 60)), []);
        }
        for ms in 0..60 {
            let removed = ledger.removed().iter().any(|r| r.window.contains(Timestamp::from_millis(ms)));
            let complete = ledger.spans().iter().any(|s| s.window.contains(Timestamp::from_millis(ms)));
            prop_assert_eq!((removed, complete), (gone.contains(&ms), !gone.contains(&ms)));
        }
        let of_removed = ledger.removed().iter().fold(Tally::EMPTY, |all, removed| all.plus(removed.tally));
        prop_assert_eq!(ledger.total().plus(of_removed), held(window(0, 60)));
        let mut rebuilt = LogLedger::default();
        rebuilt.adopt_removed(ledger.removed());
        prop_assert_eq!(rebuilt.removed(), ledger.removed());
        for span in ledger.spans() {
            prop_assert_eq!(rebuilt.record(span.window, span.tally, None), Ok(Recorded::Added));
        }
        prop_assert_eq!(rebuilt.gaps(window(0, 60)), []);
    }
}
