//! What a running service takes up without a restart: a log file that was moved away, and another key.
//!
//! Decides what is taken up, and says what is not. The key is looked for on SIGHUP, before every pass, and every moment
//! while it is refused. What is in flight ends with the key that it was sent with. Never hears a signal itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ingest_source::transport::KeySlot;

use crate::metrics::Metrics;
use crate::settings::{FoundKey, Layers, Settings, SettingsError};
use crate::shutdown::Hangups;
use crate::surroundings::Surroundings;
use crate::telemetry::LogFile;

/// How often the key is looked for while the one in force is refused: nothing else can be done meanwhile, and what is
/// read is one small file.
const KEY_LOOK: Duration = Duration::from_secs(2);

/// What may be replaced under way, and the settings that it was made of.
#[derive(Debug)]
pub(crate) struct Reload {
    started: Layers,
    keys: KeySlot,
    log_file: Option<LogFile>,
    metrics: Arc<Metrics>,
    /// Why the key could not be read, as it was said last.
    said: Mutex<Option<String>>,
}

impl Reload {
    pub(crate) fn new(surroundings: &Surroundings, keys: &KeySlot) -> Self {
        Self {
            started: surroundings.layers.clone(),
            keys: keys.clone(),
            log_file: surroundings.log_file.clone(),
            metrics: Arc::clone(&surroundings.metrics),
            said: Mutex::default(),
        }
    }

    /// Does the work, and answers hang-ups beside it.
    pub(crate) async fn beside<T>(&self, work: impl Future<Output = T>, hangups: Option<Hangups>) -> T {
        tokio::pin!(work);
        let Some(mut hangups) = hangups else { return work.await };
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                () = hangups.heard() => self.reload(),
            }
        }
    }

    /// Answers a hang-up: opens the log file anew, takes up another key, and says what else would need a restart. Settings
    /// that could not be in force are a reason not to be ready until a hang-up finds them mended: the next start would fail.
    fn reload(&self) {
        // A service manager that wants to know is told here that the service reloads, and at the end that it is ready.
        let log_file = self.reopen();
        let outcome = self.started.again();
        let (key, restart_needed, faults) = match &outcome {
            Ok(layers) => {
                (self.take_up(layers), self.started.differing(layers), Settings::resolve(layers).err())
            }
            Err(error) => (Err(error.to_string()), Vec::new(), Some(error.clone())),
        };
        let taken_up = if matches!(key, Ok(true)) { "the API key" } else { "nothing" };
        let restart_needed = restart_needed.join(", ");
        self.metrics.board().settings(faults.as_ref().map(names));
        match faults {
            None => tracing::info!(event = "reload", log_file, taken_up, restart_needed),
            Some(error) => tracing::warn!(
                event = "reload",
                log_file,
                taken_up,
                restart_needed,
                error = %error,
                action = "what was in force stays; mend the settings before the next start"
            ),
        }
    }

    /// Takes up another key, if there is one; gives its version.
    pub(crate) fn look(&self) -> u64 {
        let outcome = self.started.again().map_err(|error| error.to_string());
        let outcome = outcome.and_then(|layers| self.take_up(&layers));
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = outcome.err();
        if let Some(error) = fault.as_ref().filter(|_| *said != fault) {
            tracing::warn!(event = "key_unusable", error, action = "the key that was in force stays");
        }
        *said = fault;
        self.keys.version()
    }

    /// Returns once the key is another than that of this version.
    pub(crate) async fn another_key(&self, than: u64) {
        while self.look() == than {
            tokio::time::sleep(KEY_LOOK).await;
        }
    }

    fn take_up(&self, layers: &Layers) -> Result<bool, String> {
        let found = FoundKey::find(layers).map_err(|error| error.to_string())?;
        let other = self.keys.replace(found.key);
        if other {
            tracing::info!(event = "key_replaced", source = %found.source);
        }
        Ok(other)
    }

    fn reopen(&self) -> &'static str {
        let Some(log_file) = &self.log_file else { return "none" };
        match log_file.reopen() {
            Ok(()) => "reopened",
            Err(error) => {
                let path = log_file.path().display();
                tracing::error!(event = "error", error = %error, path = %path, action = "the log goes on in the file that was open");
                "not reopened"
            }
        }
    }
}

/// The settings at fault, without their values: everybody may ask whether the service is ready.
fn names(SettingsError(faults): &SettingsError) -> String {
    let names: Vec<&str> = faults.iter().map(|fault| fault.variable.as_str()).collect();
    names.join(", ")
}
