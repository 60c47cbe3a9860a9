//! The service's own log: structured events as JSON lines, or as lines for people.
//!
//! Decides how an event is written, never which events there are. Only events of this program's own crates are
//! written: those of libraries could carry what must stay secret.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use ingest_source::clock::Clock;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::metrics::{Board, EventNote};
use crate::otlp::{SpanCollector, Spans};
use crate::progress::Progress;
use crate::settings::LogLevel;
use crate::table_text::plain;

pub use log_file::LogFile;

mod log_file;

/// Prefixes of the crates whose events are written.
const OURS: [&str; 6] =
    ["log_ingestion", "ingest_core", "ingest_source", "ingest_store", "ingest_tabular", "rapid7_sim"];
/// Events too frequent for people, who see progress bars instead; `LOG_LEVEL=DEBUG` shows them.
const FREQUENT: [&str; 10] = [
    "api_request",
    "api_response",
    "parse_start",
    "file_write_start",
    "config_loaded",
    "service_started",
    "windows_planned",
    "logs_fetched",
    "parse_complete",
    "batch_complete",
];

/// Events that are not noted on the board: those that each request, window, file or record brings.
const NOT_NOTED: [&str; 11] = [
    "api_request",
    "api_response",
    "parse_start",
    "parse_complete",
    "parse_error",
    "file_write_start",
    "file_write_complete",
    "windows_planned",
    "logs_fetched",
    "batch_complete",
    "recheck_complete",
];
/// Facts that are not noted: text of a log, and what only a machine reads.
const HIDDEN: [&str; 2] = ["raw_data", "span_id"];
/// Characters of an event's facts that are noted.
const NOTED_CHARS: usize = 500;

/// Where lines go.
#[derive(Debug, Clone)]
pub enum Output {
    /// JSON lines to standard output, as `run` writes them for a log file.
    JsonToStdout,
    /// JSON lines to standard error, where standard output is a command's result.
    JsonToStderr,
    /// Lines for people to standard error, above the progress bars.
    Text(Progress),
    /// JSON lines to a file.
    File(LogFile),
    /// JSON lines to a file, and lines for people who look on.
    FileAndText(LogFile, Progress),
}

/// Facts that every line carries.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `ENVIRONMENT`
    pub environment: String,
    /// One for each run.
    pub trace_id: String,
}

/// Where events and spans are noted beside the log.
#[derive(Debug, Clone)]
pub struct Noted {
    /// Gets what a person wants to know of.
    pub board: Arc<Board>,
    /// Gets the spans that end.
    pub spans: Arc<Spans>,
}

/// Begins to write events, and to note them.
pub fn start(level: LogLevel, output: Output, identity: Identity, clock: Arc<dyn Clock>, noted: Noted) {
    let collector = SpanCollector { spans: noted.spans, clock: Arc::clone(&clock) };
    let writer = EventWriter { level, output, identity, clock, board: noted.board };
    // A second start, as in tests, keeps the first.
    drop(tracing_subscriber::registry().with(writer).with(collector).try_init());
}

#[derive(Debug)]
struct EventWriter {
    level: LogLevel,
    output: Output,
    identity: Identity,
    clock: Arc<dyn Clock>,
    board: Arc<Board>,
}

/// Fields of a span or event, in the order in which they were given.
#[derive(Debug, Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), value.into()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.into()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}").into()));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for EventWriter {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        let crate_name = metadata.target().split("::").next().unwrap_or_default();
        // What is not written may still be noted.
        OURS.contains(&crate_name) && level_of(*metadata.level()) >= self.level.min(LogLevel::Info)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Vec::new();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(Fields(of_span)) = span.extensions().get::<Fields>() {
                fields.extend(of_span.iter().cloned());
            }
        }
        let mut of_event = Fields::default();
        event.record(&mut of_event);
        let level = level_of(*event.metadata().level());
        let (named, mut of_event): (Vec<_>, Vec<_>) =
            of_event.0.into_iter().partition(|(name, _)| *name == "event");
        let name = named.into_iter().next().and_then(|(_, v)| v.as_str().map(str::to_owned));
        // An error is the event `error` unless it has a name of its own.
        let name = name.unwrap_or_else(|| if level == LogLevel::Error { "error" } else { "log" }.to_owned());
        fields.append(&mut of_event);
        if level >= self.level {
            self.write(level, &name, &fields);
        }
        self.note(level, &name, &fields);
    }
}

