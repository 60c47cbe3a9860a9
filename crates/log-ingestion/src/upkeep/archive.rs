//! Archiving: old days are copied to another tree, verified there, and then taken out of the table, if asked for.
//!
//! A day is archived only when its files are those that the ledger counts, and can be read; it is removed here only when
//! every file of it is in the archive, durable, and was read back with the same sum. What a run that was cut short left is
//! compared, and not copied again. Knows nothing of what an archive lies on.

use std::path::Path;
use std::time::Duration;

use ingest_core::ledger::{Removal, RemovedBy};
use ingest_core::time::{LogWindow, UtcDay};
use ingest_core::upkeep::{self, HeldDay, Retention, Stays};
use ingest_store::layout::FileName;
use ingest_store::{Archive, Kept, Part, QuarantineFile, StoreError, TakenOut};

use super::retain::stays;
use super::{DayDone, LogHeld, Seen, StaysHere, Turn, Upkeep};
use crate::pipeline::read_content;

/// Why a day stays of which files are missing, or others there.
const UNLIKE: &str = "its files are not those that the ledger counts; log-ingestion repair puts that right";
/// Why a day stays that retention began to remove.
const LEFT_OVER: &str = "retention removed some of it, and was cut short; the next retain finishes that";
/// Why a file of the archive is put aside.
const OTHER_VERSION: &str = "what the table holds of its window is another version by now";

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
    /// Days that are to move, and left for another turn.
    pub left: u64,
    /// Days that are old enough to move, or were refused, and stay for a reason.
    pub stays: Vec<StaysHere>,
    /// Logs whose turn failed, and why; what was begun is finished by another turn.
    pub failed: Vec<(String, StoreError)>,
}

