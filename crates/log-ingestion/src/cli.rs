//! The command line: commands, their flags, and one flag for each setting.
//!
//! Only reads words. The flags of settings are made from the one table of settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use ingest_core::time::Timestamp;

use crate::settings::SETTINGS;
pub use doctor::DoctorArgs;
pub use health::HealthArgs;
pub use installing::{CompletionsArgs, ManArgs};
pub use local::{BenchArgs, ConvertArgs, InferArgs, ReplayArgs, WritingArgs};
pub use reading::ReadingArgs;
pub use stored::{HeadArgs, MetaArgs, VerifyArgs};
pub use top::TopArgs;
pub use upkeep::{ArchiveArgs, CompactArgs, RestoreArgs, RetainArgs};

mod doctor;
mod health;
mod installing;
mod local;
mod reading;
mod stored;
mod top;
mod upkeep;

/// Pulls logs out of Rapid7 Log Search and lays them down as compressed, typed Parquet.
#[derive(Debug, Parser)]
#[command(
    name = "log-ingestion",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 64 wrong command line, 75 try again later (windows left open, or another \
                  process at work), 77 the API refused the key, 78 settings cannot be used.\n\n\
                  Settings come from flags, the environment, and .env, in this order; log-ingestion config shows them."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Read settings from this file instead of .env
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Pull what is missing, up to now less the settle delay
    #[command(
        after_help = "Examples:\n  log-ingestion run\n  log-ingestion run --continuous --interval 5m\n  \
        log-ingestion run --from 2026-01-01 --to 2026-02-01\n  log-ingestion run --since 7d --rapid7-logs 'Firewall*'"
    )]
    Run(RunArgs),
    /// Try it out: a simulated account on this machine, ingested into Parquet
    #[command(
        after_help = "Examples:\n  log-ingestion demo\n  log-ingestion demo --data FOLDER --output-dir /tmp/demo"
    )]
    Demo(DemoArgs),
    /// Convert local log files to Parquet
    #[command(after_help = "Examples:\n  log-ingestion convert access.log.gz --output out\n  \
        log-ingestion convert logs/*.csv --output out --compression zstd\n  zcat x.gz | log-ingestion convert - --output out")]
    Convert(ConvertArgs),
    /// Show what files are: encoding, dialect, columns, and why each column has its type
    #[command(
        after_help = "Examples:\n  log-ingestion infer access.csv\n  log-ingestion infer logs/*.csv --json\n  \
        log-ingestion infer odd.txt --delimiter ';' --header no\n\n\
        Says for each column which value forbade which narrower type:\n  \
        bytes   text   row 1,234 \"unknown\" is not an integer, not a float"
    )]
    Infer(InferArgs),
    /// Put the records of quarantine files through again, after fixing a pin or upgrading
    #[command(
        after_help = "Examples:\n  log-ingestion replay out/access.quarantine.jsonl --output again --pin access.json\n  \
        log-ingestion replay /data/logs/_quarantine/log=*/*.jsonl --output again\n\n\
        Rows go to NAME.replayed.parquet, what still does not fit to NAME.quarantine.jsonl; the given files stay as \
        they are. No header precedes the records: say --columns or --pin, or columns are c1, c2 and so on."
    )]
    Replay(ReplayArgs),
    /// Measure this machine: rates, memory and compression on generated logs, against what is expected
    #[command(
        after_help = "Examples:\n  log-ingestion bench\n  log-ingestion bench --events 1000000 --compression zstd --json\n\n\
        Parse rate: finding records and types in all of the text. Write rate: from the text to a Parquet file that is \
        synced and read back. Peak memory: of this process so far. Files go to a folder in TMPDIR that is removed. \
        Exit 1 where something is not as expected."
    )]
    Bench(BenchArgs),
    /// List the logs that the key can see
    #[command(after_help = "Example:\n  log-ingestion logs --json")]
    Logs(JsonArgs),
    /// Show the settings in force, secrets masked; `config check` verifies them and exits
    #[command(after_help = "Examples:\n  log-ingestion config\n  log-ingestion config check")]
    Config(ConfigArgs),
    /// Prove what is complete: a calendar of windows, compared with the server's counts
    #[command(
        after_help = "Examples:\n  log-ingestion audit\n  log-ingestion audit --log 'Firewall*' --from 2026-01-01 --to 2026-02-01\n  \
        log-ingestion audit --report audit.json\n  log-ingestion audit --explain 2026-02-10T13:00:00Z\n\n\
        Changes nothing, and works beside a running service. Exit 1 where anything is open, short, missing or beyond the \
        source's retention; repair fetches what can be had."
    )]
    Audit(AuditArgs),
    /// Count everything again now, and fetch what is missing, grew, or cannot be read
    #[command(
        after_help = "Examples:\n  log-ingestion repair\n  log-ingestion repair --from 2026-02-10 --to 2026-02-11 --deep\n\n\
        Exactly the windows concerned are fetched again, each in place of its old file."
    )]
    Repair(RepairArgs),
    /// Show the ledgers, or rebuild them from the files
    #[command(after_help = "Example:\n  log-ingestion ledger rebuild")]
    Ledger(LedgerArgs),
    /// Verify files: footers, hashes, every value decoded by a second reader, ledgers against files
    #[command(
        after_help = "Examples:\n  log-ingestion verify\n  log-ingestion verify /data/logs/log=web-1a2b3c4d/day=2026-02-10\n  \
        log-ingestion verify file.parquet --json\n\n\
        Exit 1 where a file is damaged or missing; repair --deep fetches what can be had again."
    )]
    Verify(VerifyArgs),
    /// Remove what is kept no longer, by RETENTION_DAYS and RETENTION_MAX_BYTES; shows it first
    #[command(after_help = upkeep::RETAIN_HELP)]
    Retain(RetainArgs),
    /// Move or copy old days to another folder, verified before anything is removed
    #[command(after_help = upkeep::ARCHIVE_HELP)]
    Archive(ArchiveArgs),
    /// Make few large files of the small ones of past days, with exactly the same rows; shows it first
    #[command(after_help = upkeep::COMPACT_HELP)]
    Compact(CompactArgs),
    /// After a restore from a backup: verify every file, set modes, bring ledgers and files into agreement
    #[command(after_help = upkeep::RESTORE_HELP)]
    Restore(RestoreArgs),
    /// Show what a Parquet file's footer says: rows, columns, types, sizes, metadata
    #[command(after_help = "Example:\n  log-ingestion meta file.parquet --json")]
    Meta(MetaArgs),
    /// Show the first rows of a Parquet file
    #[command(
        after_help = "Examples:\n  log-ingestion head file.parquet\n  log-ingestion head file.parquet -n 100 --json | jq ."
    )]
    Head(HeadArgs),
    /// Say whether the service does its work: exit 0 healthy, 1 not
    #[command(
        after_help = "Examples:\n  log-ingestion health\n  log-ingestion health --max-age 26h --json\n  \
        log-ingestion health --url http://10.0.0.7:9464\n\n\
        Asks the service at METRICS_ADDR; where nobody serves, as under cron, looks at OUTPUT_DIR: when a pass last left \
        nothing open."
    )]
    Health(HealthArgs),
    /// Watch a running service: lag, rate, windows, quotas, errors and last events of each log
    #[command(
        after_help = "Examples:\n  log-ingestion top\n  log-ingestion top --url http://10.0.0.5:9464\n  log-ingestion top --once\n\n\
        Keys: q quit, s order by lag, rate or name, p pause, up and down scroll. Reads /status of the service at METRICS_ADDR."
    )]
    Top(TopArgs),
    /// Go through everything that the service needs; say what is wrong and what to do
    #[command(after_help = "Examples:\n  log-ingestion doctor\n  log-ingestion doctor --offline --json\n\n\
        Changes nothing, and works beside a running service. Exit 1 where a check fails.")]
    Doctor(DoctorArgs),
    /// Show each log's position, lag and open windows
    #[command(after_help = "Example:\n  log-ingestion status --json")]
    Status(JsonArgs),
    /// Print a script that completes command lines in a shell
    #[command(after_help = installing::COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
    /// Write a manual page of each command to a folder
    #[command(after_help = installing::MAN_HELP)]
    Man(ManArgs),
}

