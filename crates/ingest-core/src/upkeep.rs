//! Looking after what is stored: which days of which logs may go, which do, and which files become one.
//!
//! Functions of names, sizes, ledgers and `now`, and the one place that says which days are old enough. Whole days of
//! UTC, since no window spans two. Never removes or moves a file, and never asks what time it is.

use std::time::Duration;

use crate::ledger::{LogLedger, RemovedBy};
use crate::time::{LogWindow, MS_PER_DAY, Timestamp, UtcDay, millis_of};

pub use compact::{Candidate, Fullness, groups};

mod compact;

/// A file of a log, as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldFile {
    /// The window whose records it holds.
    pub window: LogWindow,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether the ledger should know its window: not so of what was set aside.
    pub counts: bool,
}

/// Why a day stays, however old it is and whatever room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// It holds the newest complete window, or is behind it.
    Newest,
    /// Something before its end is not fetched yet.
    BehindPosition,
    /// A window of it is to be fetched, or fetched again.
    Open,
    /// A file of it is none that the ledger counts.
    Unknown,
    /// A file of it reaches into the next day, as none of ours does.
    AcrossMidnight,
    /// It was to be archived, and is not whole.
    NotWhole,
}

impl Stays {
    /// Why, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Newest => "it holds the newest complete window of its log",
            Self::BehindPosition => "something before its end is not fetched yet",
            Self::Open => "a window of it is open; log-ingestion repair fetches it",
            Self::Unknown => "a file of it is not in the ledger; log-ingestion verify tells which",
            Self::AcrossMidnight => "a file of it reaches into the next day",
            Self::NotWhole => {
                "it is not whole, and so is not archived; log-ingestion repair --deep fetches what it lacks"
            }
        }
    }
}

/// What is held of a log's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldDay {
    /// The day.
    pub day: UtcDay,
    /// Its files, quarantines and what was set aside included.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Why it stays whatever is wanted; `None` where it may go.
    pub stays: Option<Stays>,
    /// By whom it was removed already, while some of its files are still there: it was cut short.
    pub left_over: Option<RemovedBy>,
}

/// The days of a log of which there are files, oldest first.
#[must_use]
pub fn days(ledger: &LogLedger, files: &[HeldFile]) -> Vec<HeldDay> {
    let mut files = files.to_vec();
    files.sort_unstable_by_key(|file| file.window);
    files
        .chunk_by(|a, b| a.window.start().day() == b.window.start().day())
        .filter_map(|files| held_day(ledger, files))
        .collect()
}

fn held_day(ledger: &LogLedger, files: &[HeldFile]) -> Option<HeldDay> {
    let day = files.first()?.window.start().day();
    let whole = LogWindow::new(day.start(), day.end())?;
    let complete = ledger.spans().iter().any(|span| span.window.overlaps(whole));
    let removed = ledger.removed().iter().find(|removed| removed.window.overlaps(whole));
    Some(HeldDay {
        day,
        files: files.len() as u64,
        bytes: files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes)),
        stays: stays(ledger, whole, files),
        left_over: removed.filter(|_| !complete).map(|removed| removed.by),
    })
}

fn stays(ledger: &LogLedger, day: LogWindow, files: &[HeldFile]) -> Option<Stays> {
    let newest = ledger.spans().last().map(|span| span.window.end().plus_millis(-1).day());
    let unknown = |file: &HeldFile| file.counts && !ledger.gaps(file.window).is_empty();
    if files.iter().any(|file| file.window.end() > day.end()) {
        Some(Stays::AcrossMidnight)
    } else if ledger.open().iter().any(|open| open.window.overlaps(day)) {
        Some(Stays::Open)
    } else if files.iter().any(unknown) {
        Some(Stays::Unknown)
    } else if newest.is_some_and(|newest| day.end() > newest.start()) {
        Some(Stays::Newest)
    } else if ledger.position().is_some_and(|position| day.end() > position) {
        Some(Stays::BehindPosition)
    } else {
        None
    }
}

/// How long, and how much, is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Whole days after which a day goes; `None` for ever.
    pub days: Option<u32>,
    /// Bytes of all files together beyond which the oldest days go; `None` without a limit.
    pub bytes: Option<u64>,
}

impl Retention {
    /// Whether anything ever goes.
    #[must_use]
    pub const fn is_for_ever(self) -> bool {
        self.days.is_none() && self.bytes.is_none()
    }

