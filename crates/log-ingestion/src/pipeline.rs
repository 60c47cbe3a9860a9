//! The pipeline: plan, fetch, shape, settle, encode, commit, record. One stage a file, each knowing only its hop.
//!
//! This module holds what the stages share and the one chain that puts them in order. It decides nothing about
//! windows, records or files; the stages do, or the core does for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indicatif::HumanBytes;
use ingest_core::ids::LogId;
use ingest_core::ledger::{LogState, Tally, Uncounted};
use ingest_core::plan::{FetchMode, Policy};
use ingest_core::time::{LogWindow, Timestamp};
use ingest_source::clock::Clock;
use ingest_source::{Client, SourceError};
use ingest_store::{DirTable, HistoryDir, Lock, StateDir, StoreError};
use ingest_tabular::{Codec, EncodeError, Encodings, ReadBackError};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::settings::Pins;

pub(crate) use facts::fact;
pub(crate) use inventory::{Content, read_content};
pub use inventory::{Missing, compare};
pub use log_pass::{Assignment, LogReport, Recheck, Stretch, pass};
pub use queue::Queue;
pub use recheck::{Rechecked, examine};
pub use recover::{Recovered, rebuild, recover};
pub use space::SpaceGuard;

mod at_once;
mod commit;
mod encode;
mod facts;
mod fetch;
mod inventory;
mod log_pass;
mod plan;
mod queue;
mod recheck;
mod record;
mod recover;
mod settle;
mod shape;
mod space;
mod window;

/// What the user wants of the stages.
#[derive(Debug, Clone)]
pub struct Options {
    /// Windows: where they start, when they are due, how large they are.
    pub policy: Policy,
    /// Query, download, or either.
    pub fetch_mode: FetchMode,
    /// Rows a request, before the API's own limit.
    pub batch_size: u32,
    /// Paged requests that one pass over one log may spend before downloads take over.
    pub query_requests: u64,
    /// Windows of one log that are fetched at the same time.
    pub parallel_windows: usize,
    /// How long after their end complete windows are counted again, ascending.
    pub recheck_after: Vec<Duration>,
    /// How often an incomplete download is tried again.
    pub download_retries: u32,
    /// Compression of the files.
    pub codec: Codec,
    /// How values are laid out.
    pub encodings: Encodings,
    /// Whether rows keep their record.
    pub keep_raw: bool,
    /// What is fixed of logs before their first window.
    pub pins: Arc<Pins>,
}

/// Where the work between fetching and recording is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cpu {
    /// On threads of its own, so that the network is never kept waiting.
    Pool,
    /// Where the stages run: on one thread, the order of all steps is then the same in every run.
    Inline,
}

impl Cpu {
    /// Does work that blocks.
    ///
    /// # Errors
    /// When it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        match self {
            Self::Pool => tokio::task::spawn_blocking(work).await,
            Self::Inline => Ok(work()),
        }
    }
}

/// What the stages work with, for one pass.
#[derive(Debug, Clone)]
pub struct Context {
    /// The API.
    pub client: Arc<Client>,
    /// The files.
    pub table: Arc<DirTable>,
    /// What says that the folder is this process's; nothing is published or recorded without one.
    pub lock: Option<Arc<Lock>>,
    /// What keeps the disk from filling up.
    pub space: Arc<SpaceGuard>,
    /// The ledgers.
    pub states: StateDir,
    /// What happened to windows, for people.
    pub history: HistoryDir,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The wishes.
    pub options: Options,
    /// Cancelled when nothing new is to be begun.
    pub stop: CancellationToken,
    /// One permit for each window that may be in flight; bounds memory and disk whatever the number of logs.
    pub windows: Arc<Semaphore>,
    /// One permit for each processor; encoding takes one.
    pub cores: Arc<Semaphore>,
    /// One permit for each window that may be encoded while it is downloaded; bounds what encoders hold.
    pub ahead: Arc<Semaphore>,
    /// Where encoding runs.
    pub cpu: Cpu,
    /// What was found out about the server's bounds.
    pub bounds: Arc<OnceCell<ingest_core::bounds::Bounds>>,
    /// What the logs have still to send.
    pub queue: Arc<Queue>,
    /// What a person sees.
    pub progress: Progress,
    /// What is measured.
    pub metrics: Arc<Metrics>,
}

impl Context {
    /// Whether the output folder is still the one that was taken.
    pub(crate) fn check_folder(&self) -> Result<(), StoreError> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.check())
    }

    /// Does work that blocks, on a processor of its own turn and off the async threads where that may be.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WindowError> {
        let died = |error: &dyn std::error::Error| WindowError::Died(error.to_string());
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(|error| died(&error))?;
        let span = tracing::Span::current();
        let work = move || {
            let _core = core;
            let _in_span = span.enter();
            work()
        };
        self.cpu.run(work).await.map_err(|error| died(&error))
    }

    /// The same for one window: its requests share one budget of retries.
    pub(crate) fn for_window(&self) -> Self {
        Self { client: Arc::new(self.client.for_window()), ..self.clone() }
    }
}

