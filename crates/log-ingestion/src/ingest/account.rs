//! A client for the settings, and the logs of the account that are wanted.
//!
//! Decides how a conversation that fails ends a command, and that no two logs share a folder. Fetches nothing but the list.

use std::collections::BTreeMap;
use std::sync::Arc;

use ingest_core::catalog::{self, LogInfo, Selector};
use ingest_core::ids::LogId;
use ingest_core::ledger::LogState;
use ingest_source::transport::KeySlot;
use ingest_source::watch::Watch;
use ingest_source::{Client, ClientOptions, Protocol, SourceError};

use super::Outside;
use crate::exit::{CommandError, Exit};
use crate::settings::Settings;

/// The one log of an endpoint that has no list of logs.
const PAGES_LOG: &str = "csv-pages";

/// A client for the settings.
#[must_use]
pub fn client(settings: &Settings, outside: &Outside) -> Client {
    if settings.endpoint.is_plain_and_remote() {
        tracing::warn!(
            event = "plain_http",
            reason = "the API key travels readable: RAPID7_API_ENDPOINT is not https"
        );
    }
    let options = ClientOptions {
        endpoint: settings.endpoint.clone(),
        protocol: settings.protocol,
        key: KeySlot::new(settings.api_key.clone()),
        requests_per_minute: settings.rate_limit,
        retries: settings.retry_attempts,
        seed: settings.seed.unwrap_or(outside.seed),
        watch: Arc::clone(&outside.metrics) as Arc<dyn Watch>,
    };
    Client::new(options, Arc::clone(&outside.transport), Arc::clone(&outside.clock))
}

/// The failure of a conversation with the API as the failure of a command.
#[must_use]
pub fn source_failed(error: &SourceError) -> CommandError {
    let exit = match error {
        SourceError::Refused { .. } => Exit::KeyRefused,
        // Before any log is known, a 404 is an endpoint that is none.
        SourceError::NotFound(_) | SourceError::Wrong { .. } => Exit::Settings,
        SourceError::Exhausted { .. }
        | SourceError::RetriesSpent { .. }
        | SourceError::CircuitOpen { .. }
        | SourceError::PollLate
        | SourceError::Stopped
        | SourceError::Cut { .. }
        | SourceError::TooLarge { .. }
        | SourceError::Link(_)
        | SourceError::Protocol(_) => Exit::TryLater,
    };
    CommandError::failed(exit, error)
}

/// The logs that a selection names.
///
/// # Errors
/// When they cannot be listed, or a part of the selection names none.
pub async fn wanted_logs(client: &Client, selection: &[Selector]) -> Result<Vec<LogInfo>, CommandError> {
    if client.protocol() == Protocol::CsvPages {
        let id = LogId::new(PAGES_LOG);
        return Ok(vec![LogInfo { name: PAGES_LOG.to_owned(), id, sets: Vec::new(), retention: None }]);
    }
    let with_sets = selection.iter().any(|selector| matches!(selector, Selector::Set(_)));
    let logs = client.logs(with_sets).await.map_err(|error| source_failed(&error))?;
    catalog::select(logs, selection).map_err(|error| CommandError::failed(Exit::Settings, &error))
}

/// Whether each log has a folder of its own. Two logs of one name are told apart by 32 bits that stand for their ids.
pub(super) fn apart<'a>(states: impl Iterator<Item = &'a LogState>) -> Result<(), CommandError> {
    let mut folders: BTreeMap<&str, &LogState> = BTreeMap::new();
    for state in states {
        if let Some(other) = folders.insert(state.slug.as_str(), state) {
            let (one, two, slug) = (&state.id, &other.id, &state.slug);
            let text = format!(
                "the logs {one} and {two} would share the folder log={slug}: rename one of them at the source, or leave it out of RAPID7_LOGS"
            );
            return Err(CommandError::Failed(Exit::Settings, text));
        }
    }
    Ok(())
}

pub(super) fn state_of(known: &[LogState], log: &LogInfo) -> LogState {
    let state = known.iter().find(|state| state.id == log.id).cloned();
    let mut state = state.unwrap_or_else(|| LogState::new(log.id.clone(), &log.name));
    state.name.clone_from(&log.name);
    state.retention.clone_from(&log.retention);
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_logs_that_would_share_a_folder_are_refused() {
        let log = |id: u64| LogState::new(LogId::new(format!("{id:036}")), "Web Access");
        let mut folders = BTreeMap::new();
        // Of some tens of thousands of ids, two have the same 32 bits.
        let (one, two) = (0..1_000_000)
            .find_map(|id| folders.insert(log(id).slug.to_string(), id).map(|other| (log(id), log(other))))
            .unwrap();
        assert!(apart([&one, &log(7)].into_iter()).is_ok());
        let Err(CommandError::Failed(Exit::Settings, said)) = apart([&one, &two].into_iter()) else {
            panic!("{one:?} and {two:?} share a folder");
        };
        assert!(said.contains(one.id.as_str()) && said.contains(two.id.as_str()), "{said}");
    }
}
