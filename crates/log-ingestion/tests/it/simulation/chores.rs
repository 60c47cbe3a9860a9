//! Looking after the files of a story: days are retained, archived or compacted by a process of its own, which may end at
//! any operation of the disk, and what must hold of the folder after it.
//!
//! Which days went is told by the folder's own record, and that record is judged: only days that the rule lets go, no row
//! beside them, and what was archived stands in the archive as it was.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingest_core::audit::{Findings, State, calendar};
use ingest_core::ledger::{LogState, Removed, RemovedBy};
use ingest_core::time::{LogWindow, Timestamp, UtcDay, millis_of};
use ingest_core::upkeep::Retention;
use ingest_store::layout::Layout;
use ingest_store::scripted::{Fault, Repeat, ScriptedDisk};
use ingest_store::{DirTable, Disk, FolderArchive, StateDir};
use log_ingestion::exit::{CommandError, Exit};
use log_ingestion::pipeline::compare;
use log_ingestion::upkeep::{Chosen, Moving, Upkeep};

use super::oracle::{Bag, Held, Oracle, states};
use super::world::OUT;

/// The archive.
pub(crate) const COLD: &str = "/cold";

/// What is done to the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Retain(Retention),
    Archive { older_than: Duration, moves: bool },
    Compact { rows: u64 },
}

/// An act, and what happens to the process that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chore {
    pub(crate) act: Act,
    /// What the disk does to it.
    pub(crate) disk: Option<(u64, Fault, Repeat)>,
    /// Whether power is lost at its end, and by which seed.
    pub(crate) power: Option<u64>,
}

/// What came of an act that was not cut short.
#[derive(Debug)]
pub(crate) struct Done {
    /// Files that the table has fewer of.
    pub(crate) fewer: u64,
    /// Days that stayed as they are although they are old enough, and why.
    pub(crate) stay: Vec<(String, UtcDay, String)>,
}

impl Done {
    /// Whether it says why a day stays.
    fn names(&self, log: &str, day: UtcDay) -> bool {
        self.stay.iter().any(|(stay, at, _)| stay == log && *at == day)
    }
}

impl Act {
    /// Does it.
    pub(crate) fn by(self, upkeep: &Upkeep, disk: &Arc<dyn Disk>) -> Result<Done, CommandError> {
        let failed = |error| CommandError::failed(Exit::Failed, &error);
        Ok(match self {
            Self::Retain(keep) => {
                let done = upkeep.retain(keep, true).map_err(failed)?;
                let stay =
                    done.stays.into_iter().map(|stay| (stay.log, stay.day, stay.why.words().to_owned()));
                Done { fewer: done.taken.files, stay: stay.collect() }
            }
            Self::Archive { older_than, moves } => {
                let archive = FolderArchive::open(Arc::clone(disk), Path::new(COLD)).map_err(failed)?;
                let moving = Moving { to: COLD, older_than, moves };
                let done = upkeep.archive(Some(&archive), &moving).map_err(failed)?;
                Done { fewer: done.taken.files, stay: done.stays }
            }
            Self::Compact { rows } => {
                let chosen = Chosen { day: None, older_than: Duration::ZERO, rows };
                let done = upkeep.compact(chosen, true).map_err(failed)?;
                let fewer = done.days.iter().map(|day| day.before - day.after).sum();
                Done { fewer, stay: done.failed }
            }
        })
    }

    /// How old a day is that it may touch; `None` where another rule decides.
    fn age(self) -> Option<Duration> {
        match self {
            Self::Retain(keep) if keep.bytes.is_some() => None,
            Self::Retain(keep) => keep.age(),
            Self::Archive { older_than, .. } => Some(older_than),
            Self::Compact { .. } => Some(Duration::ZERO),
        }
    }

    /// What it says of the days that it removes.
    fn removes(self) -> Option<(RemovedBy, Option<&'static str>)> {
        match self {
            Self::Retain(_) => Some((RemovedBy::Retain, None)),
            Self::Archive { moves: true, .. } => Some((RemovedBy::Archive, Some(COLD))),
            Self::Archive { moves: false, .. } | Self::Compact { .. } => None,
        }
    }
}

/// What a folder and its archive hold at a moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    table: Vec<Held>,
    cold: Vec<Held>,
    states: Vec<LogState>,
    removed: BTreeMap<String, Vec<Removed>>,
    /// What an audit calls each day of what the ledgers spoke of.
    days: BTreeMap<(String, UtcDay), State>,
}

