//! The key never leaves: a key that nothing else looks like goes through everything that can happen, and everything that
//! was written is searched for it.

use std::fs;
use std::path::Path;
use std::process::Command;

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::loopback::{Loopback, reply};
use crate::program::{Running, SimServer, ask, ask_until, behind, free_port, outcome, program};

/// Characters that encodings change, around some that none does.
const KEY: &str = "\"c4n4ry\\+/=%&<x>-K3yTh4tN0thingElseL00ksLike-9f8e7d6c\"";
/// The part of it that only base64 and hex change.
const CORE: &str = "K3yTh4tN0thingElseL00ksLike";

/// Every form in which the key, or most of it, may stand.
fn forms() -> Vec<String> {
    let mut forms = vec![CORE.to_lowercase(), hex(CORE.as_bytes())];
    // In base64 a text looks otherwise at each of three places, but for its ends.
    for skip in 0..3 {
        let whole = base64(&CORE.as_bytes()[skip..]);
        forms.push(whole.chars().take(whole.len() - 4).collect::<String>().to_lowercase());
    }
    forms
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |group: u32, at: u32| char::from(DIGITS[((group >> (18 - 6 * at)) & 63) as usize]);
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        text.extend((0..=chunk.len()).map(|at| digit(group, u32::try_from(at).unwrap())));
    }
    text
}

/// Asserts that a text holds the key in no form.
#[track_caller]
fn search(text: &[u8], place: &str) {
    let text = String::from_utf8_lossy(text).to_lowercase();
    for form in forms() {
        assert!(!text.contains(&form), "the key leaves through {place}: {text}");
    }
}

/// Searches every file below a folder; those that hold the key by their purpose are named.
#[track_caller]
fn search_folder(folder: &Path, purposely: &[&str]) -> usize {
    let mut searched = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            searched += search_folder(&path, purposely);
        } else if !purposely.contains(&name.as_str()) {
            search(name.as_bytes(), "a file's name");
            search(&fs::read(&path).unwrap(), &path.display().to_string());
            searched += 1;
        }
    }
    searched
}

/// Everything that a running service serves.
fn served(addr: &str) -> Vec<u8> {
    let pages = ["/metrics", "/status", "/readyz", "/livez", "/nothing"];
    let said = pages.map(|page| {
        let (status, body) = ask(addr, "GET", page, "").unwrap();
        assert!(status == 200 || page == "/nothing", "{page}: {status} {body}");
        body
    });
    assert!(said.iter().any(|body| body.contains("api_calls_total")), "{said:?}");
    said.concat().into_bytes()
}

fn environment(origin: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("RAPID7_API_KEY", KEY),
        ("RAPID7_API_ENDPOINT", origin),
        ("OUTPUT_DIR", "out"),
        ("RATE_LIMIT", "1000"),
        ("MIN_FREE_DISK", "0"),
        ("LOG_LEVEL", "DEBUG"),
        ("RETRY_ATTEMPTS", "1"),
        ("SETTLE_DELAY", "0s"),
        ("RUST_BACKTRACE", "full"),
    ]
}

/// Runs a command; asserts that what it says does not hold the key, and gives its exit code.
#[track_caller]
fn silent(command: &mut Command) -> i32 {
    let (code, said) = outcome(command);
    search(said.as_bytes(), &format!("{command:?}"));
    code
}

fn config() -> SimConfig {
    SimConfig { api_key: KEY.to_owned(), ..SimConfig::default() }
        .with_log(LogSpec::generated("web", Kind::Mixed, 700))
        .with_log(LogSpec::generated("odd", Kind::Odd, 300))
}

#[test]
fn the_search_finds_the_key_in_every_form() {
    for text in [
        KEY.to_owned(),
        serde_json::to_string(KEY).unwrap(),
        format!("{KEY:?}"),
        hex(KEY.as_bytes()),
        base64(KEY.as_bytes()),
        base64(&KEY.as_bytes()[1..]),
        base64(&KEY.as_bytes()[2..]),
        format!("{:?}", Some(KEY.to_uppercase())),
    ] {
        assert!(std::panic::catch_unwind(|| search(text.as_bytes(), "a test")).is_err(), "{text}");
    }
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw");
}

