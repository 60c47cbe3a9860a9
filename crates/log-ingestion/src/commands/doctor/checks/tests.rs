use ingest_core::ids::LogId;
use ingest_core::ledger::{LogState, Recorded, Tally};
use ingest_core::quota::{Class, QuotaHeaders};
use ingest_core::space::{MinFree, Space};
use ingest_core::time::{LogWindow, MS_PER_HOUR, Timestamp};
use ingest_source::{HostKind, Protocol};

use super::*;
use crate::commands::doctor::facts::{
    EndpointFacts, FolderFacts, KeyFacts, LockFacts, LogFileFacts, MachineFacts, Pace, Probe, ServerFacts,
    SettingsFacts,
};

/// Headings of the users' runbook's troubleshooting, "### Issue: …", and those that docs/RUNBOOK.md has beside them.
const RUNBOOK: [&str; 11] = [
    "Service Fails to Start",
    "Authentication Failures (401/403)",
    "High Parse Error Rate",
    "Disk Space Exhaustion",
    "API Rate Limiting (429)",
    "Memory Usage High",
    "Parquet Files Not Readable",
    "API Latency High",
    "No Logs Fetched",
    "Completeness Gap",
    "Retention Edge",
];

#[test]
fn every_issue_of_the_runbook_has_a_check() {
    for issue in RUNBOOK {
        assert!(CHECKS.iter().any(|check| check.issues.contains(&issue)), "{issue}");
    }
    for issue in CHECKS.iter().flat_map(|check| check.issues) {
        assert!(RUNBOOK.contains(issue), "the runbook has no issue {issue}");
    }
    // Where the runbook stands beside the code, its own headings count.
    let runbook = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/RUNBOOK.md");
    let text = std::fs::read_to_string(runbook).unwrap_or_default();
    for issue in text.lines().filter_map(|line| line.strip_prefix("### Issue: ")) {
        assert!(CHECKS.iter().any(|check| check.issues.contains(&issue)), "{issue} of docs/RUNBOOK.md");
    }
    let mut names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CHECKS.len());
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_millis(hours * MS_PER_HOUR)
}

/// A log whose first ten hours are stored, a thousand rows, so many of them in the quarantine.
fn log(quarantined: u64) -> LogState {
    let mut log = LogState::new(LogId::new("1"), "web");
    log.retention = Some("1w".to_owned());
    log.ledger.start_tail(at(0));
    let tally = Tally {
        fetched: 1_000,
        stored: 1_000 - quarantined,
        quarantined,
        counted: Some(1_000),
        ..Tally::EMPTY
    };
    let window = LogWindow::new(at(0), at(10)).unwrap();
    assert_eq!(log.ledger.record(window, tally, Some(at(10))), Ok(Recorded::Added));
    log
}

/// Facts of a service that has nothing to complain of.
fn sound() -> Facts {
    let all = QuotaHeaders { limit: Some(1_500), remaining: Some(1_400), reset_seconds: Some(60) };
    Facts {
        now: at(10),
        settings: SettingsFacts {
            pace: Some(Pace {
                requests_per_minute: 60,
                rows_per_request: 500,
                may_download: true,
                settle_ms: 300_000,
            }),
            ..SettingsFacts::default()
        },
        key: KeyFacts {
            source: Some(".env".to_owned()),
            fault: None,
            files: vec![(".env".to_owned(), 0o600)],
        },
        endpoint: Some(EndpointFacts {
            host: "eu.rest.logs.insight.rapid7.com".to_owned(),
            kind: HostKind::Region("eu"),
            plain_and_remote: false,
            protocol: Protocol::LogSearch,
        }),
        server: Ok(ServerFacts {
            list: Probe::Status(200),
            query: Probe::Status(202),
            download: Probe::Status(200),
            logs: Ok(1),
            ahead_ms: Some(-400),
            quotas: vec![(Class::Query, all)],
        }),
        folder: Some(folder()),
        logs: vec![log(0)],
        machine: MachineFacts {
            user: Some(7),
            service_bytes: Some(100 << 20),
            limit_bytes: Some(512 << 20),
            available_bytes: Some(2 << 30),
        },
    }
}

fn folder() -> FolderFacts {
    FolderFacts {
        path: "/data/logs".to_owned(),
        exists: true,
        mode: 0o750,
        owner: 7,
        fault: None,
        space: Some(Space { free: 60 << 30, total: 100 << 30 }),
        min_free: MinFree::Percent(5),
        filesystem: Some("ext4".to_owned()),
        files: 3,
        loose: Vec::new(),
        read: 3,
        damaged: Vec::new(),
        missing: 0,
        oldest_tool: Some("log-ingestion 0.0.9".to_owned()),
        damaged_ledgers: Vec::new(),
        lock: LockFacts { holder: None, held_by: Some(4_711) },
        reasons: std::iter::once(("not_json".to_owned(), 12)).collect(),
    }
}