impl Snapshot {
    /// Looks at a disk; audits what the ledgers speak of, or spoke of at a moment `before`.
    pub(crate) fn of(oracle: &mut Oracle, disk: &ScriptedDisk, before: Option<&Self>) -> Self {
        let looking = disk.another();
        let states = states(disk);
        let mut removed: BTreeMap<String, Vec<Removed>> = BTreeMap::new();
        let records = StateDir::of(looking.shared(), Path::new(OUT)).load_removed().unwrap().0;
        let recorded = records.into_iter().map(|record| (record.name, record.removed));
        // Where a kill came between the two, the ledger knows it first.
        let known = states.iter().map(|state| (state.name.clone(), state.ledger.removed().to_vec()));
        for (log, removal) in recorded.chain(known) {
            let all = removed.entry(log).or_default();
            let new: Vec<_> = removal.into_iter().filter(|new| !all.contains(new)).collect();
            all.extend(new);
        }
        let table = DirTable::beside(looking.shared(), Path::new(OUT), Layout::Hive);
        let days = states.iter().flat_map(|state| {
            let spoke = before.map_or(Some(state), |before| before.state(&state.name));
            let extent = spoke.and_then(|state| state.ledger.extent());
            let days = extent.map(|extent| audit(&table, state, extent)).unwrap_or_default();
            days.into_iter().map(|(day, audited)| ((state.name.clone(), day), audited))
        });
        let days = days.collect();
        looking.kill();
        let (table, cold) = (oracle.held(disk, OUT), oracle.held(disk, COLD));
        Self { table, cold, states, removed, days }
    }

    /// Every day of every log is complete, or was removed on purpose.
    pub(crate) fn all_settled(&self, context: &str) {
        for ((log, day), audited) in &self.days {
            assert!(is_settled(*audited), "{context}: {day} of {log} is {}", audited.name());
        }
    }

    /// The windows that were removed on purpose, by log.
    pub(crate) fn gone(&self) -> BTreeMap<String, Vec<LogWindow>> {
        let windows = |removed: &Vec<Removed>| removed.iter().map(|removed| removed.window).collect();
        self.removed.iter().map(|(log, removed)| (log.clone(), windows(removed))).collect()
    }

    fn is_gone(&self, held: &Held) -> bool {
        let mut removed = self.removed.get(&held.log).into_iter().flatten();
        removed.any(|removed| held.window.lies_in(removed.window))
    }

    fn state(&self, log: &str) -> Option<&LogState> {
        self.states.iter().find(|state| state.name == log)
    }
}

const fn is_settled(state: State) -> bool {
    matches!(state, State::Complete | State::Removed)
}

/// The days of a span of a log, and what an audit by ledger and files calls them.
fn audit(table: &DirTable, state: &LogState, extent: LogWindow) -> Vec<(UtcDay, State)> {
    let missing = compare(table, state, extent, false).unwrap().0;
    let missing = missing.iter().map(|missing| (missing.window, String::new())).collect();
    let findings = Findings { missing, ..Findings::default() };
    let days = extent.by_day().into_iter();
    days.map(|day| (day.start().day(), calendar(&state.ledger, day, &findings)[0].state)).collect()
}

/// Two looks at a folder, and what was done between them.
#[derive(Debug)]
pub(crate) struct Between<'a> {
    pub(crate) before: &'a Snapshot,
    pub(crate) after: &'a Snapshot,
    pub(crate) act: Act,
    /// What came of it, unless it was cut short.
    pub(crate) done: Option<&'a Done>,
    /// Whether power was lost.
    pub(crate) power: bool,
    /// What time it was at its end by the clock of its process.
    pub(crate) now: Timestamp,
    pub(crate) context: &'a str,
}

/// What is known of the days that were taken out of the table.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    /// What was moved to the archive, as the table held it.
    moved: Vec<Held>,
}

impl Keeper {
    /// Asserts what must hold after a chore, whatever became of it.
    pub(crate) fn check(&mut self, between: &Between<'_>, oracle: &Oracle) {
        self.check_removed(between, oracle);
        let Between { before, after, context, .. } = between;
        for log in oracle.logs() {
            between.kept(log);
            // A log of which neither ledger nor file could be read is none that anybody knows.
            if after.state(log).is_some() && !oracle.spoilt.contains(log) {
                between.nothing_left_over(log);
                between.all_old_went(log);
            }
        }
        for (day, _) in before.days.iter().filter(|(_, audited)| is_settled(**audited)) {
            let now = after.days.get(day).copied();
            assert!(now.is_some_and(is_settled), "{context}: {day:?} was complete and is {now:?}");
        }
    }

    /// Asserts that what went is what may go, and where it went to; also where passes were made meanwhile.
    pub(crate) fn check_removed(&mut self, between: &Between<'_>, oracle: &Oracle) {
        for log in oracle.logs() {
            for (part, by) in between.removed(log) {
                between.may_go(log, part);
                if by == RemovedBy::Archive {
                    let held = between.before.table.iter().filter(|held| held.log == *log);
                    self.moved.extend(held.filter(|held| held.window.lies_in(part)).cloned());
                }
            }
        }
        self.archive_is_exact(between, oracle);
    }

