//! What a seed decides of the account: its logs, the server's conventions, and the faults that pass.

use rapid7_sim::{Faults, Kind, LogSpec, Semantics, SimConfig};

use super::story::{Dice, HOUR, now};

/// Where each log begins, before now.
const SPAN_MS: i64 = 11 * HOUR;

const KINDS: [Kind; 8] =
    [Kind::Csv, Kind::Json, Kind::Syslog, Kind::Access, Kind::Text, Kind::Kvp, Kind::Mixed, Kind::Odd];

/// Events of a log that is larger than memory, and the bytes of each: together more than
/// [`HELD_MAX`](super::weight::HELD_MAX).
pub(super) const BULKY_EVENTS: u64 = 12_000;
const BULKY_BYTES: usize = 6_000;

pub(super) fn account(dice: &Dice, seed: u64, shrinks: bool, large: bool) -> SimConfig {
    let mut sim = SimConfig { seed, ..SimConfig::default() };
    for log in 0..=dice.below(2) {
        let from = now().millis() - SPAN_MS;
        let to = now().millis() + if shrinks { -1 } else { dice.pick(&[-1, 0, 3]) } * HOUR;
        let count = if dice.one_in(8) { dice.below(4) } else { 20 + dice.below(200) };
        let count = if large { 1_000 + dice.below(3_000) } else { count };
        let name = format!("log{log}");
        sim.logs.push(if dice.one_in(3) {
            LogSpec::generated(name, dice.pick(&KINDS), count).span(from, to)
        } else {
            kept(dice, &name, count, from, to)
        });
    }
    sim.semantics = semantics(dice);
    if shrinks {
        sim.semantics.set("visibility_lag_ms", "0").unwrap();
    }
    sim.faults = faults(dice);
    sim
}

/// A log whose events may come and go: rows that a few do not fit, fields that are added, some at the same instant.
fn kept(dice: &Dice, name: &str, count: u64, from: i64, to: i64) -> LogSpec {
    let (style, step) = (dice.below(4), (to - from) / (i64::try_from(count).unwrap() + 1));
    let gap = if dice.one_in(3) { 4 * HOUR } else { 0 };
    let twins = dice.one_in(2);
    let events = (0..count).map(|n| {
        let slot = i64::try_from(if twins { n - n % 5 } else { n }).unwrap();
        let at = from + slot * step;
        let at = if at > from + 5 * HOUR { (at + gap).min(to - 1) } else { at };
        (at, 4_096 * (n + 1), message(style, n))
    });
    LogSpec::events(name, events.collect::<Vec<_>>())
}

/// One event's text, unlike any other.
pub(crate) fn message(style: u64, n: u64) -> String {
    match style {
        _ if n % 13 == 5 => format!("}}{{ no record at all, number {n}"),
        0 if n > 90 => format!(r#"{{"n":"x{n}","level":"INFO","more":{n}}}"#),
        0 => format!(r#"{{"n":{n},"level":"INFO"}}"#),
        1 => format!("{n},alice,10.0.0.{},{}", n % 250, n * 7),
        2 => format!("n={n} level=WARN user=u{}", n % 9),
        _ => format!("Something happened for the {n}th time"),
    }
}

fn semantics(dice: &Dice) -> Semantics {
    let mut semantics = Semantics::default();
    let choices: [(&str, &[&str]); 15] = [
        ("from_bound", &["inclusive", "exclusive"]),
        ("to_bound", &["exclusive", "inclusive"]),
        ("submit_answer", &["200", "202", "202-every-page", "mixed"]),
        ("poll_running_status", &["200", "202"]),
        ("partial_events_while_running", &["none", "some"]),
        ("self_link_changes", &["false", "true"]),
        ("link_host_style", &["bare", "log_search_prefix", "alternate"]),
        ("rel_case", &["title", "lower"]),
        ("next_on_full_page", &["false", "true"]),
        ("empty_pages", &["false", "true"]),
        ("events_absent_when_empty", &["false", "true"]),
        ("sequence_str_as_number", &["false", "true"]),
        ("retry_after", &["present", "absent"]),
        ("rate_headers", &["present", "absent"]),
        ("visibility_lag_ms", &["0", "0", "120000", "1200000"]),
    ];
    for (key, values) in choices {
        semantics.set(key, dice.pick(values)).unwrap();
    }
    semantics
}

/// Faults that pass: each at most a few times.
fn faults(dice: &Dice) -> Faults {
    let mut faults = Faults::default();
    let names = [
        "http_500_502_503_504_html",
        "html_200",
        "retry_429",
        "connection_reset_before_body",
        "body_cut_mid_json",
        "unreadable_json",
        "download_cut_without_last_chunk",
        "download_cut_with_clean_end",
        "download_rows_dropped",
        "newline_inside_download_entry",
        "duplicate_event_at_page_border",
        "empty_page_with_next",
        "count_mismatch",
        "count_self_disagrees",
        "slow_first_byte",
        "beyond_retention_header_with_zero_rows",
        "next_link_missing",
    ];
    if dice.one_in(3) {
        return faults;
    }
    for name in names {
        if dice.one_in(4) {
            faults.add(&format!("{name}=0.15/3")).unwrap();
        }
    }
    faults
}

/// A log that has more text in one window than there is memory for it.
pub(super) fn bulky(name: &str) -> LogSpec {
    let (from, step) = (now().millis() - SPAN_MS, 8 * HOUR / i64::try_from(BULKY_EVENTS).unwrap());
    let events = (0..BULKY_EVENTS).map(|n| {
        let at = from + i64::try_from(n).unwrap() * step;
        (at, 4_096 * (n + 1), format!("{} rest={}", message(2, n), "x".repeat(BULKY_BYTES)))
    });
    LogSpec::events(name, events.collect::<Vec<_>>())
}
