//! The checks of `doctor`: one table, each a function from facts to a finding.
//!
//! Decides what is sound, what should be looked at and what is broken, and what to do next. Never looks at anything
//! itself. Each check names the issue of the runbook's troubleshooting that it answers.

use super::facts::Facts;

mod access;
mod folder;
mod ledgers;
mod machine;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing to do.
    Ok,
    /// Not checked: something else comes first, and says what to do.
    Skip,
    /// To be looked at.
    Warn,
    /// Broken, or about to be.
    Fail,
}

impl Level {
    /// As it is printed.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// What is so.
    pub(crate) said: String,
    /// What to do; nothing where all is well.
    pub(crate) next: Option<String>,
}

/// One check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// Headings of the runbook's troubleshooting that it answers.
    pub(crate) issues: &'static [&'static str],
    pub(crate) look: fn(&Facts) -> Finding,
}

const START: &str = "Service Fails to Start";
const AUTHENTICATION: &str = "Authentication Failures (401/403)";
const PARSE_ERRORS: &str = "High Parse Error Rate";
const DISK: &str = "Disk Space Exhaustion";
const RATE_LIMITING: &str = "API Rate Limiting (429)";
const MEMORY: &str = "Memory Usage High";
const UNREADABLE: &str = "Parquet Files Not Readable";
const LATENCY: &str = "API Latency High";
const NOTHING_FETCHED: &str = "No Logs Fetched";
const GAP: &str = "Completeness Gap";
const RETENTION_EDGE: &str = "Retention Edge";

const fn check(name: &'static str, issues: &'static [&'static str], look: fn(&Facts) -> Finding) -> Check {
    Check { name, issues, look }
}

/// All checks, in the order in which they are shown: what others rest on comes first.
pub(crate) const CHECKS: [Check; 22] = [
    check("settings", &[START], machine::settings),
    check("key", &[START, AUTHENTICATION], access::key),
    check("key files", &[AUTHENTICATION], access::key_files),
    check("endpoint", &[START, AUTHENTICATION], access::endpoint),
    check("server", &[START, LATENCY], access::server),
    check("key accepted", &[AUTHENTICATION], access::accepted),
    check("permissions", &[AUTHENTICATION, NOTHING_FETCHED], access::permissions),
    check("quota", &[RATE_LIMITING], access::quota),
    check("rate limit", &[RATE_LIMITING], ledgers::rate_limit),
    check("clock", &[AUTHENTICATION], access::clock),
    check("output folder", &[START], folder::writable),
    check("lock", &[START], folder::lock),
    check("disk", &[DISK], folder::disk),
    check("file modes", &[], folder::modes),
    check("files", &[UNREADABLE], folder::files),
    check("ledgers", &[START, UNREADABLE], folder::ledgers),
    check("open windows", &[AUTHENTICATION, RATE_LIMITING, GAP], ledgers::open_windows),
    check("retention", &[RATE_LIMITING, RETENTION_EDGE], ledgers::retention),
    check("parse errors", &[PARSE_ERRORS], ledgers::parse_errors),
    check("memory", &[MEMORY], machine::memory),
    check("log", &[START], machine::log),
    check("version", &[UNREADABLE], machine::version),
];

fn ok(said: impl Into<String>) -> Finding {
    Finding { level: Level::Ok, said: said.into(), next: None }
}

fn warn(said: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding { level: Level::Warn, said: said.into(), next: Some(next.into()) }
}

fn fail(said: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding { level: Level::Fail, said: said.into(), next: Some(next.into()) }
}

/// Nothing could be said, and why; what to do is said by the check that found out.
fn unknown(why: &str) -> Finding {
    Finding { level: Level::Skip, said: format!("not checked: {why}"), next: None }
}

/// The first few of many, and how many more there are.
fn some(list: &[String], separator: &str) -> String {
    /// More than these help nobody to see what is wrong.
    const SHOWN: usize = 3;
    let shown: Vec<&str> = list.iter().take(SHOWN).map(String::as_str).collect();
    let more = list.len().saturating_sub(SHOWN);
    let shown = shown.join(separator);
    if more == 0 { shown } else { format!("{shown}{separator}and {more} more") }
}

#[cfg(test)]
mod tests;
