//! The table that ends a pass for a person: what each log gave, what became of it, whether it is complete.

use std::time::Duration;

use crate::ingest::PassReport;
use crate::table_text::{Align, grouped, table};

/// The table that a person sees at the end.
pub(crate) fn summary(report: &PassReport) -> String {
    let rows: Vec<Vec<String>> = report
        .logs
        .iter()
        .map(|log| {
            let tally = log.tally;
            let counted = tally.counted.map_or_else(|| "-".to_owned(), grouped);
            let state = if log.open > 0 { format!("{} open", log.open) } else { "complete".to_owned() };
            vec![
                log.name.clone(),
                grouped(log.windows),
                grouped(tally.fetched),
                grouped(tally.stored),
                grouped(tally.quarantined),
                counted,
                grouped(tally.files),
                grouped(tally.bytes),
                rate(log.text_bytes, report.duration),
                state,
            ]
        })
        .collect();
    let right = Align::Right;
    table(
        &[
            ("log", Align::Left),
            ("windows", right),
            ("fetched", right),
            ("stored", right),
            ("quarantined", right),
            ("server count", right),
            ("files", right),
            ("bytes", right),
            ("MB/s", right),
            ("state", Align::Left),
        ],
        &rows,
    )
}

/// Megabytes of log text a second.
fn rate(bytes: u64, duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1);
    // Bytes a millisecond are kilobytes a second.
    let tenths = bytes.saturating_mul(10) / ms / 1_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}
