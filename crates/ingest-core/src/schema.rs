//! A table's schema: which columns a log has, and of which type, for ever.
//!
//! Decides a column's type from what all its values survive, and how a schema grows when a window brings
//! new fields. A type, once a file with it is committed, never changes: what breaks it later is rescued
//! by the encoder. Never looks at a value: classifying text is the tabular crate's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

pub use fits::{DECIMAL_SCALE_MAX, Fits};
pub use kind::{BoolCase, ColumnType, DECIMAL_DIGITS_MAX, FloatForm, TimeForm, TimeUnit};
pub use pin::PinnedType;

use crate::shape::{Body, Shape};

mod fits;
mod kind;
mod pin;

/// Names of the columns that are ours; a field of the log never takes one of them.
pub mod own {
    /// The one column to filter and sort by in every log: never null.
    pub const TIME: &str = "_time";
    /// Receive time at the server; null where the API did not give it.
    pub const TIMESTAMP: &str = "_timestamp";
    /// The server's sequence number; null where the API did not give it.
    pub const SEQUENCE: &str = "_sequence";
    /// The log the row is of.
    pub const LOG_ID: &str = "_log_id";
    /// Values that their columns could not hold, as a JSON object.
    pub const RESCUED: &str = "_rescued";
    /// The record as it came, with `KEEP_RAW=always`.
    pub const RAW: &str = "_raw";
    /// All of them, in the order in which files carry them.
    pub const ALL: [&str; 6] = [TIME, TIMESTAMP, SEQUENCE, LOG_ID, RESCUED, RAW];
    /// Names that readers make from the folders `log=…/day=…`; a column of that name would be hidden by them.
    pub const FOLDERS: [&str; 2] = ["log", "day"];
}

/// Columns that one log may have; fields beyond them are rescued. Wide logs of the field stay below 5,000,
/// and a Parquet footer grows with columns times row groups.
pub const COLUMNS_MAX: usize = 6_000;

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// The field of the log that fills it: a CSV name, a key, or a JSON path joined by `__`.
    pub field: String,
    /// Its name in the files: the field's, made unique without regard to case.
    pub name: String,
    /// Its type.
    #[serde(flatten)]
    pub kind: ColumnType,
}

/// What one window showed of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedColumn {
    /// The field.
    pub field: String,
    /// What every value seen so far survives; [`Fits::ANY`] when only nulls were seen.
    pub fits: Fits,
}

/// The schema of one log's table. It only ever grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// How the log's text is read.
    pub shape: Shape,
    /// The columns, in file order, own columns excluded.
    pub columns: Vec<Column>,
    /// The field whose value is the event's own time, once one was chosen.
    pub time_field: Option<String>,
}

impl TableSchema {
    /// A schema without columns yet.
    #[must_use]
    pub const fn new(shape: Shape) -> Self {
        Self { shape, columns: Vec::new(), time_field: None }
    }

    /// Takes in what a window showed: fields that are new become columns, those known keep their type.
    /// Returns whether anything was added.
    pub fn settle(&mut self, observed: &[ObservedColumn]) -> bool {
        let first = self.columns.is_empty();
        let before = self.columns.len();
        let known: BTreeSet<String> = self.columns.iter().map(|c| c.field.clone()).collect();
        let mut names = NameSpace::of(&self.columns);
        for column in observed.iter().filter(|o| !known.contains(&o.field)) {
            if self.columns.len() >= COLUMNS_MAX {
                break;
            }
            let kind = column.fits.column_type(is_time_name(&column.field), self.typed_source());
            self.columns.push(Column { field: column.field.clone(), name: names.take(&column.field), kind });
        }
        if first {
            self.time_field = self.choose_time_field();
        }
        self.columns.len() > before
    }

    /// Adds what another version of the same log's schema has and this one lacks, as after a crash between
    /// publishing a file and recording it.
    pub fn merge(&mut self, other: &Self) {
        let known: BTreeSet<String> = self.columns.iter().map(|c| c.field.clone()).collect();
        let mut names = NameSpace::of(&self.columns);
        for column in other.columns.iter().filter(|c| !known.contains(&c.field)) {
            let name =
                if names.is_free(&column.name) { column.name.clone() } else { names.take(&column.field) };
            names.reserve(&name);
            self.columns.push(Column { name, ..column.clone() });
        }
        if self.time_field.is_none() {
            self.time_field.clone_from(&other.time_field);
        }
    }

    /// Whether the source tells text from numbers by itself, as JSON does.
    #[must_use]
    pub const fn typed_source(&self) -> bool {
        matches!(self.shape.body, Body::Json)
    }

