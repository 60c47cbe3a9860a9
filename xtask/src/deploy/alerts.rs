//! Alerts: read and tried by promtool, and kept to what whoever is woken needs to know.
//!
//! Whether an expression means the right thing is what the cases in `alerts.test.yml` say; here every alert must have some.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::yaml::{list, text};
use super::{Checked, Desk, Outcome, judge, nowhere, verdict, yaml};
use crate::failure::Failure;
use crate::files;

const RULES: &str = "deploy/prometheus/alerts.yml";
const CASES: &str = "deploy/prometheus/alerts.test.yml";
const RUNBOOK: &str = "docs/RUNBOOK.md";
const SEVERITIES: [&str; 2] = ["critical", "warning"];

/// `promtool check rules`, with all its lints.
pub(super) fn read(desk: &Desk) -> Checked {
    promtool(desk, &["check", "rules", "--lint=all", "--lint-fatal", RULES])
}

/// `promtool test rules`: what fires when.
pub(super) fn fire(desk: &Desk) -> Checked {
    promtool(desk, &["test", "rules", CASES])
}

fn promtool(desk: &Desk, words: &[&str]) -> Checked {
    let Some(promtool) = desk.promtool()? else { return Ok(nowhere("promtool")) };
    judge(Command::new(promtool).args(words).current_dir(&desk.root)).map(Outcome::Holds)
}

/// The example in the README is a configuration that Prometheus takes.
pub(super) fn example(desk: &Desk) -> Checked {
    let Some(promtool) = desk.promtool()? else { return Ok(nowhere("promtool")) };
    let readme = desk.text("deploy/prometheus/README.md")?;
    let example = block(&readme, "# prometheus.yml").ok_or_else(|| {
        Failure::new("deploy/prometheus/README.md has no block that begins with # prometheus.yml")
    })?;
    let folder = desk.scratch.join("prometheus");
    files::write(&folder.join("prometheus.yml"), example)?;
    files::write(&folder.join("log-ingestion.yml"), &desk.text(RULES)?)?;
    judge(Command::new(promtool).args(["check", "config", "prometheus.yml"]).current_dir(&folder))
        .map(Outcome::Holds)
}

/// The block of code of a document that begins with a line.
fn block<'a>(document: &'a str, first_line: &str) -> Option<&'a str> {
    let mut blocks = document.split("\n```").skip(1).step_by(2);
    blocks.find_map(|block| {
        let (_language, body) = block.split_once('\n')?;
        (body.lines().next()? == first_line).then_some(body)
    })
}

/// Every alert says how bad it is, what happened, and where it is told what to do; and is tried both ways.
pub(super) fn keep_rules(desk: &Desk) -> Checked {
    let rules = yaml::document(desk, &desk.root.join(RULES))?;
    let cases = yaml::document(desk, &desk.root.join(CASES))?;
    let alerts = alerts(&rules);
    let anchors = anchors(&desk.text(RUNBOOK)?);
    let mut faults: Vec<String> = alerts.iter().flat_map(|alert| faults(alert, &anchors)).collect();
    let (firing, silent) = tried(&cases);
    for alert in &alerts {
        let name = text(alert, "/alert");
        if !firing.contains(name) {
            faults.push(format!("{CASES} has no case in which {name} fires"));
        }
        if !silent.contains(name) {
            faults.push(format!("{CASES} has no case in which {name} is silent"));
        }
    }
    verdict(&faults, format!("{} alerts, each fires in a case and is silent in another", alerts.len()))
}

fn alerts(rules: &Value) -> Vec<&Value> {
    let rules = list(rules, "/groups").into_iter().flat_map(|group| list(group, "/rules"));
    rules.filter(|rule| rule.get("alert").is_some()).collect()
}

fn faults(alert: &Value, anchors: &BTreeSet<String>) -> Vec<String> {
    let name = text(alert, "/alert");
    let mut faults = Vec::new();
    if !SEVERITIES.contains(&text(alert, "/labels/severity")) {
        faults.push(format!("{name} has no severity of {SEVERITIES:?}"));
    }
    if text(alert, "/labels/service") != "log-ingestion" {
        faults.push(format!("{name} does not say whose it is: service: log-ingestion"));
    }
    for annotation in ["summary", "description"] {
        if text(alert, &format!("/annotations/{annotation}")).is_empty() {
            faults.push(format!("{name} has no {annotation}"));
        }
    }
    let link = text(alert, "/annotations/runbook_url").split_once("/docs/RUNBOOK.md#");
    match link {
        None => faults.push(format!("{name} has no runbook_url into {RUNBOOK}")),
        Some((_, anchor)) if !anchors.contains(anchor) => {
            faults.push(format!("{RUNBOOK} has no heading {anchor}, to which {name} leads"));
        }
        Some(_) => {}
    }
    faults
}

/// Names of alerts that fire in some case, and of those that are silent in some.
fn tried(cases: &Value) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let (mut firing, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for check in list(cases, "/tests").into_iter().flat_map(|case| list(case, "/alert_rule_test")) {
        let tried = if list(check, "/exp_alerts").is_empty() { &mut silent } else { &mut firing };
        tried.insert(text(check, "/alertname"));
    }
    (firing, silent)
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(document: &str) -> BTreeSet<String> {
    let mut in_code = false;
    let mut found = BTreeSet::new();
    for line in document.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        let heading = line.trim_start_matches('#');
        if in_code || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        found.insert(kept.collect::<String>().to_lowercase().replace(' ', "-"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_has_the_anchor_that_github_gives_it() {
        let found =
            anchors("# Runbook\n### Authentication failures (401/403)\n```sh\n# no heading\n```\n#no\n");
        assert_eq!(found, ["authentication-failures-401403", "runbook"].map(str::to_owned).into());
    }

    #[test]
    fn an_alert_without_what_people_need_is_found() {
        let url = "https://example.com/docs/RUNBOOK.md#service-down";
        let whole = serde_json::json!({"alert": "A", "labels": {"severity": "warning", "service": "log-ingestion"},
            "annotations": {"summary": "s", "description": "d", "runbook_url": url}});
        let known = BTreeSet::from(["service-down".to_owned()]);
        assert!(faults(&whole, &known).is_empty());
        assert_eq!(faults(&whole, &BTreeSet::new()).len(), 1);
        assert_eq!(faults(&serde_json::json!({"alert": "A"}), &known).len(), 5);
    }

    #[test]
    fn a_block_is_found_by_its_first_line() {
        let document = "Text\n\n```sh\nls\n```\n\n```yaml\n# x.yml\na: 1\n```\n";
        assert_eq!(block(document, "# x.yml"), Some("# x.yml\na: 1"));
        assert_eq!(block(document, "# y.yml"), None);
    }
}
