//! What the written values mean: each parsed once, every fault kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ingest_core::catalog::Selector;
use ingest_core::plan::FetchMode;
use ingest_core::space::MinFree;
use ingest_source::transport::ApiKey;
use ingest_source::{Endpoint, Protocol};
use ingest_store::layout::Layout;
use ingest_tabular::{Codec, Encodings};

use super::keeping;
use super::key::FoundKey;
use super::layers::Layers;
use super::observing::{self, Observing};
use super::pins::Pins;
use super::place::StoreVariables;
use super::table::{Setting, shown};
use super::{Fault, LogFormat, LogLevel, LogSettings, Settings, SettingsError, UpkeepSettings};

/// Reads values and gathers what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    /// The value of a variable as `read` understands it; a fault where it does not, or where there is none.
    pub(super) fn take<T>(&mut self, variable: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let setting = Setting::named(variable)?;
        let Some((value, origin)) = self.layers.get(setting) else {
            self.fault(setting, "it is not set".to_owned());
            return None;
        };
        let understood = read(value);
        if understood.is_none() {
            let shown = if setting.secret {
                "a value that cannot be used".to_owned()
            } else {
                format!("{:?}", shown(value))
            };
            self.fault(setting, format!("{shown} was given ({})", origin.name()));
        }
        understood
    }

    /// What the layers say of object stores.
    pub(super) fn store_variables(&self) -> StoreVariables {
        self.layers.store_variables()
    }

    /// A fault of a value that is understood and cannot be used.
    pub(super) fn refuse(&mut self, variable: &str, given: String) {
        if let Some(setting) = Setting::named(variable) {
            self.fault(setting, given);
        }
    }

    fn fault(&mut self, setting: &Setting, given: String) {
        let allowed = format!("allowed: {}", setting.allowed);
        self.faults.push(Fault { variable: setting.variable.to_owned(), given, allowed });
    }

    /// A whole number in a range, both ends included.
    pub(super) fn number(&mut self, variable: &str, from: u64, to: u64) -> Option<u64> {
        self.take(variable, |text| text.parse().ok().filter(|n| (from..=to).contains(n)))
    }

    /// The pins of `PINS_DIR`; a fault for each of its files that is none.
    fn pins(&mut self) -> Option<Pins> {
        let folder = self.take("PINS_DIR", folder)?;
        if folder.as_os_str().is_empty() {
            return Some(Pins::default());
        }
        let loaded = Pins::load(&folder);
        loaded.map_err(|faults| faults.into_iter().for_each(|given| self.refuse("PINS_DIR", given))).ok()
    }

    /// The key that is in force; its faults where there is none.
    fn key(&mut self) -> Option<ApiKey> {
        let found = FoundKey::find(self.layers);
        found.map_err(|SettingsError(faults)| self.faults.extend(faults)).ok().map(|found| found.key)
    }

    fn choice<T: Copy>(&mut self, variable: &str, choices: &[(&str, T)]) -> Option<T> {
        self.take(variable, |text| pick(text, choices))
    }
}

fn pick<T: Copy>(text: &str, choices: &[(&str, T)]) -> Option<T> {
    choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, value)| *value)
}

const LEVELS: [(&str, LogLevel); 5] = [
    ("DEBUG", LogLevel::Debug),
    ("INFO", LogLevel::Info),
    ("WARNING", LogLevel::Warning),
    ("WARN", LogLevel::Warning),
    ("ERROR", LogLevel::Error),
];
const FORMATS: [(&str, LogFormat); 3] =
    [("auto", LogFormat::Auto), ("json", LogFormat::Json), ("text", LogFormat::Text)];
const CODECS: [(&str, Codec); 6] = [
    ("snappy", Codec::Snappy),
    ("gzip", Codec::Gzip),
    ("brotli", Codec::Brotli),
    ("zstd", Codec::Zstd),
    ("lz4", Codec::Lz4),
    ("none", Codec::None),
];

