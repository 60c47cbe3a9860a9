//! The account against a client of a few lines that knows only the documentation.

mod errors;
mod faults;
mod streams;

use serde_json::Value;

use super::*;
use crate::faults::Faults;
use crate::messages::Kind;
use crate::rng::Rng;
use crate::semantics::{Bound, Semantics};
use crate::spec::LogSpec;

const ORIGIN: &str = "http://127.0.0.1:1";
const KEY: &str = "sim-key";
/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600_000;
const SPAN: i64 = 120_000;
const NOW: i64 = START + 2 * SPAN;

type Row = (i64, u64, String);

fn config(seed: u64, kind: Kind, count: u64) -> SimConfig {
    let log = LogSpec::generated("log", kind, count).span(START, START + SPAN);
    SimConfig { seed, ..SimConfig::default() }.with_log(log)
}

fn semantics(pairs: &[(&str, &str)]) -> Semantics {
    let mut out = Semantics::default();
    pairs.iter().for_each(|(key, value)| out.set(key, value).unwrap());
    out
}

fn account(seed: u64, count: u64, pairs: &[(&str, &str)]) -> Account {
    Account::new(SimConfig { semantics: semantics(pairs), ..config(seed, Kind::Kvp, count) }, NOW)
}

fn faulty(count: u64, faults: &[&str]) -> Account {
    let mut all = Faults::default();
    faults.iter().for_each(|text| all.add(text).unwrap());
    Account::new(SimConfig { faults: all, ..config(7, Kind::Kvp, count) }, NOW)
}

fn id_of(account: &Account) -> String {
    account.logs[0].id.clone()
}

fn get(account: &mut Account, now: i64, target: &str) -> SimReply {
    account.handle(now, &SimRequest::get(ORIGIN, target, KEY))
}

fn body(reply: SimReply) -> Value {
    let text = String::from_utf8(reply.body.into_bytes()).unwrap();
    serde_json::from_str(&text.replace("\\ud83d", "\\ufffd")).unwrap()
}

fn link(body: &Value, rel: &str) -> Option<String> {
    let links = body.get("links")?.as_array()?;
    let found = links.iter().find(|link| link["rel"].as_str().unwrap().eq_ignore_ascii_case(rel))?;
    found["href"].as_str().map(str::to_owned)
}

fn rows(body: &Value) -> Vec<Row> {
    let events = body.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
    let row = |event: Value| {
        let text = &event["sequence_number_str"];
        let sequence = text.as_u64().unwrap_or_else(|| text.as_str().unwrap().parse().unwrap());
        assert_eq!(event["sequence_number"].as_u64(), Some(sequence));
        (event["timestamp"].as_i64().unwrap(), sequence, event["message"].as_str().unwrap().to_owned())
    };
    events.into_iter().map(row).collect()
}

/// Polls a query to its end.
fn finish(account: &mut Account, now: &mut i64, request: &SimRequest) -> Value {
    let mut reply = account.handle(*now, request);
    for _ in 0..50 {
        assert!(matches!(reply.status, 200 | 202), "{reply:?}");
        let answer = body(reply);
        let Some(href) = link(&answer, "self") else {
            return answer;
        };
        *now += 500;
        reply = get(account, *now, &href);
    }
    panic!("a query that never ends");
}

/// Follows every page.
fn collect(account: &mut Account, request: SimRequest) -> Vec<Row> {
    let (mut out, mut request, mut now) = (Vec::new(), request, NOW);
    for _ in 0..5_000 {
        let answer = finish(account, &mut now, &request);
        out.extend(rows(&answer));
        let Some(href) = link(&answer, "next") else {
            return out;
        };
        request = SimRequest::get(ORIGIN, &href, KEY);
    }
    panic!("paging that never ends");
}

fn truth(account: &Account, from: i64, to: i64) -> Vec<Row> {
    let events = account.truth_events("log", from, to).unwrap();
    events.map(|event| (event.timestamp_ms, event.sequence, event.message)).collect()
}

