//! Looking after the files of an output folder: what goes, what moves, what becomes one file.
//!
//! Does what `ingest_core::upkeep` decides, in an order that a kill cannot hurt: what is to go is remembered as removed,
//! in the ledger and in a record beside it, before the first file goes. Without the folder's lock it only looks.

use std::path::Path;
use std::sync::Arc;

use ingest_core::ledger::{LogState, Removal};
use ingest_core::time::{LogWindow, UtcDay};
use ingest_core::upkeep::{self, HeldDay, HeldFile};
use ingest_source::clock::Clock;
use ingest_store::layout::Layout;
use ingest_store::{
    DirTable, Disk, Figures, Happening, HistoryDir, Holding, Lock, Part, StateDir, StoreError, TakenOut,
};

use crate::exit::{CommandError, Exit};
use crate::ingest::{Outside, take_lock};
use crate::pipeline::{chain, recover};

pub use archive::{Archived, Moving};
pub use compact::{Chosen, Compacted, Compaction};
pub use open_archive::open_archive;
pub use restore::{DayFound, Fetchable, Found, Lacks};
pub use retain::{Retained, StaysHere};
pub use turn::{Seen, Turn};

mod archive;
mod compact;
mod open_archive;
mod restore;
mod retain;
mod turn;

/// An output folder to be looked after.
#[derive(Debug)]
pub struct Upkeep {
    table: Arc<DirTable>,
    states: StateDir,
    history: HistoryDir,
    clock: Arc<dyn Clock>,
    /// What says that the folder is this process's; nothing is changed without one.
    lock: Option<Arc<Lock>>,
}

/// What is held of a log.
#[derive(Debug)]
struct LogHeld {
    state: LogState,
    files: Vec<Holding>,
    days: Vec<HeldDay>,
}

impl LogHeld {
    /// All files of a day.
    fn of_day(&self, day: UtcDay) -> Vec<Holding> {
        self.files.iter().filter(|held| held.window.start().day() == day).cloned().collect()
    }
}

/// A log's day, and what was done with it or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayDone {
    /// The log's name.
    pub log: String,
    /// The day.
    pub day: UtcDay,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Why, or where to.
    pub detail: String,
}

impl Upkeep {
    /// Takes an output folder, and brings its ledgers and files into agreement.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be used.
    pub fn open(output_dir: &Path, outside: &Outside) -> Result<Self, CommandError> {
        let lock = take_lock(output_dir, outside)?;
        let failed = |error: StoreError| CommandError::failed(exit(&error), &error);
        let disk = Arc::clone(&outside.disk);
        let table = DirTable::open(disk, output_dir, Layout::Hive).map_err(failed)?;
        let upkeep =
            Self::new(Arc::new(table), &outside.disk, Arc::clone(&outside.clock), Some(Arc::new(lock)));
        recover(&upkeep.table, &upkeep.states, upkeep.clock.now()).map_err(failed)?;
        Ok(upkeep)
    }

    /// Looks at an output folder beside whoever works on it.
    #[must_use]
    pub fn beside(output_dir: &Path, disk: &Arc<dyn Disk>, clock: &Arc<dyn Clock>) -> Self {
        let table = DirTable::beside(Arc::clone(disk), output_dir, Layout::Hive);
        Self::new(Arc::new(table), disk, Arc::clone(clock), None)
    }

    /// Over a table that is open already, its ledgers and files in agreement.
    pub(crate) fn new(
        table: Arc<DirTable>,
        disk: &Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        lock: Option<Arc<Lock>>,
    ) -> Self {
        let states = StateDir::of(Arc::clone(disk), table.root());
        let history = HistoryDir::of(Arc::clone(disk), table.root());
        Self { table, states, history, clock, lock }
    }

    /// Every log of which something is remembered or there.
    fn logs(&self) -> Result<Vec<LogHeld>, StoreError> {
        let (mut states, _damaged) = self.states.load()?;
        for record in self.states.load_removed()?.0 {
            let known = states.iter_mut().find(|state| state.slug == record.slug);
            known.into_iter().for_each(|state| state.ledger.adopt_removed(&record.removed));
        }
        states.sort_by(|a, b| a.slug.cmp(&b.slug));
        let mut holdings = self.table.holdings()?;
        let held = states.into_iter().map(|state| {
            let (files, rest) = std::mem::take(&mut holdings).into_iter().partition(|h| h.slug == state.slug);
            holdings = rest;
            let facts: Vec<HeldFile> = files.iter().map(held_file).collect();
            let days = upkeep::days(&state.ledger, &facts);
            LogHeld { state, files, days }
        });
        Ok(held.collect())
    }

    /// A log as it is remembered now: another day of it may have been worked on since.
    fn fresh(&self, state: &LogState) -> Result<LogState, StoreError> {
        let states = self.states.load()?.0;
        Ok(states.into_iter().find(|fresh| fresh.slug == state.slug).unwrap_or_else(|| state.clone()))
    }

    /// Takes days out of the table: remembered as removed first, in the ledger and in the record of what was removed, and
    /// then removed. What cannot be told from the rest stays, and is said.
    fn remove(
        &self,
        held: &LogHeld,
        days: &[HeldDay],
        removal: &Removal,
    ) -> Result<(Vec<HeldDay>, TakenOut), StoreError> {
        self.check_folder()?;
        let mut state = held.state.clone();
        let mut figures: Option<Figures> = None;
        let mut gone = Vec::new();
        for day in days {
            let Some(whole) = LogWindow::new(day.day.start(), day.day.end()) else { continue };
            let is_cut = |window: LogWindow| window.overlaps(whole) && !window.lies_in(whole);
            if figures.is_none() && state.ledger.spans().iter().any(|span| is_cut(span.window)) {
                figures = Some(self.table.figures(&state.slug)?);
            }
            let held = |window| figures.as_ref().map(|figures| figures.of(window)).unwrap_or_default();
            match state.ledger.remove(whole, removal, held) {
                Ok(()) => gone.push(*day),
                Err(error) => {
                    tracing::warn!(event = "day_kept", log = %state.name, day = %day.day, reason = %error);
                }
            }
        }
        if gone.is_empty() {
            return Ok((gone, TakenOut::default()));
        }
        self.states.save(&state)?;
        self.states.save_removed(&state)?;
        let mut taken = TakenOut::default();
        for day in &gone {
            taken = taken.plus(self.table.take_out(&held.of_day(day.day))?);
            self.tell(&state, day, removal);
        }
        Ok((gone, taken))
    }

    /// Adds to the history of a log, for people.
    fn tell(&self, state: &LogState, day: &HeldDay, removal: &Removal) {
        let Some(window) = LogWindow::new(day.day.start(), day.day.end()) else { return };
        let to = removal.to.as_ref().map_or_else(String::new, |to| format!(", to {to}"));
        let detail = format!("by {}{to}: {} files, {} bytes", removal.by.name(), day.files, day.bytes);
        let happening = Happening { at: self.clock.now(), window, what: "removed".to_owned(), detail };
        if let Err(error) = self.history.add(&state.slug, &happening) {
            tracing::warn!(event = "history_not_written", error = %chain(&error));
        }
    }

    /// Whether the output folder is still the one that was taken.
    fn check_folder(&self) -> Result<(), StoreError> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.check())
    }
}

fn held_file(held: &Holding) -> HeldFile {
    HeldFile { window: held.window, bytes: held.bytes, counts: held.part != Part::Aside }
}

/// How a command ends that the disk refused.
pub(crate) fn exit(error: &StoreError) -> Exit {
    if error.is_full() { Exit::TryLater } else { Exit::Failed }
}
