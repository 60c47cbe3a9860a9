//! The one place that hears signals.
//!
//! The first SIGTERM or SIGINT asks for a stop, the second ends at once; SIGHUP asks to open the log file anew and to look
//! for another key. What a stop or a hang-up means is decided elsewhere.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that ask the program to end.
#[derive(Debug)]
pub struct Shutdown {
    terminate: Signal,
    interrupt: Signal,
}

impl Shutdown {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next request to end; gives the signal's name.
    pub async fn asked(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Signals that ask a running program to take up what changed around it.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Begins to listen: the signal does not end the program any more.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one.
    pub async fn heard(&mut self) {
        self.0.recv().await;
    }
}
