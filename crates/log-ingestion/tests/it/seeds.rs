//! Many seeds: logs, semantics, faults, settings drawn from a number, and the oracle after each.

use std::sync::atomic::{AtomicU64, Ordering};

use ingest_source::clock::Entropy;
use rapid7_sim::{Faults, Kind, LogSpec, Semantics, SimConfig, parse_moment};

use crate::scenario::{NOW, Scenario, judge, run};

/// Seeds of one test run.
const SEEDS: u64 = 240;

const KINDS: [Kind; 8] =
    [Kind::Csv, Kind::Json, Kind::Syslog, Kind::Access, Kind::Text, Kind::Kvp, Kind::Mixed, Kind::Odd];

fn pick<'a, T: ?Sized>(chance: &Entropy, of: &[&'a T]) -> &'a T {
    of[usize::try_from(chance.draw() % of.len() as u64).unwrap()]
}

/// The scenario of a seed.
pub(crate) fn scenario(seed: u64) -> Scenario {
    let chance = Entropy::new(seed);
    let now = parse_moment(NOW).unwrap();
    let mut sim = SimConfig { seed, to_ms: Some(now - 30 * 60_000), ..SimConfig::default() };
    for log in 0..=chance.draw() % 3 {
        let kind = KINDS[usize::try_from(chance.draw() % 8).unwrap()];
        sim.logs.push(LogSpec::generated(format!("log{log}"), kind, chance.draw() % 4_000));
    }
    sim.semantics = semantics(&chance);
    sim.faults = faults(&chance);
    let mut scenario = Scenario::new(sim)
        .with("FETCH_MODE", pick(&chance, &["auto", "query", "auto"]))
        .with("WINDOW_ROWS", pick(&chance, &["1000", "2000", "100000"]))
        .with("BATCH_SIZE", pick(&chance, &["100", "500", "1000"]))
        .with("RATE_LIMIT", pick(&chance, &["1000", "60", "5"]))
        .with("LAYOUT", "hive")
        .with("PARQUET_COMPRESSION", pick(&chance, &["snappy", "zstd", "lz4", "none"]));
    if chance.draw().is_multiple_of(4) {
        scenario.sim.quotas.set("query", "40").unwrap();
        scenario.sim.quotas.set("download", "6").unwrap();
    }
    scenario
}

fn semantics(chance: &Entropy) -> Semantics {
    let mut semantics = Semantics::default();
    let choices: [(&str, &[&str]); 14] = [
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
    ];
    for (key, values) in choices {
        semantics.set(key, pick(chance, values)).unwrap();
    }
    semantics
}

/// Faults that pass: each at most a few times, so that the run must end complete.
fn faults(chance: &Entropy) -> Faults {
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
        "duplicate_event_at_page_border",
        "empty_page_with_next",
        "count_mismatch",
        "count_self_disagrees",
        "slow_first_byte",
    ];
    for name in names {
        if chance.draw().is_multiple_of(3) {
            faults.add(&format!("{name}=0.1/3")).unwrap();
        }
    }
    faults
}

/// Every event is stored or quarantined exactly once, whatever the server's conventions and passing faults.
#[test]
fn every_event_is_kept_once_for_every_seed() {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    let ran = run(&scenario(seed));
                    judge(&ran, &format!("seed {seed}, {} passes", ran.passes));
                }
            });
        }
    });
}
