//! `/status`: everything at once, as JSON, for people and `top`.
//!
//! Says what the board says. Fields are only ever added; `schema` grows when one changes its meaning.

use ingest_core::time::Timestamp;
use ingest_source::ClassSnapshot;
use serde_json::{Value, json};

use super::ready::{self, Seen};
use crate::metrics::{EventNote, LOGS_SHOWN_MAX, LogFacts, Metric, Metrics, Reader};

/// The version of the document's form.
const SCHEMA: u32 = 1;

/// How things stand.
pub(super) fn status(reader: &Reader) -> Value {
    let now = reader.now();
    let seen = Seen::by(reader);
    let reasons = ready::reasons(&seen);
    let standing = &seen.standing;
    let mut logs: Vec<_> = standing.logs.iter().collect();
    logs.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    let logs: Vec<Value> =
        logs.into_iter().take(LOGS_SHOWN_MAX).map(|(id, facts)| log(id.as_str(), facts, now)).collect();
    let pass = &standing.pass;
    json!({
        "schema": SCHEMA,
        "service": "log-ingestion",
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "trace_id": standing.trace_id,
        "started": instant(standing.started),
        "now": now.to_string(),
        "mode": if standing.continuous { "continuous" } else { "one-shot" },
        "ready": reasons.is_empty(),
        "reasons": reasons,
        "pass": {
            "number": pass.number,
            "running": pass.running,
            "started": instant(pass.started),
            "last_success": instant(pass.last_success),
            "last_duration_seconds": pass.duration.map(|took| took.as_secs_f64()),
        },
        "logs": logs,
        "logs_not_shown": standing.logs.len().saturating_sub(LOGS_SHOWN_MAX),
        "quota": seen.classes.iter().map(|class| quota(class, now)).collect::<Vec<_>>(),
        "api": api(reader.metrics()),
        "disk": {
            "usage_bytes": standing.disk_usage,
            "free_bytes": seen.space.map(|space| space.free),
            "size_bytes": seen.space.map(|space| space.total),
        },
        "memory_bytes": reader.memory_bytes(),
        "events": standing.events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn log(id: &str, log: &LogFacts, now: Timestamp) -> Value {
    json!({
        "log": log.name,
        "id": id,
        "position": instant(log.position),
        "lag_seconds": log.lag_seconds(now),
        "fetched": log.total.fetched,
        "stored": log.total.stored,
        "quarantined": log.total.quarantined,
        "files": log.total.files,
        "bytes": log.total.bytes,
        "windows_open": log.windows_open,
        "windows_short": log.windows_short(),
        "windows_in_flight": log.in_flight,
        "windows_planned": log.planned,
        "rows_per_second": log.rows_per_second(now),
        "retention_left_seconds": log.retention_left_seconds(now),
        "last_error": log.last_error,
    })
}

fn quota(class: &ClassSnapshot, now: Timestamp) -> Value {
    let resets_in = class.budget.resets_at.millis().saturating_sub(now.millis()).max(0);
    let quota = class.has_quota();
    json!({
        "class": class.class.name(),
        "remaining": quota.then_some(class.budget.remaining),
        "resets_in_seconds": quota.then_some(resets_in as f64 / 1_000.0),
        "circuit_open": class.circuit_open_until.is_some(),
    })
}

fn api(metrics: &Metrics) -> Value {
    let sum = |metric, values: &[&str]| -> u64 {
        values.iter().map(|value| metrics.counted_whole(metric, &[value])).sum()
    };
    let classes = crate::metrics::classes();
    json!({
        "200": sum(Metric::ApiCalls, &["200"]),
        "4xx": sum(Metric::ApiCalls, &["4xx"]),
        "5xx": sum(Metric::ApiCalls, &["5xx"]),
        "retries": sum(Metric::ApiRetries, &classes),
        "rate_limited": sum(Metric::ApiRateLimited, &classes),
        "refused": sum(Metric::ApiRefused, &crate::metrics::REFUSALS),
    })
}

fn event(note: &EventNote) -> Value {
    json!({ "time": note.at.to_string(), "level": note.level, "event": note.event, "text": note.text })
}

fn instant(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}