    /// How long ago the last instant of a day is that is too old; `None` where none ever is.
    #[must_use]
    pub fn age(self) -> Option<Duration> {
        self.days.map(|days| Duration::from_millis(u64::from(days) * MS_PER_DAY.unsigned_abs()))
    }
}

/// Why a day goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is older than what is kept.
    Age,
    /// There is more than what is kept.
    Room,
    /// It was removed already, but not all of its files are gone.
    LeftOver,
}

impl Why {
    /// Why, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Age => "older than RETENTION_DAYS",
            Self::Room => "the oldest beyond RETENTION_MAX_BYTES",
            Self::LeftOver => "left over from a removal that was cut short",
        }
    }
}

/// A day that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goes {
    /// Which of the logs.
    pub log: usize,
    /// The day.
    pub held: HeldDay,
    /// Why.
    pub why: Why,
}

/// Which days of which logs go, oldest first: what was begun to be removed, what is too old, and of what may go then the
/// oldest until no more is there than is wanted.
#[must_use]
pub fn retain(logs: &[Vec<HeldDay>], keep: Retention, now: Timestamp) -> Vec<Goes> {
    if keep.is_for_ever() {
        return Vec::new();
    }
    let all = || logs.iter().enumerate().flat_map(|(log, days)| days.iter().map(move |held| (log, *held)));
    let total = all().fold(0_u64, |sum, (_, held)| sum.saturating_add(held.bytes));
    let mut candidates: Vec<(usize, HeldDay)> = all().filter(|(_, held)| held.stays.is_none()).collect();
    candidates.sort_by_key(|(log, held)| (held.day, *log));
    let why = |held: &HeldDay| {
        let left_over = held.left_over == Some(RemovedBy::Retain);
        let too_old = keep.age().is_some_and(|age| is_old(held.day, age, now));
        if left_over { Some(Why::LeftOver) } else { too_old.then_some(Why::Age) }
    };
    let freed = candidates.iter().filter(|(_, held)| why(held).is_some()).map(|(_, held)| held.bytes);
    let mut over = keep.bytes.map_or(0, |most| total.saturating_sub(freed.sum()).saturating_sub(most));
    let mut goes = Vec::new();
    for (log, held) in candidates {
        let why = why(&held).or_else(|| (over > 0).then_some(Why::Room));
        if why == Some(Why::Room) {
            over = over.saturating_sub(held.bytes);
        }
        goes.extend(why.map(|why| Goes { log, held, why }));
    }
    goes
}

/// Which days of each log move to an archive, oldest first: those of which every instant is `age` ago, those that `keep`
/// would have go, and what was begun. Where there is an archive, nothing leaves the table but for it.
#[must_use]
pub fn to_archive(
    logs: &[Vec<HeldDay>],
    age: Duration,
    keep: Retention,
    now: Timestamp,
) -> Vec<Vec<HeldDay>> {
    let goes = retain(logs, keep, now);
    let of_log = |(at, days): (usize, &Vec<HeldDay>)| {
        let goes = |held: &HeldDay| goes.iter().any(|goes| goes.log == at && goes.held.day == held.day);
        let moves = |held: &HeldDay| held.left_over.is_some() || is_old(held.day, age, now) || goes(held);
        days.iter().filter(|held| held.stays.is_none() && moves(held)).copied().collect()
    };
    logs.iter().enumerate().map(of_log).collect()
}

/// The days of a log that are old enough for what is wanted of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OldDays {
    /// Those that may go, oldest first.
    pub may_go: Vec<HeldDay>,
    /// Those that stay all the same, oldest first, and why.
    pub stay: Vec<(UtcDay, Stays)>,
}

/// Which days of a log are `age` old, all of their instants; and those that were to be archived, however young.
#[must_use]
pub fn old(days: &[HeldDay], age: Duration, now: Timestamp) -> OldDays {
    let mut old = OldDays::default();
    let counts = |held: &&HeldDay| is_old(held.day, age, now) || held.stays == Some(Stays::NotWhole);
    for held in days.iter().filter(counts) {
        match held.stays {
            None => old.may_go.push(*held),
            Some(why) => old.stay.push((held.day, why)),
        }
    }
    old
}

/// Whether the youngest instant of a day is so long ago. A day that is not over is never old.
fn is_old(day: UtcDay, age: Duration, now: Timestamp) -> bool {
    now.millis().saturating_sub(day.end().millis()) >= millis_of(age)
}

#[cfg(test)]
mod tests;
