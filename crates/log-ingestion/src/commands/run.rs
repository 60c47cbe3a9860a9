//! `run`: one pass, a period, or one pass after the other, until a signal.

use std::time::Duration;

use ingest_core::time::{LogWindow, Timestamp};
use tokio_util::sync::CancellationToken;

use self::observers::Observers;
use super::print;
use super::summary::summary;
use crate::cli::RunArgs;
use crate::exit::{CommandError, Exit};
use crate::ingest::{Coverage, Ingest, PassReport};
use crate::reload::Reload;
use crate::settings::{Fault, FoundKey, Layers, Settings, SettingsError, readable_key_files};
use crate::shutdown::{Hangups, Shutdown};
use crate::surroundings::Surroundings;

mod observers;

/// Wait after the API refused the key in continuous mode, before it is asked again with the same key: each try is counted
/// as a failed login. Another key ends the wait.
const REFUSED_WAIT: Duration = Duration::from_secs(300);

pub(crate) async fn run(surroundings: &Surroundings, args: &RunArgs) -> Result<Exit, CommandError> {
    // First of all: who knows that it has started may ask it to stop.
    let signals = (listen()?, hangups(surroundings)?);
    tracing::info!(event = "service_started", pid = std::process::id());
    let settings = Settings::resolve(&surroundings.layers)?;
    report_settings(surroundings, &settings);
    let stop = CancellationToken::new();
    let observers = Observers::begin(surroundings, &settings, args.continuous, &stop)?;
    let outcome = observed(&observers, settings, args, &stop, signals).await;
    surroundings.progress.clear();
    observers.ended().await;
    outcome
}

/// The run, once it is looked after.
async fn observed(
    observers: &Observers<'_>,
    settings: Settings,
    args: &RunArgs,
    stop: &CancellationToken,
    (shutdown, hangups): (Shutdown, Option<Hangups>),
) -> Result<Exit, CommandError> {
    let surroundings = observers.surroundings;
    let grace = settings.shutdown_grace;
    let coverage = coverage(args, surroundings)?;
    let ingest = Ingest::open(settings, &surroundings.outside()?)?;
    let reload = Reload::new(surroundings, ingest.keys());
    observers.taken(&ingest);
    let service = Service { ingest, reload };
    let work = service.reload.beside(passes(&service, args, coverage, stop, observers), hangups);
    until_stopped(work, stop, grace, shutdown).await
}

/// Begins to hear signals.
pub(super) fn listen() -> Result<Shutdown, CommandError> {
    Shutdown::listen().map_err(|error| CommandError::failed(Exit::Failed, &error))
}

/// Begins to hear hang-ups. A person who closes the terminal of a run wants it to end.
fn hangups(surroundings: &Surroundings) -> Result<Option<Hangups>, CommandError> {
    if surroundings.terminal && surroundings.log_file.is_none() {
        return Ok(None);
    }
    Hangups::listen().map(Some).map_err(|error| CommandError::failed(Exit::Failed, &error))
}

/// Works until the work is done or a signal comes; then lets what is in flight end within the grace.
pub(super) async fn until_stopped(
    work: impl Future<Output = Result<Exit, CommandError>>,
    stop: &CancellationToken,
    grace: Duration,
    mut shutdown: Shutdown,
) -> Result<Exit, CommandError> {
    tokio::pin!(work);
    tokio::select! {
        outcome = &mut work => outcome,
        signal = shutdown.asked() => {
            tracing::info!(event = "service_stopping", signal, grace_seconds = grace.as_secs());
            stop.cancel();
            tokio::select! {
                outcome = &mut work => outcome,
                () = tokio::time::sleep(grace) => {
                    Err(CommandError::Failed(Exit::TryLater, "the grace ran out; the windows in flight are fetched again next time".to_owned()))
                }
                signal = shutdown.asked() => {
                    Err(CommandError::Failed(Exit::TryLater, format!("ended at once by a second signal ({signal}); the windows in flight are fetched again next time")))
                }
            }
        }
    }
}

/// What passes are made with, and what may be replaced between them.
struct Service {
    ingest: Ingest,
    reload: Reload,
}

/// One pass, or one after the other.
async fn passes(
    service: &Service,
    args: &RunArgs,
    coverage: Coverage,
    stop: &CancellationToken,
    observers: &Observers<'_>,
) -> Result<Exit, CommandError> {
    let Service { ingest, reload } = service;
    let surroundings = observers.surroundings;
    loop {
        ingest.check_folder()?;
        let key = reload.look();
        let started = surroundings.clock.now();
        let outcome = ingest.pass(coverage, stop).await;
        if let Ok(report) = &outcome {
            complete(report);
            ingest.look_after(stop).await;
        }
        observers.passed(&outcome).await;
        if !args.continuous {
            let report = outcome?;
            if surroundings.terminal {
                print(&summary(&report))?;
            }
            return Ok(report.exit());
        }
        let refused = match &outcome {
            Ok(report) => report.exit() == Exit::KeyRefused,
            Err(CommandError::Failed(exit, text)) => {
                tracing::error!(event = "error", error = %text, action = "trying again at the next interval");
                *exit == Exit::KeyRefused
            }
            Err(CommandError::Settings(_)) => return outcome.map(|report| report.exit()),
        };
        let since = surroundings.clock.now().millis().saturating_sub(started.millis());
        let wait = wait_for_next(args.interval, Duration::from_millis(since.unsigned_abs()), refused);
        tokio::select! {
            () = stop.cancelled() => return Ok(Exit::Done),
            () = tokio::time::sleep(wait) => {}
            () = reload.another_key(key), if refused => {}
        }
    }
}

