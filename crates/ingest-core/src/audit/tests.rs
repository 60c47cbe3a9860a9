use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::ledger::{Recorded, Tally};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn window(start: i64, end: i64) -> LogWindow {
    LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end)).unwrap()
}

fn minutes(start: i64, end: i64) -> LogWindow {
    window(start * 60_000, end * 60_000)
}

fn rows(n: u64) -> Tally {
    Tally { fetched: n, stored: n, counted: Some(n), ..Tally::EMPTY }
}

/// A ledger of 20-minute windows, each counted five minutes after its end.
fn ledger(windows: i64) -> LogLedger {
    let mut ledger = LogLedger::default();
    for n in 0..windows {
        let window = minutes(n * 20, n * 20 + 20);
        let proved = window.end().plus_millis(300_000);
        assert_eq!(ledger.record(window, rows(5), Some(proved)), Ok(Recorded::Added));
    }
    ledger
}

fn due_minutes(ledger: &LogLedger, now_minutes: i64) -> Vec<(i64, i64)> {
    let runs = due(ledger, &[HOUR, DAY], Timestamp::from_millis(now_minutes * 60_000));
    let ends = |run: &Run| {
        let (first, last) = (run.parts.first().unwrap(), run.parts.last().unwrap());
        (first.window.start().millis() / 60_000, last.window.end().millis() / 60_000)
    };
    runs.iter().map(ends).collect()
}

#[test]
fn windows_are_due_once_at_each_age() {
    let mut ledger = ledger(3);
    assert_eq!(due_minutes(&ledger, 60), []);
    assert_eq!(due_minutes(&ledger, 80), [(0, 20)]);
    assert_eq!(due_minutes(&ledger, 100), [(0, 40)]);
    ledger.confirm(minutes(0, 40), Timestamp::from_millis(100 * 60_000));
    assert_eq!(due_minutes(&ledger, 120), [(40, 60)]);
    ledger.confirm(minutes(40, 60), Timestamp::from_millis(120 * 60_000));
    assert_eq!(due_minutes(&ledger, 1_400), []);
    assert_eq!(due_minutes(&ledger, 1_500), [(0, 60)]);
    ledger.confirm(minutes(0, 60), Timestamp::from_millis(1_500 * 60_000));
    assert_eq!(due_minutes(&ledger, 999_999), []);
}

#[test]
fn what_nobody_can_count_is_never_due_and_what_nobody_knows_is() {
    let mut ledger = LogLedger::default();
    let uncounted = Tally { counted: None, ..rows(1) };
    assert_eq!(ledger.record(minutes(0, 20), uncounted, None), Ok(Recorded::Added));
    assert_eq!(ledger.record(minutes(20, 40), rows(1), None), Ok(Recorded::Added));
    assert_eq!(due_minutes(&ledger, 9_999), [(20, 40)]);
    ledger.settle_for_ever(minutes(20, 40));
    assert_eq!(due_minutes(&ledger, 9_999), []);
}

#[test]
fn gaps_and_a_month_end_a_run() {
    let mut ledger = LogLedger::default();
    let days = |a: i64, b: i64| minutes(a * 1_440, b * 1_440);
    for day in (0..40).filter(|day| *day != 3) {
        assert_eq!(ledger.record(days(day, day + 1), rows(1), None), Ok(Recorded::Added));
    }
    let runs = all(&ledger, days(0, 100));
    let lengths: Vec<usize> = runs.iter().map(|run| run.parts.len()).collect();
    assert_eq!(lengths, [3, 31, 5]);
}

/// What a server that has `truth` events in each part answers, and how often it is asked.
fn recount(recorded: &[u64], truth: &[u64]) -> (Vec<LogWindow>, Vec<Differs>, usize) {
    let part = |(n, recorded): (i64, &u64)| Part { window: window(n * 10, n * 10 + 10), recorded: *recorded };
    let parts = (0..).zip(recorded).map(part).collect();
    let mut recount = Recount::new(Run { parts });
    let mut asked = 0;
    while let Some(span) = recount.ask() {
        asked += 1;
        assert!(asked <= 4 * recorded.len(), "asks for ever");
        let first = usize::try_from(span.start().millis() / 10).unwrap();
        let last = usize::try_from(span.end().millis() / 10).unwrap();
        recount.answer(truth[first..last].iter().sum());
    }
    let (agreed, differing) = recount.into_outcome();
    (agreed, differing, asked)
}

