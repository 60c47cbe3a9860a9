//! Each fault does what its line in the list says.

use super::*;

fn page_url(account: &Account, per_page: u32) -> String {
    format!("/query/logs/{}?from={START}&to={}&per_page={per_page}", id_of(account), START + SPAN)
}

/// The first reply to a submit under one fault at its first chance.
fn struck(fault: &str) -> (Account, SimReply) {
    let mut account = faulty(100, &[&format!("{fault}@1")]);
    let url = page_url(&account, 10);
    let reply = get(&mut account, NOW, &url);
    assert_eq!(account.stats().fired(fault), 1, "{fault}");
    (account, reply)
}

#[test]
fn gateways_answer_in_html() {
    for (fault, status) in
        [("http_500", 500), ("http_502", 502), ("http_503", 503), ("http_504", 504), ("html_200", 200)]
    {
        let (mut account, reply) = struck(fault);
        assert_eq!((reply.status, reply.header("content-type")), (status, Some("text/html; charset=utf-8")));
        let url = page_url(&account, 10);
        assert_eq!(get(&mut account, NOW, &url).status, 200);
    }
    for (fault, wait) in
        [("http_503_retry_after", "1"), ("http_503_retry_after_date", "Thu, 01 Jan 2026 00:04:01 GMT")]
    {
        let (_, reply) = struck(fault);
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some(wait)));
    }
    assert!((500..505).contains(&struck("http_500_502_503_504_html").1.status));
    let (_, moved) = struck("redirect_to_foreign_host");
    assert!(
        moved.status == 302 && moved.header("location").unwrap().starts_with("https://logs.example.net/")
    );
    let (_, limited) = struck("retry_429");
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("1")));
}

#[test]
fn deliveries_are_told_to_the_shell() {
    assert_eq!(struck("connection_reset_before_body").1.delivery, Delivery::ResetBeforeHead);
    assert_eq!(struck("slow_first_byte").1.delivery, Delivery::SlowFirstByte(1_500));
    assert!(matches!(struck("slow_trickle").1.delivery, Delivery::SlowTrickle { .. }));
    assert!(matches!(struck("body_cut_mid_json").1.delivery, Delivery::CutBodyAfter(1..)));
    let broken = struck("unreadable_json").1.body.into_bytes();
    assert!(serde_json::from_slice::<Value>(&broken).is_err());
    assert_eq!(struck("clock_skew").1.header("date"), Some("Thu, 01 Jan 2026 02:04:00 GMT"));
}

#[test]
fn keys_and_logs_vanish_for_good() {
    for (fault, status) in [("key_revoked_mid_run", 401), ("log_deleted_mid_run", 404)] {
        let (mut account, reply) = struck(fault);
        let url = page_url(&account, 10);
        assert_eq!((reply.status, get(&mut account, NOW, &url).status), (status, status));
    }
    let (mut account, _) = struck("log_deleted_mid_run");
    assert_eq!(body(get(&mut account, NOW, "/management/logs"))["logs"].as_array().unwrap().len(), 0);
}

#[test]
fn pages_go_wrong_at_their_borders() {
    let want = |account: &Account| truth(account, START, START + SPAN);
    let (account, reply) = struck("empty_page_with_next");
    let answer = body(reply);
    assert_eq!(rows(&answer), []);
    let mut all = faulty(100, &["empty_page_with_next=0.5"]);
    let url = page_url(&all, 7);
    assert_eq!(collect(&mut all, SimRequest::get(ORIGIN, &url, KEY)), want(&account));

    let (mut account, reply) = struck("next_link_repeats");
    let first = body(reply);
    let again = body(get(&mut account, NOW, &link(&first, "next").unwrap()));
    assert_eq!(rows(&first), rows(&again));

    let mut account = faulty(100, &["duplicate_event_at_page_border@1"]);
    let url = page_url(&account, 10);
    let got = collect(&mut account, SimRequest::get(ORIGIN, &url, KEY));
    assert_eq!(got.len(), 101);
    assert_eq!(got[9], got[10]);

    assert!(link(&body(struck("shrunk_per_page").1), "next").unwrap().contains("per_page=50&"));
    assert!(link(&body(struck("dwindling_per_page").1), "next").unwrap().contains("per_page=5&"));
    assert!(
        link(&body(struck("foreign_host_in_link").1), "next")
            .unwrap()
            .starts_with("https://logs.example.net/query")
    );
    let cut = body(struck("next_link_missing").1);
    assert_eq!((rows(&cut).len(), link(&cut, "next")), (10, None));
    let forgot = body(struck("default_statement_trap").1);
    assert_eq!(forgot["leql"]["statement"].as_str(), Some("where(error)"));
    let trapped = body(struck("default_query_trap").1);
    assert_eq!(trapped["leql"]["during"]["to"].as_i64(), Some(START));
    let (_, beyond) = struck("beyond_retention_header_with_zero_rows");
    assert_eq!(beyond.header("x-beyond-retention"), Some("true"));
    assert_eq!(rows(&body(beyond)), []);

    let mut account = faulty(100, &["rate_limit_on_next_page@2"]);
    let url = page_url(&account, 10);
    let next = link(&body(get(&mut account, NOW, &url)), "next").unwrap();
    let statuses: Vec<u16> = (0..3).map(|_| get(&mut account, NOW, &next).status).collect();
    assert_eq!(statuses, [200, 429, 200]);
}

