//! The commands, one a file. Each builds what it needs, runs it, and says what came of it.

pub(crate) mod config;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod infer;
pub(crate) mod logs;
pub(crate) mod run;
pub(crate) mod status;

mod input;
mod summary;

use std::io::Write as _;

use crate::exit::{CommandError, Exit};

/// Writes a command's result to standard output.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `log-ingestion logs | head` is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::Failed(Exit::Failed, format!("failed to write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