#[test]
fn one_count_settles_windows_that_agree() {
    let (agreed, differing, asked) = recount(&[3; 96], &[3; 96]);
    assert_eq!(
        (agreed.as_slice(), differing.as_slice(), asked),
        ([window(0, 960)].as_slice(), [].as_slice(), 1)
    );
}

#[test]
fn one_late_event_in_a_day_is_found_with_few_counts() {
    let mut truth = [3; 96];
    truth[70] = 4;
    let (_, differing, asked) = recount(&[3; 96], &truth);
    assert_eq!(differing, [Differs { window: window(700, 710), recorded: 3, counted: 4 }]);
    assert!(asked <= 8, "{asked} counts");
}

proptest! {
    /// Every window is settled one way; those named differ, with the server's figure; what agreed sums up to the truth.
    #[test]
    fn a_recount_finds_windows_that_differ(
        pairs in proptest::collection::vec((0_u64..4, proptest::option::weighted(0.2, 0_u64..6)), 1..60)
    ) {
        let recorded: Vec<u64> = pairs.iter().map(|(recorded, _)| *recorded).collect();
        let truth: Vec<u64> = pairs.iter().map(|(recorded, other)| other.unwrap_or(*recorded)).collect();
        let (agreed, differing, _) = recount(&recorded, &truth);
        let mut settled: BTreeMap<i64, i64> = BTreeMap::new();
        for differs in &differing {
            let n = usize::try_from(differs.window.start().millis() / 10).unwrap();
            prop_assert_eq!((differs.recorded, differs.counted), (recorded[n], truth[n]));
            prop_assert!(differs.recorded != differs.counted);
            settled.insert(differs.window.start().millis(), differs.window.end().millis());
        }
        for span in agreed {
            let (first, last) = (span.start().millis() / 10, span.end().millis() / 10);
            let range = usize::try_from(first).unwrap()..usize::try_from(last).unwrap();
            prop_assert_eq!(recorded[range.clone()].iter().sum::<u64>(), truth[range].iter().sum::<u64>());
            settled.insert(span.start().millis(), span.end().millis());
        }
        let mut at = 0;
        for (start, end) in settled {
            prop_assert_eq!(start, at, "settled twice, or not at all");
            at = end;
        }
        prop_assert_eq!(at, i64::try_from(pairs.len()).unwrap() * 10);
        let total = |counts: &[u64]| counts.iter().sum::<u64>();
        prop_assert!(total(&recorded) == total(&truth) || !differing.is_empty());
    }
}

#[test]
fn only_what_shrank_behind_the_retention_edge_was_dropped_for_its_age() {
    let now = Timestamp::from_millis(10 * 86_400_000);
    let dropped = |recorded, counted, retention, start: i64| {
        let window = window(start, start + 60_000);
        Differs { window, recorded, counted }.was_dropped_for_its_age(retention, now)
    };
    let edge = 9 * 86_400_000;
    assert!(dropped(5, 4, Some(DAY), edge));
    assert!(dropped(5, 0, Some(DAY), edge - 1));
    assert!(!dropped(5, 4, Some(DAY), edge + 1), "the source keeps it still");
    assert!(!dropped(4, 5, Some(DAY), edge - 1), "it grew");
    assert!(!dropped(5, 4, None, 0), "nobody says how long the source keeps it");
}

#[test]
fn a_span_is_confirmed_by_the_windows_that_cover_each_of_its_parts() {
    let span = |start, end| Span::new(window(start, end), rows(1), None);
    let parts = [span(0, 10), span(10, 20), span(20, 30)];
    assert!(are_confirmed(&parts, &[window(0, 20), window(20, 30)]));
    assert!(!are_confirmed(&parts, &[window(0, 20)]));
    assert!(!are_confirmed(&parts, &[window(0, 15), window(15, 30)]), "a part is counted as a whole");
    assert!(are_confirmed(&[], &[]));
}
