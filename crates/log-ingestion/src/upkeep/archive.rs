//! Archiving: old days are copied to another tree, verified there, and then taken out of the table, if asked for.
//!
//! A day is removed here only when every file of it is in the archive, durable, and was read back with the same sum. What
//! a run that was cut short left is compared, and not copied again. Knows nothing of what an archive lies on.

use std::time::Duration;

use ingest_core::ledger::{Removal, RemovedBy};
use ingest_core::time::{LogWindow, UtcDay};
use ingest_core::upkeep::{self, HeldDay};
use ingest_store::layout::FileName;
use ingest_store::{Archive, Kept, StoreError, TakenOut};

use super::{DayDone, LogHeld, Upkeep};

/// What is archived.
#[derive(Debug, Clone, Copy)]
pub struct Moving<'a> {
    /// Where to, as people name it.
    pub to: &'a str,
    /// Days of which every instant is so long ago.
    pub older_than: Duration,
    /// Whether they are taken out of the table afterwards.
    pub moves: bool,
    /// The archive; without one it is only said what would be done.
    pub archive: Option<&'a dyn Archive>,
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

impl Upkeep {
    /// Archives old days, a day of a log after the other.
    ///
    /// # Errors
    /// When a folder cannot be read or written, or another file in the archive has a name of ours; what was done until
    /// then stays done, and the next call goes on.
    pub fn archive(&self, moving: &Moving<'_>) -> Result<Archived, StoreError> {
        let now = self.clock.now();
        let mut archived = Archived::default();
        for mut log in self.logs()? {
            let days = upkeep::old(&log.days, moving.older_than, now);
            archived.stays.extend(stays(&log, moving, now));
            for held in days {
                if let Some(archive) = moving.archive {
                    self.keep(archive, &log, &held, &mut archived)?;
                    if moving.moves {
                        let to = Some(moving.to.to_owned());
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
                    detail: moving.to.to_owned(),
                });
            }
        }
        Ok(archived)
    }

    fn keep(
        &self,
        archive: &dyn Archive,
        log: &LogHeld,
        held: &HeldDay,
        archived: &mut Archived,
    ) -> Result<(), StoreError> {
        for file in log.of_day(held.day) {
            let below = file.path.strip_prefix(self.table.root()).unwrap_or(&file.path);
            match archive.keep(&file.path, below)? {
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
        archive: &dyn Archive,
        log: &LogHeld,
        held: &HeldDay,
    ) -> Result<(), StoreError> {
        let Some(day) = LogWindow::new(held.day.start(), held.day.end()) else { return Ok(()) };
        let slug = &log.state.slug;
        let now = self.table.files_of(slug, day)?;
        for folder in FileName::folders(slug, held.day) {
            for below in archive.names(&folder)? {
                let old = FileName::parse(&below).filter(|old| old.slug == *slug);
                let replaced = old.is_some_and(|old| {
                    let same = now.iter().any(|file| file.name == old);
                    !same && now.iter().any(|file| file.name.window.overlaps(old.window))
                });
                if replaced {
                    tracing::warn!(event = "archive_replaced", path = %below.display(), reason = "its window is in another file by now");
                    archive.put_aside(slug, &below)?;
                }
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