/// A window whose bounds are often the time of an event.
fn window(account: &Account, rng: &mut Rng) -> (i64, i64) {
    let all = truth(account, i64::MIN, i64::MAX);
    let mut moment = || {
        let near = all[usize::try_from(rng.below(all.len() as u64)).unwrap()].0;
        if rng.one_in(3) { near + i64::try_from(rng.below(2_000)).unwrap() - 1_000 } else { near }
    };
    let (a, b) = (moment(), moment());
    (a.min(b), a.max(b))
}

/// The window's events by the meaning the switches give the bounds.
fn expected(account: &Account, from: i64, to: i64) -> Vec<Row> {
    let semantics = &account.config.semantics;
    let from = if semantics.from_bound == Bound::Inclusive { from } else { from + 1 };
    let to = if semantics.to_bound == Bound::Exclusive { to } else { to + 1 };
    truth(account, from, to)
}

const BOUNDS: [(&str, &str); 4] = [
    ("inclusive", "exclusive"),
    ("inclusive", "inclusive"),
    ("exclusive", "exclusive"),
    ("exclusive", "inclusive"),
];

const MODES: [&[(&str, &str)]; 9] = [
    &[],
    &[("submit_answer", "202"), ("rel_case", "lower")],
    &[("submit_answer", "202-every-page"), ("self_link_changes", "true"), ("poll_running_status", "202")],
    &[("submit_answer", "mixed"), ("partial_events_while_running", "some"), ("polls", "3")],
    &[("link_host_style", "alternate"), ("running_has_next", "true"), ("submit_answer", "202-every-page")],
    &[("link_host_style", "log_search_prefix"), ("next_on_full_page", "true")],
    &[("empty_pages", "true"), ("events_absent_when_empty", "true")],
    &[("sequence_str_as_number", "true"), ("event_links", "true"), ("extra_fields", "false")],
    &[("empty_pages", "true"), ("submit_answer", "mixed"), ("next_on_full_page", "true")],
];

#[test]
fn pages_joined_are_the_window_in_every_mode() {
    for (at, mode) in MODES.iter().enumerate() {
        for (from_bound, to_bound) in BOUNDS {
            let mut pairs = vec![("from_bound", from_bound), ("to_bound", to_bound)];
            pairs.extend_from_slice(mode);
            for seed in 0..4 {
                let mut account = account(seed, 500, &pairs);
                let mut rng = Rng::new(seed * 100 + at as u64);
                let (from, to) = window(&account, &mut rng);
                let per_page = 1 + rng.below(60);
                let id = id_of(&account);
                let url = format!("/query/logs/{id}?from={from}&to={to}&per_page={per_page}");
                let want = expected(&account, from, to);
                let got = collect(&mut account, SimRequest::get(ORIGIN, &url, KEY));
                assert_eq!(got, want, "seed {seed} {pairs:?} {url}");
                let count = count(&mut account, from, to);
                assert_eq!(count, want.len() as u64, "seed {seed} {pairs:?}");
                let newest = SimRequest::get(ORIGIN, &format!("{url}&most_recent_first=true"), KEY);
                let mut got = collect(&mut account, newest);
                got.reverse();
                assert_eq!(got, want, "newest first, seed {seed} {pairs:?}");
            }
        }
    }
}

fn count(account: &mut Account, from: i64, to: i64) -> u64 {
    let url = format!("/query/logs/{}?from={from}&to={to}&query=calculate(count)", id_of(account));
    let answer = finish(account, &mut NOW.clone(), &SimRequest::get(ORIGIN, &url, KEY));
    let statistics = &answer["statistics"];
    let series = statistics["timeseries"]["global_timeseries"].as_array().unwrap();
    let sum: f64 = series.iter().map(|slice| slice["count"].as_f64().unwrap()).sum();
    let total = statistics["stats"]["global_timeseries"]["count"].as_f64().unwrap();
    assert!((sum - total).abs() < 0.5, "{answer}");
    format!("{total}").parse().unwrap()
}