#[test]
fn every_command_keeps_the_key_to_itself() {
    let server = SimServer::start(config());
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&server.origin);
    let at = |words: &[&str]| program(words, &environment, folder.path());
    assert_eq!(silent(at(&["run"]).env("LOG_FILE", "log/service.log")), 0);
    for words in [
        &["run"][..],
        &["run", "--log-format", "text"],
        &["config"],
        &["config", "check"],
        &["logs"],
        &["logs", "--json"],
        &["status"],
        &["status", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["audit"],
        &["audit", "--deep", "--json", "--report", "audit.json"],
        &["repair", "--deep"],
        &["ledger", "rebuild"],
        &["verify", "--json"],
        &["--help"],
        &["run", "--help"],
    ] {
        silent(&mut at(words));
    }
    // A key in a file, and one that differs from it.
    fs::write(folder.path().join("key"), KEY).unwrap();
    silent(at(&["config"]).env("RAPID7_API_KEY_FILE", "key"));
    silent(at(&["config"]).env("RAPID7_API_KEY_FILE", "key").env("RAPID7_API_KEY", "another"));
    silent(at(&["doctor"]).env("RAPID7_API_KEY_FILE", "key").env("RAPID7_API_KEY", "another"));
    // Standard output that is closed, or a disk that is full behind it.
    for redirect in [">&-", "2>&-", ">/dev/full"] {
        silent(&mut behind(&["sh", "-c", &format!("exec \"$0\" \"$@\" {redirect}")], &at(&["logs"])));
    }
    assert!(search_folder(folder.path(), &["key"]) > 5);
}

#[test]
fn whatever_goes_wrong_the_key_is_kept() {
    for fault in [
        "http_500_502_503_504_html=1.0",
        "html_200=1.0",
        "unreadable_json=1.0",
        "body_cut_mid_json=1.0",
        "connection_reset_before_body=0.5",
        "redirect_to_foreign_host=1.0",
        "foreign_host_in_link=1.0",
        "retry_429@2,3",
        "default_query_trap=1.0",
        "default_statement_trap=1.0",
        "count_self_disagrees=1.0",
        "beyond_retention_header_with_zero_rows=1.0",
        "log_deleted_mid_run@4",
        "key_revoked_mid_run@3",
    ] {
        let mut config = config();
        config.faults.add(fault).unwrap();
        let server = SimServer::start(config);
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(&server.origin);
        silent(program(&["run"], &environment, folder.path()).env("LOG_FILE", "service.log"));
        silent(&mut program(&["doctor"], &environment, folder.path()));
        silent(program(&["run"], &environment, folder.path()).env("RAPID7_API_PROTOCOL", "csv-pages"));
        search_folder(folder.path(), &[]);
    }
}

/// A server, or a proxy before it, may repeat what it was sent: in an error, in a page, in a header, in half a JSON.
#[test]
fn a_server_that_repeats_the_key_is_not_quoted() {
    for status in [200, 400, 401, 403, 404, 422, 429, 500] {
        for form in ["HTML", "JSON", "ERROR", "HALF", "HEADER"] {
            let server = Loopback::start(move |head| {
                let given = head.lines().find_map(|line| {
                    line.strip_prefix("x-api-key: ").or_else(|| line.strip_prefix("authorization: "))
                });
                let key = given.unwrap_or_default().trim_start_matches("Bearer ").to_owned();
                let quoted = serde_json::to_string(&key).unwrap();
                match form {
                    "HTML" => {
                        reply(status, "Content-Type: text/html", format!("<p>bad key {key}</p>").as_bytes())
                    }
                    "JSON" => reply(status, "", format!("{{\"logs\":{quoted}}}").as_bytes()),
                    "ERROR" => {
                        let body = format!(
                            "{{\"errorCode\":4,\"message\":{quoted},\"leql\":{{\"statement\":{quoted}}}}}"
                        );
                        reply(status, "", body.as_bytes())
                    }
                    "HALF" => reply(status, "", format!("{{\"x\":{quoted},\"y\":[{quoted}").as_bytes()),
                    _ => {
                        let headers = format!(
                            "x-beyond-retention: true\nx-beyond-retention-message: {key}\nRetry-After: 0"
                        );
                        reply(status, &headers, b"{}")
                    }
                }
            });
            let folder = tempfile::tempdir().unwrap();
            let environment = environment(&server.origin);
            for protocol in ["log-search", "csv-pages"] {
                for words in [&["logs"][..], &["doctor", "--json"], &["run", "--since", "1h"]] {
                    // A 429 is obeyed for as long as it lasts.
                    if status != 429 || words[0] == "doctor" {
                        let mut command = program(words, &environment, folder.path());
                        silent(command.env("RAPID7_API_PROTOCOL", protocol));
                    }
                }
            }
            search_folder(folder.path(), &[]);
        }
    }
}

