//! Decides whether a request fits its rate limit: fixed windows, one counter a name space.
//!
//! Never reads the clock, and never decides what a 429 looks like.

use std::collections::BTreeMap;

use crate::faults::RequestClass;

/// Requests allowed per window, with the documented defaults.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// Length of a window in seconds; the service has 15 minutes.
    pub window_s: u32,
    /// Submits, Next pages and statistics.
    pub query: u32,
    /// Polls.
    pub poll: u32,
    /// Lists of logs, sets and labels.
    pub management: u32,
    /// Downloads.
    pub download: u32,
    /// Export jobs; no such route is simulated, the number is kept for the record.
    pub exports: u32,
    /// Usage.
    pub usage: u32,
    /// Search statistics; no such route is simulated either.
    pub search_stats: u32,
    /// The CSV pages endpoint, which documents no number.
    pub csv: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            window_s: 900,
            query: 1_500,
            poll: 10_000,
            management: 1_500,
            download: 300,
            exports: 500,
            usage: 500,
            search_stats: 500,
            csv: 1_500,
        }
    }
}

impl Quotas {
    /// Sets one quota by name, as `--quota KEY=N` does.
    ///
    /// # Errors
    /// A sentence that names the quotas.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let number = value.parse().map_err(|cause| format!("quota {key}: {value:?}: {cause}"))?;
        let field = match key {
            "window" => &mut self.window_s,
            "query" => &mut self.query,
            "poll" => &mut self.poll,
            "management" => &mut self.management,
            "download" => &mut self.download,
            "exports" => &mut self.exports,
            "usage" => &mut self.usage,
            "search_stats" => &mut self.search_stats,
            "csv" => &mut self.csv,
            _ => {
                return Err(format!(
                    "no quota {key:?}; known are query, poll, management, download, usage, csv, window"
                ));
            }
        };
        *field = number;
        Ok(())
    }

    /// The name space of a class, and its limit; `None` where nothing is limited.
    fn space(&self, class: RequestClass) -> Option<(&'static str, u32)> {
        match class {
            RequestClass::Submit | RequestClass::Next | RequestClass::Statistics => {
                Some(("query", self.query))
            }
            RequestClass::Poll => Some(("poll", self.poll)),
            RequestClass::Management => Some(("management", self.management)),
            RequestClass::Download => Some(("download", self.download)),
            RequestClass::Usage => Some(("usage", self.usage)),
            RequestClass::CsvPage => Some(("csv", self.csv)),
            RequestClass::Validate | RequestClass::CsvProbe | RequestClass::Other => None,
        }
    }
}

/// What the headers say after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Seconds until the window ends, at least 1.
    pub(crate) reset_s: u32,
    pub(crate) exceeded: bool,
}

/// The counters.
#[derive(Debug)]
pub(crate) struct QuotaBook {
    quotas: Quotas,
    /// Name space to (window number, requests in it).
    used: BTreeMap<&'static str, (i64, u32)>,
    /// Name space to requests over all windows.
    total: BTreeMap<&'static str, u64>,
}

impl QuotaBook {
    pub(crate) const fn new(quotas: Quotas) -> Self {
        Self { quotas, used: BTreeMap::new(), total: BTreeMap::new() }
    }

    /// Counts one request, unless it exceeds its limit.
    pub(crate) fn count(&mut self, class: RequestClass, now_ms: i64) -> Option<Standing> {
        let (space, limit) = self.quotas.space(class)?;
        let window_ms = i64::from(self.quotas.window_s.max(1)) * 1_000;
        let window = now_ms.div_euclid(window_ms);
        let entry = self.used.entry(space).or_insert((window, 0));
        if entry.0 != window {
            *entry = (window, 0);
        }
        let exceeded = entry.1 >= limit;
        if !exceeded {
            entry.1 += 1;
            *self.total.entry(space).or_insert(0) += 1;
        }
        let left_ms = (window + 1) * window_ms - now_ms;
        let reset_s = u32::try_from((left_ms + 999) / 1_000).unwrap_or(1);
        Some(Standing { limit, remaining: limit - entry.1, reset_s, exceeded })
    }

    /// Requests counted since the start, per name space.
    pub(crate) const fn totals(&self) -> &BTreeMap<&'static str, u64> {
        &self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_and_begins_anew() {
        let mut book = QuotaBook::new(Quotas { download: 2, window_s: 10, ..Quotas::default() });
        let mut ask = |now| book.count(RequestClass::Download, now).unwrap();
        assert_eq!(ask(20_500), Standing { limit: 2, remaining: 1, reset_s: 10, exceeded: false });
        assert_eq!(ask(25_000), Standing { limit: 2, remaining: 0, reset_s: 5, exceeded: false });
        assert_eq!(ask(29_999), Standing { limit: 2, remaining: 0, reset_s: 1, exceeded: true });
        assert_eq!(ask(30_000), Standing { limit: 2, remaining: 1, reset_s: 10, exceeded: false });
        assert_eq!(book.count(RequestClass::Validate, 0), None);
        assert_eq!(book.totals().get("download"), Some(&3));
    }
}