pub(super) fn settings(layers: &Layers) -> Result<Settings, SettingsError> {
    let mut reader = Reader { layers, faults: layers.misspelt() };
    let settings = read(&mut reader);
    match settings {
        Some(settings) if reader.faults.is_empty() => Ok(settings),
        _ => Err(SettingsError(reader.faults)),
    }
}

/// Reads every setting before any is found missing, so that all faults are known.
fn read(r: &mut Reader<'_>) -> Option<Settings> {
    let api_key = r.key();
    let endpoint = r.take("RAPID7_API_ENDPOINT", |text| Endpoint::parse(text).ok());
    let output_dir = r.take("OUTPUT_DIR", folder);
    let log = read_log(r);
    let batch_size = r.number("BATCH_SIZE", 100, 10_000);
    let rate_limit = r.number("RATE_LIMIT", 1, 1_000);
    let retry_attempts = r.number("RETRY_ATTEMPTS", 1, 10);
    let codec = r.choice("PARQUET_COMPRESSION", &CODECS);
    let protocols =
        [("auto", None), ("log-search", Some(Protocol::LogSearch)), ("csv-pages", Some(Protocol::CsvPages))];
    let protocol = r.choice("RAPID7_API_PROTOCOL", &protocols);
    let logs = r.take("RAPID7_LOGS", |text| Some(Selector::parse_list(text)));
    let modes = [("auto", FetchMode::Auto), ("query", FetchMode::Query), ("download", FetchMode::Download)];
    let fetch_mode = r.choice("FETCH_MODE", &modes);
    let layout =
        r.choice("LAYOUT", &[("hive", Layout::Hive), ("date", Layout::Date), ("flat", Layout::Flat)]);
    let encodings = [("compact", Encodings::Compact), ("compat", Encodings::Compat)];
    let encodings = r.choice("PARQUET_ENCODINGS", &encodings);
    let keep_raw = r.choice("KEEP_RAW", &[("never", false), ("always", true)]);
    let window_rows = r.number("WINDOW_ROWS", 1_000, 100_000_000);
    let parallel_windows = r.number("PARALLEL_WINDOWS", 1, 64);
    let settle_delay = r.take("SETTLE_DELAY", duration);
    let recheck_after = r.take("RECHECK_AFTER", ages);
    let shutdown_grace = r.take("SHUTDOWN_GRACE", duration);
    let min_free_disk = r.take("MIN_FREE_DISK", min_free);
    let keeping = keeping::read(r, output_dir.as_deref(), layout);
    let pins = r.pins();
    let observing = observing::read(r);
    let seed = r.number("RAPID7_SEED", 0, u64::MAX);
    let endpoint = endpoint?;
    Some(Settings {
        api_key: api_key?,
        protocol: protocol?.unwrap_or_else(|| endpoint.protocol()),
        endpoint,
        logs: logs?,
        output_dir: output_dir?,
        layout: layout?,
        codec: codec?,
        encodings: encodings?,
        keep_raw: keep_raw?,
        fetch_mode: fetch_mode?,
        batch_size: u32::try_from(batch_size?).ok()?,
        rate_limit: u32::try_from(rate_limit?).ok()?,
        retry_attempts: u32::try_from(retry_attempts?).ok()?,
        window_rows: window_rows?,
        parallel_windows: usize::try_from(parallel_windows?).ok()?,
        settle_delay: settle_delay?,
        recheck_after: recheck_after?,
        shutdown_grace: shutdown_grace?,
        min_free_disk: min_free_disk?,
        keeping: keeping?,
        pins: Arc::new(pins?),
        observing: observing?,
        seed: seed.filter(|seed| *seed != 0),
        log: log?,
    })
}

pub(super) fn output_dir(layers: &Layers) -> Result<PathBuf, SettingsError> {
    let mut reader = Reader { layers, faults: Vec::new() };
    let folder = reader.take("OUTPUT_DIR", folder);
    folder.ok_or(SettingsError(reader.faults))
}

