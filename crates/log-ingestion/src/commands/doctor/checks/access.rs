//! Checks of what lies between the service and the API: key, endpoint, permissions, quota, clock.

use ingest_core::quota::QuotaHeaders;
use ingest_source::{HostKind, Protocol};

use super::{Finding, fail, ok, unknown, warn};
use crate::commands::doctor::facts::{EndpointFacts, Facts, Probe, ServerFacts};

/// Part of a quota below which the next requests will wait, one in so many.
const LOW_PART: u64 = 10;
/// Clocks differ by this much at most before it is worth a word, in milliseconds: the server names whole seconds, and an
/// answer takes a moment.
const SKEW_MS: i64 = 10_000;
/// Bits of a mode that give anything to users beyond owner and group, and to anybody but the owner.
const OTHERS: u32 = 0o007;
const NOT_OWNER: u32 = 0o077;

pub(super) fn key(facts: &Facts) -> Finding {
    match (&facts.key.source, &facts.key.fault) {
        (Some(source), None) => ok(format!("set ({source})")),
        (_, Some(fault)) => fail(
            fault.clone(),
            "put the key into .env (chmod 600), a file that RAPID7_API_KEY_FILE names, or a systemd credential",
        ),
        (None, None) => unknown("the settings were not read"),
    }
}

pub(super) fn key_files(facts: &Facts) -> Finding {
    let files = &facts.key.files;
    let loose: Vec<String> = files
        .iter()
        .filter(|(_, mode)| mode & NOT_OWNER != 0)
        .map(|(path, mode)| format!("{path} has mode {mode:04o}"))
        .collect();
    let next = "chmod 600 it, and replace the key if others use this machine";
    if files.iter().any(|(_, mode)| mode & OTHERS != 0) {
        return fail(
            format!("every user of this machine can read the key: {}", super::some(&loose, "; ")),
            next,
        );
    }
    if !loose.is_empty() {
        return warn(format!("a group can read the key: {}", super::some(&loose, "; ")), next);
    }
    match files.len() {
        0 => ok("the key is in no file that has to be private"),
        _ => ok("only their owner can read them"),
    }
}

pub(super) fn endpoint(facts: &Facts) -> Finding {
    let Some(endpoint) = &facts.endpoint else { return unknown("RAPID7_API_ENDPOINT is none") };
    let EndpointFacts { host, kind, plain_and_remote, protocol } = endpoint;
    let speaks = match protocol {
        Protocol::LogSearch => "Log Search",
        Protocol::CsvPages => "CSV pages",
    };
    if *plain_and_remote {
        let said = format!("the key travels readable to {host}: RAPID7_API_ENDPOINT is not https");
        return fail(said, "use https, then replace the key");
    }
    match kind {
        HostKind::Region(region) => ok(format!("{host}, region {region}, {speaks}")),
        HostKind::Vendor => warn(
            format!("{host} is a Rapid7 host, but that of no region that is known; taken to speak {speaks}"),
            format!(
                "use https://REGION.rest.logs.insight.rapid7.com with one of {}; the region is in the address of your console",
                ingest_source::REGIONS.join(", ")
            ),
        ),
        HostKind::Elsewhere => ok(format!("{host}, not a Rapid7 host; taken to speak {speaks}")),
    }
}

pub(super) fn server(facts: &Facts) -> Finding {
    let server = match &facts.server {
        Ok(server) => server,
        Err(why) => return unknown(why),
    };
    match &server.list {
        Probe::Silence(error) => fail(format!("no answer: {error}"), how_to_reach(error)),
        Probe::Status(status @ 500..) => fail(
            format!("it answers with status {status}"),
            "wait; runs try again by themselves. If it lasts, see status.rapid7.com",
        ),
        Probe::Status(404) => fail(
            "it knows nothing of the list of logs (404)",
            "correct the region or path in RAPID7_API_ENDPOINT, or RAPID7_API_PROTOCOL",
        ),
        Probe::Status(status @ 300..400) => fail(
            format!(
                "it answers with a redirect ({status}), which is not followed, since the key would go with it"
            ),
            "set RAPID7_API_ENDPOINT to where it leads, if that is Rapid7's",
        ),
        Probe::Status(_) => ok("it answers"),
        Probe::NotAsked => unknown("it was not asked"),
    }
}

/// What to do about a network error, from its words.
fn how_to_reach(error: &str) -> &'static str {
    let error = error.to_ascii_lowercase();
    let has = |part: &str| error.contains(part);
    if has("dns") || has("lookup") {
        "correct the host in RAPID7_API_ENDPOINT; else see to the name server, or to HTTPS_PROXY"
    } else if has("certificate") || has("tls") || has("unknownissuer") {
        "give the certificates of your proxy with SSL_CERT_FILE, and see to the clock of this machine"
    } else if has("refused") {
        "correct the port in RAPID7_API_ENDPOINT; else a firewall or proxy refuses: see to HTTPS_PROXY and NO_PROXY"
    } else if has("timed out") || has("timeout") || has("no answer within") {
        "let this machine out to port 443 of that host, or set HTTPS_PROXY"
    } else {
        "try the same address with curl from this machine"
    }
}

