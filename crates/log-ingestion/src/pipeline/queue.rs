//! Requests that the logs of a pass have still to send: they wait for one quota, one behind the other.
//!
//! Only adds up what each log says of itself, so that the least time that is left can be told. Sends nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ingest_core::ids::LogId;
use ingest_core::quota::Class;

/// What is left to send, by log.
#[derive(Debug, Default)]
pub struct Queue(Mutex<BTreeMap<LogId, (Class, u64)>>);

impl Queue {
    /// Notes how many requests of a class a log has left; gives how many all logs have left of that class.
    pub(crate) fn left(&self, log: &LogId, class: Class, requests: u64) -> u64 {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.insert(log.clone(), (class, requests));
        let same = queue.values().filter(|(other, _)| *other == class);
        same.fold(0, |sum, (_, requests)| sum.saturating_add(*requests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_a_class_wait_for_each_other() {
        let (queue, [a, b]) = (Queue::default(), ["a", "b"].map(LogId::new));
        for (log, class, requests, want) in [
            (&a, Class::Query, 5, 5),
            (&b, Class::Query, 7, 12),
            (&a, Class::Query, 2, 9),
            (&b, Class::Download, 1, 1),
            (&a, Class::Query, 2, 2),
            (&b, Class::Query, u64::MAX, u64::MAX),
        ] {
            assert_eq!(queue.left(log, class, requests), want, "{class:?} {requests}");
        }
    }
}
