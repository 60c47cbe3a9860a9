//! A truncated answer is an error that keeps its window open: one row for each way in which an answer can be cut.

use std::time::Duration;

use log_ingestion::exit::Exit;
use rapid7_sim::{Kind, LogSpec, SimConfig, parse_moment};

use crate::account::ORIGIN;
use crate::scenario::{NOW, Ran, Scenario, judge, run, run_once};

fn sim() -> SimConfig {
    let to_ms = Some(parse_moment(NOW).unwrap() - 30 * 60_000);
    SimConfig { to_ms, ..SimConfig::default() }.with_log(LogSpec::generated("fw", Kind::Csv, 2_500))
}

/// A pass with a fault at every chance, or a switch in this position.
fn cut(fault: &str, mode: &str) -> Ran {
    let mut sim = sim();
    match fault.split_once(' ') {
        Some((key, value)) => {
            sim.semantics.set("submit_answer", "202").unwrap();
            sim.semantics.set(key, value).unwrap();
        }
        None => sim.faults.add(&format!("{fault}=1.0")).unwrap(),
    }
    run_once(&Scenario::new(sim).with("FETCH_MODE", mode).with("RETRY_ATTEMPTS", "1"))
}

/// Asserts that a pass under the fault keeps a window open, and says why.
#[track_caller]
fn check(fault: &str, mode: &str, said: &str) {
    let ran = cut(fault, mode);
    assert_eq!(ran.report.exit(), Exit::TryLater, "{fault}: {:?}", ran.report);
    let log = &ran.report.logs[0];
    assert!(log.open > 0, "{fault}: {log:?}");
    let error = log.last_error.as_deref().unwrap_or_default();
    assert!(error.contains(said), "{fault}: {error}");
    assert!(log.tally.fetched < 2_500, "{fault}");
}

#[test]
fn a_truncated_answer_keeps_the_window_open() {
    for (fault, mode, said) in [
        ("next_link_missing", "query", "end at 500 events with a full page, but the server counts"),
        ("next_link_repeats", "query", "the Next link repeats itself"),
        ("empty_page_with_next", "query", "the Next link repeats itself"),
        ("dwindling_per_page", "query", "events a page, where the query asked for"),
        ("default_query_trap:submit", "query", "answered another query"),
        ("default_query_trap:statistics", "query", "answered another query"),
        ("default_statement_trap:submit", "query", "where(error)"),
        ("default_statement_trap:statistics", "query", "where(error)"),
        ("beyond_retention_header_with_zero_rows:submit", "query", "beyond the source's retention"),
        ("beyond_retention_header_with_zero_rows:statistics", "query", "beyond the source's retention"),
        ("count_self_disagrees", "query", "disagrees with itself"),
        ("continuation_expiry_ms 100", "query", "the query expired 3 times"),
        (
            "foreign_host_in_link:submit",
            "query",
            "https://logs.example.net, which is not the configured origin",
        ),
        ("download_cut_with_clean_end", "download", "events came, but the server counts"),
        ("download_limit_hit", "download", "events came, but the server counts"),
        ("download_rows_dropped", "download", "events came, but the server counts"),
        ("download_cut_without_last_chunk", "download", "was cut"),
    ] {
        check(fault, mode, said);
    }
}

#[test]
fn the_key_never_follows_a_foreign_link() {
    for fault in ["foreign_host_in_link", "redirect_to_foreign_host:submit"] {
        let ran = cut(fault, "query");
        assert_eq!(ran.report.exit(), Exit::TryLater, "{fault}: {:?}", ran.report);
        let sent = ran.sim.sent.lock().unwrap();
        assert!(!sent.is_empty() && sent.iter().all(|one| one.url.starts_with(ORIGIN)), "{fault}");
    }
}

#[test]
fn rows_that_come_again_on_the_next_page_are_stored_once() {
    let mut sim = sim();
    sim.faults.add("duplicate_event_at_page_border=1.0").unwrap();
    let ran = run_once(&Scenario::new(sim).with("FETCH_MODE", "query"));
    assert!(ran.sim.account.lock().unwrap().stats().fired("duplicate_event_at_page_border") > 0);
    judge(&ran, "repeated rows");
}

/// What came before such a link is thrown away. The next query asks for pages of the server's size, and its links agree with it.
#[test]
fn a_window_whose_pages_shrink_is_asked_for_again_with_the_servers_size() {
    let mut sim = sim();
    sim.faults.add("shrunk_per_page=1.0").unwrap();
    let ran = run(&Scenario::new(sim).with("FETCH_MODE", "query").with("PARALLEL_WINDOWS", "1"));
    judge(&ran, "shrunk pages");
    let sent = ran.sim.sent.lock().unwrap();
    let sizes = sent.iter().filter(|one| one.url.contains("per_page=") && !one.url.contains("next_page"));
    let of = |size: &str| sizes.clone().filter(|one| one.url.split('&').any(|pair| pair == size)).count();
    assert_eq!((of("per_page=500"), of("per_page=50")), (1, sizes.clone().count() - 1));
    assert!(ran.sim.account.lock().unwrap().stats().requests["next"][&200] > 20);
    assert!(ran.report.duration < Duration::from_secs(60));
}
