//! What `doctor` knows before it judges: plain values, gathered by its shells.
//!
//! Decides nothing. Whatever could not be found out is absent, and says so where that matters.

use std::collections::BTreeMap;

use ingest_core::ledger::LogState;
use ingest_core::quota::{Class, QuotaHeaders};
use ingest_core::space::{MinFree, Space};
use ingest_core::time::Timestamp;
use ingest_source::{HostKind, Protocol};
use ingest_store::Holder;

/// Everything that is judged.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) now: Timestamp,
    pub(crate) settings: SettingsFacts,
    pub(crate) key: KeyFacts,
    /// `None` where `RAPID7_API_ENDPOINT` is none.
    pub(crate) endpoint: Option<EndpointFacts>,
    /// What the server answers, or why it was not asked.
    pub(crate) server: Result<ServerFacts, &'static str>,
    /// `None` where `OUTPUT_DIR` is none.
    pub(crate) folder: Option<FolderFacts>,
    /// The ledgers that can be read.
    pub(crate) logs: Vec<LogState>,
    pub(crate) machine: MachineFacts,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct SettingsFacts {
    /// What is wrong, a line each; no secret in it.
    pub(crate) faults: Vec<String>,
    /// Names in `.env` that are no setting.
    pub(crate) strangers: Vec<String>,
    pub(crate) debug: bool,
    /// What paces the requests; `None` where the settings cannot be used.
    pub(crate) pace: Option<Pace>,
    pub(crate) log_file: Option<LogFileFacts>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// `RATE_LIMIT`
    pub(crate) requests_per_minute: u32,
    /// Rows that a request brings at most.
    pub(crate) rows_per_request: u64,
    /// Whether downloads may be used.
    pub(crate) may_download: bool,
    /// `SETTLE_DELAY` in milliseconds.
    pub(crate) settle_ms: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct LogFileFacts {
    pub(crate) path: String,
    pub(crate) fault: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct KeyFacts {
    /// Where it is from.
    pub(crate) source: Option<String>,
    /// Why there is none that can be used.
    pub(crate) fault: Option<String>,
    /// Files that hold it, with their modes.
    pub(crate) files: Vec<(String, u32)>,
}

#[derive(Debug, Clone)]
pub(crate) struct EndpointFacts {
    pub(crate) host: String,
    pub(crate) kind: HostKind,
    pub(crate) plain_and_remote: bool,
    pub(crate) protocol: Protocol,
}

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A reply of this status.
    Status(u16),
    /// None, with the network's words.
    Silence(String),
    /// It was not sent.
    NotAsked,
}

impl Probe {
    pub(crate) const fn refused(&self) -> Option<u16> {
        match self {
            Self::Status(status @ (401 | 403)) => Some(*status),
            Self::Status(_) | Self::Silence(_) | Self::NotAsked => None,
        }
    }

    pub(crate) fn worked(&self) -> bool {
        matches!(self, Self::Status(status) if (200..300).contains(status))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct ServerFacts {
    /// The list of logs, or the probe of a CSV pages endpoint.
    pub(crate) list: Probe,
    /// A count of one minute, or a page.
    pub(crate) query: Probe,
    /// A download of one millisecond.
    pub(crate) download: Probe,
    /// Logs that are wanted; what is wrong with the list or the selection.
    pub(crate) logs: Result<usize, String>,
    /// The server's clock less ours, in milliseconds.
    pub(crate) ahead_ms: Option<i64>,
    pub(crate) quotas: Vec<(Class, QuotaHeaders)>,
}

#[derive(Debug, Clone)]
pub(crate) struct FolderFacts {
    pub(crate) path: String,
    pub(crate) exists: bool,
    pub(crate) mode: u32,
    pub(crate) owner: u32,
    /// Why nothing can be written there.
    pub(crate) fault: Option<String>,
    pub(crate) space: Option<Space>,
    pub(crate) min_free: MinFree,
    pub(crate) filesystem: Option<String>,
    /// Files of ours, and some whose mode gives others access.
    pub(crate) files: u64,
    pub(crate) loose: Vec<(String, u32)>,
    /// Files whose footers were read, and what is wrong with those that could not be.
    pub(crate) read: u64,
    pub(crate) damaged: Vec<String>,
    /// Windows that the ledgers count and whose files are not there.
    pub(crate) missing: u64,
    /// What wrote the oldest file.
    pub(crate) oldest_tool: Option<String>,
    pub(crate) damaged_ledgers: Vec<String>,
    /// Who works on it.
    pub(crate) lock: LockFacts,
    /// Reasons of records in the newest quarantine files.
    pub(crate) reasons: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct LockFacts {
    /// What the lock file says.
    pub(crate) holder: Option<Holder>,
    /// The process that the kernel says holds it.
    pub(crate) held_by: Option<u32>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct MachineFacts {
    /// The user that this is run by.
    pub(crate) user: Option<u32>,
    /// Resident memory of the process that holds the folder, in bytes.
    pub(crate) service_bytes: Option<u64>,
    /// What the service manager or container lets it have.
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) available_bytes: Option<u64>,
}
