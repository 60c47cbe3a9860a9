//! Decides how the command line reads as a configuration.
//!
//! Never starts anything; reads one file, that of `--options`.

use std::fs;

use clap::{Args, Parser, Subcommand};
use rapid7_sim::{FAULTS, LogSpec, RequestClass, Semantics, SimConfig, parse_moment};

/// A simulator of the Rapid7 Log Search API.
#[derive(Debug, Parser)]
#[command(name = "rapid7-sim", version, about)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API until SIGTERM or SIGINT.
    #[command(after_help = after_help())]
    Serve(Box<Flags>),
}

/// The flags of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Port on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Decides every chance.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// The key that is accepted, as x-api-key and as bearer token.
    #[arg(long, default_value = "sim-key")]
    api_key: String,
    /// A log: [SET/]NAME=gen:KIND:COUNT or [SET/]NAME=file:PATH. Repeatable.
    #[arg(long = "log", value_name = "LOG", required = true)]
    logs: Vec<String>,
    /// First moment of the logs, RFC 3339 or epoch milliseconds.
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,
    /// First moment after the logs; the start of the current quarter of an hour without it.
    #[arg(long, value_name = "MOMENT")]
    to: Option<String>,
    /// Length of the logs in hours, when --from is absent.
    #[arg(long, default_value_t = 6)]
    hours: u32,
    /// Retention of a log: NAME=1w|2w|1m|2m|6m|1y|2y|unlimited|default. Repeatable.
    #[arg(long, value_name = "NAME=PERIOD")]
    retention: Vec<String>,
    /// Column names that make a log fit for the CSV pages: NAME=a,b,c. Repeatable.
    #[arg(long, value_name = "NAME=COLUMNS")]
    csv_header: Vec<String>,
    /// The log behind the CSV pages; the first with column names without it.
    #[arg(long, value_name = "NAME")]
    csv_log: Option<String>,
    /// A switch: KEY=VALUE, from the list below. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    semantic: Vec<String>,
    /// A fault: NAME[:CLASS]=RATE[/LIMIT] or NAME[:CLASS]@N[,N..][/LIMIT]. Repeatable.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<String>,
    /// Seconds in the Retry-After of a fault's 429.
    #[arg(long, default_value_t = 1)]
    fault_retry_after: u32,
    /// Milliseconds of a slow first byte.
    #[arg(long, default_value_t = 1_500)]
    fault_first_byte_ms: u64,
    /// A quota per window: query|poll|management|download|usage|csv=N. Repeatable.
    #[arg(long, value_name = "KEY=N")]
    quota: Vec<String>,
    /// Length of a quota window in seconds.
    #[arg(long, default_value_t = 900)]
    quota_window: u32,
}

impl Flags {
    /// The configuration these flags describe.
    pub(crate) fn config(self) -> Result<SimConfig, String> {
        let mut config = SimConfig { seed: self.seed, api_key: self.api_key, ..SimConfig::default() };
        config.to_ms = moment(self.to.as_deref())?;
        config.from_ms = moment(self.from.as_deref())?;
        config.span_ms = i64::from(self.hours) * 3_600_000;
        config.csv_log = self.csv_log;
        config.faults.retry_after_s = self.fault_retry_after;
        config.faults.slow_first_byte_ms = self.fault_first_byte_ms;
        config.quotas.window_s = self.quota_window;
        for text in &self.logs {
            config.logs.push(LogSpec::parse(text)?);
        }
        for text in &self.retention {
            let (name, period) = pair(text)?;
            log_named(&mut config, name)?.retention_period = period.to_owned();
        }
        for text in &self.csv_header {
            let (name, columns) = pair(text)?;
            log_named(&mut config, name)?.csv_header = Some(columns.to_owned());
        }
        for text in &self.semantic {
            let (key, value) = pair(text)?;
            config.semantics.set(key, value)?;
        }
        for text in &self.fault {
            config.faults.add(text)?;
        }
        for text in &self.quota {
            let (key, value) = pair(text)?;
            config.quotas.set(key, value)?;
        }
        Ok(config)
    }
}

fn moment(text: Option<&str>) -> Result<Option<i64>, String> {
    text.map(|text| parse_moment(text).ok_or_else(|| format!("{text:?} is no moment"))).transpose()
}

fn pair(text: &str) -> Result<(&str, &str), String> {
    text.split_once('=').ok_or_else(|| format!("{text:?} is not KEY=VALUE"))
}

fn log_named<'a>(config: &'a mut SimConfig, name: &str) -> Result<&'a mut LogSpec, String> {
    config.logs.iter_mut().find(|log| log.name == name).ok_or_else(|| format!("no log {name:?}"))
}

/// Puts the lines of `--options FILE` in its place: `key = value` stands for `--key value`.
pub(crate) fn spliced(arguments: impl Iterator<Item = String>) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if argument != "--options" {
            out.push(argument);
            continue;
        }
        let path = arguments.next().ok_or("--options needs a file")?;
        let text = fs::read_to_string(&path).map_err(|cause| format!("{path}: {cause}"))?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (key, value) = pair(line)?;
            out.push(format!("--{}", key.trim()));
            out.push(value.trim().to_owned());
        }
    }
    Ok(out)
}

fn after_help() -> String {
    let classes = RequestClass::ALL.map(|(name, _)| name).join(", ");
    let faults: Vec<String> =
        FAULTS.iter().map(|info| format!("  {:<42} {}", info.name, info.about)).collect();
    format!(
        "Examples:\n  \
         rapid7-sim serve --seed 7 --log 'firewall=gen:csv:200000' --log 'web=file:access.log'\n  \
         rapid7-sim serve --log 'auth=gen:json:5000' --semantic submit_answer=202 --fault http_503=0.05/20\n  \
         rapid7-sim serve --log 'a=gen:mixed:1000' --quota query=20 --quota-window 5 --fault html_200:poll@3,7\n  \
         rapid7-sim serve --options sim.conf      (lines of `key = value`, each one flag)\n\n\
         Kinds of log: csv, json, syslog, access, text, kvp, mixed, odd\n\n\
         Classes: {classes}\n\n\
         Control routes, without a key: /__stats, /__truth, /__truth/LOG?from=..&to=..\n\n\
         Switches (the default is the first value):\n{}\n\
         Faults:\n{}",
        Semantics::help(),
        faults.join("\n"),
    )
}
