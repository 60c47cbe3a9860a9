//! One run of the whole pipeline against a simulated account in virtual time, and the oracle that judges it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingest_core::time::Timestamp;
use ingest_source::transport::Transport;
use ingest_store::OsDisk;
use log_ingestion::exit::{CommandError, Exit};
use log_ingestion::ingest::{Ingest, Outside, PassReport};
use log_ingestion::metrics::Metrics;
use log_ingestion::pipeline::Cpu;
use log_ingestion::progress::Progress;
use log_ingestion::settings::{Layers, Settings};
use rapid7_sim::{Account, SimConfig};
use tokio_util::sync::CancellationToken;

use crate::account::{ORIGIN, SimTransport, VirtualClock, in_virtual_time};
use crate::simulation::story::tail;
use crate::stored;

/// Where virtual time begins: a bit after midnight, so that the look-back spans two days.
pub(crate) const NOW: &str = "2026-02-10T04:00:00Z";
/// Passes after which a run whose faults are spent must be complete.
const PASSES_MAX: usize = 12;

/// A run to be made.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) sim: SimConfig,
    /// Settings beside key, endpoint and folder.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Appended to the endpoint, as `/v1`.
    pub(crate) path: &'static str,
}

impl Scenario {
    pub(crate) fn new(sim: SimConfig) -> Self {
        Self { sim, settings: Vec::new(), path: "" }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) sim: SimTransport,
    pub(crate) report: PassReport,
    pub(crate) passes: usize,
    pub(crate) output: tempfile::TempDir,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: VirtualClock,
}

