//! The one table of settings: names, defaults, allowed values, meaning.
//!
//! Flags, the `config` command, the faults and the documentation are all made from it.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its environment variable.
    pub variable: &'static str,
    /// Its value when nothing is said; `None` where one must be given.
    pub default: Option<&'static str>,
    /// What is allowed, in words.
    pub allowed: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
}

impl Setting {
    /// The setting of this variable, if there is one.
    #[must_use]
    pub fn named(variable: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.variable == variable)
    }

    /// Its flag, without the dashes: `RATE_LIMIT` is `rate-limit`; `None` for a secret, which other users of the
    /// machine could read from the list of processes.
    #[must_use]
    pub fn flag(&self) -> Option<String> {
        (!self.secret).then(|| self.variable.to_lowercase().replace('_', "-"))
    }
}

/// A value as it may be shown: of a URL, neither user name and password nor parameters, since people put keys there.
pub(crate) fn shown(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let (place, parameters) = rest.split_once('?').map_or((rest, ""), |(place, _)| (place, "?(not shown)"));
    let (authority, path) =
        place.find('/').map_or((place, ""), |at| place.split_at_checked(at).unwrap_or((place, "")));
    let host = authority
        .rsplit_once('@')
        .map_or_else(|| authority.to_owned(), |(_, host)| format!("(not shown)@{host}"));
    format!("{scheme}://{host}{path}{parameters}")
}

const fn setting(
    variable: &'static str,
    default: Option<&'static str>,
    allowed: &'static str,
    help: &'static str,
) -> Setting {
    Setting { variable, default, allowed, help, secret: false }
}

