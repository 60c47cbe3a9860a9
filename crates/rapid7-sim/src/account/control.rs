//! Decides what a test may ask the simulator about itself: counters, and the truth about its logs.
//!
//! Never counts against a quota, never needs a key, and shows events whatever their visibility.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Account;
use super::errors::ApiError;
use super::render::message_of;
use crate::civil::parse_moment;
use crate::http::{Params, ReplyBody, SimReply, SimRequest};
use crate::store::LogStore;
use crate::text::{SURROGATE_MARK, put, put_strict_json, wide};
use crate::timeline::Stamp;

/// Size of one piece of the truth.
const CHUNK_BYTES: usize = 64 * 1024;

/// What happened so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Class to status to number; status 0 is a reset connection.
    pub requests: BTreeMap<String, BTreeMap<u16, u64>>,
    /// Answers of status 429.
    pub rate_limited: u64,
    /// Requests that counted against a quota, per name space, over all windows.
    pub quota_used: BTreeMap<String, u64>,
    /// Faults that were applied, by name.
    pub faults_fired: BTreeMap<String, u64>,
    /// Most requests under way at once; zero without the HTTP shell.
    pub max_concurrent: u64,
}

impl Stats {
    /// Requests of a class, whatever their status.
    pub fn requests_of(&self, class: &str) -> u64 {
        self.requests.get(class).map_or(0, |statuses| statuses.values().sum())
    }

    /// How often a fault was applied.
    pub fn fired(&self, fault: &str) -> u64 {
        self.faults_fired.get(fault).copied().unwrap_or(0)
    }
}

/// The truth about one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTruth {
    /// The log's id.
    pub id: String,
    /// The log's name.
    pub name: String,
    /// Its events.
    pub count: u64,
    /// Receive time of the first event.
    pub first_ms: Option<i64>,
    /// Receive time of the last event.
    pub last_ms: Option<i64>,
    /// Bytes of all messages in UTF-8, without line ends.
    pub bytes: u64,
}

/// One event as it is; an unpaired surrogate shows as U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthEvent {
    /// Receive time.
    pub timestamp_ms: i64,
    /// Sequence number.
    pub sequence: u64,
    /// The message.
    pub message: String,
}

impl Account {
    /// The truth about every log, deleted ones too. Writes every message once, to count its bytes.
    pub fn truth(&self) -> Vec<LogTruth> {
        self.logs.iter().map(|log| truth_of(log)).collect()
    }

    /// The events of a log, by name or id, in `[from_ms, to_ms)`; `None` for an unknown log.
    pub fn truth_events(
        &self,
        log: &str,
        from_ms: i64,
        to_ms: i64,
    ) -> Option<impl Iterator<Item = TruthEvent> + use<>> {
        let store = Arc::clone(self.named(log)?);
        Some(store.half_open(from_ms, to_ms).filter_map(move |index| event_at(&store, index)))
    }

    /// Lets an event of a log of kept texts appear now, whenever it was received; whether it did.
    pub fn insert_event(&mut self, log: &str, timestamp_ms: i64, sequence: u64, message: &str) -> bool {
        let stamp = Stamp { timestamp_ms, sequence };
        self.kept(log).is_some_and(|store| store.insert(stamp, message.to_owned()))
    }

    /// Lets the events of a log of kept texts in `[from_ms, to_ms)` vanish; how many they were.
    pub fn remove_events(&mut self, log: &str, from_ms: i64, to_ms: i64) -> usize {
        self.kept(log).map_or(0, |store| store.remove(from_ms, to_ms))
    }

    /// From now on this key is accepted, too.
    pub fn accept_key(&mut self, key: &str) {
        self.keys.insert(key.to_owned());
    }

    /// From now on this key is refused.
    pub fn revoke_key(&mut self, key: &str) {
        self.keys.remove(key);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&mut self) {
        self.faults.faults.triggers.clear();
    }

