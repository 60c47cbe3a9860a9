//! Continuous mode for a long time: memory stays flat, files and ledgers bounded, and there is no gap.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ingest_core::time::Timestamp;
use ingest_source::clock::Clock as _;
use log_ingestion::ingest::{Coverage, Ingest};
use rapid7_sim::{Kind, LogSpec, SimConfig};
use tokio_util::sync::CancellationToken;

use crate::account::{SimTransport, VirtualClock, in_virtual_time};
use crate::program::{Running, SimServer, memory_kib, note, now_ms, run};
use crate::scenario::{NOW, Scenario, judge_folder, outside, settings};
use crate::stored::files;

/// Log time of the soak.
const HOURS: i64 = 24;
const HOUR_MS: i64 = 3_600_000;
const INTERVAL: Duration = Duration::from_secs(300);
/// Passes of that time, one an interval.
const PASSES: u64 = HOURS.unsigned_abs() * 12;
/// Passes after which memory is looked at for the first time: buffers and caches have their sizes by then.
const WARM_PASSES: u64 = PASSES / 4;
/// Passes that the last windows may need beyond that time, where the server's faults strike.
const LAST_PASSES: u64 = 12;
/// Growth of resident memory that is no leak: one window's buffers more or less.
const GROWTH_MAX_KIB: u64 = 12 * 1_024;
/// Bytes of a log's ledger, whatever the number of windows: its schema, a span an hour, and a few open windows.
const LEDGER_MAX: u64 = 16 * 1_024;
/// Set for the process that the soak has for itself.
const ALONE: &str = "SOAK_ALONE";

fn account() -> SimConfig {
    let start = Timestamp::parse(NOW).unwrap().millis();
    let mut sim = SimConfig { from_ms: Some(start - HOUR_MS), ..SimConfig::default() };
    sim.to_ms = Some(start + HOURS * HOUR_MS);
    sim = sim.with_log(LogSpec::generated("fw", Kind::Csv, 60_000));
    sim = sim.with_log(LogSpec::generated("auth", Kind::Json, 30_000));
    sim = sim.with_log(LogSpec::generated("mixed", Kind::Mixed, 10_000));
    // Events are found minutes after they were received, by counts still later: within SETTLE_DELAY.
    sim.semantics.set("visibility_lag_ms", "180000").unwrap();
    sim.semantics.set("count_lag_ms", "60000").unwrap();
    for fault in ["http_503=0.05", "connection_reset_before_body=0.005", "retry_429=0.005", "html_200=0.005"]
    {
        sim.faults.add(fault).unwrap();
    }
    for fault in ["body_cut_mid_json=0.01", "download_cut_without_last_chunk=0.05", "count_mismatch=0.05"] {
        sim.faults.add(fault).unwrap();
    }
    sim
}

/// What a folder holds of ingestion's own: the files of the table, and the bytes of each ledger.
fn kept(output: &Path) -> (usize, BTreeMap<String, u64>) {
    let ledgers = files(&output.join("_ingest/logs"), "json").into_iter();
    let sizes = ledgers.map(|path| (path.display().to_string(), path.metadata().unwrap().len()));
    (files(output, "parquet").len(), sizes.collect())
}

/// Spans of at least an hour each, without a gap between them, in each ledger: the text that is written for a state says so.
#[track_caller]
fn no_gap(output: &Path) {
    for path in files(&output.join("_ingest/logs"), "json") {
        let text = std::fs::read_to_string(&path).unwrap();
        let state: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        let spans = state["ledger"]["spans"].as_array().unwrap();
        let bound = |span: &serde_json::Value, at: usize| span["window"][at].as_i64().unwrap();
        assert!(spans.windows(2).all(|pair| bound(&pair[0], 1) == bound(&pair[1], 0)), "{state}");
        let (first, last) = (spans.first().unwrap(), spans.last().unwrap());
        let hours = usize::try_from((bound(last, 1) - bound(first, 0)) / HOUR_MS).unwrap();
        assert!(spans.len() <= hours + 3, "{} spans in {hours} hours", spans.len());
        assert_eq!(state["ledger"]["open"].as_array().unwrap().len(), 0, "{state}");
    }
}

