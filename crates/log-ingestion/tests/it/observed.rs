//! The endpoint of a running service, and what a supervisor hears of it.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use log_ingestion::settings::Setting;
use rapid7_sim::{Kind, LogSpec, SimConfig};
use serde_json::Value;
use tokio::time::Instant;

use crate::loopback::{Loopback, reply};
use crate::program::{Running, SimServer, ask, ask_until, free_port, note, now_ms, outcome, run};

const TOKEN: &str = "0123456789abcdef-token";

fn address() -> String {
    format!("127.0.0.1:{}", free_port())
}

fn server(events: u64) -> SimServer {
    let config = SimConfig { to_ms: Some(now_ms() - 60_000), ..SimConfig::default() };
    let auth = LogSpec::generated("auth", Kind::Json, events / 2);
    SimServer::start(config.with_log(LogSpec::generated("web", Kind::Access, events / 2)).with_log(auth))
}

/// What `/metrics` says once the folder was walked over, which is done beside the run.
fn metrics_with_usage(addr: &str) -> String {
    loop {
        let metrics = ask_until(addr, "/metrics", 200);
        if metrics.contains("\ndisk_usage_bytes ") {
            return metrics;
        }
    }
}

#[track_caller]
fn check_status(said: &Value, pid: u32) {
    let wanted: [(&str, Value); 4] =
        [("schema", 1.into()), ("mode", "continuous".into()), ("ready", true.into()), ("pid", pid.into())];
    for (field, want) in wanted {
        assert_eq!(said[field], want, "{field}");
    }
    let list = |field: &str| said[field].as_array().unwrap().clone();
    let logs: Vec<_> = list("logs").iter().map(|l| (l["log"].clone(), l["stored"].clone())).collect();
    assert_eq!(logs, [("auth".into(), 1_000.into()), ("web".into(), 1_000.into())]);
    let answered = said["api"]["200"].as_u64().unwrap();
    assert!(answered > 0 && said["disk"]["size_bytes"].as_u64().unwrap() > 0, "{said}");
    let is_query = |quota: &Value| quota["class"] == "query" && quota["circuit_open"] == false;
    assert!(list("quota").iter().any(is_query), "{said}");
    let events = list("events");
    let events: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert!(events.contains(&"service_started") && events.contains(&"service_complete"), "{events:?}");
    assert!(!events.contains(&"api_request"), "{events:?}");
}

#[test]
fn a_running_service_shows_metrics_and_status() {
    let server = server(2_000);
    let folder = tempfile::tempdir().unwrap();
    let addr = address();
    let words = ["--continuous", "--interval", "1h", "--settle-delay", "0s", "--metrics-addr", &addr];
    let mut running = Running::start(run(&server, &folder.path().join("out"), &words));
    running.until("\"event\":\"metrics_served\"");
    running.until("\"event\":\"service_complete\"");
    let answers = [
        ("GET", "/readyz", 200, "{\"ready\":true,\"reasons\":[]}\n"),
        ("GET", "/livez", 200, "ok\n"),
        ("GET", "/", 404, "There is /metrics, /livez, /readyz and /status.\n"),
        ("POST", "/metrics", 405, ""),
        ("HEAD", "/metrics", 200, ""),
    ];
    for (method, path, status, body) in answers {
        let answer = ask(&addr, method, path, "Content-Length: 0\r\n").unwrap();
        assert_eq!(answer, (status, body.to_owned()), "{method} {path}");
    }
    let metrics = metrics_with_usage(&addr);
    for part in [
        "\nlogs_fetched_total 2000\n",
        "log_ingestion_continuous 1\n",
        "log_ingestion_quota_remaining{class=\"management\"} ",
        "log_ingestion_circuit_open{class=\"query\"} 0\n",
        "\nprocess_start_time_seconds ",
        "\nlog_ingestion_disk_free_bytes ",
    ] {
        assert!(metrics.contains(part), "{part} in {metrics}");
    }
    let status = ask_until(&addr, "/status", 200);
    check_status(&serde_json::from_str(&status).unwrap(), running.pid());
    assert!(!metrics.contains("sim-key") && !status.contains("sim-key"), "the key is shown");
    running.signal("TERM");
    assert_eq!(running.end().0.code(), Some(0));
}