/// How long to wait for the next pass after one that took this long.
fn wait_for_next(interval: Duration, took: Duration, refused: bool) -> Duration {
    let rest = interval.saturating_sub(took);
    if refused { rest.max(REFUSED_WAIT) } else { rest }
}

fn report_settings(surroundings: &Surroundings, settings: &Settings) {
    if let Some(file) = &surroundings.layers.env_file
        && file.readable_by_others
    {
        let path = file.path.display();
        tracing::warn!(event = "env_file_readable", path = %path, action = "chmod 600 it: it may hold the API key");
    }
    for path in readable_key_files(&surroundings.layers) {
        let path = path.display();
        tracing::warn!(event = "key_file_readable", path = %path, action = "chmod 600 it: it holds the API key");
    }
    for (name, near) in surroundings.layers.strangers() {
        tracing::warn!(event = "unknown_setting", name, did_you_mean = near);
    }
    if settings.batch_size > ingest_core::events::ROWS_PER_PAGE_MAX {
        let limit = ingest_core::events::ROWS_PER_PAGE_MAX;
        tracing::info!(event = "batch_size_capped", batch_size = settings.batch_size, rows_per_query = limit);
    }
    tracing::info!(
        event = "config_loaded",
        output_dir = %settings.output_dir.display(),
        protocol = ?settings.protocol,
        fetch_mode = ?settings.fetch_mode,
        compression = ?settings.codec,
        rate_limit = settings.rate_limit,
        key_from = key_from(&surroundings.layers),
    );
}

fn key_from(layers: &Layers) -> String {
    FoundKey::find(layers)
        .map_or_else(|_told_elsewhere| "nowhere".to_owned(), |found| found.source.to_string())
}

fn coverage(args: &RunArgs, surroundings: &Surroundings) -> Result<Coverage, CommandError> {
    if let (Some(from), Some(to)) = (args.from, args.to) {
        let period = LogWindow::new(from, to);
        let period = period
            .ok_or_else(|| wrong("--from", format!("{from} is not before --to {to}"), "give a period"))?;
        if !args.continuous {
            return Ok(Coverage::Period(period));
        }
        let first_start = first_start(args, surroundings)?;
        return Ok(Coverage::TailAndPeriod { first_start, period, turn: args.interval });
    }
    Ok(Coverage::Tail { first_start: first_start(args, surroundings)? })
}

/// Where logs that were never pulled start.
fn first_start(args: &RunArgs, surroundings: &Surroundings) -> Result<Timestamp, CommandError> {
    let ago = crate::settings::duration(&args.since).map(|ago| surroundings.clock.now().minus(ago));
    let first_start = ago.map_or_else(|| Timestamp::parse(&args.since), Ok);
    first_start.map_err(|error| wrong("--since", error.to_string(), "or how long ago: 24h, 7d"))
}

fn wrong(variable: &str, given: String, allowed: &str) -> CommandError {
    let fault = Fault { variable: variable.to_owned(), given, allowed: allowed.to_owned() };
    CommandError::Settings(SettingsError(vec![fault]))
}

fn complete(report: &PassReport) {
    let sum = |pick: fn(&crate::pipeline::LogReport) -> u64| report.logs.iter().map(pick).sum::<u64>();
    tracing::info!(
        event = "service_complete",
        logs = report.logs.len(),
        windows = sum(|log| log.windows),
        windows_open = sum(|log| log.open),
        record_count = sum(|log| log.tally.fetched),
        stored = sum(|log| log.tally.stored),
        quarantined = sum(|log| log.tally.quarantined),
        files = sum(|log| log.tally.files),
        bytes = sum(|log| log.tally.bytes),
        duration_ms = u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_key_is_asked_again_slowly_however_short_the_interval() {
        let seconds = Duration::from_secs;
        for (interval, took, refused, want) in [
            (60, 10, false, 50),
            (60, 90, false, 0),
            (1, 0, true, 300),
            (60, 90, true, 300),
            (900, 100, true, 800),
        ] {
            let wait = wait_for_next(seconds(interval), seconds(took), refused);
            assert_eq!(wait, seconds(want), "{interval} {took} {refused}");
        }
    }
}
