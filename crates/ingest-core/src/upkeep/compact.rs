//! Which small files become one: neighbours of one day of one log, alike, with nothing between them that is not complete.

use crate::ledger::LogLedger;
use crate::time::LogWindow;

/// A file that may become a part of a larger one, as its footer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The window whose rows it holds.
    pub window: LogWindow,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// What must be the same of files that become one: schema, columns, folder, whether the server counts.
    pub likeness: String,
}

/// How full a file may be that is made of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fullness {
    /// Rows: as many as a window has at most, since a file that differs from the server is fetched again as a whole.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Ranges of `files`, which are in the order of their windows, that become one file each: as few as can be made by going
/// from the oldest to the newest, and none of a single file.
#[must_use]
pub fn groups(ledger: &LogLedger, files: &[Candidate], most: Fullness) -> Vec<std::ops::Range<usize>> {
    let mut groups = Vec::new();
    let (mut first, mut rows, mut bytes) = (0, 0_u64, 0_u64);
    for (at, file) in files.iter().enumerate() {
        let joins = at > first
            && rows.saturating_add(file.rows) <= most.rows
            && bytes.saturating_add(file.bytes) <= most.bytes
            && files.get(first).is_some_and(|left| left.likeness == file.likeness)
            && files.get(first).is_some_and(|left| is_complete(ledger, left.window, file.window));
        if !joins {
            groups.push(first..at);
            (first, rows, bytes) = (at, 0, 0);
        }
        rows = rows.saturating_add(file.rows);
        bytes = bytes.saturating_add(file.bytes);
    }
    groups.push(first..files.len());
    groups.retain(|group| group.len() > 1);
    groups
}

/// Whether everything from the start of one window to the end of another is complete, in the table, and of one day.
fn is_complete(ledger: &LogLedger, first: LogWindow, last: LogWindow) -> bool {
    LogWindow::new(first.start(), last.end()).is_some_and(|all| {
        let one_day = all.start().day() == all.end().plus_millis(-1).day();
        let removed = ledger.removed().iter().any(|removed| removed.window.overlaps(all));
        let open = ledger.open().iter().any(|open| open.window.overlaps(all));
        one_day && !removed && !open && ledger.gaps(all).is_empty()
    })
}
