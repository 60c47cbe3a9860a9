//! The composition root: reads the command line, builds what a command needs, runs it, says how it ended.
//!
//! The only place where the clock is read and randomness enters. Decides nothing about logs.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use ingest_core::time::Timestamp;
use ingest_source::clock::Clock;
use ingest_store::OsDisk;

use crate::cli::{self, Command, Invocation};
use crate::commands::{
    archive, audit, bench, compact, completions, config, convert, demo, doctor, head, health, infer, ledger,
    logs, man, meta, repair, replay, restore, retain, run, status, top, verify,
};
use crate::exit::{CommandError, Exit};
use crate::metrics::Metrics;
use crate::otlp::Spans;
use crate::progress::Progress;
use crate::settings::{Fault, Layers, LogFormat, LogSettings, SettingsError};
use crate::surroundings::Surroundings;
use crate::telemetry::{self, Identity, LogFile, Noted, Output};

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
    let surroundings = match surroundings(layers, &cli.command) {
        Ok(surroundings) => Arc::new(surroundings),
        Err(error) => return refuse(&error),
    };
    match run(&surroundings, cli.command) {
        Ok(exit) => exit,
        Err(CommandError::Settings(error)) => refuse(&error),
        Err(CommandError::Failed(exit, text)) => {
            tracing::error!(event = "error", error = %text);
            if surroundings.log_file.is_some() && !surroundings.terminal {
                // Whoever started the program may not look into its log file.
                drop(writeln!(std::io::stderr().lock(), "log-ingestion: {text}"));
            }
            exit
        }
    }
}

fn run(surroundings: &Arc<Surroundings>, command: Command) -> Result<Exit, CommandError> {
    match command {
        Command::Archive(args) => archive::run(surroundings, &args),
        Command::Audit(args) => with_runtime(surroundings, |s| async move { audit::run(&s, &args).await }),
        Command::Bench(args) => bench::run(surroundings, &args),
        Command::Compact(args) => compact::run(surroundings, &args),
        Command::Completions(args) => completions::run(&args),
        Command::Config(args) => config::run(surroundings, &args),
        Command::Convert(args) => convert::run(surroundings, &args),
        Command::Doctor(args) => with_runtime(surroundings, |s| async move { doctor::run(&s, &args).await }),
        Command::Health(args) => with_runtime(surroundings, |s| async move { health::run(&s, &args).await }),
        Command::Infer(args) => infer::run(surroundings, &args),
        Command::Ledger(args) => ledger::run(surroundings, &args),
        Command::Repair(args) => with_runtime(surroundings, |s| async move { repair::run(&s, &args).await }),
        Command::Replay(args) => replay::run(surroundings, &args),
        Command::Restore(args) => restore::run(surroundings, &args),
        Command::Retain(args) => retain::run(surroundings, &args),
        Command::Verify(args) => verify::run(surroundings, &args),
        Command::Man(args) => man::run(&args),
        Command::Meta(args) => meta::run(&args),
        Command::Head(args) => head::run(&args),
        Command::Top(args) => top::run(surroundings, &args),
        Command::Status(args) => status::run(surroundings, &args),
        Command::Run(args) => with_runtime(surroundings, |s| async move { run::run(&s, &args).await }),
        Command::Logs(args) => with_runtime(surroundings, |s| async move { logs::run(&s, &args).await }),
        Command::Demo(args) => with_runtime(surroundings, |s| async move { demo::run(&s, &args).await }),
    }
}

/// Runs a command on one of the runtime's own threads: what takes the pieces of a reply is then where they are received,
/// and no other thread is woken for each.
fn with_runtime<Work>(
    surroundings: &Arc<Surroundings>,
    command: impl FnOnce(Arc<Surroundings>) -> Work,
) -> Result<Exit, CommandError>
where
    Work: Future<Output = Result<Exit, CommandError>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        CommandError::Failed(
            Exit::Failed,
            format!("failed to start the runtime: {error}; may this user have so few processes (ulimit -u)?"),
        )
    })?;
    let died =
        |error| Err(CommandError::Failed(Exit::Failed, format!("the command ended unexpectedly: {error}")));
    let outcome = runtime.block_on(runtime.spawn(command(Arc::clone(surroundings)))).unwrap_or_else(died);
    // What still runs after the grace was asked to stop must not hold the end up: nothing of it is half done.
    runtime.shutdown_background();
    outcome
}

fn surroundings(layers: Layers, command: &Command) -> Result<Surroundings, SettingsError> {
    let log = LogSettings::resolve(&layers);
    // Only the service has a log of its own; what other commands say is for whoever calls them.
    let log_file = log.file.filter(|_| matches!(command, Command::Run(_)));
    let log_file = log_file.map(|path| LogFile::open(&path).map_err(|error| unopened(&path, &error)));
    let log_file = log_file.transpose()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let terminal = std::io::stderr().is_terminal();
    let text = match log.format {
        LogFormat::Auto => terminal || !matches!(command, Command::Run(_)),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let progress = Progress::new(terminal && text);
    let output = match (&log_file, text, command) {
        (Some(file), ..) if terminal => Output::FileAndText(file.clone(), progress.clone()),
        (Some(file), ..) => Output::File(file.clone()),
        (None, true, _) => Output::Text(progress.clone()),
        (None, false, Command::Run(_)) => Output::JsonToStdout,
        (None, false, _) => Output::JsonToStderr,
    };
    let seed = chance(clock.now());
    let trace_id = format!("{seed:016x}");
    let metrics = Metrics::shared();
    let identity = Identity { environment: log.environment, trace_id: trace_id.clone() };
    let spans = Arc::new(Spans::new(seed));
    let noted = Noted { board: Arc::clone(metrics.board()), spans: Arc::clone(&spans) };
    telemetry::start(log.level, output, identity, Arc::clone(&clock), noted);
    let disk = OsDisk::shared();
    Ok(Surroundings { layers, clock, disk, progress, seed, metrics, spans, trace_id, terminal, log_file })
}

fn unopened(path: &Path, error: &std::io::Error) -> SettingsError {
    SettingsError(vec![Fault {
        variable: "LOG_FILE".to_owned(),
        given: format!("{} cannot be opened: {error}", path.display()),
        allowed: "allowed: a file that this user may write, or may make".to_owned(),
    }])
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
