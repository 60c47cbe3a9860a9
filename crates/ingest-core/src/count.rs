//! The server's own count of a log's events, whole and in slices of time.
//!
//! Decides how statistics are asked for and read: without paging parameters, never from a `partial`, and refused
//! when the figures of one reply differ. Never sends. Facts: API document, 2.10.

use serde_json::Value;

use crate::api::{ApiRequest, Ask, Envelope, ProtocolError, Reply, Running};
use crate::bounds::RequestSpan;
use crate::ids::LogId;
use crate::quota::Class;
use crate::time::Timestamp;

/// Largest integer up to which every `f64` is exact; counts come as floats.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// What the server counts in a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountReply {
    /// All events.
    pub total: u64,
    /// Where the first slice begins.
    pub from: Timestamp,
    /// Length of a slice in milliseconds; 0 when there are none.
    pub slice_ms: i64,
    /// Events in each slice; empty when the server gave no series.
    pub slices: Vec<u64>,
}

/// A count under way.
#[derive(Debug)]
pub struct CountQuery {
    span: RequestSpan,
    statement: String,
    running: Running,
    reply: Option<CountReply>,
}

impl CountQuery {
    /// Counts a log's events in the span, split into about `slices` equal slices where that is above 1.
    #[must_use]
    pub fn new(log: &LogId, span: RequestSpan, slices: u32) -> Self {
        let statement = if slices > 1 {
            format!("calculate(count) timeslice({slices})")
        } else {
            "calculate(count)".to_owned()
        };
        let parameters = vec![
            ("query", statement.clone()),
            ("from", span.from.millis().to_string()),
            ("to", span.to.millis().to_string()),
        ];
        let submit = ApiRequest::path(Class::Query, &["query", "logs", log.as_str()], parameters);
        Self { span, statement, running: Running::new(submit), reply: None }
    }

    /// What to send next.
    pub fn ask(&self) -> Ask {
        if self.reply.is_some() { Ask::Finished } else { self.running.ask() }
    }

    /// Takes a reply in.
    ///
    /// # Errors
    /// See [`ProtocolError`]; the machine is then as it was.
    pub fn answer(&mut self, reply: Reply<'_>) -> Result<(), ProtocolError> {
        if let Some(envelope) = self.running.answer(reply)? {
            envelope.check_echo(self.span.from.millis(), self.span.to.millis(), &self.statement)?;
            self.reply = Some(read(&envelope, self.span)?);
        }
        Ok(())
    }

    /// The count, once finished.
    #[must_use]
    pub fn into_reply(self) -> Option<CountReply> {
        self.reply
    }
}

fn read(envelope: &Envelope, span: RequestSpan) -> Result<CountReply, ProtocolError> {
    let statistics = envelope.statistics().ok_or(ProtocolError::Lacks("statistics"))?;
    let total = statistics.stats.get("global_timeseries").and_then(|s| s.get("count"));
    // An empty range may come back with empty statistics; the figures beside them then say so.
    let total = match (total, &statistics.count, envelope.search_stat("events_matched")) {
        (Some(figure), _, _) => whole(figure)?,
        (None, figure, _) if !figure.is_null() => whole(figure)?,
        (None, _, Some(matched)) => whole(&Value::from(matched))?,
        (None, _, None) => return Err(ProtocolError::Lacks("statistics.stats.global_timeseries.count")),
    };
    if let Some(matched) = envelope.search_stat("events_matched") {
        let matched = whole(&Value::from(matched))?;
        if matched != total {
            return Err(ProtocolError::CountDisagrees(format!("count {total}, events_matched {matched}")));
        }
    }
    // Said a third time where the statistics are a count and nothing else; 0 stands for "not said".
    if let Some(again) = statistics.count.as_f64().filter(|figure| *figure != 0.0) {
        let again = whole(&Value::from(again))?;
        if again != total {
            return Err(ProtocolError::CountDisagrees(format!("count {total}, and again {again}")));
        }
    }
    let series = statistics.timeseries.get("global_timeseries").and_then(Value::as_array);
    let mut slices = Vec::new();
    for slice in series.into_iter().flatten() {
        slices.push(whole(slice.get("count").unwrap_or(&Value::Null))?);
    }
    let sum: u64 = slices.iter().sum();
    if !slices.is_empty() && sum != total {
        return Err(ProtocolError::CountDisagrees(format!("count {total}, slices sum to {sum}")));
    }
    let from = statistics.from.map_or(span.from, Timestamp::from_millis);
    let slice_ms = slice_length(statistics.granularity.as_f64(), span, slices.len());
    if slice_ms == 0 {
        slices.clear();
    }
    Ok(CountReply { total, from, slice_ms, slices })
}

