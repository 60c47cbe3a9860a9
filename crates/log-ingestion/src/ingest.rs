//! What `run` and `demo` share: an output folder that is held, a client, and passes over logs.
//!
//! Wires the pipeline's context together and turns what comes of a pass into an exit code.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use ingest_core::ledger::{LogState, Uncounted};
use ingest_core::plan::Policy;
use ingest_core::quota::Class;
use ingest_core::time::{LogWindow, Timestamp};
use ingest_source::Client;
use ingest_source::clock::Clock;
use ingest_source::transport::{KeySlot, Transport};
use ingest_store::{DirTable, Disk, HistoryDir, Lock, StateDir};
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::exit::{CommandError, Exit};
use crate::metrics::Metrics;
use crate::pipeline::{
    Assignment, Context, Cpu, LogReport, LogWork, Options, Rechecked, SpaceGuard, examine, pass, recover,
};
use crate::progress::Progress;
use crate::settings::Settings;

pub use account::{client, source_failed, wanted_logs};
pub(crate) use assign::RETENTION_NEAR_MS;
pub use assign::{Coverage, Scope};
pub use folder::take_lock;

mod account;
mod after;
mod assign;
mod folder;

/// Logs that are worked on at the same time; windows in flight are bounded over all of them.
const PARALLEL_LOGS: usize = 8;
/// Windows that are encoded while they are downloaded: an open encoder holds a row group, whoever waits for what.
const WINDOWS_AHEAD: usize = 1;
/// Minutes of `RATE_LIMIT` that the paged queries of one pass may take before downloads take over.
const QUERY_MINUTES: u64 = 5;
/// Paged queries of one pass may use one part in so many of what the server's quota still allows; counts, the next pass
/// and other users of the key need the rest.
const QUERY_QUOTA_SHARE: u64 = 2;

/// An output folder and a client, ready for passes.
#[derive(Debug)]
pub struct Ingest {
    settings: Settings,
    client: Arc<Client>,
    table: Arc<DirTable>,
    states: StateDir,
    outside: Outside,
    space: Arc<SpaceGuard>,
    windows: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    ahead: Arc<Semaphore>,
    bounds: Arc<OnceCell<ingest_core::bounds::Bounds>>,
    lock: Option<Arc<Lock>>,
    edges: assign::Edges,
    seen: Arc<Mutex<after::SeenDays>>,
}

/// What came of a pass over all logs.
#[derive(Debug)]
pub struct PassReport {
    /// Each log, by name.
    pub logs: Vec<LogReport>,
    /// How long it took.
    pub duration: Duration,
}

impl PassReport {
    /// How the program ends after this pass.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.logs.iter().any(|log| log.refused) {
            return Exit::KeyRefused;
        }
        if self.logs.iter().any(|log| log.open > 0 || log.cut_short) { Exit::TryLater } else { Exit::Done }
    }
}

/// A log that was looked at.
#[derive(Debug)]
pub struct Examined {
    /// What is remembered of it.
    pub state: LogState,
    /// The span that was looked at.
    pub range: LogWindow,
    /// What differs.
    pub found: Rechecked,
}

/// What the program meets outside itself: the network, the time, chance, a person.
#[derive(Debug, Clone)]
pub struct Outside {
    /// The network.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where files and ledgers are kept.
    pub disk: Arc<dyn Disk>,
    /// Where encoding runs.
    pub cpu: Cpu,
    /// What a person sees.
    pub progress: Progress,
    /// Seed of the run's randomness, unless the settings have one.
    pub seed: u64,
    /// What is measured.
    pub metrics: Arc<Metrics>,
}

impl Ingest {
    /// Takes the output folder.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be used.
    pub fn open(settings: Settings, outside: &Outside) -> Result<Self, CommandError> {
        let root = &settings.output_dir;
        let lock = take_lock(root, outside)?;
        let table = DirTable::open(Arc::clone(&outside.disk), root, settings.layout)
            .map_err(|error| folder::unusable(&error))?;
        Ok(Self::new(settings, outside, table, Some(lock)))
    }

