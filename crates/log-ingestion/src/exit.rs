//! Exit codes, after `sysexits.h` where it has one.

use std::process::ExitCode;

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
