//! Archiving: old days are copied to another folder tree, verified there, and then taken out of the table, if asked for.
//!
//! A day is removed here only when every file of it is in the archive, synced, and was read back with the same hash. What
//! a run that was cut short left is compared, and not copied again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingest_core::ledger::{Removal, RemovedBy};
use ingest_core::time::{LogWindow, UtcDay};
use ingest_core::upkeep::{self, HeldDay};
use ingest_store::layout::Layout;
use ingest_store::{Archive, DirTable, Disk, Kept, StoreError, TakenOut};

use super::{DayDone, LogHeld, Upkeep};

/// What is archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moving<'a> {
    /// The folder.
    pub to: &'a Path,
    /// Days of which every instant is so long ago.
    pub older_than: Duration,
    /// Whether they are taken out of the table afterwards.
    pub moves: bool,
    /// Whether it is done, and not only said.
    pub apply: bool,
}

/// What archiving did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archived {
    /// Days that are in the archive, or would be.
    pub days: Vec<DayDone>,
    /// Days that are old enough and stay as they are, and why.
    pub stays: Vec<(String, UtcDay, String)>,
    /// Files that were copied now.
    pub copied: u64,
    /// Files that were in the archive already.
    pub already_there: u64,
    /// What was taken out of the table.
    pub taken: TakenOut,
}

/// The archive, to be written and to be looked at.
struct ArchiveFolder {
    files: Archive,
    table: DirTable,
}

impl ArchiveFolder {
    fn open(disk: &Arc<dyn Disk>, root: &Path) -> Result<Self, StoreError> {
        let files = Archive::open(Arc::clone(disk), root)?;
        Ok(Self { files, table: DirTable::beside(Arc::clone(disk), root, Layout::Hive) })
    }
}

impl Upkeep {
    /// Archives old days, a day of a log after the other.
    ///
    /// # Errors
    /// When a folder cannot be read or written, or another file in the archive has a name of ours; what was done until
    /// then stays done, and the next call goes on.
    pub fn archive(&self, disk: &Arc<dyn Disk>, moving: &Moving<'_>) -> Result<Archived, StoreError> {
        let now = self.clock.now();
        let archive = if moving.apply { Some(ArchiveFolder::open(disk, moving.to)?) } else { None };
        let mut archived = Archived::default();
        for mut log in self.logs()? {
            let old = upkeep::old(&log.days, moving.older_than, now);
            let stay = old.stay.into_iter();
            let stay = stay.map(|(day, why)| (log.state.name.clone(), day, why.words().to_owned()));
            archived.stays.extend(stay);
            for held in old.may_go {
                if let Some(archive) = &archive {
                    self.keep(archive, &log, &held, &mut archived)?;
                    if moving.moves {
                        let to = Some(moving.to.display().to_string());
                        let removal = Removal { by: RemovedBy::Archive, to, at: now };
                        let (gone, taken) = self.remove(&log, &[held], &removal)?;
                        archived.taken = archived.taken.plus(taken);
                        if gone.is_empty() {
                            let why = "its files are not those that the ledger counts; log-ingestion repair puts that right";
                            archived.stays.push((log.state.name.clone(), held.day, why.to_owned()));
                        }
                        log.state = self.fresh(&log.state)?;
                    }
                }
                archived.days.push(DayDone {
                    log: log.state.name.clone(),
                    day: held.day,
                    files: held.files,
                    bytes: held.bytes,
                    detail: moving.to.display().to_string(),
                });
            }
        }
        Ok(archived)
    }

    fn keep(
        &self,
        archive: &ArchiveFolder,
        log: &LogHeld,
        held: &HeldDay,
        archived: &mut Archived,
    ) -> Result<(), StoreError> {
        for file in log.of_day(held.day) {
            let below = file.path.strip_prefix(self.table.root()).unwrap_or(&file.path);
            match archive.files.keep(&file.path, below)? {
                Kept::Copied => archived.copied = archived.copied.saturating_add(1),
                Kept::AlreadyThere => archived.already_there = archived.already_there.saturating_add(1),
            }
        }
        self.put_versions_aside(archive, log, held)?;
        tracing::info!(event = "archived", log = %log.state.name, day = %held.day, files = held.files, bytes = held.bytes);
        Ok(())
    }

    /// Puts aside what the archive holds of the same windows in other files, as after a copy that was followed by a repair or
    /// a compaction: its readers would find rows twice. It is kept in the archive's own `_replaced`.
    fn put_versions_aside(
        &self,
        archive: &ArchiveFolder,
        log: &LogHeld,
        held: &HeldDay,
    ) -> Result<(), StoreError> {
        let Some(day) = LogWindow::new(held.day.start(), held.day.end()) else { return Ok(()) };
        let now = self.table.files_of(&log.state.slug, day)?;
        for old in archive.table.files_of(&log.state.slug, day)? {
            let same = now.iter().any(|file| file.name == old.name);
            if !same && now.iter().any(|file| file.name.window.overlaps(old.name.window)) {
                tracing::warn!(event = "archive_replaced", path = %old.path.display(), reason = "its window is in another file by now");
                archive.table.withdraw(&old)?;
            }
        }
        Ok(())
    }
}
