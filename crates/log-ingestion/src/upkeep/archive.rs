//! Archiving: old days are copied to another folder tree, verified there, and then taken out of the table, if asked for.
//!
//! A day is archived only when its files are those that the ledger counts, and can be read; it is removed here only when
//! every file of it is in the archive, synced, and was read back with the same hash. What a run that was cut short left is
//! compared, and not copied again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingest_core::ledger::{Removal, RemovedBy};
use ingest_core::time::{LogWindow, UtcDay};
use ingest_core::upkeep::{self, HeldDay};
use ingest_store::layout::Layout;
use ingest_store::{Archive, DirTable, Disk, Kept, Part, StoreError, TakenOut};

use super::{DayDone, LogHeld, Upkeep};
use crate::pipeline::read_content;

/// Why a day stays of which files are missing, or others there.
const UNLIKE: &str = "its files are not those that the ledger counts; log-ingestion repair puts that right";
/// Why a file of the archive is put aside.
const OTHER_VERSION: &str = "what the table holds of its window is another version by now";

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
struct ArchiveFolder<'a> {
    files: Archive,
    table: DirTable,
    moving: &'a Moving<'a>,
}

impl<'a> ArchiveFolder<'a> {
    fn open(disk: &Arc<dyn Disk>, moving: &'a Moving<'a>) -> Result<Self, StoreError> {
        let files = Archive::open(Arc::clone(disk), moving.to)?;
        let table = DirTable::beside(Arc::clone(disk), moving.to, Layout::Hive);
        Ok(Self { files, table, moving })
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
        let archive = if moving.apply { Some(ArchiveFolder::open(disk, moving)?) } else { None };
        let mut archived = Archived::default();
        for mut log in self.logs()? {
            let old = upkeep::old(&log.days, moving.older_than, now);
            let stay = old.stay.into_iter();
            let stay = stay.map(|(day, why)| (log.state.name.clone(), day, why.words().to_owned()));
            archived.stays.extend(stay);
            for held in old.may_go {
                if let Some(archive) = &archive
                    && let Some(why) = self.archive_day(archive, &mut log, &held, &mut archived)?
                {
                    tracing::warn!(event = "day_kept", log = %log.state.name, day = %held.day, reason = why);
                    archived.stays.push((log.state.name.clone(), held.day, why));
                    continue;
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

    /// Archives a day; why it stays as it is, if it does.
    fn archive_day(
        &self,
        archive: &ArchiveFolder<'_>,
        log: &mut LogHeld,
        held: &HeldDay,
        archived: &mut Archived,
    ) -> Result<Option<String>, StoreError> {
        // What is left over of a day that was moved is in the archive: none was removed before all were there.
        if held.left_over != Some(RemovedBy::Archive) {
            if let Some(why) = self.is_not_whole(log, held)? {
                return Ok(Some(why));
            }
            self.keep(archive, log, held, archived)?;
        }
        let moving = archive.moving;
        if !moving.moves {
            return Ok(None);
        }
        let to = Some(moving.to.display().to_string());
        let removal = Removal { by: RemovedBy::Archive, to, at: self.clock.now() };
        let (gone, taken) = self.remove(log, &[*held], &removal)?;
        archived.taken = archived.taken.plus(taken);
        log.state = self.fresh(&log.state)?;
        Ok(gone.is_empty().then(|| UNLIKE.to_owned()))
    }

    /// Why a day is not what the ledger says, if it is not. Once it were archived and gone, nobody would miss what it lacks.
    fn is_not_whole(&self, log: &LogHeld, held: &HeldDay) -> Result<Option<String>, StoreError> {
        let Some(day) = LogWindow::new(held.day.start(), held.day.end()) else { return Ok(None) };
        let slug = &log.state.slug;
        for span in log.state.ledger.spans().iter().filter(|span| span.window.overlaps(day)) {
            let there = self.table.figures_in(slug, span.window)?.of(span.window);
            // Somebody may just be compacting it.
            let exchanged = log.state.ledger.exchanged(span);
            if !span.tally.is_of(there) && !exchanged.is_some_and(|tally| tally.is_of(there)) {
                return Ok(Some(UNLIKE.to_owned()));
            }
        }
        for file in self.table.files_of(slug, day)? {
            if let Err(why) = read_content(&self.table, &file) {
                let path = file.path.display();
                return Ok(Some(format!(
                    "{path} is damaged: {why}; log-ingestion repair --deep fetches it again"
                )));
            }
        }
        Ok(None)
    }

    fn keep(
        &self,
        archive: &ArchiveFolder<'_>,
        log: &LogHeld,
        held: &HeldDay,
        archived: &mut Archived,
    ) -> Result<(), StoreError> {
        self.put_quarantines_aside(archive, log, held)?;
        for file in log.of_day(held.day) {
            let mut below = file.path.strip_prefix(self.table.root()).unwrap_or(&file.path).to_owned();
            if file.part == Part::Aside
                && let Some(hash) = archive.files.other(&file.path, &below)?
            {
                // Nothing reads these, and their names come again.
                let name = below.file_name().unwrap_or_default().to_string_lossy();
                below = below.with_file_name(format!("{hash:032x}_{name}"));
            }
            match archive.files.keep(&file.path, &below)? {
                Kept::Copied => archived.copied = archived.copied.saturating_add(1),
                Kept::AlreadyThere => archived.already_there = archived.already_there.saturating_add(1),
            }
        }
        self.put_versions_aside(archive, log, held)?;
        tracing::info!(event = "archived", log = %log.state.name, day = %held.day, files = held.files, bytes = held.bytes);
        Ok(())
    }

    /// Puts aside what the archive holds of windows that are complete here in other files, or without any, as after a copy
    /// that was followed by a repair or a compaction: its readers would find rows twice, or some that are none. It is kept in
    /// the archive's own `_replaced`.
    fn put_versions_aside(
        &self,
        archive: &ArchiveFolder<'_>,
        log: &LogHeld,
        held: &HeldDay,
    ) -> Result<(), StoreError> {
        let Some(day) = LogWindow::new(held.day.start(), held.day.end()) else { return Ok(()) };
        let now = self.table.files_of(&log.state.slug, day)?;
        for old in archive.table.files_of(&log.state.slug, day)? {
            let same = now.iter().any(|file| file.name == old.name);
            if !same && is_complete(log, old.name.window) {
                tracing::warn!(event = "archive_replaced", path = %old.path.display(), reason = OTHER_VERSION);
                archive.table.withdraw(&old)?;
            }
        }
        Ok(())
    }

    /// The same of quarantines, whose names do not tell what they hold: those of the table are copied afterwards.
    fn put_quarantines_aside(
        &self,
        archive: &ArchiveFolder<'_>,
        log: &LogHeld,
        held: &HeldDay,
    ) -> Result<(), StoreError> {
        let slug = &log.state.slug;
        let now = self.table.quarantine_files_of(slug)?;
        for old in archive.table.quarantine_files_of(slug)? {
            if old.window.start().day() != held.day || !is_complete(log, old.window) {
                continue;
            }
            let below = old.path.strip_prefix(archive.table.root()).unwrap_or(&old.path);
            let same = match now.iter().find(|file| file.window == old.window) {
                Some(file) => archive.files.other(&file.path, below)?.is_none(),
                None => false,
            };
            if !same {
                tracing::warn!(event = "archive_replaced", path = %old.path.display(), reason = OTHER_VERSION);
                archive.table.put_quarantines_aside(slug, old.window, None)?;
            }
        }
        Ok(())
    }
}

/// Whether something of a window is complete, and not removed: what the archive has of that is older than the table.
fn is_complete(log: &LogHeld, window: LogWindow) -> bool {
    log.state.ledger.spans().iter().any(|span| span.window.overlaps(window))
}
