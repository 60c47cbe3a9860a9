//! Generated logs for `bench`: four shapes, the same for the same seed.
//!
//! Decides what events say, near enough to real ones that their fields repeat, run on and differ as those do. Keeps
//! nothing: each event is written and forgotten.

use std::io::{self, Write};

use ingest_core::time::Timestamp;
use ingest_source::clock::Entropy;

/// When the first event happened: 2026-02-10, midnight.
const START_MS: i64 = 1_770_681_600_000;
/// Time between two events at most.
const GAP_MS: u64 = 80;

/// A shape of log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows with quoted user agents and referers.
    Access,
    /// Rows of 30 columns.
    Firewall,
    /// Nested objects, a line each.
    Json,
    /// Pairs.
    Pairs,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Access, Self::Firewall, Self::Json, Self::Pairs];

    /// Its name for people, and of its file.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Access => "access.csv",
            Self::Firewall => "firewall.csv",
            Self::Json => "events.jsonl",
            Self::Pairs => "pairs.log",
        }
    }
}

/// Writes that many events of a kind, with a header where the kind has one. Answers how many bytes they are.
pub(super) fn write(kind: Kind, events: u64, seed: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut chance = Chance { entropy: Entropy::new(seed), at: START_MS };
    let mut line = match kind {
        Kind::Access => ACCESS_HEADER.to_vec(),
        Kind::Firewall => FIREWALL_HEADER.to_vec(),
        Kind::Json | Kind::Pairs => Vec::new(),
    };
    let mut bytes = 0;
    for event in 0..events {
        chance.pass();
        match kind {
            Kind::Access => access(&chance, &mut line),
            Kind::Firewall => firewall(&chance, event, &mut line),
            Kind::Json => json(&chance, event, &mut line),
            Kind::Pairs => pairs(&chance, &mut line),
        }?;
        out.write_all(&line)?;
        bytes += line.len() as u64;
        line.clear();
    }
    Ok(bytes)
}

/// Draws, and the time of the event.
struct Chance {
    entropy: Entropy,
    at: i64,
}

impl Chance {
    fn pass(&mut self) {
        self.at = self.at.saturating_add(i64::try_from(self.below(GAP_MS)).unwrap_or(0));
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }

    /// Below `limit`, all alike.
    fn below(&self, limit: u64) -> u64 {
        self.entropy.draw().checked_rem(limit).unwrap_or(0)
    }

    /// Below `limit`, small numbers much more often than large ones, as hosts, users and paths are.
    fn few(&self, limit: u64) -> u64 {
        self.below(self.below(limit) + 1)
    }

