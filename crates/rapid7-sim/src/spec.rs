//! Decides what a log is made of, as a caller or a command line says it.
//!
//! Never reads a file: a `file:` source stays a path until the shell loads it.

use std::path::PathBuf;

use crate::messages::Kind;
use crate::timeline::Stamp;

/// Where a log's messages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSource {
    /// Made from the seed.
    Generated {
        /// What the messages look like.
        kind: Kind,
        /// How many there are.
        count: u64,
    },
    /// The lines of a file; empty until [`crate::SimConfig::load_files`] was called.
    File(PathBuf),
    /// Messages spread over the log's span.
    Lines(Vec<String>),
    /// Messages with their stamps; sorted when the account is made.
    Events(Vec<(Stamp, String)>),
}

/// One log of the account.
#[derive(Debug, Clone)]
pub struct LogSpec {
    /// Display name.
    pub name: String,
    /// A stable UUID of name and seed when absent.
    pub id: Option<String>,
    /// The log set it belongs to.
    pub logset: Option<String>,
    /// One of 1w 2w 1m 2m 6m 1y 2y unlimited default; the last two keep everything.
    pub retention_period: String,
    /// The messages.
    pub source: LogSource,
    /// First moment of the span; the account's default when absent.
    pub from_ms: Option<i64>,
    /// First moment after the span; the account's default when absent.
    pub to_ms: Option<i64>,
    /// Column names, which make the log fit for the CSV pages endpoint; the `csv` kind has its own.
    pub csv_header: Option<String>,
}

impl LogSpec {
    /// A log of `source` with everything else at its default.
    pub fn new(name: impl Into<String>, source: LogSource) -> Self {
        Self {
            name: name.into(),
            id: None,
            logset: None,
            retention_period: "default".to_owned(),
            source,
            from_ms: None,
            to_ms: None,
            csv_header: None,
        }
    }

    /// A generated log.
    pub fn generated(name: impl Into<String>, kind: Kind, count: u64) -> Self {
        Self::new(name, LogSource::Generated { kind, count })
    }

    /// A log of these lines.
    pub fn lines<I: IntoIterator<Item = S>, S: Into<String>>(name: impl Into<String>, lines: I) -> Self {
        Self::new(name, LogSource::Lines(lines.into_iter().map(Into::into).collect()))
    }

    /// A log of exactly these events: receive time, sequence number, message.
    pub fn events<I: IntoIterator<Item = (i64, u64, String)>>(name: impl Into<String>, events: I) -> Self {
        let stamped = events.into_iter();
        let stamped = stamped.map(|(timestamp_ms, sequence, text)| (Stamp { timestamp_ms, sequence }, text));
        Self::new(name, LogSource::Events(stamped.collect()))
    }

    /// The same log over `[from_ms, to_ms)`.
    #[must_use]
    pub fn span(mut self, from_ms: i64, to_ms: i64) -> Self {
        (self.from_ms, self.to_ms) = (Some(from_ms), Some(to_ms));
        self
    }

    /// The same log in a log set.
    #[must_use]
    pub fn in_logset(mut self, name: impl Into<String>) -> Self {
        self.logset = Some(name.into());
        self
    }

    /// Reads `NAME=gen:KIND:COUNT` or `NAME=file:PATH`; `NAME` may be `SET/NAME`.
    ///
    /// # Errors
    /// A sentence that says what was not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, source) = text.split_once('=').ok_or_else(|| format!("{text:?} has no `NAME=`"))?;
        let source = parse_source(source)?;
        let (logset, name) = name.split_once('/').map_or((None, name), |(set, name)| (Some(set), name));
        if name.is_empty() {
            return Err(format!("{text:?} has an empty name"));
        }
        Ok(Self { logset: logset.map(str::to_owned), ..Self::new(name, source) })
    }
}

fn parse_source(text: &str) -> Result<LogSource, String> {
    if let Some(path) = text.strip_prefix("file:") {
        return Ok(LogSource::File(PathBuf::from(path)));
    }
    let generated = text.strip_prefix("gen:").and_then(|rest| rest.split_once(':'));
    let Some((kind, count)) = generated else {
        return Err(format!("{text:?} is neither `gen:KIND:COUNT` nor `file:PATH`"));
    };
    let known = || Kind::ALL.map(|(name, _)| name).join(", ");
    let kind = Kind::named(kind).ok_or_else(|| format!("{kind:?} is not one of {}", known()))?;
    let count = count.replace('_', "");
    let count = count.parse().map_err(|cause| format!("{count:?} is not a count: {cause}"))?;
    Ok(LogSource::Generated { kind, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_read_as_logs() {
        let spec = LogSpec::parse("Edge/firewall=gen:csv:200_000").unwrap();
        assert_eq!((spec.name.as_str(), spec.logset.as_deref()), ("firewall", Some("Edge")));
        assert_eq!(spec.source, LogSource::Generated { kind: Kind::Csv, count: 200_000 });
        assert_eq!(LogSpec::parse("a=file:/x=y").unwrap().source, LogSource::File("/x=y".into()));
        for bad in ["a", "a=gen:csv", "a=gen:nope:3", "a=gen:csv:x", "=gen:csv:1"] {
            assert!(LogSpec::parse(bad).is_err(), "{bad}");
        }
    }
}
