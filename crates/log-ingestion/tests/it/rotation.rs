//! What a running service takes up without a restart: another key, and a log file that was moved away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{Running, SimServer, ask, free_port, now_ms, outcome, program, run};
use crate::scenario::judge_folder;

/// An interval that no test waits for: what comes sooner comes for another reason.
const NEVER: &str = "100d";

fn config() -> SimConfig {
    SimConfig { to_ms: Some(now_ms() - 60_000), ..SimConfig::default() }.with_log(LogSpec::generated(
        "web",
        Kind::Access,
        3_000,
    ))
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

/// `run --continuous` with its key in a file, and nowhere else.
fn continuous(server: &SimServer, folder: &Path, interval: &str) -> Command {
    let words = ["--continuous", "--interval", interval, "--settle-delay", "0s"];
    let mut command = run(server, &folder.join("out"), &words);
    command.env_remove("RAPID7_API_KEY").env("RAPID7_API_KEY_FILE", folder.join("key"));
    command
}

fn field<'a>(line: &'a serde_json::Value, name: &str) -> &'a str {
    line[name].as_str().unwrap_or_default()
}

#[test]
fn a_key_may_be_in_a_file_that_should_be_private_or_a_credential() {
    let server = SimServer::start(config());
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    fs::write(folder.path().join("key"), "sim-key\n").unwrap();
    fs::write(folder.path().join("rapid7_api_key"), "sim-key").unwrap();
    let by_file = [("RAPID7_API_KEY_FILE", folder.path().join("key"))];
    let by_credential = [("CREDENTIALS_DIRECTORY", folder.path().to_owned())];
    for (from, variables, loose) in [("file ", by_file, true), ("credential ", by_credential, false)] {
        let mut command = run(&server, &output, &["--settle-delay", "0s"]);
        let (code, said) = outcome(command.env_remove("RAPID7_API_KEY").envs(variables.clone()));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(&format!("\"key_from\":\"{from}")), "{said}");
        assert_eq!(said.contains("\"event\":\"key_file_readable\""), loose, "{said}");
        let (_lacks_others, shown) = outcome(program(&["config"], &[], folder.path()).envs(variables));
        assert!(shown.contains("(set, not shown)") && shown.contains(from), "{shown}");
        assert!(!shown.contains("sim-key") && !said.contains("sim-key"), "{shown}{said}");
    }
    let mut both = run(&server, &output, &[]);
    let (code, said) = outcome(both.env("RAPID7_API_KEY", "another").env("RAPID7_API_KEY_FILE", "key"));
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("two keys that differ") && !said.contains("another)"), "{said}");
}

#[test]
fn a_key_that_was_refused_is_replaced_without_a_signal_and_without_the_wait() {
    let server = SimServer::start(config());
    let folder = tempfile::tempdir().unwrap();
    write_private(&folder.path().join("key"), "sim-key\n");
    {
        let mut account = server.account.lock().unwrap();
        account.revoke_key("sim-key");
        account.accept_key("second-key");
    }
    let mut running = Running::start(continuous(&server, folder.path(), NEVER));
    running.until("refused the key");
    write_private(&folder.path().join("key"), "second-key\n");
    running.until("\"event\":\"key_replaced\"");
    running.until("\"event\":\"service_complete\"");
    running.signal("TERM");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    judge_folder(&server.account.lock().unwrap(), &folder.path().join("out"), "with the second key");
}

#[test]
fn a_key_is_replaced_under_way_and_nothing_in_flight_is_dropped() {
    let mut config = config();
    config.faults.add("slow_first_byte=1.0").unwrap();
    config.faults.slow_first_byte_ms = 150;
    let server = SimServer::start(config);
    server.account.lock().unwrap().accept_key("second-key");
    let folder = tempfile::tempdir().unwrap();
    write_private(&folder.path().join("key"), "sim-key");
    let mut command = continuous(&server, folder.path(), NEVER);
    // One request after the other.
    command.args(["--window-rows", "1000", "--parallel-windows", "1", "--fetch-mode", "query"]);
    let mut running = Running::start(command);
    running.until("\"event\":\"logs_fetched\"");
    write_private(&folder.path().join("key"), "second-key");
    running.signal("HUP");
    let line: serde_json::Value = serde_json::from_str(&running.until("\"event\":\"reload\"")).unwrap();
    assert_eq!((field(&line, "taken_up"), field(&line, "restart_needed")), ("the API key", ""), "{line}");
    // The request that was under way has its answer once the next one is sent.
    running.until("\"event\":\"api_request\"");
    running.until("\"event\":\"api_request\"");
    server.account.lock().unwrap().revoke_key("sim-key");
    running.until("\"event\":\"service_complete\"");
    running.signal("TERM");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    for part in ["refused the key", "second-key", "\"event\":\"retry\""] {
        assert!(!said.contains(part), "{part} in {said}");
    }
    judge_folder(&server.account.lock().unwrap(), &folder.path().join("out"), "after a rotation");
}

