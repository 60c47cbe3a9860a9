//! A server that goes away under way and comes back: the run says so and ends, or rides it out; nothing is lost.

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{Running, SimServer, complete, now_ms, run};
use crate::scenario::judge_folder;

const WORDS: [&str; 8] =
    ["--settle-delay", "0s", "--window-rows", "1000", "--fetch-mode", "download", "--retry-attempts", "1"];

/// An account whose logs are the same whenever it is started, and whose downloads take a moment.
fn config() -> SimConfig {
    let mut config = SimConfig { to_ms: Some(now_ms() - 60_000), ..SimConfig::default() };
    config.faults.add("slow_first_byte:download=1.0").unwrap();
    config.faults.slow_first_byte_ms = 50;
    let web = LogSpec::generated("web", Kind::Access, 20_000);
    config.with_log(web).with_log(LogSpec::generated("auth", Kind::Json, 10_000))
}

#[test]
fn a_run_whose_server_goes_away_ends_with_75_and_the_next_one_finishes() {
    let config = config();
    let mut server = SimServer::start_to_return(&config);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut running = Running::start(run(&server, &output, &WORDS));
    running.until("\"event\":\"batch_complete\"");
    server.stop();
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(75), "{said}");
    assert!(said.contains("stays open") && said.contains("failed 2 times"), "{said}");
    server.start_again(config);
    complete(&server, &output, &WORDS);
    judge_folder(&server.account.lock().unwrap(), &output, "after the server was away");
}

#[test]
fn continuous_mode_rides_out_a_server_that_is_away() {
    let config = config();
    let mut server = SimServer::start_to_return(&config);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let words = [&WORDS[..], &["--continuous", "--interval", "1s"]].concat();
    let mut running = Running::start(run(&server, &output, &words));
    running.until("\"event\":\"batch_complete\"");
    server.stop();
    // Two passes find nobody there.
    running.until("trying again at the next interval");
    running.until("trying again at the next interval");
    server.start_again(config);
    while !running.until("\"event\":\"service_complete\"").contains("\"windows_open\":0") {}
    running.signal("TERM");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    judge_folder(&server.account.lock().unwrap(), &output, "after the server was away");
}
