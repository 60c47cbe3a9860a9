//! Archiving: old days are copied to another tree, verified there, and then taken out of the table, if asked for.
//!
//! A day is removed here only when every file of it is in the archive, durable, and was read back with the same sum. What
//! a run that was cut short left is compared, and not copied again. Knows nothing of what an archive lies on, but where one
//! is opened.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingest_bucket::Bucket;
use ingest_core::ledger::{Removal, RemovedBy};
use ingest_core::time::{LogWindow, UtcDay};
use ingest_core::upkeep::{self, HeldDay};
use ingest_store::layout::FileName;
use ingest_store::{Archive, Disk, FolderArchive, Kept, StoreError, TakenOut};

use super::{DayDone, LogHeld, Seen, Turn, Upkeep};
use crate::settings::{Place, StoreVariables};

/// What is archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moving<'a> {
    /// Where to, as people name it.
    pub to: &'a str,
    /// Days of which every instant is so long ago.
    pub older_than: Duration,
    /// Whether they are taken out of the table afterwards.
    pub moves: bool,
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

/// Opens an archive, which is made where it is missing and can be.
///
/// # Errors
/// When it cannot be made, or the variables of its store do not do.
pub fn open_archive(
    disk: &Arc<dyn Disk>,
    place: &Place,
    variables: StoreVariables,
) -> Result<Box<dyn Archive>, StoreError> {
    let disk = Arc::clone(disk);
    match place {
        Place::Folder(root) => Ok(Box::new(FolderArchive::open(disk, root)?)),
        Place::Bucket(url) => match Bucket::open(disk, url, variables.0) {
            Ok(bucket) => Ok(Box::new(bucket)),
            Err(error) => Err(StoreError::at("open the archive", Path::new(url))(io::Error::other(error))),
        },
    }
}

impl Upkeep {
    /// Archives old days, a day of a log after the other; without an archive, says which it would.
    ///
    /// # Errors
    /// When a folder cannot be read or written, or another file in the archive has a name of ours; what was done until
    /// then stays done, and the next call goes on.
    pub fn archive(
        &self,
        archive: Option<&dyn Archive>,
        moving: &Moving<'_>,
    ) -> Result<Archived, StoreError> {
        let now = self.clock.now();
        let mut archived = Archived::default();
        for mut log in self.logs()? {
            archived.stays.extend(stays(&log, moving, now));
            for held in upkeep::old(&log.days, moving.older_than, now) {
                self.archive_day(archive, moving, &mut log, &held, &mut archived)?;
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
        open: impl FnOnce() -> Result<Box<dyn Archive>, StoreError>,
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
        let archive = open()?;
        for (mut log, days) in logs {
            let slug = log.state.slug.clone();
            let mut begun = days.iter().take(turn.days);
            let mut ended = 0_u64;
            let outcome = begun.try_for_each(|held| {
                if turn.is_over(self.clock.now()) {
                    return Ok(());
                }
                let gone = self.archive_day(Some(&*archive), moving, &mut log, held, &mut done.archived)?;
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
        archive: Option<&dyn Archive>,
        moving: &Moving<'_>,
        log: &mut LogHeld,
        held: &HeldDay,
        archived: &mut Archived,
    ) -> Result<bool, StoreError> {
        let mut settled = true;
        if let Some(archive) = archive {
            self.keep(archive, log, held, archived)?;
            if moving.moves {
                let to = Some(moving.to.to_owned());
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
            detail: moving.to.to_owned(),
        });
        Ok(settled)
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
