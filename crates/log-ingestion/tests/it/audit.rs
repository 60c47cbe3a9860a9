//! What was stored is counted again, and put right where source or disk changed it: exactly the windows concerned.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ingest_core::time::Timestamp;
use log_ingestion::exit::Exit;
use log_ingestion::ingest::{Coverage, Ingest, PassReport, Scope};
use rapid7_sim::{LogSpec, SimConfig};
use tokio_util::sync::CancellationToken;

use crate::account::{SimTransport, VirtualClock, in_virtual_time};
use crate::program::{SimServer, outcome, program, run};
use crate::scenario::{NOW, Scenario, judge_folder, outside, settings};
use crate::stored;

const MINUTE: i64 = 60_000;

fn now_ms() -> i64 {
    Timestamp::parse(NOW).unwrap().millis()
}

/// A log with an event every ten seconds, from `from` to `to` minutes relative to now.
fn log(from: i64, to: i64) -> LogSpec {
    let times = (from * 6..to * 6).map(|n| now_ms() + n * 10_000);
    let events = (0_u64..).zip(times).map(|(n, at)| (at, 4_096 * (n + 1), format!("n={n} level=INFO")));
    LogSpec::events("steady", events)
}

/// An output folder and an account in virtual time.
struct World {
    scenario: Scenario,
    sim: SimTransport,
    clock: VirtualClock,
    output: tempfile::TempDir,
}

impl World {
    fn new(scenario: Scenario) -> Self {
        let clock = VirtualClock::starting(Timestamp::parse(NOW).unwrap());
        let sim = SimTransport::new(scenario.sim.clone(), &clock);
        Self { scenario, sim, clock, output: tempfile::tempdir().unwrap() }
    }

    async fn pass(&self, coverage: Coverage) -> PassReport {
        let settings = settings(&self.scenario, self.output.path());
        let ingest = Ingest::open(settings, &outside(&self.sim, &self.clock)).unwrap();
        ingest.pass(coverage, &CancellationToken::new()).await.unwrap()
    }

    async fn tail(&self) -> PassReport {
        self.pass(Coverage::Tail { first_start: Timestamp::parse("2026-02-09T16:00:00Z").unwrap() }).await
    }

    async fn repair(&self, deep: bool) -> PassReport {
        self.pass(Coverage::Repair { scope: Scope::default(), deep }).await
    }

    fn files(&self) -> Vec<PathBuf> {
        stored::files(self.output.path(), "parquet")
    }

    #[track_caller]
    fn judge(&self, context: &str) {
        judge_folder(&self.sim.account.lock().unwrap(), self.output.path(), context);
    }
}

fn changed(before: &[PathBuf], after: &[PathBuf]) -> usize {
    after.iter().filter(|path| !before.contains(path)).count()
}

fn steady(mode: &str) -> Scenario {
    let sim = SimConfig::default().with_log(log(-600, -60));
    Scenario::new(sim).with("WINDOW_ROWS", "1000").with("FETCH_MODE", mode)
}

#[test]
fn a_late_event_is_found_by_the_recount_and_its_window_alone_is_replaced() {
    for mode in ["query", "download"] {
        in_virtual_time(async {
            let world = World::new(steady(mode));
            assert_eq!(world.tail().await.exit(), Exit::Done);
            let before = world.files();
            assert!(before.len() > 2, "{before:?}");
            let late = now_ms() - 90 * MINUTE + 5;
            assert!(world.sim.account.lock().unwrap().insert_event("steady", late, 7, "n=late level=WARN"));
            // The window is older than an hour already, so only the recount at a day finds it.
            tokio::time::sleep(Duration::from_secs(2 * 3_600)).await;
            assert_eq!(world.tail().await.logs[0].reopened, 0);
            tokio::time::sleep(Duration::from_secs(23 * 3_600)).await;
            let report = world.tail().await;
            assert_eq!((report.exit(), report.logs[0].reopened), (Exit::Done, 1), "{mode}: {report:?}");
            world.judge(mode);
            assert_eq!(changed(&before, &world.files()), 1, "one file is replaced");
            assert_eq!(world.files().len(), before.len());
            assert_eq!(world.tail().await.logs[0].reopened, 0);
        });
    }
}

