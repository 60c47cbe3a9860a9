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

use super::{DayDone, LogHeld, Seen, Turn, Upkeep};

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

/// What a turn of archiving did.
#[derive(Debug, Default)]
pub struct ArchiveTurn {
    /// What was archived.
    pub archived: Archived,
    /// Days that are old enough, and left for another turn.
    pub left: u64,
    /// Logs whose turn failed, and why; what was begun is finished by another turn.
    pub failed: Vec<(String, StoreError)>,
}

/// The archive, to be written and to be looked at.
struct ArchiveFolder {
    files: Archive,
    table: DirTable,
}

/// What is archived, and where to; `None` where it is only said.
struct Order<'a> {
    moving: &'a Moving<'a>,
    archive: Option<ArchiveFolder>,
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
        let order = Order { moving, archive };
        let mut archived = Archived::default();
        for mut log in self.logs()? {
            archived.stays.extend(stays(&log, moving, now));
            for held in upkeep::old(&log.days, moving.older_than, now) {
                self.archive_day(&order, &mut log, &held, &mut archived)?;
            }
        }
        Ok(archived)
    }

    /// Archives old days for a turn; a log that fails does not hold up the others. A day that cannot be taken out of the
    /// table is seen, and not copied again.
    ///
    /// # Errors
    /// When a folder cannot be read, or the archive not be opened.
    pub fn archive_for(
        &self,
        disk: &Arc<dyn Disk>,
        moving: &Moving<'_>,
        turn: &Turn,
        seen: &mut Seen,
    ) -> Result<ArchiveTurn, StoreError> {
        let now = self.clock.now();
        let mut done = ArchiveTurn::default();
        let logs: Vec<(LogHeld, Vec<HeldDay>)> = self
            .logs()?
            .into_iter()
            .map(|log| {
                let mut days = upkeep::old(&log.days, moving.older_than, now);
                seen.keep(&log.state.slug, |day| days.iter().any(|held| held.day == day));
                days.retain(|held| !seen.has(&log.state.slug, held.day));
                (log, days)
            })
            .collect();
        if logs.iter().all(|(_, days)| days.is_empty()) {
            // An archive that is away matters to nobody while there is nothing for it.
            return Ok(done);
        }
        let order = Order { moving, archive: Some(ArchiveFolder::open(disk, moving.to)?) };
        for (mut log, days) in logs {
            let slug = log.state.slug.clone();
            let mut begun = days.iter().take(turn.days);
            let mut ended = 0_u64;
            let outcome = begun.try_for_each(|held| {
                if turn.is_over(self.clock.now()) {
                    return Ok(());
                }
                let gone = self.archive_day(&order, &mut log, held, &mut done.archived)?;
                if !gone {
                    seen.add(&slug, held.day);
                }
                ended = ended.saturating_add(1);
                Ok(())
            });
            done.left = done.left.saturating_add((days.len() as u64).saturating_sub(ended));
            done.failed.extend(outcome.err().map(|error| (log.state.name.clone(), error)));
        }
        Ok(done)
    }

    /// Archives a day of a log, or says that it would be; whether it is settled with that.
    fn archive_day(
        &self,
        order: &Order<'_>,
        log: &mut LogHeld,
        held: &HeldDay,
        archived: &mut Archived,
    ) -> Result<bool, StoreError> {
        let Order { moving, archive } = order;
        let mut settled = true;
        if let Some(archive) = archive {
            self.keep(archive, log, held, archived)?;
            if moving.moves {
                let to = Some(moving.to.display().to_string());
                let removal = Removal { by: RemovedBy::Archive, to, at: self.clock.now() };
                let (gone, taken) = self.remove(log, &[*held], &removal)?;
                archived.taken = archived.taken.plus(taken);
                if gone.is_empty() {
                    let why = "its files are not those that the ledger counts; log-ingestion repair puts that right";
                    archived.stays.push((log.state.name.clone(), held.day, why.to_owned()));
                    settled = false;
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
        Ok(settled)
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

/// Days that are old enough and may not go.
fn stays(
    log: &LogHeld,
    moving: &Moving<'_>,
    now: ingest_core::time::Timestamp,
) -> Vec<(String, UtcDay, String)> {
    let lifted: Vec<HeldDay> = log.days.iter().map(|held| HeldDay { stays: None, ..*held }).collect();
    let old = upkeep::old(&lifted, moving.older_than, now);
    let old = log.days.iter().filter(|held| old.iter().any(|old| old.day == held.day));
    let stays =
        old.filter_map(|held| Some((log.state.name.clone(), held.day, held.stays?.words().to_owned())));
    stays.collect()
}
