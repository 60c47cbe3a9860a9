//! `bench`: what this machine does with generated logs, against what the runbook expects of it.
//!
//! Takes every log the way that `convert` takes a file, and judges figures as they are printed. Decides nothing about
//! logs; leaves nothing behind.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ingest_tabular::Overrides;
use serde_json::{Value, json};

use super::convert::{ConvertError, Job, convert};
use super::input::Input;
use super::print;
use crate::cli::{BenchArgs, WritingArgs};
use crate::exit::{CommandError, Exit};
use crate::memory;
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};
use generate::Kind;

mod generate;

/// What the runbook expects: entries a second, megabytes, percent.
const PARSE_RATE: Expected = Expected::Above(10_000);
const WRITE_RATE: Expected = Expected::Above(5_000);
const PEAK_MB: Expected = Expected::Below(500);
const SMALLER_PERCENT: Expected = Expected::Above(70);
const BYTES_PER_MB: u64 = 1_000_000;

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("failed to make {0} for the generated logs")]
    Folder(PathBuf, #[source] std::io::Error),
    #[error("failed to generate {0}")]
    Generate(PathBuf, #[source] std::io::Error),
    #[error(transparent)]
    Convert(#[from] ConvertError),
    #[error("{0} events of {1} were generated, but {2} rows came of them")]
    Lost(u64, &'static str, u64),
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Above(u64),
    Below(u64),
}

/// A figure in tenths of its unit, and what it should be.
#[derive(Debug, Clone, Copy)]
struct Figure {
    tenths: i64,
    expected: Expected,
}

/// What came of one shape.
#[derive(Debug)]
struct Measured {
    kind: Kind,
    entries: u64,
    text_bytes: u64,
    file_bytes: u64,
    parse: Figure,
    write: Figure,
    /// None where the system does not say.
    peak: Option<Figure>,
    smaller: Figure,
}

/// A folder that goes away with whatever it holds.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(event = "error", error = %error, folder = %self.0.display());
        }
    }
}

pub(crate) fn run(surroundings: &Surroundings, args: &BenchArgs) -> Result<Exit, CommandError> {
    let failed = |error: BenchError| CommandError::failed(Exit::Failed, &error);
    let name = format!("log-ingestion-bench-{:016x}", surroundings.seed);
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).map_err(|error| failed(BenchError::Folder(folder.clone(), error)))?;
    let scratch = Scratch(folder);
    let mut all = Vec::new();
    for kind in Kind::ALL {
        surroundings.progress.say(&format!("{}: {} events", kind.name(), grouped(args.events)));
        let measured = measure(surroundings, args, &scratch.0, kind).map_err(failed)?;
        if args.json {
            print(&format!("{}\n", as_json(&measured)))?;
        }
        all.push(measured);
    }
    surroundings.progress.clear();
    if !args.json {
        print(&as_text(&all))?;
    }
    let met = all.iter().all(|measured| measured.missed().is_empty());
    Ok(if met { Exit::Done } else { Exit::Failed })
}

fn measure(
    surroundings: &Surroundings,
    args: &BenchArgs,
    folder: &Path,
    kind: Kind,
) -> Result<Measured, BenchError> {
    let path = folder.join(kind.name());
    let text_bytes =
        generate(kind, args, &path).map_err(|error| BenchError::Generate(path.clone(), error))?;
    let overrides = Overrides::default();
    let now = || surroundings.clock.now().millis();

    let start = now();
    let input = Input::of(&path, folder).map_err(ConvertError::from)?;
    let parsed = input.settle(&overrides, false).map_err(ConvertError::from)?.observed.rows;
    let parse_ms = now().saturating_sub(start);

    let writing = WritingArgs { output: folder.to_owned(), compression: args.compression, compat: false };
    let threads = usize::from(args.threads);
    let start = now();
    let job = Job { input: &path, stem: kind.name(), writing: &writing, overrides: &overrides, threads };
    let converted = convert(&job)?;
    let write_ms = now().saturating_sub(start);

    for rows in [parsed, converted.rows] {
        if rows != args.events {
            return Err(BenchError::Lost(args.events, kind.name(), rows));
        }
    }
    drop(std::fs::remove_file(&path)); // The folder goes anyway; a small disk is glad now.
    Ok(Measured {
        kind,
        entries: args.events,
        text_bytes,
        file_bytes: converted.bytes,
        parse: Figure { tenths: rate(args.events, parse_ms), expected: PARSE_RATE },
        write: Figure { tenths: rate(args.events, write_ms), expected: WRITE_RATE },
        peak: peak_bytes().map(|bytes| Figure { tenths: tenths_of_mb(bytes), expected: PEAK_MB }),
        smaller: Figure { tenths: smaller(text_bytes, converted.bytes), expected: SMALLER_PERCENT },
    })
}

fn generate(kind: Kind, args: &BenchArgs, path: &Path) -> std::io::Result<u64> {
    let mut file = BufWriter::new(File::create_new(path)?);
    let bytes = generate::write(kind, args.events, args.seed, &mut file)?;
    file.flush()?;
    Ok(bytes)
}

