//! The metrics of runs, against what the runs stored and what the account served.

use std::collections::BTreeMap;
use std::sync::Arc;

use ingest_core::space::MinFree;
use ingest_store::OsDisk;
use log_ingestion::metrics::{Metric, Reader, ReaderOptions};
use rapid7_sim::{Kind, LogSpec, SimConfig, parse_moment};

use crate::program::{SimServer, outcome, run as run_process};
use crate::scenario::{NOW, Ran, Scenario, judge, run, run_once};
use crate::stored;

/// The runbook's metrics with their labels. Source: runbook, "Key Metrics".
const RUNBOOK: [&str; 8] = [
    "api_calls_total{status=\"200\"}",
    "api_calls_total{status=\"4xx\"}",
    "api_calls_total{status=\"5xx\"}",
    "api_call_duration_seconds_bucket{le=\"5\"}",
    "logs_fetched_total",
    "parse_errors_total",
    "parquet_files_written_total",
    "disk_usage_bytes",
];

fn sim(faults: &[&str]) -> SimConfig {
    let to_ms = Some(parse_moment(NOW).unwrap() - 30 * 60_000);
    let mut sim = SimConfig { to_ms, ..SimConfig::default() }
        .with_log(LogSpec::generated("fw", Kind::Csv, 3_000))
        .with_log(LogSpec::generated("auth", Kind::Json, 1_000));
    let line = |n: usize| if n % 10 == 3 { "{\"a\":1".to_owned() } else { format!("{{\"a\":{n}}}") };
    sim.logs.push(LogSpec::lines("cut", (0..50).map(line)));
    for fault in faults {
        sim.faults.add(fault).unwrap();
    }
    sim
}

/// Every series of a text by its name and labels.
fn series(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect(line);
            (name.to_owned(), value.parse().expect(line))
        })
        .collect()
}

fn reader(ran: &Ran) -> Reader {
    let options = ReaderOptions {
        disk: OsDisk::shared(),
        output_dir: ran.output.path().to_owned(),
        min_free_disk: MinFree::Nothing,
        clock: Arc::new(ran.clock.clone()),
    };
    Reader::new(Arc::clone(&ran.metrics), options)
}

/// The series of a run's metrics.
fn read(ran: &Ran) -> BTreeMap<String, f64> {
    let reader = reader(ran);
    reader.walk_if_due();
    series(&reader.text())
}

#[track_caller]
fn check(have: &BTreeMap<String, f64>, name: &str, want: f64) {
    let value = have.get(name).unwrap_or_else(|| panic!("{name} in {have:#?}"));
    assert!((value - want).abs() < 1e-6, "{name} is {value}, not {want}");
}

fn bytes_below(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let of = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => bytes_below(&entry.path()),
        false => entry.metadata().unwrap().len(),
    };
    entries.map(of).sum()
}

#[test]
fn figures_are_those_of_what_was_sent_and_stored() {
    let faults = ["http_503@3", "retry_429@5", "connection_reset_before_body@7"];
    let ran = run(&Scenario::new(sim(&faults)).with("FETCH_MODE", "query"));
    judge(&ran, "with metrics");
    let have = read(&ran);
    for name in RUNBOOK {
        assert!(have.contains_key(name), "{name} in {have:#?}");
    }
    let sent = ran.sim.sent.lock().unwrap();
    let replies =
        |low: u16, high: u16| sent.iter().filter(|it| (low..high).contains(&it.status)).count() as f64;
    check(&have, "api_calls_total{status=\"200\"}", replies(200, 300));
    check(&have, "api_calls_total{status=\"4xx\"}", replies(400, 500));
    check(&have, "api_calls_total{status=\"5xx\"}", replies(500, 600));
    check(&have, "api_call_duration_seconds_count", replies(200, 600));
    check(&have, "log_ingestion_api_failures_total{reason=\"broken\"}", replies(0, 1));
    let sum =
        |start: &str| have.iter().filter(|(name, _)| name.starts_with(start)).map(|(_, v)| v).sum::<f64>();
    assert!((sum("log_ingestion_api_rate_limited_total") - replies(429, 430)).abs() < 1e-6);
    assert!(replies(429, 430) > 0.0 && replies(500, 600) > 0.0 && replies(0, 1) > 0.0, "faults struck");
    assert!((sum("log_ingestion_api_retries_total") - replies(500, 600) - replies(0, 1)).abs() < 1e-6);
    assert!(sum("log_ingestion_quota_wait_seconds_total") > 0.0, "a 429 is waited for");
    check(&have, "logs_fetched_total", 4_050.0);
    check(&have, "parse_errors_total", 5.0);
    check(&have, "log_ingestion_rows_quarantined_total{reason=\"not_json\"}", 5.0);
    check(&have, "log_ingestion_rows_stored_total{log=\"fw\"}", 3_000.0);
    check(&have, "log_ingestion_rows_stored_total{log=\"auth\"}", 1_000.0);
    check(&have, "log_ingestion_rows_stored_total{log=\"cut\"}", 45.0);
    check(&have, "parquet_files_written_total", stored::files(ran.output.path(), "parquet").len() as f64);
    let bytes: u64 =
        stored::files(ran.output.path(), "parquet").iter().map(|p| p.metadata().unwrap().len()).sum();
    check(&have, "log_ingestion_written_bytes_total", bytes as f64);
    check(&have, "disk_usage_bytes", bytes_below(ran.output.path()) as f64);
    let ratio = have["log_ingestion_record_bytes_total"] / bytes as f64;
    check(&have, "log_ingestion_compression_ratio", ratio);
    assert!(have["log_ingestion_received_bytes_total"] > have["log_ingestion_record_bytes_total"]);
    for (log, state) in ["fw", "auth", "cut"].map(|log| (log, format!("{{log=\"{log}\"}}"))) {
        check(&have, &format!("log_ingestion_windows_open{state}"), 0.0);
        check(&have, &format!("log_ingestion_windows_short{state}"), 0.0);
        let lag = have[&format!("log_ingestion_lag_seconds{state}")];
        assert!((300.0..1_000.0).contains(&lag), "{log} lags {lag} s");
        assert!(have[&format!("log_ingestion_windows_completed_total{state}")] >= 1.0);
    }
    let ended = have["log_ingestion_last_pass_timestamp_seconds"];
    check(&have, "log_ingestion_last_success_timestamp_seconds", ended);
    check(&have, "log_ingestion_logs_not_shown", 0.0);
}

