//! Which metrics an expression of Prometheus names.
//!
//! Not a parser: promtool is one. Knows words, and which of them are no metrics: functions, operators, labels.

/// Words that join or shape vectors, and aggregations, which may have their labels before their argument.
const NO_METRICS: [&str; 24] = [
    "and",
    "or",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "offset",
    "bool",
    "inf",
    "nan",
    "sum",
    "min",
    "max",
    "avg",
    "count",
    "group",
    "stddev",
    "topk",
    "bottomk",
    "quantile",
    "count_values",
];
/// Words behind which labels stand in parentheses.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The names of metrics in an expression, in order, each once.
pub(super) fn metrics(expression: &str) -> Vec<String> {
    let text = without_insides(expression);
    let mut names: Vec<String> = Vec::new();
    let mut rest = text.as_str();
    while let Some((word, behind)) = next_word(rest) {
        rest = behind;
        let lower = word.to_lowercase();
        let called = behind.trim_start().starts_with('(');
        if BEFORE_LABELS.contains(&lower.as_str()) {
            if called {
                rest = behind.split_once(')').map_or("", |(_, rest)| rest);
            }
        } else if !called && !NO_METRICS.contains(&lower.as_str()) && !names.iter().any(|name| name == word) {
            names.push(word.to_owned());
        }
    }
    names
}

/// The metric of a dashboard's variable: `label_values(metric{..}, label)`; none where only labels are asked for.
pub(super) fn metrics_of_variable(query: &str) -> Vec<String> {
    let inside = query.trim().strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let Some(inside) = inside else { return metrics(query) };
    let bare = without_insides(inside);
    bare.rsplit_once(',').map(|(metric, _label)| metrics(metric)).unwrap_or_default()
}

/// The expression without what stands in quotes, braces and brackets.
fn without_insides(expression: &str) -> String {
    let mut kept = String::new();
    let (mut quote, mut depth) = (None, 0_usize);
    for c in expression.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => {
                depth = depth.saturating_sub(1);
                kept.push(' ');
            }
            (None, _) if depth == 0 => kept.push(c),
            (None, _) => {}
        }
    }
    kept
}

/// The next word, and what comes behind it. A number with its unit is no word.
fn next_word(text: &str) -> Option<(&str, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':' || c == '$';
    let mut rest = text;
    loop {
        let start = rest.find(part)?;
        let from = rest.get(start..)?;
        let end = from.find(|c: char| !part(c)).unwrap_or(from.len());
        let (word, behind) = from.split_at_checked(end)?;
        if !word.starts_with(|c: char| c.is_ascii_digit() || c == '$') {
            return Some((word, behind));
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, want: &[&str]) {
        assert_eq!(metrics(expression), want, "{expression}");
    }

    #[test]
    fn functions_aggregations_and_labels_are_no_metrics() {
        check("up", &["up"]);
        check("rate(a_total[5m]) > 0.5", &["a_total"]);
        check("sum by (job, instance) (increase(a_total{x=\"b(c)\"}[5m])) > 3", &["a_total"]);
        check("sum(a) by (x) / on (job) group_left (y) b", &["a", "b"]);
        check("a and on () absent(b) unless c offset 1h", &["a", "b", "c"]);
        check("histogram_quantile(0.95, sum by (le) (rate(h_bucket[$__rate_interval])))", &["h_bucket"]);
        check("time() - a > 3 * 3600", &["a"]);
        check("instance:x:ratio > 0.95 or vector(0)", &["instance:x:ratio"]);
        check("max(a) + max(a)", &["a"]);
    }

    #[test]
    fn a_variable_asks_for_the_labels_of_a_metric() {
        assert_eq!(metrics_of_variable("label_values(a_info{job=~\"$job,x\"}, instance)"), ["a_info"]);
        assert!(metrics_of_variable("label_values(job)").is_empty());
    }
}
