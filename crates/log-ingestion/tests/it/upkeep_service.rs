//! A running service that looks after its days by itself: a day of a log after each pass, and pulling goes on.

use std::fs;

use serde_json::Value;

use crate::program::{Running, ask, free_port, run};
use crate::upkeep::{Pulled, damage, rows_of};

/// What a service said, and its metrics at the end.
struct Served {
    events: Vec<Value>,
    metrics: String,
}

impl Served {
    /// Runs `run --continuous` with these words, until `passes` passes have ended.
    #[track_caller]
    fn passes(pulled: &Pulled, words: &[&str], passes: usize) -> Self {
        let addr = format!("127.0.0.1:{}", free_port());
        let mut all = vec!["--continuous", "--interval", "1s", "--metrics-addr", &addr];
        all.extend(words);
        let mut running = Running::start(run(&pulled.server, &pulled.out(), &all));
        // What follows a pass is done before the next one begins.
        for _ in 0..=passes {
            running.until("\"event\":\"service_complete\"");
        }
        let (_, metrics) = ask(&addr, "GET", "/metrics", "").unwrap();
        running.signal("TERM");
        let (status, said) = running.end();
        assert_eq!(status.code(), Some(0), "{said}");
        Self { events: said.lines().map(|line| serde_json::from_str(line).expect(line)).collect(), metrics }
    }

    /// The days of an event, each with the number of the pass that it follows.
    fn days(&self, event: &str) -> Vec<(usize, &str)> {
        let mut pass = 0;
        let mut days = Vec::new();
        for line in &self.events {
            pass += usize::from(line["event"] == "service_complete");
            if line["event"] == event {
                days.push((pass, line["day"].as_str().unwrap()));
            }
        }
        days
    }

    fn count(&self, event: &str) -> usize {
        self.events.iter().filter(|line| line["event"] == event).count()
    }

    #[track_caller]
    fn counted(&self, series: &str, value: usize) {
        let wanted = format!("{series} {value}");
        assert!(self.metrics.lines().any(|line| line == wanted), "{wanted} in {}", self.metrics);
    }
}

/// The days of [`Pulled`], one after each pass.
const ONE_A_PASS: [(usize, &str); 3] = [(1, "2026-01-01"), (2, "2026-01-02"), (3, "2026-01-03")];

#[test]
fn a_service_compacts_a_day_of_a_log_after_each_pass() {
    let pulled = Pulled::new("hive");
    let (files, all) = (pulled.files().len(), pulled.rows());
    let served = Served::passes(&pulled, &["--compact-after-days", "30"], 5);
    assert_eq!(served.days("compacted"), ONE_A_PASS);
    assert_eq!((pulled.files().len(), pulled.rows()), (3, all));
    served.counted("log_ingestion_files_removed_total{by=\"compact\"}", files - 3);
    served.counted("log_ingestion_upkeep_failures_total{by=\"compact\"}", 0);
    pulled.check(&["audit", "--from", "2026-01-01", "--to", "2026-01-04"], 0, &["Complete: 6,000 events"]);
    pulled.check(&["compact", "--apply"], 0, &["nothing to compact"]);
}

#[test]
fn a_service_archives_a_day_of_a_log_after_each_pass_and_removes_none_before() {
    let pulled = Pulled::new("hive");
    let (files, all) = (pulled.files().len(), pulled.rows());
    let cold = pulled.folder.path().join("cold");
    let words = ["--archive-to", cold.to_str().unwrap(), "--retention-days", "30"];
    let served = Served::passes(&pulled, &words, 4);
    assert_eq!(served.days("archived"), ONE_A_PASS);
    assert_eq!((served.count("archive_waits"), served.count("retained")), (2, 0));
    assert!(pulled.files().is_empty(), "{:?}", pulled.files());
    assert_eq!(rows_of(&cold), all);
    served.counted("log_ingestion_files_removed_total{by=\"retain\"}", 0);
    let moved = pulled.check(&["status", "--json"], 0, &["\"by\":\"archive\""]);
    assert!(moved.contains(cold.to_str().unwrap()), "{moved}");
    let taken = served
        .metrics
        .lines()
        .find_map(|line| line.strip_prefix("log_ingestion_files_removed_total{by=\"archive\"} "));
    assert!(taken.unwrap().parse::<usize>().unwrap() >= files, "quarantines go with their day: {taken:?}");
    // What went to the archive is not pulled again.
    let asked = pulled.requests();
    pulled.check(&["repair"], 0, &["0 windows differed"]);
    assert_eq!(pulled.requests(), asked);
}

