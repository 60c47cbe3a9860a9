//! The real process, killed at random moments, loses nothing and stores nothing twice.

use std::time::Duration;

use ingest_source::clock::Entropy;
use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, outcome, run};
use crate::scenario::judge_folder;

/// Kills before the clean run.
const KILLS: u64 = 40;

fn server(seed: u64) -> SimServer {
    let mut config = SimConfig { seed, ..SimConfig::default() }
        .with_log(LogSpec::generated("fw", Kind::Csv, 60_000))
        .with_log(LogSpec::generated("auth", Kind::Json, 40_000))
        .with_log(LogSpec::generated("mixed", Kind::Mixed, 20_000));
    config.faults.add("http_503=0.02").unwrap();
    config.faults.add("download_cut_without_last_chunk=0.05").unwrap();
    SimServer::start(config)
}

const WORDS: [&str; 4] = ["--settle-delay", "0s", "--window-rows", "1000"];
/// Minutes of log time that each run has to do beside what kills left undone; forty runs cover the six hours.
const STEP_MINUTES: u64 = 9;

#[test]
#[expect(clippy::disallowed_methods, reason = "waits for another process")]
fn kill_9_at_any_moment_loses_nothing_and_doubles_nothing() {
    let server = server(5);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let chance = Entropy::new(9);
    let mut unfinished = 0;
    for kill in 0..KILLS {
        let settle = format!("{}m", (KILLS - kill) * STEP_MINUTES);
        let mut command = run(&server, &output, &["--settle-delay", &settle, "--window-rows", "1000"]);
        command.env("FETCH_MODE", if kill % 2 == 0 { "download" } else { "auto" });
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(10 + chance.draw() % 300));
        unfinished += u64::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(unfinished > KILLS / 4, "only {unfinished} of {KILLS} runs were killed at work");
    // What a kill cut off may need more than one run where the server's faults strike.
    for _ in 0..10 {
        if outcome(&mut run(&server, &output, &WORDS)).0 == 0 {
            break;
        }
    }
    let (code, text) = outcome(&mut run(&server, &output, &WORDS));
    assert_eq!(code, 0, "{}", text.lines().last().unwrap_or_default());
    judge_folder(&server.account.lock().unwrap(), &output, "after the kills");
    assert_eq!(std::fs::read_dir(output.join("_staging")).unwrap().count(), 0, "orphans are swept");
}

#[test]
fn a_lost_ledger_is_rebuilt_from_the_files() {
    let server = server(6);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    for _ in 0..10 {
        if outcome(&mut run(&server, &output, &WORDS)).0 == 0 {
            break;
        }
    }
    let downloads = |server: &SimServer| server.account.lock().unwrap().stats().requests_of("download");
    let before = downloads(&server);
    std::fs::remove_dir_all(output.join("_ingest")).unwrap();
    let (code, text) = outcome(&mut run(&server, &output, &WORDS));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\"event\":\"ledger_recovered\""), "{text}");
    assert_eq!(downloads(&server), before, "what is stored is not fetched again");
    judge_folder(&server.account.lock().unwrap(), &output, "after the ledger was lost");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "waits for another process")]
fn sigterm_ends_after_whole_windows() {
    let server = server(7);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut child = run(&server, &output, &WORDS).stdout(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(400));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 75)), "{status:?}");
    for _ in 0..10 {
        if outcome(&mut run(&server, &output, &WORDS)).0 == 0 {
            break;
        }
    }
    judge_folder(&server.account.lock().unwrap(), &output, "after SIGTERM");
}
