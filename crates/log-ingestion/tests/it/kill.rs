//! The real process, killed at random moments, loses nothing and stores nothing twice.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ingest_source::clock::Entropy;
use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, complete, note, outcome, run};
use crate::scenario::judge_folder;
use crate::stored::files;

/// Kills before the clean run.
const KILLS: u64 = 200;
/// Seconds of log time that each run has to do beside what kills left undone; all runs cover the account's six hours.
const STEP_SECONDS: u64 = 6 * 3_600 / KILLS;
/// Records of the log that is cut in parts of its lines, which go to the quarantine.
const BROKEN: u64 = 4_000;

/// How long a run is left alone: drawn between nothing and about what a run takes on this machine, which is learned
/// from whether runs end by themselves.
pub(crate) struct Lives {
    chance: Entropy,
    longest_ms: u64,
}

impl Lives {
    pub(crate) fn new(seed: u64) -> Self {
        Self { chance: Entropy::new(seed), longest_ms: 100 }
    }

    #[expect(clippy::disallowed_methods, reason = "waits for another process")]
    pub(crate) fn live(&self) {
        std::thread::sleep(Duration::from_micros(self.chance.draw() % (self.longest_ms * 1_000)));
    }

    pub(crate) fn learn(&mut self, ended_by_itself: bool) {
        let tenth = self.longest_ms.div_ceil(10);
        self.longest_ms = if ended_by_itself { self.longest_ms - tenth } else { self.longest_ms + tenth };
    }
}

/// An account with faults that pass, and quotas that hundreds of runs do not use up.
pub(crate) fn server(seed: u64, part: u64) -> SimServer {
    let mut config = SimConfig { seed, ..SimConfig::default() }
        .with_log(LogSpec::generated("fw", Kind::Csv, 60_000 / part))
        .with_log(LogSpec::generated("auth", Kind::Json, 40_000 / part))
        .with_log(LogSpec::generated("mixed", Kind::Mixed, 20_000 / part))
        .with_log(LogSpec::lines("broken", (0..BROKEN).map(broken)));
    config.faults.add("http_503=0.02").unwrap();
    config.faults.add("download_cut_without_last_chunk=0.05").unwrap();
    for quota in ["query", "poll", "management", "download"] {
        config.quotas.set(quota, "1000000").unwrap();
    }
    SimServer::start(config)
}

/// A JSON record; each fifth is cut short.
fn broken(number: u64) -> String {
    let mut text = format!("{{\"user\":\"u{}\",\"bytes\":{number},\"action\":\"login\"}}", number % 7);
    if number % 5 == 2 {
        text.truncate(text.len() - 9);
    }
    text
}

pub(crate) const WORDS: [&str; 4] = ["--settle-delay", "0s", "--window-rows", "1000"];

fn staged(output: &Path) -> usize {
    std::fs::read_dir(output.join("_staging")).map_or(0, Iterator::count)
}

#[test]
fn kill_9_at_any_moment_loses_nothing_and_doubles_nothing() {
    let server = server(5, 2);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut lives = Lives::new(9);
    let (mut unfinished, mut within_a_file) = (0, 0);
    for kill in 0..KILLS {
        let settle = format!("{}s", (KILLS - kill) * STEP_SECONDS);
        let mut command = run(&server, &output, &["--settle-delay", &settle, "--window-rows", "1000"]);
        command.env("FETCH_MODE", if kill % 2 == 0 { "download" } else { "auto" });
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        lives.live();
        let ended = child.try_wait().unwrap().is_some();
        lives.learn(ended);
        unfinished += u64::from(!ended);
        child.kill().unwrap();
        child.wait().unwrap();
        within_a_file += u64::from(staged(&output) > 0);
    }
    let committed = files(&output, "parquet").len();
    note(&format!(
        "{unfinished} of {KILLS} runs were killed at work, {within_a_file} within a file; {committed} files"
    ));
    assert!(unfinished > KILLS / 4, "only {unfinished} of {KILLS} runs were killed at work");
    assert!(committed > 0, "the runs got nothing done");
    // What a kill cut off may need more than one run where the server's faults strike.
    complete(&server, &output, &WORDS);
    judge_folder(&server.account.lock().unwrap(), &output, "after the kills");
    assert_eq!(staged(&output), 0, "orphans are swept");
}

#[test]
fn a_lost_ledger_is_rebuilt_from_the_files() {
    let server = server(6, 1);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    complete(&server, &output, &WORDS);
    let downloads = |server: &SimServer| server.account.lock().unwrap().stats().requests_of("download");
    let before = downloads(&server);
    std::fs::remove_dir_all(output.join("_ingest")).unwrap();
    let (code, text) = outcome(&mut run(&server, &output, &WORDS));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\"event\":\"ledger_recovered\""), "{text}");
    assert_eq!(downloads(&server), before, "what is stored is not fetched again");
    judge_folder(&server.account.lock().unwrap(), &output, "after the ledger was lost");
}