#[test]
fn what_there_is_no_room_for_moves_to_the_archive_however_young_it_is() {
    let pulled = Pulled::new("hive");
    let all = pulled.rows();
    let cold = pulled.folder.path().join("cold");
    let words = [
        "--archive-to",
        cold.to_str().unwrap(),
        "--archive-after-days",
        "3650",
        "--retention-max-bytes",
        "1",
    ];
    let served = Served::passes(&pulled, &words, 4);
    assert_eq!(served.days("archived"), ONE_A_PASS);
    assert_eq!(served.count("retained"), 0);
    assert!(pulled.files().is_empty(), "{:?}", pulled.files());
    assert_eq!(rows_of(&cold), all);
}

#[test]
fn a_day_that_the_archive_cannot_take_is_neither_removed_nor_forgotten() {
    let pulled = Pulled::new("hive");
    let before = pulled.files();
    damage(&before[1]);
    let cold = pulled.folder.path().join("cold");
    let words = ["--archive-to", cold.to_str().unwrap(), "--retention-days", "30"];
    let served = Served::passes(&pulled, &words, 5);
    assert_eq!(served.days("archived"), [(2, "2026-01-02"), (3, "2026-01-03")]);
    assert_eq!(served.days("day_kept"), [(1, "2026-01-01")]);
    let left = pulled.files();
    let stays = before.iter().filter(|path| path.to_string_lossy().contains("day=2026-01-01"));
    assert_eq!(left, stays.cloned().collect::<Vec<_>>());
    let waits: Vec<&Value> = served.events.iter().filter(|line| line["event"] == "archive_waits").collect();
    let last = waits.last().unwrap();
    assert_eq!((&last["day"], &last["level"]), (&"2026-01-01".into(), &"WARNING".into()), "{last}");
    assert!(last["reason"].as_str().unwrap().contains("repair --deep"), "{last}");
}

#[test]
fn an_archive_that_is_away_is_said_after_each_pass_and_holds_nothing_up() {
    let pulled = Pulled::new("hive");
    let before = pulled.files();
    fs::write(pulled.folder.path().join("file"), "in the way").unwrap();
    let cold = pulled.folder.path().join("file/cold");
    let words =
        ["--archive-to", cold.to_str().unwrap(), "--retention-days", "30", "--compact-after-days", "30"];
    let served = Served::passes(&pulled, &words, 2);
    assert!(served.count("error") >= 2 && served.count("retained") == 0, "{:?}", served.events);
    assert_eq!(served.days("compacted")[..2], ONE_A_PASS[..2], "what else there is to do is done");
    assert!(served.metrics.contains("log_ingestion_upkeep_failures_total{by=\"archive\"} "));
    assert!(pulled.files().len() < before.len());
    assert_eq!(pulled.rows().values().sum::<usize>(), 6_000);
}

#[test]
fn a_day_that_cannot_be_compacted_stays_and_is_tried_once() {
    let pulled = Pulled::new("hive");
    let before = pulled.files();
    damage(&before[1]);
    let served = Served::passes(&pulled, &["--compact-after-days", "30"], 4);
    assert_eq!(served.days("compacted"), [(1, "2026-01-02"), (2, "2026-01-03")]);
    assert_eq!(served.days("error"), [(1, "2026-01-01")]);
    served.counted("log_ingestion_upkeep_failures_total{by=\"compact\"}", 1);
    let left = pulled.files();
    assert!(before[..2].iter().all(|path| left.contains(path)), "{left:?}");
}