    /// A short hash of names and types, for footers and comparisons.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        for column in &self.columns {
            text.push_str(&column.name);
            text.push('\u{1f}');
            text.push_str(&column.kind.to_string());
            text.push('\u{1e}');
        }
        format!("{:016x}", XxHash3_64::oneshot(text.as_bytes()))
    }

    /// The best-named column that holds instants: the earlier in [`TIME_NAMES`] the better, then file order. Never one
    /// without a year: it is borrowed from receive time, which knows its zone as well.
    fn choose_time_field(&self) -> Option<String> {
        let rank = |column: &Column| {
            let name = plain_name(&column.field);
            TIME_NAMES.iter().position(|t| *t == name)
        };
        let dated = |kind| matches!(kind, ColumnType::Timestamp { form, .. } if !form.is_yearless());
        let instants = self.columns.iter().filter(|column| dated(column.kind));
        let best = instants.filter_map(|c| Some((rank(c)?, c))).min_by_key(|(rank, _)| *rank);
        best.map(|(_, column)| column.field.clone())
    }
}

/// Names that logs give the event's own time, best first, in the form of [`plain_name`].
const TIME_NAMES: [&str; 41] = [
    "timestamp",
    "time",
    "eventtime",
    "eventtimestamp",
    "ts",
    "datetime",
    "syslogtime",
    "generatedtime",
    "timegenerated",
    "timewritten",
    "utctime",
    "startutc",
    "startlocal",
    "date",
    "logtime",
    "createdat",
    "created",
    "occurredat",
    "receivetime",
    "receivedat",
    "eventreceivedtime",
    "starttime",
    "start",
    "endtime",
    // Windows', which are nested.
    "systemtimecreatedsystemtime",
    // Those of one maker or one program: Okta, Microsoft 365 and Graph, CEF, LEEF, Sysmon, Cloudflare, Kubernetes, Duo, .NET's
    // compact form, MongoDB.
    "published",
    "creationtime",
    "createddatetime",
    "activitydatetime",
    "eventdatetime",
    "rt",
    "devtime",
    "timecreated",
    "edgestarttimestamp",
    "eventcreationtime",
    "querytimestamp",
    "requestreceivedtimestamp",
    "isotimestamp",
    "asctime",
    "t",
    "tdate",
];

/// Names that logs give other instants, so that a number in them may be an epoch, likewise.
const EPOCH_NAMES: [&str; 7] = ["end", "stop", "begin", "first", "last", "expires", "expiry"];

/// Ends of names of durations, whose numbers are no epochs however large.
const DURATION_ENDS: [&str; 12] = [
    "uptime",
    "runtime",
    "elapsedtime",
    "cputime",
    "responsetime",
    "requesttime",
    "processingtime",
    "querytime",
    "waittime",
    "locktime",
    "idletime",
    "totaltime",
];

/// Lower case, without separators: `@Event_Time` and `eventTime` are `eventtime`.
fn plain_name(field: &str) -> String {
    field.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a field is named like an instant, so that a number in it may be an epoch.
fn is_time_name(field: &str) -> bool {
    let last = field.rsplit("__").next().unwrap_or(field);
    let name = plain_name(last);
    let is_duration = || DURATION_ENDS.iter().any(|end| name.ends_with(end));
    TIME_NAMES.contains(&name.as_str())
        || EPOCH_NAMES.contains(&name.as_str())
        || (["time", "timestamp", "epoch", "timems", "date"].iter().any(|end| name.ends_with(end))
            && !is_duration())
}

/// Column names that are taken, compared as the readers do: without regard to case.
struct NameSpace(BTreeMap<String, u32>);

impl NameSpace {
    fn of(columns: &[Column]) -> Self {
        let mut space = Self(BTreeMap::new());
        own::ALL.iter().chain(&own::FOLDERS).for_each(|name| space.reserve(name));
        columns.iter().for_each(|column| space.reserve(&column.name));
        space
    }

    fn is_free(&self, name: &str) -> bool {
        !self.0.contains_key(&name.to_lowercase())
    }

    fn reserve(&mut self, name: &str) {
        self.0.entry(name.to_lowercase()).or_insert(1);
    }

    /// The field itself, or the field with the lowest number from 2 that makes it unique.
    fn take(&mut self, field: &str) -> String {
        let wanted = if field.is_empty() { "unnamed" } else { field };
        let mut name = wanted.to_owned();
        while !self.is_free(&name) {
            let next = self.0.entry(wanted.to_lowercase()).or_insert(1);
            *next = next.saturating_add(1);
            name = format!("{wanted}_{next}");
        }
        self.reserve(&name);
        name
    }
}

#[cfg(test)]
mod tests;
