//! Looking after files as an operator does: `retain`, `archive`, `compact`, `restore`, and `verify` with `repair`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ingest_core::time::Timestamp;
use rapid7_sim::{LogSpec, SimConfig};

use crate::program::{SimServer, outcome, program, run};
use crate::scenario::NOW;
use crate::stored;

const EVENTS: u64 = 6_000;
/// Between two events, in milliseconds: three days in all.
const STEP_MS: i64 = 43_200;

/// An account and a folder into which the real program pulled a log of three days, forty days ago.
pub(crate) struct Pulled {
    pub(crate) server: SimServer,
    pub(crate) folder: tempfile::TempDir,
}

impl Pulled {
    pub(crate) fn new(layout: &str) -> Self {
        let from = Timestamp::parse(NOW).unwrap().minus(Duration::from_secs(40 * 86_400)).day().start();
        let event = |n: u64| {
            let at = from.millis() + i64::try_from(n).unwrap() * STEP_MS;
            let text = if n % 500 == 7 {
                format!("}} no record {n}")
            } else {
                format!(r#"{{"n":{n},"a":"b{}"}}"#, n % 7)
            };
            (at, 4_096 * (n + 1), text)
        };
        let server =
            SimServer::start(SimConfig::default().with_log(LogSpec::events("web", (0..EVENTS).map(event))));
        let folder = tempfile::tempdir().unwrap();
        let pulled = Self { server, folder };
        let (code, text) = outcome(&mut run(
            &pulled.server,
            &pulled.out(),
            &["--layout", layout, "--from", &from.to_string(), "--to", NOW, "--window-rows", "1000"],
        ));
        assert_eq!(code, 0, "{text}");
        assert!(pulled.files().len() >= 6, "{:?}", pulled.files());
        pulled
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub(crate) fn files(&self) -> Vec<PathBuf> {
        stored::files(&self.out(), "parquet")
    }

    /// The rows of all files, each with how often it is there.
    pub(crate) fn rows(&self) -> BTreeMap<String, usize> {
        rows_of(&self.out())
    }

    /// A command with nothing but the folder: no key is needed to look after files.
    fn offline(&self, words: &[&str]) -> (i32, String) {
        let output_dir = self.out().to_str().unwrap().to_owned();
        outcome(&mut program(words, &[("OUTPUT_DIR", &output_dir)], self.folder.path()))
    }

    #[track_caller]
    pub(crate) fn check(&self, words: &[&str], code: i32, says: &[&str]) -> String {
        let output_dir = self.out().to_str().unwrap().to_owned();
        let environment = [
            ("RAPID7_API_KEY", "sim-key"),
            ("RAPID7_API_ENDPOINT", self.server.origin.as_str()),
            ("OUTPUT_DIR", output_dir.as_str()),
            ("RATE_LIMIT", "1000"),
            ("KEEP_RAW", "always"),
            ("MIN_FREE_DISK", "0"),
        ];
        let local = matches!(words[0], "retain" | "archive" | "compact" | "restore" | "verify" | "ledger");
        let (ended, text) = if local {
            self.offline(words)
        } else {
            outcome(&mut program(words, &environment, self.folder.path()))
        };
        assert_eq!(ended, code, "{words:?}: {text}");
        says.iter().for_each(|part| assert!(text.contains(part), "{words:?} does not say {part:?}: {text}"));
        text
    }

    pub(crate) fn requests(&self) -> u64 {
        let account = self.server.account.lock().unwrap();
        let stats = account.stats();
        stats.requests_of("query") + stats.requests_of("download")
    }
}

/// Changes a bit of a value.
pub(crate) fn damage(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.len() / 3;
    bytes[at] ^= 0x20;
    fs::write(file, &bytes).unwrap();
}

pub(crate) fn rows_of(folder: &Path) -> BTreeMap<String, usize> {
    let mut rows = BTreeMap::new();
    for log in stored::read(folder).into_values() {
        for raw in log.rows.into_iter().map(|row| row.raw).chain(log.quarantined) {
            *rows.entry(raw).or_insert(0) += 1;
        }
    }
    rows
}

/// Asserts the runbook's modes of everything in a folder.
#[track_caller]
fn modes_are_right(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o750, "{}", path.display());
            modes_are_right(&path);
        } else {
            assert_eq!(mode, 0o640, "{}", path.display());
        }
    }
}