#[test]
fn a_token_guards_what_tells_of_logs() {
    let server = server(200);
    let folder = tempfile::tempdir().unwrap();
    let addr = address();
    let mut command = run(&server, &folder.path().join("out"), &["--continuous", "--metrics-addr", &addr]);
    command.env("METRICS_TOKEN", TOKEN);
    let mut running = Running::start(command);
    running.until("\"event\":\"metrics_served\"");
    for path in ["/metrics", "/status"] {
        let (code, said) = ask(&addr, "GET", path, "").unwrap();
        assert!(code == 401 && !said.contains("auth"), "{code} {said}");
        assert_eq!(ask(&addr, "GET", path, "Authorization: Bearer wrong\r\n").unwrap().0, 401);
        assert_eq!(ask(&addr, "GET", path, &format!("Authorization: Bearer {TOKEN}\r\n")).unwrap().0, 200);
    }
    assert_eq!(ask(&addr, "GET", "/livez", "").unwrap().0, 200);
    ask_until(&addr, "/readyz", 200);
    running.signal("TERM");
    let (_, said) = running.end();
    assert!(!said.contains(TOKEN), "{said}");
}

#[test]
fn an_address_that_was_asked_for_and_is_taken_ends_the_run() {
    let server = server(200);
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let (code, said) = outcome(&mut run(&server, &folder.path().join("out"), &["--metrics-addr", &addr]));
    assert!(code == 78 && said.contains("METRICS_ADDR") && said.contains(&addr), "{code}: {said}");
}

#[test]
fn a_default_address_that_is_taken_is_done_without() {
    let server = server(200);
    let folder = tempfile::tempdir().unwrap();
    let addr = Setting::named("METRICS_ADDR").unwrap().default.unwrap();
    let words = ["--continuous", "--interval", "1h", "--settle-delay", "0s"];
    // There is one such address on a machine: where a service of another test has it and ends, this one takes it.
    for _ in 0..100 {
        let taken = std::net::TcpListener::bind(addr);
        let mut running = Running::start(run(&server, &folder.path().join("out"), &words));
        let line: Value = serde_json::from_str(&running.until("\"event\":\"metrics_")).unwrap();
        running.until("\"event\":\"service_complete\"");
        running.signal("TERM");
        assert_eq!(running.end().0.code(), Some(0));
        if taken.is_err() && line["event"] == "metrics_served" {
            continue;
        }
        let facts = ["event", "level", "addr"].map(|fact| line[fact].as_str().unwrap_or_default());
        assert_eq!(facts, ["metrics_unavailable", "WARNING", addr], "{line}");
        assert!(line["error"].as_str().is_some_and(|error| error.contains("in use")), "{line}");
        return;
    }
    panic!("{addr} is taken and free by turns");
}

/// Requests whose median is measured, at least.
const ASKED: usize = 101;

/// Time of one answer.
fn timed(addr: &str, path: &str) -> Duration {
    let asked = Instant::now();
    let (code, _) = ask(addr, "GET", path, "").unwrap();
    assert_eq!(code, 200, "{path}");
    asked.elapsed()
}

/// Rows that are stored, and windows under way.
fn at_work(addr: &str) -> (u64, u64) {
    let (_, status) = ask(addr, "GET", "/status", "").unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    let logs = status["logs"].as_array().unwrap();
    let sum = |field: &str| logs.iter().map(|log| log[field].as_u64().unwrap()).sum();
    (sum("stored"), sum("windows_in_flight"))
}

