//! Checks of what the ledgers say: what is open, what the source drops, whether the pace will do, what was quarantined.

use ingest_core::ledger::LogState;
use ingest_core::retention::tail_edge;
use ingest_core::time::{MS_PER_HOUR, Timestamp};

use super::{Finding, fail, ok, some, unknown, warn};
use crate::commands::doctor::facts::{Facts, Pace};
use crate::ingest::RETENTION_NEAR_MS;

/// Share of quarantined records above which something is wrong with a log, in percent. Source: runbook, alert 4.
const PARSE_ERRORS_PERCENT: u64 = 5;
/// Minutes of requests beyond which what is missing takes long enough to be said.
const CATCH_UP_MINUTES: u64 = 60;
/// Requests that a download of a window takes: its counts, the download, and one again.
const REQUESTS_PER_DOWNLOAD: u64 = 6;
/// Rows of a download, taken as small as they come.
const ROWS_PER_DOWNLOAD: u64 = 100_000;
/// Reasons that are shown.
const REASONS: usize = 3;

pub(super) fn open_windows(facts: &Facts) -> Finding {
    let open: Vec<String> = facts
        .logs
        .iter()
        .flat_map(|log| log.ledger.open().iter().map(move |open| (log, open)))
        .map(|(log, open)| format!("{} {}: {} ({} tries)", log.name, open.window, open.reason, open.tries))
        .collect();
    if open.is_empty() {
        return ok("none");
    }
    let held = facts.logs.iter().flat_map(|log| log.ledger.open()).filter(|open| open.held.is_some()).count();
    let short = if held == 0 {
        String::new()
    } else {
        format!(", {held} of them short: the server counts otherwise")
    };
    warn(
        format!("{} windows are open{short}: {}", open.len(), some(&open, "; ")),
        "the next run tries again; if the reason stays, it says what to mend. log-ingestion status lists all",
    )
}

pub(super) fn retention(facts: &Facts) -> Finding {
    let lost: Vec<String> = facts
        .logs
        .iter()
        .flat_map(|log| log.ledger.beyond().iter().map(move |span| format!("{} {span}", log.name)))
        .collect();
    let near: Vec<String> = facts.logs.iter().filter_map(|log| edge(log, facts.now)).collect();
    if !near.is_empty() {
        return fail(
            format!("about to be lost at the source: {}", some(&near, "; ")),
            "run now, with a higher RATE_LIMIT and FETCH_MODE=auto; or have the retention raised in the console",
        );
    }
    if !lost.is_empty() {
        return warn(
            format!("the source dropped before it was stored: {}", some(&lost, "; ")),
            "nothing can be fetched of it; run more often, or have the retention raised",
        );
    }
    ok("nothing that is missing is about to be dropped")
}

/// What the source drops next of a log, where that is soon.
fn edge(log: &LogState, now: Timestamp) -> Option<String> {
    let edge = tail_edge(log, now).filter(|edge| edge.left_ms < RETENTION_NEAR_MS)?;
    let hours = edge.left_ms.max(0) / MS_PER_HOUR;
    Some(format!("{} from {} in {hours} h", log.name, edge.oldest_missing))
}

pub(super) fn rate_limit(facts: &Facts) -> Finding {
    let Some(pace) = facts.settings.pace else { return unknown("the settings come first") };
    let limit = pace.requests_per_minute;
    let minutes: u64 =
        facts.logs.iter().map(|log| minutes(log, pace, facts.now)).fold(0, u64::saturating_add);
    let steady =
        facts.logs.iter().map(|log| requests(rows_in(log, 60_000), pace)).fold(0, u64::saturating_add);
    if steady > u64::from(limit) {
        return warn(
            format!("the logs bring rows for about {steady} requests a minute, RATE_LIMIT allows {limit}"),
            "raise RATE_LIMIT, or set FETCH_MODE=auto so that downloads take over",
        );
    }
    if minutes > CATCH_UP_MINUTES {
        return warn(
            format!("what is missing takes about {} hours at RATE_LIMIT={limit}", minutes.div_ceil(60)),
            "raise RATE_LIMIT until it has caught up, as far as the quota lets it",
        );
    }
    ok(format!("{limit} requests a minute; what is missing takes about {minutes} min of them"))
}

/// Minutes that a log's missing span takes, if it is as dense as what is stored.
fn minutes(log: &LogState, pace: Pace, now: Timestamp) -> u64 {
    let behind = log.ledger.position().map_or(0, |at| now.millis().saturating_sub(at.millis()));
    let behind = behind.saturating_sub(pace.settle_ms).max(0);
    let rows = rows_in(log, behind);
    if rows == 0 { 0 } else { requests(rows, pace).div_ceil(u64::from(pace.requests_per_minute).max(1)) }
}

/// Rows that come in so many milliseconds, by what is stored.
fn rows_in(log: &LogState, ms: i64) -> u64 {
    let covered = log.ledger.extent().map_or(0, |extent| extent.len_ms());
    if covered <= 0 {
        return 0;
    }
    let rows = u128::from(log.ledger.total().fetched) * u128::from(ms.unsigned_abs())
        / u128::from(covered.unsigned_abs());
    u64::try_from(rows).unwrap_or(u64::MAX)
}

fn requests(rows: u64, pace: Pace) -> u64 {
    let by_query = rows.div_ceil(pace.rows_per_request.max(1));
    let by_download = rows.div_ceil(ROWS_PER_DOWNLOAD).saturating_mul(REQUESTS_PER_DOWNLOAD);
    if pace.may_download { by_query.min(by_download) } else { by_query }
}

pub(super) fn parse_errors(facts: &Facts) -> Finding {
    let high: Vec<String> = facts
        .logs
        .iter()
        .map(|log| (log, log.ledger.total()))
        .filter(|(_, total)| {
            total.quarantined.saturating_mul(100) > total.fetched.saturating_mul(PARSE_ERRORS_PERCENT)
        })
        .map(|(log, total)| format!("{}: {} of {}", log.name, total.quarantined, total.fetched))
        .collect();
    let quarantined: u64 = facts.logs.iter().map(|log| log.ledger.total().quarantined).sum();
    let fetched: u64 = facts.logs.iter().map(|log| log.ledger.total().fetched).sum();
    let mut reasons: Vec<(&String, &u64)> = facts.folder.iter().flat_map(|folder| &folder.reasons).collect();
    reasons.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let reasons: Vec<String> =
        reasons.iter().take(REASONS).map(|(name, count)| format!("{name} {count}")).collect();
    let lately =
        if reasons.is_empty() { String::new() } else { format!("; of late: {}", reasons.join(", ")) };
    if !high.is_empty() {
        return warn(
            format!("above {PARSE_ERRORS_PERCENT}% of a log are no rows: {}{lately}", some(&high, "; ")),
            "look at _quarantine/log=*/*.jsonl: each line has its reason and the record. If the format changed, pin it \
             (PINS_DIR) and put them through again with log-ingestion replay",
        );
    }
    ok(format!("{quarantined} of {fetched} records are in the quarantine{lately}"))
}
