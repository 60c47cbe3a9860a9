//! The heartbeat of the runtime: a task that only beats, and what listens to it.
//!
//! Tells whether tasks still get their turn, for `/livez` and the supervisor's watchdog. Knows nothing of passes: one that
//! waits for a quota is alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::notify::Notify;

/// Time between two beats where no watchdog asks for more.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Least time between two beats, whatever a watchdog asks for.
const BEAT_LEAST: Duration = Duration::from_millis(10);
/// Age up to which a beat is young: a task may be kept from its turn by a disk that syncs, but not for this long.
const YOUNG: Duration = Duration::from_secs(30);

/// When the runtime beat last.
#[derive(Debug)]
pub struct Heartbeat {
    base: Instant,
    beat_ms: AtomicU64,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { base: Instant::now(), beat_ms: AtomicU64::new(0) }
    }
}

impl Heartbeat {
    fn beat(&self) {
        self.beat_ms.store(self.ms(), Ordering::Relaxed);
    }

    /// Whether it beat of late.
    #[must_use]
    pub fn is_young(&self) -> bool {
        let age = self.ms().saturating_sub(self.beat_ms.load(Ordering::Relaxed));
        Duration::from_millis(age) < YOUNG
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A heart that beats until it is dropped.
#[derive(Debug)]
pub struct Pulse {
    heartbeat: Arc<Heartbeat>,
    notify: Arc<Notify>,
    end: CancellationToken,
}

impl Pulse {
    /// Begins to beat, and tells the supervisor so at half of its patience. Once `stop` is cancelled it is told that, too,
    /// and the heart beats on. Call inside a runtime.
    #[must_use]
    pub fn begin(notify: Arc<Notify>, watchdog: Option<Duration>, stop: CancellationToken) -> Self {
        let pulse = Self { heartbeat: Arc::default(), notify, end: CancellationToken::new() };
        let every = watchdog.map_or(BEAT_EVERY, |patience| (patience / 2).clamp(BEAT_LEAST, BEAT_EVERY));
        let tasks = TaskTracker::new();
        let (heartbeat, notify) = (Arc::clone(&pulse.heartbeat), Arc::clone(&pulse.notify));
        let end = pulse.end.clone();
        drop(tasks.spawn(async move {
            let mut told = false;
            while !end.is_cancelled() {
                heartbeat.beat();
                if watchdog.is_some() {
                    notify.alive();
                }
                tokio::select! {
                    () = tokio::time::sleep(every) => {}
                    () = end.cancelled() => {}
                    () = stop.cancelled(), if !told => {
                        notify.stopping();
                        told = true;
                    }
                }
            }
        }));
        pulse
    }

    /// When it beat last.
    #[must_use]
    pub const fn heartbeat(&self) -> &Arc<Heartbeat> {
        &self.heartbeat
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.end.cancel();
        self.notify.stopping();
    }
}