    /// A log that may be changed: one that no running download still reads.
    fn kept(&mut self, log: &str) -> Option<&mut LogStore> {
        let named = |store: &&mut Arc<LogStore>| store.name == log || store.id == log;
        self.logs.iter_mut().find(named).and_then(Arc::get_mut)
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        let by_class = self.requests.iter();
        let requests: BTreeMap<String, BTreeMap<u16, u64>> =
            by_class.map(|(class, statuses)| (class.name().to_owned(), statuses.clone())).collect();
        Stats {
            rate_limited: requests.values().filter_map(|statuses| statuses.get(&429)).sum(),
            requests,
            quota_used: self.quotas.totals().iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
            faults_fired: self.faults.fired().iter().map(|(name, n)| (name.name().to_owned(), *n)).collect(),
            max_concurrent: self.max_concurrent,
        }
    }

    pub(super) fn control(&self, request: &SimRequest, params: &Params) -> Option<SimReply> {
        let segments = request.segments();
        match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["__stats"] => Some(SimReply::json(200, &stats_json(&self.stats()))),
            ["__truth"] => {
                let logs = self.truth().into_iter().map(|log| {
                    json!({
                        "id": log.id, "name": log.name, "count": log.count, "bytes": log.bytes,
                        "from": log.first_ms, "to": log.last_ms,
                    })
                });
                Some(SimReply::json(200, &json!({ "logs": logs.collect::<Vec<_>>() })))
            }
            ["__truth", log] => Some(self.truth_lines(log, params)),
            _ => None,
        }
    }

    fn named(&self, log: &str) -> Option<&Arc<LogStore>> {
        self.logs.iter().find(|known| known.id == log || known.name == log)
    }

    fn truth_lines(&self, log: &str, params: &Params) -> SimReply {
        let bound = |name, default| params.get(name).map_or(Some(default), parse_moment);
        let (Some(store), Some(from), Some(to)) =
            (self.named(log), bound("from", i64::MIN), bound("to", i64::MAX))
        else {
            return ApiError::missing().reply(&self.config.semantics);
        };
        let range = store.half_open(from, to);
        let lines = TruthLines { store: Arc::clone(store), range };
        let mut reply = SimReply::new(200, "application/x-ndjson", Vec::new());
        reply.body = ReplyBody::Chunks(Box::new(lines));
        reply
    }
}

fn truth_of(log: &LogStore) -> LogTruth {
    let ends = log.first_last();
    LogTruth {
        id: log.id.clone(),
        name: log.name.clone(),
        count: wide(log.len()),
        first_ms: ends.map(|(first, _)| first.timestamp_ms),
        last_ms: ends.map(|(_, last)| last.timestamp_ms),
        bytes: log.daily_bytes().values().sum(),
    }
}

fn event_at(store: &LogStore, index: usize) -> Option<TruthEvent> {
    let stamp = store.stamp(index)?;
    let message = message_of(store, index).replace(SURROGATE_MARK, "\u{FFFD}");
    Some(TruthEvent { timestamp_ms: stamp.timestamp_ms, sequence: stamp.sequence, message })
}

fn stats_json(stats: &Stats) -> Value {
    let requests = stats.requests.iter().map(|(class, statuses)| {
        let by_status = statuses.iter().map(|(status, n)| (status.to_string(), json!(n)));
        (class.clone(), Value::Object(by_status.collect()))
    });
    json!({
        "requests": Value::Object(requests.collect()),
        "rate_limited": stats.rate_limited,
        "quota_used": stats.quota_used,
        "faults_fired": stats.faults_fired,
        "max_concurrent": stats.max_concurrent,
    })
}

/// The truth of a log, one JSON document a line.
struct TruthLines {
    store: Arc<LogStore>,
    range: Range<usize>,
}

impl Iterator for TruthLines {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = String::new();
        while out.len() < CHUNK_BYTES {
            let Some(event) = self.range.next().and_then(|index| event_at(&self.store, index)) else {
                break;
            };
            put!(&mut out, "{{\"timestamp\":{},", event.timestamp_ms);
            put!(&mut out, "\"sequence_number_str\":\"{}\",\"message\":", event.sequence);
            put_strict_json(&mut out, &event.message);
            out.push_str("}\n");
        }
        (!out.is_empty()).then(|| out.into_bytes())
    }
}