/// Changes sound facts, and asserts what one check says; what is wrong also says what to do.
#[track_caller]
fn check(name: &str, level: Level, said: &str, change: impl FnOnce(&mut Facts)) {
    let mut facts = sound();
    change(&mut facts);
    let check = CHECKS.iter().find(|check| check.name == name).unwrap();
    let finding = (check.look)(&facts);
    assert_eq!(finding.level, level, "{name}: {finding:?}");
    let all = format!("{} {}", finding.said, finding.next.as_deref().unwrap_or_default());
    assert!(all.contains(said), "{name}: {said:?} in {finding:?}");
    let told = finding.next.is_some() || level <= Level::Skip;
    assert!(told, "{name} says nothing of what to do: {finding:?}");
}

fn server(facts: &mut Facts) -> &mut ServerFacts {
    facts.server.as_mut().unwrap()
}

fn of_folder(facts: &mut Facts) -> &mut FolderFacts {
    facts.folder.as_mut().unwrap()
}

#[test]
fn of_sound_facts_no_check_complains() {
    for one in CHECKS {
        check(one.name, Level::Ok, "", |_| {});
    }
}

#[test]
fn without_facts_no_check_says_that_all_is_well_or_broken_but_those_that_found_out() {
    for one in CHECKS {
        let mut facts = sound();
        facts.server = Err("nobody was asked");
        facts.folder = None;
        facts.endpoint = None;
        let finding = (one.look)(&facts);
        assert_ne!(finding.level, Level::Fail, "{}: {finding:?}", one.name);
    }
}

#[test]
fn settings_key_and_endpoint() {
    use Level::{Fail, Ok, Warn};
    check("settings", Fail, "BATCH_SIZE", |f| f.settings.faults.push("BATCH_SIZE: 7".to_owned()));
    check("settings", Warn, "BATCHSIZE", |f| f.settings.strangers.push("BATCHSIZE".to_owned()));
    check("key", Fail, "RAPID7_API_KEY_FILE", |f| {
        f.key.source = None;
        f.key.fault = Some("RAPID7_API_KEY: it is not set".to_owned());
    });
    check("key files", Warn, "0640", |f| f.key.files = vec![(".env".to_owned(), 0o640)]);
    check("key files", Fail, "every user", |f| f.key.files = vec![(".env".to_owned(), 0o644)]);
    check("key files", Ok, "no file", |f| f.key.files.clear());
    let endpoint = |f: &mut Facts, kind, plain| {
        let endpoint = f.endpoint.as_mut().unwrap();
        (endpoint.kind, endpoint.plain_and_remote) = (kind, plain);
    };
    check("endpoint", Fail, "not https", |f| endpoint(f, HostKind::Elsewhere, true));
    check("endpoint", Warn, "us, us2, us3, eu", |f| endpoint(f, HostKind::Vendor, false));
    check("endpoint", Ok, "not a Rapid7 host", |f| endpoint(f, HostKind::Elsewhere, false));
    check("log", Warn, "DEBUG", |f| f.settings.debug = true);
    check("log", Fail, "denied", |f| {
        f.settings.log_file =
            Some(LogFileFacts { path: "/var/log/x".to_owned(), fault: Some("denied".to_owned()) });
    });
}

#[test]
fn what_the_server_says() {
    use Level::{Fail, Ok, Warn};
    for (error, next) in [
        ("dns error: failed to lookup address", "correct the host"),
        ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
        ("tcp connect error: Connection refused", "correct the port"),
        ("no answer within 20 s", "443"),
        ("broken pipe", "curl"),
    ] {
        check("server", Fail, next, |f| server(f).list = Probe::Silence(error.to_owned()));
        check("key accepted", Level::Skip, "not checked", |f| {
            server(f).list = Probe::Silence(error.to_owned());
        });
    }
    for (status, level, said) in
        [(503, Fail, "wait"), (404, Fail, "region"), (302, Fail, "redirect"), (401, Ok, ""), (429, Ok, "")]
    {
        check("server", level, said, |f| server(f).list = Probe::Status(status));
    }
    for status in [401, 403] {
        check("key accepted", Fail, "refuses the key", |f| server(f).list = Probe::Status(status));
        check("permissions", Level::Skip, "not checked", |f| server(f).list = Probe::Status(status));
        check("permissions", Fail, "not query them", |f| server(f).query = Probe::Status(status));
        check("permissions", Fail, "FETCH_MODE=query", |f| server(f).download = Probe::Status(status));
        check("permissions", Ok, "1 logs", |f| {
            server(f).download = Probe::Status(status);
            f.settings.pace.as_mut().unwrap().may_download = false;
        });
    }
    check("permissions", Fail, "nginx", |f| server(f).logs = Err("RAPID7_LOGS: nginx".to_owned()));
    check("permissions", Warn, "no log", |f| server(f).logs = Result::Ok(0));
    check("permissions", Warn, "status 500", |f| server(f).query = Probe::Status(500));
    check("clock", Ok, "", |f| server(f).ahead_ms = Some(9_000));
    check("clock", Warn, "60 s behind", |f| server(f).ahead_ms = Some(60_000));
    check("clock", Warn, "60 s ahead of", |f| server(f).ahead_ms = Some(-60_000));
    check("clock", Fail, "SETTLE_DELAY", |f| server(f).ahead_ms = Some(-300_000));
    check("clock", Level::Skip, "not checked", |f| server(f).ahead_ms = None);
}