pub(crate) fn settings(scenario: &Scenario, output: &Path) -> Settings {
    let mut environment: BTreeMap<String, String> = [
        ("RAPID7_API_KEY", scenario.sim.api_key.clone()),
        ("RAPID7_API_ENDPOINT", format!("{ORIGIN}{}", scenario.path)),
        ("OUTPUT_DIR", output.to_str().unwrap().to_owned()),
        ("RATE_LIMIT", "1000".to_owned()),
        ("KEEP_RAW", "always".to_owned()),
        ("RAPID7_SEED", "11".to_owned()),
        // How full the machine is must not decide what a test says.
        ("MIN_FREE_DISK", "0".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    environment.extend(scenario.settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Settings::resolve(&Layers { environment, ..Layers::default() }).unwrap()
}

/// Runs passes until one leaves nothing open, in virtual time.
pub(crate) fn run(scenario: &Scenario) -> Ran {
    let (ran, outcome) = run_passes(scenario, PASSES_MAX);
    outcome.unwrap_or_else(|error| panic!("pass {}: {error:?}", ran.passes));
    ran
}

/// Runs one pass in virtual time, whatever comes of it.
pub(crate) fn run_once(scenario: &Scenario) -> Ran {
    run_passes(scenario, 1).0
}

/// A simulated account, and the folder that processes fill from it.
pub(crate) struct Place {
    pub(crate) sim: SimTransport,
    pub(crate) clock: VirtualClock,
    pub(crate) output: tempfile::TempDir,
    settings: Settings,
    outside: Outside,
}

impl Place {
    /// An empty one at [`NOW`]. Call inside a paused runtime.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let clock = VirtualClock::starting(Timestamp::parse(NOW).unwrap());
        let sim = SimTransport::new(scenario.sim.clone(), &clock);
        let output = tempfile::tempdir().unwrap();
        let (settings, outside) = (settings(scenario, output.path()), outside(&sim, &clock));
        Self { sim, clock, output, settings, outside }
    }

    /// A process that takes the folder.
    pub(crate) fn open(&self) -> Ingest {
        Ingest::open(self.settings.clone(), &self.outside).unwrap()
    }

    /// What came of it.
    pub(crate) fn ran(self, report: PassReport, passes: usize) -> Ran {
        let Self { sim, clock, output, outside, .. } = self;
        Ran { sim, report, passes, output, metrics: outside.metrics, clock }
    }
}

fn run_passes(scenario: &Scenario, most: usize) -> (Ran, Result<(), CommandError>) {
    in_virtual_time(async {
        let place = Place::of(scenario);
        let mut passes = 0;
        loop {
            passes += 1;
            let outcome = place.open().pass(tail(), &CancellationToken::new()).await;
            let failed = match &outcome {
                Ok(report) => report.exit() != Exit::Done,
                Err(_) => true,
            };
            if !failed || passes >= most {
                let (report, outcome) = match outcome {
                    Ok(report) => (report, Ok(())),
                    Err(error) => {
                        let nothing = PassReport { logs: Vec::new(), duration: Duration::ZERO };
                        (nothing, Err(error))
                    }
                };
                return (place.ran(report, passes), outcome);
            }
            tokio::time::sleep(Duration::from_secs(300)).await;
        }
    })
}

pub(crate) fn outside(sim: &SimTransport, clock: &VirtualClock) -> Outside {
    let transport: Arc<dyn Transport> = Arc::new(sim.clone());
    Outside {
        transport,
        clock: Arc::new(clock.clone()),
        disk: OsDisk::shared(),
        cpu: Cpu::Pool,
        progress: Progress::new(false),
        seed: 1,
        metrics: Metrics::shared(),
    }
}

/// Asserts that the run is complete and that the folder holds exactly what the account has, each event once.
#[track_caller]
pub(crate) fn judge(ran: &Ran, context: &str) {
    assert_eq!(ran.report.exit(), Exit::Done, "{context}: {:?}", ran.report);
    let account = ran.sim.account.lock().unwrap();
    for truth in account.truth() {
        let reported = ran.report.logs.iter().find(|log| log.name == truth.name);
        let reported = reported.unwrap_or_else(|| panic!("{context}: no report on {}", truth.name));
        assert_eq!(reported.open, 0, "{context}");
    }
    judge_folder(&account, ran.output.path(), context);
}

/// Asserts that a folder holds exactly what the account has, each event once.
#[track_caller]
pub(crate) fn judge_folder(account: &Account, output: &Path, context: &str) {
    judge_all_but(account, &stored::read(output), |_log, _ms| false, context);
}

/// The same of what was read already, but for events that are `gone` from the folder on purpose, by log and receive time.
#[track_caller]
pub(crate) fn judge_all_but(
    account: &Account,
    stored: &BTreeMap<String, stored::StoredLog>,
    gone: impl Fn(&str, i64) -> bool,
    context: &str,
) {
    for truth in account.truth() {
        let wanted = account.truth_events(&truth.id, i64::MIN, i64::MAX).unwrap();
        let wanted: Vec<_> = wanted.filter(|event| !gone(&truth.name, event.timestamp_ms)).collect();
        let log = stored.iter().find(|(folder, _)| folder.starts_with(&slug_start(&truth.name)));
        let Some((_, log)) = log else {
            assert!(wanted.is_empty(), "{context}: nothing stored of {}", truth.name);
            continue;
        };
        let mut want: Vec<String> = wanted.iter().map(|event| comparable(&event.message)).collect();
        let rows = log.rows.iter().map(|row| comparable(&row.raw));
        let mut have: Vec<String> = rows.chain(log.quarantined.iter().map(|raw| comparable(raw))).collect();
        want.sort();
        have.sort();
        assert_eq!(have.len(), want.len(), "{context}: events of {}", truth.name);
        assert!(have == want, "{context}: the events of {} differ", truth.name);
        let receipts = log.rows.iter().filter_map(|row| Some((row.received?, row.sequence?)));
        let mut receipts: Vec<(i64, i64)> = receipts.collect();
        let all = receipts.len();
        receipts.sort_unstable();
        receipts.dedup();
        assert_eq!(receipts.len(), all, "{context}: an event of {} is stored twice", truth.name);
        one_schema(log, context);
    }
}

/// Every column has one type in all files of a log.
fn one_schema(log: &stored::StoredLog, context: &str) {
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, kind) in log.columns.iter().flatten() {
        let known = types.entry(name).or_insert(kind);
        assert_eq!(known, kind, "{context}: the type of {name} changes between files");
    }
}

fn slug_start(name: &str) -> String {
    format!("log={}-", name.to_lowercase().replace([' ', '_'], "-"))
}

/// A lone surrogate is U+FFFD in the truth, three bytes of it in a message, and `?` in a download.
pub(crate) fn comparable(message: &str) -> String {
    if message.is_ascii() && !message.contains('?') {
        return message.to_owned();
    }
    message.replace(['\u{fffd}', '?'], "")
}