impl EventWriter {
    /// Notes an event on the board, without what a log said: whoever sees the board need not be allowed to see that.
    fn note(&self, level: LogLevel, name: &str, fields: &[(&'static str, Value)]) {
        if level < LogLevel::Info || NOT_NOTED.contains(&name) {
            return;
        }
        let mut text = String::new();
        for (name, value) in fields.iter().filter(|(name, _)| !HIDDEN.contains(name)) {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(&fact(name, value));
        }
        let text = text.chars().take(NOTED_CHARS).collect();
        let (at, level) = (self.clock.now(), level_name(level));
        self.board.happened(EventNote { at, level, event: name.to_owned(), text });
    }

    fn write(&self, level: LogLevel, name: &str, fields: &[(&'static str, Value)]) {
        // A log that cannot be written must not stop the work that it tells of.
        match &self.output {
            Output::JsonToStdout => {
                drop(writeln!(std::io::stdout().lock(), "{}", self.json(level, name, fields)));
            }
            Output::JsonToStderr => {
                drop(writeln!(std::io::stderr().lock(), "{}", self.json(level, name, fields)));
            }
            Output::Text(progress) => self.say(progress, level, name, fields),
            Output::File(file) => file.write(&self.json(level, name, fields)),
            Output::FileAndText(file, progress) => {
                file.write(&self.json(level, name, fields));
                self.say(progress, level, name, fields);
            }
        }
    }

    fn say(&self, progress: &Progress, level: LogLevel, name: &str, fields: &[(&'static str, Value)]) {
        if self.level == LogLevel::Debug || !FREQUENT.contains(&name) {
            progress.say(&self.text(level, name, fields));
        }
    }

    /// One JSON object with the runbook's fields first.
    fn json(&self, level: LogLevel, name: &str, fields: &[(&'static str, Value)]) -> String {
        let text = |value: &str| Value::from(value);
        let head = [
            ("timestamp", text(&self.clock.now().to_string())),
            ("level", text(level_name(level))),
            ("service", text("log-ingestion")),
            ("version", text(env!("CARGO_PKG_VERSION"))),
            ("environment", text(&self.identity.environment)),
            ("trace_id", text(&self.identity.trace_id)),
            ("event", text(name)),
        ];
        let mut line = String::from("{");
        for (name, value) in head.iter().chain(fields) {
            if line.len() > 1 {
                line.push(',');
            }
            line.push_str(&format!("\"{name}\":{value}"));
        }
        line.push('}');
        line
    }

    fn text(&self, level: LogLevel, name: &str, fields: &[(&'static str, Value)]) -> String {
        let now = self.clock.now().to_string();
        let time = now.get(11..19).unwrap_or_default();
        let mut line = format!("{time} {:<7} {name}", level_name(level));
        for (name, value) in fields.iter().filter(|(name, _)| *name != "span_id") {
            line.push(' ');
            line.push_str(&fact(name, value));
        }
        plain(&line)
    }
}

/// A fact for people.
fn fact(name: &str, value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.contains([' ', '"']) => format!("{name}={text}"),
        _ => format!("{name}={value}"),
    }
}

fn level_of(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warning,
        Level::INFO => LogLevel::Info,
        _ => LogLevel::Debug,
    }
}

/// The runbook's names.
const fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO",
        LogLevel::Warning => "WARNING",
        LogLevel::Error => "ERROR",
    }
}