#[test]
fn every_kind_reads_back_through_the_api() {
    for (name, kind) in Kind::ALL {
        let mut account = Account::new(config(11, kind, 300), NOW);
        let url = format!(
            "/query/logs/{}?from={START}&to={}&per_page=100&kvp_info=true",
            id_of(&account),
            START + SPAN
        );
        let want = truth(&account, START, START + SPAN);
        assert_eq!(want.len(), 300, "{name}");
        assert_eq!(collect(&mut account, SimRequest::get(ORIGIN, &url, KEY)), want, "{name}");
    }
}

fn two_logs(semantics: Semantics) -> Account {
    let mut config = SimConfig { semantics, ..config(3, Kind::Kvp, 200) };
    config.logs[0].logset = Some("Set A".to_owned());
    let second = LogSpec::generated("other", Kind::Access, 150).span(START, START + SPAN).in_logset("Set B");
    Account::new(config.with_log(second), NOW)
}

#[test]
fn posts_and_log_sets_merge_their_logs() {
    for reset in ["kept", "50"] {
        let mut account = two_logs(semantics(&[("post_next_per_page", reset)]));
        let ids = [account.logs[0].id.clone(), account.logs[1].id.clone()];
        let mut want = truth(&account, START, START + SPAN);
        want.extend(
            account
                .truth_events("other", START, START + SPAN)
                .unwrap()
                .map(|e| (e.timestamp_ms, e.sequence, e.message)),
        );
        want.sort();
        let during = serde_json::json!({ "from": START, "to": START + SPAN });
        let post =
            serde_json::json!({ "logs": ids, "leql": { "statement": "where(/.*/)", "during": during } });
        let request = SimRequest::post(ORIGIN, "/query/logs/?per_page=30", KEY, post.to_string());
        let first = body(account.handle(NOW, &request));
        let size = if reset == "50" { "per_page=50&" } else { "per_page=30&" };
        assert!(link(&first, "next").unwrap().contains(size));
        assert_eq!(collect(&mut account, request), want);
        let url =
            format!("/query/logsets?logset_name=Set+A&logset_name=Set%20B&from={START}&to={}", START + SPAN);
        assert_eq!(collect(&mut account, SimRequest::get(ORIGIN, &url, KEY)), want);
        let url =
            format!("/log_search/query/logsets/{}?from={START}&to={}", account.set_id("Set A"), START + SPAN);
        assert_eq!(collect(&mut account, SimRequest::get(ORIGIN, &url, KEY)).len(), 200);
    }
}

#[test]
fn a_continuation_ends_when_nobody_asks() {
    let mut account = account(7, 50, &[("submit_answer", "202"), ("polls", "3")]);
    let url = format!("/query/logs/{}?time_range=Last+5+Minutes&per_page=5", id_of(&account));
    let first = get(&mut account, NOW, &url);
    assert_eq!(first.status, 202);
    let first = body(first);
    assert_eq!(rows(&first), []);
    let href = link(&first, "self").unwrap();
    assert!(href.ends_with("?time_range=Last+5+Minutes"), "{href}");
    assert_eq!(get(&mut account, NOW + 20_000, &href).status, 200);
    assert_eq!(get(&mut account, NOW + 40_001, &href).status, 404);
    let mut changing = tests::account(7, 50, &[("submit_answer", "202"), ("self_link_changes", "true")]);
    let old = link(&body(get(&mut changing, NOW, &url)), "self").unwrap();
    let new = link(&body(get(&mut changing, NOW, &old)), "self").unwrap();
    assert_ne!(old, new);
    assert_eq!(get(&mut changing, NOW, &old).status, 404);
    assert_eq!(rows(&body(get(&mut changing, NOW, &new))).len(), 5);
}