/// Flags of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Keep running, one pass after the other; with --from and --to, the period is pulled beside the live tail
    #[arg(long)]
    pub continuous: bool,
    /// Time between the starts of two passes
    #[arg(long, default_value = "5m", value_name = "TIME", value_parser = duration)]
    pub interval: std::time::Duration,
    /// Where logs that were never pulled start: a time, or how long ago
    #[arg(long, default_value = "24h", value_name = "TIME")]
    pub since: String,
    /// Pull a period: from this time…
    #[arg(long, requires = "to", value_name = "TIME", value_parser = instant)]
    pub from: Option<Timestamp>,
    /// …to this time, exclusive
    #[arg(long, requires = "from", value_name = "TIME", value_parser = instant)]
    pub to: Option<Timestamp>,
}

/// Flags that choose logs and a period.
#[derive(Debug, Clone, Args)]
pub struct ScopeArgs {
    /// Only these logs: names, ids or patterns with * and ?
    #[arg(long, value_name = "LOG")]
    pub log: Vec<String>,
    /// From this time…
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub from: Option<Timestamp>,
    /// …to this time, exclusive
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub to: Option<Timestamp>,
}

/// Flags of `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// What is looked at.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Do not ask the server: compare ledger and files only
    #[arg(long)]
    pub offline: bool,
    /// Read every file, and not only its name
    #[arg(long)]
    pub deep: bool,
    /// Tell what happened to the window that holds this time
    #[arg(long, value_name = "TIME", value_parser = instant, conflicts_with_all = ["report", "from", "to"])]
    pub explain: Option<Timestamp>,
    /// Write the findings to this file: JSON with its own hash
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `repair`.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// What is repaired.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Read every file, and not only its name: finds damage on the disk
    #[arg(long)]
    pub deep: bool,
}

