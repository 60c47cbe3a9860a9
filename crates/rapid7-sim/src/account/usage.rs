//! Decides the bytes per day that usage answers report: message bytes, UTC days.
//!
//! Never counts what queries read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::errors::ApiError;
use super::submit::relative;
use super::{Account, Call};
use crate::civil::{DAY_MS, date, parse_date};
use crate::http::SimReply;
use crate::rng::uuid;
use crate::store::LogStore;

/// Days of a usage answer without dates.
const DEFAULT_DAYS: i64 = 10;

/// First and last day, both in, as days since 1970-01-01.
type Days = (i64, i64);

impl Account {
    pub(super) fn usage(&self, call: &Call<'_>, words: &[String]) -> Result<SimReply, ApiError> {
        let days = days(call)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let period = json!({ "from": day_text(days.0), "to": day_text(days.1) });
        let body = match words.as_slice() {
            [] => {
                let mut sum: BTreeMap<i64, u64> = BTreeMap::new();
                for (_, log) in self.living() {
                    within(log, days).for_each(|(day, bytes)| *sum.entry(day).or_insert(0) += bytes);
                }
                json!({
                    "id": uuid(self.config.seed, "organisation"), "name": "Simulated organisation",
                    "period": period, "period_usage": sum.values().sum::<u64>(),
                    "daily_usage": daily(sum.into_iter()),
                })
            }
            ["logs"] => json!({ "per_day_usage": {
                "period": period, "report_interval": "day", "usage_units": "bytes",
                "usage": (days.0..=days.1).filter_map(|day| self.day(day)).collect::<Vec<_>>(),
            } }),
            ["logs", id] => {
                let log = self.log_at(id).and_then(|at| self.logs.get(at)).ok_or_else(ApiError::missing)?;
                let usage = daily(within(log, days));
                if usage.is_empty() {
                    return Err(ApiError::missing());
                }
                json!({ "usage": { "id": id, "period": period, "daily_usage": usage } })
            }
            _ => return Err(ApiError::missing()),
        };
        Ok(self.packed(call, SimReply::json(200, &body)))
    }

    /// One day over all logs that have data.
    fn day(&self, day: i64) -> Option<Value> {
        let logs = self.living().filter_map(|(_, log)| {
            let bytes = log.daily_bytes().get(&day)?;
            Some(json!({ "id": log.id, "usage": bytes }))
        });
        let logs: Vec<Value> = logs.collect();
        (!logs.is_empty()).then(|| json!({ "interval": day_text(day), "log_usage": logs }))
    }
}

fn days(call: &Call<'_>) -> Result<Days, ApiError> {
    let today = call.now_ms.div_euclid(DAY_MS);
    let read = |text: &str| parse_date(text).map(|ms| ms / DAY_MS).ok_or_else(|| ApiError::bad("not a date"));
    let params = &call.params;
    match (params.get("from"), params.get("to"), params.get("time_range")) {
        (Some(from), Some(to), None) => Ok((read(from)?, read(to)?)),
        (None, None, None) => Ok((today - DEFAULT_DAYS, today)),
        (None, None, Some(range)) => {
            let (from, to) = relative(range, call.now_ms)?;
            Ok((from.div_euclid(DAY_MS), to.div_euclid(DAY_MS)))
        }
        _ => Err(ApiError::bad("Provide from and to, or time_range")),
    }
}

fn within(log: &LogStore, days: Days) -> impl Iterator<Item = (i64, u64)> {
    log.daily_bytes()
        .iter()
        .map(|(day, bytes)| (*day, *bytes))
        .filter(move |(day, _)| (days.0..=days.1).contains(day))
}

fn daily(days: impl Iterator<Item = (i64, u64)>) -> Vec<Value> {
    days.map(|(day, bytes)| json!({ "day": day_text(day), "usage": bytes })).collect()
}

fn day_text(day: i64) -> String {
    date(day.saturating_mul(DAY_MS))
}
