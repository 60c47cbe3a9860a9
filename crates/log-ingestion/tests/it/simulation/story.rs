//! What a seed decides: the account, the settings, and what happens to each process and between them.

use std::time::Duration;

use ingest_core::time::{LogWindow, Timestamp};
use ingest_core::upkeep::Retention;
use ingest_source::clock::Entropy;
use ingest_store::layout::Layout;
use ingest_store::scripted::{Fault, Repeat};
use log_ingestion::ingest::{Coverage, Scope};

use super::chores::{Act, Chore};
use super::source;
use super::world::{Death, Life};
use crate::scenario::{NOW, Scenario};

const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;

/// Makes the dice of lies others than those of the story; by this one they fall on no kept seed.
const LIES: u64 = 7;
/// The same for those of who looks after the files.
const CHORES: u64 = 3;
/// In one story of so many there is a log that is larger than what a process may hold, and the first of them; none that was
/// kept is one.
const BULKY_ONE_IN: u64 = 2_000;
const BULKY_FIRST: u64 = 250;

/// Everything that happens.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) scenario: Scenario,
    pub(crate) window_rows: u64,
    pub(crate) chapters: Vec<Chapter>,
}

/// What happens before a process starts, and its life.
#[derive(Debug)]
pub(crate) struct Chapter {
    pub(crate) before: Vec<Deed>,
    pub(crate) life: Life,
}

/// Something that happens between two processes; each number chooses where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// So many milliseconds pass.
    Wait(u64),
    /// The machine's clock is wrong by so many milliseconds from now on.
    WrongClock(i64),
    /// An event becomes searchable that was received long ago.
    Late(u64),
    /// The source loses a stretch of a log.
    Vanish(u64),
    /// A ledger is removed.
    LoseLedger(u64),
    /// A byte of a ledger changes.
    DamageLedger(u64),
    /// A file of the table is removed.
    LoseFile(u64),
    /// A byte of a file of the table changes.
    DamageFile(u64),
    /// Somebody looks after the files.
    LookAfter(Chore),
}

/// Chance in the shapes that a story needs.
#[derive(Debug)]
pub(crate) struct Dice(Entropy);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Entropy::new(seed))
    }

    pub(crate) fn draw(&self) -> u64 {
        self.0.draw()
    }

    pub(super) fn below(&self, end: u64) -> u64 {
        self.draw() % end
    }

    pub(super) fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// Small numbers are as likely as large ones: below 10, 100, 1,000 and so on, up to `digits` digits.
    fn spread(&self, digits: u32) -> u64 {
        1 + self.below(10_u64.pow(1 + u32::try_from(self.below(u64::from(digits))).unwrap()))
    }
}

/// The instant from which on everything is wanted.
pub(crate) fn first_start() -> Timestamp {
    now().plus_millis(-12 * HOUR)
}

pub(super) fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

pub(crate) fn tail() -> Coverage {
    Coverage::Tail { first_start: first_start() }
}

impl Story {
    /// The story of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let dice = Dice::new(seed);
        // Where some events vanish and others appear, as many may do the one as the other, which no count can tell.
        let shrinks = dice.one_in(3);
        let large = dice.one_in(40);
        let sim = source::account(&dice, seed, shrinks, large);
        let mut scenario = Scenario::new(sim)
            .with("FETCH_MODE", dice.pick(&["auto", "query", "auto"]))
            .with("BATCH_SIZE", dice.pick(&["100", "500"]))
            .with("RATE_LIMIT", dice.pick(&["1000", "1000", "60", "5"]))
            .with("RETRY_ATTEMPTS", dice.pick(&["1", "3"]))
            .with("PARALLEL_WINDOWS", dice.pick(&["1", "2", "4"]))
            .with("RECHECK_AFTER", dice.pick(&["1h,24h", "10m,2h", "never", "0s,1h"]))
            .with("SETTLE_DELAY", dice.pick(&["5m", "1m", "0s"]))
            .with("PARQUET_COMPRESSION", dice.pick(&["snappy", "zstd", "lz4", "none"]));
        if dice.one_in(4) {
            scenario.sim.quotas.set("query", dice.pick(&["20", "40"])).unwrap();
            scenario.sim.quotas.set("download", "6").unwrap();
        }
        let window_rows = if large { 1_000 } else { dice.pick(&[25, 60, 150, 1_000_000]) };
        let layout = dice.pick(&[Layout::Hive, Layout::Hive, Layout::Date, Layout::Flat]);
        let chapters = (0..=dice.below(4)).map(|nth| chapter(&dice, nth, layout, shrinks)).collect();
        let mut story = Self { scenario, window_rows, chapters };
        story.lie(seed);
        story.look_after(seed);
        story.swell(seed);
        story
    }

    /// In every other story somebody looks after the files. By dice of its own, as [`Self::lie`].
    fn look_after(&mut self, seed: u64) {
        let dice = Dice::new(seed.rotate_left(48) ^ CHORES);
        if dice.one_in(2) {
            return;
        }
        if self.chapters.len() == 1 {
            self.chapters.push(Chapter { before: Vec::new(), life: Life::of(&[tail()]) });
        }
        for _ in 0..=dice.below(3) {
            let at = 1 + usize::try_from(dice.below(self.chapters.len() as u64 - 1)).unwrap();
            self.chapters[at].before.push(Deed::LookAfter(chore(&dice)));
        }
        if dice.one_in(4) {
            let at = usize::try_from(dice.below(self.chapters.len() as u64)).unwrap();
            self.chapters[at].life.retention = retention(&dice);
        }
    }

    /// In a few stories one log has more text in one window than there is memory for it.
    fn swell(&mut self, seed: u64) {
        if seed % BULKY_ONE_IN != BULKY_FIRST {
            return;
        }
        self.scenario.sim.logs[0] = source::bulky("log0");
        self.window_rows = source::BULKY_EVENTS;
    }

    /// Everything that is done to the files, after passes and between processes.
    pub(crate) fn acts(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        for Chapter { before, life } in &self.chapters {
            let kept = Some(life.retention).filter(|keep| !keep.is_for_ever()).map(Act::Retain);
            let deeds = before
                .iter()
                .filter_map(|deed| if let Deed::LookAfter(chore) = deed { Some(chore.act) } else { None });
            for act in deeds.chain(kept) {
                if !acts.contains(&act) {
                    acts.push(act);
                }
            }
        }
        acts
    }

    /// In some stories a disk stores other bytes than it says, once or all the time. By dice of its own, so that seeds which
    /// are kept still tell what they found.
    fn lie(&mut self, seed: u64) {
        let dice = Dice::new(seed.rotate_left(32) ^ LIES);
        if dice.one_in(3) {
            let at = usize::try_from(dice.below(self.chapters.len() as u64)).unwrap();
            let repeat = dice.pick(&[Repeat::Once, Repeat::Once, Repeat::Forever]);
            let lie = (dice.spread(3), Fault::Lie, repeat);
            self.chapters[at].life.disk.get_or_insert(lie);
        }
    }
}

