//! How commands end: exit codes, after `sysexits.h` where it has one, and what is said of a failure.

use std::process::ExitCode;

use crate::settings::SettingsError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: failed in a way that none of the others names.
    Failed,
    /// 64: the command line was wrong.
    Usage,
    /// 75: not all could be done now; the same command, later, takes it up where it stopped.
    TryLater,
    /// 77: the API refused the key.
    KeyRefused,
    /// 78: the settings cannot be used.
    Settings,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 64,
            Self::TryLater => 75,
            Self::KeyRefused => 77,
            Self::Settings => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// Why a command did not do its work.
#[derive(Debug)]
pub enum CommandError {
    /// The settings cannot be used.
    Settings(SettingsError),
    /// Anything else, with the exit code and what to say.
    Failed(Exit, String),
}

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error)
    }
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Settings(error) => error.fmt(f),
            Self::Failed(_, text) => f.write_str(text),
        }
    }
}

impl CommandError {
    /// An error, with all its causes, as a command's failure.
    #[must_use]
    pub fn failed(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self::Failed(exit, crate::pipeline::chain(error))
    }
}
