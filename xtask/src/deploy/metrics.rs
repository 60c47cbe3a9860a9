//! Rules about metrics: alerts and dashboard name only what the service has, and the dashboard can be pointed anywhere.
//!
//! What the service has stands in `docs/metrics.md`, which is generated from its code.

use std::collections::BTreeSet;

use serde_json::Value;

use super::yaml::{list, text};
use super::{Checked, Desk, promql, verdict, yaml};
use crate::failure::Failure;

const METRICS: &str = "docs/metrics.md";
const DASHBOARD: &str = "deploy/grafana/dashboard.json";
/// What Prometheus itself adds.
const OF_PROMETHEUS: [&str; 2] = ["up", "ALERTS"];
/// What a histogram's name becomes.
const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_sum", "_count"];
/// What every metric of the dashboard must be narrowed by.
const SELECTOR: &str = "{job=~\"$job\", instance=~\"$instance\"";

/// Every metric that an alert or a panel names is one that the service has.
pub(super) fn known(desk: &Desk) -> Checked {
    let document = desk.text(METRICS)?;
    let documented = documented(&document);
    let rules = yaml::document(desk, &desk.files.join("prometheus/alerts.yml"))?;
    let (recorded, in_rules) = of_rules(&rules);
    let in_panels = of_dashboard(&dashboard_json(desk)?);
    let mut faults = Vec::new();
    for (place, names) in [("alerts.yml", &in_rules), ("dashboard.json", &in_panels)] {
        let unknown = names.iter().filter(|name| !is_known(name, &documented) && !recorded.contains(*name));
        faults.extend(unknown.map(|name| format!("{place} names {name}, which {METRICS} does not have")));
    }
    let facts = format!("{} in alerts, {} in the dashboard", in_rules.len(), in_panels.len());
    verdict(&faults, facts)
}

/// The dashboard works with any data source, and shows what is chosen.
pub(super) fn dashboard(desk: &Desk) -> Checked {
    let dashboard = dashboard_json(desk)?;
    let faults = dashboard_faults(&dashboard);
    let panels = list(&dashboard, "/panels").len();
    verdict(&faults, format!("{panels} panels and rows"))
}

fn dashboard_json(desk: &Desk) -> Result<Value, Failure> {
    serde_json::from_str(&desk.text(DASHBOARD)?)
        .map_err(|error| Failure::new(format!("{DASHBOARD} is no JSON: {error}")))
}

/// Words in backticks in the rows of tables: `name` and `name{label}`.
fn documented(document: &str) -> BTreeSet<&str> {
    let rows = document.lines().filter(|line| line.starts_with('|'));
    let words = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    words.filter_map(|word| word.split('{').next()).collect()
}

fn is_known(name: &str, documented: &BTreeSet<&str>) -> bool {
    let of_histogram = OF_HISTOGRAMS.iter().filter_map(|suffix| name.strip_suffix(suffix));
    OF_PROMETHEUS.contains(&name)
        || documented.contains(name)
        || of_histogram.into_iter().any(|base| documented.contains(base))
}

/// What rules record, and what they name.
fn of_rules(rules: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let groups = list(rules, "/groups");
    let rules: Vec<&Value> = groups.into_iter().flat_map(|group| list(group, "/rules")).collect();
    let recorded = rules.iter().map(|rule| text(rule, "/record").to_owned()).filter(|name| !name.is_empty());
    let named = rules.iter().flat_map(|rule| promql::metrics(text(rule, "/expr")));
    (recorded.collect(), named.collect())
}

/// What panels, annotations and variables name.
fn of_dashboard(dashboard: &Value) -> BTreeSet<String> {
    let panels = expressions(dashboard).into_iter().flat_map(promql::metrics);
    let variables = list(dashboard, "/templating/list").into_iter();
    let variables =
        variables.flat_map(|variable| promql::metrics_of_variable(text(variable, "/query/query")));
    panels.chain(variables).collect()
}

fn expressions(dashboard: &Value) -> Vec<&str> {
    let panels = list(dashboard, "/panels").into_iter().flat_map(|panel| list(panel, "/targets"));
    let annotations = list(dashboard, "/annotations/list");
    panels.chain(annotations).map(|target| text(target, "/expr")).collect()
}

fn dashboard_faults(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let names: Vec<&str> =
        list(dashboard, "/templating/list").into_iter().map(|variable| text(variable, "/name")).collect();
    if names != ["datasource", "job", "instance"] {
        faults.push(format!("the variables are {names:?}, and not datasource, job and instance"));
    }
    let mut ids = BTreeSet::new();
    for panel in list(dashboard, "/panels") {
        let title = text(panel, "/title");
        if !ids.insert(panel.pointer("/id").and_then(Value::as_u64)) {
            faults.push(format!("the panel {title:?} has the number of another"));
        }
        if text(panel, "/type") != "row" && text(panel, "/datasource/uid") != "${datasource}" {
            faults.push(format!("the panel {title:?} is bound to one data source"));
        }
        for expression in list(panel, "/targets").into_iter().map(|target| text(target, "/expr")) {
            let metrics = promql::metrics(expression).len();
            if metrics == 0 || expression.matches(SELECTOR).count() < metrics {
                faults.push(format!("the panel {title:?} does not keep to $job and $instance: {expression}"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_metrics_stand_in_tables() {
        let document =
            "Text of `no_metric`.\n\n| `a_total{status}` | counter | `status` is 4xx |\n| `b` | gauge | |\n";
        let names = documented(document);
        assert!(names.contains("a_total") && names.contains("b") && !names.contains("no_metric"));
        assert!(is_known("b_bucket", &names) && is_known("up", &names) && !is_known("c", &names));
    }

    #[test]
    fn a_panel_that_ignores_what_is_chosen_is_found() {
        let panel = |expr: &str| {
            serde_json::json!({"id": 1, "type": "stat", "title": "t", "datasource": {"uid": "${datasource}"},
                               "targets": [{"expr": expr}]})
        };
        let faults = |expr: &str| {
            let variables = ["datasource", "job", "instance"].map(|name| serde_json::json!({"name": name}));
            dashboard_faults(&serde_json::json!({"panels": [panel(expr)], "templating": {"list": variables}}))
        };
        assert!(faults("sum(a{job=~\"$job\", instance=~\"$instance\"})").is_empty());
        assert_eq!(faults("sum(a)").len(), 1);
        assert_eq!(faults("a{job=~\"$job\", instance=~\"$instance\"} / b").len(), 1);
    }
}
