//! Decides what an account is made from.
//!
//! Never validates a log's content. Reads files only when asked to, before the account exists.

use std::path::Path;
use std::{fs, io};

use crate::civil::{HOUR_MS, MINUTE_MS};
use crate::faults::Faults;
use crate::quota::Quotas;
use crate::semantics::Semantics;
use crate::spec::{LogSource, LogSpec};

/// Length of the default span.
const DEFAULT_SPAN_MS: i64 = 6 * HOUR_MS;
/// The default span ends at the start of the current one of these.
const DEFAULT_END_STEP_MS: i64 = 15 * MINUTE_MS;

/// Everything an account is made from.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Decides every chance.
    pub seed: u64,
    /// The only key that is accepted at first, as `x-api-key` and as bearer token.
    pub api_key: String,
    /// The logs.
    pub logs: Vec<LogSpec>,
    /// First moment of logs without their own; `span_ms` before `to_ms` when absent.
    pub from_ms: Option<i64>,
    /// Length of the default span; six hours unless set.
    pub span_ms: i64,
    /// First moment after logs without their own; the start of the current quarter of an hour when absent.
    pub to_ms: Option<i64>,
    /// What the service does where its documentation is silent.
    pub semantics: Semantics,
    /// What goes wrong.
    pub faults: Faults,
    /// Rate limits.
    pub quotas: Quotas,
    /// The log behind the CSV pages endpoint; the first with column names when absent.
    pub csv_log: Option<String>,
    /// The region in resource names.
    pub region: String,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            seed: 7,
            api_key: "sim-key".to_owned(),
            logs: Vec::new(),
            from_ms: None,
            span_ms: DEFAULT_SPAN_MS,
            to_ms: None,
            semantics: Semantics::default(),
            faults: Faults::default(),
            quotas: Quotas::default(),
            csv_log: None,
            region: "eu".to_owned(),
        }
    }
}

impl SimConfig {
    /// The same configuration with one more log.
    #[must_use]
    pub fn with_log(mut self, log: LogSpec) -> Self {
        self.logs.push(log);
        self
    }

    /// Replaces every `file:` source by the lines of its file.
    ///
    /// # Errors
    /// The first file that cannot be read, with its path.
    pub fn load_files(&mut self) -> io::Result<()> {
        for log in &mut self.logs {
            if let LogSource::File(path) = &log.source {
                log.source = LogSource::Lines(read_lines(path)?);
            }
        }
        Ok(())
    }

    /// The span of logs without their own.
    pub(crate) fn span(&self, now_ms: i64) -> (i64, i64) {
        let end = self.to_ms.unwrap_or_else(|| now_ms - now_ms.rem_euclid(DEFAULT_END_STEP_MS));
        (self.from_ms.unwrap_or(end - self.span_ms), end)
    }
}

/// The lines of a file without their line ends; bytes that are no UTF-8 become U+FFFD, as in a JSON API.
fn read_lines(path: &Path) -> io::Result<Vec<String>> {
    let bytes = fs::read(path)
        .map_err(|cause| io::Error::new(cause.kind(), format!("{}: {cause}", path.display())))?;
    let body = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if body.is_empty() && bytes.is_empty() {
        return Ok(Vec::new());
    }
    let lines = body.split(|byte| *byte == b'\n');
    Ok(lines
        .map(|line| String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_bytes_but_not_their_ends() {
        let path = std::env::temp_dir().join(format!("rapid7-sim-lines-{}", std::process::id()));
        fs::write(&path, b"a \r\n\n \xFFb\rc\nlast").unwrap();
        let lines = read_lines(&path);
        fs::remove_file(&path).unwrap();
        assert_eq!(lines.unwrap(), ["a ", "", " \u{FFFD}b\rc", "last"]);
        assert!(read_lines(Path::new("/nowhere/at/all")).unwrap_err().to_string().contains("/nowhere"));
    }

    #[test]
    fn the_default_span_ends_at_a_quarter() {
        let (from, to) = SimConfig::default().span(1_767_226_234_567);
        assert_eq!((from, to), (1_767_225_600_000 - DEFAULT_SPAN_MS, 1_767_225_600_000));
    }
}
