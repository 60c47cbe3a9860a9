//! The metrics at one moment: counters as they are, and how things stand, put into the same series.
//!
//! Asks the board, the client's quotas, the filesystem and the kernel when it is read; the walk over the output folder is
//! made apart, since it may take long. Blocks for as long as a filesystem does: call off the async threads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use ingest_core::space::{MinFree, Space};
use ingest_core::time::{MS_PER_SECOND, Timestamp};
use ingest_source::clock::Clock;
use ingest_source::{ClassSnapshot, Client};
use ingest_store::Disk;
use prometheus::TextEncoder;
use prometheus::proto::MetricFamily;

use super::board::{LogFacts, Standing};
use super::names::Metric;
use super::{Metrics, lock, process, usage};

/// Time between two walks over the output folder, in milliseconds. What is committed between them is added as it comes.
const WALK_EVERY_MS: i64 = 600 * MS_PER_SECOND;
/// Gauges whose series come and go.
const STATES: [Metric; 9] = [
    Metric::QuotaRemaining,
    Metric::CircuitOpen,
    Metric::Lag,
    Metric::WindowsOpen,
    Metric::WindowsShort,
    Metric::WindowsBeyond,
    Metric::RetentionLeft,
    Metric::LosesDataIn,
    Metric::DiskUsage,
];

/// What a reader looks at beside the metrics.
#[derive(Debug, Clone)]
pub struct ReaderOptions {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The output folder.
    pub output_dir: PathBuf,
    /// What is to stay free of the disk.
    pub min_free_disk: MinFree,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Reads the metrics.
#[derive(Debug)]
pub struct Reader {
    metrics: Arc<Metrics>,
    options: ReaderOptions,
    /// Whose quotas are shown, once there is one.
    client: OnceLock<Arc<Client>>,
    /// One reading at a time, since a reading first forgets the states of the one before.
    reading: Mutex<()>,
    walked: Mutex<Option<Timestamp>>,
}

impl Reader {
    /// A reader of a process's metrics.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, options: ReaderOptions) -> Self {
        Self {
            metrics,
            options,
            client: OnceLock::new(),
            reading: Mutex::default(),
            walked: Mutex::default(),
        }
    }

    /// Shows the quotas of this client from now on; the first one stays.
    pub fn show(&self, client: Arc<Client>) {
        drop(self.client.set(client));
    }

