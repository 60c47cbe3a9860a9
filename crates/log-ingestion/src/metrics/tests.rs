use std::time::Duration;

use ingest_core::ids::LogId;

use super::*;

#[test]
fn every_metric_of_the_table_has_a_family() {
    let metrics = Metrics::new();
    for metric in Metric::ALL {
        assert!(metrics.families.has(*metric), "{metric:?}");
    }
}

#[test]
fn replies_are_counted_by_class_of_status() {
    let metrics = Metrics::new();
    for status in [200, 202, 301, 401, 403, 403, 404, 429, 500, 503] {
        metrics.answered(Class::Query, status, Duration::from_millis(700));
    }
    let calls = |status| metrics.counted_whole(Metric::ApiCalls, &[status]);
    assert_eq!(["200", "4xx", "5xx"].map(calls), [2, 6, 2]);
    assert!((metrics.counted(Metric::ApiRefused, &["403"]) - 2.0).abs() < 1e-9);
    assert!((metrics.counted(Metric::ApiRateLimited, &["query"]) - 1.0).abs() < 1e-9);
}

#[test]
fn a_refused_key_is_refused_until_a_reply_comes() {
    let metrics = Metrics::new();
    for (status, want) in [(200, false), (401, true), (500, true), (200, false), (403, true)] {
        metrics.answered(Class::Management, status, Duration::ZERO);
        assert_eq!(metrics.board().standing().key_refused, want, "{status}");
    }
}

#[test]
fn logs_beyond_the_limit_share_one_label() {
    let metrics = Metrics::new();
    let now = Timestamp::from_millis(0);
    let states: Vec<LogState> = (0..LOGS_SHOWN_MAX + 20)
        .map(|n| LogState::new(LogId::new(format!("id-{n:04}")), &format!("log {n:04}")))
        .collect();
    for state in &states {
        metrics.log_begins(state, Vec::new(), None, now);
    }
    metrics.board().logs_are(&states, now);
    let label = |n: usize| metrics.label(&format!("log {n:04}"));
    assert_eq!(label(LOGS_SHOWN_MAX - 1), format!("log {:04}", LOGS_SHOWN_MAX - 1));
    assert_eq!((label(LOGS_SHOWN_MAX), label(0)), (OTHER_LOGS.to_owned(), "log 0000".to_owned()));
    let options = ReaderOptions {
        disk: ingest_store::OsDisk::shared(),
        output_dir: std::path::PathBuf::from("/nowhere"),
        min_free_disk: ingest_core::space::MinFree::Nothing,
        clock: Arc::new(crate::app::SystemClock),
    };
    let text = Reader::new(Arc::new(metrics), options).text();
    let series = |name: &str| text.lines().filter(|line| line.starts_with(&format!("{name}{{"))).count();
    assert_eq!(series("log_ingestion_windows_open"), LOGS_SHOWN_MAX + 1);
    assert_eq!(series("log_ingestion_rows_stored_total"), LOGS_SHOWN_MAX + 1);
    assert!(text.contains("\nlog_ingestion_logs_not_shown 20\n"));
}
