//! What went wrong in other collectors of these logs, each as a test: a sentence on what happened there, and the proof that
//! it does not happen here.

use std::time::Duration;

use log_ingestion::exit::Exit;
use rapid7_sim::{Kind, LogSpec, SimConfig, parse_moment};

use crate::scenario::{NOW, Ran, Scenario, judge, run, run_once};
use crate::stored;

fn sim(switches: &[(&str, &str)], faults: &[&str]) -> SimConfig {
    let to_ms = Some(parse_moment(NOW).unwrap() - 30 * 60_000);
    let sim = SimConfig { to_ms, ..SimConfig::default() };
    let mut sim = sim.with_log(LogSpec::generated("fw", Kind::Csv, 1_700));
    for (key, value) in switches {
        sim.semantics.set(key, value).unwrap();
    }
    for fault in faults {
        sim.faults.add(fault).unwrap();
    }
    sim
}

#[track_caller]
fn complete(switches: &[(&str, &str)], faults: &[&str]) -> Ran {
    let ran = run(&Scenario::new(sim(switches, faults)).with("FETCH_MODE", "query"));
    judge(&ran, &format!("{switches:?} {faults:?}"));
    ran
}

/// Elsewhere: the empty list of events in the reply of a query that still ran was taken for "no rows", and the window was
/// marked as done.
#[test]
fn a_pending_empty_list_is_not_zero_rows() {
    for submit in ["202", "202-every-page"] {
        for status in ["200", "202"] {
            let ran = complete(&[("submit_answer", submit), ("poll_running_status", status)], &[]);
            assert_eq!(ran.passes, 1);
        }
    }
}

/// Elsewhere: waits after a 429 were capped at 60 s, so that all retries were spent long before the quota's window of 15
/// minutes was over, and the window was given up.
#[test]
fn a_429_is_waited_out_for_as_long_as_it_says() {
    for class in ["statistics", "submit", "next", "management"] {
        let mut sim = sim(&[], &[&format!("retry_429:{class}@1")]);
        sim.faults.retry_after_s = 900;
        let scenario = Scenario::new(sim).with("FETCH_MODE", "query").with("RETRY_ATTEMPTS", "1");
        let ran = run_once(&scenario);
        judge(&ran, class);
        assert!(ran.report.duration >= Duration::from_secs(900), "{class}: {:?}", ran.report.duration);
        assert_eq!(ran.sim.account.lock().unwrap().stats().rate_limited, 1, "{class}: asked before the time");
    }
}

/// Elsewhere: the partial statistics of a count that still ran, a zero, were taken as the final figure.
#[test]
fn partial_statistics_are_not_the_count() {
    let ran = complete(&[("submit_answer", "202"), ("polls", "5")], &[]);
    assert_eq!((ran.passes, ran.report.logs[0].tally.counted), (1, Some(1_700)));
}

/// Elsewhere: sequence numbers went through 64-bit floats, lost their last digits, and rows with equal ones were dropped as
/// doubles.
#[test]
fn sequence_numbers_beyond_2_53_stay_exact() {
    for text in ["false", "true"] {
        let ran = complete(&[("sequence_str_as_number", text)], &[]);
        let stored = stored::read(ran.output.path());
        let mut have: Vec<i64> =
            stored.values().flat_map(|log| &log.rows).filter_map(|row| row.sequence).collect();
        let account = ran.sim.account.lock().unwrap();
        let truth = account.truth_events("fw", i64::MIN, i64::MAX).unwrap();
        let mut want: Vec<i64> = truth.map(|event| i64::try_from(event.sequence).unwrap()).collect();
        have.sort_unstable();
        want.sort_unstable();
        assert!(want.iter().all(|sequence| *sequence > 1 << 53), "the numbers are large enough to tell");
        assert!(have == want, "as numbers: {text}");
    }
}

/// Elsewhere: a cap on the pages of a window ended it as if it were complete, the bookmark moved to its end, and the rows
/// of the other pages were never asked for again.
#[test]
fn a_cap_on_pages_does_not_move_the_bookmark() {
    let capped = sim(&[], &["empty_page_with_next:next=1.0/3"]);
    let scenario = Scenario::new(capped).with("FETCH_MODE", "query");
    let ran = run_once(&scenario);
    assert_eq!(ran.report.exit(), Exit::TryLater, "{:?}", ran.report);
    assert!(ran.report.logs[0].open > 0);
    let ran = run(&scenario);
    assert!(ran.passes > 1);
    judge(&ran, "after passes that met the cap");
}
