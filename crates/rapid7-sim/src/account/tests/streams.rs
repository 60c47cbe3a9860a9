//! Downloads, CSV pages and control routes against the truth.

use std::io::Read as _;

use super::*;

fn messages(account: &Account, from: i64, to: i64) -> Vec<String> {
    truth(account, from, to).into_iter().map(|(_, _, message)| message).collect()
}

#[test]
fn downloads_are_the_messages_of_the_window() {
    for (from_bound, to_bound) in BOUNDS {
        for seed in 0..6 {
            let mut account = account(seed, 600, &[("from_bound", from_bound), ("to_bound", to_bound)]);
            let (from, to) = window(&account, &mut Rng::new(seed));
            let want: Vec<String> = expected(&account, from, to).into_iter().map(|row| row.2).collect();
            let url = format!("/download/logs/{}?from={from}&to={to}", id_of(&account));
            let text = String::from_utf8(get(&mut account, NOW, &url).body.into_bytes()).unwrap();
            assert_eq!(text.lines().collect::<Vec<_>>(), want, "seed {seed}");
            assert!(text.is_empty() || text.ends_with('\n'));
        }
    }
}

#[test]
fn downloads_filter_stop_pack_and_end_as_told() {
    let mut account = account(7, 3_000, &[("download_gzip", "true"), ("download_final_newline", "false")]);
    let base = format!("/download/logs/{}?from={START}", id_of(&account));
    let want = messages(&account, START, START + SPAN);
    let reply = get(&mut account, NOW, &format!("{base}&limit=3"));
    assert!(
        reply.header("content-disposition").unwrap().contains("log_2026-01-01_000000_2026-01-01_000400.log")
    );
    assert_eq!(reply.body.into_bytes(), want[..3].join("\n").as_bytes());
    let filtered = get(&mut account, NOW, &format!("{base}&query=where(action%3Ddeny)")).body.into_bytes();
    let deny: Vec<&String> = want.iter().filter(|message| message.contains("action=deny")).collect();
    assert_eq!(String::from_utf8(filtered).unwrap().lines().collect::<Vec<_>>(), deny);
    let mut request = SimRequest::get(ORIGIN, &base, KEY);
    request.headers.push(("accept-encoding".to_owned(), "br, gzip;q=0.9".to_owned()));
    let reply = account.handle(NOW, &request);
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let mut plain = String::new();
    flate2::read::GzDecoder::new(reply.body.into_bytes().as_slice()).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, want.join("\n"));
    let none = get(&mut account, NOW, &base.replace(&START.to_string(), &NOW.to_string()));
    assert_eq!((none.status, none.body.into_bytes().len()), (200, 0));
}

/// Joins CSV pages: the rows, and the column names once.
fn csv_pages(account: &mut Account, url: &str, header_every_page: bool) -> Vec<String> {
    let (mut out, mut token) = (Vec::<String>::new(), None::<String>);
    for page in 0..1_000 {
        let target = token.take().map_or_else(|| url.to_owned(), |token| format!("{url}&page_token={token}"));
        let mut request = SimRequest::get(ORIGIN, &target, KEY);
        request.headers = vec![("authorization".to_owned(), format!("Bearer {KEY}"))];
        let reply = account.handle(NOW, &request);
        assert_eq!(reply.status, 200);
        let text;
        if reply.header("content-type") == Some("text/csv") {
            token = reply.header("X-Next-Page-Token").map(str::to_owned);
            text = String::from_utf8(reply.body.into_bytes()).unwrap();
        } else {
            let answer = body(reply);
            let field = |a: &str, b: &str| answer.get(a).or_else(|| answer.get(b)).unwrap().clone();
            token = field("next_page_token", "next_cursor").as_str().map(str::to_owned);
            text = field("data", "logs").as_str().unwrap().to_owned();
        }
        let skip = usize::from(page == 0 || header_every_page);
        assert!(skip == 0 || text.starts_with("receive_time,serial,"));
        out.extend(text.lines().skip(skip).map(str::to_owned));
        if token.is_none() {
            return out;
        }
    }
    panic!("pages without end");
}

#[test]
fn csv_pages_joined_are_the_truth() {
    for answer in ["text", "json-data", "json-logs"] {
        for (header, newline) in [("every", "true"), ("first", "false")] {
            let pairs = [("csv_answer", answer), ("csv_header", header), ("csv_final_newline", newline)];
            let mut account =
                Account::new(SimConfig { semantics: semantics(&pairs), ..config(9, Kind::Csv, 700) }, NOW);
            let (from, to) = (START + 20_000, START + 100_000);
            let url = "/v1/logs?start_time=2026-01-01T00:00:20Z&end_time=2026-01-01T00:01:40.000%2B00:00&format=csv";
            for limit in ["", "&limit=37"] {
                let got = csv_pages(&mut account, &format!("{url}{limit}"), header == "every");
                assert_eq!(got, messages(&account, from, to), "{pairs:?}");
            }
        }
    }
}