#[test]
fn a_hang_up_takes_the_key_of_the_env_file_and_names_what_needs_a_restart() {
    let server = SimServer::start(config());
    server.account.lock().unwrap().accept_key("second-key");
    let folder = tempfile::tempdir().unwrap();
    let env = folder.path().join(".env");
    write_private(&env, "RAPID7_API_KEY=sim-key\nBATCH_SIZE=500\n");
    let mut command = continuous(&server, folder.path(), NEVER);
    command.env_remove("RAPID7_API_KEY_FILE");
    let mut running = Running::start(command);
    running.until("\"event\":\"service_complete\"");
    for (text, taken_up, restart_needed, error) in [
        ("RAPID7_API_KEY=second-key\nBATCH_SIZE=400\n", "the API key", "BATCH_SIZE", ""),
        ("RAPID7_API_KEY=second-key\nBATCH_SIZE=500\n", "nothing", "", ""),
        ("RAPID7_API_KEY=sim-key\nBATCH_SIZE=7\n", "the API key", "BATCH_SIZE", "100 to 10000"),
        ("RAPID7_API_KEY=your_api_key_here\n", "nothing", "BATCH_SIZE", "cannot be used"),
        ("RAPID7_API_KEY second-key\n", "nothing", "", "a line is not NAME=value"),
    ] {
        write_private(&env, text);
        running.signal("HUP");
        let line = running.until("\"event\":\"reload\"");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((field(&line, "taken_up"), field(&line, "restart_needed")), (taken_up, restart_needed));
        assert!(field(&line, "error").contains(error), "{line}");
        assert_eq!(field(&line, "level"), if error.is_empty() { "INFO" } else { "WARNING" }, "{line}");
    }
    running.signal("TERM");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!said.contains("second-key") && !said.contains("sim-key"), "{said}");
}

#[test]
fn settings_that_a_hang_up_finds_faulty_make_the_service_unready_until_they_are_mended() {
    let server = SimServer::start(config());
    let folder = tempfile::tempdir().unwrap();
    let env = folder.path().join(".env");
    let addr = format!("127.0.0.1:{}", free_port());
    write_private(&env, "RAPID7_API_KEY=sim-key\nBATCH_SIZE=500\n");
    let mut command = continuous(&server, folder.path(), NEVER);
    command.env_remove("RAPID7_API_KEY_FILE").args(["--metrics-addr", &addr]);
    let mut running = Running::start(command);
    running.until("\"event\":\"service_complete\"");
    for (text, status, said) in [
        ("RAPID7_API_KEY=sim-key\nBATCH_SIZE=7\n", 503, "\"settings: BATCH_SIZE cannot be used\""),
        ("RAPID7_API_KEY sim-key\n", 503, "\"settings: .env cannot be used\""),
        ("RAPID7_API_KEY=sim-key\nBATCH_SIZE=500\n", 200, "\"reasons\":[]"),
    ] {
        write_private(&env, text);
        running.signal("HUP");
        running.until("\"event\":\"reload\"");
        let (have, body) = ask(&addr, "GET", "/readyz", "").unwrap();
        assert_eq!(have, status, "{text}: {body}");
        assert!(body.contains(said) && !body.contains("sim-key"), "{text}: {body}");
    }
    running.signal("TERM");
    assert_eq!(running.end().0.code(), Some(0));
}

/// As logrotate does, again and again: the file is moved away, and the service is told.
#[test]
fn a_log_that_is_rotated_under_way_loses_no_line() {
    let mut config = config();
    config.faults.add("slow_first_byte=1.0").unwrap();
    config.faults.slow_first_byte_ms = 30;
    let server = SimServer::start(config);
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("log");
    let log = logs.join("service.log");
    let mut command =
        run(&server, &folder.path().join("out"), &["--settle-delay", "0s", "--window-rows", "1000"]);
    command.env("LOG_FILE", &log).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let pid = child.id().to_string();
    let mut rotations = 0;
    while child.try_wait().unwrap().is_none() {
        if fs::metadata(&log).is_ok_and(|facts| facts.len() > 0) {
            rotations += 1;
            fs::rename(&log, logs.join(format!("service.log.{rotations}"))).unwrap();
            drop(Command::new("kill").args(["-HUP", &pid]).stderr(Stdio::null()).status());
        }
        std::thread::yield_now();
    }
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        ended.stdout.is_empty() && ended.stderr.is_empty(),
        "what stands in the file is said there alone"
    );
    assert!(rotations > 1, "the log was rotated {rotations} times");
    let mut lines: Vec<serde_json::Value> = Vec::new();
    for entry in fs::read_dir(&logs).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let text = fs::read_to_string(path).unwrap();
        lines.extend(text.lines().map(|line| serde_json::from_str(line).expect(line)));
    }
    let count = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    let requests = server.account.lock().unwrap().stats().requests;
    let requests: u64 = requests.values().flat_map(|by_status| by_status.values()).sum();
    assert_eq!((count("api_request") as u64, count("api_response") as u64), (requests, requests));
    for once in ["service_started", "config_loaded", "service_complete"] {
        assert_eq!(count(once), 1, "{once}");
    }
}

#[test]
fn a_log_file_that_cannot_be_is_refused_and_a_failure_is_said_to_whoever_started_it() {
    let server = SimServer::start(config());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let output = folder.path().join("out");
    let below = folder.path().join("file/service.log");
    let (code, said) = outcome(run(&server, &output, &[]).env("LOG_FILE", &below));
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("LOG_FILE: ") && said.contains("cannot be opened"), "{said}");
    let log = folder.path().join("service.log");
    let (code, said) = outcome(run(&server, &output, &[]).env("LOG_FILE", &log).env("RAPID7_API_KEY", "no"));
    assert_eq!(code, 77, "{said}");
    let kept = fs::read_to_string(&log).unwrap();
    assert!(said.starts_with("log-ingestion: ") && said.contains("refused the key"), "{said}");
    assert!(kept.contains("\"level\":\"ERROR\"") && kept.contains("refused the key"), "{kept}");
    // Commands that people call say what they have to say to them.
    let dir = output.to_str().unwrap();
    let environment = [("OUTPUT_DIR", dir), ("LOG_FILE", "elsewhere.log")];
    let (code, said) = outcome(&mut program(&["status"], &environment, folder.path()));
    assert_eq!(code, 0, "{said}");
    assert!(!folder.path().join("elsewhere.log").exists());
}