fn bytes_of(files: &[PathBuf]) -> u64 {
    files.iter().map(|path| fs::metadata(path).unwrap().len()).sum()
}

#[test]
fn retain_shows_first_then_removes_the_oldest_day_and_what_went_is_not_missed() {
    for layout in ["hive", "date", "flat"] {
        let pulled = Pulled::new(layout);
        let before = pulled.files();
        let most = (bytes_of(&before) - 1).to_string();
        pulled.check(&["retain"], 0, &["kept for ever"]);
        let words = ["retain", "--retention-max-bytes", &most];
        pulled.check(&words, 0, &["2026-01-01", "RETENTION_MAX_BYTES", "Would go", "--apply"]);
        assert_eq!(pulled.files(), before, "a dry run changes nothing");
        let text = pulled.check(&[&words[..], &["--json"]].concat(), 0, &[]);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((line["goes"].clone(), line["done"].clone()), (true.into(), false.into()), "{line}");
        pulled.check(&[&words[..], &["--apply"]].concat(), 0, &["Removed: "]);
        let left = pulled.files();
        assert!(left.len() < before.len() && left.len() >= 4, "{left:?}");
        assert!(left.iter().all(|path| !path.to_str().unwrap().contains("20260101T")), "{left:?}");
        let rows = pulled.rows();
        let old = |n: &u64| i64::try_from(*n).unwrap() * STEP_MS < 86_400_000;
        assert_eq!(rows.len() as u64, EVENTS - (0..EVENTS).filter(old).count() as u64);
        assert!(!pulled.out().join("log=web").join("day=2026-01-01").exists());

        pulled.check(&["audit"], 0, &["removed", "Complete: ", "on purpose"]);
        pulled.check(
            &["audit", "--explain", "2026-01-01T10:00:00Z"],
            0,
            &["removed by retention", "by retain"],
        );
        pulled.check(&["verify"], 0, &["are whole"]);
        let asked = pulled.requests();
        pulled.check(&["repair", "--deep"], 0, &["0 windows differed"]);
        assert_eq!(pulled.requests(), asked);
        // Also not when the ledgers are lost, or made anew.
        fs::remove_dir_all(pulled.out().join("_ingest")).unwrap();
        pulled.check(&["ledger", "rebuild"], 0, &["web"]);
        let (code, text) = outcome(&mut run(
            &pulled.server,
            &pulled.out(),
            &["--layout", layout, "--from", "2026-01-01", "--to", "2026-01-04"],
        ));
        assert_eq!(code, 0, "{text}");
        assert_eq!(pulled.rows(), rows, "{layout}");
        modes_are_right(&pulled.out());
    }
}

#[test]
fn run_removes_by_itself_what_is_kept_no_longer_and_says_so() {
    let pulled = Pulled::new("hive");
    let words = ["--from", "2026-01-01", "--to", "2026-01-04", "--retention-days", "30"];
    let textfile = pulled.folder.path().join("log-ingestion.prom");
    let mut command = run(&pulled.server, &pulled.out(), &words);
    let (code, text) = outcome(command.env("METRICS_TEXTFILE", &textfile));
    assert_eq!(code, 0, "{text}");
    let line = text.lines().find(|line| line.contains("\"event\":\"retained\"")).expect(&text);
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(line["files"].as_u64().unwrap() >= 6 && line["bytes"].as_u64().unwrap() > 0, "{line}");
    let counted = format!("log_ingestion_files_removed_total{{by=\"retain\"}} {}", line["files"]);
    let metrics = fs::read_to_string(textfile).unwrap();
    assert!(metrics.lines().any(|line| line == counted), "{counted} in {metrics}");
    assert_eq!(pulled.files(), [] as [PathBuf; 0]);
    let (code, text) = outcome(&mut run(&pulled.server, &pulled.out(), &words));
    assert_eq!((code, text.contains("\"event\":\"retained\"")), (0, false), "{text}");
    assert_eq!(pulled.files(), [] as [PathBuf; 0], "what went is not fetched again");
}