/// All settings, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    Setting {
        variable: "RAPID7_API_KEY",
        default: None,
        allowed: "the key of an organisation or user, read-only is enough for queries",
        help: "API key",
        secret: true,
    },
    setting(
        "RAPID7_API_KEY_FILE",
        Some(""),
        "a file that holds the key and nothing else; none if empty",
        "Where the API key is read instead, and read again when it changes",
    ),
    setting(
        "RAPID7_API_ENDPOINT",
        None,
        "a URL such as https://eu.rest.logs.insight.rapid7.com",
        "Where the API is; a path that ends in a version, such as /v1, is a CSV pages endpoint",
    ),
    setting("OUTPUT_DIR", None, "a folder", "Where the Parquet files go"),
    setting("LOG_LEVEL", Some("INFO"), "DEBUG, INFO, WARNING or ERROR", "How much the service says"),
    setting("BATCH_SIZE", Some("1000"), "100 to 10000", "Rows a request (Log Search queries: at most 500)"),
    setting("RATE_LIMIT", Some("60"), "1 to 1000", "Requests a minute, on top of the server's own quotas"),
    setting(
        "RETRY_ATTEMPTS",
        Some("3"),
        "1 to 10",
        "How often a request is sent again after a fault that may pass",
    ),
    setting(
        "PARQUET_COMPRESSION",
        Some("snappy"),
        "snappy, gzip, brotli, zstd, lz4 or none",
        "How the Parquet files are compressed",
    ),
    setting(
        "PARQUET_ENCODINGS",
        Some("compact"),
        "compact or compat",
        "How values are laid out; compat keeps to encodings that readers from before 2023 know",
    ),
    setting(
        "RAPID7_API_PROTOCOL",
        Some("auto"),
        "auto, log-search or csv-pages",
        "What the endpoint speaks; auto tells it from the URL",
    ),
    setting(
        "RAPID7_LOGS",
        Some(""),
        "names, ids or patterns with * and ?, and set:NAME, separated by commas",
        "Which logs to pull; all that the key can see if empty",
    ),
    setting(
        "FETCH_MODE",
        Some("auto"),
        "auto, query or download",
        "Exact paged queries, bulk downloads, or queries as far as the quota carries them",
    ),
    setting(
        "LAYOUT",
        Some("hive"),
        "hive, date or flat",
        "Folders of the output: log=…/day=…, YYYY/MM/DD, or none",
    ),
    setting(
        "KEEP_RAW",
        Some("never"),
        "never or always",
        "Whether each row keeps its record as it came, in _raw",
    ),
    setting("WINDOW_ROWS", Some("1000000"), "1000 to 100000000", "Rows that one file should hold at most"),
    setting("PARALLEL_WINDOWS", Some("4"), "1 to 64", "Windows fetched at the same time"),
    setting(
        "SETTLE_DELAY",
        Some("5m"),
        "a time such as 90s, 5m or 1h",
        "How long events may take to become searchable; newer ones wait for the next pass",
    ),
    setting(
        "RECHECK_AFTER",
        Some("1h,24h"),
        "times such as 1h,24h, separated by commas, or never",
        "How long after its end a window is counted again; what grew or shrank since is fetched again",
    ),
    setting(
        "SHUTDOWN_GRACE",
        Some("30s"),
        "a time such as 90s, 5m or 1h",
        "How long a stop waits for windows in flight",
    ),
    setting(
        "MIN_FREE_DISK",
        Some("5%"),
        "a share of the disk from 1% to 99%, bytes such as 10GB or 500MiB, or 0 for no minimum",
        "What stays free of the disk of OUTPUT_DIR: below it no new window is begun",
    ),
    setting(
        "RETENTION_DAYS",
        Some("0"),
        "0 to 36500, 0 for ever",
        "How many whole days are kept; older ones are removed after each pass, never the newest of a log",
    ),
    setting(
        "RETENTION_MAX_BYTES",
        Some("0"),
        "bytes such as 500GB or 2TiB, 0 for no limit",
        "How much is kept; of what is more the oldest days are removed after each pass",
    ),
    setting(
        "ARCHIVE_TO",
        Some(""),
        "a folder apart from OUTPUT_DIR, or a bucket: s3://BUCKET/PREFIX, gs://…, az://…; none if empty",
        "Where old days move to, a day of each log after a pass, verified there before they are removed here",
    ),
    setting(
        "ARCHIVE_AFTER_DAYS",
        Some("30"),
        "1 to 36500",
        "After how many whole days a day moves to ARCHIVE_TO",
    ),
    setting(
        "COMPACT_AFTER_DAYS",
        Some("0"),
        "0 to 36500, 0 for never; not with LAYOUT=flat",
        "After how many whole days a day's small files become few large ones, a day of each log after a pass",
    ),
    setting(
        "METRICS_ADDR",
        Some("127.0.0.1:9464"),
        "an address such as 127.0.0.1:9464 or 0.0.0.0:9464, or off",
        "Where /metrics, /livez, /readyz and /status are served in continuous mode; in one-shot mode only if it is set",
    ),
    Setting {
        variable: "METRICS_TOKEN",
        default: Some(""),
        allowed: "16 or more characters without blanks; none if empty",
        help: "Bearer token that /metrics and /status ask for",
        secret: true,
    },
    setting(
        "METRICS_TEXTFILE",
        Some(""),
        "a file that ends in .prom, such as /var/lib/node_exporter/log-ingestion.prom; none if empty",
        "File that gets the metrics after each pass, for node_exporter's textfile collector",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        Some(""),
        "a URL such as http://127.0.0.1:4318; none if empty",
        "Collector that gets metrics and traces over OTLP/HTTP",
    ),
    Setting {
        variable: "OTEL_EXPORTER_OTLP_HEADERS",
        default: Some(""),
        allowed: "name=value, separated by commas, values percent-encoded, such as authorization=Bearer%20TOKEN; none if empty",
        help: "Headers that the collector gets with them",
        secret: true,
    },
    setting("ENVIRONMENT", Some("production"), "any word", "Named in every line of the service's log"),
    setting(
        "LOG_FORMAT",
        Some("auto"),
        "auto, json or text",
        "JSON lines, or lines for people; auto tells a terminal",
    ),
    setting(
        "LOG_FILE",
        Some(""),
        "a file, made where missing; none if empty",
        "Where run writes its log as JSON lines, in place of standard output; SIGHUP opens it anew",
    ),
    setting(
        "PINS_DIR",
        Some(""),
        "a folder of files LOG.json with format, envelope, delimiter, columns and types; none if empty",
        "Shapes and types of logs, fixed before their first window",
    ),
    setting(
        "RAPID7_SEED",
        Some("0"),
        "a whole number",
        "Seed of the delays between retries; 0 takes it from the clock",
    ),
];
