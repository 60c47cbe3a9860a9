//! `demo`: the main job against a simulated account on this machine, from nothing to rows in Parquet.
//!
//! Starts the simulator on loopback, ingests from it exactly as `run` would, and says how to read the result. Two
//! faults are planted on the way: a 429 and a download that is cut.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ingest_core::time::{MS_PER_HOUR, Timestamp};
use rapid7_sim::{FaultName, Faults, Kind, LogSource, LogSpec, SimConfig, Trigger};
use tokio_util::sync::CancellationToken;

use super::print;
use super::summary::summary;
use crate::cli::DemoArgs;
use crate::exit::{CommandError, Exit};
use crate::ingest::{Coverage, Ingest, PassReport};
use crate::settings::{Layers, Settings};
use crate::surroundings::Surroundings;
use crate::table_text::grouped;

/// Requests a minute that the demo allows itself: its server is on this machine.
const DEMO_RATE: &str = "1000";
/// Rows of a demo file, so that each log becomes several.
const DEMO_WINDOW_ROWS: &str = "20000";
/// Seconds that the planted 429 asks to wait.
const DEMO_RETRY_AFTER: u32 = 1;
/// How long before now the simulated events end, in milliseconds: all of them are settled.
const DEMO_END_MS: i64 = 10 * 60_000;
/// Log time that the simulated events cover, in milliseconds.
const DEMO_SPAN_MS: i64 = 6 * MS_PER_HOUR;
/// Log time that the demo looks back, in milliseconds; the simulated events lie within.
const DEMO_SINCE_MS: i64 = 24 * 3_600_000;

pub(crate) async fn run(surroundings: &Surroundings, args: &DemoArgs) -> Result<Exit, CommandError> {
    let mut config = SimConfig {
        seed: args.seed,
        faults: faults(),
        to_ms: Some(end(surroundings.clock.now()).millis()),
        span_ms: DEMO_SPAN_MS,
        ..SimConfig::default()
    };
    config.logs = match &args.data {
        Some(folder) => file_logs(folder)?,
        None => generated_logs(args.events),
    };
    let key = config.api_key.clone();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = rapid7_sim::serve(config, address)
        .await
        .map_err(|error| CommandError::failed(Exit::Failed, &error))?;
    let settings = Settings::resolve(&layers(surroundings, &server.origin(), &key))?;
    let output = settings.output_dir.clone();
    surroundings.progress.say(&format!(
        "A simulated account at {}, ingested into {}\n",
        server.origin(),
        output.display()
    ));

    let ingest = Ingest::open(settings, &surroundings.outside()?)?;
    let first_start = surroundings.clock.now().plus_millis(-DEMO_SINCE_MS);
    let report = ingest.pass(Coverage::Tail { first_start }, &CancellationToken::new()).await?;
    let stats = server.account().lock().unwrap_or_else(std::sync::PoisonError::into_inner).stats();
    server.shutdown().await;
    surroundings.progress.clear();

    let fired = |name: FaultName| stats.fired(name.name());
    let mut text = summary(&report);
    text.push_str(&format!(
        "\n{}. On the way: {} answered with 429, {} cut.\n",
        verdict(&report),
        plural(fired(FaultName::Retry429), "request"),
        plural(fired(FaultName::DownloadCut), "download"),
    ));
    text.push_str(&how_to_read(&output, report.logs.first().map_or("", |log| &log.name)));
    print(&text)?;
    Ok(report.exit())
}

/// Where the simulated events end: they lie within one UTC day, so that the demo shows the same whatever the hour.
fn end(now: Timestamp) -> Timestamp {
    let settled = now.plus_millis(-DEMO_END_MS);
    let midnight = settled.day().start();
    let into_the_day = settled.millis().saturating_sub(midnight.millis());
    if into_the_day < DEMO_SPAN_MS { midnight } else { settled }
}