    /// What is read.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    /// How things stand.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.metrics.board().standing()
    }

    /// The standing of each class of request.
    #[must_use]
    pub fn classes(&self) -> Vec<ClassSnapshot> {
        self.client.get().map(|client| client.snapshot()).unwrap_or_default()
    }

    /// The space of the output folder's filesystem, where it says.
    #[must_use]
    pub fn space(&self) -> Option<Space> {
        self.options.disk.space(&self.options.output_dir).ok()
    }

    /// What is to stay free of the disk.
    #[must_use]
    pub const fn min_free_disk(&self) -> MinFree {
        self.options.min_free_disk
    }

    /// Bytes of the process in RAM, where the system says.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<u64> {
        process::resident_bytes()
    }

    /// Everything in Prometheus text format.
    #[must_use]
    pub fn text(&self) -> String {
        // Fails only for families without a name or series, of which there are none.
        TextEncoder::new().encode_to_string(&self.families()).unwrap_or_default()
    }

    /// Everything, as families of series.
    #[must_use]
    pub fn families(&self) -> Vec<MetricFamily> {
        let _one_at_a_time = lock(&self.reading);
        let families = &self.metrics.families;
        STATES.iter().for_each(|metric| families.clear(*metric));
        let (standing, now) = (self.standing(), self.now());
        self.put_pass(&standing);
        self.put_logs(&standing, now);
        self.put_quotas();
        self.put_disk(&standing);
        self.put_process();
        families.gather()
    }

    /// Adds up the files below the output folder, unless that was done of late.
    pub fn walk_if_due(&self) {
        let now = self.now();
        {
            let mut walked = lock(&self.walked);
            let due = walked.is_none_or(|at| now.millis().saturating_sub(at.millis()) >= WALK_EVERY_MS);
            if !due {
                return;
            }
            *walked = Some(now);
        }
        let Some(found) = usage::walk(&*self.options.disk, &self.options.output_dir) else {
            // Not made yet, it may be there the next time.
            *lock(&self.walked) = None;
            return;
        };
        if found.is_cut {
            let reason = "OUTPUT_DIR holds more files than are counted";
            tracing::warn!(event = "disk_usage_incomplete", bytes = found.bytes, reason);
        }
        self.metrics.board().walked(found.bytes);
    }

    fn put_pass(&self, standing: &Standing) {
        let set = |metric, value: Option<f64>| {
            if let Some(value) = value {
                self.metrics.families.set(metric, &[], value);
            }
        };
        self.metrics.families.set(Metric::BuildInfo, &[env!("CARGO_PKG_VERSION")], 1.0);
        set(Metric::Continuous, Some(f64::from(u8::from(standing.continuous))));
        set(Metric::LastPass, standing.pass.ended.map(epoch_seconds));
        set(Metric::LastSuccess, standing.pass.last_success.map(epoch_seconds));
        set(Metric::LastPassDuration, standing.pass.duration.map(|took| took.as_secs_f64()));
        set(Metric::StartTime, standing.started.map(epoch_seconds));
        let counted = |metric| self.metrics.counted(metric, &[]);
        let written = counted(Metric::WrittenBytes);
        let ratio = if written > 0.0 { counted(Metric::RecordBytes) / written } else { 0.0 };
        set(Metric::CompressionRatio, Some(ratio));
    }

    /// The states of all logs; where several share a label, as those beyond the limit do, they become one.
    fn put_logs(&self, standing: &Standing, now: Timestamp) {
        let mut by_label: BTreeMap<String, LogStates> = BTreeMap::new();
        let mut hidden: u32 = 0;
        for log in standing.logs.values() {
            let label = self.metrics.label(&log.name);
            hidden = hidden.saturating_add(u32::from(label == super::OTHER_LOGS));
            by_label.entry(label).or_default().fold(log, now);
        }
        let families = &self.metrics.families;
        families.set(Metric::LogsNotShown, &[], f64::from(hidden));
        for (label, states) in by_label {
            let set = |metric, value: Option<f64>| {
                if let Some(value) = value {
                    families.set(metric, &[&label], value);
                }
            };
            set(Metric::Lag, states.lag);
            set(Metric::RetentionLeft, states.retention_left);
            set(Metric::LosesDataIn, states.loses_data_in);
            set(Metric::WindowsOpen, Some(states.open as f64));
            set(Metric::WindowsShort, Some(states.short as f64));
            set(Metric::WindowsBeyond, Some(states.beyond as f64));
        }
    }

    fn put_quotas(&self) {
        for class in self.classes() {
            let name = class.class.name();
            let open = f64::from(u8::from(class.circuit_open_until.is_some()));
            self.metrics.families.set(Metric::CircuitOpen, &[name], open);
            if class.has_quota() {
                let remaining = class.budget.remaining as f64;
                self.metrics.families.set(Metric::QuotaRemaining, &[name], remaining);
            }
        }
    }

    fn put_disk(&self, standing: &Standing) {
        if let Some(usage) = standing.disk_usage {
            self.metrics.families.set(Metric::DiskUsage, &[], usage as f64);
        }
        if let Some(Space { free, total }) = self.space() {
            self.metrics.families.set(Metric::DiskFree, &[], free as f64);
            self.metrics.families.set(Metric::DiskSize, &[], total as f64);
        }
    }

    fn put_process(&self) {
        let families = &self.metrics.families;
        if let Some(bytes) = process::resident_bytes() {
            families.set(Metric::ResidentMemory, &[], bytes as f64);
        }
        if let Some(seconds) = process::cpu_seconds() {
            families.total(Metric::CpuSeconds, seconds);
        }
        if let Some(count) = process::open_fds() {
            families.set(Metric::OpenFds, &[], count as f64);
        }
    }
}

/// The states of the logs that share a label.
#[derive(Debug, Default)]
struct LogStates {
    lag: Option<f64>,
    retention_left: Option<f64>,
    loses_data_in: Option<f64>,
    open: u64,
    short: u64,
    beyond: u64,
}

impl LogStates {
    fn fold(&mut self, log: &LogFacts, now: Timestamp) {
        let most = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        let least = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::min);
        self.lag = most(self.lag, log.lag_seconds(now));
        self.retention_left = least(self.retention_left, log.retention_left_seconds(now));
        self.loses_data_in = least(self.loses_data_in, log.loses_data_in_seconds(now));
        self.open = self.open.saturating_add(log.windows_open);
        self.short = self.short.saturating_add(log.windows_short());
        self.beyond = self.beyond.saturating_add(log.windows_beyond);
    }
}

fn epoch_seconds(at: Timestamp) -> f64 {
    at.millis() as f64 / 1_000.0
}
