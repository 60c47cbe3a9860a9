//! The one table of metrics: every name, kind, label, unit and meaning.
//!
//! The registry, `docs/metrics.md` and the tests are made from it; no metric is named anywhere else. Names without a prefix
//! are those of the runbook. Never holds a value.

/// What a metric's value may do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grow, from 0 at the start of the process.
    Counter,
    /// Anything.
    Gauge,
    /// Counts of observations by size, with these upper bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Its name in the text format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    /// Whether its values only grow, and so may be carried over from one run to the next.
    #[must_use]
    pub const fn grows(self) -> bool {
        matches!(self, Self::Counter | Self::Histogram(_))
    }
}

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things, or a share.
    One,
    /// Seconds; instants are seconds since 1970.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// Its name; none where there is none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
        }
    }
}

/// What is fixed of a metric.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Its name.
    pub name: &'static str,
    /// What its value may do.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it is measured in.
    pub unit: Unit,
    /// What it says, in one sentence.
    pub help: &'static str,
}

/// Upper bounds of the duration of a request, in seconds: a first byte takes 0.5 to 3 s, an alert looks at 5 s, and the
/// transport gives up after 60 s of silence.
pub const API_CALL_BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0];

/// Values of `status` of [`Metric::ApiCalls`].
pub const STATUS_CLASSES: [&str; 3] = ["200", "4xx", "5xx"];
/// Values of `status` of [`Metric::ApiRefused`].
pub const REFUSALS: [&str; 2] = ["401", "403"];
/// Values of `by` of [`Metric::FilesRemoved`] and [`Metric::UpkeepFailures`]: what looks after stored days.
pub const UPKEEP: [&str; 3] = ["retain", "archive", "compact"];
/// Value of `log` that stands for all logs beyond [`LOGS_SHOWN_MAX`].
pub const OTHER_LOGS: &str = "_other";
/// Logs that have series of their own. A log takes eight series, so that this bounds a scrape to about 4,000 of them, half a
/// megabyte; those beyond are folded into one.
pub const LOGS_SHOWN_MAX: usize = 500;

/// Prefix of what every Prometheus client says of its process.
pub(super) const OF_THE_PROCESS: &str = "process_";

macro_rules! metrics {
    ($($metric:ident: $name:literal, $kind:expr, [$($label:literal),*], $unit:ident, $help:literal;)*) => {
        /// A metric of this program.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $help] $metric,)*
        }

        impl Metric {
            /// All of them, in the order in which they are documented.
            pub const ALL: &'static [Self] = &[$(Self::$metric,)*];

            /// What is fixed of it.
            #[must_use]
            pub const fn facts(self) -> Facts {
                match self {
                    $(Self::$metric => Facts {
                        name: $name,
                        kind: $kind,
                        labels: &[$($label),*],
                        unit: Unit::$unit,
                        help: $help,
                    },)*
                }
            }
        }
    };
}

use Kind::{Counter, Gauge, Histogram};

