//! The flags of the commands that look after files: `retain`, `archive`, `compact`, `restore`.
//!
//! Only words.

use std::time::Duration;

use clap::Args;
use ingest_core::time::{Timestamp, UtcDay};

pub(super) const RETAIN_HELP: &str = "Examples:\n  log-ingestion retain --retention-days 90\n  \
    log-ingestion retain --retention-days 90 --apply\n  log-ingestion retain --retention-max-bytes 500GB --json\n\n\
    Whole days go, oldest first; never the newest of a log, and nothing behind a window that is open. What went is \
    remembered: it is not fetched again, and not missed by audit. With the settings in force, run does the same after \
    each pass.";
pub(super) const ARCHIVE_HELP: &str = "Examples:\n  log-ingestion archive --to /archive/logs\n  \
    log-ingestion archive --to /archive/logs --older-than 90d --dry-run\n  \
    log-ingestion archive --to s3://BUCKET/logs --older-than 30d\n  \
    log-ingestion archive --to /mnt/cold --older-than 1d --copy\n\n\
    Each file is copied to the same place below the archive, made durable and read back; only when a whole day is there, \
    it is removed here. Cut short, it goes on where it stopped. --copy removes nothing, and works beside a running \
    service. Object stores (s3://, gs://, az://) are reached by the variables of their own tools: AWS_ACCESS_KEY_ID, \
    AWS_REGION, AWS_ENDPOINT_URL and so on.";
pub(super) const COMPACT_HELP: &str = "Examples:\n  log-ingestion compact\n  log-ingestion compact --apply\n  \
    log-ingestion compact --day 2026-02-10 --apply\n\n\
    Files of a day become one while it holds no more rows than WINDOW_ROWS. At every instant a reader finds all of the \
    old files or all of the new ones.";
pub(super) const RESTORE_HELP: &str = "Examples:\n  aws s3 sync s3://backup-bucket/logs/ /data/logs/\n  \
    log-ingestion restore --check\n  log-ingestion restore\n\n\
    Says day by day what is there, what is damaged, what the ledgers miss, and whether the source still has it; \
    log-ingestion repair then fetches what can be had. Exit 1 where anything is damaged or missing.";

/// Flags of `retain`.
#[derive(Debug, Args)]
pub struct RetainArgs {
    /// Remove the days, and not only show them
    #[arg(long)]
    pub apply: bool,
    /// Print JSON, a line a day
    #[arg(long)]
    pub json: bool,
}

/// Flags of `archive`.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// Where to: a folder, or a bucket: s3://BUCKET/PREFIX, gs://…, az://…
    #[arg(long, value_name = "DIR|URL")]
    pub to: String,
    /// Days of which every instant is at least so long ago
    #[arg(long, default_value = "30d", value_name = "TIME", value_parser = super::duration)]
    pub older_than: Duration,
    /// Remove what was copied and verified (the default)
    #[arg(long = "move", conflicts_with = "copy")]
    pub moves: bool,
    /// Remove nothing
    #[arg(long)]
    pub copy: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON, a line a day
    #[arg(long)]
    pub json: bool,
}

/// Flags of `compact`.
#[derive(Debug, Args)]
pub struct CompactArgs {
    /// This day only
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub day: Option<UtcDay>,
    /// Days of which every instant is at least so long ago
    #[arg(long, default_value = "2d", value_name = "TIME", value_parser = super::duration)]
    pub older_than: Duration,
    /// Do it, and not only show it
    #[arg(long)]
    pub apply: bool,
    /// Print JSON, a line a day
    #[arg(long)]
    pub json: bool,
}

/// Flags of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Only say what is there and what is not; change nothing
    #[arg(long)]
    pub check: bool,
    /// Print JSON, a line a day
    #[arg(long)]
    pub json: bool,
}

fn day(text: &str) -> Result<UtcDay, String> {
    Timestamp::parse(text).map(Timestamp::day).map_err(|error| error.to_string())
}
