//! Families of series and spans as messages of OTLP, in the protocol's JSON form.
//!
//! Instants are nanoseconds in text, as are whole numbers; ids are hex. Source: OpenTelemetry protocol 1.x, "JSON Protobuf
//! Encoding". Only forms; sends nothing.

use ingest_core::time::Timestamp;
use prometheus::proto::{Histogram, Metric as Series, MetricFamily, MetricType};
use serde_json::{Value, json};

use super::spans::Ended;
use crate::metrics::Metric;

/// Sums and histograms count from the start of the process.
const CUMULATIVE: u32 = 2;
/// A span of work inside the program.
const INTERNAL: u32 = 1;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// Who it is that sends.
pub(super) fn resource(environment: &str) -> Value {
    let facts = [
        ("service.name", "log-ingestion"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", environment),
    ];
    json!({ "attributes": facts.map(|(key, value)| attribute(key, value)) })
}

/// A message of metrics.
pub(super) fn metrics(
    resource: &Value,
    families: &[MetricFamily],
    since: Timestamp,
    now: Timestamp,
) -> Value {
    let times = (nanos(since), nanos(now));
    let metrics: Vec<Value> = families.iter().map(|family| metric(family, &times)).collect();
    json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "scope": scope(), "metrics": metrics }] }] })
}

/// A message of spans.
pub(super) fn traces(resource: &Value, spans: &[Ended]) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "scope": scope(), "spans": spans }] }] })
}

fn scope() -> Value {
    json!({ "name": "log-ingestion", "version": env!("CARGO_PKG_VERSION") })
}

fn metric(family: &MetricFamily, times: &(String, String)) -> Value {
    let points: Vec<Value> = family.get_metric().iter().map(|series| point(family, series, times)).collect();
    let mut metric =
        json!({ "name": family.name(), "description": family.help(), "unit": unit(family.name()) });
    let data = match family.get_field_type() {
        MetricType::COUNTER => (
            "sum",
            json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true }),
        ),
        MetricType::HISTOGRAM => {
            ("histogram", json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE }))
        }
        MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => {
            ("gauge", json!({ "dataPoints": points }))
        }
    };
    if let Some(metric) = metric.as_object_mut() {
        metric.insert(data.0.to_owned(), data.1);
    }
    metric
}

/// The unit as UCUM has it.
fn unit(name: &str) -> &'static str {
    let facts = Metric::ALL.iter().map(|metric| metric.facts()).find(|facts| facts.name == name);
    match facts.map_or("", |facts| facts.unit.name()) {
        "seconds" => "s",
        "bytes" => "By",
        _ => "1",
    }
}

fn point(family: &MetricFamily, series: &Series, (since, now): &(String, String)) -> Value {
    let labels = series.get_label().iter();
    let attributes: Vec<Value> = labels.map(|label| attribute(label.name(), label.value())).collect();
    let value = match family.get_field_type() {
        MetricType::COUNTER => series.get_counter().get_value(),
        MetricType::HISTOGRAM => return histogram(series.get_histogram(), &attributes, since, now),
        MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => series.get_gauge().get_value(),
    };
    json!({ "attributes": attributes, "startTimeUnixNano": since, "timeUnixNano": now, "asDouble": value })
}

/// The text format counts what is below each bound, OTLP what is between two.
fn histogram(of: &Histogram, attributes: &[Value], since: &str, now: &str) -> Value {
    let mut below = 0;
    let mut counts = Vec::new();
    let mut bounds = Vec::new();
    for bucket in of.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite()) {
        let cumulative = bucket.cumulative_count();
        counts.push(cumulative.saturating_sub(below).to_string());
        bounds.push(bucket.upper_bound());
        below = cumulative;
    }
    let all = of.get_sample_count();
    counts.push(all.saturating_sub(below).to_string());
    json!({
        "attributes": attributes,
        "startTimeUnixNano": since,
        "timeUnixNano": now,
        "count": all.to_string(),
        "sum": of.get_sample_sum(),
        "bucketCounts": counts,
        "explicitBounds": bounds,
    })
}

fn span(span: &Ended) -> Value {
    let attributes: Vec<Value> = span.attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    json!({
        "traceId": format!("{:032x}", span.place.trace),
        "spanId": format!("{:016x}", span.place.span),
        "parentSpanId": span.place.parent.map_or_else(String::new, |parent| format!("{parent:016x}")),
        "name": span.name,
        "kind": INTERNAL,
        "startTimeUnixNano": nanos(span.from),
        "endTimeUnixNano": nanos(span.to),
        "attributes": attributes,
    })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn nanos(at: Timestamp) -> String {
    at.millis().saturating_mul(NANOS_PER_MILLI).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ingest_core::quota::Class;
    use ingest_source::watch::Watch as _;

    use super::*;
    use crate::metrics::{Metrics, Reader, ReaderOptions};

    fn message() -> Value {
        let metrics = Metrics::shared();
        for ms in [10, 700, 700, 90_000] {
            metrics.answered(Class::Query, 200, Duration::from_millis(ms));
        }
        let options = ReaderOptions {
            disk: ingest_store::OsDisk::shared(),
            output_dir: std::path::PathBuf::from("/nowhere"),
            min_free_disk: ingest_core::space::MinFree::Nothing,
            clock: std::sync::Arc::new(crate::app::SystemClock),
        };
        let families = Reader::new(metrics, options).families();
        let at = Timestamp::from_millis;
        super::metrics(&resource("test"), &families, at(1), at(2))
    }

    #[test]
    fn series_are_sums_gauges_and_histograms() {
        let message = message();
        let of = |name: &str| {
            let metrics = message["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
            metrics.iter().find(|metric| metric["name"] == name).unwrap().clone()
        };
        let calls = &of("api_calls_total")["sum"];
        assert_eq!((&calls["isMonotonic"], &calls["aggregationTemporality"]), (&true.into(), &2.into()));
        let point = &calls["dataPoints"][0];
        assert_eq!(point["attributes"][0], attribute("status", "200"));
        assert_eq!((&point["asDouble"], &point["startTimeUnixNano"]), (&4.0.into(), &"1000000".into()));
        let duration = of("api_call_duration_seconds");
        let point = &duration["histogram"]["dataPoints"][0];
        assert_eq!((&duration["unit"], &point["count"]), (&"s".into(), &"4".into()));
        let counts: Vec<&str> =
            point["bucketCounts"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        assert_eq!(counts, ["1", "0", "0", "0", "2", "0", "0", "0", "0", "0", "0", "1"]);
        assert_eq!(point["explicitBounds"].as_array().unwrap().len(), 11);
        assert!(of("log_ingestion_build_info")["gauge"]["dataPoints"][0]["asDouble"] == 1.0);
        assert_eq!(
            message["resourceMetrics"][0]["resource"]["attributes"][2]["value"]["stringValue"],
            "test"
        );
    }
}
