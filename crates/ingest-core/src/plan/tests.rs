use proptest::prelude::*;

use super::*;

fn window(start: i64, end: i64) -> LogWindow {
    LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end)).unwrap()
}

fn policy(window_rows: u64) -> Policy {
    Policy { settle_delay: Duration::ZERO, first_start: Timestamp::from_millis(0), window_rows }
}

fn reply(from: i64, slice_ms: i64, slices: &[u64]) -> CountReply {
    CountReply {
        total: slices.iter().sum(),
        from: Timestamp::from_millis(from),
        slice_ms,
        slices: slices.to_vec(),
    }
}

#[track_caller]
fn check(slices: &[u64], rows: u64, want: &str) {
    let span = window(0, 10 * i64::try_from(slices.len()).unwrap());
    let pieces = carve(span, &reply(0, 10, slices), &policy(rows));
    let text: Vec<String> = pieces
        .iter()
        .map(|p| {
            let mark = match p.work {
                Work::Empty => "-",
                Work::Fetch { .. } => "",
                Work::Recount => "?",
                Work::Beyond => "!",
            };
            format!("{mark}{}..{}", p.window.start().millis(), p.window.end().millis())
        })
        .collect();
    assert_eq!(text.join(" "), want);
}

#[test]
fn windows_are_sized_by_the_servers_counts() {
    check(&[0, 0, 0], 5, "-0..30");
    check(&[1, 1, 1], 5, "0..30");
    check(&[3, 3, 3], 5, "0..10 10..20 20..30");
    check(&[2, 2, 2], 4, "0..20 20..30");
    check(&[3, 0, 3], 5, "0..20 20..30");
}

#[test]
fn an_empty_stretch_leaves_its_first_millisecond_to_the_window_before() {
    check(&[6, 0, 0, 0, 1], 6, "0..11 -11..40 40..50");
    check(&[0, 0, 6, 6], 6, "-0..20 20..30 30..40");
    check(&[6, 6, 0, 0], 6, "0..10 10..21 -21..40");
}

#[test]
fn a_slice_that_is_too_full_is_counted_again() {
    check(&[1, 9, 1], 5, "0..10 ?10..20 20..30");
}

#[test]
fn without_usable_slices_the_span_is_halved() {
    let pieces = carve(window(0, 100), &reply(0, 0, &[50]), &policy(10));
    assert_eq!(pieces.iter().map(|p| p.work).collect::<Vec<_>>(), [Work::Recount, Work::Recount]);
}

#[test]
fn a_clock_that_went_backwards_plans_nothing() {
    let mut ledger = LogLedger::default();
    ledger.start_tail(Timestamp::from_millis(1_000));
    assert_eq!(tail(&ledger, &policy(1), Timestamp::from_millis(500)), None);
}

#[test]
fn auto_takes_the_query_while_requests_last() {
    assert_eq!(way(FetchMode::Auto, 1_000, 500, 4), Way::Query);
    assert_eq!(way(FetchMode::Auto, 1_001, 500, 4), Way::Download);
    assert_eq!(way(FetchMode::Query, 1_000_000, 500, 0), Way::Query);
}

proptest! {
    /// Whatever the counts: the pieces tile the span, and an event is never in a piece called empty, under either
    /// reading of a slice's edges.
    #[test]
    fn pieces_tile_the_span_and_empty_ones_are_empty(
        events in proptest::collection::vec(0_i64..200, 0..40), slice_ms in 1_i64..60, rows in 1_u64..20,
        start_offset in 0_i64..2, left_open: bool,
    ) {
        let span = window(0, 200);
        let from = -start_offset;
        let slices_n = (200 + start_offset + slice_ms - 1) / slice_ms;
        let mut slices = vec![0_u64; usize::try_from(slices_n).unwrap()];
        for t in &events {
            let place = if left_open { (t - from - 1).max(0) / slice_ms } else { (t - from) / slice_ms };
            slices[usize::try_from(place).unwrap()] += 1;
        }
        let pieces = carve(span, &reply(from, slice_ms, &slices), &policy(rows));
        prop_assert_eq!(pieces.first().unwrap().window.start(), span.start());
        prop_assert_eq!(pieces.last().unwrap().window.end(), span.end());
        for pair in pieces.windows(2) {
            prop_assert_eq!(pair[0].window.end(), pair[1].window.start());
        }
        for t in events {
            let at = Timestamp::from_millis(t);
            prop_assert!(!pieces.iter().any(|p| p.work == Work::Empty && p.window.contains(at)), "event at {}", t);
        }
    }
}