async fn soak(output: &Path) {
    let clock = VirtualClock::starting(Timestamp::parse(NOW).unwrap());
    let scenario = Scenario::new(account());
    let sim = SimTransport::new(scenario.sim.clone(), &clock);
    let ingest = Ingest::open(settings(&scenario, output), &outside(&sim, &clock)).unwrap();
    let first_start = clock.now().plus_millis(-HOUR_MS);
    let resident = || memory_kib(std::process::id(), "VmRSS").unwrap();
    let (mut warm, mut open_after, mut failed) = (0, 0, 0);
    for pass in 1..=PASSES + LAST_PASSES {
        let started = clock.now();
        let outcome = ingest.pass(Coverage::Tail { first_start }, &CancellationToken::new()).await;
        open_after = outcome.as_ref().map_or(1, |report| report.logs.iter().map(|log| log.open).sum());
        failed += u64::from(open_after > 0);
        if pass == WARM_PASSES {
            warm = resident();
        }
        let took = clock.now().millis() - started.millis();
        tokio::time::sleep(INTERVAL.saturating_sub(Duration::from_millis(took.unsigned_abs()))).await;
    }
    let grown = resident().saturating_sub(warm);
    let (table, ledgers) = kept(output);
    note(&format!(
        "{PASSES} passes, {failed} with windows left open; resident {warm} KiB after a quarter, {grown} KiB more at \
         the end; {table} files, ledgers {:?}",
        ledgers.values()
    ));
    assert!(failed > 0, "no window was ever left open");
    assert_eq!(open_after, 0, "the last pass left windows open");
    assert!(grown < GROWTH_MAX_KIB, "resident memory grew by {grown} KiB, from {warm} KiB");
    let files_max = usize::try_from(PASSES + LAST_PASSES + failed).unwrap() * ledgers.len();
    assert!(table <= files_max, "{table} files of {} logs", ledgers.len());
    assert!(ledgers.len() == 3 && ledgers.values().all(|bytes| *bytes < LEDGER_MAX), "{ledgers:?}");
    no_gap(output);
    let account = sim.account.lock().unwrap();
    let stats = account.stats();
    assert!(stats.faults_fired.len() >= 5, "too few faults struck: {:?}", stats.faults_fired);
    judge_folder(&account, output, "after a day of continuous mode");
}

#[test]
fn a_day_of_continuous_mode_keeps_memory_files_and_ledger_bounded_and_has_no_gap() {
    #[expect(clippy::disallowed_methods, reason = "the test says it to itself")]
    let alone = std::env::var(ALONE).is_ok();
    if !alone {
        // Tests that run beside it would be measured with it.
        let name = "soak::a_day_of_continuous_mode_keeps_memory_files_and_ledger_bounded_and_has_no_gap";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let output = command.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("passes, "), "{said}");
        note(&said);
        return;
    }
    let output = tempfile::tempdir().unwrap();
    in_virtual_time(soak(output.path()));
}

#[test]
fn a_continuous_process_stores_events_as_they_come_and_ends_on_sigterm() {
    // Events come for ten seconds more; a pass is made every second.
    let now = now_ms();
    let mut config =
        SimConfig { from_ms: Some(now - 60_000), to_ms: Some(now + 10_000), ..SimConfig::default() };
    config = config.with_log(LogSpec::generated("fw", Kind::Csv, 7_000));
    config = config.with_log(LogSpec::generated("auth", Kind::Json, 3_000));
    config.faults.add("http_503=0.02").unwrap();
    let server = SimServer::start(config);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let words = ["--continuous", "--interval", "1s", "--settle-delay", "1s"];
    let mut running = Running::start(run(&server, &output, &words));
    let (mut stored, mut resident) = (0, Vec::new());
    while stored < 10_000 {
        let line = running.until("\"event\":\"service_complete\"");
        let totals: serde_json::Value = serde_json::from_str(&line).unwrap();
        stored += totals["record_count"].as_u64().unwrap();
        resident.push(memory_kib(running.pid(), "VmRSS").unwrap());
        assert!(resident.len() < 120, "{stored} events after {} passes", resident.len());
    }
    running.signal("TERM");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(resident.len() > 3, "all events came at once");
    let (early, late) = (resident[2], resident[resident.len() - 1]);
    assert!(late < early + GROWTH_MAX_KIB, "resident memory: {resident:?} KiB");
    judge_folder(&server.account.lock().unwrap(), &output, "after continuous mode");
    no_gap(&output);
}
