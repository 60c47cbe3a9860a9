//! What is held in memory, or on the disk, has a limit, whatever a server or a file unpacks to; and the way out is the
//! one that the machine's owner set.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::loopback::{Loopback, bomb, reply};
use crate::program::{behind, note, now_ms, outcome, program};

/// Memory that a process may map, in KiB: far less than any of the bombs, and enough for everything else.
const MAPPED_KIB: &str = "700000";
const MIB: usize = 1 << 20;

const LOGS: &str = r#"{"logs":[{"id":"5b1f0c7e-1111-4222-8333-9a0b1c2d3e4f","name":"web"}]}"#;

fn settings(origin: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("RAPID7_API_KEY", "k-1"),
        ("RAPID7_API_ENDPOINT", origin),
        ("OUTPUT_DIR", "out"),
        ("MIN_FREE_DISK", "0"),
        ("RETRY_ATTEMPTS", "1"),
        ("RATE_LIMIT", "1000"),
    ]
}

/// The same command in a process that may not map more.
fn bounded(command: &Command) -> Command {
    behind(&["sh", "-c", &format!("ulimit -v {MAPPED_KIB}; exec \"$0\" \"$@\"")], command)
}

#[test]
fn a_reply_that_unpacks_to_more_than_any_reply_is_refused() {
    let body = bomb(&vec![b' '; MIB], 300);
    let server = Loopback::start(move |_head| reply(200, "Content-Encoding: gzip", &body));
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = outcome(&mut bounded(&program(&["logs"], &settings(&server.origin), folder.path())));
    assert_eq!(code, 75, "{said}");
    assert!(said.contains("is larger than 268435456 bytes"), "{said}");
}

#[test]
fn a_refusal_that_unpacks_to_very_much_is_read_as_far_as_it_is_shown() {
    let body = bomb(&vec![b'x'; MIB], 600);
    let server = Loopback::start(move |_head| reply(400, "Content-Encoding: gzip", &body));
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = outcome(&mut bounded(&program(&["logs"], &settings(&server.origin), folder.path())));
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("with status 400: xxxx") && said.len() < 2_000, "{said}");
}

