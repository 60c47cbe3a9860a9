//! docs/RUNBOOK.md, walked from top to bottom: every block of shell lines runs, in a sandbox.
//!
//! The page's folders become folders of the sandbox; what only a whole machine has (systemd, a bucket, a package manager)
//! is stood in for by the scripts of `tests/runbook/bin`. Everything else is the real program against a simulator.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, note};

/// Folders of the page that are folders of the sandbox.
const FOLDERS: [&str; 8] = [
    "/data/",
    "/opt/log-ingestion",
    "/etc/",
    "/var/log/",
    "/var/run/",
    "/usr/local/share/man/",
    "/archive/",
    "/backup/",
];
/// Where the service listens, on the page; each walk has a port of its own.
const ADDRESS: &str = "127.0.0.1:9464";
/// A command that never ends by itself is cut off after so long.
const FOLLOW: &str = "timeout 1 tail -f";
/// Waits for a process to end: 300 times a tenth of a second.
const END_TRIES: u32 = 300;
const KEY: &str = "sim-key";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn page() -> String {
    std::fs::read_to_string(repository().join("docs/RUNBOOK.md")).unwrap()
}

/// Shell lines under a heading.
#[derive(Debug)]
struct Block {
    heading: String,
    line: usize,
    text: String,
}

/// The page's blocks of shell lines, in order.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut heading, mut open) = (String::new(), None::<(bool, Block)>);
    for (line, text) in page.lines().enumerate() {
        let fence = text.trim_start().strip_prefix("```");
        match (fence, &mut open) {
            (Some(language), None) => {
                let block = Block { heading: heading.clone(), line: line + 1, text: String::new() };
                open = Some((language == "bash", block));
            }
            (Some(_), Some(_)) => {
                blocks.extend(open.take().filter(|(shell, _)| *shell).map(|(_, block)| block));
            }
            (None, Some((_, block))) => {
                block.text.push_str(text);
                block.text.push('\n');
            }
            (None, None) if text.starts_with('#') => {
                heading = text.trim_start_matches('#').trim().to_owned();
            }
            // The scenarios of the last chapters are paragraphs that begin in bold.
            (None, None) if text.starts_with("**Scenario") => heading = text.trim_matches('*').to_owned(),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

/// What runs while a chapter is walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Stopped,
    Background,
    Unit,
}

/// Chapters through which the service runs; in all others it does not.
const SERVICE: [(&str, Service); 13] = [
    ("Stopping the Service", Service::Background),
    ("Restarting the Service", Service::Unit),
    ("Key Metrics", Service::Unit),
    ("Health Checks", Service::Unit),
    ("Issue: Authentication Failures (401/403)", Service::Unit),
    ("Issue: High Parse Error Rate", Service::Unit),
    ("Issue: API Rate Limiting (429)", Service::Unit),
    ("Issue: API Latency High", Service::Unit),
    ("Issue: Memory Usage High", Service::Unit),
    ("Log Rotation", Service::Unit),
    ("Credential Management", Service::Unit),
    ("Scenario 1: Complete Service Failure", Service::Unit),
    ("Useful Scripts", Service::Unit),
];

/// What the blocks of a chapter must print, in this order, each anywhere after the one before.
const PRINTS: [(&str, &[&str]); 22] = [
    ("Service Status", &["healthy"]),
    ("Common Commands", &["RAPID7_API_KEY"]),
    ("Key Metrics", &["api_calls_total{status=\"200\"}", "disk_usage_bytes"]),
    ("Systemd Service (Recommended for Production)", &["active (running)"]),
    ("Health Checks", &["ok", "\"ready\":true", "\"lag_seconds\"", "auth", ".parquet"]),
    ("Issue: Service Fails to Start", &["OUTPUT_DIR"]),
    ("Issue: Authentication Failures (401/403)", &["key", "200"]),
    ("Issue: High Parse Error Rate", &["{\"a\":1", "not_json"]),
    ("Issue: Disk Space Exhaustion", &["2026-01-01", "2026-01-01"]),
    ("Issue: API Rate Limiting (429)", &["remaining", "30", "5000"]),
    ("Issue: Memory Usage High", &["process_resident_memory_bytes"]),
    ("Issue: Parquet Files Not Readable", &["_time"]),
    ("Issue: API Latency High", &["query "]),
    ("Issue: No Logs Fetched", &["auth", "auth"]),
    ("Issue: Completeness Gap", &["auth"]),
    ("Issue: Retention Edge", &["\"retention\""]),
    ("Routine Maintenance Tasks", &["audit.json: OK"]),
    ("Benchmarking", &["parse/s"]),
    ("Credential Management", &["key"]),
    ("Scenario 2: Data Corruption", &["1 faults", "files with"]),
    ("Scenario 3: API Credential Compromise", &["query"]),
    ("Scenario 4: the ledger is lost", &["auth"]),
];

struct Sandbox {
    root: tempfile::TempDir,
    address: String,
    endpoint: String,
    service: Service,
}

impl Sandbox {
    fn new(server: &SimServer) -> Self {
        let root = tempfile::tempdir().unwrap();
        let folders = [
            "data/logs",
            "opt/log-ingestion/bin",
            "etc/cron.d",
            "etc/logrotate.d",
            "etc/log-ingestion",
            "archive/logs",
            "backup",
        ];
        let more = [
            "etc/bash_completion.d",
            "var/log/log-ingestion",
            "var/run",
            "usr/local/share/man/man1",
            "data/replayed",
        ];
        for folder in folders.iter().chain(&more) {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        // Free now; if somebody takes it meanwhile, the service says so and the walk fails with that line.
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let sandbox = Self {
            root,
            address: format!("127.0.0.1:{port}"),
            endpoint: server.origin.clone(),
            service: Service::Stopped,
        };
        sandbox.settle_in();
        sandbox
    }

    /// What an operator has before the first line: the program, its settings, and the project's files beside it.
    fn settle_in(&self) {
        let home = self.path("opt/log-ingestion");
        let repository = repository();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_log-ingestion"), home.join("bin/log-ingestion"))
            .unwrap();
        std::os::unix::fs::symlink(repository.join("deploy"), home.join("deploy")).unwrap();
        std::fs::copy(repository.join(".env.example"), home.join(".env.example")).unwrap();
        let settings = [
            format!("RAPID7_API_KEY={KEY}"),
            format!("RAPID7_API_ENDPOINT={}", self.endpoint),
            format!("OUTPUT_DIR={}", self.path("data/logs").display()),
            format!("METRICS_ADDR={}", self.address),
            "RATE_LIMIT=1000".to_owned(),
            "SETTLE_DELAY=0s".to_owned(),
            "LOG_FORMAT=json".to_owned(),
            // How full the machine is must not decide what a test says.
            "MIN_FREE_DISK=0".to_owned(),
        ];
        let packaged = self.path("etc/log-ingestion/log-ingestion.env");
        std::fs::write(&packaged, settings.join("\n") + "\n").unwrap();
        std::os::unix::fs::symlink(packaged, home.join(".env")).unwrap();
        std::fs::write(self.path("var/log/log-ingestion/service.log"), "").unwrap();
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// The lines with the sandbox's folders and address in place of the page's.
    fn here(&self, text: &str) -> String {
        let mark = "\u{1}";
        let moved = FOLDERS
            .iter()
            .fold(text.to_owned(), |text, folder| text.replace(folder, &format!("{mark}{folder}")));
        let moved = moved.replace(mark, self.root.path().to_str().unwrap());
        moved.replace(ADDRESS, &self.address).replace("tail -f", FOLLOW)
    }

    fn bash(&self, text: &str) -> Output {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runbook/bin");
        let program = Path::new(env!("CARGO_BIN_EXE_log-ingestion"));
        let path = format!(
            "{}:{}:/usr/local/bin:/usr/bin:/bin",
            tests.display(),
            program.parent().unwrap().display()
        );
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", text])
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.root.path())
            .env("LANG", "C.UTF-8")
            .env("SANDBOX", self.root.path())
            .env("REPOSITORY", repository())
            .env("PROGRAM", program)
            .env("METRICS_ADDR", &self.address)
            .env("NEW_API_KEY", KEY)
            .current_dir(self.path("opt/log-ingestion"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    #[track_caller]
    fn must(&self, text: &str) {
        let output = self.bash(text);
        assert!(output.status.success(), "{text}\n{}", both(&output));
    }

    /// Brings the service into a state.
    fn bring(&mut self, service: Service) {
        if service == self.service {
            return;
        }
        match self.service {
            Service::Stopped => {}
            Service::Background => self.end("var/run/log-ingestion.pid"),
            Service::Unit => self.must("systemctl stop log-ingestion"),
        }
        match service {
            Service::Stopped => {}
            Service::Background => self.must(&self.here(
                "nohup log-ingestion run --continuous >> /var/log/log-ingestion/service.log 2>&1 & \
                 echo $! > /var/run/log-ingestion.pid",
            )),
            Service::Unit => self.must("systemctl start log-ingestion"),
        }
        self.service = service;
    }

    /// Waits until the process of a PID file is gone, after asking it to stop.
    fn end(&self, pid_file: &str) {
        let Ok(pid) = std::fs::read_to_string(self.path(pid_file)) else { return };
        let wait = format!(
            "kill -TERM {pid} 2>/dev/null || exit 0\nfor _ in $(seq {END_TRIES}); do \
             grep -qs '^State:[[:space:]]*[^ZX]' /proc/{pid}/status || exit 0; sleep 0.1; done; exit 1",
            pid = pid.trim()
        );
        self.must(&wait);
    }

    /// Flips a byte in the middle of a file, as a bad disk does.
    fn damage_a_file(&self) {
        let output =
            self.bash(&self.here("find /data/logs -path '*/log=*' -name '*.parquet' | sort | tail -n 1"));
        let path = String::from_utf8(output.stdout).unwrap();
        let mut bytes = std::fs::read(path.trim()).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        std::fs::write(path.trim(), bytes).unwrap();
    }

    /// What happened before a chapter is opened.
    fn before(&mut self, heading: &str) {
        let service = SERVICE.iter().find(|(name, _)| *name == heading).map_or(Service::Stopped, |(_, s)| *s);
        self.bring(service);
        if heading.starts_with("Scenario 2") {
            self.damage_a_file();
        }
    }

    /// What a chapter's blocks did to the service.
    fn after(&mut self, heading: &str) {
        match heading {
            "Common Commands" | "Background Service" | "Stopping the Service" => {
                self.end("var/run/log-ingestion.pid");
                self.end("var/run/unit.pid");
                self.service = Service::Stopped;
            }
            "Systemd Service (Recommended for Production)" => self.service = Service::Unit,
            _ => {}
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Whatever happened, nothing of the walk goes on.
        for file in ["var/run/log-ingestion.pid", "var/run/unit.pid"] {
            if let Ok(pid) = std::fs::read_to_string(self.path(file)) {
                drop(Command::new("kill").args(["-9", pid.trim()]).stderr(Stdio::null()).status());
            }
        }
    }
}

fn both(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// An account with logs of today, of a day long past, and a record that is cut.
fn account() -> SimConfig {
    let cut = (0..50).map(|n| if n == 20 { "{\"a\":1".to_owned() } else { format!("{{\"a\":{n}}}") });
    let mut old = LogSpec::generated("old", Kind::Csv, 200);
    old.retention_period = "unlimited".to_owned();
    // 2026-01-01T06:00Z to 18:00Z
    (old.from_ms, old.to_ms) = (Some(1_767_247_200_000), Some(1_767_290_400_000));
    let mut config = SimConfig::default()
        .with_log(LogSpec::generated("auth", Kind::Json, 400))
        .with_log(LogSpec::lines("cut", cut))
        .with_log(old);
    config.faults.add("retry_429@4").unwrap();
    config
}

#[test]
fn every_line_of_the_runbook_works() {
    let server = SimServer::start(account());
    let mut sandbox = Sandbox::new(&server);
    let page = page();
    let blocks = blocks(&page);
    assert!(blocks.len() > 40, "only {} blocks", blocks.len());
    // All that is wrong is told at once: a walk takes a while.
    let mut faults = Vec::new();
    for chapter in blocks.chunk_by(|a, b| a.heading == b.heading) {
        let heading = chapter[0].heading.as_str();
        sandbox.before(heading);
        let mut said = String::new();
        for block in chapter {
            let text = sandbox.here(&block.text);
            let output = sandbox.bash(&text);
            let printed = both(&output);
            if !output.status.success() {
                let (line, status) = (block.line, output.status);
                faults.push(format!("RUNBOOK.md:{line} ({heading}) ends with {status}:\n{text}\n{printed}"));
            }
            said.push_str(&printed);
        }
        note(&format!("== {heading}\n{said}"));
        faults.extend(unprinted(heading, &said));
        sandbox.after(heading);
    }
    sandbox.bring(Service::Stopped);
    // The pulled period lies apart from the live tail, and what lies between them was lost with the ledger.
    sandbox.must("log-ingestion repair");
    let audit = sandbox.bash("log-ingestion audit --offline");
    faults.extend((!audit.status.success()).then(|| format!("at the end of the walk: {}", both(&audit))));
    assert!(faults.is_empty(), "{}", faults.join("\n----\n"));
}

/// What a chapter should have printed, and did not.
fn unprinted(heading: &str, said: &str) -> Option<String> {
    let (_, parts) = PRINTS.iter().find(|(name, _)| *name == heading)?;
    let mut rest = said;
    for part in *parts {
        let Some(at) = rest.find(part) else {
            return Some(format!("{heading} does not print {part:?} there:\n{said}"));
        };
        rest = rest.split_at(at + part.len()).1;
    }
    None
}

#[test]
fn the_tables_of_the_walk_name_chapters_that_exist() {
    let page = page();
    let headings: BTreeSet<String> = blocks(&page).into_iter().map(|block| block.heading).collect();
    for name in SERVICE.iter().map(|(name, _)| name).chain(PRINTS.iter().map(|(name, _)| name)) {
        assert!(headings.contains(*name), "{name}");
    }
}

/// Chapters of the user's runbook, each of which stands in ours under the same name.
const CHAPTERS: [&str; 39] = [
    "## Service Overview",
    "### Purpose",
    "### Architecture",
    "### Key Components",
    "## Quick Reference",
    "### Service Status",
    "### Common Commands",
    "## Configuration Reference",
    "### Required Environment Variables",
    "### Optional Environment Variables",
    "### Configuration File: `.env`",
    "## Installation",
    "### Prerequisites",
    "### Installation Steps",
    "## Operations",
    "### Starting the Service",
    "### Stopping the Service",
    "### Restarting the Service",
    "## Monitoring",
    "### Key Metrics",
    "### Structured Logs",
    "### Health Checks",
    "## Alerting",
    "### Critical Alerts (Page Immediately)",
    "### Warning Alerts (Investigate During Business Hours)",
    "## Troubleshooting",
    "### Issue: Service Fails to Start",
    "### Issue: Authentication Failures (401/403)",
    "### Issue: High Parse Error Rate",
    "### Issue: Disk Space Exhaustion",
    "### Issue: API Rate Limiting (429)",
    "### Issue: Memory Usage High",
    "### Issue: Parquet Files Not Readable",
    "## Maintenance",
    "## Performance Tuning",
    "## Security",
    "## Disaster Recovery",
    "## Support Contacts",
    "## Appendix",
];

#[test]
fn our_runbook_has_the_chapters_of_the_users_in_their_order() {
    let page = page();
    let mut lines = page.lines();
    for chapter in CHAPTERS {
        assert!(lines.any(|line| line == chapter), "{chapter} is missing, or not in its place");
    }
}
