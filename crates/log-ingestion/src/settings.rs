//! Settings: what was written, and what it means.
//!
//! The one place that reads the environment. Collects values from flags, environment, `.env` and defaults, in that
//! order, turns them into types, and reports every fault at once. Never acts on a setting. The key is never shown.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ingest_core::catalog::Selector;
use ingest_core::plan::FetchMode;
use ingest_core::space::MinFree;
use ingest_core::upkeep::Retention;
use ingest_source::transport::ApiKey;
use ingest_source::{Endpoint, Protocol};
use ingest_store::layout::Layout;
use ingest_tabular::{Codec, Encodings};

pub use keeping::{ArchiveSettings, Keeping};
pub(crate) use key::sources as key_sources;
pub use key::{FoundKey, KeySource, readable_key_files};
pub use layers::{EnvFile, Layers, Origin};
pub(crate) use meaning::{codec, duration};
pub use observing::{Collector, MetricsAddr, Observing, Supervisor, Token};
pub use pins::{Pin, Pins};
pub use place::{Place, StoreVariables};
pub(crate) use table::shown;
pub use table::{SETTINGS, Setting};

mod keeping;
mod key;
mod layers;
mod meaning;
mod observing;
mod otlp_headers;
mod pins;
mod place;
mod table;

/// Levels of the service's own log, named as the runbook names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens.
    Info,
    /// What should be looked at.
    Warning,
    /// What failed.
    Error,
}

/// How the service's own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people on a terminal, JSON lines elsewhere.
    Auto,
    /// JSON lines.
    Json,
    /// Lines for people.
    Text,
}

/// What the program works by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `RAPID7_API_KEY`, or what the file or credential in its place holds
    pub api_key: ApiKey,
    /// `RAPID7_API_ENDPOINT`
    pub endpoint: Endpoint,
    /// `RAPID7_API_PROTOCOL`, resolved
    pub protocol: Protocol,
    /// `RAPID7_LOGS`
    pub logs: Vec<Selector>,
    /// `OUTPUT_DIR`
    pub output_dir: PathBuf,
    /// `LAYOUT`
    pub layout: Layout,
    /// `PARQUET_COMPRESSION`
    pub codec: Codec,
    /// `PARQUET_ENCODINGS`
    pub encodings: Encodings,
    /// `KEEP_RAW`
    pub keep_raw: bool,
    /// `FETCH_MODE`
    pub fetch_mode: FetchMode,
    /// `BATCH_SIZE`
    pub batch_size: u32,
    /// `RATE_LIMIT`, requests a minute
    pub rate_limit: u32,
    /// `RETRY_ATTEMPTS`
    pub retry_attempts: u32,
    /// `WINDOW_ROWS`
    pub window_rows: u64,
    /// `PARALLEL_WINDOWS`
    pub parallel_windows: usize,
    /// `SETTLE_DELAY`
    pub settle_delay: Duration,
    /// `RECHECK_AFTER`, ascending; none for never
    pub recheck_after: Vec<Duration>,
    /// `SHUTDOWN_GRACE`
    pub shutdown_grace: Duration,
    /// `MIN_FREE_DISK`
    pub min_free_disk: MinFree,
    /// What becomes of stored days.
    pub keeping: Keeping,
    /// `PINS_DIR`, read
    pub pins: Arc<Pins>,
    /// How it is looked at from outside.
    pub observing: Observing,
    /// `RAPID7_SEED`; `None` takes it from the clock
    pub seed: Option<u64>,
    /// How the service logs.
    pub log: LogSettings,
}

/// What looking after the files goes by: no key is needed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpkeepSettings {
    /// `OUTPUT_DIR`
    pub output_dir: PathBuf,
    /// `RETENTION_DAYS`, `RETENTION_MAX_BYTES`
    pub retention: Retention,
    /// `WINDOW_ROWS`
    pub window_rows: u64,
}

/// How the service logs: known before anything else is.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// `LOG_LEVEL`
    pub level: LogLevel,
    /// `LOG_FORMAT`
    pub format: LogFormat,
    /// `ENVIRONMENT`
    pub environment: String,
    /// `LOG_FILE`
    pub file: Option<PathBuf>,
}

/// One thing wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable.
    pub variable: String,
    /// Where it was set, and to what, unless it is secret.
    pub given: String,
    /// What is wrong or allowed.
    pub allowed: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.variable, self.given, self.allowed)
    }
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct SettingsError(pub Vec<Fault>);

fn lines(faults: &[Fault]) -> String {
    let mut text =
        format!("{} setting{} cannot be used:", faults.len(), if faults.len() == 1 { "" } else { "s" });
    for fault in faults {
        text.push_str(&format!("\n  {fault}"));
    }
    text
}

impl Settings {
    /// The meaning of the collected values.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn resolve(layers: &Layers) -> Result<Self, SettingsError> {
        meaning::settings(layers)
    }
}

/// `OUTPUT_DIR` alone, for commands that only look at the disk.
///
/// # Errors
/// When it is not set, or is no folder's name.
pub fn output_dir(layers: &Layers) -> Result<PathBuf, SettingsError> {
    meaning::output_dir(layers)
}

/// What looking after the files goes by.
///
/// # Errors
/// When one of its settings is not set, or cannot be used.
pub fn upkeep(layers: &Layers) -> Result<UpkeepSettings, SettingsError> {
    meaning::upkeep(layers)
}

/// Whether a person's terminal may show colours: `NO_COLOR` with anything in it says no. Source: no-color.org.
#[must_use]
pub fn colours(layers: &Layers) -> bool {
    layers.environment.get("NO_COLOR").is_none_or(String::is_empty)
}

/// How a service is looked at from outside, for commands that only look at one.
///
/// # Errors
/// When one of these settings cannot be used.
pub fn observing(layers: &Layers) -> Result<Observing, SettingsError> {
    meaning::observing(layers)
}

impl LogSettings {
    /// How to log, by the same values; faults fall back to the defaults, as they are reported by [`Settings::resolve`].
    #[must_use]
    pub fn resolve(layers: &Layers) -> Self {
        meaning::log_settings(layers)
    }
}

#[cfg(test)]
mod tests;