#[test]
fn events_that_become_searchable_after_the_settle_delay_are_fetched_an_hour_later() {
    in_virtual_time(async {
        let mut sim = SimConfig::default().with_log(log(-60, 30));
        sim.semantics.set("visibility_lag_ms", "1200000").unwrap();
        let world = World::new(Scenario::new(sim).with("SETTLE_DELAY", "1m"));
        let mut reopened = 0;
        for _ in 0..20 {
            let report = world.tail().await;
            assert_eq!(report.exit(), Exit::Done, "{report:?}");
            reopened += report.logs[0].reopened;
            tokio::time::sleep(Duration::from_secs(900)).await;
        }
        assert!(reopened > 0);
        world.judge("after the recounts");
    });
}

#[test]
fn what_the_source_lost_is_replaced_but_kept_aside() {
    in_virtual_time(async {
        let world = World::new(steady("query"));
        assert_eq!(world.tail().await.exit(), Exit::Done);
        let (from, to) = (now_ms() - 300 * MINUTE, now_ms() - 299 * MINUTE);
        assert_eq!(world.sim.account.lock().unwrap().remove_events("steady", from, to), 6);
        let report = world.repair(false).await;
        assert_eq!((report.exit(), report.logs[0].reopened), (Exit::Done, 1), "{report:?}");
        world.judge("after events vanished");
        assert_eq!(stored::files(&world.output.path().join("_replaced"), "parquet").len(), 1);
    });
}

#[test]
fn what_retention_dropped_stays_stored() {
    in_virtual_time(async {
        let spec = LogSpec { retention_period: "1w".to_owned(), ..log(-600, -60) };
        let world = World::new(Scenario::new(SimConfig::default().with_log(spec)));
        assert_eq!(world.tail().await.exit(), Exit::Done);
        let before = world.files();
        tokio::time::sleep(Duration::from_secs(8 * 86_400)).await;
        let report = world.repair(false).await;
        assert_eq!(report.logs[0].reopened, 0, "{report:?}");
        assert_eq!(world.files(), before);
    });
}

#[test]
fn a_missing_and_a_damaged_file_are_fetched_again_and_nothing_else() {
    in_virtual_time(async {
        let world = World::new(steady("auto"));
        assert_eq!(world.tail().await.exit(), Exit::Done);
        let before = world.files();
        fs::remove_file(&before[1]).unwrap();
        let mut bytes = fs::read(&before[2]).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        fs::write(&before[2], &bytes).unwrap();
        let downloads = || world.sim.account.lock().unwrap().stats().requests_of("download");
        let asked = downloads();
        // A tail pass leaves files alone that operators deleted.
        assert_eq!(world.tail().await.logs[0].reopened, 0);
        assert_eq!(downloads(), asked);
        let report = world.repair(true).await;
        assert_eq!((report.exit(), report.logs[0].reopened), (Exit::Done, 2), "{report:?}");
        world.judge("after the repair");
        assert_eq!(world.files().len(), before.len());
        assert_eq!(world.repair(true).await.logs[0].reopened, 0);
    });
}

#[test]
fn a_period_is_pulled_beside_the_live_tail() {
    in_virtual_time(async {
        let world = World::new(steady("auto"));
        let at = |minutes: i64| Timestamp::from_millis(now_ms() + minutes * MINUTE);
        let period = ingest_core::time::LogWindow::new(at(-600), at(-300)).unwrap();
        let coverage =
            Coverage::TailAndPeriod { first_start: at(-120), period, turn: Duration::from_secs(300) };
        for _ in 0..5 {
            let report = world.pass(coverage).await;
            assert_eq!(report.exit(), Exit::Done, "{report:?}");
        }
        let rows: usize = stored::read(world.output.path()).values().map(|log| log.rows.len()).sum();
        assert_eq!(rows, (300 + 60) * 6);
    });
}

#[test]
fn windows_beyond_retention_are_said_once_and_not_asked_for_again() {
    in_virtual_time(async {
        let spec = LogSpec { retention_period: "1w".to_owned(), ..log(-600, -60) };
        let world = World::new(Scenario::new(SimConfig::default().with_log(spec)));
        let at = |hours: i64| Timestamp::from_millis(now_ms() + hours * 60 * MINUTE);
        let period = ingest_core::time::LogWindow::new(at(-9 * 24), at(-1)).unwrap();
        let report = world.pass(Coverage::Period(period)).await;
        assert_eq!(report.exit(), Exit::TryLater, "what is lost is said: {report:?}");
        let rows: usize = stored::read(world.output.path()).values().map(|log| log.rows.len()).sum();
        assert_eq!(rows, 540 * 6, "the hours that the source still has are stored");
        let asked = |world: &World| world.sim.account.lock().unwrap().stats().requests_of("statistics");
        let before = asked(&world);
        let report = world.pass(Coverage::Period(period)).await;
        assert_eq!(report.exit(), Exit::Done, "{report:?}");
        assert_eq!(asked(&world), before, "nothing is asked for twice");
    });
}

