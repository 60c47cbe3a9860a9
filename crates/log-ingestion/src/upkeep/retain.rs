//! Retention: days that were kept long enough, or for which there is no room, go.
//!
//! Removes what `ingest_core::upkeep::retain` names. Asks nobody.

use std::time::Duration;

use ingest_core::ledger::{Removal, RemovedBy};
use ingest_core::time::{Timestamp, UtcDay};
use ingest_core::upkeep::{self, HeldDay, Retention, Stays};
use ingest_store::{StoreError, TakenOut};

use super::{DayDone, LogHeld, Upkeep};

/// What retention did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retained {
    /// Days that went, or would, oldest first.
    pub gone: Vec<DayDone>,
    /// Days that are old enough to go, and stay for a reason.
    pub stays: Vec<StaysHere>,
    /// Files and bytes that went; none in a dry run.
    pub taken: TakenOut,
}

/// A day that stays although it is old enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaysHere {
    /// The log's name.
    pub log: String,
    /// The day.
    pub day: UtcDay,
    /// Why.
    pub why: Stays,
}

impl Upkeep {
    /// Which days go by `keep`; where `apply`, they do.
    ///
    /// # Errors
    /// When the folder cannot be read, or the disk refuses; what was begun is finished by the next call.
    pub fn retain(&self, keep: Retention, apply: bool) -> Result<Retained, StoreError> {
        if keep.is_for_ever() {
            return Ok(Retained::default());
        }
        let now = self.clock.now();
        let logs = self.logs()?;
        let days: Vec<Vec<HeldDay>> = logs.iter().map(|log| log.days.clone()).collect();
        let goes = upkeep::retain(&days, keep, now);
        let stays = keep.age().map_or_else(Vec::new, |age| stays(&logs, age, now));
        let mut retained = Retained { stays, ..Retained::default() };
        let done = |log: &LogHeld, held: &HeldDay| {
            let why = goes.iter().find(|goes| goes.held == *held).map_or("", |goes| goes.why.words());
            let log = log.state.name.clone();
            DayDone { log, day: held.day, files: held.files, bytes: held.bytes, detail: why.to_owned() }
        };
        for (at, log) in logs.iter().enumerate() {
            let wanted: Vec<HeldDay> =
                goes.iter().filter(|goes| goes.log == at).map(|goes| goes.held).collect();
            if !apply || wanted.is_empty() {
                retained.gone.extend(wanted.iter().map(|held| done(log, held)));
                continue;
            }
            let removal = Removal { by: RemovedBy::Retain, to: None, at: now };
            let (gone, taken) = self.remove(log, &wanted, &removal)?;
            retained.gone.extend(gone.iter().map(|held| done(log, held)));
            retained.taken = retained.taken.plus(taken);
        }
        retained.gone.sort_by(|a, b| (a.day, &a.log).cmp(&(b.day, &b.log)));
        Ok(retained)
    }
}

/// Days that are `age` old and may not go.
pub(super) fn stays(logs: &[LogHeld], age: Duration, now: Timestamp) -> Vec<StaysHere> {
    let stays = logs.iter().flat_map(|log| {
        let stay = upkeep::old(&log.days, age, now).stay.into_iter();
        stay.map(|(day, why)| StaysHere { log: log.state.name.clone(), day, why })
    });
    stays.collect()
}