#[test]
fn every_metric_of_the_table_is_there_after_a_run_or_belongs_to_what_did_not_happen() {
    let ran = run(&Scenario::new(sim(&[])));
    let text = reader(&ran).text();
    // Of quotas only whoever holds the client knows, the disk is walked over apart, nothing missing has no edge.
    let absent = [
        Metric::QuotaRemaining,
        Metric::CircuitOpen,
        Metric::DiskUsage,
        Metric::RetentionLeft,
        Metric::LosesDataIn,
        Metric::StartTime,
    ];
    for metric in Metric::ALL {
        let facts = metric.facts();
        let kind = format!("# TYPE {} {}\n", facts.name, facts.kind.name());
        assert_eq!(text.contains(&kind), !absent.contains(metric), "{}", facts.name);
    }
}

#[test]
fn what_stays_open_is_counted_and_what_is_short_as_such() {
    let ran = run_once(&Scenario::new(sim(&["http_500:submit=1.0"])).with("FETCH_MODE", "query"));
    let have = read(&ran);
    let open = |log: &str| have[&format!("log_ingestion_windows_open{{log=\"{log}\"}}")];
    assert!(open("fw") + open("auth") + open("cut") > 0.0, "{have:#?}");
    let short: f64 = ["fw", "auth", "cut"]
        .map(|l| have[&format!("log_ingestion_windows_short{{log=\"{l}\"}}")])
        .iter()
        .sum();
    assert!(short.abs() < 1e-9, "a fault of the server is no difference of counts");
    assert!(!have.contains_key("log_ingestion_last_success_timestamp_seconds"), "{have:#?}");
    assert!(have["log_ingestion_last_pass_timestamp_seconds"] > 0.0);
}

#[test]
fn a_window_whose_count_disagrees_is_short() {
    let ran = run_once(&Scenario::new(sim(&["count_mismatch=1.0"])).with("FETCH_MODE", "query"));
    let have = read(&ran);
    let of = |name: &str| have[&format!("log_ingestion_{name}{{log=\"fw\"}}")];
    assert!(of("windows_short") > 0.0 && of("windows_short") <= of("windows_open"), "{have:#?}");
}

#[test]
fn what_the_source_is_about_to_drop_is_told_in_seconds() {
    let mut config = sim(&["http_500:submit=1.0"]);
    for log in &mut config.logs {
        log.retention_period = "1w".to_owned();
    }
    let ran = run_once(&Scenario::new(config).with("FETCH_MODE", "query"));
    let have = read(&ran);
    let left = have["log_ingestion_retention_left_seconds{log=\"fw\"}"];
    // The oldest missing instant is twelve hours old.
    assert!((6.4 * 86_400.0..6.5 * 86_400.0 + 1.0).contains(&left), "{left}");
    assert!((have["log_ingestion_loses_data_in_seconds{log=\"fw\"}"] - left).abs() < 1.0, "nothing moves on");
}

#[test]
fn one_shot_runs_write_the_textfile_and_go_on_from_it_also_when_they_fail() {
    let config = SimConfig::default().with_log(LogSpec::generated("auth", Kind::Json, 400));
    let server = SimServer::start(config);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log-ingestion.prom");
    let words = ["--settle-delay", "0s", "--metrics-textfile", file.to_str().unwrap()];
    let mut calls = Vec::new();
    for (key, code) in [("sim-key", 0), ("sim-key", 0), ("wrong", 77)] {
        let (have, said) =
            outcome(run_process(&server, &folder.path().join("out"), &words).env("RAPID7_API_KEY", key));
        assert_eq!(have, code, "{said}");
        let have = series(&std::fs::read_to_string(&file).unwrap());
        for name in RUNBOOK {
            assert!(have.contains_key(name), "{name} in {have:#?}");
        }
        check(&have, "logs_fetched_total", 400.0);
        check(&have, "log_ingestion_rows_stored_total{log=\"auth\"}", 400.0);
        check(&have, "log_ingestion_continuous", 0.0);
        let refused = if code == 77 { 1.0 } else { 0.0 };
        check(&have, "log_ingestion_api_refused_total{status=\"401\"}", refused);
        assert!(have["log_ingestion_last_success_timestamp_seconds"] > 0.0, "also of a run before");
        assert!(have["process_resident_memory_bytes"] > 0.0);
        calls.push(have["api_calls_total{status=\"200\"}"]);
    }
    assert!(0.0 < calls[0] && calls[0] < calls[1] && (calls[1] - calls[2]).abs() < 1e-9, "{calls:?}");
}
