//! Tells whoever supervises the process, such as systemd, that it is ready, alive, or stopping.
//!
//! Silent where nobody asked to be told. Decides nothing: a supervisor that cannot be told is a line in the log, and the
//! work goes on.

use std::convert::Infallible;
use std::time::Duration;

use sd_notify::NotifyState;

/// How often within the time after which the supervisor takes the process for dead it is told otherwise: two beats may be
/// late before it acts.
const BEATS: u32 = 3;

/// Whatever limit a supervisor names, it is not told more often than this.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// Settings can be used, and work begins.
pub(crate) fn ready() {
    tell(&NotifyState::Ready);
}

/// A signal came; what is in flight is ended.
pub(crate) fn stopping() {
    tell(&NotifyState::Stopping);
}

/// A line for people: `systemctl status` shows it.
pub(crate) fn status(line: &str) {
    tell(&NotifyState::Status(line));
}

/// Says again and again that the process is alive, as often as the supervisor asks for; never ends.
///
/// To be polled by the task that does the work, so that nothing is said once that no longer gets its turn.
pub(crate) async fn heartbeat() -> Infallible {
    let Some(limit) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let mut beats = tokio::time::interval((limit / BEATS).max(PAUSE_MIN));
    loop {
        beats.tick().await;
        tell(&NotifyState::Watchdog);
    }
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(event = "supervisor_not_told", state = ?state, error = %error);
    }
}
