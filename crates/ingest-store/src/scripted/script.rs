//! What is to go wrong with a simulated disk, and the account of what it was asked.
//!
//! Decides which operation fails and how. Never touches a file.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// A folder is created.
    CreateDir,
    /// A new file is created.
    CreateFile,
    /// A file is opened for reading.
    Open,
    /// A file is opened, or created.
    OpenOrCreate,
    /// A folder's names are made durable.
    SyncDir,
    /// A file is given another name.
    Rename,
    /// A file is removed.
    Remove,
    /// A folder is removed.
    RemoveDir,
    /// A file is given a second name.
    Link,
    /// Two names are exchanged.
    Exchange,
    /// A folder is listed.
    List,
    /// A path is looked at.
    Metadata,
    /// Free space is asked for.
    Space,
    /// Bytes are read.
    Read,
    /// Bytes are written.
    Write,
    /// A file's bytes are made durable.
    Sync,
    /// A file is cut or filled up.
    SetLen,
    /// A lock is tried.
    Lock,
}

impl Op {
    /// Whether it cannot be done on a disk that has no room left.
    const fn needs_room(self) -> bool {
        matches!(
            self,
            Self::CreateDir
                | Self::CreateFile
                | Self::OpenOrCreate
                | Self::Write
                | Self::SetLen
                | Self::Sync
                | Self::Rename
                | Self::Link
                | Self::Exchange
        )
    }
}

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full, ENOSPC. A write leaves the first half of its bytes.
    NoSpace,
    /// The user's share of it is, EDQUOT. A write leaves the first half of its bytes.
    Quota,
    /// The device fails, EIO. A write leaves the first half of its bytes; what a sync was to make durable never will be,
    /// whatever a later one says: that is how kernels do it.
    Io,
    /// A write takes half of its bytes, and says so; nothing happens to other operations.
    ShortWrite,
    /// A write says that all is well, but one of the bytes that it stores is another; nothing happens to other operations.
    Lie,
    /// The process dies before the operation: this and all that it tries later fails with [`Died`].
    Die,
}

impl Fault {
    pub(super) fn error(self) -> Option<io::Error> {
        match self {
            Self::NoSpace => Some(rustix::io::Errno::NOSPC.into()),
            Self::Quota => Some(rustix::io::Errno::DQUOT.into()),
            Self::Io => Some(rustix::io::Errno::IO.into()),
            Self::ShortWrite | Self::Lie => None,
            Self::Die => Some(died()),
        }
    }

    /// Whether an operation of that kind can meet it.
    const fn strikes(self, op: Op) -> bool {
        match self {
            Self::NoSpace | Self::Quota => op.needs_room(),
            Self::ShortWrite | Self::Lie => matches!(op, Op::Write),
            Self::Io | Self::Die => true,
        }
    }
}

/// How often a fault comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// At that operation alone.
    Once,
    /// At it, and at all after it that can meet such a fault, until the script is cleared.
    Forever,
}

/// The process that asked is dead; nothing that it asks is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the simulated process is dead")]
pub struct Died;

pub(super) fn died() -> io::Error {
    io::Error::other(Died)
}

/// Whether an error says that the simulated process is dead.
#[must_use]
pub fn is_death(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Died>())
}

/// The faults to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    armed: Vec<(u64, Fault, Repeat)>,
}

impl Script {
    pub(super) fn arm(&mut self, at: u64, fault: Fault, repeat: Repeat) {
        self.armed.push((at, fault, repeat));
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }

    /// The fault of the operation with that number.
    pub(super) fn at(&self, number: u64, op: Op) -> Option<Fault> {
        let due = |&&(at, fault, repeat): &&(u64, Fault, Repeat)| {
            let reached = if repeat == Repeat::Once { number == at } else { number >= at };
            reached && fault.strikes(op)
        };
        self.armed.iter().find(due).map(|(_, fault, _)| *fault)
    }
}

/// One operation of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 1.
    pub number: u64,
    /// What was asked.
    pub op: Op,
    /// Of which file or folder; a rename's old name.
    pub path: PathBuf,
    /// A rename's new name.
    pub to: Option<PathBuf>,
    /// Bytes asked for, of operations on bytes.
    pub len: u64,
    /// The failure, if it was one.
    pub failed: Option<String>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, op, path, to, len, failed } = self;
        write!(f, "{number} {op:?} {}", path.display())?;
        if let Some(to) = to {
            write!(f, " -> {}", to.display())?;
        }
        write!(f, " {len} {}", failed.as_deref().unwrap_or("ok"))
    }
}
