//! Decides how events and answers are written as JSON.
//!
//! Never decides which events. Writes by hand, because sequence numbers must be exact and a message may hold
//! an unpaired surrogate.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::queries::Job;
use super::select::Hit;
use super::{Account, Call};
use crate::civil::Civil;
use crate::http::{ReplyBody, SimReply};
use crate::leql::pairs;
use crate::rng::mix;
use crate::store::LogStore;
use crate::text::{put, put_json};

/// A link object.
pub(super) type Link = Value;

/// One event in so many carries the label of late events.
const LABEL_ONE_IN: u64 = 64;
/// The reserved label "Out of order entry".
pub(super) const LATE_LABEL: &str = "00000000-0000-0000-0000-000000000006";

/// What an answer to an event query holds.
#[derive(Debug)]
pub(super) struct Body<'a> {
    pub(super) job: &'a Job,
    /// Continuation id and progress while running.
    pub(super) running: Option<(&'a str, u32)>,
    pub(super) hits: &'a [Hit],
    pub(super) links: Vec<Link>,
}

impl Account {
    /// Writes the answer of an event query, or the running answer of a statistic.
    pub(super) fn events_reply(&mut self, call: &Call<'_>, status: u16, body: &Body<'_>) -> SimReply {
        let mut out = String::from("{");
        self.put_head(body.job, &mut out);
        if let Some((id, progress)) = body.running {
            put!(&mut out, ",\"progress\":{progress},\"id\":\"{id}\"");
            if body.job.query.statement.is_statistic() {
                put!(&mut out, ",\"partial\":{}", partial());
            }
        }
        if body.running.is_some() || !body.hits.is_empty() || !self.config.semantics.events_absent_when_empty
        {
            out.push_str(",\"events\":[");
            for (at, hit) in body.hits.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                self.put_event(call, body.job.query.kvp, *hit, &mut out);
            }
            out.push(']');
        }
        // a finished answer without links has an empty list or none: both are met in the field
        if !body.links.is_empty() || self.ordinal.is_multiple_of(2) {
            put!(&mut out, ",\"links\":{}", Value::Array(body.links.clone()));
        }
        out.push('}');
        self.packed(call, SimReply::new(status, "application/json", out.into_bytes()))
    }

    /// `"logs":[...],"leql":{...}`
    pub(super) fn put_head(&self, job: &Job, out: &mut String) {
        let ids: Vec<&str> =
            job.logs.iter().filter_map(|log| self.logs.get(*log)).map(|log| log.id.as_str()).collect();
        let query = &job.query;
        let mut during = json!({ "from": query.from, "to": query.to });
        if let (Some(range), Some(map)) = (&query.time_range, during.as_object_mut()) {
            map.insert("time_range".to_owned(), json!(range));
        }
        put!(out, "\"logs\":{},\"leql\":{{\"statement\":", json!(ids));
        put_json(out, &query.text);
        put!(out, ",\"during\":{during}}}");
    }

    fn put_event(&self, call: &Call<'_>, kvp: bool, hit: Hit, out: &mut String) {
        let Some(store) = self.logs.get(hit.log) else {
            return;
        };
        let (timestamp, sequence) = (hit.stamp.timestamp_ms, hit.stamp.sequence);
        let origin = &call.request.origin;
        out.push_str("{\"labels\":[");
        if mix(sequence).is_multiple_of(LABEL_ONE_IN) {
            put!(out, "{{\"id\":\"{LATE_LABEL}\",\"links\":[{{\"rel\":\"Self\",");
            put!(out, "\"href\":\"{origin}/management/labels/{LATE_LABEL}\"}}]}}");
        }
        put!(out, "],\"timestamp\":{timestamp},\"sequence_number\":{sequence},");
        let quote = if self.config.semantics.sequence_str_as_number { "" } else { "\"" };
        put!(
            out,
            "\"sequence_number_str\":{quote}{sequence}{quote},\"log_id\":\"{}\",\"message\":",
            store.id
        );
        let message = message_of(store, hit.index);
        put_json(out, &message);
        if self.config.semantics.event_links {
            put!(out, ",\"links\":[{{\"rel\":\"Context\",\"href\":\"{origin}/query/context/{sequence}");
            put!(out, "?per_page=50&timestamp={timestamp}&log_keys={}&context_type=SURROUND\"}}]", store.id);
        }
        if kvp {
            put!(out, ",\"kvp_info\":{}", kvp_info(&message));
        }
        if self.config.semantics.extra_fields {
            out.push_str(",\"timestamps\":{\"custom\":null,\"event\":null,\"ingestion\":\"");
            Civil::of(timestamp).put_iso(out);
            out.push_str("\"},\"original_event\":null");
        }
        out.push('}');
    }

    /// Gzips a JSON answer where switch and client allow it.
    pub(super) fn packed(&self, call: &Call<'_>, mut reply: SimReply) -> SimReply {
        if !(self.config.semantics.query_gzip && call.request.accepts("gzip")) {
            return reply;
        }
        if let ReplyBody::Full(bytes) = &mut reply.body {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            if let (Ok(()), Ok(packed)) = (encoder.write_all(bytes), encoder.finish()) {
                *bytes = packed;
                reply.set("Content-Encoding", "gzip");
            }
        }
        reply
    }
}

pub(super) fn message_of(store: &LogStore, index: usize) -> String {
    let mut out = String::new();
    store.put_message(index, &mut out);
    out
}

/// A statistic while it runs: a zero that is not the answer, and slices that are not even numbers.
fn partial() -> Value {
    json!({
        "type": "count", "status": 204,
        "stats": { "global_timeseries": { "count": 0.0 } },
        "timeseries": { "global_timeseries": ["count 0.0", "count 0.0"] },
    })
}

/// The key=value pairs with their places, counted in characters.
fn kvp_info(message: &str) -> Value {
    let chars_before = |at: usize| message.get(..at).map_or(0, |before| before.chars().count());
    let part = |text: &str, at: usize| {
        let start = chars_before(at);
        json!({ "text": text, "start": start, "end": start + text.chars().count() })
    };
    let found = pairs(message);
    let items = found
        .iter()
        .map(|pair| json!({ "key": part(pair.key, pair.key_at), "value": part(pair.value, pair.value_at) }));
    Value::Array(items.collect())
}
