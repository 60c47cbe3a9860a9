//! What is done with stored days after a pass: moved to the archive, removed, made into fewer files, as the settings say.
//!
//! Decides the order, and how much is done at once. What fails loses nothing, is said and counted, is tried again after the
//! next pass, and never ends or holds up the pulling of logs.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ingest_core::time::millis_of;
use ingest_core::upkeep::Stays;
use ingest_store::{Disk, StoreError};
use tokio_util::sync::CancellationToken;

use super::Ingest;
use crate::metrics::Metrics;
use crate::pipeline::chain;
use crate::settings::{ArchiveSettings, Keeping};
use crate::upkeep::{Chosen, Moving, Seen, StaysHere, Turn, Upkeep, open_archive};

/// Days of a log that are archived, and compacted, after one pass: a day that has just become old enough is one.
const DAYS: usize = 1;
/// After so long no further day is begun: a fifth of the default interval, so that a backlog of many logs is worked off in
/// turns between passes.
const TURN: Duration = Duration::from_secs(60);

/// Days that need no second look, by what looked at them.
#[derive(Debug, Default)]
pub(super) struct SeenDays {
    archive: Seen,
    compact: Seen,
}

/// What looks after the days of one pass.
struct Keeper {
    upkeep: Upkeep,
    keeping: Keeping,
    window_rows: u64,
    disk: Arc<dyn Disk>,
    metrics: Arc<Metrics>,
    turn: Turn,
}

impl Ingest {
    /// Looks after the days that are stored. Begins nothing that takes long once `stop` is cancelled.
    pub async fn look_after(&self, stop: &CancellationToken) {
        let clock = Arc::clone(&self.outside.clock);
        let until = clock.now().plus_millis(millis_of(TURN));
        let keeper = Keeper {
            upkeep: Upkeep::new(Arc::clone(&self.table), &self.outside.disk, clock, self.lock.clone()),
            keeping: self.settings.keeping.clone(),
            window_rows: self.settings.window_rows,
            disk: Arc::clone(&self.outside.disk),
            metrics: Arc::clone(&self.outside.metrics),
            turn: Turn { days: DAYS, until, stop: stop.clone() },
        };
        let seen = Arc::clone(&self.seen);
        // Reads and writes whole files, which must not hold up what answers and looks after the run meanwhile.
        let work = move || keeper.look_after(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(error) = self.outside.cpu.run(work).await {
            tracing::error!(event = "error", error = %error, action = "stored days are looked after again after the next pass");
        }
    }
}

impl Keeper {
    /// Where there is an archive, nothing leaves the table but for it: retention says what else is to move.
    fn look_after(&self, seen: &mut SeenDays) {
        match &self.keeping.archive {
            Some(to) => self.archive(to, &mut seen.archive),
            None => self.retain(),
        }
        if let Some(age) = self.keeping.compact_after {
            self.compact(age, &mut seen.compact);
        }
    }

    /// Moves days to the archive.
    fn archive(&self, to: &ArchiveSettings, seen: &mut Seen) {
        let moving = Moving { to: &to.to.to_string(), older_than: to.after, moves: true };
        let open = || open_archive(&self.disk, &to.to, to.variables.clone());
        match self.upkeep.archive_for(open, (&moving, self.keeping.retention), &self.turn, seen) {
            Ok(done) => {
                let taken = done.archived.taken;
                self.metrics.removed("archive", taken.files, taken.bytes);
                for (log, error) in &done.failed {
                    self.failed("archive", Some(log), error);
                }
                if done.left > 0 {
                    let reason = "a day of each log moves after each pass";
                    tracing::info!(event = "archive_waits", days = done.left, reason);
                }
                say_stays("archive_waits", &done.stays);
            }
            Err(error) => self.failed("archive", None, &error),
        }
    }

    /// Removes what is kept no longer, by `RETENTION_DAYS` and `RETENTION_MAX_BYTES`.
    fn retain(&self) {
        let retained = match self.upkeep.retain(self.keeping.retention, true) {
            Ok(retained) => retained,
            Err(error) => return self.failed("retain", None, &error),
        };
        if retained.taken.files > 0 {
            let (files, bytes) = (retained.taken.files, retained.taken.bytes);
            tracing::info!(event = "retained", files, bytes, days = retained.gone.len());
            self.metrics.removed("retain", files, bytes);
        }
        say_stays("retention_waits", &retained.stays);
    }

    fn compact(&self, age: Duration, seen: &mut Seen) {
        let chosen = Chosen { day: None, older_than: age, rows: self.window_rows };
        match self.upkeep.compact_for(chosen, &self.turn, seen) {
            Ok(done) => {
                let fewer = done.days.iter().map(|day| day.before.saturating_sub(day.after)).sum();
                self.metrics.removed("compact", fewer, 0);
                // Said already, with its day.
                done.failed.iter().for_each(|_day| self.metrics.upkeep_failed("compact"));
            }
            Err(error) => self.failed("compact", None, &error),
        }
    }

    fn failed(&self, what: &'static str, log: Option<&str>, error: &StoreError) {
        self.metrics.upkeep_failed(what);
        let error = chain(error);
        tracing::error!(
            event = "error",
            what,
            log,
            error,
            action = "it is tried again after the next pass; logs are pulled meanwhile"
        );
    }
}

/// Says of days that are old enough to go and stay: a log's newest should, whatever else stays fills the disk until it is put
/// right.
fn say_stays(event: &'static str, stays: &[StaysHere]) {
    let waits = || stays.iter().filter(|stays| stays.why != Stays::Newest);
    if let Some(first) = waits().next() {
        let (log, day, reason) = (&first.log, first.day, first.why.words());
        tracing::warn!(event, days = waits().count(), log = %log, day = %day, reason);
    }
}
