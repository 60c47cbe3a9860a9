//! A simulated account whose logs lie in the past, for what only past days can show: days that are over are compacted.
//!
//! Runs the simulator as a program for as long as it is held. Ingests nothing.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;

/// The program.
pub(super) const PROGRAM: &str = "rapid7-sim";
/// The key that it accepts where none is named.
pub(super) const KEY: &str = "sim-key";
/// Two days of UTC: the newest day of a log stays as it is, and the one before need not.
pub(super) const FROM: &str = "2026-03-01T00:00:00Z";
pub(super) const TO: &str = "2026-03-03T00:00:00Z";
/// Events of each log, many files' worth.
const LOGS: [&str; 4] =
    ["fw=gen:csv:8000", "auth=gen:json:8000", "billing=gen:syslog:8000", "web=gen:access:8000"];

/// A simulator that serves until it is dropped.
pub(super) struct Account {
    server: Child,
    /// Where it is.
    pub(super) origin: String,
}

impl Account {
    /// Starts it, and waits until it listens.
    pub(super) fn start(program: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.args(["serve", "--from", FROM, "--to", TO]);
        for log in LOGS {
            command.args(["--log", log]);
        }
        let told = |said: String| Failure::new(format!("{} did not start: {said}", program.display()));
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut account =
            Self { server: started.map_err(|error| told(error.to_string()))?, origin: String::new() };
        let mut line = String::new();
        if let Some(stdout) = account.server.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| told(error.to_string()))?;
        }
        let origin =
            line.trim().strip_prefix("listening on ").ok_or_else(|| told(format!("it said {line:?}")))?;
        account.origin = origin.to_owned();
        Ok(account)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // Fails where it has ended by itself.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