    /// What was moved stands in the archive, each record once, and nothing else of those spans.
    fn archive_is_exact(&self, Between { after, context, .. }: &Between<'_>, oracle: &Oracle) {
        oracle.never_twice(&after.cold, &format!("{context}: in the archive"));
        for log in oracle.logs() {
            let removed = after.removed.get(log).into_iter().flatten();
            let moved: Vec<_> = removed.filter(|removed| removed.by == RemovedBy::Archive).collect();
            let inside = |held: &&Held| moved.iter().any(|moved| held.window.lies_in(moved.window));
            let cold = bag(after.cold.iter().filter(|held| held.log == *log).filter(inside));
            let wanted = bag(self.moved.iter().filter(|held| held.log == *log));
            assert_eq!(cold, wanted, "{context}: the archive of {log}");
        }
    }
}

impl Between<'_> {
    /// What is recorded of a log as removed and was not before, day by day, and by what.
    fn removed(&self, log: &str) -> Vec<(LogWindow, RemovedBy)> {
        let known = self.before.gone().remove(log).unwrap_or_default();
        let mut new = Vec::new();
        for removed in self.after.removed.get(log).into_iter().flatten() {
            let cut = |parts: Vec<LogWindow>, known: &LogWindow| -> Vec<LogWindow> {
                parts.into_iter().flat_map(|part| part.without(*known)).collect()
            };
            for part in known.iter().fold(vec![removed.window], cut) {
                let said = (removed.by, removed.to.as_deref());
                assert_eq!(Some(said), self.act.removes(), "{}: {log} {part}", self.context);
                new.extend(part.by_day().into_iter().map(|part| (part, removed.by)));
            }
        }
        new
    }

    /// A part of a day that went was old, not of the newest day, and nothing of it was open.
    fn may_go(&self, log: &str, part: LogWindow) {
        let Self { after, act, now, context, .. } = self;
        let day_ended = part.start().day().end();
        let age = act.age().map_or(i64::MIN, millis_of);
        assert!(now.millis() - day_ended.millis() >= age, "{context}: {log} {part} is not old");
        let ledger = &after.state(log).unwrap_or_else(|| panic!("{context}: no ledger of {log}")).ledger;
        let newest = ledger.spans().last().map(|span| span.window.end());
        assert!(newest > Some(day_ended), "{context}: {log} {part} is the newest day");
        assert!(!ledger.open().iter().any(|open| open.window.overlaps(part)), "{context}: {part} is open");
    }

    /// Nothing beside the removed days comes or goes, and of them nothing comes back.
    fn kept(&self, log: &str) {
        let Self { before, after, power, context, .. } = self;
        // What no ledger counts may go with the power.
        let counts = |held: &&Held| {
            let ledger = before.state(log).map(|state| &state.ledger);
            !power || ledger.is_some_and(|ledger| ledger.gaps(held.window).is_empty())
        };
        let of_log = |held: &&Held| held.log == log;
        let stays = |held: &&Held| !after.is_gone(held);
        let had = bag(before.table.iter().filter(of_log).filter(counts).filter(stays));
        let have = bag(after.table.iter().filter(of_log).filter(counts).filter(stays));
        assert_eq!(have, had, "{context}: what {log} holds beside what was removed");
        for left in after.table.iter().filter(of_log).filter(|held| after.is_gone(held)) {
            // That a file was removed may be forgotten with the power; the next call removes it again.
            let known = *power || before.table.contains(left);
            assert!(known, "{context}: {} of {log} is back", left.window);
        }
    }

    /// An act that came to its end finished what earlier ones had begun.
    fn nothing_left_over(&self, log: &str) {
        let (Some((by, _)), Some(done)) = (self.act.removes(), self.done) else { return };
        for removed in self.after.removed.get(log).into_iter().flatten().filter(|removed| removed.by == by) {
            let own = self.after.table.iter().filter(|held| held.log == log);
            let mut left = own.map(|held| held.window).filter(|window| window.lies_in(removed.window));
            let left = left.find(|window| !done.names(log, window.start().day()));
            assert_eq!(left, None, "{}: left over of {log}", self.context);
        }
    }

    /// What is old enough is gone, or in the archive, or stays for a reason that is said.
    fn all_old_went(&self, log: &str) {
        let Self { after, act, now, context, .. } = self;
        let (Some(age), Some(done)) = (act.age(), self.done) else { return };
        for held in after.table.iter().filter(|held| held.log == log) {
            let day = held.window.start().day();
            let old = now.millis() - day.end().millis() >= millis_of(age);
            if !old || done.names(log, day) {
                continue;
            }
            match act {
                Act::Retain(_) | Act::Archive { moves: true, .. } => {
                    panic!("{context}: {} of {log} is old, and stays for no reason", held.window)
                }
                Act::Archive { moves: false, .. } => {
                    assert!(after.cold.contains(held), "{context}: {} of {log} is not copied", held.window);
                }
                Act::Compact { .. } => {}
            }
        }
    }
}

fn bag<'a>(held: impl Iterator<Item = &'a Held>) -> Bag {
    let mut bag = Bag::new();
    for record in held.flat_map(|held| &held.records) {
        *bag.entry(record.clone()).or_insert(0) += 1;
    }
    bag
}