    fn one_in(&self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// One of them, the first ones more often.
    fn pick(&self, of: &[&'static str]) -> &'static str {
        let at = usize::try_from(self.few(of.len() as u64)).unwrap_or(0);
        of.get(at).copied().unwrap_or_default()
    }

    fn private(&self) -> String {
        let host = self.few(4_000);
        format!("10.{}.{}.{}", host % 7, host / 250, host % 250 + 1)
    }

    fn public(&self) -> String {
        let host = self.few(60_000);
        format!("{}.{}.{}.{}", 23 + host % 170, host % 251, host / 250, host % 253 + 1)
    }
}

const METHODS: [&str; 5] = ["GET", "POST", "HEAD", "PUT", "DELETE"];
const PAGES: [&str; 8] =
    ["/", "/login", "/api/v1/items", "/search", "/static/app.js", "/cart", "/account/orders", "/health"];
const STATUSES: [&str; 7] = ["200", "304", "404", "302", "500", "403", "201"];
const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0",
    "python-requests/2.32.3",
];
const ACCESS_HEADER: &[u8] = b"time,client,method,path,status,bytes,duration_ms,referer,user_agent\n";

fn access(chance: &Chance, out: &mut Vec<u8>) -> io::Result<()> {
    let (time, client, method) = (chance.time(), chance.public(), chance.pick(&METHODS));
    let (page, item, status) = (chance.pick(&PAGES), chance.below(50_000), chance.pick(&STATUSES));
    let (bytes, duration) = (200 + chance.below(80_000), chance.few(3_000));
    write!(out, "{time},{client},{method},\"{page}?id={item}\",{status},{bytes},{duration},")?;
    match chance.below(4) {
        0 => write!(out, ",")?,
        1 => write!(out, "\"https://www.example.com/search?q=\"\"item {item}\"\", new\",")?,
        _ => write!(out, "\"https://shop.example.com{}\",", chance.pick(&PAGES))?,
    }
    writeln!(out, "\"{}\"", chance.pick(&AGENTS))
}

const ZONES: [&str; 4] = ["trust", "untrust", "dmz", "guest"];
const ACTIONS: [&str; 4] = ["allow", "deny", "drop", "reset-both"];
const APPS: [&str; 9] =
    ["ssl", "web-browsing", "dns", "ntp", "ms-ds-smb", "quic", "ssh", "office365", "unknown-tcp"];
const RULES: [&str; 6] =
    ["allow-web", "allow-dns", "default-deny", "vpn, remote", "servers out", "guest internet"];
const PORTS: [&str; 7] = ["443", "53", "80", "123", "445", "22", "8443"];
const FIREWALL_HEADER: &[u8] = b"receive_time,serial,type,subtype,generated_time,src,dst,nat_src,nat_dst,rule,\
src_user,app,vsys,src_zone,dst_zone,inbound_if,outbound_if,session_id,repeat,src_port,dst_port,protocol,action,bytes,\
bytes_sent,bytes_received,packets,elapsed_s,category,src_country\n";

fn firewall(chance: &Chance, event: u64, out: &mut Vec<u8>) -> io::Result<()> {
    let time = chance.time().to_string().replace('-', "/").replace('T', " ");
    let time = time.split('.').next().unwrap_or_default();
    let (source, target) = (chance.private(), chance.public());
    let (app, rule) = (chance.pick(&APPS), chance.pick(&RULES));
    let device = chance.few(4);
    write!(
        out,
        "{time},0070{device}8001{device}2,TRAFFIC,end,{time},{source},{target},198.51.100.{device},"
    )?;
    write!(out, "{target},\"{rule}\",")?;
    if chance.one_in(3) {
        write!(out, ",")?;
    } else {
        write!(out, "corp\\user{:04},", chance.few(2_000))?;
    }
    let (from, to) = (chance.pick(&ZONES), chance.pick(&ZONES));
    write!(out, "{app},vsys1,{from},{to},ethernet1/{},ethernet1/{device},", chance.few(8) + 1)?;
    let (sent, received) = (chance.below(50_000), chance.below(400_000));
    write!(out, "{},1,{},{},", 100_000 + event, 1_024 + chance.below(60_000), chance.pick(&PORTS))?;
    write!(out, "{},{},", chance.pick(&["tcp", "udp", "icmp"]), chance.pick(&ACTIONS))?;
    write!(out, "{},{sent},{received},{},", sent + received, 1 + (sent + received) / 900)?;
    let category = chance.pick(&["business-and-economy", "computer-and-internet-info", "any", "unknown"]);
    writeln!(out, "{},{category},{}", chance.few(600), chance.pick(&["US", "DE", "CZ", "GB", "JP", "BR"]))
}

const SERVICES: [&str; 5] = ["checkout", "catalogue", "login", "billing", "mail"];
const LEVELS: [&str; 4] = ["info", "debug", "warn", "error"];

fn json(chance: &Chance, event: u64, out: &mut Vec<u8>) -> io::Result<()> {
    let (time, service, level) = (chance.time(), chance.pick(&SERVICES), chance.pick(&LEVELS));
    write!(out, "{{\"timestamp\":\"{time}\",\"level\":\"{level}\",\"service\":\"{service}\",")?;
    let host = chance.few(40);
    write!(out, "\"host\":{{\"name\":\"{service}-{host}\",\"ip\":\"10.1.{}.{}\"}},", host % 4, host + 10)?;
    let (user, admin) = (chance.few(3_000), chance.one_in(40));
    write!(out, "\"user\":{{\"id\":{user},\"name\":\"user{user}\",\"admin\":{admin}}},")?;
    let (page, status) = (chance.pick(&PAGES), chance.pick(&STATUSES));
    let (whole, part) = (chance.few(900), chance.below(1_000));
    write!(out, "\"http\":{{\"method\":\"{}\",\"path\":\"{page}\",", chance.pick(&METHODS))?;
    write!(out, "\"status\":{status},\"ms\":{whole}.{part:03}}},\"tags\":[\"{}\"", chance.pick(&ZONES))?;
    if chance.one_in(3) {
        write!(out, ",\"slow\"")?;
    }
    write!(
        out,
        "],\"message\":\"{} {page} for \\\"user{user}\\\"",
        chance.pick(&["served", "refused", "retried"])
    )?;
    writeln!(out, "\",\"trace\":\"{:016x}\",\"sequence\":{event}}}", chance.entropy.draw())
}

fn pairs(chance: &Chance, out: &mut Vec<u8>) -> io::Result<()> {
    let (time, service, level) = (chance.time(), chance.pick(&SERVICES), chance.pick(&LEVELS));
    write!(out, "time={time} level={level} service={service} client={} ", chance.private())?;
    write!(out, "session={:012x} ", chance.below(1 << 48))?;
    let (attempt, total) = (1 + chance.few(5), chance.few(90_000));
    write!(out, "op={} attempt={attempt} ", chance.pick(&["charge", "refund", "lookup", "sync"]))?;
    write!(out, "amount={}.{:02} ms={} ", total / 100, total % 100, chance.few(2_000))?;
    write!(out, "currency={} ok={} ", chance.pick(&["EUR", "USD", "CZK"]), !chance.one_in(30))?;
    writeln!(out, "msg=\"{} after {attempt} tries\"", chance.pick(&["done", "gave up", "queued again"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Kind, seed: u64) -> Vec<u8> {
        let mut text = Vec::new();
        let bytes = write(kind, 50, seed, &mut text).unwrap();
        assert_eq!(bytes, text.len() as u64);
        text
    }

    #[test]
    fn a_seed_gives_the_same_text_again_and_another_seed_another() {
        for kind in Kind::ALL {
            assert_eq!(text(kind, 7), text(kind, 7), "{kind:?}");
            assert_ne!(text(kind, 7), text(kind, 8), "{kind:?}");
        }
    }

    #[test]
    fn firewall_rows_have_thirty_columns() {
        assert_eq!(FIREWALL_HEADER.split(|byte| *byte == b',').count(), 30);
    }
}