#[test]
fn the_csv_endpoint_wants_its_own_key_form() {
    let mut account = Account::new(config(9, Kind::Csv, 5), NOW);
    let ask = |account: &mut Account, name: &str, value: &str| {
        let mut request = SimRequest::get(ORIGIN, "/v1/test", "");
        request.headers = vec![(name.to_owned(), value.to_owned())];
        account.handle(NOW, &request).status
    };
    assert_eq!(ask(&mut account, "authorization", "Bearer sim-key"), 200);
    assert_eq!(ask(&mut account, "authorization", "Bearer wrong"), 401);
    assert_eq!(ask(&mut account, "x-api-key", KEY), 401);
}

#[test]
fn control_routes_tell_the_truth() {
    let mut account = Account::new(config(4, Kind::Odd, 150), NOW);
    let summary = body(account.handle(NOW, &SimRequest::get(ORIGIN, "/__truth", "")));
    assert_eq!(summary["logs"][0]["count"], 150);
    let url = format!("/__truth/log?from={START}&to={}", START + 60_000);
    let lines = account.handle(NOW, &SimRequest::get(ORIGIN, &url, "")).body.into_bytes();
    let got: Vec<Row> = String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|event| {
            let sequence = event["sequence_number_str"].as_str().unwrap().parse().unwrap();
            (event["timestamp"].as_i64().unwrap(), sequence, event["message"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(got, truth(&account, START, START + 60_000));
    let stats = body(account.handle(NOW, &SimRequest::get(ORIGIN, "/__stats", "")));
    assert_eq!(stats["requests"], serde_json::json!({}));
}

#[test]
fn lines_and_events_are_served_as_given() {
    let lines = LogSpec::lines("log", ["a", "", "  b\t"]).span(START, START + SPAN);
    let account = Account::new(SimConfig::default().with_log(lines), NOW);
    assert_eq!(messages(&account, i64::MIN, i64::MAX), ["a", "", "  b\t"]);
    let events = LogSpec::events(
        "log",
        [(5, 9, "late".to_owned()), (5, 2, "early".to_owned()), (1, 8, "x".to_owned())],
    );
    let account = Account::new(SimConfig::default().with_log(events), NOW);
    assert_eq!(truth(&account, 1, 6), [(1, 8, "x".into()), (5, 2, "early".into()), (5, 9, "late".into())]);
}

#[test]
fn retention_hides_and_says_so() {
    let mut config = config(4, Kind::Kvp, 100);
    config.logs[0].retention_period = "1w".to_owned();
    let mut account = Account::new(config, NOW);
    let url = format!("/query/logs/{}?from={START}&to={}", id_of(&account), START + SPAN);
    let (soon, late) = (get(&mut account, NOW, &url), get(&mut account, NOW + 8 * 86_400_000, &url));
    assert_eq!(soon.header("x-beyond-retention"), None);
    assert_eq!(late.header("x-beyond-retention"), Some("true"));
    assert_eq!(rows(&body(late)), []);
}

#[test]
fn logs_of_one_name_have_their_own_ids() {
    let log = || LogSpec::generated("log", Kind::Text, 20).span(START, START + SPAN);
    let account = Account::new(SimConfig::default().with_log(log()).with_log(log()), NOW);
    let truth = account.truth();
    assert_ne!(truth[0].id, truth[1].id);
    assert_eq!(account.truth_events(&truth[1].id, START, START + SPAN).unwrap().count(), 20);
}

#[test]
fn a_download_of_many_pieces_ends_as_told_wherever_a_piece_ends() {
    for count in 0..40 {
        for (newline, ends) in [("true", true), ("false", false)] {
            let lines =
                LogSpec::lines("log", vec!["x".repeat(16 * 1024 - 1); count]).span(START, START + SPAN);
            let semantics = semantics(&[("download_final_newline", newline)]);
            let mut account =
                Account::new(SimConfig { semantics, ..SimConfig::default() }.with_log(lines), NOW);
            let url = format!("/download/logs/{}?from={START}&to={}", id_of(&account), START + SPAN);
            let bytes = get(&mut account, NOW, &url).body.into_bytes();
            assert_eq!(bytes.ends_with(b"\n"), ends && count > 0, "{count}");
            assert_eq!(
                bytes.split(|byte| *byte == b'x').filter(|part| *part == b"\n").count(),
                count.max(1) - 1 + usize::from(ends && count > 0)
            );
        }
    }
}