/// What is archived, and where to; without an archive it is only said.
#[derive(Debug, Clone, Copy)]
struct Order<'a> {
    moving: &'a Moving<'a>,
    archive: Option<&'a dyn Archive>,
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
        let order = Order { moving, archive };
        let mut archived = Archived::default();
        for mut log in self.logs()? {
            let old = upkeep::old(&log.days, moving.older_than, now);
            let stay = old.stay.into_iter();
            let stay = stay.map(|(day, why)| (log.state.name.clone(), day, why.words().to_owned()));
            archived.stays.extend(stay);
            for held in old.may_go {
                self.archive_day(&order, &mut log, &held, &mut archived)?;
            }
        }
        Ok(archived)
    }

    /// Archives days for a turn: old ones, and what `keep` would have go. A log that fails does not hold up the others. A day
    /// that is not whole is seen, and stays until another process looks at it again.
    ///
    /// # Errors
    /// When a folder cannot be read, or the archive not be opened.
    pub fn archive_for(
        &self,
        open: impl FnOnce() -> Result<Box<dyn Archive>, StoreError>,
        (moving, keep): (&Moving<'_>, Retention),
        turn: &Turn,
        seen: &mut Seen,
    ) -> Result<ArchiveTurn, StoreError> {
        let now = self.clock.now();
        let mut logs = self.logs()?;
        for log in &mut logs {
            let LogHeld { state, days, .. } = log;
            seen.keep(&state.slug, |day| days.iter().any(|held| held.day == day));
            let refused = days.iter_mut().filter(|held| seen.has(&state.slug, held.day));
            refused.for_each(|held| held.stays = held.stays.or(Some(Stays::NotWhole)));
        }
        let mut done = ArchiveTurn { stays: stays(&logs, moving.older_than, now), ..ArchiveTurn::default() };
        let days: Vec<Vec<HeldDay>> = logs.iter().map(|log| log.days.clone()).collect();
        let days = upkeep::to_archive(&days, moving.older_than, keep, now);
        if days.iter().all(Vec::is_empty) {
            // An archive that is away matters to nobody while there is nothing for it.
            return Ok(done);
        }
        let archive = open()?;
        let order = Order { moving, archive: Some(&*archive) };
        for (mut log, days) in logs.into_iter().zip(days) {
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
        let Order { moving, archive } = *order;
        if let Some(archive) = archive
            && let Some(why) = self.move_day((archive, moving), log, held, archived)?
        {
            tracing::warn!(event = "day_kept", log = %log.state.name, day = %held.day, reason = why);
            archived.stays.push((log.state.name.clone(), held.day, why));
            return Ok(false);
        }
        archived.days.push(DayDone {
            log: log.state.name.clone(),
            day: held.day,
            files: held.files,
            bytes: held.bytes,
            detail: moving.to.to_owned(),
        });
        Ok(true)
    }

    /// Copies a day, and takes it out of the table where it moves; why it stays as it is, if it does.
    fn move_day(
        &self,
        (archive, moving): (&dyn Archive, &Moving<'_>),
        log: &mut LogHeld,
        held: &HeldDay,
        archived: &mut Archived,
    ) -> Result<Option<String>, StoreError> {
        match held.left_over {
            None => {
                if let Some(why) = self.is_not_whole(log, held)? {
                    return Ok(Some(why));
                }
                self.keep(archive, log, held, archived)?;
            }
            // In the archive: none was removed before all were there.
            Some(RemovedBy::Archive) => {}
            // No day any more, but some of its files.
            Some(RemovedBy::Retain) if !moving.moves => return Ok(Some(LEFT_OVER.to_owned())),
            Some(RemovedBy::Retain) => {}
        }
        if !moving.moves {
            return Ok(None);
        }
        let removal =
            Removal { by: RemovedBy::Archive, to: Some(moving.to.to_owned()), at: self.clock.now() };
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
        archive: &dyn Archive,
        log: &LogHeld,
        held: &HeldDay,
        archived: &mut Archived,
    ) -> Result<(), StoreError> {
        self.put_quarantines_aside(archive, log, held)?;
        for file in log.of_day(held.day) {
            let mut below = file.path.strip_prefix(self.table.root()).unwrap_or(&file.path).to_owned();
            if file.part == Part::Aside
                && let Some(sum) = archive.other(&file.path, &below)?
            {
                // Nothing reads these, and their names come again.
                let name = below.file_name().unwrap_or_default().to_string_lossy();
                below = below.with_file_name(format!("{:032x}_{name}", sum.hash()));
            }
            match archive.keep(&file.path, &below)? {
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
        archive: &dyn Archive,
        log: &LogHeld,
        held: &HeldDay,
    ) -> Result<(), StoreError> {
        let Some(day) = LogWindow::new(held.day.start(), held.day.end()) else { return Ok(()) };
        let slug = &log.state.slug;
        let now = self.table.files_of(slug, day)?;
        for folder in FileName::folders(slug, held.day) {
            for below in archive.names(&folder)? {
                let old = FileName::parse(&below).filter(|old| old.slug == *slug && old.window.overlaps(day));
                let Some(old) = old else { continue };
                let same = now.iter().any(|file| file.name == old);
                if !same && is_complete(log, old.window) {
                    put_aside(archive, log, &below)?;
                }
            }
        }
        Ok(())
    }

    /// The same of quarantines, whose names do not tell what they hold: those of the table are copied afterwards.
    fn put_quarantines_aside(
        &self,
        archive: &dyn Archive,
        log: &LogHeld,
        held: &HeldDay,
    ) -> Result<(), StoreError> {
        let slug = &log.state.slug;
        let now = self.table.quarantine_files_of(slug)?;
        for below in archive.names(&QuarantineFile::folder(slug))? {
            let Some(window) = QuarantineFile::window_of(&below) else { continue };
            if window.start().day() != held.day || !is_complete(log, window) {
                continue;
            }
            let same = match now.iter().find(|file| file.window == window) {
                Some(file) => archive.other(&file.path, &below)?.is_none(),
                None => false,
            };
            if !same {
                put_aside(archive, log, &below)?;
            }
        }
        Ok(())
    }
}

fn put_aside(archive: &dyn Archive, log: &LogHeld, below: &Path) -> Result<(), StoreError> {
    tracing::warn!(event = "archive_replaced", path = %below.display(), reason = OTHER_VERSION);
    archive.put_aside(&log.state.slug, below)
}

/// Whether something of a window is complete, and not removed: what the archive has of that is older than the table.
fn is_complete(log: &LogHeld, window: LogWindow) -> bool {
    log.state.ledger.spans().iter().any(|span| span.window.overlaps(window))
}
