//! Decides the text of records: firewall CSV, authentication JSON, DNS JSON.
//!
//! Never decides which kind a log has.

use super::Pen;
use crate::text::put;

const USERS: [&str; 8] =
    ["jdoe", "a.müller", "svc-backup", "O'Brien", "corp\\\\admin", "山田太郎", "", "root"];
const NOTES: [&str; 7] = [
    "",
    "",
    "\"allow, outbound\"",
    "\"said \"\"no\"\" twice\"",
    "plain",
    "\"a, b, \"\"c\"\"\"",
    "\"naïve — 100 %\"",
];

/// One firewall line of 24 columns.
pub(super) fn csv(pen: &mut Pen<'_>) {
    let Pen { rng, at, index, out } = pen;
    put!(out, "{:04}/{:02}/{:02} ", at.year, at.month, at.day);
    put!(out, "{:02}:{:02}:{:02},", at.hour, at.minute, at.second);
    put!(out, "{:012},", 7_200_001_000 + rng.below(5));
    put!(out, "{},", rng.pick(&["TRAFFIC", "THREAT", "SYSTEM"]));
    put!(out, "{},", rng.pick(&["start", "end", "drop", "deny"]));
    put!(out, "192.0.2.{},198.51.100.{},", rng.below(255), rng.below(255));
    if rng.one_in(2) {
        put!(out, "203.0.113.{},,", rng.below(255));
    } else {
        out.push_str(",,");
    }
    put!(out, "{},", rng.pick(&["allow-web", "\"deny, all\"", "Default Rule", "0042"]));
    put!(out, "{},", rng.pick(&["corp\\jdoe", "\"Doe, Jane\"", "", "\"the \"\"boss\"\"\"", "josé"]));
    put!(out, "{},", rng.pick(&["web-browsing", "dns", "ssl", "smtp"]));
    put!(out, "{},{},", rng.pick(&["trust", "dmz"]), rng.pick(&["untrust", "vpn"]));
    put!(out, "{},{},", 1_024 + rng.below(64_000), rng.pick(&["443", "53", "80", "0022"]));
    put!(out, "{},", rng.pick(&["allow", "deny", "reset-both"]));
    put!(out, "{},{},", rng.below(9_000_000_000), rng.below(9_000));
    if rng.one_in(9) {
        out.push(',');
    } else {
        put!(out, "{}.{},", rng.below(900), rng.below(10));
    }
    put!(out, "{},", rng.pick(&["1", "2", "3", "4", "5", ""]));
    put!(out, "{},", rng.pick(&["business", "news", "unknown", "any"]));
    put!(out, "\"https://www.example.test/p{}?a=1,2&n={index}\",", rng.below(40));
    put!(out, "{},", rng.pick(&NOTES));
    at.put_iso(out);
}

/// One normalised authentication event.
pub(super) fn json(pen: &mut Pen<'_>) {
    let Pen { rng, at, index, out } = pen;
    out.push_str("{\"timestamp\":\"");
    at.put_iso(out);
    put!(out, "\",\"destination_asset\":\"srv-{}\",", rng.below(40));
    put!(out, "\"source_asset_address\":\"192.0.2.{}\",", rng.below(255));
    put!(out, "\"destination_account\":\"{}\",", rng.pick(&USERS));
    put!(out, "\"logon_type\":\"{}\",", rng.pick(&["NETWORK", "INTERACTIVE", "BATCH"]));
    put!(out, "\"result\":\"{}\",", rng.pick(&["SUCCESS", "FAILED_BAD_PASSWORD"]));
    out.push_str("\"new_authentication\":\"false\",\"service\":\"ntlmssp\",");
    if rng.one_in(3) {
        put!(out, "\"geo\":{{\"city\":\"Zürich\",\"lat\":47.{},\"lon\":-8.5e0}},", rng.below(1_000));
    }
    put!(out, "\"record_id\":{},", 9_007_199_254_740_993 + u128::from(*index) * 1_000_000_007);
    put!(out, "\"flags\":[{},null,true],", rng.below(9));
    out.push_str("\"source_json\":{\"sourceName\":\"Microsoft-Windows-Security-Auditing\",");
    put!(out, "\"insertionStrings\":[\"S-1-5-{}\",\"say \\\"hi\\\"\",\"\\u00e9\\t\"],", rng.below(99));
    put!(out, "\"eventCode\":{},", rng.pick(&["4624", "4625", "4672"]));
    put!(out, "\"computerName\":\"srv-{}.example.test\",\"sid\":\"\",", rng.below(40));
    put!(out, "\"isDomainController\":{},\"eventData\":null,", rng.pick(&["true", "false"]));
    put!(out, "\"sequence\":{},", 1_152_921_504_606_846_976 + *index);
    out.push_str("\"timeWritten\":\"");
    at.put_iso(out);
    out.push_str("\"}}");
}

/// One DNS query event, with blanks and tabs where JSON allows them.
pub(super) fn dns(pen: &mut Pen<'_>) {
    let Pen { rng, at, out, .. } = pen;
    out.push_str("{ \"timestamp\" :\t\"");
    put!(out, "{:04}-{:02}-{:02} ", at.year, at.month, at.day);
    put!(out, "{:02}:{:02}:{:02}.{:03}000\",\t", at.hour, at.minute, at.second, at.milli);
    put!(out, " \"asset\" : \"pc-{}\", \"source_address\":\"192.0.2.{}\",", rng.below(90), rng.below(255));
    put!(out, "\"query\":\"w{}.example.test\",\"public_suffix\":\"test\",", rng.below(900));
    put!(out, "\"query_type\":\"{}\",", rng.pick(&["A", "AAAA", "PTR", "TXT"]));
    out.push_str("\"source_data\":\"<134>raw vendor \\\"line\\\"\"\t}");
}