/// An account whose one log has two events by all that is asked but its download, which has this body.
fn downloads(body: Vec<u8>) -> Loopback {
    let first = now_ms() - 1_800_000;
    Loopback::start(move |head| {
        if head.contains("/management/logs") {
            return reply(200, "", LOGS.as_bytes());
        }
        if head.contains("/download/") {
            return reply(200, "Content-Encoding: gzip", &body);
        }
        let asked = parameter(head, "from").unwrap()..parameter(head, "to").unwrap();
        let events = [(first, 1), (first + 40, 2)];
        let events: Vec<String> = events
            .into_iter()
            .filter(|(ms, _)| asked.contains(ms))
            .map(|(ms, n)| {
                format!(
                    r#"{{"timestamp":{ms},"sequence_number":{n},"message":"a=1","log_id":"5b1f0c7e-1111-4222-8333-9a0b1c2d3e4f"}}"#
                )
            })
            .collect();
        if head.contains("calculate") {
            let count = events.len();
            let stats = format!(r#"{{"stats":{{"global_timeseries":{{"count":{count}}}}}}}"#);
            return reply(200, "", format!(r#"{{"leql":{{}},"statistics":{stats}}}"#).as_bytes());
        }
        reply(200, "", format!(r#"{{"leql":{{}},"events":[{}]}}"#, events.join(",")).as_bytes())
    })
}

fn parameter(head: &str, name: &str) -> Option<i64> {
    let (_, rest) = head.split_once(&format!("{name}="))?;
    rest.split(['&', ' ']).next()?.parse().ok()
}

#[test]
fn a_download_without_end_is_given_up_long_before_it_fills_memory_or_disk() {
    // A line without end, and lines without end.
    for (unit, said) in
        [(vec![b'x'; MIB], "is larger than 67108864 bytes"), (vec![b'\n'; MIB], "but the server counts")]
    {
        let server = downloads(bomb(&unit, 600));
        let folder = tempfile::tempdir().unwrap();
        let words = ["run", "--fetch-mode", "download", "--since", "2h"];
        let command = bounded(&program(&words, &settings(&server.origin), folder.path()));
        let mut limited = behind(&["sh", "-c", "ulimit -f 100000; exec \"$0\" \"$@\""], &command);
        let (code, text) = outcome(&mut limited);
        assert_eq!(code, 75, "{text}");
        assert!(text.contains("\"event\":\"bounds_found\"") && text.contains(said), "{said}: {text}");
    }
}

#[test]
fn a_file_that_unpacks_to_an_endless_line_or_endless_lines_takes_no_memory() {
    for (unit, times) in [(b'x', 750), (b'\n', 100)] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bomb.log.gz"), bomb(&vec![unit; MIB], times)).unwrap();
        let words = ["convert", "bomb.log.gz", "--output", "out"];
        let (code, said) = outcome(&mut bounded(&program(&words, &[], folder.path())));
        assert!(matches!(code, 0 | 1), "{unit} {code}: {said}");
        assert!(!said.contains("memory allocation"), "{unit}: {said}");
    }
}

#[test]
fn a_proxy_is_asked_where_the_environment_names_one() {
    let proxy = Loopback::start(|_head| reply(200, "", LOGS.as_bytes()));
    let folder = tempfile::tempdir().unwrap();
    let there = settings("http://logs.example.test");
    let run = |variables: &[(&str, &str)]| {
        outcome(program(&["logs"], &there, folder.path()).envs(variables.iter().copied()))
    };
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let (code, said) = run(&[(variable, &proxy.origin)]);
        assert_eq!(code, 0, "{variable}: {said}");
        let heads = std::mem::take(&mut *proxy.heads.lock().unwrap());
        assert!(heads[0].starts_with("GET http://logs.example.test/management/logs HTTP/1.1"), "{heads:?}");
    }
    let (code, said) = run(&[("HTTP_PROXY", &proxy.origin), ("NO_PROXY", "logs.example.test")]);
    assert_eq!(code, 75, "{said}");
    assert!(proxy.heads.lock().unwrap().is_empty());
}

/// Makes a certificate authority, and a certificate of this machine that it signed.
const CERTIFICATES: &str = "
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca \
        -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout own.key -out own.csr
    printf 'subjectAltName=DNS:localhost\\nbasicConstraints=CA:FALSE\\n' > own.ext
    openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile own.ext -out own.pem
";

fn made_certificates(folder: &Path) -> bool {
    let made = Command::new("sh").args(["-ec", CERTIFICATES]).current_dir(folder).output().unwrap();
    made.status.success()
}

#[test]
fn a_certificate_is_believed_by_the_systems_roots_or_ssl_cert_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    if !made_certificates(folder.path()) {
        note("not tried: there is no openssl to make certificates with");
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let accept = format!("127.0.0.1:{port}");
    // A page that is no answer of the API: whoever reads it has believed the certificate.
    let mut server = Command::new("openssl")
        .args(["s_server", "-accept", &accept, "-cert", "own.pem", "-key", "own.key", "-www"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().contains("ACCEPT")).unwrap().unwrap();
    let origin = format!("https://localhost:{port}");
    let ask = |variables: &[(&str, &str)]| {
        outcome(program(&["logs"], &settings(&origin), folder.path()).envs(variables.iter().copied()))
    };
    let (code, said) = ask(&[]);
    assert!(code == 75 && said.contains("certificate"), "{code}: {said}");
    let (code, said) = ask(&[("SSL_CERT_FILE", "ca.pem")]);
    assert!(code == 75 && said.contains("not readable as Log Search JSON"), "{code}: {said}");
    server.kill().unwrap();
    server.wait().unwrap();
}