metrics! {
    ApiCalls: "api_calls_total", Counter, ["status"], One,
        "Replies of the API by class of status: every 2xx counts as 200, a redirect, which is refused, as 4xx.";
    ApiCallDuration: "api_call_duration_seconds", Histogram(API_CALL_BUCKETS), [], Seconds,
        "Time from sending a request to the head of its reply.";
    LogsFetched: "logs_fetched_total", Counter, [], One,
        "Events fetched in windows that were completed: rows stored and records quarantined.";
    ParseErrors: "parse_errors_total", Counter, [], One,
        "Records quarantined, since no row could be made of them.";
    FilesWritten: "parquet_files_written_total", Counter, [], One,
        "Parquet files committed.";
    DiskUsage: "disk_usage_bytes", Gauge, [], Bytes,
        "Bytes of all files below OUTPUT_DIR, from a walk every ten minutes and what was committed since.";

    BuildInfo: "log_ingestion_build_info", Gauge, ["version"], One,
        "1, with the program's version.";
    Continuous: "log_ingestion_continuous", Gauge, [], One,
        "1 in continuous mode, 0 in a one-shot run.";
    ApiRefused: "log_ingestion_api_refused_total", Counter, ["status"], One,
        "Replies with status 401 or 403: the key is refused.";
    ApiRateLimited: "log_ingestion_api_rate_limited_total", Counter, ["class"], One,
        "Replies with status 429, by class of request.";
    ApiRetries: "log_ingestion_api_retries_total", Counter, ["class"], One,
        "Requests sent again after a fault that may pass.";
    ApiFailures: "log_ingestion_api_failures_total", Counter, ["reason"], One,
        "Requests without a whole reply: no connection, a timeout, a connection that broke, or another reason.";
    QuotaRemaining: "log_ingestion_quota_remaining", Gauge, ["class"], One,
        "Requests that the server still allows in its current window, for classes in use that have a quota.";
    QuotaWait: "log_ingestion_quota_wait_seconds_total", Counter, ["class"], Seconds,
        "Time that requests were held back by quotas, RATE_LIMIT and 429s, summed over requests.";
    CircuitOpen: "log_ingestion_circuit_open", Gauge, ["class"], One,
        "1 while requests of a class are not sent, since too many failed in a row.";
    ReceivedBytes: "log_ingestion_received_bytes_total", Counter, [], Bytes,
        "Bytes of the bodies of replies, decompressed.";
    RecordBytes: "log_ingestion_record_bytes_total", Counter, [], Bytes,
        "Bytes of the text of records in windows that were completed.";
    WrittenBytes: "log_ingestion_written_bytes_total", Counter, [], Bytes,
        "Bytes of committed Parquet files.";
    CompressionRatio: "log_ingestion_compression_ratio", Gauge, [], One,
        "Bytes of records by bytes of the files made of them, since the start; 0 before the first file.";
    RowsStored: "log_ingestion_rows_stored_total", Counter, ["log"], One,
        "Rows in committed files.";
    RowsQuarantined: "log_ingestion_rows_quarantined_total", Counter, ["reason"], One,
        "Records quarantined, by reason.";
    Lag: "log_ingestion_lag_seconds", Gauge, ["log"], Seconds,
        "Time since the instant up to which nothing of a log is missing.";
    WindowsOpen: "log_ingestion_windows_open", Gauge, ["log"], One,
        "Windows that failed or were opened again and are not complete since.";
    WindowsShort: "log_ingestion_windows_short", Gauge, ["log"], One,
        "Of the open windows, those where the server's count and what came or is stored disagree.";
    WindowsCompleted: "log_ingestion_windows_completed_total", Counter, ["log"], One,
        "Windows completed, those without events included.";
    WindowsBeyond: "log_ingestion_windows_beyond_retention", Gauge, ["log"], One,
        "Spans that the source no longer had when they were asked for: these events are lost.";
    WindowsReopened: "log_ingestion_windows_reopened_total", Counter, [], One,
        "Complete windows that were opened again, since the server counts them otherwise or their file is gone.";
    RetentionLeft: "log_ingestion_retention_left_seconds", Gauge, ["log"], Seconds,
        "Time until the source drops the oldest instant that is missing; absent where nothing is missing or the source names no time.";
    LosesDataIn: "log_ingestion_loses_data_in_seconds", Gauge, ["log"], Seconds,
        "The same at the pace at which the oldest missing instant moves on; absent where that keeps ahead.";
    LastPass: "log_ingestion_last_pass_timestamp_seconds", Gauge, [], Seconds,
        "When the last pass ended, however it ended.";
    LastSuccess: "log_ingestion_last_success_timestamp_seconds", Gauge, [], Seconds,
        "When the last pass ended that left nothing open.";
    LastPassDuration: "log_ingestion_last_pass_duration_seconds", Gauge, [], Seconds,
        "How long the last pass took.";
    DiskFree: "log_ingestion_disk_free_bytes", Gauge, [], Bytes,
        "Bytes that this program may still write to the filesystem of OUTPUT_DIR.";
    DiskSize: "log_ingestion_disk_size_bytes", Gauge, [], Bytes,
        "Size of the filesystem of OUTPUT_DIR.";
    FilesRemoved: "log_ingestion_files_removed_total", Counter, ["by"], One,
        "Files that a run removed on purpose, of compaction those that became fewer; what the commands retain, archive and compact do is not seen by it.";
    UpkeepFailures: "log_ingestion_upkeep_failures_total", Counter, ["by"], One,
        "Times that removing, archiving or compacting stored days failed in a run; logs are pulled meanwhile, and it is tried again.";
    LogsNotShown: "log_ingestion_logs_not_shown", Gauge, [], One,
        "Logs beyond the first 500, which have no series of their own and are folded into log=\"_other\".";

    ResidentMemory: "process_resident_memory_bytes", Gauge, [], Bytes,
        "Memory of the process that is in RAM.";
    CpuSeconds: "process_cpu_seconds_total", Counter, [], Seconds,
        "Processor time of the process, user and system.";
    StartTime: "process_start_time_seconds", Gauge, [], Seconds,
        "When the process started.";
    OpenFds: "process_open_fds", Gauge, [], One,
        "Files and sockets that the process holds open.";
}
