//! The real process, asked to end: whole windows are finished, a second signal ends at once, both lose nothing.

use ingest_core::time::Timestamp;
use log_ingestion::exit::Exit;
use log_ingestion::ingest::{Coverage, Ingest};
use rapid7_sim::{Kind, LogSpec, SimConfig};
use tokio_util::sync::CancellationToken;

use crate::account::{SimTransport, VirtualClock, in_virtual_time};
use crate::kill::{Lives, WORDS, server};
use crate::program::{Running, SimServer, complete, note, now_ms, run};
use crate::scenario::{NOW, Scenario, judge_folder, outside, settings};

/// Runs that are asked to end.
const STOPS: u64 = 40;
/// Seconds of log time that each of them has to do beside what was left undone.
const STEP_SECONDS: u64 = 6 * 3_600 / STOPS;

#[test]
fn sigterm_at_any_moment_loses_nothing_and_says_whether_all_is_done() {
    let server = server(7, 2);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut lives = Lives::new(10);
    let (mut stopped, mut cut_short) = (0, 0);
    for stop in 0..STOPS {
        let settle = format!("{}s", (STOPS - stop) * STEP_SECONDS);
        let mut command = run(&server, &output, &["--settle-delay", &settle, "--window-rows", "1000"]);
        command.env("FETCH_MODE", if stop % 2 == 0 { "download" } else { "query" });
        let mut running = Running::start(command);
        running.until("\"event\":\"service_started\"");
        lives.live();
        running.signal(if stop % 3 == 0 { "INT" } else { "TERM" });
        if stop % 5 == 0 {
            running.signal("TERM");
        }
        let (status, said) = running.end();
        assert!(matches!(status.code(), Some(0 | 75)), "run {stop}: {status:?}: {said}");
        let asked = said.contains("\"event\":\"service_stopping\"");
        lives.learn(!asked);
        stopped += u64::from(asked);
        cut_short += u64::from(status.code() == Some(75));
    }
    note(&format!("{stopped} of {STOPS} runs were stopped at work, {cut_short} left something to do"));
    assert!(stopped > STOPS / 4, "only {stopped} of {STOPS} runs were stopped at work");
    complete(&server, &output, &WORDS);
    judge_folder(&server.account.lock().unwrap(), &output, "after the signals");
}

#[test]
fn a_second_signal_ends_at_once_and_loses_nothing() {
    let config = SimConfig { to_ms: Some(now_ms() - 60_000), ..SimConfig::default() }
        .with_log(LogSpec::generated("web", Kind::Access, 5_000));
    let mut held_up = config.clone();
    // A window is in flight for two minutes at least, and the grace is an hour: whoever waits for either is noticed.
    held_up.faults.add("slow_first_byte:download=1.0").unwrap();
    held_up.faults.slow_first_byte_ms = 120_000;
    let mut server = SimServer::start_to_return(&held_up);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let words = [&WORDS[..], &["--shutdown-grace", "1h", "--fetch-mode", "download"]].concat();
    let mut running = Running::start(run(&server, &output, &words));
    running.until("\"class\":\"download\"");
    running.signal("TERM");
    running.until("\"event\":\"service_stopping\"");
    let asked = now_ms();
    running.signal("TERM");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(said.contains("ended at once by a second signal (SIGTERM)"), "{said}");
    assert!(now_ms() - asked < held_up.faults.slow_first_byte_ms.cast_signed() / 2, "it waited: {said}");
    server.stop();
    server.start_again(config);
    complete(&server, &output, &WORDS);
    judge_folder(&server.account.lock().unwrap(), &output, "after the second signal");
}

#[test]
fn a_pass_that_was_stopped_before_its_end_is_not_said_to_be_done() {
    in_virtual_time(async {
        let now = Timestamp::parse(NOW).unwrap();
        let clock = VirtualClock::starting(now);
        let config = SimConfig { to_ms: Some(now.millis() - 3_600_000), ..SimConfig::default() };
        let scenario = Scenario::new(config.with_log(LogSpec::generated("web", Kind::Access, 500)));
        let sim = SimTransport::new(scenario.sim.clone(), &clock);
        let output = tempfile::tempdir().unwrap();
        let ingest = Ingest::open(settings(&scenario, output.path()), &outside(&sim, &clock)).unwrap();
        let coverage = Coverage::Tail { first_start: now.plus_millis(-12 * 3_600_000) };
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(ingest.pass(coverage, &stop).await.unwrap().exit(), Exit::TryLater);
        assert_eq!(ingest.pass(coverage, &CancellationToken::new()).await.unwrap().exit(), Exit::Done);
        judge_folder(&sim.account.lock().unwrap(), output.path(), "after a pass that was stopped");
    });
}
