//! Which logs there are, and which of them are wanted.
//!
//! Reads the lists of logs and log sets, and decides what a selection such as `fire*,set:Network` means. Keeps
//! ids and names only: the lists hold ingest tokens, which are secrets. Facts: API document, 2.12 and 2.13.

use serde::Deserialize;

use crate::api::{ApiRequest, ProtocolError};
use crate::ids::LogId;
use crate::quota::Class;

/// A log of the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogInfo {
    /// Its name, which other logs may share.
    pub name: String,
    /// Its identity.
    pub id: LogId,
    /// Names of the log sets that it is in.
    pub sets: Vec<String>,
    /// How long the server keeps its events, in the server's words.
    pub retention: Option<String>,
}

/// The request for all logs that the key can see.
#[must_use]
pub fn logs_request() -> ApiRequest {
    ApiRequest::path(Class::Management, &["management", "logs"], Vec::new())
}

/// The request for all log sets; only needed where a selection names one.
#[must_use]
pub fn log_sets_request() -> ApiRequest {
    ApiRequest::path(Class::Management, &["management", "logsets"], Vec::new())
}

#[derive(Deserialize)]
struct LogList {
    logs: Vec<WireLog>,
}

#[derive(Deserialize)]
struct WireLog {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    logsets_info: Option<Vec<Named>>,
    #[serde(default)]
    retention_period: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct SetList {
    logsets: Vec<WireSet>,
}

#[derive(Deserialize)]
struct WireSet {
    #[serde(default)]
    name: String,
    #[serde(default)]
    logs_info: Option<Vec<Named>>,
}

/// Reads the list of logs, ordered by name, then id.
///
/// # Errors
/// When the body is not such a list.
pub fn read_logs(body: &[u8]) -> Result<Vec<LogInfo>, ProtocolError> {
    let list: LogList = read(body)?;
    let mut logs: Vec<LogInfo> = list
        .logs
        .into_iter()
        .map(|log| LogInfo {
            name: log.name,
            id: LogId::new(log.id),
            sets: log.logsets_info.unwrap_or_default().into_iter().map(|set| set.name).collect(),
            retention: log.retention_period,
        })
        .collect();
    logs.sort();
    Ok(logs)
}

/// Adds to each log the sets that list it as a member.
///
/// # Errors
/// When the body is not a list of log sets.
pub fn add_sets(body: &[u8], logs: &mut [LogInfo]) -> Result<(), ProtocolError> {
    let list: SetList = read(body)?;
    for set in list.logsets {
        let members = set.logs_info.unwrap_or_default();
        for log in logs.iter_mut() {
            if members.iter().any(|m| m.id == log.id.as_str()) && !log.sets.contains(&set.name) {
                log.sets.push(set.name.clone());
            }
        }
    }
    Ok(())
}

fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, ProtocolError> {
    serde_json::from_slice(body).map_err(|cause| {
        // The start of the body is not shown: a list of logs holds ingest tokens.
        ProtocolError::Unreadable { start: String::new(), cause }
    })
}

/// One part of `RAPID7_LOGS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A name, an id, or either with `*` and `?`.
    Log(String),
    /// All logs of the sets with this name or pattern.
    Set(String),
}

/// A selector matched no log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("RAPID7_LOGS names {wanted:?}, which matches no log that the key can see{}", hint(.known))]
pub struct NoSuchLog {
    /// The selector as given.
    pub wanted: String,
    /// Names that there are.
    pub known: Vec<String>,
}

fn hint(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; there are: {}", known.join(", ")) }
}

/// Names that an unknown selector's error lists.
const HINTS_MAX: usize = 20;

impl Selector {
    /// Reads a comma-separated selection; nothing means every log.
    #[must_use]
    pub fn parse_list(text: &str) -> Vec<Self> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| match part.strip_prefix("set:") {
                Some(set) => Self::Set(set.trim().to_owned()),
                None => Self::Log(part.to_owned()),
            })
            .collect()
    }

    fn matches(&self, log: &LogInfo) -> bool {
        match self {
            Self::Log(pattern) => glob(pattern, &log.name) || glob(pattern, log.id.as_str()),
            Self::Set(pattern) => log.sets.iter().any(|set| glob(pattern, set)),
        }
    }

    fn written(&self) -> String {
        match self {
            Self::Log(pattern) => pattern.clone(),
            Self::Set(pattern) => format!("set:{pattern}"),
        }
    }
}

/// The logs that the selection names, in the order of the list; all of them for an empty selection.
///
/// # Errors
/// When a part of the selection matches nothing, since a log that is silently not pulled is a loss.
pub fn select(logs: Vec<LogInfo>, selection: &[Selector]) -> Result<Vec<LogInfo>, NoSuchLog> {
    for selector in selection {
        if !logs.iter().any(|log| selector.matches(log)) {
            let known = logs.iter().take(HINTS_MAX).map(|log| log.name.clone()).collect();
            return Err(NoSuchLog { wanted: selector.written(), known });
        }
    }
    Ok(logs
        .into_iter()
        .filter(|log| selection.is_empty() || selection.iter().any(|s| s.matches(log)))
        .collect())
}

/// Matches `*` (any run) and `?` (any one character), without regard to case. Linear in the text for each star.
fn glob(pattern: &str, text: &str) -> bool {
    let fold = |s: &str| s.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (pattern, text) = (fold(pattern), fold(text));
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&want) if want == '?' || want == c => {
                p += 1;
                t += 1;
            }
            _ => {
                // Let the last star swallow one character more.
                let Some((star_p, star_t)) = star else {
                    return false;
                };
                p = star_p + 1;
                t = star_t + 1;
                star = Some((star_p, t));
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGS: &str = r#"{"logs":[
        {"id":"2","name":"web","tokens":["secret"],"links":[],"logsets_info":[{"id":"s","name":"Apps"}]},
        {"id":"1","name":"Firewall Activity","links":[],"logsets_info":null,"retention_period":"1y"},
        {"id":"3","name":"web","links":[]}]}"#;

    #[track_caller]
    fn check(selection: &str, want: &[&str]) {
        let mut logs = read_logs(LOGS.as_bytes()).unwrap();
        let sets =
            r#"{"logsets":[{"id":"n","name":"Network","logs_info":[{"id":"1","name":"x","links":{}}]}]}"#;
        add_sets(sets.as_bytes(), &mut logs).unwrap();
        let chosen = select(logs, &Selector::parse_list(selection)).unwrap();
        assert_eq!(chosen.iter().map(|l| l.id.as_str()).collect::<Vec<_>>(), want);
    }

    #[test]
    fn logs_are_chosen_by_name_id_pattern_and_set() {
        check("", &["1", "2", "3"]);
        check("WEB", &["2", "3"]);
        check("3", &["3"]);
        check("fire*, 2", &["1", "2"]);
        check("set:apps", &["2"]);
        check("set:Network", &["1"]);
        check("?eb", &["2", "3"]);
    }

    #[test]
    fn a_selection_that_matches_nothing_says_what_there_is() {
        let logs = read_logs(LOGS.as_bytes()).unwrap();
        let error = select(logs, &Selector::parse_list("web,nginx")).unwrap_err().to_string();
        assert!(error.contains("\"nginx\"") && error.contains("Firewall Activity"), "{error}");
    }

    #[test]
    fn an_unreadable_list_shows_nothing_of_itself() {
        let error = read_logs(br#"{"logs":[{"tokens":["secret"]}]}"#).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
