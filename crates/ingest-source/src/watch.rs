//! Who looks on while the client talks to the API: replies, failures, retries, waits and bytes, as they come.
//!
//! Looking on changes nothing: a watcher cannot fail, must not block, and gets neither keys nor bodies.

use std::fmt;
use std::time::Duration;

use ingest_core::quota::Class;

/// Hears what comes of requests.
pub trait Watch: Send + Sync + fmt::Debug {
    /// A reply's head came, so long after its request was sent.
    fn answered(&self, class: Class, status: u16, took: Duration);
    /// No reply came, or not all of it.
    fn failed(&self, class: Class, failure: Failure);
    /// A request is about to be sent again after a fault that may pass.
    fn retried(&self, class: Class);
    /// A request was held back for so long by quotas, `RATE_LIMIT` or a 429.
    fn waited(&self, class: Class, wait: Duration);
    /// So many bytes of a reply's body came, decompressed.
    fn received(&self, bytes: u64);
}

/// Nobody looks on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn answered(&self, _class: Class, _status: u16, _took: Duration) {}
    fn failed(&self, _class: Class, _failure: Failure) {}
    fn retried(&self, _class: Class) {}
    fn waited(&self, _class: Class, _wait: Duration) {}
    fn received(&self, _bytes: u64) {}
}

/// How the network failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No connection stood: name not found, refused, TLS.
    Connect,
    /// Nothing came for too long.
    Timeout,
    /// The connection broke before the reply was whole.
    Broken,
    /// Anything else.
    Other,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Connect, Self::Timeout, Self::Broken, Self::Other];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Other => "other",
        }
    }
}
