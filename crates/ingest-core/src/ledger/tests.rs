use proptest::prelude::*;

use super::*;

fn window(start: i64, end: i64) -> LogWindow {
    LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end)).unwrap()
}

fn rows(n: u64) -> Tally {
    Tally { fetched: n, stored: n, counted: Some(n), files: 1, bytes: n, ..Tally::EMPTY }
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
fn gaps_stay_whatever_the_order() {
    let mut ledger = LogLedger::default();
    for (start, end, n) in [(0, 10, 1), (20, 30, 2), (40, 50, 4), (10, 20, 8)] {
        assert_eq!(ledger.record(window(start, end), rows(n), None), Ok(Recorded::Added));
    }
    ledger.merge(Duration::ZERO, Timestamp::from_millis(0));
    assert_eq!(spans(&ledger), "0..30=11 40..50=4");
    assert_eq!(ledger.gaps(window(5, 60)), [window(30, 40), window(50, 60)]);
}

/// The note of a complete window could not be saved, and the failure is noted with the window: it holds nothing up.
#[test]
fn what_is_complete_is_not_left_open() {
    let mut ledger = LogLedger::default();
    assert_eq!(ledger.record(window(0, 10), rows(1), None), Ok(Recorded::Added));
    ledger.leave_open(window(0, 10), "the disk is full", Timestamp::from_millis(0));
    assert_eq!(ledger.open(), []);
    ledger.leave_open(window(5, 20), "away", Timestamp::from_millis(0));
    let open: Vec<_> = ledger.open().iter().map(|open| open.window).collect();
    assert_eq!(open, [window(10, 20)]);
}

#[test]
fn the_same_window_again_changes_nothing_and_a_straddling_one_is_refused() {
    let mut ledger = LogLedger::default();
    assert_eq!(ledger.record(window(0, 10), rows(1), None), Ok(Recorded::Added));
    let before = ledger.clone();
    assert_eq!(ledger.record(window(2, 10), rows(1), None), Ok(Recorded::AlreadyThere));
    assert!(ledger.record(window(5, 15), rows(1), None).is_err());
    assert!(ledger.record(window(-5, 15), rows(1), None).is_err());
    assert_eq!(ledger, before);
}

#[test]
fn figures_that_lose_events_are_refused() {
    let mut ledger = LogLedger::default();
    let short = Tally { counted: Some(5), ..rows(4) };
    let lost = Tally { stored: 3, ..rows(4) };
    for tally in [short, lost] {
        assert!(ledger.record(window(0, 10), tally, None).is_err());
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
    assert_eq!(ledger.record(window(0, 4), rows(1), None), Ok(Recorded::Added));
    assert_eq!(ledger.open()[0].window, window(4, 10));
    assert_eq!(ledger.record(window(4, 10), rows(1), None), Ok(Recorded::Added));
    assert!(ledger.open().is_empty());
}

#[test]
fn the_position_stops_at_the_first_gap() {
    let mut ledger = LogLedger::default();
    assert_eq!(ledger.position(), None);
    ledger.start_tail(Timestamp::from_millis(0));
    assert_eq!(ledger.position(), Some(Timestamp::from_millis(0)));
    assert_eq!(ledger.record(window(10, 20), rows(1), None), Ok(Recorded::Added));
    assert_eq!(ledger.position(), Some(Timestamp::from_millis(0)));
    assert_eq!(ledger.record(window(0, 10), rows(1), None), Ok(Recorded::Added));
    assert_eq!(ledger.position(), Some(Timestamp::from_millis(20)));
}

#[test]
fn a_span_opened_again_is_exactly_what_was_named() {
    let mut ledger = LogLedger::default();
    let now = Timestamp::from_millis(99);
    let span = |start, end, n| Span::new(window(start, end), rows(n), None);
    for (start, end, n) in [(0, 10, 1), (10, 20, 2), (20, 30, 4)] {
        assert_eq!(ledger.record(window(start, end), rows(n), None), Ok(Recorded::Added));
    }
    ledger.merge(Duration::ZERO, now);
    let before = ledger.clone();
    let held = span(10, 20, 2);
    for rest in [
        vec![],
        vec![span(0, 10, 1)],
        vec![span(0, 15, 1), span(20, 30, 4)],
        vec![span(0, 10, 1), span(20, 31, 4)],
    ] {
        assert_eq!(ledger.reopen(held, &rest, "grew", now), Err(LedgerError::NotTiled(held.window)));
    }
    assert_eq!(ledger, before);
    ledger.reopen(held, &[span(0, 10, 1), span(20, 30, 4)], "grew", now).unwrap();
    assert_eq!(spans(&ledger), "0..10=1 20..30=4");
    assert_eq!(ledger.gaps(window(0, 30)), [window(10, 20)]);
    // Its old file is still there: nothing but its replacement may be recorded.
    assert_eq!(
        ledger.record(window(10, 15), rows(1), None),
        Err(LedgerError::NotTheReplaced(window(10, 15)))
    );
    ledger.leave_open(window(10, 20), "the API is away", now);
    ledger.leave_open(window(5, 40), "the whole day could not be counted", now);
    assert_eq!(ledger.open().iter().filter(|open| open.held == Some(rows(2))).count(), 1);
    assert_eq!(ledger.record(window(10, 20), rows(3), None), Ok(Recorded::Added));
    assert!(ledger.open().iter().all(|open| open.held.is_none()));
    assert_eq!(ledger.total().fetched, 8);
}

#[test]
fn a_span_is_corrected_by_parts_that_are_exactly_all_of_it() {
    let span = |start, end, n| Span::new(window(start, end), rows(n), None);
    let mut ledger = LogLedger::default();
    for (start, end, n) in [(0, 30, 7), (40, 50, 1)] {
        assert_eq!(ledger.record(window(start, end), rows(n), None), Ok(Recorded::Added));
    }
    let before = ledger.clone();
    for (whole, parts) in [
        (window(0, 30), vec![]),
        (window(0, 30), vec![span(0, 20, 5)]),
        (window(0, 30), vec![span(0, 20, 5), span(21, 30, 1)]),
        (window(0, 30), vec![span(0, 20, 5), span(10, 30, 1)]),
        (window(0, 30), vec![span(0, 20, 5), span(20, 31, 1)]),
        (window(0, 20), vec![span(0, 20, 5)]),
    ] {
        assert_eq!(ledger.correct(whole, &parts), Err(LedgerError::NotTiled(whole)), "{parts:?}");
    }
    assert_eq!(ledger, before);
    ledger.correct(window(0, 30), &[span(0, 20, 5), span(20, 30, 0)]).unwrap();
    assert_eq!(spans(&ledger), "0..20=5 20..30=0 40..50=1");
    assert_eq!((ledger.total().fetched, ledger.gaps(window(0, 50))), (6, vec![window(30, 40)]));
}

#[test]
fn windows_with_an_old_file_are_never_forgotten() {
    let mut ledger = LogLedger::default();
    let now = Timestamp::from_millis(0);
    assert_eq!(ledger.record(window(5_000, 5_001), rows(1), None), Ok(Recorded::Added));
    ledger.reopen(Span::new(window(5_000, 5_001), rows(1), None), &[], "grew", now).unwrap();
    (0..2_000).for_each(|n| ledger.leave_open(window(n * 2, n * 2 + 1), "away", now));
    assert_eq!(ledger.open().len(), OPEN_MAX);
    assert!(ledger.open().iter().any(|open| open.held.is_some()));
}

#[test]
fn what_the_server_lost_is_neither_complete_nor_planned_but_passed() {
    let mut ledger = LogLedger::default();
    ledger.start_tail(Timestamp::from_millis(0));
    ledger.leave_open(window(0, 10), "beyond retention", Timestamp::from_millis(50));
    ledger.lose(window(0, 10));
    assert_eq!(
        (ledger.beyond(), ledger.open().len(), ledger.total().fetched),
        ([window(0, 10)].as_slice(), 0, 0)
    );
    assert_eq!(ledger.position(), Some(Timestamp::from_millis(10)));
    assert_eq!(crate::plan::missing(&ledger, window(0, 20), true).len(), 1);
    assert_eq!(ledger.record(window(4, 20), rows(1), None), Ok(Recorded::Added));
    assert_eq!(ledger.beyond(), [window(0, 4)]);
    ledger.hope_again(window(0, 2));
    assert_eq!(ledger.gaps(window(0, 20)), [window(0, 4)]);
    assert_eq!(ledger.beyond(), [window(2, 4)]);
}

#[test]
fn merging_bounds_the_size_and_keeps_every_figure() {
    let day = Duration::from_secs(86_400);
    let minute = 60_000;
    let mut ledger = LogLedger::default();
    let end = 200 * 1_440;
    for n in (0..end).step_by(5) {
        let window = window(n * minute, (n + 5) * minute);
        let now = window.end().plus_millis(5 * minute);
        assert_eq!(ledger.record(window, rows(1), Some(now)), Ok(Recorded::Added));
        if n % 1_440 == 0 {
            ledger.confirm(window_before(window), now);
            ledger.merge(day, now);
        }
    }
    ledger.merge(day, Timestamp::from_millis(end * minute));
    assert_eq!(ledger.total().fetched, u64::try_from(end / 5).unwrap());
    assert!(ledger.spans().len() < 200, "{} spans", ledger.spans().len());
    assert_eq!(ledger.gaps(window(0, end * minute)), []);
}

fn window_before(window: LogWindow) -> LogWindow {
    LogWindow::new(Timestamp::from_millis(-1), window.start().plus_millis(-86_400_000)).unwrap_or(window)
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
            let outcome = ledger.record(one, tally, None);
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

/// What stays of the complete spans when `window` is cut out: a millisecond each, as files of one would be.
fn rest_of(ledger: &LogLedger, window: LogWindow) -> Vec<Span> {
    let taken = ledger.spans().iter().filter(|span| span.window.overlaps(window));
    let left = taken.flat_map(|span| span.window.without(window));
    let milliseconds = left.flat_map(|left| left.start().millis()..left.end().millis());
    milliseconds.map(|ms| Span::new(LogWindow::new(at(ms), at(ms + 1)).unwrap(), rows(1), None)).collect()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

proptest! {
    /// Windows recorded, opened again, lost and merged in any order: what is complete is exactly what was recorded and not
    /// opened since, every figure is there once, and a window whose old file is in the table is replaced by itself alone.
    #[test]
    fn what_is_opened_again_is_neither_complete_nor_forgotten(
        steps in proptest::collection::vec((0_u8..4, 0_i64..60, 1_i64..12), 1..60)
    ) {
        let mut ledger = LogLedger::default();
        let mut complete = [false; 80];
        let mut held: Vec<LogWindow> = Vec::new();
        for (step, start, len) in steps {
            let one = window(start, start + len);
            let range = usize::try_from(start).unwrap()..usize::try_from(start + len).unwrap();
            match step {
                0 | 1 => {
                    let in_way = held.iter().any(|held| held.overlaps(one) && *held != one);
                    let outcome = ledger.record(one, rows(u64::try_from(len).unwrap()), Some(at(500)));
                    if !in_way && !complete[range.clone()].contains(&true) {
                        prop_assert_eq!(outcome, Ok(Recorded::Added));
                        complete[range].fill(true);
                        held.retain(|held| *held != one);
                    } else {
                        prop_assert!(outcome != Ok(Recorded::Added));
                    }
                }
                2 => {
                    let rest = rest_of(&ledger, one);
                    let outcome = ledger.reopen(Span::new(one, rows(1), None), &rest, "differs", at(600));
                    let whole = !complete[range.clone()].contains(&false);
                    prop_assert_eq!(outcome.is_ok(), whole);
                    if whole {
                        complete[range].fill(false);
                        held.push(one);
                    }
                }
                _ => {
                    ledger.lose(one);
                    ledger.leave_open(one, "away", at(700));
                    ledger.merge(Duration::from_millis(5), at(800));
                }
            }
            let all = window(0, 80);
            for (ms, complete) in (0..80).zip(complete) {
                prop_assert_eq!(ledger.gaps(all).iter().any(|gap| gap.contains(at(ms))), !complete);
            }
            prop_assert_eq!(ledger.total().fetched, u64::try_from(complete.iter().filter(|c| **c).count()).unwrap());
            let mut known: Vec<LogWindow> = ledger.open().iter().filter(|o| o.held.is_some()).map(|o| o.window).collect();
            known.sort_unstable();
            held.sort_unstable();
            prop_assert_eq!(&known, &held);
            for due in crate::plan::missing(&ledger, all, true) {
                prop_assert!(due.replaces == held.contains(&due.window));
            }
        }
    }
}