#[test]
fn late_events_appear_in_time() {
    let mut account = account(7, 300, &[("visibility_lag_ms", "60000"), ("count_lag_ms", "30000")]);
    let id = id_of(&account);
    let mut seen = |now: i64, statement: &str| {
        let url = format!("/query/logs/{id}?from={START}&to={}&query={statement}", START + SPAN);
        body(get(&mut account, now, &url))
    };
    let counted = |answer: &Value| answer["statistics"]["count"].as_f64().unwrap();
    let at = |ms: i64| START + ms;
    assert_eq!(rows(&seen(at(60_000 - 1), "")), []);
    assert!(!rows(&seen(at(120_000), "")).is_empty());
    let (early, late) = (seen(at(150_000), "calculate(count)"), seen(at(220_000), "calculate(count)"));
    assert!(counted(&early) > 0.0 && counted(&early) < 300.0);
    assert!((counted(&late) - 300.0).abs() < 0.1);
}

#[test]
fn quotas_end_in_429_and_begin_anew() {
    let mut config = config(7, Kind::Kvp, 10);
    config.quotas.set("query", "2").unwrap();
    let mut account = Account::new(config, NOW);
    let url = format!("/query/logs/{}?from={START}&to={NOW}", id_of(&account));
    let window_end = NOW - NOW.rem_euclid(900_000) + 900_000;
    let mut ask = |now| get(&mut account, now, &url);
    assert_eq!(ask(NOW).header("X-RateLimit-Remaining"), Some("1"));
    let last = ask(NOW);
    assert_eq!((last.status, last.header("x-ratelimit-remaining")), (200, Some("0")));
    let refused = ask(window_end - 5_000);
    assert_eq!((refused.status, refused.header("Retry-After")), (429, Some("5")));
    assert_eq!(refused.header("Content-Type"), Some("text/plain"));
    assert_eq!(refused.body.into_bytes(), b"API rate limit exceeded");
    assert_eq!(ask(window_end).status, 200);
    assert_eq!(account.stats().rate_limited, 1);
}

#[test]
fn statistics_group_and_filter() {
    let mut account = account(7, 400, &[]);
    let id = id_of(&account);
    let mut ask = |statement: &str| {
        let statement = crate::text::percent_encode(statement);
        body(get(&mut account, NOW, &format!("/query/logs/{id}?from={START}&to={NOW}&query={statement}")))
    };
    let grouped = ask("groupby(action) calculate(count)");
    let groups = grouped["statistics"]["groups"].as_array().unwrap().clone();
    let sum: f64 = groups
        .iter()
        .map(|g| g.as_object().unwrap().values().next().unwrap()["count"].as_f64().unwrap())
        .sum();
    assert_eq!((groups.len(), format!("{sum}").as_str()), (3, "400"));
    let allowed = ask("where(action=allow) calculate(count) timeslice(30s)");
    assert_eq!(allowed["statistics"]["granularity"], 30_000);
    assert_eq!(allowed["statistics"]["timeseries"]["global_timeseries"].as_array().unwrap().len(), 8);
    let listed = ask("where(\"action=allow\")");
    assert_eq!(rows(&listed).len(), 50);
    assert!(link(&listed, "next").unwrap().contains("&query=where"));
    let bytes =
        ask("calculate(bytes)")["statistics"]["stats"]["global_timeseries"]["bytes"].as_f64().unwrap();
    let want = account.truth()[0].bytes as f64;
    assert!((bytes - want).abs() < 0.5);
}

#[test]
fn the_same_seed_answers_the_same() {
    let run = || {
        let mut account = Account::new(
            SimConfig { semantics: semantics(&[("submit_answer", "mixed")]), ..config(5, Kind::Mixed, 200) },
            NOW,
        );
        let url = format!("/query/logs/{}?from={START}&to={NOW}", id_of(&account));
        (0..5).map(|_| get(&mut account, NOW, &url).body.into_bytes()).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