fn chapter(dice: &Dice, nth: u64, layout: Layout, shrinks: bool) -> Chapter {
    let mut before = vec![Deed::Wait(dice.below(3 * 3_600_000))];
    for _ in 0..if nth == 0 { 0 } else { dice.below(4) } {
        before.push(deed(dice, shrinks));
    }
    let passes = (0..=dice.below(2)).map(|_| coverage(dice)).collect();
    let layout = if dice.one_in(12) { Layout::Hive } else { layout };
    let mut life = Life { layout, pause: Duration::from_millis(dice.spread(7)), ..Life::of(&[]) };
    life.passes = passes;
    match dice.below(6) {
        0 | 1 => life.death = Some(death(dice)),
        2 => {
            life.death = Some(death(dice));
            life.power = Some(dice.draw());
        }
        3 | 4 => {
            let fault = dice.pick(&[Fault::NoSpace, Fault::Quota, Fault::Io, Fault::ShortWrite]);
            life.disk = Some((dice.spread(3), fault, dice.pick(&[Repeat::Once, Repeat::Forever])));
        }
        _ => {}
    }
    life.rival = dice.one_in(3).then(|| 1 + dice.spread(2));
    Chapter { before, life }
}

fn chore(dice: &Dice) -> Chore {
    let act = match dice.below(6) {
        0 | 1 => Act::Compact { rows: dice.pick(&[10, 100, 1_000, 1_000_000]) },
        2 | 3 => Act::Retain(retention(dice)),
        _ => Act::Archive {
            older_than: Duration::from_secs(3_600 * dice.pick(&[0, 2, 24])),
            moves: dice.one_in(2),
        },
    };
    let mut chore = Chore { act, disk: None, power: None };
    match dice.below(4) {
        0 => {}
        1 => {
            let fault = dice.pick(&[Fault::NoSpace, Fault::Quota, Fault::Io, Fault::ShortWrite]);
            chore.disk = Some((dice.spread(3), fault, dice.pick(&[Repeat::Once, Repeat::Forever])));
        }
        _ => {
            chore.disk = Some((dice.spread(3), Fault::Die, Repeat::Once));
            chore.power = dice.one_in(2).then(|| dice.draw());
        }
    }
    chore
}

fn retention(dice: &Dice) -> Retention {
    let days = Some(dice.pick(&[0, 0, 1]));
    if dice.one_in(4) {
        Retention { days: None, bytes: Some(dice.spread(6)) }
    } else {
        Retention { days, bytes: None }
    }
}

fn death(dice: &Dice) -> Death {
    match dice.below(5) {
        0 | 1 => Death::Operation(dice.spread(3)),
        2 => Death::Request { nth: dice.spread(2), took: dice.one_in(2) },
        3 => Death::Step(dice.spread(3)),
        _ => Death::Instant(dice.spread(6)),
    }
}

fn coverage(dice: &Dice) -> Coverage {
    match dice.below(8) {
        0 => Coverage::Period(period(dice)),
        1 => Coverage::TailAndPeriod {
            first_start: first_start(),
            period: period(dice),
            turn: Duration::from_millis(dice.spread(6)),
        },
        2 => Coverage::Repair { scope: Scope::default(), deep: dice.one_in(2) },
        _ => tail(),
    }
}

fn period(dice: &Dice) -> LogWindow {
    let start = first_start().plus_millis(i64::try_from(dice.below(11 * 3_600_000)).unwrap());
    LogWindow::new(start, start.plus_millis(i64::try_from(dice.spread(7)).unwrap()).min(now())).unwrap()
}

fn deed(dice: &Dice, shrinks: bool) -> Deed {
    let n = dice.draw();
    match dice.below(12) {
        0 => Deed::Wait(dice.below(30 * 3_600_000)),
        1 => Deed::WrongClock(dice.pick(&[0, -3 * HOUR, -10 * MINUTE, 10 * MINUTE, 5 * HOUR, 26 * HOUR])),
        2..=5 if shrinks => Deed::Vanish(n),
        2..=5 => Deed::Late(n),
        6 => Deed::Wait(dice.spread(8)),
        7 => Deed::LoseLedger(n),
        8 => Deed::DamageLedger(n),
        9 => Deed::LoseFile(n),
        10 => Deed::DamageFile(n),
        _ => Deed::WrongClock(0),
    }
}