pub(super) fn upkeep(layers: &Layers) -> Result<UpkeepSettings, SettingsError> {
    let mut reader = Reader { layers, faults: Vec::new() };
    let output_dir = reader.take("OUTPUT_DIR", folder);
    let retention = keeping::retention(&mut reader);
    let window_rows = reader.number("WINDOW_ROWS", 1_000, 100_000_000);
    match (output_dir, retention, window_rows) {
        (Some(output_dir), Some(retention), Some(window_rows)) => {
            Ok(UpkeepSettings { output_dir, retention, window_rows })
        }
        _ => Err(SettingsError(reader.faults)),
    }
}

pub(super) fn observing(layers: &Layers) -> Result<Observing, SettingsError> {
    let mut reader = Reader { layers, faults: Vec::new() };
    let observing = observing::read(&mut reader);
    observing.ok_or(SettingsError(reader.faults))
}

pub(super) fn log_settings(layers: &Layers) -> LogSettings {
    let mut reader = Reader { layers, faults: Vec::new() };
    let file = reader.take("LOG_FILE", folder).and_then(named);
    let environment = "production".to_owned();
    let fallback = LogSettings { level: LogLevel::Info, format: LogFormat::Auto, environment, file };
    read_log(&mut reader).unwrap_or(fallback)
}

fn read_log(r: &mut Reader<'_>) -> Option<LogSettings> {
    let level = r.choice("LOG_LEVEL", &LEVELS);
    let format = r.choice("LOG_FORMAT", &FORMATS);
    let environment = r.take("ENVIRONMENT", |text| Some(text.to_owned()));
    let file = r.take("LOG_FILE", folder);
    Some(LogSettings { level: level?, format: format?, environment: environment?, file: named(file?) })
}

/// A path, unless none was given.
fn named(path: PathBuf) -> Option<PathBuf> {
    (!path.as_os_str().is_empty()).then_some(path)
}

fn folder(text: &str) -> Option<PathBuf> {
    // A bucket's URL would otherwise become a folder named "s3:".
    (!text.contains("://") && !text.contains('\0')).then(|| PathBuf::from(text))
}

/// Reads `90s`, `5m`, `2h`, `1d`, `250ms`; a plain number is seconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "ms" => return Some(Duration::from_millis(number)),
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// Units of bytes.
const BYTE_UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Reads `10GB`, `500MiB`, `1024`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let number: u64 = number.parse().ok()?;
    if unit.trim().is_empty() { Some(number) } else { number.checked_mul(pick(unit.trim(), &BYTE_UNITS)?) }
}

/// Reads `5%`, `10GB`, `500MiB`, `1024`; `0` in any of them is no minimum.
fn min_free(text: &str) -> Option<MinFree> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let (number, unit): (u64, &str) = (number.parse().ok()?, unit.trim());
    let minimum = match unit {
        "%" => MinFree::Percent(u8::try_from(number).ok().filter(|percent| *percent < 100)?),
        "" => MinFree::Bytes(number),
        _ => MinFree::Bytes(number.checked_mul(pick(unit, &BYTE_UNITS)?)?),
    };
    Some(if number == 0 { MinFree::Nothing } else { minimum })
}

/// Reads `1h,24h`, ascending afterwards; `never` is none.
fn ages(text: &str) -> Option<Vec<Duration>> {
    if text.eq_ignore_ascii_case("never") {
        return Some(Vec::new());
    }
    let mut ages: Vec<Duration> = text.split(',').map(|age| duration(age.trim())).collect::<Option<_>>()?;
    ages.sort_unstable();
    ages.dedup();
    Some(ages)
}

/// Reads a codec's name.
pub(crate) fn codec(text: &str) -> Option<Codec> {
    pick(text, &CODECS)
}
