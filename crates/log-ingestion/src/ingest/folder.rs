//! Taking an output folder, so that nobody else works on it.
//!
//! Decides how a folder that cannot be taken ends a command. Writes nothing but the lock.

use std::path::Path;
use std::sync::Arc;

use ingest_store::{Holder, Lock, LockError, StoreError};

use super::Outside;
use crate::exit::{CommandError, Exit};

/// Takes the lock of an output folder, so that nobody else works on it.
///
/// # Errors
/// When another process holds it, or it cannot be used.
pub fn take_lock(root: &Path, outside: &Outside) -> Result<Lock, CommandError> {
    let holder =
        Holder { pid: std::process::id(), host: host_name(), since: outside.clock.now().to_string() };
    Lock::take(Arc::clone(&outside.disk), root, &holder).map_err(|error| match &error {
        LockError::Held { .. } => CommandError::failed(Exit::TryLater, &error),
        LockError::Store(error) => unusable(error),
    })
}

/// Why an output folder cannot be taken: there is no room in it for now, or the setting names none that can be used.
pub(super) fn unusable(error: &StoreError) -> CommandError {
    let (exit, next) = if error.is_full() {
        (Exit::TryLater, "free some space of its disk")
    } else {
        (Exit::Settings, "OUTPUT_DIR must be a folder that this user may write, or may make")
    };
    CommandError::Failed(exit, format!("{}; {next}", crate::pipeline::chain(error)))
}

/// The machine's name, as the kernel says it.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.map_or_else(|_unknown| "this machine".to_owned(), |name| name.trim().to_owned())
}