#[test]
fn a_key_in_the_wrong_place_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |text: &str| text.replace("KEY", CORE);
    let url = inside("https://user:KEY@eu.rest.logs.insight.rapid7.com/?api_key=KEY");
    for variables in [
        [("RAPID7_API_KEYS", KEY), ("BATCH_SIZE", "7")],
        [("RAPID7_API_KEY", "with blanks K3yTh4tN0thingElseL00ksLike"), ("OUTPUT_DIR", "s3://x")],
        [("RAPID7_API_ENDPOINT", url.as_str()), ("RAPID7_API_KEY", KEY)],
        [("RAPID7_API_KEY", KEY), ("OUTPUT_DIR", "/dev/null/out")],
    ] {
        for words in [&["config"][..], &["config", "check"], &["doctor"], &["run"], &["logs"]] {
            assert_ne!(silent(&mut program(words, &variables, folder.path())), 0, "{words:?}");
        }
    }
    for line in ["RAPID7_API_KEY KEY", "RAPID7_API_KEY='KEY", "KEY", "RAPID7_API_KEY=\"KEY\\q\""] {
        fs::write(folder.path().join(".env"), inside(line)).unwrap();
        silent(&mut program(&["config"], &[], folder.path()));
        silent(&mut program(&["run"], &[], folder.path()));
    }
    // As a flag it is refused before anything is done, and is not repeated.
    fs::remove_file(folder.path().join(".env")).unwrap();
    let flag = format!("--rapid7-api-key={CORE}");
    let (code, said) = outcome(&mut program(&["run", &flag], &[], folder.path()));
    assert_eq!(code, 64, "{said}");
}

/// What a collector is to be shown is a secret like the key, also where it repeats it.
#[test]
fn the_headers_of_a_collector_are_shown_to_it_alone() {
    let server = SimServer::start(config());
    let collector = Loopback::start(|head| {
        let given = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default();
        reply(403, "Content-Type: text/plain", format!("no entry with {given}").as_bytes())
    });
    let folder = tempfile::tempdir().unwrap();
    let secret = format!("authorization=Bearer%20{CORE},x-tenant={CORE}");
    for (headers, usable) in [(secret.as_str(), true), (CORE, false)] {
        let mut environment = environment(&server.origin);
        environment.push(("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.origin));
        environment.push(("OTEL_EXPORTER_OTLP_HEADERS", headers));
        for words in [&["run"][..], &["config"], &["config", "check"], &["doctor"]] {
            let code = silent(&mut program(words, &environment, folder.path()));
            assert!(words == ["doctor"] || code == if usable { 0 } else { 78 }, "{words:?}: {code}");
        }
    }
    let heads = collector.heads.lock().unwrap();
    assert!(!heads.is_empty() && heads.iter().all(|head| head.contains(CORE)), "{heads:?}");
    search_folder(folder.path(), &[]);
}

#[test]
fn other_users_see_no_key_in_the_list_of_processes() {
    let server = SimServer::start(config());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), KEY).unwrap();
    let mut environment = environment(&server.origin);
    environment.retain(|(name, _)| *name != "RAPID7_API_KEY");
    environment.push(("RAPID7_API_KEY_FILE", "key"));
    let addr = format!("127.0.0.1:{}", free_port());
    environment.push(("METRICS_ADDR", &addr));
    let words = ["run", "--continuous", "--interval", "100d"];
    let mut running = Running::start(program(&words, &environment, folder.path()));
    running.until("\"event\":\"service_complete\"");
    let proc = |name: &str| fs::read(format!("/proc/{}/{name}", running.pid())).unwrap();
    search(&proc("cmdline"), "the list of processes");
    // Nor can the user's own tools see one that is in a file.
    search(&proc("environ"), "the environment");
    ask_until(&addr, "/readyz", 200);
    search(&served(&addr), "what it serves");
    running.signal("TERM");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    search(said.as_bytes(), "standard output");
    search_folder(folder.path(), &["key"]);
}
