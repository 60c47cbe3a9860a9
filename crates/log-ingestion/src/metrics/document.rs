//! `docs/metrics.md`, made from the table of metrics.
//!
//! Decides only how the table reads; a test compares the file with it.

use super::names::{
    API_CALL_BUCKETS, LOGS_SHOWN_MAX, Metric, OF_THE_PROCESS, OTHER_LOGS, REFUSALS, STATUS_CLASSES, UPKEEP,
};

/// Prefix of the metrics that the runbook does not name.
const OURS: &str = "log_ingestion_";

/// The whole document.
#[must_use]
pub fn document() -> String {
    let mut text = HEAD.to_owned();
    let group = |title: &str, wanted: fn(&str) -> bool| {
        let mut text =
            format!("\n## {title}\n\n| metric | kind | labels | unit | meaning |\n|---|---|---|---|---|\n");
        for facts in Metric::ALL.iter().map(|metric| metric.facts()).filter(|facts| wanted(facts.name)) {
            let labels: Vec<String> = facts.labels.iter().map(|label| format!("`{label}`")).collect();
            let (name, kind, unit, help) = (facts.name, facts.kind.name(), facts.unit.name(), facts.help);
            text.push_str(&format!("| `{name}` | {kind} | {} | {unit} | {help} |\n", labels.join(", ")));
        }
        text
    };
    text.push_str(&group("The runbook's", |name| {
        !name.starts_with(OURS) && !name.starts_with(OF_THE_PROCESS)
    }));
    text.push_str(&group("Ours", |name| name.starts_with(OURS)));
    text.push_str(&group("The process", |name| name.starts_with(OF_THE_PROCESS)));
    text.push_str("\n## Labels\n\n| label | values |\n|---|---|\n");
    let (statuses, refusals, upkeep) = (list(&STATUS_CLASSES), list(&REFUSALS), list(&UPKEEP));
    let (failures, classes) = (list(&super::failures()), list(&super::classes()));
    let reasons = list(&super::quarantine_reasons());
    for (label, values) in [
        ("status", format!("{statuses}; of `log_ingestion_api_refused_total` {refusals}")),
        ("class", format!("{classes}: the server's counters")),
        ("reason", format!("of failures {failures}; of rows {reasons}")),
        ("by", upkeep),
        (
            "log",
            format!(
                "the log's name; the first {LOGS_SHOWN_MAX} logs have series of their own, the rest is `{OTHER_LOGS}`: counters and windows added up, of lags the longest, of times left the shortest. Logs of one name share a series in the same way"
            ),
        ),
        ("version", "the program's".to_owned()),
    ] {
        text.push_str(&format!("| `{label}` | {values} |\n"));
    }
    let buckets: Vec<String> = API_CALL_BUCKETS.iter().map(|bound| format!("`{bound}`")).collect();
    text.push_str(&format!(
        "\nBuckets of `{}`: {}, `+Inf`.\n",
        Metric::ApiCallDuration.facts().name,
        buckets.join(", ")
    ));
    text.push_str(TAIL);
    text
}

fn list(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

const HEAD: &str = "# Metrics

<!-- Made from `Metric` in crates/log-ingestion/src/metrics/names.rs; METRICS_DOC=1 cargo test -p log-ingestion metrics::document rewrites it. -->

In Prometheus text format 0.0.4 at `/metrics` of `METRICS_ADDR`, and the same in the file `METRICS_TEXTFILE`, which node_exporter's
textfile collector reads. With `OTEL_EXPORTER_OTLP_ENDPOINT` a collector gets the same over OTLP/HTTP, with the headers of
`OTEL_EXPORTER_OTLP_HEADERS`. How all are served is in [configuration.md](configuration.md#metrics-and-health).
";

const TAIL: &str = "
## Where values begin

Series with a fixed set of labels exist from the start, at 0, so that `rate()` and `increase()` see their first change. Counters begin at 0
when the process starts. In `METRICS_TEXTFILE` they go on from what the file says, since a run of a timer would otherwise write the same
numbers each time; remove the file to begin anew. The `process_*` metrics there are those of the run that wrote it.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::names::Kind;

    #[test]
    fn docs_metrics_md_is_made_from_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let wanted = document();
        #[expect(
            clippy::disallowed_methods,
            reason = "asks whether the file is to be rewritten, as snapshot tests do"
        )]
        if std::env::var("METRICS_DOC").is_ok() {
            std::fs::write(path, &wanted).unwrap();
        }
        let have = std::fs::read_to_string(path).unwrap_or_default();
        let how =
            "docs/metrics.md is out of date: METRICS_DOC=1 cargo test -p log-ingestion metrics::document";
        assert!(have == wanted, "{how}");
    }

    #[test]
    fn names_follow_the_rules_of_prometheus_and_none_comes_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for facts in Metric::ALL.iter().map(|metric| metric.facts()) {
            let name = facts.name;
            assert!(seen.insert(name), "{name} comes twice");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), facts.kind == Kind::Counter, "{name}");
            let unit = facts.unit.name();
            assert!(name.trim_end_matches("_total").ends_with(unit), "{name} ends in its unit, {unit}");
            assert!(facts.help.ends_with('.') && !facts.help.contains('|'), "{name}");
        }
    }
}
