//! Faults that other collectors of logs have or had in how they run and store, each as a test of this one.

use std::fs;
use std::path::{Path, PathBuf};

use ingest_core::ids::{LogId, Slug};
use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, complete, now_ms, outcome, run};
use crate::scenario::judge_folder;
use crate::stored;

const WORDS: [&str; 4] = ["--settle-delay", "0s", "--window-rows", "1000"];
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The folders of the days that the account's one log has events in, by a name that every run gives them.
fn day_folders(server: &SimServer, output: &Path) -> Vec<PathBuf> {
    let account = server.account.lock().unwrap();
    let truth = account.truth().remove(0);
    let slug = Slug::of(&truth.name, &LogId::new(&truth.id));
    let moments = [truth.first_ms.unwrap(), truth.last_ms.unwrap()];
    let mut days: Vec<_> = moments.map(|ms| ms - ms.rem_euclid(DAY_MS)).to_vec();
    days.dedup();
    let day = |ms: i64| ingest_core::time::Timestamp::from_millis(ms).day().to_string();
    days.into_iter().map(|ms| output.join(format!("log={slug}/day={}", day(ms)))).collect()
}

fn one_log() -> SimServer {
    SimServer::start(SimConfig::default().with_log(LogSpec::generated("web", Kind::Access, 5_000)))
}

// Elsewhere: a day whose folder exists is taken for a day that was fetched, though a crash or a person left it empty.
#[test]
fn a_day_folder_that_is_empty_is_no_complete_day() {
    let server = one_log();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    for day in day_folders(&server, &output) {
        fs::create_dir_all(day).unwrap();
    }
    complete(&server, &output, &WORDS);
    judge_folder(&server.account.lock().unwrap(), &output, "with empty day folders");
}

// Elsewhere: any Parquet file in a day's folder is taken for the day's own, and the day is passed over.
#[test]
fn a_foreign_file_in_a_day_folder_is_left_alone_and_counts_for_nothing() {
    let server = one_log();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    // A whole file of another table, under the name that Spark would give it.
    let elsewhere = folder.path().join("elsewhere");
    complete(&server, &elsewhere, &WORDS);
    let whole = fs::read(&stored::files(&elsewhere, "parquet")[0]).unwrap();
    let foreign: Vec<PathBuf> = day_folders(&server, &output)
        .into_iter()
        .map(|day| day.join("part-00000-a1b2.snappy.parquet"))
        .collect();
    for path in &foreign {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &whole).unwrap();
    }
    complete(&server, &output, &WORDS);
    for path in &foreign {
        assert_eq!(fs::read(path).unwrap(), whole, "a foreign file was touched");
        fs::remove_file(path).unwrap();
    }
    judge_folder(&server.account.lock().unwrap(), &output, "beside foreign files");
}

// Elsewhere: a file with the right name is taken for a whole one, though its writer died within it.
#[test]
fn a_damaged_file_under_a_name_of_ours_counts_for_nothing() {
    let server = one_log();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    complete(&server, &output, &WORDS);
    for damage in [|whole: &[u8]| whole[..whole.len() / 2].to_vec(), |_whole: &[u8]| Vec::new()] {
        let files = stored::files(&output, "parquet");
        fs::write(&files[0], damage(&fs::read(&files[0]).unwrap())).unwrap();
        fs::remove_dir_all(output.join("_ingest")).unwrap();
        let text = complete(&server, &output, &WORDS);
        assert!(text.contains("its window is fetched again"), "{text}");
        assert_eq!(stored::files(&output, "parquet").len(), files.len(), "it took the damaged file's place");
        judge_folder(&server.account.lock().unwrap(), &output, "in place of a damaged file");
    }
}

/// A log of JSON records whose second hour is cut short in every line.
fn half_broken(now: i64) -> SimConfig {
    let event = |n: i64| {
        // A pause stands between the two, so that it does not matter how fast the test runs.
        let pause = if n < 1_000 { 0 } else { 200_000 };
        let at = now - 3 * HOUR_MS + n * 3_500 + pause;
        let mut text = format!("{{\"user\":\"u{}\",\"bytes\":{n},\"action\":\"login\"}}", n % 7);
        if n >= 1_000 {
            text.truncate(text.len() - 9);
        }
        (at, 1 << 53 | n.cast_unsigned(), text)
    };
    SimConfig::default().with_log(LogSpec::events("app", (0..2_000).map(event)))
}

// Elsewhere: a chunk that cannot be converted is logged and deleted, and the next one is begun.
#[test]
fn a_window_in_which_nothing_can_be_parsed_is_kept_whole_in_the_quarantine() {
    let now = now_ms();
    let server = SimServer::start(half_broken(now));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    // The first hour by itself settles the log's shape; the second is a window of its own.
    complete(&server, &output, &["--settle-delay", "2h"]);
    let before = stored::files(&output, "parquet");
    let text = complete(&server, &output, &["--settle-delay", "0s"]);
    assert!(text.contains("\"quarantined\":1000") && text.contains("\"stored\":0"), "{text}");
    assert_eq!(stored::files(&output, "parquet"), before, "there is no row to make a file of");
    let kept: usize = stored::read(&output).values().map(|log| log.quarantined.len()).sum();
    assert_eq!(kept, 1_000);
    judge_folder(&server.account.lock().unwrap(), &output, "after a broken hour");
    let (code, text) = outcome(&mut run(&server, &output, &["--settle-delay", "0s"]));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\"quarantined\":0"), "what is kept is not fetched again: {text}");
    judge_folder(&server.account.lock().unwrap(), &output, "after one more run");
}

// Elsewhere: rejected records are written as they are met, so that a crash and the next attempt keep them twice.
#[test]
fn a_quarantine_whose_window_was_never_committed_is_not_kept_twice() {
    // Six hours of records, each fifth of which is cut short.
    let server = crate::kill::server(8, 40);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    complete(&server, &output, &["--settle-delay", "2h"]);
    let quarantined: usize = stored::read(&output).values().map(|log| log.quarantined.len()).sum();
    assert!(quarantined > 0, "nothing in the quarantine to begin with");
    // As after a kill between the two publishes: the quarantine is there, the file and its record are not.
    for path in stored::files(&output, "parquet") {
        fs::remove_file(path).unwrap();
    }
    fs::remove_dir_all(output.join("_ingest")).unwrap();
    complete(&server, &output, &["--settle-delay", "1h"]);
    complete(&server, &output, &["--settle-delay", "0s"]);
    judge_folder(&server.account.lock().unwrap(), &output, "after the second attempt");
}

// Elsewhere: a timer starts a run while the one before still works, and both store what they find.
#[test]
fn runs_that_a_timer_starts_too_early_store_nothing_twice() {
    let mut config = SimConfig::default().with_log(LogSpec::generated("web", Kind::Access, 5_000));
    config.faults.add("slow_first_byte:statistics=1.0").unwrap();
    config.faults.slow_first_byte_ms = 200;
    let server = SimServer::start(config);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let timer = || run(&server, &output, &WORDS).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut runs: Vec<_> = (0..4).map(|_| timer()).collect();
    // The next ones come as soon as one has ended, in the middle of the one that works.
    for at in 0..8 {
        runs[at % 4].wait().unwrap();
        runs[at % 4] = timer();
    }
    for mut run in runs {
        assert!(matches!(run.wait().unwrap().code(), Some(0 | 75)));
    }
    complete(&server, &output, &WORDS);
    judge_folder(&server.account.lock().unwrap(), &output, "after a timer that is too fast");
}
