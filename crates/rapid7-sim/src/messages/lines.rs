//! Decides the text of lines: syslog, access, prose, key=value.
//!
//! Never decides which kind a log has.

use super::Pen;
use crate::text::put;

const HOSTS: [&str; 5] = ["host-a", "host-b", "host-c", "db-1", "edge-7"];
const WORDS: [&str; 18] = [
    "the",
    "server",
    "closed",
    "a",
    "connection",
    "because",
    "of",
    "größe",
    "timeout",
    "after",
    "retry",
    "naïve",
    "日本語",
    "user",
    "left",
    "—",
    "disk",
    "🙂",
];
const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
    "curl/8.5.0",
    "Quote \\\"bot\\\"/1.0 (+https://bot.example.test)",
];

/// One line in an RFC 5424 envelope; about one in ten is a line of a stack trace.
pub(super) fn syslog(pen: &mut Pen<'_>) {
    let Pen { rng, at, index, out } = pen;
    out.push_str("<14>1 ");
    at.put_date(out);
    put!(out, "T{:02}:{:02}:{:02}.{:03}", at.hour, at.minute, at.second, at.milli);
    put!(out, "{:03}Z {} billing - - - ", rng.below(1_000), rng.pick(&HOSTS));
    if rng.one_in(10) {
        put!(out, "\tat com.example.Pay{}.run(Pay.java:{})", rng.below(9), 1 + rng.below(400));
        return;
    }
    put!(out, "{:02}:{:02}:{:02}.{:03} ", at.hour, at.minute, at.second, at.milli);
    put!(out, "[worker-{}] level={} ", rng.below(20), rng.pick(&["INFO", "WARN", "ERROR", "DEBUG"]));
    put!(out, "op={} ms={} ", rng.pick(&["charge", "refund", "list"]), rng.below(2_000));
    put!(out, "msg=\"{} of order {index}\"", rng.pick(&["charge ok", "card refused: \\\"limit\\\"", "é ok"]));
}

/// One line of an Apache combined access log.
pub(super) fn access(pen: &mut Pen<'_>) {
    let Pen { rng, at, index, out } = pen;
    put!(out, "192.0.2.{} - {} ", rng.below(255), rng.pick(&["-", "jdoe", "a.b"]));
    put!(out, "[{:02}/{}/{:04}:", at.day, at.month_name(), at.year);
    put!(out, "{:02}:{:02}:{:02} +0000] ", at.hour, at.minute, at.second);
    put!(out, "\"{} /item/{index}?q=a%20b", rng.pick(&["GET", "POST", "HEAD"]));
    put!(out, " HTTP/1.1\" {} ", rng.pick(&["200", "301", "404", "500"]));
    if rng.one_in(12) {
        out.push('-');
    } else {
        put!(out, "{}", rng.below(90_000));
    }
    put!(out, " \"{}\" ", rng.pick(&["-", "https://www.example.test/"]));
    put!(out, "\"{}\"", rng.pick(&AGENTS));
}

/// One sentence; some have tabs.
pub(super) fn prose(pen: &mut Pen<'_>) {
    let Pen { rng, index, out, .. } = pen;
    put!(out, "{index}:");
    for _ in 0..4 + rng.below(24) {
        out.push(if rng.one_in(30) { '\t' } else { ' ' });
        out.push_str(rng.pick(&WORDS));
    }
}

/// One line of key=value pairs.
pub(super) fn kvp(pen: &mut Pen<'_>) {
    let Pen { rng, at, index, out } = pen;
    at.put_iso(out);
    put!(out, " action={} ", rng.pick(&["allow", "deny", "drop"]));
    put!(out, "src=192.0.2.{} dst=198.51.100.{} ", rng.below(255), rng.below(255));
    put!(out, "user={} ", rng.pick(&["jdoe", "\"Jane Doe\"", "'o b'", "josé"]));
    put!(out, "bytes={} id={index:09} ", rng.below(1_000_000));
    put!(out, "msg=\"{}\"", rng.pick(&["a b", "x=y, z", "said \\\"no\\\"", ""]));
}