/// Issue 5: with a running service under full load `/livez` answers within 50 ms, `/metrics` within 200 ms. Medians, since
/// other tests share the machine.
#[test]
fn a_saturated_service_answers_in_time() {
    let server = server(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let addr = address();
    // Nobody reads the log meanwhile, so little must be said.
    let mut words =
        vec!["--continuous", "--settle-delay", "0s", "--metrics-addr", &addr, "--log-level", "ERROR"];
    words.extend(["--fetch-mode", "download", "--window-rows", "20000"]);
    let running = Running::start(run(&server, &folder.path().join("out"), &words));
    ask_until(&addr, "/livez", 200);
    let begun = loop {
        let (stored, in_flight) = at_work(&addr);
        if stored > 0 && in_flight > 0 {
            break stored;
        }
    };
    let (mut live, mut metrics) = (Vec::new(), Vec::new());
    // Measured for as long as several windows take.
    while live.len() < ASKED || at_work(&addr).0 < begun + 100_000 {
        live.push(timed(&addr, "/livez"));
        metrics.push(timed(&addr, "/metrics"));
    }
    assert!(at_work(&addr).1 > 0, "it was not at work to the end");
    live.sort();
    metrics.sort();
    let (asked, live, metrics) = (live.len(), live[live.len() / 2], metrics[metrics.len() / 2]);
    note(&format!("under load, medians of {asked}: /livez {live:?}, /metrics {metrics:?}"));
    assert!(live < Duration::from_millis(50), "/livez takes {live:?}");
    assert!(metrics < Duration::from_millis(200), "/metrics takes {metrics:?}");
    running.signal("KILL");
}

/// What a collector was sent.
struct Taken {
    head: Vec<String>,
    body: Value,
}

impl Taken {
    fn path(&self) -> &str {
        self.head[0].split(' ').nth(1).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.iter().filter_map(|line| line.split_once(": "));
        lines.find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Takes requests as a collector would.
fn collector(most: usize) -> (String, std::thread::JoinHandle<Vec<Taken>>) {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let taken = std::thread::spawn(move || {
        let one = |stream: std::net::TcpStream| {
            let mut reader = BufReader::new(stream);
            let mut head = Vec::new();
            for line in reader.by_ref().lines() {
                let line = line.unwrap();
                if line.is_empty() {
                    break;
                }
                head.push(line);
            }
            let mut taken = Taken { head, body: Value::Null };
            let mut body = vec![0; taken.header("content-length").unwrap().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            taken.body = serde_json::from_slice(&body).unwrap();
            let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            reader.into_inner().write_all(reply).unwrap();
            taken
        };
        listener.incoming().take(most).map(|stream| one(stream.unwrap())).collect()
    });
    (endpoint, taken)
}

#[test]
fn a_collector_gets_metrics_and_spans_at_the_end_of_a_run() {
    let server = server(400);
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, taken) = collector(2);
    let words = ["--settle-delay", "0s", "--otel-exporter-otlp-endpoint", &endpoint];
    let mut command = run(&server, &folder.path().join("out"), &words);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20a%2Cb,x-tenant=logs");
    let (code, said) = outcome(&mut command);
    assert!(code == 0 && !said.contains("otlp_failed") && !said.contains("a,b"), "{said}");
    let taken = taken.join().unwrap();
    assert_eq!(taken.iter().map(Taken::path).collect::<Vec<_>>(), ["/v1/metrics", "/v1/traces"]);
    for taken in &taken {
        let headers = ["authorization", "x-tenant", "content-type"].map(|name| taken.header(name).unwrap());
        assert_eq!(headers, ["Bearer a,b", "logs", "application/json"]);
    }
    let metrics = taken[0].body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let fetched = metrics.iter().find(|metric| metric["name"] == "logs_fetched_total").unwrap();
    assert_eq!(fetched["sum"]["dataPoints"][0]["asDouble"], 400.0);
    let spans = taken[1].body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
    let (pass, logs, windows) = (named("pass"), named("log"), named("window"));
    assert_eq!((pass.len(), logs.len()), (1, 2), "{spans:?}");
    assert!(logs.iter().all(|log| log["parentSpanId"] == pass[0]["spanId"]), "{spans:?}");
    assert!(
        windows.len() >= 2 && windows.iter().all(|span| span["traceId"] == pass[0]["traceId"]),
        "{spans:?}"
    );
    // Nobody there is no failure of the run.
    let words = ["--settle-delay", "0s", "--otel-exporter-otlp-endpoint", "http://127.0.0.1:1"];
    let (code, said) = outcome(&mut run(&server, &folder.path().join("out"), &words));
    assert!(code == 0 && said.contains("\"event\":\"otlp_failed\""), "{said}");
}

#[test]
fn a_collector_that_takes_traces_alone_gets_them() {
    let server = server(400);
    let folder = tempfile::tempdir().unwrap();
    let collector = Loopback::start(|head| {
        let status = if head.starts_with("POST /v1/traces ") { 200 } else { 404 };
        reply(status, "", b"{}")
    });
    let words = ["--settle-delay", "0s", "--otel-exporter-otlp-endpoint", &collector.origin];
    let (code, said) = outcome(&mut run(&server, &folder.path().join("out"), &words));
    assert!(code == 0 && said.contains("\"event\":\"otlp_failed\""), "{said}");
    let heads = collector.heads.lock().unwrap();
    assert!(heads.iter().any(|head| head.starts_with("POST /v1/traces ")), "{heads:?}");
}

#[test]
fn a_supervisor_hears_that_it_is_ready_alive_and_stopping() {
    let server = server(400);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let words = ["--continuous", "--interval", "1h", "--settle-delay", "0s", "--metrics-addr", "off"];
    let mut command = run(&server, &folder.path().join("out"), &words);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let running = Running::start(command);
    let mut heard = Vec::new();
    let mut until = |part: &str| {
        for _ in 0..10_000 {
            let mut bytes = [0; 512];
            let len = socket.recv(&mut bytes).unwrap();
            let message = String::from_utf8_lossy(&bytes[..len]).into_owned();
            let found = message.contains(part);
            heard.push(message);
            if found {
                return;
            }
        }
        panic!("{part} is not heard: {heard:?}");
    };
    until("READY=1");
    until("STATUS=2 logs complete");
    until("WATCHDOG=1");
    until("WATCHDOG=1");
    running.signal("TERM");
    until("STOPPING=1");
    assert_eq!(running.end().0.code(), Some(0));
    assert_eq!(heard.iter().filter(|message| *message == "READY=1").count(), 1);
}
