//! What the API's documentation leaves open: the client passes in every position of every switch.

use rapid7_sim::{Kind, LogSpec, SWITCHES, SimConfig, parse_moment};

use crate::scenario::{NOW, Scenario, judge, run};

fn sim(count: u64) -> SimConfig {
    let to_ms = Some(parse_moment(NOW).unwrap() - 30 * 60_000);
    let sim = SimConfig { to_ms, ..SimConfig::default() };
    sim.with_log(LogSpec::generated("fw", Kind::Csv, count)).with_log(LogSpec::generated(
        "auth",
        Kind::Json,
        300,
    ))
}

#[track_caller]
fn check(switches: &[(&str, &str)], mode: &str) {
    let mut sim = sim(2_500);
    for (key, value) in switches {
        sim.semantics.set(key, value).unwrap();
    }
    let scenario = Scenario::new(sim).with("FETCH_MODE", mode).with("WINDOW_ROWS", "1000");
    judge(&run(&scenario), &format!("{switches:?} {mode}"));
}

#[test]
fn all_four_bounds_by_query_and_by_download() {
    for from in ["inclusive", "exclusive"] {
        for to in ["exclusive", "inclusive"] {
            for submit in ["200", "202", "202-every-page", "mixed"] {
                let switches = [("from_bound", from), ("to_bound", to), ("submit_answer", submit)];
                check(&switches, "query");
                check(&switches, "download");
            }
        }
    }
}

/// Words that a switch lists as its values; numbers are left to the tests that need them.
fn values(listed: &str) -> Vec<&str> {
    listed.split('|').map(str::trim).filter(|v| *v != "N" && !v.is_empty()).collect()
}

#[test]
fn every_switch_in_every_position() {
    for switch in SWITCHES {
        // The CSV pages endpoint has a test of its own.
        if switch.key.starts_with("csv_") {
            continue;
        }
        for value in values(switch.values) {
            check(&[(switch.key, value)], "auto");
        }
    }
}

#[test]
fn events_that_become_visible_late_are_not_missed() {
    check(&[("visibility_lag_ms", "120000")], "query");
    check(&[("visibility_lag_ms", "120000")], "download");
}

#[test]
fn csv_pages_are_joined_whatever_their_form() {
    for answer in ["text", "json-data", "json-logs"] {
        for header in ["every", "first"] {
            for newline in ["true", "false"] {
                let to_ms = Some(parse_moment(NOW).unwrap() - 30 * 60_000);
                let log = LogSpec::generated("fw", Kind::Csv, 2_500);
                let mut sim = SimConfig { to_ms, ..SimConfig::default() }.with_log(log);
                for (key, value) in
                    [("csv_answer", answer), ("csv_header", header), ("csv_final_newline", newline)]
                {
                    sim.semantics.set(key, value).unwrap();
                }
                let mut scenario = Scenario::new(sim).with("BATCH_SIZE", "100");
                scenario.path = "/v1";
                let ran = run(&scenario);
                let context = format!("{answer} {header} {newline}");
                let account = ran.sim.account.lock().unwrap();
                let wanted = account.truth_events("fw", i64::MIN, i64::MAX).unwrap();
                let mut wanted: Vec<String> = wanted.map(|event| event.message).collect();
                let stored = crate::stored::read(ran.output.path());
                let log = stored.values().next().unwrap_or_else(|| panic!("{context}: nothing stored"));
                let mut have: Vec<String> = log.rows.iter().map(|row| row.raw.clone()).collect();
                wanted.sort();
                have.sort();
                assert!(log.quarantined.is_empty(), "{context}: {:?}", log.quarantined);
                assert!(wanted == have, "{context}: {} wanted, {} stored", wanted.len(), have.len());
            }
        }
    }
}