/// Why a window could not be completed. It stays open, and is planned again.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// The events could not be fetched.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The server counts another number than came.
    #[error("{fetched} events came, but the server counts {counted}")]
    Short {
        /// Events that came, each once.
        fetched: u64,
        /// The server's count for the same request.
        counted: u64,
    },
    /// A download ended within a line, and another one otherwise.
    #[error("the download ended within a line, which may be cut")]
    OpenEnded,
    /// A download was asked for, but what belongs to a window is not known.
    #[error(
        "the server's time bounds could not be told apart, so a download cannot be cut to the window; use FETCH_MODE=auto or query"
    )]
    BoundsUnknown,
    /// Something could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be encoded.
    #[error("failed to encode the window's file")]
    Encode(#[from] EncodeError),
    /// The file is not what was written.
    #[error("the staged file did not read back as it was written")]
    ReadBack(#[from] ReadBackError),
    /// Quarantined records could not be written.
    #[error("failed to write the quarantine file")]
    Quarantine(#[source] std::io::Error),
    /// Another file in the table shares an instant with the window.
    #[error("{} is in the table and holds a part of the window", path.display())]
    Occupied {
        /// That file.
        path: PathBuf,
    },
    /// The ledger refused the window.
    #[error("failed to record the window")]
    Ledger(#[from] ingest_core::ledger::LedgerError),
    /// The disk is low, and stayed so for as long as a pass waits.
    #[error(
        "only {} of the disk of OUTPUT_DIR are free, and MIN_FREE_DISK keeps {}: free some; the next pass takes it up here",
        HumanBytes(*free), HumanBytes(*minimum)
    )]
    DiskLow {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are to stay free.
        minimum: u64,
    },
    /// The disk is full.
    #[error(
        "the disk of OUTPUT_DIR, or this user's share of it, is full: free some; the next pass takes it up here"
    )]
    DiskFull(#[source] Box<Self>),
    /// The stage died.
    #[error("a stage ended unexpectedly: {0}")]
    Died(String),
}

impl WindowError {
    /// Whether nothing else can succeed either: the key is refused.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Source(error) if error.is_refusal())
    }

    /// Whether nothing is wrong: a stop came before the window could be completed.
    #[must_use]
    pub const fn is_stop(&self) -> bool {
        matches!(self, Self::Source(SourceError::Stopped))
    }

    /// The same, by its name where it comes from a full disk, whichever stage met it.
    #[must_use]
    pub fn named(self) -> Self {
        let full = !matches!(self, Self::DiskFull(_)) && comes_from_a_full_disk(&self);
        if full { Self::DiskFull(Box::new(self)) } else { self }
    }

    /// Whether no log's windows can succeed in this pass: the key is refused, or there is no room.
    #[must_use]
    pub const fn stops_the_pass(&self) -> bool {
        self.is_refusal() || matches!(self, Self::DiskLow { .. } | Self::DiskFull(_))
    }

    /// Whether other windows of the log would fail the same way: the log is gone, the API is left alone for a while, or the
    /// disk refuses.
    #[must_use]
    pub const fn stops_the_log(&self) -> bool {
        matches!(
            self,
            Self::Store(_)
                | Self::DiskLow { .. }
                | Self::DiskFull(_)
                | Self::Source(
                    SourceError::Refused { .. }
                        | SourceError::NotFound(_)
                        | SourceError::CircuitOpen { .. }
                        | SourceError::Protocol(ingest_core::api::ProtocolError::NotFound)
                )
        )
    }
}

fn comes_from_a_full_disk(error: &WindowError) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
        .any(|error| error.downcast_ref().is_some_and(ingest_store::is_full))
}

/// The span that all events of a window carry.
pub(crate) fn window_span(window: LogWindow) -> tracing::Span {
    let span_id = format!("{:016x}", window.start().millis() ^ window.len_ms().rotate_left(42));
    tracing::info_span!("window", window = %window, span_id)
}

/// An error with all its causes, in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}

/// A log that is worked on.
#[derive(Debug)]
pub struct LogWork {
    /// What is remembered of it.
    pub(crate) state: LogState,
    /// Whether what is worked on is the live tail, and not a period.
    pub(crate) tail: bool,
    /// How long the source keeps its events, where it says so.
    pub(crate) retention: Option<Duration>,
    /// What the table holds of it beside what its ledger counts.
    pub(crate) uncounted: Uncounted,
}

impl LogWork {
    /// Whether the table may hold something of a window that is to be committed.
    pub(crate) fn may_hold(&self, window: LogWindow) -> bool {
        self.uncounted.may_hold(&self.state.ledger, window)
    }

    pub(crate) fn id(&self) -> &LogId {
        &self.state.id
    }
}

/// A window whose file is in the table.
#[derive(Debug)]
pub(crate) struct CommittedWindow {
    pub(crate) window: LogWindow,
    pub(crate) tally: Tally,
    /// When the server counted it.
    pub(crate) counted_at: Timestamp,
    /// Quarantined records by reason.
    pub(crate) quarantined_by: BTreeMap<&'static str, u64>,
}
