//! Decides what `calculate` and `groupby` answer.
//!
//! Never pages, and never lists events.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::queries::Job;
use super::render::message_of;
use super::select::{Sight, Span};
use super::submit::Query;
use super::{Account, Call};
use crate::faults::FaultName;
use crate::http::SimReply;
use crate::leql::{Calculation, Filter, Slices, value_of};
use crate::text::wide;

/// More slices than this are refused.
const SLICES_MAX: usize = 10_000;
/// More groups than this are an approximation.
const GROUPS_MAX: usize = 10_000;

/// The result of one pass over the spans.
#[derive(Debug, Default)]
struct Tally {
    events: u64,
    checked: u64,
    bytes: u64,
    slices: Vec<u64>,
    groups: BTreeMap<String, u64>,
}

/// How a range is cut.
#[derive(Debug, Clone, Copy)]
struct Cut {
    from: i64,
    length: i64,
    number: usize,
}

impl Cut {
    fn of(query: &Query) -> Self {
        let span = (query.to.saturating_sub(query.from)).max(1);
        let (length, number) = match query.statement.slices {
            // rounded up, so that slice `i` starts at `from + i * granularity` for every client
            Slices::Number(number) => ((span + number - 1) / number, number),
            Slices::Length(length) => (length, (span + length - 1) / length),
        };
        Self { from: query.from, length: length.max(1), number: usize::try_from(number).unwrap_or(1).max(1) }
    }

    /// The slice of a moment; what an inclusive upper bound adds falls into the last.
    fn slice(&self, ms: i64) -> usize {
        let at = usize::try_from((ms - self.from).div_euclid(self.length)).unwrap_or(0);
        at.min(self.number - 1)
    }
}

/// Whether a statistic is cut finer than the service bears.
pub(super) fn too_fine(query: &Query) -> bool {
    query.statement.is_statistic() && Cut::of(query).number > SLICES_MAX
}

impl Account {
    pub(super) fn statistics_reply(&mut self, call: &Call<'_>, job: &Job, empty: bool) -> SimReply {
        let semantics = &self.config.semantics;
        let lag_ms = semantics.visibility_lag_ms.saturating_add(semantics.count_lag_ms);
        let sight = Sight { now_ms: call.now_ms, lag_ms, repeat_cursor: false };
        let spans = if empty { Vec::new() } else { self.spans(&job.query, &job.logs, sight) };
        let cut = Cut::of(&job.query);
        let mut tally = self.tally(job, &spans, cut);
        if self.faults.fires(&job.struck, FaultName::CountMismatch) {
            wrong_by_one(&mut tally);
        }
        if self.faults.fires(&job.struck, FaultName::CountSelfDisagrees)
            && let Some(first) = tally.slices.first_mut()
        {
            *first += 1;
        }
        let mut out = String::from("{");
        self.put_head(job, &mut out);
        let body = statistics(job, &tally, cut);
        crate::text::put!(&mut out, ",\"statistics\":{body},\"search_stats\":{}", search_stats(&tally));
        out.push('}');
        self.packed(call, SimReply::new(200, "application/json", out.into_bytes()))
    }

    fn tally(&self, job: &Job, spans: &[Span], cut: Cut) -> Tally {
        let statement = &job.query.statement;
        let by_bytes = statement.calculate == Some(Calculation::Bytes);
        let reads = by_bytes || statement.group_by.is_some() || statement.filter != Filter::All;
        let mut tally = Tally { slices: vec![0; cut.number], ..Tally::default() };
        for span in spans {
            let Some(store) = self.logs.get(span.log) else {
                continue;
            };
            for index in span.range.clone() {
                let Some(stamp) = store.stamp(index) else { break };
                tally.checked += 1;
                let mut worth = 1;
                if reads {
                    let message = message_of(store, index);
                    if !statement.filter.passes(&message) {
                        continue;
                    }
                    let bytes = wide(message.len()) + u64::from(self.config.semantics.bytes_count_newline);
                    tally.bytes += bytes;
                    worth = if by_bytes { bytes } else { 1 };
                    if let Some(key) = &statement.group_by {
                        let Some(value) = value_of(&message, key) else {
                            continue;
                        };
                        *tally.groups.entry(value).or_insert(0) += worth;
                    }
                }
                tally.events += 1;
                if let Some(slice) = tally.slices.get_mut(cut.slice(stamp.timestamp_ms)) {
                    *slice += worth;
                }
            }
        }
        tally
    }
}

/// One more or one less everywhere, so that count and slices still agree.
fn wrong_by_one(tally: &mut Tally) {
    let busy = tally.slices.iter_mut().find(|slice| **slice > 0);
    match busy {
        Some(slice) if tally.events % 2 == 1 => {
            *slice -= 1;
            tally.events -= 1;
        }
        Some(slice) => {
            *slice += 1;
            tally.events += 1;
        }
        None => {
            tally.events += 1;
            if let Some(first) = tally.slices.first_mut() {
                *first += 1;
            }
        }
    }
}

fn statistics(job: &Job, tally: &Tally, cut: Cut) -> Value {
    let statement = &job.query.statement;
    let by_bytes = statement.calculate == Some(Calculation::Bytes);
    let (name, total) = if by_bytes { ("bytes", tally.bytes) } else { ("count", tally.events) };
    let grouped = statement.group_by.is_some();
    let mut ranked: Vec<(&String, &u64)> = tally.groups.iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let groups: Vec<Value> = ranked
        .iter()
        .take(GROUPS_MAX)
        .map(|(value, count)| json!({ value.as_str(): { name: **count as f64 } }))
        .collect();
    let groups_timeseries: Vec<Value> = ranked
        .iter()
        .take(GROUPS_MAX)
        .map(|(value, count)| json!({ value.as_str(): { "groups_timeseries": [], "series": [], "totals": { name: **count } } }))
        .collect();
    let series: Vec<Value> = tally.slices.iter().map(|count| json!({ name: *count as f64 })).collect();
    json!({
        "cardinality": groups.len(),
        "granularity": if grouped { 0 } else { cut.length },
        "from": job.query.from,
        "to": job.query.to,
        "type": name,
        "stats": if grouped { json!({}) } else { json!({ "global_timeseries": { name: total as f64 } }) },
        "groups": groups,
        "others": if grouped { json!({ "series": [] }) } else { json!({}) },
        "status": 200,
        "timeseries": if grouped { json!({}) } else { json!({ "global_timeseries": series }) },
        "groups_timeseries": groups_timeseries,
        "all_exact_result": if grouped { json!(tally.groups.len() <= GROUPS_MAX) } else { Value::Null },
        "count": if by_bytes { 0.0 } else { tally.events as f64 },
    })
}

fn search_stats(tally: &Tally) -> Value {
    json!({
        "duration_ms": 1 + tally.checked / 1_000,
        "bytes_all": tally.bytes, "bytes_checked": tally.bytes,
        "events_all": tally.checked, "events_checked": tally.checked, "events_matched": tally.events,
        "index_factor": 0.0,
    })
}
