use proptest::prelude::*;

use super::*;

fn window(start: i64, end: i64) -> LogWindow {
    LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end)).unwrap()
}

fn rows(n: u64) -> Tally {
    Tally { fetched: n, stored: n, counted: Some(n), files: 1, bytes: n, ..Tally::default() }
}

fn spans(ledger: &LogLedger) -> String {
    let text: Vec<String> = ledger
        .spans()
        .iter()
        .map(|s| format!("{}..{}={}", s.window.start().millis(), s.window.end().millis(), s.tally.fetched))
        .collect();
    text.join(" ")
}

#[test]
fn neighbours_merge_and_gaps_stay() {
    let mut ledger = LogLedger::default();
    for (start, end, n) in [(0, 10, 1), (20, 30, 2), (40, 50, 4), (10, 20, 8)] {
        assert_eq!(ledger.record(window(start, end), rows(n)), Ok(Recorded::Added));
    }
    assert_eq!(spans(&ledger), "0..30=11 40..50=4");
    assert_eq!(ledger.gaps(window(5, 60)), [window(30, 40), window(50, 60)]);
}

#[test]
fn the_same_window_again_changes_nothing_and_a_straddling_one_is_refused() {
    let mut ledger = LogLedger::default();
    assert_eq!(ledger.record(window(0, 10), rows(1)), Ok(Recorded::Added));
    let before = ledger.clone();
    assert_eq!(ledger.record(window(2, 10), rows(1)), Ok(Recorded::AlreadyThere));
    assert!(ledger.record(window(5, 15), rows(1)).is_err());
    assert!(ledger.record(window(-5, 15), rows(1)).is_err());
    assert_eq!(ledger, before);
}

#[test]
fn figures_that_lose_events_are_refused() {
    let mut ledger = LogLedger::default();
    let short = Tally { counted: Some(5), ..rows(4) };
    let lost = Tally { stored: 3, ..rows(4) };
    for tally in [short, lost] {
        assert!(ledger.record(window(0, 10), tally).is_err());
    }
    assert_eq!(ledger, LogLedger::default());
}

#[test]
fn an_open_window_closes_when_its_parts_are_complete() {
    let mut ledger = LogLedger::default();
    let now = Timestamp::from_millis(99);
    ledger.leave_open(window(0, 10), "short", now);
    ledger.leave_open(window(0, 10), "short again", now);
    assert_eq!((ledger.open().len(), ledger.open()[0].tries), (1, 2));
    assert_eq!(ledger.record(window(0, 4), rows(1)), Ok(Recorded::Added));
    assert_eq!(ledger.open()[0].window, window(4, 10));
    assert_eq!(ledger.record(window(4, 10), rows(1)), Ok(Recorded::Added));
    assert!(ledger.open().is_empty());
}

#[test]
fn the_position_stops_at_the_first_gap() {
    let mut ledger = LogLedger::default();
    assert_eq!(ledger.position(), None);
    ledger.start_tail(Timestamp::from_millis(0));
    assert_eq!(ledger.position(), Some(Timestamp::from_millis(0)));
    assert_eq!(ledger.record(window(10, 20), rows(1)), Ok(Recorded::Added));
    assert_eq!(ledger.position(), Some(Timestamp::from_millis(0)));
    assert_eq!(ledger.record(window(0, 10), rows(1)), Ok(Recorded::Added));
    assert_eq!(ledger.position(), Some(Timestamp::from_millis(20)));
}

proptest! {
    /// Against a plain bit for each millisecond: nothing is ever recorded twice, no gap is closed by accident, the
    /// complete part only grows.
    #[test]
    fn the_ledger_is_a_set_of_milliseconds(
        windows in proptest::collection::vec((0_i64..60, 1_i64..15, any::<bool>()), 1..40)
    ) {
        let mut ledger = LogLedger::default();
        let mut bits = [false; 80];
        for (start, len, countable) in windows {
            let one = window(start, start + len);
            let covered = (start..start + len).filter(|ms| bits[usize::try_from(*ms).unwrap()]).count();
            let n = u64::try_from(len).unwrap();
            let tally = if countable { rows(n) } else { Tally { counted: None, ..rows(n) } };
            let outcome = ledger.record(one, tally);
            match covered {
                0 => {
                    prop_assert_eq!(outcome, Ok(Recorded::Added));
                    (start..start + len).for_each(|ms| bits[usize::try_from(ms).unwrap()] = true);
                }
                // Inside what is complete, although perhaps over two spans that could not merge.
                c if c == usize::try_from(len).unwrap() => prop_assert!(outcome != Ok(Recorded::Added)),
                _ => prop_assert!(outcome.is_err()),
            }
            let all = window(0, 80);
            let mut open = [true; 80];
            for span in ledger.spans() {
                (span.window.start().millis()..span.window.end().millis()).for_each(|ms| open[usize::try_from(ms).unwrap()] = false);
            }
            for ms in 0..80 {
                prop_assert_eq!(open[ms], !bits[ms]);
                let at = Timestamp::from_millis(i64::try_from(ms).unwrap());
                prop_assert_eq!(ledger.gaps(all).iter().any(|gap| gap.contains(at)), open[ms]);
            }
            prop_assert_eq!(ledger.total().fetched, u64::try_from(bits.iter().filter(|b| **b).count()).unwrap());
        }
    }
}