/// Tenths of entries a second. The clock has milliseconds, so that less than one is one.
fn rate(entries: u64, ms: i64) -> i64 {
    let ms = u64::try_from(ms).unwrap_or(0).max(1);
    signed(entries.saturating_mul(10_000) / ms)
}

/// Tenths of a percent by which a file is smaller than its text; below 0 where it is larger.
fn smaller(text: u64, file: u64) -> i64 {
    1_000 - signed(file.saturating_mul(1_000).div_ceil(text.max(1)))
}

fn tenths_of_mb(bytes: u64) -> i64 {
    signed(bytes.saturating_mul(10).div_ceil(BYTES_PER_MB))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The most memory that this process had so far.
fn peak_bytes() -> Option<u64> {
    memory::figure("/proc/self/status", "VmHWM:")
}

impl Expected {
    fn is_met_by(self, tenths: i64) -> bool {
        match self {
            Self::Above(bound) => tenths > signed(bound.saturating_mul(10)),
            Self::Below(bound) => tenths < signed(bound.saturating_mul(10)),
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Above(bound) => write!(f, "> {}", grouped(*bound)),
            Self::Below(bound) => write!(f, "< {}", grouped(*bound)),
        }
    }
}

impl Figure {
    fn is_met(self) -> bool {
        self.expected.is_met_by(self.tenths)
    }

    fn whole(self) -> String {
        grouped((self.tenths / 10).unsigned_abs())
    }

    fn with_tenth(self) -> String {
        tenths_text(self.tenths)
    }

    fn json(self) -> Value {
        json!({"value": number(self.tenths), "expected": self.expected.to_string(), "met": self.is_met()})
    }
}

fn tenths_text(tenths: i64) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    format!("{sign}{}.{}", grouped(tenths / 10), tenths % 10)
}

/// Tenths as a JSON number.
fn number(tenths: i64) -> Value {
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    serde_json::from_str(&format!("{sign}{}.{}", tenths / 10, tenths % 10)).unwrap_or(Value::Null)
}

impl Measured {
    /// Figures that are not as expected, by name.
    fn missed(&self) -> Vec<&'static str> {
        let figures = [
            ("parse rate", Some(self.parse)),
            ("write rate", Some(self.write)),
            ("memory", self.peak),
            ("compression", Some(self.smaller)),
        ];
        let missed = figures.into_iter().filter(|(_, figure)| figure.is_some_and(|figure| !figure.is_met()));
        missed.map(|(name, _)| name).collect()
    }
}

fn as_text(all: &[Measured]) -> String {
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|measured| {
            let missed = measured.missed();
            vec![
                measured.kind.name().to_owned(),
                grouped(measured.entries),
                tenths_text(tenths_of_mb(measured.text_bytes)),
                measured.parse.whole(),
                measured.write.whole(),
                measured.peak.map_or_else(|| "-".to_owned(), Figure::with_tenth),
                measured.smaller.with_tenth(),
                if missed.is_empty() { "met".to_owned() } else { format!("missed: {}", missed.join(", ")) },
            ]
        })
        .collect();
    let names = [
        format!("parse/s ({PARSE_RATE})"),
        format!("write/s ({WRITE_RATE})"),
        format!("peak MB ({PEAK_MB})"),
        format!("smaller % ({SMALLER_PERCENT})"),
    ];
    let mut columns = vec![("log", Align::Left), ("entries", Align::Right), ("MB", Align::Right)];
    columns.extend(names.iter().map(|name| (name.as_str(), Align::Right)));
    columns.push(("expectations", Align::Left));
    table(&columns, &rows)
}

fn as_json(measured: &Measured) -> Value {
    json!({
        "log": measured.kind.name(),
        "entries": measured.entries,
        "text_bytes": measured.text_bytes,
        "file_bytes": measured.file_bytes,
        "parse_per_second": measured.parse.json(),
        "write_per_second": measured.write.json(),
        "peak_mb": measured.peak.map(Figure::json),
        "smaller_percent": measured.smaller.json(),
        "met": measured.missed().is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_judged_as_they_are_printed() {
        for (tenths, text, met) in [(700, "70.0", false), (701, "70.1", true), (-5, "-0.5", false)] {
            let figure = Figure { tenths, expected: SMALLER_PERCENT };
            assert_eq!((figure.with_tenth().as_str(), figure.is_met()), (text, met));
            assert_eq!(number(tenths).to_string(), text);
        }
        assert_eq!((smaller(1_000, 300), smaller(1_000, 1_200), smaller(0, 0)), (700, -200, 1_000));
        assert!(
            PEAK_MB.is_met_by(tenths_of_mb(499_900_000)) && !PEAK_MB.is_met_by(tenths_of_mb(499_900_001))
        );
        assert_eq!(rate(20_000, 0), 200_000_000);
    }
}
