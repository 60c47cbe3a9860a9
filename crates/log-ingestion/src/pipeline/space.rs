//! The guard of the disk: no window is begun while less is free than `MIN_FREE_DISK`.
//!
//! Asks the disk and waits; whether there is room is the core's to say. One window at a time asks, the others queue behind
//! it, so that a disk that is low is said once and waited for once. Windows that were begun are never held up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ingest_core::space::{MinFree, Space, Verdict};
use ingest_store::Disk;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::WindowError;

/// How long until the disk is asked again: whoever frees room does not notice the wait, and the disk not the question.
const WAIT_STEP: Duration = Duration::from_secs(15);
/// How long a pass waits for room in all: what a rotation or clean-up takes. After that it ends with its windows open, so
/// that a timer's exit code tells of it, and the next pass asks anew.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// Watches over the disk of an output folder, for all logs and passes of a process.
#[derive(Debug)]
pub struct SpaceGuard {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    minimum: MinFree,
    watch: Mutex<Watch>,
}

/// Whether a window may be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It may.
    There,
    /// Nothing is to be begun any more.
    Stopped,
}

#[derive(Debug, Default)]
struct Watch {
    low: bool,
    waited: Duration,
    silent: bool,
}

impl SpaceGuard {
    /// A guard of the disk that `root` is on.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, root: PathBuf, minimum: MinFree) -> Self {
        Self { disk, root, minimum, watch: Mutex::default() }
    }

    /// A new pass begins, which may wait for room once more.
    pub async fn begin_pass(&self) {
        self.watch.lock().await.waited = Duration::ZERO;
    }

    /// Waits until there is room for a window, as long as a pass may.
    ///
    /// # Errors
    /// When there is none by then.
    pub(super) async fn room(&self, stop: &CancellationToken) -> Result<Room, WindowError> {
        let mut watch = self.watch.lock().await;
        loop {
            if stop.is_cancelled() {
                return Ok(Room::Stopped);
            }
            let Some(space) = self.ask(&mut watch) else { return Ok(Room::There) };
            if watch.allows(self.minimum, space) {
                return Ok(Room::There);
            }
            if watch.waited >= WAIT_MAX {
                return Err(WindowError::DiskLow {
                    free: space.free,
                    minimum: self.minimum.bytes(space.total),
                });
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(WAIT_STEP) => watch.waited = watch.waited.saturating_add(WAIT_STEP),
            }
        }
    }

    /// What the disk says; `None` where nothing is to be kept free, or it does not say: then writing tells.
    fn ask(&self, watch: &mut Watch) -> Option<Space> {
        if self.minimum == MinFree::Nothing {
            return None;
        }
        match self.disk.space(&self.root) {
            Ok(space) => Some(space),
            Err(error) => {
                if !std::mem::replace(&mut watch.silent, true) {
                    tracing::warn!(event = "disk_unknown", error = %error, action = "MIN_FREE_DISK is not kept");
                }
                None
            }
        }
    }
}

impl Watch {
    /// Takes in what the disk says, and tells when it becomes low, when a pass meets it low, and when it is no more.
    fn allows(&mut self, minimum: MinFree, space: Space) -> bool {
        let Space { free, total } = space;
        let minimum_bytes = minimum.bytes(total);
        match minimum.verdict(space, self.low) {
            Verdict::Go => {
                if std::mem::take(&mut self.low) {
                    tracing::info!(event = "disk_ok", free, total, minimum = minimum_bytes);
                }
                self.waited = Duration::ZERO;
                true
            }
            Verdict::Pause => {
                if self.waited.is_zero() {
                    tracing::warn!(
                        event = "disk_low",
                        free,
                        total,
                        minimum = minimum_bytes,
                        wait_ms = ms(WAIT_MAX),
                        action = "no window is begun until there is room again"
                    );
                }
                self.low = true;
                false
            }
        }
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