#[test]
fn quota_and_pace() {
    use Level::{Ok, Warn};
    let quota =
        |remaining| QuotaHeaders { limit: Some(1_500), remaining: Some(remaining), reset_seconds: Some(9) };
    check("quota", Warn, "query 149 of 1500 left, anew in 9 s", |f| {
        server(f).quotas = vec![(Class::Query, quota(149))];
    });
    check("quota", Warn, "429", |f| server(f).query = Probe::Status(429));
    check("quota", Ok, "names none", |f| server(f).quotas.clear());
    check("rate limit", Ok, "about 0 min", |_| {});
    // A hundred rows an hour; 30,000 hours are missing.
    let slow = |f: &mut Facts| {
        f.now = at(30_000);
        let pace = f.settings.pace.as_mut().unwrap();
        (pace.requests_per_minute, pace.may_download) = (1, false);
    };
    check("rate limit", Warn, "about 100 hours", slow);
    check("rate limit", Warn, "about 3 hours", |f| {
        slow(f);
        f.settings.pace.as_mut().unwrap().may_download = true;
    });
    check("rate limit", Warn, "2 requests a minute", |f| {
        slow(f);
        // As many rows in a minute as in ten hours before.
        let mut busy = LogState::new(LogId::new("2"), "busy");
        let tally = Tally { fetched: 1_000, stored: 1_000, counted: Some(1_000), ..Tally::EMPTY };
        let minute = LogWindow::new(at(0), at(0).plus_millis(60_000)).unwrap();
        assert_eq!(busy.ledger.record(minute, tally, Some(at(1))), Result::Ok(Recorded::Added));
        f.logs = vec![busy];
    });
}

#[test]
fn the_folder_and_its_files() {
    use Level::{Fail, Ok, Warn};
    check("output folder", Fail, "chown", |f| of_folder(f).fault = Some("permission denied".to_owned()));
    check("output folder", Ok, "not there yet", |f| of_folder(f).exists = false);
    check("output folder", Warn, "another user (7)", |f| f.machine.user = Some(0));
    check("lock", Ok, "process 4711", |_| {});
    check("lock", Ok, "free", |f| of_folder(f).lock.held_by = None);
    let free = |f: &mut Facts, percent: u64| {
        of_folder(f).space = Some(Space { free: percent << 30, total: 100 << 30 });
    };
    check("disk", Fail, "MIN_FREE_DISK (5%)", |f| free(f, 4));
    check("disk", Warn, "retain", |f| free(f, 10));
    check("disk", Warn, "92% used", |f| free(f, 8));
    check("disk", Fail, "95% used", |f| {
        free(f, 5);
        of_folder(f).min_free = MinFree::Nothing;
    });
    check("disk", Level::Skip, "not checked", |f| of_folder(f).space = Some(Space { free: 0, total: 0 }));
    check("disk", Warn, "nfs4", |f| of_folder(f).filesystem = Some("nfs4".to_owned()));
    check("file modes", Warn, "chmod 750 /data/logs", |f| of_folder(f).mode = 0o755);
    check("file modes", Warn, "a.parquet (0644)", |f| {
        of_folder(f).loose.push(("a.parquet".to_owned(), 0o644));
    });
    check("files", Fail, "repair --deep", |f| of_folder(f).damaged.push("a.parquet: no footer".to_owned()));
    check("files", Warn, "2 windows", |f| of_folder(f).missing = 2);
    check("ledgers", Warn, "ledger rebuild", |f| of_folder(f).damaged_ledgers.push("web.json".to_owned()));
    check("version", Ok, "written by log-ingestion 0.0.9", |_| {});
}

#[test]
fn what_ledgers_say() {
    use Level::{Fail, Ok, Warn};
    check("open windows", Warn, "status 503 (1 tries)", |f| {
        f.logs[0].ledger.leave_open(LogWindow::new(at(10), at(11)).unwrap(), "status 503", at(12));
    });
    check("retention", Warn, "was stored", |f| {
        f.logs[0].ledger.lose(LogWindow::new(at(10), at(11)).unwrap());
    });
    check("retention", Fail, "about to be lost", |f| f.now = at(10 + 5 * 24));
    check("parse errors", Ok, "50 of 1000 records", |f| f.logs = vec![log(50)]);
    check("parse errors", Warn, "of late: not_json 12", |f| f.logs = vec![log(51)]);
}

#[test]
fn memory() {
    use Level::{Fail, Warn};
    check("memory", Fail, "PARALLEL_WINDOWS", |f| f.machine.service_bytes = Some(500 << 20));
    check("memory", Warn, "1.50 GiB", |f| {
        f.machine.limit_bytes = None;
        f.machine.service_bytes = Some(3 << 29);
    });
    check("memory", Warn, "100.00 MiB left", |f| f.machine.available_bytes = Some(100 << 20));
    check("memory", Level::Skip, "not checked", |f| f.machine.available_bytes = None);
}
