//! Where files and progress live: the directory table, its spool and quarantine, the ledger's storage, the lock.
//!
//! Keeps what it is given so that a kill at any instruction leaves either the old or the new, never half of it.
//! Never looks inside a file or a record: what they hold is checked by whoever wrote them.

pub mod archive;
mod disk;
mod durable;
mod error;
mod history;
pub mod layout;
mod lock;
mod note;
mod output;
#[cfg(any(test, feature = "scripted"))]
pub mod scripted;
mod spool;
mod state;
mod sum;
mod table;

#[cfg(test)]
mod contract;

pub use archive::{Archive, FolderArchive, Kept};
pub use disk::{Disk, DiskFile, Entry, FILE_MODE, FOLDER_MODE, Kind, Metadata, OsDisk};
pub use error::{StoreError, is_full};
pub use history::{Happening, HistoryDir};
pub use lock::{Holder, Lock, LockError};
pub use note::NoteFile;
pub use output::OutputFile;
pub use spool::{Spool, SpoolReader};
pub use state::{RemovedRecord, StateDir};
pub use sum::Sum;
pub use table::{DirTable, Figures, Holding, Part, QuarantineFile, Refolded, Staged, TableFile, TakenOut};