#[test]
fn compacted_files_have_the_same_rows_and_everything_agrees() {
    for layout in ["hive", "date"] {
        let pulled = Pulled::new(layout);
        let (before, rows) = (pulled.files(), pulled.rows());
        pulled.check(&["compact"], 0, &["would become 3", "--apply"]);
        assert_eq!(pulled.files(), before);
        pulled.check(&["compact", "--day", "2026-01-02", "--apply"], 0, &["became 1"]);
        pulled.check(&["compact", "--apply"], 0, &["became 2"]);
        assert_eq!(pulled.files().len(), 3, "{:?}", pulled.files());
        assert_eq!(pulled.rows(), rows);
        modes_are_right(&pulled.out());
        pulled.check(&["compact", "--apply"], 0, &["nothing to compact"]);
        pulled.check(&["verify"], 0, &["3 files with"]);
        pulled.check(&["audit", "--deep"], 0, &["Complete: 6,000 events"]);
        let asked = pulled.requests();
        pulled.check(&["repair", "--deep"], 0, &["0 windows differed"]);
        assert_eq!(pulled.requests(), asked);
        fs::remove_dir_all(pulled.out().join("_ingest")).unwrap();
        pulled.check(&["ledger", "rebuild"], 0, &["web"]);
        pulled.check(&["audit", "--from", "2026-01-01", "--to", "2026-01-03T12:00:00Z"], 0, &["Complete: "]);
        // A late event: the compacted file is fetched again as a whole, in place.
        let late = Timestamp::parse("2026-01-02T10:00:00.001Z").unwrap().millis();
        assert!(pulled.server.account.lock().unwrap().insert_event("web", late, 7, r#"{"n":1,"a":"late"}"#));
        pulled.check(&["repair"], 0, &["1 window differed"]);
        assert_eq!(pulled.files().len(), 3);
        assert_eq!(pulled.rows().values().sum::<usize>() as u64, EVENTS + 1);
        let file = &pulled.files()[0];
        let text = pulled.check(
            &["meta", file.to_str().unwrap()],
            0,
            &["INT64 (TIMESTAMP(MILLIS, UTC))", "ingest.made_of"],
        );
        assert!(!text.contains("is_adjusted"), "{text}");
    }
}

#[test]
fn a_flat_folder_is_not_compacted_and_says_why() {
    let pulled = Pulled::new("flat");
    let before = pulled.files();
    pulled.check(&["compact", "--apply"], 1, &["stays as it is", "LAYOUT=flat"]);
    assert_eq!(pulled.files(), before);
    pulled.check(&["audit"], 0, &["Complete: 6,000 events"]);
}

#[test]
fn a_damaged_file_is_not_compacted_and_its_day_stays_as_it_is() {
    let pulled = Pulled::new("hive");
    let before = pulled.files();
    damage(&before[1]);
    pulled.check(&["compact", "--apply"], 1, &["2026-01-01 stays as it is", "repair --deep"]);
    let left = pulled.files();
    assert!(before[..2].iter().all(|path| left.contains(path)), "{left:?}");
    pulled.check(&["repair", "--deep"], 0, &["1 window differed"]);
    pulled.check(&["compact", "--apply"], 0, &["became 1"]);
    pulled.check(&["verify"], 0, &["3 files with"]);
}

#[test]
fn archived_days_are_whole_in_the_archive_gone_here_and_count_again_when_they_come_back() {
    let pulled = Pulled::new("hive");
    let (before, all) = (pulled.files(), pulled.rows());
    let cold = pulled.folder.path().join("cold/logs");
    let to = cold.to_str().unwrap();
    pulled.check(&["archive", "--to", to, "--dry-run"], 0, &["would be archived"]);
    assert!(!cold.exists());
    pulled.check(
        &["archive", "--to", pulled.out().join("cold").to_str().unwrap()],
        64,
        &["within each other"],
    );
    pulled.check(
        &["archive", "--to", "ftp://host/logs"],
        64,
        &["ftp is not spoken here", "s3://BUCKET/logs"],
    );
    pulled.check(&["archive", "--to", to, "--copy"], 0, &["Copied and verified"]);
    assert_eq!((pulled.files(), rows_of(&cold)), (before, all.clone()));
    let url = format!("file://{to}");
    pulled.check(&["archive", "--to", &url], 0, &["Moved: 0 files were copied and verified"]);
    assert_eq!(pulled.files(), [] as [PathBuf; 0]);
    assert_eq!(rows_of(&cold), all);
    modes_are_right(&cold);
    pulled.check(&["verify", to], 0, &["are whole"]);
    pulled.check(&["audit"], 0, &["removed", &format!("moved to {to}")]);
    let asked = pulled.requests();
    pulled.check(&["repair"], 0, &["0 windows differed"]);
    assert_eq!(pulled.requests(), asked);
    pulled.check(&["archive", "--to", to], 0, &["No day is old enough"]);

    // Back again, as cp or a cloud's tool leaves it.
    let copied = std::process::Command::new("cp").arg("-r").arg(format!("{to}/.")).arg(pulled.out()).status();
    assert!(copied.unwrap().success());
    pulled.check(&["restore"], 0, &["they count again", "Whole: "]);
    assert_eq!(pulled.rows(), all);
    pulled.check(&["audit"], 0, &["Complete: 6,000 events"]);
    modes_are_right(&pulled.out());
}

#[test]
fn an_archive_that_is_copied_to_again_holds_each_row_once() {
    let pulled = Pulled::new("hive");
    let all = pulled.rows();
    let cold = pulled.folder.path().join("cold");
    let words = ["archive", "--copy", "--to", cold.to_str().unwrap()];
    pulled.check(&words, 0, &["Copied and verified"]);
    let before = stored::files(&cold, "parquet").len();
    pulled.check(&["compact", "--apply"], 0, &["became 3"]);
    pulled.check(&words, 0, &["Copied and verified: 3 files"]);
    assert_eq!(stored::files(&cold, "parquet").len(), 3);
    assert_eq!(rows_of(&cold), all);
    assert_eq!(stored::files(&cold.join("_replaced"), "parquet").len(), before);
    pulled.check(&words, 0, &["Copied and verified: 0 files"]);
}

#[test]
fn another_file_in_the_archive_is_never_overwritten_and_nothing_is_removed() {
    let pulled = Pulled::new("hive");
    let before = pulled.files();
    let cold = pulled.folder.path().join("cold");
    let below = before[1].strip_prefix(pulled.out()).unwrap();
    fs::create_dir_all(cold.join(below).parent().unwrap()).unwrap();
    fs::write(cold.join(below), b"somebody's").unwrap();
    pulled.check(&["archive", "--to", cold.to_str().unwrap()], 1, &["another file has that name"]);
    assert_eq!(pulled.files(), before);
    assert_eq!(fs::read(cold.join(below)).unwrap(), b"somebody's");
}

/// What a day lacks, nobody would miss once it were archived and gone: it stays until it is whole.
#[test]
fn a_day_that_is_not_whole_is_not_archived() {
    let pulled = Pulled::new("hive");
    let (before, rows) = (pulled.files(), pulled.rows());
    let cold = pulled.folder.path().join("cold");
    let archive = ["archive", "--to", cold.to_str().unwrap()];
    fs::remove_file(&before[3]).unwrap();
    pulled.check(
        &archive,
        0,
        &["2026-01-02 stays", "not those that the ledger counts", "No day is old enough"],
    );
    pulled.check(&["repair"], 0, &[]);
    assert_eq!((pulled.rows(), rows_of(&cold)), (rows.clone(), BTreeMap::new()));
    let mut bytes = fs::read(&before[0]).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0x20;
    fs::write(&before[0], &bytes).unwrap();
    pulled.check(&archive, 0, &["2026-01-01 stays", "is damaged", "Moved: "]);
    pulled.check(&["repair", "--deep"], 0, &[]);
    pulled.check(&archive, 0, &["Moved: "]);
    let (mut all, left) = (rows_of(&cold), pulled.rows());
    left.into_iter().for_each(|(raw, n)| *all.entry(raw).or_insert(0) += n);
    assert_eq!(all, rows);
}

#[test]
fn verify_finds_damage_and_repair_fetches_exactly_those_windows() {
    let pulled = Pulled::new("hive");
    let (before, rows) = (pulled.files(), pulled.rows());
    let written = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let times: Vec<_> = before.iter().map(|path| written(path)).collect();
    let mut bytes = fs::read(&before[2]).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0x20;
    fs::write(&before[2], &bytes).unwrap();
    pulled.check(&["verify"], 1, &[before[2].to_str().unwrap(), "1 faults"]);
    let windows = |event: &str, text: &str| text.matches(&format!("\"event\":\"{event}\"")).count();
    let text = pulled.check(&["repair", "--deep", "--log-format", "json"], 0, &["1 window differed"]);
    assert_eq!(windows("logs_fetched", &text), 1, "{text}");
    assert_eq!(pulled.rows(), rows);
    let untouched = before.iter().zip(&times).filter(|(path, time)| path.exists() && written(path) == **time);
    assert_eq!(untouched.count(), before.len() - 1, "no other file is touched");
    pulled.check(&["verify"], 0, &["are whole"]);
}

#[test]
fn a_restore_says_what_is_there_and_what_is_not_and_repair_fetches_it() {
    let pulled = Pulled::new("hive");
    let (before, rows) = (pulled.files(), pulled.rows());
    fs::remove_file(&before[0]).unwrap();
    fs::write(&before[3], b"cut off by the tool that copied it").unwrap();
    before[4..].iter().for_each(|path| fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap());
    let says =
        ["2026-01-02", "damaged: ", "missing: web", "log-ingestion repair", "other modes", "Not whole"];
    pulled.check(&["restore", "--check"], 1, &says);
    assert!(!before[0].exists(), "a check changes nothing");
    let text = pulled.check(&["restore", "--check", "--json"], 1, &["missing_from"]);
    let lines = text.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<serde_json::Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line["day"].is_string()).count(), 3, "{text}");
    let stored = lines.iter().filter_map(|line| line["stored"].as_u64());
    let there = lines.iter().filter_map(|line| line["there"].as_u64());
    assert!(stored.sum::<u64>() > there.sum::<u64>(), "{text}");
    pulled.check(&["restore"], 1, &["set the modes of"]);
    modes_are_right(&pulled.out());
    pulled.check(&["repair"], 0, &[]);
    assert_eq!(pulled.rows(), rows);
    pulled.check(&["restore"], 0, &["Whole: "]);
    pulled.check(&["audit"], 0, &["Complete: 6,000 events"]);
}

#[test]
fn files_that_came_back_without_a_ledger_get_one() {
    let pulled = Pulled::new("hive");
    let rows = pulled.rows();
    fs::remove_dir_all(pulled.out().join("_ingest")).unwrap();
    pulled.check(&["restore", "--check"], 0, &["had no ledger; log-ingestion restore makes it"]);
    pulled.check(&["restore"], 0, &["Whole: "]);
    pulled.check(&["ledger"], 0, &["web"]);
    assert_eq!(pulled.rows(), rows);
    fs::remove_dir_all(pulled.out()).unwrap();
    fs::create_dir(pulled.out()).unwrap();
    pulled.check(&["restore"], 1, &["no file of a table"]);
}
