//! What looks after a run: the endpoint, the heartbeat, the supervisor, the textfile, the note of the last pass.
//!
//! Starts and stops them, and tells them how passes went. Decides where nobody can look whether the run goes on: without an
//! address that was asked for it does not.

use std::net::SocketAddr;
use std::sync::Arc;

use ingest_core::time::Timestamp;
use ingest_store::NoteFile;
use tokio_util::sync::CancellationToken;

use crate::admin::{Admin, Desk};
use crate::exit::{CommandError, Exit};
use crate::ingest::{Ingest, PassReport};
use crate::last_pass::LastPass;
use crate::metrics::{Reader, ReaderOptions, Textfile};
use crate::notify::Notify;
use crate::otlp::{Exporter, Sender};
use crate::pipeline::chain;
use crate::pulse::Pulse;
use crate::settings::{Fault, MetricsAddr, Settings, SettingsError, Supervisor};
use crate::surroundings::Surroundings;

/// Everything that looks after one run.
pub(crate) struct Observers<'a> {
    pub(crate) surroundings: &'a Surroundings,
    continuous: bool,
    notify: Arc<Notify>,
    pulse: Pulse,
    stop: CancellationToken,
    files: Arc<Files>,
    /// Serves for as long as it is held.
    admin: Option<Admin>,
    exporter: Option<Exporter>,
}

/// What is written after each pass.
struct Files {
    reader: Arc<Reader>,
    textfile: Option<Textfile>,
    note: NoteFile,
}

impl<'a> Observers<'a> {
    /// Begins to look after a run.
    ///
    /// # Errors
    /// When the address that was asked for cannot be served.
    pub(crate) fn begin(
        surroundings: &'a Surroundings,
        settings: &Settings,
        continuous: bool,
        stop: &CancellationToken,
    ) -> Result<Self, CommandError> {
        let board = surroundings.metrics.board();
        board.run_begins(&surroundings.trace_id, continuous, surroundings.clock.now());
        let options = ReaderOptions {
            disk: Arc::clone(&surroundings.disk),
            output_dir: settings.output_dir.clone(),
            min_free_disk: settings.min_free_disk,
            clock: Arc::clone(&surroundings.clock),
        };
        let note = NoteFile::of(Arc::clone(&surroundings.disk), &settings.output_dir);
        let last = note.load().and_then(|text| LastPass::read(&text)?.last_success);
        last.into_iter().for_each(|at| board.succeeded_before(at));
        let files = Files {
            reader: Arc::new(Reader::new(Arc::clone(&surroundings.metrics), options)),
            textfile: settings.observing.textfile.as_deref().map(Textfile::at),
            note,
        };
        let supervisor = Supervisor::of(&surroundings.layers, std::process::id());
        let notify = Arc::new(Notify::to(supervisor.socket.as_deref()));
        let pulse = Pulse::begin(Arc::clone(&notify), supervisor.watchdog, stop.clone());
        let desk = Desk {
            reader: Arc::clone(&files.reader),
            heartbeat: Arc::clone(pulse.heartbeat()),
            token: settings.observing.token.clone(),
        };
        let admin = serve(settings.observing.addr, desk, continuous)?;
        let exporter = settings.observing.collector.clone().map(|collector| {
            let environment = settings.log.environment.clone();
            let (reader, spans) = (Arc::clone(&files.reader), Arc::clone(&surroundings.spans));
            Exporter::begin(Sender { collector, environment, reader, spans })
        });
        let files = Arc::new(files);
        Ok(Self { surroundings, continuous, notify, pulse, stop: stop.clone(), files, admin, exporter })
    }

    /// The output folder is held, and there is a client: the service is up, whatever the API says.
    pub(crate) fn taken(&self, ingest: &Ingest) {
        self.surroundings.metrics.board().folder_held(true);
        self.files.reader.show(Arc::clone(ingest.client()));
        self.notify.ready();
    }

    /// A pass has ended.
    pub(crate) async fn passed(&self, outcome: &Result<PassReport, CommandError>) {
        let now = self.surroundings.clock.now();
        let before = self.surroundings.metrics.board().standing().pass.last_success;
        let note = LastPass::of(outcome, self.continuous, before, now);
        self.notify.status(&status(outcome, now));
        let files = Arc::clone(&self.files);
        let stopped = self.stop.is_cancelled();
        let written = tokio::task::spawn_blocking(move || {
            files.note(&note);
            files.write(!stopped);
        });
        drop(written.await);
    }

    /// The run has ended, whatever came of it.
    pub(crate) async fn ended(self) {
        let (files, has_time) = (Arc::clone(&self.files), !self.stop.is_cancelled());
        drop(tokio::task::spawn_blocking(move || files.write(has_time)).await);
        if let Some(exporter) = self.exporter {
            exporter.end().await;
        }
        // Told last, and served for as long: what looks on sees the end.
        drop(self.pulse);
        drop(self.admin);
    }
}

impl Files {
    fn note(&self, note: &LastPass) {
        if let Err(error) = self.note.save(&note.text()) {
            tracing::warn!(event = "note_not_written", error = %chain(&error), action = "log-ingestion health may say that no pass has ended");
        }
    }

    /// Writes the textfile; with a fresh figure of the disk's usage where there is time for one. Blocks.
    fn write(&self, has_time: bool) {
        let Some(textfile) = &self.textfile else { return };
        if has_time {
            self.reader.walk_if_due();
        }
        if let Err(error) = textfile.write(&self.reader.text()) {
            let path = textfile.path().display();
            tracing::warn!(event = "textfile_not_written", path = %path, error = %error, action = "METRICS_TEXTFILE stays as it was");
        }
    }
}

/// Serves the endpoint, where it is wanted in this mode.
fn serve(addr: MetricsAddr, desk: Desk, continuous: bool) -> Result<Option<Admin>, CommandError> {
    let (addr, asked) = match addr {
        MetricsAddr::Asked(addr) => (addr, true),
        MetricsAddr::Default(addr) if continuous => (addr, false),
        MetricsAddr::Default(_) | MetricsAddr::Off => return Ok(None),
    };
    let open = !addr.ip().is_loopback() && desk.token.is_none();
    match Admin::serve(addr, desk) {
        Ok(admin) => {
            tracing::info!(event = "metrics_served", addr = %admin.addr());
            if open {
                tracing::warn!(event = "metrics_open", addr = %addr, action = "whoever reaches it sees names and figures of logs: set METRICS_TOKEN");
            }
            Ok(Some(admin))
        }
        Err(error) if asked => Err(refused(addr, &error)),
        Err(error) => {
            tracing::warn!(event = "metrics_unavailable", addr = %addr, error = %error, action = "the service goes on without it: set METRICS_ADDR to another address, or to off");
            Ok(None)
        }
    }
}

fn refused(addr: SocketAddr, error: &std::io::Error) -> CommandError {
    let given = format!("{addr} cannot be served: {error}");
    let allowed = "give an address of this machine that nobody else uses, or off".to_owned();
    CommandError::Settings(SettingsError(vec![Fault { variable: "METRICS_ADDR".to_owned(), given, allowed }]))
}

/// How a pass went, in a line of `systemctl status`.
fn status(outcome: &Result<PassReport, CommandError>, now: Timestamp) -> String {
    match outcome {
        Ok(report) if report.exit() == Exit::Done => {
            format!("{} logs complete at {now}", report.logs.len())
        }
        Ok(report) => {
            let open: u64 = report.logs.iter().map(|log| log.open).sum();
            format!("{} logs, {open} windows open at {now}", report.logs.len())
        }
        Err(error) => format!("the pass that ended at {now} failed: {error}"),
    }
}
