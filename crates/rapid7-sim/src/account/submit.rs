//! Decides what a submit asks for: parameters and JSON body to a query, or a refusal.
//!
//! Never looks at logs: which keys exist is the account's to know.

use serde_json::Value;

use super::errors::ApiError;
use crate::civil::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::http::{Params, SimRequest};
use crate::leql::Statement;

/// Events of a page without `per_page`.
pub(super) const PER_PAGE_DEFAULT: u32 = 50;
/// The end of the year 9999, in epoch ms; further moments are refused, so that sums cannot overflow.
const MOMENT_MAX: i64 = 253_402_300_799_999;
/// Most events of a page.
const PER_PAGE_MAX: u32 = 500;

/// Which logs a query reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Keys(Vec<String>),
    SetNames(Vec<String>),
    SetId(String),
}

/// A query that is well formed.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) target: Target,
    pub(super) text: String,
    pub(super) statement: Statement,
    pub(super) from: i64,
    pub(super) to: i64,
    /// The relative range, if it was one.
    pub(super) time_range: Option<String>,
    pub(super) per_page: u32,
    pub(super) sequence: Option<u64>,
    pub(super) newest_first: bool,
    pub(super) kvp: bool,
    pub(super) posted: bool,
    /// Reached by a Next link.
    pub(super) next: bool,
    /// The empty page between two pages.
    pub(super) skip: bool,
}

impl Query {
    /// Reads a GET.
    pub(super) fn from_params(target: Target, params: &Params, now_ms: i64) -> Result<Self, ApiError> {
        let (from, to, time_range) = window(params, now_ms)?;
        let text = params.get("query").unwrap_or("").to_owned();
        let query = Self::base(target, text, params)?;
        Ok(Self { from, to, time_range, ..query })
    }

    /// Reads a POST.
    pub(super) fn from_post(request: &SimRequest, params: &Params, now_ms: i64) -> Result<Self, ApiError> {
        if !request.is_json() {
            return Err(ApiError::media());
        }
        let malformed = || ApiError::bad("A Json Error occurred mapping the request received");
        let body: Value = serde_json::from_slice(&request.body).map_err(|_cause| malformed())?;
        let logs = body.get("logs").and_then(Value::as_array).ok_or_else(malformed)?;
        let keys: Vec<String> = logs.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if keys.is_empty() || keys.len() != logs.len() {
            return Err(malformed());
        }
        let leql = body.get("leql").filter(|leql| leql.is_object()).ok_or_else(malformed)?;
        let text = leql.get("statement").and_then(Value::as_str).unwrap_or("").to_owned();
        let during = leql.get("during").ok_or_else(|| ApiError::bad("during is missing"))?;
        let bound = |name| during.get(name).and_then(Value::as_i64);
        let range = during.get("time_range").and_then(Value::as_str);
        let (from, to) = match (bound("from"), bound("to"), range) {
            (Some(from), Some(to), None) => ordered(from, to)?,
            (None, None, Some(range)) => relative(range, now_ms)?,
            _ => return Err(one_range()),
        };
        let query = Self::base(Target::Keys(keys), text, params)?;
        Ok(Self { from, to, time_range: range.map(str::to_owned), posted: true, ..query })
    }

    fn base(target: Target, text: String, params: &Params) -> Result<Self, ApiError> {
        let statement = Statement::parse(&text).map_err(|cause| ApiError::syntax(&cause))?;
        if statement.is_statistic()
            && (params.get("per_page").is_some() || params.get("sequence_number").is_some())
        {
            return Err(ApiError::paged_statistic());
        }
        let per_page = match params.get("per_page") {
            None => Some(PER_PAGE_DEFAULT),
            Some(text) => text.parse().ok().filter(|n| (1..=PER_PAGE_MAX).contains(n)),
        };
        let sequence = params.get("sequence_number").map(str::parse::<u64>).transpose();
        Ok(Self {
            target,
            text,
            statement,
            from: 0,
            to: 0,
            time_range: None,
            per_page: per_page.ok_or_else(|| ApiError::bad("per_page must be between 1 and 500"))?,
            sequence: sequence.map_err(|_cause| ApiError::bad("sequence_number is not a number"))?,
            newest_first: params.flag("most_recent_first"),
            kvp: params.flag("kvp_info"),
            posted: false,
            next: params.flag("next_page"),
            skip: params.get("page_state") == Some("skip"),
        })
    }
}

fn one_range() -> ApiError {
    ApiError::bad("Provide either from and to, or time_range")
}

fn ordered(from: i64, to: i64) -> Result<(i64, i64), ApiError> {
    match (from, to) {
        _ if from > to => Err(ApiError::bad("from is after to")),
        _ if from < -MOMENT_MAX || to > MOMENT_MAX => Err(ApiError::bad("from or to is out of range")),
        window => Ok(window),
    }
}

/// The window of a GET, and the relative range if it was one.
pub(super) fn window(params: &Params, now_ms: i64) -> Result<(i64, i64, Option<String>), ApiError> {
    // text where a number belongs meets no route of the live service, hence 404 and not 400
    let number = |text: &str| text.parse::<i64>().map_err(|_cause| ApiError::missing());
    match (params.get("from"), params.get("to"), params.get("time_range")) {
        (Some(from), Some(to), None) => {
            let (from, to) = ordered(number(from)?, number(to)?)?;
            Ok((from, to, None))
        }
        (None, None, Some(range)) => {
            let (from, to) = relative(range, now_ms)?;
            Ok((from, to, Some(range.to_owned())))
        }
        _ => Err(one_range()),
    }
}

/// Resolves `today`, `yesterday` and `last N unit` against the server's clock.
pub(super) fn relative(range: &str, now_ms: i64) -> Result<(i64, i64), ApiError> {
    let bad = || ApiError::bad(format!("time_range {range:?} is not understood"));
    let lower = range.trim().to_ascii_lowercase();
    let midnight = now_ms - now_ms.rem_euclid(DAY_MS);
    match lower.as_str() {
        "today" => return Ok((midnight, now_ms)),
        "yesterday" => return Ok((midnight - DAY_MS, midnight)),
        _ => {}
    }
    let mut words = lower.split_whitespace();
    let (Some("last"), Some(number), Some(unit), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad());
    };
    let unit_ms = match unit.strip_suffix('s').unwrap_or(unit) {
        "min" | "minute" => MINUTE_MS,
        "hr" | "hour" => HOUR_MS,
        "day" => DAY_MS,
        "week" => 7 * DAY_MS,
        "month" => 30 * DAY_MS,
        "year" => 365 * DAY_MS,
        _ => return Err(bad()),
    };
    let length = number.parse::<i64>().ok().filter(|n| *n > 0).and_then(|n| n.checked_mul(unit_ms));
    ordered(now_ms.saturating_sub(length.ok_or_else(bad)?), now_ms)
}