#[test]
fn a_blocked_poll_outlives_its_continuation() {
    let mut config = config(7, Kind::Kvp, 20);
    config.semantics = semantics(&[("submit_answer", "202")]);
    config.faults.add("rate_limit_during_poll_longer_than_expiry@1").unwrap();
    let mut account = Account::new(config, NOW);
    let url = page_url(&account, 10);
    let href = link(&body(get(&mut account, NOW, &url)), "self").unwrap();
    let refused = get(&mut account, NOW + 100, &href);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("21")));
    assert_eq!(get(&mut account, NOW + 15_000, &href).status, 429);
    assert_eq!(get(&mut account, NOW + 21_100, &href).status, 404);
    assert_eq!(get(&mut account, NOW + 21_100, &url).status, 202);
}

#[test]
fn counts_lie() {
    let ask = |fault: &str| {
        let mut account = faulty(100, &[&format!("{fault}@1")]);
        let url = format!("/query/logs/{}?from={START}&to={NOW}&query=calculate(count)", id_of(&account));
        let statistics = body(get(&mut account, NOW, &url))["statistics"].clone();
        let series = statistics["timeseries"]["global_timeseries"].as_array().unwrap().clone();
        let sum: f64 = series.iter().map(|slice| slice["count"].as_f64().unwrap()).sum();
        format!("{} {sum}", statistics["count"].as_f64().unwrap())
    };
    assert_eq!(ask("count_mismatch"), "101 101");
    assert_eq!(ask("count_self_disagrees"), "100 101");
}

#[test]
fn downloads_lose_lines_in_four_ways() {
    let run = |faults: &[&str]| {
        let mut account = faulty(200, faults);
        let url = format!("/download/logs/{}?from={START}&to={}", id_of(&account), START + SPAN);
        let reply = get(&mut account, NOW, &url);
        let delivery = reply.delivery;
        (String::from_utf8(reply.body.into_bytes()).unwrap(), delivery)
    };
    let (whole, _) = run(&[]);
    let lines: Vec<&str> = whole.lines().collect();
    let (clean, delivery) = run(&["download_cut_with_clean_end@1"]);
    assert!(whole.starts_with(&clean) && !clean.ends_with('\n') && delivery == Delivery::Whole);
    let (limited, _) = run(&["download_limit_hit@1"]);
    assert_eq!(limited.lines().collect::<Vec<_>>(), lines[..100]);
    let (dropped, _) = run(&["download_rows_dropped@1"]);
    assert!((150..200).contains(&dropped.lines().count()));
    assert!(dropped.ends_with(lines[199]) || dropped.lines().last() == Some(lines[199]));
    let (cut, delivery) = run(&["download_cut_without_last_chunk@1"]);
    assert_eq!(cut, whole);
    let Delivery::CutBodyAfter(bytes) = delivery else { panic!("{delivery:?}") };
    assert!(bytes > 0 && bytes < whole.len() as u64);
    let (split, _) = run(&["newline_inside_download_entry@1"]);
    assert_eq!(split.lines().count(), 205);
}
