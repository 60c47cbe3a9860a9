//! The commands, one a file. Each builds what it needs, runs it, and says what came of it.

pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod compact;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod head;
pub(crate) mod health;
pub(crate) mod infer;
pub(crate) mod ledger;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod meta;
pub(crate) mod repair;
pub(crate) mod replay;
pub(crate) mod restore;
pub(crate) mod retain;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod top;
pub(crate) mod verify;

mod input;
mod quarantine_file;
mod summary;

use std::io::Write as _;

use crate::exit::{CommandError, Exit};

/// Writes a command's result to standard output.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `log-ingestion logs | head` is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CommandError::Failed(
            Exit::Failed,
            format!("failed to write to standard output: {error}; is what it leads to full, or gone?"),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Ends a command that goes over files: what failed first is its failure, what failed after that is said.
fn ended<E: std::error::Error>(errors: Vec<E>) -> Result<Exit, CommandError> {
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else {
        return Ok(Exit::Done);
    };
    for error in errors {
        tracing::error!(event = "error", error = %crate::pipeline::chain(&error));
    }
    Err(CommandError::failed(Exit::Failed, &first))
}
