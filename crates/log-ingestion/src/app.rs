//! The composition root: reads the command line, builds what a command needs, runs it, says how it ended.
//!
//! The only place where the clock is read and randomness enters. Decides nothing about logs.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use ingest_core::time::Timestamp;
use ingest_source::clock::Clock;
use ingest_store::OsDisk;

use crate::cli::{self, Command, Invocation};
use crate::commands;
use crate::exit::{CommandError, Exit};
use crate::metrics::Metrics;
use crate::otlp::Spans;
use crate::progress::Progress;
use crate::settings::{Layers, LogFormat, LogSettings, SettingsError};
use crate::surroundings::Surroundings;
use crate::telemetry::{self, Identity, Noted, Output};

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(ingest_core::time::millis_of(since))
    }
}

/// Runs the program on a command line.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Exit {
    let invocation = match cli::read(words) {
        Ok(invocation) => invocation,
        Err(said) => {
            let wrong = said.use_stderr();
            drop(said.print());
            return if wrong { Exit::Usage } else { Exit::Done };
        }
    };
    let Invocation { cli, settings } = invocation;
    let layers = match Layers::collect(settings, cli.env_file.as_deref()) {
        Ok(layers) => layers,
        Err(error) => return refuse(&error),
    };
    let surroundings = surroundings(layers, &cli.command);
    match run(&surroundings, cli.command) {
        Ok(exit) => exit,
        Err(CommandError::Settings(error)) => refuse(&error),
        Err(CommandError::Failed(exit, text)) => {
            tracing::error!(event = "error", error = %text);
            exit
        }
    }
}

fn run(surroundings: &Surroundings, command: Command) -> Result<Exit, CommandError> {
    match command {
        Command::Audit(args) => with_runtime(commands::audit::run(surroundings, &args)),
        Command::Bench(args) => commands::bench::run(surroundings, &args),
        Command::Config(args) => commands::config::run(surroundings, &args),
        Command::Convert(args) => commands::convert::run(surroundings, &args),
        Command::Health(args) => with_runtime(commands::health::run(surroundings, &args)),
        Command::Infer(args) => commands::infer::run(surroundings, &args),
        Command::Ledger(args) => commands::ledger::run(surroundings, &args),
        Command::Repair(args) => with_runtime(commands::repair::run(surroundings, &args)),
        Command::Replay(args) => commands::replay::run(surroundings, &args),
        Command::Verify(args) => commands::verify::run(surroundings, &args),
        Command::Meta(args) => commands::meta::run(&args),
        Command::Head(args) => commands::head::run(&args),
        Command::Status(args) => commands::status::run(surroundings, &args),
        Command::Run(args) => with_runtime(commands::run::run(surroundings, &args)),
        Command::Logs(args) => with_runtime(commands::logs::run(surroundings, &args)),
        Command::Demo(args) => with_runtime(commands::demo::run(surroundings, &args)),
    }
}

fn with_runtime(work: impl Future<Output = Result<Exit, CommandError>>) -> Result<Exit, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        CommandError::Failed(Exit::Failed, format!("failed to start the runtime: {error}"))
    })?;
    let outcome = runtime.block_on(work);
    // What still runs after the grace was asked to stop must not hold the end up: nothing of it is half done.
    runtime.shutdown_background();
    outcome
}

fn surroundings(layers: Layers, command: &Command) -> Surroundings {
    let log = LogSettings::resolve(&layers);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let terminal = std::io::stderr().is_terminal();
    let text = match log.format {
        LogFormat::Auto => terminal || !matches!(command, Command::Run(_)),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let progress = Progress::new(terminal && text);
    let output = match (text, command) {
        (true, _) => Output::Text(progress.clone()),
        (false, Command::Run(_)) => Output::JsonToStdout,
        (false, _) => Output::JsonToStderr,
    };
    let seed = chance(clock.now());
    let trace_id = format!("{seed:016x}");
    let metrics = Metrics::shared();
    let identity = Identity { environment: log.environment, trace_id: trace_id.clone() };
    let spans = Arc::new(Spans::new(seed));
    let noted = Noted { board: Arc::clone(metrics.board()), spans: Arc::clone(&spans) };
    telemetry::start(log.level, output, identity, Arc::clone(&clock), noted);
    Surroundings { layers, clock, disk: OsDisk::shared(), progress, seed, metrics, spans, trace_id, terminal }
}

/// A number that differs between runs: the time and the process.
fn chance(now: Timestamp) -> u64 {
    let start = now.millis().unsigned_abs() ^ u64::from(std::process::id()).rotate_left(48);
    ingest_source::clock::Entropy::new(start).draw()
}

fn refuse(error: &SettingsError) -> Exit {
    // Said to the person who starts the program, and to the log as well.
    tracing::error!(event = "error", error = %error);
    drop(writeln!(std::io::stderr().lock(), "log-ingestion: {error}"));
    Exit::Settings
}
