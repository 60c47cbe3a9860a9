//! What the users' runbook names, one row each: variables, defaults, ranges, metrics, alerts, events, file modes.
//!
//! The rows hold facts of that page; each kind of fact is compared with the program or with what it is deployed with.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use log_ingestion::settings::Setting;
use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, outcome, program, run};

/// Something that the runbook says.
#[derive(Debug, Clone, Copy)]
enum Fact {
    /// A variable that must be given.
    Required(&'static str),
    /// A variable and its default.
    Default(&'static str, &'static str),
    /// A variable, and the first and last number that it takes.
    Range(&'static str, i64, i64),
    /// A variable and a word that it takes.
    Word(&'static str, &'static str),
    /// A metric and its kind.
    Metric(&'static str, &'static str),
    /// A series of a metric.
    Series(&'static str),
    /// An alert, by its name behind `LogIngestion`, its severity, and parts of its rule.
    Alert(&'static str, &'static str, &'static [&'static str]),
    /// An event of the service's log.
    Event(&'static str),
    /// A field of every line of the service's log.
    Field(&'static str),
    /// The mode of a file or folder whose name ends like this.
    Mode(&'static str, u32),
}

use Fact::{Alert, Default, Event, Field, Metric, Mode, Range, Required, Series, Word};

/// Section of the runbook, and what it says there.
const ROWS: &[(&str, Fact)] = &[
    ("Required Environment Variables", Required("RAPID7_API_KEY")),
    ("Required Environment Variables", Required("RAPID7_API_ENDPOINT")),
    ("Required Environment Variables", Required("OUTPUT_DIR")),
    ("Optional Environment Variables", Default("LOG_LEVEL", "INFO")),
    ("Optional Environment Variables", Word("LOG_LEVEL", "DEBUG")),
    ("Optional Environment Variables", Word("LOG_LEVEL", "INFO")),
    ("Optional Environment Variables", Word("LOG_LEVEL", "WARNING")),
    ("Optional Environment Variables", Word("LOG_LEVEL", "ERROR")),
    ("Optional Environment Variables", Default("BATCH_SIZE", "1000")),
    ("Optional Environment Variables", Range("BATCH_SIZE", 100, 10_000)),
    ("Optional Environment Variables", Default("RATE_LIMIT", "60")),
    ("Optional Environment Variables", Range("RATE_LIMIT", 1, 1_000)),
    ("Optional Environment Variables", Default("RETRY_ATTEMPTS", "3")),
    ("Optional Environment Variables", Range("RETRY_ATTEMPTS", 1, 10)),
    ("Optional Environment Variables", Default("PARQUET_COMPRESSION", "snappy")),
    ("Optional Environment Variables", Word("PARQUET_COMPRESSION", "snappy")),
    ("Optional Environment Variables", Word("PARQUET_COMPRESSION", "gzip")),
    ("Optional Environment Variables", Word("PARQUET_COMPRESSION", "brotli")),
    ("Optional Environment Variables", Word("PARQUET_COMPRESSION", "none")),
    ("API Rate Limiting (429)", Word("RATE_LIMIT", "30")),
    ("API Rate Limiting (429)", Word("BATCH_SIZE", "5000")),
    ("Memory Usage High", Word("BATCH_SIZE", "500")),
    ("Optimization Strategies", Word("RATE_LIMIT", "120")),
    ("Key Metrics", Metric("api_calls_total", "counter")),
    ("Key Metrics", Series("api_calls_total{status=\"200\"}")),
    ("Key Metrics", Series("api_calls_total{status=\"4xx\"}")),
    ("Key Metrics", Series("api_calls_total{status=\"5xx\"}")),
    ("Key Metrics", Metric("api_call_duration_seconds", "histogram")),
    ("Key Metrics", Series("api_call_duration_seconds_bucket{le=\"5\"}")),
    ("Key Metrics", Metric("logs_fetched_total", "counter")),
    ("Key Metrics", Metric("parse_errors_total", "counter")),
    ("Key Metrics", Metric("parquet_files_written_total", "counter")),
    ("Key Metrics", Metric("disk_usage_bytes", "gauge")),
    ("Structured Logs", Field("timestamp")),
    ("Structured Logs", Field("level")),
    ("Structured Logs", Field("service")),
    ("Structured Logs", Field("version")),
    ("Structured Logs", Field("environment")),
    ("Structured Logs", Field("trace_id")),
    ("Structured Logs", Field("event")),
    ("Structured Logs", Event("service_started")),
    ("Structured Logs", Event("config_loaded")),
    ("Structured Logs", Event("api_request")),
    ("Structured Logs", Event("api_response")),
    ("Structured Logs", Event("logs_fetched")),
    ("Structured Logs", Event("parse_start")),
    ("Structured Logs", Event("parse_complete")),
    ("Structured Logs", Event("file_write_start")),
    ("Structured Logs", Event("file_write_complete")),
    ("Structured Logs", Event("batch_complete")),
    ("Structured Logs", Event("service_complete")),
    ("Structured Logs", Event("error")),
    ("High Parse Error Rate", Event("parse_error")),
    ("API Rate Limiting (429)", Event("rate_limit")),
    (
        "Alert 1: Authentication Failure",
        Alert("AuthenticationFailures", "critical", &["api_refused_total[5m]", "> 3"]),
    ),
    ("Alert 2: Service Down", Alert("Down", "critical", &["for: 5m"])),
    ("Alert 3: Disk Full", Alert("DiskFull", "critical", &["> 0.95"])),
    ("Alert 4: High Parse Error Rate", Alert("ParseErrors", "warning", &["ratio_15m > 0.05"])),
    ("Alert 5: API Latency High", Alert("ApiLatencyHigh", "warning", &["p95_5m > 5", "for: 10m"])),
    ("Alert 6: No Logs Fetched", Alert("NoLogsFetched", "warning", &["[1h]", "== 0"])),
    ("Key Metrics", Alert("ServerErrors", "warning", &["5xx", "[5m]", "> 3"])),
    ("Key Metrics", Alert("ClientErrors", "warning", &["4xx", "> 0"])),
    ("Key Metrics", Alert("DiskFilling", "warning", &["> 0.90"])),
    ("Access Control", Mode(".parquet", 0o640)),
    ("Access Control", Mode("out", 0o750)),
];

/// The rows of a kind; there is at least one.
#[track_caller]
fn rows<T>(pick: impl Fn(Fact) -> Option<T>) -> Vec<(&'static str, T)> {
    let rows: Vec<_> = ROWS.iter().filter_map(|(section, fact)| Some((*section, pick(*fact)?))).collect();
    assert!(!rows.is_empty());
    rows
}

/// Whether the program takes a variable with a value, and the defaults for the rest.
fn takes(variable: &str, value: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let environment = [
        ("RAPID7_API_KEY", "k"),
        ("RAPID7_API_ENDPOINT", "http://127.0.0.1:1"),
        ("OUTPUT_DIR", out.to_str().unwrap()),
        (variable, value),
    ];
    let (code, text) = outcome(&mut program(&["config", "check"], &environment, folder.path()));
    (code == 0, text)
}

#[test]
fn variables_have_the_runbooks_defaults() {
    let default = |name: &str| Setting::named(name).map(|setting| setting.default);
    for (section, name) in rows(|fact| if let Required(name) = fact { Some(name) } else { None }) {
        assert_eq!(default(name), Some(None), "{section}: {name}");
        let (fine, text) = takes(name, "");
        assert!(!fine && text.contains(name), "{section}: {name}: {text}");
    }
    for (section, (name, value)) in rows(|fact| if let Default(n, v) = fact { Some((n, v)) } else { None }) {
        assert_eq!(default(name), Some(Some(value)), "{section}: {name}");
    }
}

#[test]
fn variables_take_what_the_runbook_says() {
    for (section, (name, value)) in rows(|fact| if let Word(n, v) = fact { Some((n, v)) } else { None }) {
        let (fine, text) = takes(name, value);
        assert!(fine, "{section}: {name}={value}: {text}");
    }
    for (section, (name, low, high)) in
        rows(|fact| if let Range(n, low, high) = fact { Some((n, low, high)) } else { None })
    {
        for (value, want) in [(low - 1, false), (low, true), (high, true), (high + 1, false)] {
            let (fine, text) = takes(name, &value.to_string());
            assert_eq!(fine, want, "{section}: {name}={value}: {text}");
        }
    }
}

/// What a run into `folder` leaves: its log, and the file of metrics.
fn a_run(folder: &Path) -> (String, String) {
    let mut config = SimConfig::default().with_log(LogSpec::generated("auth", Kind::Json, 400));
    let cut = (0..50).map(|n| if n == 20 { "{\"a\":1".to_owned() } else { format!("{{\"a\":{n}}}") });
    config.logs.push(LogSpec::lines("cut", cut));
    config.faults.add("retry_429@2").unwrap();
    let server = SimServer::start(config);
    let metrics = folder.join("log-ingestion.prom");
    let (out, words) = (folder.join("out"), ["--settle-delay", "0s"]);
    let (code, mut log) = outcome(run(&server, &out, &words).env("METRICS_TEXTFILE", &metrics));
    assert_eq!(code, 0, "{log}");
    let written = std::fs::read_to_string(metrics).unwrap();
    let (code, refused) = outcome(run(&server, &out, &words).env("RAPID7_API_KEY", "wrong"));
    assert_eq!(code, 77, "{refused}");
    log.push_str(&refused);
    (log, written)
}

/// Files and folders below a folder, itself included.
fn below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { all.extend(below(&entry)) } else { all.push(entry) }
    }
    all
}

#[test]
fn a_run_logs_counts_and_keeps_modes_as_the_runbook_says() {
    let folder = tempfile::tempdir().unwrap();
    let (log, metrics) = a_run(folder.path());
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for (section, event) in rows(|fact| if let Event(name) = fact { Some(name) } else { None }) {
        assert!(lines.iter().any(|line| line["event"] == event), "{section}: {event}\n{log}");
    }
    for (section, field) in rows(|fact| if let Field(name) = fact { Some(name) } else { None }) {
        assert!(lines.iter().all(|line| line[field].is_string()), "{section}: {field}\n{log}");
    }
    for (section, (name, kind)) in rows(|fact| if let Metric(n, k) = fact { Some((n, k)) } else { None }) {
        let declared = format!("# TYPE {name} {kind}");
        assert!(metrics.lines().any(|line| line == declared), "{section}: {declared}\n{metrics}");
    }
    for (section, series) in rows(|fact| if let Series(name) = fact { Some(name) } else { None }) {
        assert!(
            metrics.lines().any(|line| line.starts_with(&format!("{series} "))),
            "{section}: {series}\n{metrics}"
        );
    }
    let all = below(&folder.path().join("out"));
    for (section, (end, mode)) in rows(|fact| if let Mode(e, m) = fact { Some((e, m)) } else { None }) {
        let fitting: Vec<_> = all.iter().filter(|path| path.to_str().unwrap().ends_with(end)).collect();
        assert!(!fitting.is_empty(), "{section}: nothing is named *{end}");
        for path in fitting {
            let found = std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(found, mode, "{section}: {} has mode {found:o}", path.display());
        }
    }
}

#[test]
fn alerts_have_the_runbooks_thresholds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rules = std::fs::read_to_string(root.join("deploy/prometheus/alerts.yml")).unwrap();
    let page = std::fs::read_to_string(root.join("docs/RUNBOOK.md")).unwrap();
    let anchors: Vec<String> = page.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    let alerts: Vec<&str> = rules.split("- alert:").skip(1).collect();
    for (section, (name, severity, parts)) in
        rows(|fact| if let Alert(n, s, p) = fact { Some((n, s, p)) } else { None })
    {
        let Some(alert) = alerts
            .iter()
            .find(|alert| alert.lines().next().is_some_and(|l| l.trim() == format!("LogIngestion{name}")))
        else {
            panic!("{section}: there is no alert {name}")
        };
        assert!(alert.contains(&format!("severity: {severity}")), "{section}: {alert}");
        for part in parts {
            assert!(alert.contains(part), "{section}: {name} lacks {part:?}: {alert}");
        }
    }
    for alert in alerts {
        let Some(link) = alert.lines().find_map(|line| line.split_once("RUNBOOK.md#")) else {
            panic!("an alert has no link into the runbook: {alert}")
        };
        let target = link.1.trim().trim_matches('"').to_owned();
        assert!(anchors.contains(&target), "{target} is no chapter of docs/RUNBOOK.md");
    }
}

/// A heading as readers of Markdown link to it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
