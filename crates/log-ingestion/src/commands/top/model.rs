//! What `top` shows: the status that a service gives, and what a person did to the view.
//!
//! Decides the order of the logs and what a key does. Asks nobody, draws nothing.

use serde::Deserialize;

/// What `/status` says. What an older service does not say is empty here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) version: String,
    pub(super) pid: u32,
    pub(super) mode: String,
    pub(super) now: String,
    pub(super) ready: bool,
    pub(super) reasons: Vec<String>,
    pub(super) pass: Pass,
    pub(super) logs: Vec<Log>,
    pub(super) quota: Vec<Quota>,
    pub(super) api: Api,
    pub(super) disk: Disk,
    pub(super) memory_bytes: Option<u64>,
    pub(super) events: Vec<Said>,
}

/// The pass at work, and the last that left nothing open.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pass {
    pub(super) number: u64,
    pub(super) running: bool,
    pub(super) last_success: Option<String>,
    pub(super) last_duration_seconds: Option<f64>,
}

/// A log.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Log {
    pub(super) log: String,
    pub(super) position: Option<String>,
    pub(super) lag_seconds: Option<f64>,
    pub(super) stored: u64,
    pub(super) quarantined: u64,
    pub(super) bytes: u64,
    pub(super) windows_open: u64,
    pub(super) windows_short: u64,
    pub(super) windows_in_flight: u64,
    pub(super) windows_planned: u64,
    pub(super) rows_per_second: f64,
    pub(super) retention_left_seconds: Option<f64>,
    pub(super) last_error: Option<String>,
}

/// A class of requests.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Quota {
    pub(super) class: String,
    pub(super) remaining: Option<u64>,
    pub(super) resets_in_seconds: Option<f64>,
    pub(super) circuit_open: bool,
}

/// Replies so far.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Api {
    #[serde(rename = "200")]
    pub(super) ok: u64,
    #[serde(rename = "4xx")]
    pub(super) client_errors: u64,
    #[serde(rename = "5xx")]
    pub(super) server_errors: u64,
    pub(super) retries: u64,
    pub(super) rate_limited: u64,
    pub(super) refused: u64,
}

/// The output folder and its filesystem.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Disk {
    pub(super) usage_bytes: Option<u64>,
    pub(super) free_bytes: Option<u64>,
}

/// An event of the service's log.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    pub(super) time: String,
    pub(super) level: String,
    pub(super) event: String,
    pub(super) text: String,
}

/// What the logs are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// Those that lag most, first.
    #[default]
    Lag,
    /// Those that fetch most, first.
    Rate,
    /// By name.
    Name,
}

impl Order {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lag => "lag",
            Self::Rate => "rate",
            Self::Name => "name",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Lag => Self::Rate,
            Self::Rate => Self::Name,
            Self::Name => Self::Lag,
        }
    }
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// End.
    Quit,
    /// Order the logs by the next thing.
    NextOrder,
    /// Hold the picture, or let it go on.
    Pause,
    /// Look so many logs further down, or up.
    Scroll(i64),
}

/// What a person did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Look {
    pub(super) order: Order,
    pub(super) first: usize,
    pub(super) paused: bool,
    pub(super) over: bool,
}

impl Look {
    /// The look after a deed, over so many logs.
    pub(super) fn after(self, deed: Deed, logs: usize) -> Self {
        match deed {
            Deed::Quit => Self { over: true, ..self },
            Deed::NextOrder => Self { order: self.order.next(), first: 0, ..self },
            Deed::Pause => Self { paused: !self.paused, ..self },
            Deed::Scroll(by) => {
                let by_abs = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
                let moved = if by < 0 {
                    self.first.saturating_sub(by_abs)
                } else {
                    self.first.saturating_add(by_abs)
                };
                Self { first: moved.min(logs.saturating_sub(1)), ..self }
            }
        }
    }
}

/// The logs in an order.
pub(super) fn ordered(logs: &[Log], order: Order) -> Vec<&Log> {
    // A log that was never stored lags most.
    let lag = |log: &Log| log.lag_seconds.unwrap_or(f64::INFINITY);
    let mut ordered: Vec<&Log> = logs.iter().collect();
    ordered.sort_by(|a, b| {
        let by = match order {
            Order::Lag => lag(b).total_cmp(&lag(a)),
            Order::Rate => b.rows_per_second.total_cmp(&a.rows_per_second),
            Order::Name => std::cmp::Ordering::Equal,
        };
        by.then_with(|| a.log.cmp(&b.log))
    });
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str, lag_seconds: Option<f64>, rows_per_second: f64) -> Log {
        Log { log: name.to_owned(), lag_seconds, rows_per_second, ..Log::default() }
    }

    #[test]
    fn logs_stand_in_the_order_that_was_chosen() {
        let logs = [log("b", Some(5.5), 1.0), log("a", Some(9.0), 3.0), log("c", None, 2.0)];
        for (order, want) in [(Order::Lag, "cab"), (Order::Rate, "acb"), (Order::Name, "abc")] {
            let names: String = ordered(&logs, order).iter().map(|log| log.log.as_str()).collect();
            assert_eq!(names, want, "{order:?}");
        }
    }

    #[test]
    fn a_look_never_leaves_the_logs() {
        let look = Look::default();
        for (by, logs, want) in [(1, 3, 1), (10, 3, 2), (-1, 3, 0), (i64::MIN, 3, 0), (1, 0, 0)] {
            assert_eq!(look.after(Deed::Scroll(by), logs).first, want, "{by} of {logs}");
        }
        let later = look.after(Deed::Scroll(2), 9).after(Deed::NextOrder, 9);
        assert_eq!((later.order, later.first), (Order::Rate, 0));
        assert!(look.after(Deed::Pause, 1).paused && look.after(Deed::Quit, 1).over);
    }

    #[test]
    fn a_status_with_other_fields_is_read_for_what_it_has() {
        let status: Status =
            serde_json::from_str(r#"{"schema":2,"new":1,"logs":[{"log":"a"}],"api":{"200":3}}"#).unwrap();
        assert_eq!((status.api.ok, status.logs.len(), status.ready), (3, 1, false));
    }
}