pub(super) fn accepted(facts: &Facts) -> Finding {
    let server = match &facts.server {
        Ok(server) => server,
        Err(why) => return unknown(why),
    };
    if let Some(status) = server.list.refused() {
        return fail(
            format!("the API refuses the key with {status}"),
            "is the key whole, of this organisation and region, and not revoked? Else make a new one and put it in place: \
             a running service takes it up by itself",
        );
    }
    if server.list.worked() { ok("the API takes the key") } else { unknown("no answer that would tell") }
}

pub(super) fn permissions(facts: &Facts) -> Finding {
    let server = match &facts.server {
        Ok(server) if server.list.worked() => server,
        Ok(_) => return unknown("the key, or the server, comes first"),
        Err(why) => return unknown(why),
    };
    let may_download = facts.settings.pace.is_none_or(|pace| pace.may_download);
    let ServerFacts { query, download, logs, .. } = server;
    if let Err(fault) = logs {
        return fail(
            fault.clone(),
            "log-ingestion logs lists what the key can see; correct RAPID7_LOGS, or the key's role",
        );
    }
    if let Some(status) = query.refused() {
        return fail(
            format!("the key may list logs, but not query them ({status})"),
            "give the key's owner a role that may read Log Search, or use another key",
        );
    }
    if let Some(status) = download.refused().filter(|_| may_download) {
        return fail(
            format!("the key may list and query logs, but not download them ({status})"),
            "set FETCH_MODE=query, or use a read-write key",
        );
    }
    let count = logs.as_ref().copied().unwrap_or_default();
    if count == 0 {
        return warn("the key can see no log", "give it access to logs, or begin to collect some");
    }
    let odd: Vec<String> = [("query", query), ("download", download)]
        .into_iter()
        .filter_map(|(what, probe)| match probe {
            Probe::Status(status) if !probe.worked() && probe.refused().is_none() => {
                Some(format!("{what}: status {status}"))
            }
            Probe::Silence(error) => Some(format!("{what}: {error}")),
            Probe::Status(_) | Probe::NotAsked => None,
        })
        .collect();
    if odd.is_empty() {
        return ok(format!("it may list, query and read the {count} logs that are wanted"));
    }
    warn(
        format!("allowed as far as can be told; {}", odd.join("; ")),
        "run doctor again when the server has recovered",
    )
}

pub(super) fn quota(facts: &Facts) -> Finding {
    let server = match &facts.server {
        Ok(server) => server,
        Err(why) => return unknown(why),
    };
    let probes = [&server.list, &server.query, &server.download];
    let limited = probes.into_iter().any(|probe| *probe == Probe::Status(429));
    let shown: Vec<String> =
        server.quotas.iter().map(|(class, quota)| standing(class.name(), *quota)).collect();
    let shown = shown.join("; ");
    if limited {
        return warn(
            format!("a request was answered with 429. {shown}"),
            "runs wait by themselves; if other programs use this key, give each its own, or lower RATE_LIMIT",
        );
    }
    let low = |quota: &QuotaHeaders| match (quota.remaining, quota.limit) {
        (Some(remaining), Some(limit)) => remaining < limit / LOW_PART,
        (Some(remaining), None) => remaining == 0,
        (None, _) => false,
    };
    if server.quotas.iter().any(|(_, quota)| low(quota)) {
        return warn(
            format!("nearly spent: {shown}"),
            "runs wait by themselves; if that is often so, see what else uses the key, or ask Rapid7 for more",
        );
    }
    if shown.is_empty() { ok("the server names none") } else { ok(shown) }
}

fn standing(class: &str, quota: QuotaHeaders) -> String {
    let number = |figure: Option<u64>| figure.map_or_else(|| "?".to_owned(), |figure| figure.to_string());
    let reset = quota.reset_seconds.map(|seconds| format!(", anew in {seconds} s")).unwrap_or_default();
    format!("{class} {} of {} left{reset}", number(quota.remaining), number(quota.limit))
}

pub(super) fn clock(facts: &Facts) -> Finding {
    let ahead = match &facts.server {
        Ok(server) => server.ahead_ms,
        Err(why) => return unknown(why),
    };
    let Some(ahead) = ahead else { return unknown("the server named no date") };
    let seconds = ahead.unsigned_abs() / 1_000;
    if ahead.abs() <= SKEW_MS {
        return ok("agrees with the server's");
    }
    let next = "set this machine's clock by NTP (timedatectl)";
    let settle = facts.settings.pace.map_or(i64::MAX, |pace| pace.settle_ms);
    if ahead < 0 && ahead.unsigned_abs() >= settle.unsigned_abs() {
        let said = format!(
            "this clock is {seconds} s ahead of the server's, more than SETTLE_DELAY: windows are closed before their events are there"
        );
        return fail(said, next);
    }
    let way = if ahead < 0 { "ahead of" } else { "behind" };
    warn(format!("this clock is {seconds} s {way} the server's"), next)
}
