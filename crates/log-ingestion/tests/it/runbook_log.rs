//! The service's own log: the runbook's fields and events, and the runbook's own shell lines on it.

use std::process::Command;

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, outcome, run};

/// A log file as the runbook's service writes it: a run with bad records, a 429, and a refused key.
fn service_log(folder: &std::path::Path) -> String {
    let mut config = SimConfig::default().with_log(LogSpec::generated("auth", Kind::Json, 400));
    config.logs.push(LogSpec::lines(
        "cut",
        (0..50).map(|n| if n == 20 { "{\"a\":1".to_owned() } else { format!("{{\"a\":{n}}}") }),
    ));
    config.faults.add("retry_429@2").unwrap();
    let server = SimServer::start(config);
    let words = ["--settle-delay", "0s"];
    let (code, mut text) = outcome(&mut run(&server, &folder.join("out"), &words));
    assert_eq!(code, 0, "{text}");
    let (code, refused) = outcome(run(&server, &folder.join("out"), &words).env("RAPID7_API_KEY", "wrong"));
    assert_eq!(code, 77, "{refused}");
    text.push_str(&refused);
    text
}

/// Fields of every line. Source: runbook, "Structured Logs".
const FIELDS: [&str; 7] = ["timestamp", "level", "service", "version", "environment", "trace_id", "event"];
/// Events. Source: the same.
const EVENTS: [&str; 14] = [
    "service_started",
    "config_loaded",
    "api_request",
    "api_response",
    "logs_fetched",
    "parse_start",
    "parse_complete",
    "file_write_start",
    "file_write_complete",
    "batch_complete",
    "service_complete",
    "error",
    "parse_error",
    "rate_limit",
];

#[test]
fn every_event_of_the_runbook_is_there_with_its_fields() {
    let folder = tempfile::tempdir().unwrap();
    let text = service_log(folder.path());
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        for field in FIELDS {
            assert!(line[field].is_string(), "{field} in {line}");
        }
        assert_eq!(line["service"], "log-ingestion");
        assert!(["DEBUG", "INFO", "WARNING", "ERROR"].contains(&line["level"].as_str().unwrap()), "{line}");
    }
    for event in EVENTS {
        assert!(lines.iter().any(|line| line["event"] == event), "{event} in {text}");
    }
    // After midnight of UTC the events are those of two days, and so of two windows.
    let fetched = lines.iter().filter(|line| line["event"] == "logs_fetched" && line["log"] == "auth");
    let counts = fetched.map(|fetched| {
        assert!(fetched["duration_ms"].is_u64() || fetched["duration_ms"].is_i64());
        assert!(fetched["span_id"].is_string());
        fetched["record_count"].as_u64().unwrap()
    });
    assert_eq!(counts.sum::<u64>(), 400);
}

/// Lines of the runbook, with the log file's path in place of its own, and whether they print something.
const SHELL: [(&str, bool); 7] = [
    (r#"tail -n 100 LOG | grep '"level":"ERROR"'"#, true),
    (r#"grep "parse_error" LOG | jq ."#, true),
    (r#"grep "parse_error" LOG | jq -r .raw_data | head -5"#, true),
    (r#"grep "rate_limit" LOG | jq ."#, true),
    (r#"grep "api_request" LOG | jq -r .timestamp | cut -d: -f1-2 | uniq -c"#, true),
    (r#"grep "no_such_event" LOG | jq ."#, false),
    (r"find OUT -mmin -5 -name '*.parquet'", true),
];

#[test]
fn the_runbooks_shell_lines_work_on_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let text = service_log(folder.path());
    let path = folder.path().join("service.log");
    std::fs::write(&path, text).unwrap();
    for (line, prints) in SHELL {
        let line = line
            .replace("LOG", path.to_str().unwrap())
            .replace("OUT", folder.path().join("out").to_str().unwrap());
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.is_empty(), "{line}: {said}");
        assert_eq!(!output.stdout.is_empty(), prints, "{line}");
    }
    let raw = Command::new("sh");
    let mut raw = raw;
    let line = format!("grep parse_error {} | jq -r .raw_data | head -5", path.display());
    let output = raw.args(["-c", &line]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "{\"a\":1");
}