/// What the run amounts to, from its own figures.
fn verdict(report: &PassReport) -> String {
    let events: u64 = report.logs.iter().map(|log| log.tally.fetched).sum();
    let open: u64 = report.logs.iter().map(|log| log.open).sum();
    let proven = report.logs.iter().all(|log| log.tally.conserves() && log.tally.counted.is_some());
    let seconds = report.duration.as_secs_f64();
    let events = format!("{} events in {seconds:.1} s", grouped(events));
    match (open, proven) {
        (0, true) => {
            format!("{events}: stored + quarantined = fetched = what the server counts, in every log")
        }
        (0, false) => format!("{events}, but the figures do not add up"),
        _ => format!("{events}; {} open", plural(open, "window")),
    }
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn faults() -> Faults {
    let mut faults = Faults::default()
        .with(FaultName::Retry429, Trigger::at([4]).at_most(1))
        .with(FaultName::DownloadCut, Trigger::at([1]).at_most(1));
    faults.retry_after_s = DEMO_RETRY_AFTER;
    faults
}

fn generated_logs(events: u64) -> Vec<LogSpec> {
    let share = |percent: u64| events.saturating_mul(percent) / 100;
    vec![
        LogSpec::generated("Firewall Activity", Kind::Csv, share(40)).in_logset("Network"),
        LogSpec::generated("Asset Authentication", Kind::Json, share(25)).in_logset("Identity"),
        LogSpec::generated("Billing Service", Kind::Syslog, share(20)).in_logset("Applications"),
        LogSpec::generated("Web Access", Kind::Access, share(15)).in_logset("Applications"),
    ]
}

/// A log for each file of a folder, hidden files and notes left out.
fn file_logs(folder: &Path) -> Result<Vec<LogSpec>, CommandError> {
    let unreadable = |error: std::io::Error| {
        CommandError::Failed(
            Exit::Usage,
            format!("--data {} cannot be read: {error}; name a folder of log files", folder.display()),
        )
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>().map_err(unreadable)?;
    paths.retain(|path| path.is_file() && !is_note(path));
    paths.sort();
    if paths.is_empty() {
        return Err(CommandError::Failed(
            Exit::Usage,
            format!("--data {} holds no file; put log files into it", folder.display()),
        ));
    }
    Ok(paths.into_iter().map(|path| LogSpec::new(log_name(&path), LogSource::File(path))).collect())
}

fn is_note(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.starts_with('.') || name.ends_with(".md")
}

fn log_name(path: &Path) -> String {
    path.file_stem().map_or_else(|| "log".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The settings of a demo: what was given as a flag, and the simulator in place of the account.
fn layers(surroundings: &Surroundings, origin: &str, key: &str) -> Layers {
    let stamp = surroundings.clock.now().compact();
    let mut flags: BTreeMap<String, String> = [
        ("OUTPUT_DIR", format!("data/demo-{stamp}")),
        ("RATE_LIMIT", DEMO_RATE.to_owned()),
        ("WINDOW_ROWS", DEMO_WINDOW_ROWS.to_owned()),
        // A look at the program must not wait for room that a few megabytes do not need.
        ("MIN_FREE_DISK", "0".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    flags.extend(surroundings.layers.flags.clone());
    flags.insert("RAPID7_API_KEY".to_owned(), key.to_owned());
    flags.insert("RAPID7_API_ENDPOINT".to_owned(), origin.to_owned());
    Layers { flags, ..Layers::default() }
}

fn how_to_read(output: &Path, log: &str) -> String {
    let folder = std::fs::read_dir(output).ok().and_then(|entries| {
        let mut names: Vec<String> = entries
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|n| n.starts_with("log="))
            .collect();
        names.sort();
        let plain = ingest_core::ids::Slug::of(log, &ingest_core::ids::LogId::new(""));
        let wanted =
            plain.as_str().rsplit_once('-').map(|(name, _)| format!("log={name}-")).unwrap_or_default();
        let at = names.iter().position(|name| name.starts_with(&wanted)).unwrap_or(0);
        names.into_iter().nth(at)
    });
    let Some(folder) = folder else {
        return String::new();
    };
    let log = output.join(folder);
    let log = log.display();
    format!(
        "\nRead it:\n  duckdb  -c \"SELECT * FROM read_parquet('{log}/day=*/*.parquet') ORDER BY _time LIMIT 5\"\n  \
         python3 -c \"import pandas; print(pandas.read_parquet('{log}').describe())\"\n  \
         python3 -c \"import polars; print(polars.scan_parquet('{log}/**/*.parquet').head().collect())\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_of_a_demo_lie_within_a_day_whatever_the_hour() {
        for minute in 0..2 * 24 * 60 {
            let now = Timestamp::from_millis(minute * 60_000);
            let end = end(now);
            let (first, last) = (end.plus_millis(-DEMO_SPAN_MS), end.plus_millis(-1));
            assert_eq!(first.day(), last.day(), "{now}");
            assert!(end.plus_millis(DEMO_END_MS) <= now, "{now}");
            assert!(first.plus_millis(DEMO_SINCE_MS) > now, "{now}");
        }
    }
}