/// The slice length in milliseconds: as the server says, if its slices then reach over the span, else 0.
fn slice_length(granularity: Option<f64>, span: RequestSpan, slices: usize) -> i64 {
    let count = i64::try_from(slices).unwrap_or(0);
    let Some(length) =
        granularity.and_then(|g| whole(&Value::from(g)).ok()).and_then(|g| i64::try_from(g).ok())
    else {
        return 0;
    };
    let span_ms = span.to.millis().saturating_sub(span.from.millis());
    if length > 0 && length.saturating_mul(count) >= span_ms { length } else { 0 }
}

/// A count as a whole number: the API writes `18957.0`.
fn whole(value: &Value) -> Result<u64, ProtocolError> {
    if let Some(figure) = value.as_u64() {
        return Ok(figure);
    }
    let figure = value.as_f64().ok_or(ProtocolError::Lacks("a number where a count belongs"))?;
    if figure.fract() != 0.0 || !(0.0..=EXACT_MAX).contains(&figure) {
        return Err(ProtocolError::CountDisagrees(format!("{figure} is not a whole number")));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within 0..=2^53, checked above"
    )]
    Ok(figure as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(body: &str) -> Result<CountReply, ProtocolError> {
        let span = RequestSpan { from: Timestamp::from_millis(0), to: Timestamp::from_millis(100) };
        let mut query = CountQuery::new(&LogId::new("L"), span, 2);
        query.answer(Reply::Body { body: body.as_bytes(), beyond_retention: None })?;
        query.into_reply().ok_or(ProtocolError::Lacks("an end"))
    }

    fn body(stats: &str, series: &str, matched: &str) -> String {
        format!(
            r#"{{"leql":{{"statement":"calculate(count) timeslice(2)"}},"statistics":{{"granularity":50,"from":0,"to":100,
            "stats":{{"global_timeseries":{stats}}},"timeseries":{{"global_timeseries":{series}}}}},
            "search_stats":{{"events_matched":{matched}}}}}"#
        )
    }

    #[test]
    fn floats_are_read_as_whole_numbers() {
        let reply = count(&body(r#"{"count":3.0}"#, r#"[{"count":1.0},{"count":2}]"#, "3")).unwrap();
        assert_eq!((reply.total, reply.slice_ms, reply.slices), (3, 50, vec![1, 2]));
    }

    #[test]
    fn an_empty_range_may_have_empty_statistics() {
        for body in [
            r#"{"leql":{},"statistics":{"stats":{},"count":0.0}}"#,
            r#"{"leql":{},"statistics":{"stats":{}},"search_stats":{"events_matched":0}}"#,
        ] {
            assert_eq!(count(body).unwrap().total, 0, "{body}");
        }
    }

    #[test]
    fn figures_that_differ_are_refused() {
        for bad in [
            body(r#"{"count":3.0}"#, r#"[{"count":1},{"count":1}]"#, "3"),
            body(r#"{"count":3.0}"#, "[]", "4"),
            body(r#"{"count":3.5}"#, "[]", "3"),
            body(r#"{"count":-1}"#, "[]", "0"),
            r#"{"leql":{},"statistics":{"stats":{"global_timeseries":{"count":3}},"count":4}}"#.to_owned(),
        ] {
            assert!(matches!(count(&bad), Err(ProtocolError::CountDisagrees(_))), "{bad}");
        }
        assert!(matches!(count(r#"{"leql":{}}"#), Err(ProtocolError::Lacks(_))));
        assert!(matches!(count(r#"{"leql":{},"statistics":{"stats":{}}}"#), Err(ProtocolError::Lacks(_))));
    }

    #[test]
    fn a_partial_is_never_the_answer() {
        let running = r#"{"links":[{"rel":"Self","href":"S"}],"progress":1,
            "partial":{"stats":{"global_timeseries":{"count":0.0}}},"statistics":null}"#;
        assert!(matches!(count(running), Err(ProtocolError::Lacks("an end"))));
    }
}