    /// Looks at the output folder beside whoever works on it; nothing may be changed then.
    #[must_use]
    pub fn beside(settings: Settings, outside: &Outside) -> Self {
        let table = DirTable::beside(Arc::clone(&outside.disk), &settings.output_dir, settings.layout);
        Self::new(settings, outside, table, None)
    }

    fn new(settings: Settings, outside: &Outside, table: DirTable, lock: Option<Lock>) -> Self {
        let disk = Arc::clone(&outside.disk);
        let space = SpaceGuard::new(disk, settings.output_dir.clone(), settings.min_free_disk);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            client: Arc::new(client(&settings, outside)),
            table: Arc::new(table),
            states: StateDir::of(Arc::clone(&outside.disk), &settings.output_dir),
            outside: outside.clone(),
            space: Arc::new(space),
            windows: Arc::new(Semaphore::new(settings.parallel_windows)),
            cores: Arc::new(Semaphore::new(cores)),
            ahead: Arc::new(Semaphore::new(WINDOWS_AHEAD)),
            bounds: Arc::new(OnceCell::new()),
            settings,
            lock: lock.map(Arc::new),
            edges: assign::Edges::default(),
            seen: Arc::default(),
        }
    }

    /// Where the key of the requests to come is.
    pub(crate) fn keys(&self) -> &KeySlot {
        self.client.keys()
    }

    /// What talks to the API.
    #[must_use]
    pub const fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Whether the output folder is still the one that was taken.
    ///
    /// # Errors
    /// When it was removed or replaced: only a new process can take the one that is there then.
    pub fn check_folder(&self) -> Result<(), CommandError> {
        let lock = self.lock.as_ref().map_or(Ok(()), |lock| lock.check());
        lock.map_err(|error| CommandError::failed(Exit::TryLater, &error))
    }

    /// Compares what the ledgers say of logs with the files and with the server. Changes nothing.
    ///
    /// # Errors
    /// When the table cannot be read, the key is refused, or a log is gone.
    pub async fn examine(
        &self,
        states: Vec<LogState>,
        scope: Scope,
        deep: bool,
    ) -> Result<Vec<Examined>, CommandError> {
        let coverage = Coverage::Repair { scope, deep };
        let context = self.context(coverage, states.len(), &CancellationToken::new());
        let mut examined = Vec::new();
        for state in states {
            let Some(range) = state.ledger.extent().and_then(|extent| scope.of(extent)) else { continue };
            let log = LogWork { state, tail: false, retention: None, uncounted: Uncounted::default() };
            let found = examine(&context, &log, range, deep).await.map_err(|error| {
                let exit = if error.is_refusal() { Exit::KeyRefused } else { Exit::Failed };
                CommandError::failed(exit, &error)
            })?;
            examined.push(Examined { state: log.state, range, found });
        }
        Ok(examined)
    }

    /// One pass over the wanted logs, after ledger and table were brought into agreement.
    ///
    /// # Errors
    /// When the logs cannot be listed, or the ledgers not be read. What fails within a log is in the report.
    pub async fn pass(
        &self,
        coverage: Coverage,
        stop: &CancellationToken,
    ) -> Result<PassReport, CommandError> {
        let board = self.outside.metrics.board();
        let started = self.outside.clock.now();
        board.pass_begins(started);
        let span = tracing::info_span!("pass");
        let outcome = self.pass_from(coverage, stop, started).instrument(span).await;
        let ended = match &outcome {
            Ok(report) => Ok(report.exit() == Exit::Done),
            Err(error) => Err(error.to_string()),
        };
        board.pass_ends(ended, self.outside.clock.now());
        outcome
    }

    async fn pass_from(
        &self,
        coverage: Coverage,
        stop: &CancellationToken,
        started: Timestamp,
    ) -> Result<PassReport, CommandError> {
        let logs = wanted_logs(&self.client.until(stop), &self.settings.logs).await?;
        if logs.is_empty() {
            tracing::warn!(event = "no_logs", reason = "the key can see no log");
        }
        let recovered = recover(&self.table, &self.states, started)
            .map_err(|error| CommandError::failed(Exit::TryLater, &error))?;
        let context = Arc::new(self.context(coverage, logs.len(), stop));
        context.space.begin_pass().await;
        let policy = &context.options.policy;
        let states: Vec<LogState> =
            logs.iter().map(|log| account::state_of(&recovered.states, log)).collect();
        self.outside.metrics.board().logs_are(&states, started);
        let mut assignments: Vec<_> = logs
            .iter()
            .zip(states)
            .filter_map(|(log, state)| assign::assign(coverage, state, log, policy, started))
            .collect();
        self.measure(assignments.iter().map(|(_, assignment)| assignment).collect(), started);
        account::apart(assignments.iter().map(|(_, assignment)| &assignment.state))?;
        // What the source will drop first is fetched first.
        assignments.sort_by_key(|(edge, _)| edge.map_or(i64::MAX, |edge| edge.left_ms));
        for (edge, assignment) in &assignments {
            self.edges.warn(&assignment.state.id, &assignment.state.name, *edge, started);
        }
        let runs = assignments.into_iter().map(|(_, assignment)| {
            let span = tracing::info_span!("log", log = %assignment.state.name);
            let uncounted = recovered.uncounted(&assignment.state.slug);
            pass(Arc::clone(&context), assignment, uncounted).instrument(span)
        });
        let mut reports: Vec<LogReport> =
            futures_util::stream::iter(runs).buffer_unordered(PARALLEL_LOGS).collect().await;
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        let took = self.outside.clock.now().millis().saturating_sub(started.millis());
        Ok(PassReport { logs: reports, duration: Duration::from_millis(took.unsigned_abs()) })
    }

    /// Takes what is wanted of each log into the metrics, by name: which logs are shown must not depend on how urgent they
    /// are.
    fn measure(&self, mut assignments: Vec<&Assignment>, now: Timestamp) {
        assignments.sort_by_key(|assignment| &assignment.state.name);
        for Assignment { state, stretches, retention, .. } in assignments {
            let wanted = stretches.iter().map(|stretch| stretch.range).collect();
            self.outside.metrics.log_begins(state, wanted, *retention, now);
        }
    }

    pub(crate) fn context(&self, coverage: Coverage, logs: usize, stop: &CancellationToken) -> Context {
        let settings = &self.settings;
        let first_start = match coverage {
            Coverage::Tail { first_start } | Coverage::TailAndPeriod { first_start, .. } => first_start,
            Coverage::Period(range) => range.start(),
            Coverage::Repair { scope, .. } => scope.from.unwrap_or_else(|| self.outside.clock.now()),
        };
        let by_rate = u64::from(settings.rate_limit).saturating_mul(QUERY_MINUTES);
        let requests = by_rate.min(self.client.quota_left(Class::Query) / QUERY_QUOTA_SHARE);
        let stop = stop.child_token();
        Context {
            client: Arc::new(self.client.until(&stop)),
            table: Arc::clone(&self.table),
            lock: self.lock.clone(),
            space: Arc::clone(&self.space),
            states: self.states.clone(),
            history: HistoryDir::of(Arc::clone(&self.outside.disk), &settings.output_dir),
            clock: Arc::clone(&self.outside.clock),
            options: Options {
                policy: Policy {
                    settle_delay: settings.settle_delay,
                    first_start,
                    window_rows: settings.window_rows,
                },
                fetch_mode: settings.fetch_mode,
                batch_size: settings.batch_size,
                query_requests: requests / (logs.max(1) as u64),
                parallel_windows: settings.parallel_windows,
                recheck_after: settings.recheck_after.clone(),
                download_retries: settings.retry_attempts,
                codec: settings.codec,
                encodings: settings.encodings,
                keep_raw: settings.keep_raw,
                pins: Arc::clone(&settings.pins),
            },
            stop,
            windows: Arc::clone(&self.windows),
            cores: Arc::clone(&self.cores),
            ahead: Arc::clone(&self.ahead),
            cpu: self.outside.cpu,
            bounds: Arc::clone(&self.bounds),
            queue: Arc::default(),
            progress: self.outside.progress.clone(),
            metrics: Arc::clone(&self.outside.metrics),
        }
    }
}
