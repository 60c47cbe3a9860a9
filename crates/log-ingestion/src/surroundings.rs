//! What a command is given of the world: settings as written, time, chance, a person's terminal.
//!
//! Made once, by `app`. Turns into the outside that ingestion works with; acts on nothing.

use std::sync::Arc;

use ingest_source::HttpTransport;
use ingest_source::clock::Clock;
use ingest_store::Disk;

use crate::exit::{CommandError, Exit};
use crate::ingest::Outside;
use crate::metrics::Metrics;
use crate::otlp::Spans;
use crate::pipeline::Cpu;
use crate::progress::Progress;
use crate::settings::Layers;
use crate::telemetry::LogFile;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) layers: Layers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) progress: Progress,
    /// Seed of this run's randomness, unless `RAPID7_SEED` sets one.
    pub(crate) seed: u64,
    /// What is measured.
    pub(crate) metrics: Arc<Metrics>,
    /// Spans that ended, for a collector.
    pub(crate) spans: Arc<Spans>,
    /// One for each run, in every line of its log.
    pub(crate) trace_id: String,
    /// Whether a person is looking.
    pub(crate) terminal: bool,
    /// Where the service's log goes, if to a file.
    pub(crate) log_file: Option<LogFile>,
}

impl Surroundings {
    /// The real outside.
    pub(crate) fn outside(&self) -> Result<Outside, CommandError> {
        let agent = concat!("log-ingestion/", env!("CARGO_PKG_VERSION"));
        let transport =
            HttpTransport::new(agent).map_err(|error| CommandError::failed(Exit::Failed, &error))?;
        Ok(Outside {
            transport: Arc::new(transport),
            clock: Arc::clone(&self.clock),
            disk: Arc::clone(&self.disk),
            cpu: Cpu::Pool,
            progress: self.progress.clone(),
            seed: self.seed,
            metrics: Arc::clone(&self.metrics),
        })
    }
}