/// Flags of `ledger`.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// What to do with the ledgers instead of showing them
    #[command(subcommand)]
    pub action: Option<LedgerAction>,
}

/// What `ledger` can do beside showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum LedgerAction {
    /// Forget the ledgers and make them anew from the files' footers
    Rebuild,
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Serve the files of this folder as the account's logs
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Events in all generated logs together
    #[arg(long, default_value_t = 400_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    pub events: u64,
    /// Seed of the generated events
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

/// Flags of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do with the settings instead of showing them
    #[command(subcommand)]
    pub action: Option<ConfigAction>,
}

/// What `config` can do beside showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigAction {
    /// Verify all settings and that the output folder can be written, then exit
    Check,
}

/// The flag of commands that print a table.
#[derive(Debug, Args)]
pub struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A command line, read.
#[derive(Debug)]
pub struct Invocation {
    /// Commands and their flags.
    pub cli: Cli,
    /// Settings given as flags, by variable.
    pub settings: BTreeMap<String, String>,
}

/// Reads the words of a command line.
///
/// # Errors
/// What clap says: also for `--help` and `--version`.
pub fn read(words: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Invocation, clap::Error> {
    let matches = command().try_get_matches_from(words)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let mut settings = BTreeMap::new();
    let mut level = Some(&matches);
    while let Some(matches) = level {
        gather(matches, &mut settings);
        level = matches.subcommand().map(|(_, below)| below);
    }
    Ok(Invocation { cli, settings })
}

/// The whole command line, with the flags of settings.
#[must_use]
pub fn command() -> clap::Command {
    let flags = SETTINGS.iter().filter_map(|setting| {
        let flag = setting.flag()?;
        let default = setting.default.filter(|d| !d.is_empty()).map(|d| format!(" [default: {d}]"));
        let help = format!("{}: {}{}", setting.help, setting.allowed, default.unwrap_or_default());
        let arg = Arg::new(setting.variable).long(flag).help(help).global(true).value_name("VALUE");
        Some(arg.help_heading("Settings (also as environment variables)").hide_short_help(true))
    });
    Cli::command().args(flags)
}

fn gather(matches: &ArgMatches, settings: &mut BTreeMap<String, String>) {
    for setting in SETTINGS.iter().filter(|s| !s.secret) {
        if let Ok(Some(value)) = matches.try_get_one::<String>(setting.variable) {
            settings.insert(setting.variable.to_owned(), value.clone());
        }
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|e| e.to_string())
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::settings::duration(text).ok_or_else(|| format!("{text:?} is not a time such as 90s, 5m or 1h"))
}

fn codec(text: &str) -> Result<ingest_tabular::Codec, String> {
    crate::settings::codec(text)
        .ok_or_else(|| format!("{text:?} is none of snappy, gzip, brotli, zstd, lz4, none"))
}

#[cfg(test)]
mod tests;
