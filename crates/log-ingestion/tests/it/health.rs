//! `health`, of a running service and of runs under cron.

use std::path::Path;

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{Running, SimServer, ask_until, free_port, outcome, program, run};

/// Where nobody serves.
const NOBODY: &str = "127.0.0.1:1";

fn server() -> SimServer {
    SimServer::start(SimConfig::default().with_log(LogSpec::generated("auth", Kind::Json, 300)))
}

fn health(output: &Path, addr: &str, words: &[&str]) -> (i32, String) {
    let words: Vec<&str> = std::iter::once("health").chain(words.iter().copied()).collect();
    let environment = [("OUTPUT_DIR", output.to_str().unwrap()), ("METRICS_ADDR", addr)];
    outcome(&mut program(&words, &environment, output.parent().unwrap()))
}

#[track_caller]
fn check((code, said): (i32, String), healthy: bool, parts: &[&str]) {
    assert_eq!(code, i32::from(!healthy), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn under_cron_health_is_the_age_of_the_last_pass_that_left_nothing_open() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    check(health(&output, NOBODY, &[]), false, &["no pass has ended in OUTPUT_DIR yet"]);
    let (code, said) = outcome(run(&server, &output, &[]).env("RAPID7_API_KEY", "wrong"));
    assert_eq!(code, 77, "{said}");
    check(
        health(&output, NOBODY, &[]),
        false,
        &["no pass has left nothing open yet", "with 77", "RAPID7_API_KEY"],
    );
    assert_eq!(outcome(&mut run(&server, &output, &["--settle-delay", "0s"])).0, 0);
    check(health(&output, NOBODY, &[]), true, &["healthy, says"]);
    check(health(&output, "off", &["--json"]), true, &["\"healthy\":true", "\"reasons\":[]"]);
    // A refused key does not undo what the pass before it did, for as long as that counts.
    assert_eq!(outcome(run(&server, &output, &[]).env("RAPID7_API_KEY", "wrong")).0, 77);
    check(health(&output, NOBODY, &[]), true, &[]);
    check(health(&output, NOBODY, &["--max-age", "0s", "--json"]), false, &["ago", "with 77"]);
}

#[test]
fn a_running_service_says_itself_whether_it_is_healthy() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let addr = format!("127.0.0.1:{}", free_port());
    let words = ["--continuous", "--interval", "1h", "--settle-delay", "0s", "--metrics-addr", &addr];
    let mut running = Running::start(run(&server, &output, &words));
    running.until("\"event\":\"service_complete\"");
    ask_until(&addr, "/readyz", 200);
    let url = format!("http://{addr}");
    check(health(&output, &addr, &[]), true, &[&url]);
    check(health(&output, NOBODY, &["--url", &url]), true, &[]);
    check(health(&output, NOBODY, &["--url", &format!("{url}/metrics")]), false, &["is not log-ingestion"]);
    running.signal("TERM");
    assert_eq!(running.end().0.code(), Some(0));
    check(health(&output, &addr, &[]), false, &["nobody answers at", "continuous mode"]);
    check(health(&output, NOBODY, &["--url", &url]), false, &["refused"]);
    check(health(&output, "off", &[]), true, &[]);
}

#[test]
fn a_service_whose_key_is_refused_is_not_healthy_and_says_so() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let addr = format!("127.0.0.1:{}", free_port());
    let mut command = run(&server, &output, &["--continuous", "--metrics-addr", &addr]);
    command.env("RAPID7_API_KEY", "wrong");
    let mut running = Running::start(command);
    running.until("trying again at the next interval");
    check(health(&output, &addr, &[]), false, &["key: the API refuses it"]);
    check(health(&output, &addr, &["--json"]), false, &["\"healthy\":false"]);
    let ready = ask_until(&addr, "/readyz", 503);
    assert!(ready.starts_with("{\"ready\":false,\"reasons\":[\"key: "), "{ready}");
}