fn command(server: &SimServer, output: &Path, words: &[&str]) -> (i32, String) {
    let output_dir = output.to_str().unwrap().to_owned();
    let environment = [
        ("RAPID7_API_KEY", "sim-key"),
        ("RAPID7_API_ENDPOINT", server.origin.as_str()),
        ("OUTPUT_DIR", output_dir.as_str()),
        ("RATE_LIMIT", "1000"),
        ("KEEP_RAW", "always"),
    ];
    outcome(&mut program(words, &environment, output.parent().unwrap()))
}

/// A folder into which a log of 2,000 events, forty days old, was pulled by the real program.
fn pulled() -> (SimServer, tempfile::TempDir, i64) {
    let now = Timestamp::parse(NOW).unwrap();
    let from = now.minus(Duration::from_secs(40 * 86_400)).millis();
    let events = (0_u64..).zip(0..2_000_i64);
    let events = events.map(|(n, step)| (from + step * 50_000, 4_096 * (n + 1), format!("n={n} a=b")));
    let server = SimServer::start(SimConfig::default().with_log(LogSpec::events("web", events)));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let (start, end) = (Timestamp::from_millis(from).to_string(), now.to_string());
    let words = ["--from", &start, "--to", &end, "--window-rows", "1000"];
    let (code, text) = outcome(&mut run(&server, &output, &words));
    assert_eq!(code, 0, "{text}");
    (server, folder, from)
}

#[track_caller]
fn check(server: &SimServer, folder: &Path, words: &[&str], code: i32, says: &[&str]) {
    let (ended, text) = command(server, &folder.join("out"), words);
    assert_eq!(ended, code, "{words:?}: {text}");
    says.iter().for_each(|part| assert!(text.contains(part), "{words:?} does not say {part:?}: {text}"));
}

#[test]
fn audit_finds_what_repair_mends() {
    let (server, folder, from) = pulled();
    let (folder, output) = (folder.path(), folder.path().join("out"));
    check(&server, folder, &["audit"], 0, &["Complete: 2,000 events in 1 log"]);

    // A late event at the source, and a file that is gone.
    assert!(server.account.lock().unwrap().insert_event("web", from + 25_001, 7, "late"));
    let files = stored::files(&output, "parquet");
    assert!(files.len() >= 2, "{files:?}");
    fs::remove_file(&files[files.len() - 1]).unwrap();
    check(&server, folder, &["audit"], 1, &["short", "missing", "log-ingestion repair"]);
    check(&server, folder, &["audit", "--offline"], 1, &["missing"]);

    check(&server, folder, &["repair"], 0, &["2 windows differed"]);
    check(&server, folder, &["audit", "--deep"], 0, &["Complete: 2,001 events"]);
    judge_folder(&server.account.lock().unwrap(), &output, "after the repair");
    let late = Timestamp::from_millis(from + 25_001).to_string();
    check(&server, folder, &["audit", "--explain", &late], 0, &["complete within", "reopened", "footer: "]);
}

#[test]
fn a_report_can_be_verified_with_common_tools() {
    let (server, folder, _) = pulled();
    check(&server, folder.path(), &["audit", "--report", "audit.json"], 0, &[]);
    let sum = std::process::Command::new("sha256sum")
        .args(["-c", "audit.json.sha256"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(sum.status.success(), "{sum:?}");
    let report = fs::read(folder.path().join("audit.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["logs"][0]["days"][0]["state"], "complete", "{report}");
    assert_eq!(report["server_asked"], true, "{report}");
}

#[test]
fn a_ledger_is_rebuilt_by_hand() {
    let (server, folder, _) = pulled();
    let folder = folder.path();
    check(&server, folder, &["ledger"], 0, &["web", "2026-01-01"]);
    fs::remove_dir_all(folder.join("out/_ingest/logs")).unwrap();
    check(&server, folder, &["audit"], 1, &["there is nothing to prove"]);
    check(&server, folder, &["ledger", "rebuild"], 0, &["web", "2026-01-01"]);
    check(&server, folder, &["audit", "--log", "web"], 0, &["Complete: 2,000 events"]);
    check(&server, folder, &["audit", "--log", "nothing"], 64, &["nothing"]);
}
