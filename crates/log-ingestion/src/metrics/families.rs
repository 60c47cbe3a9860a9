//! The registry: a family of series for each metric of the table, and no other.
//!
//! Decides nothing about values. A registry of its own, never the library's global one.

use std::collections::BTreeMap;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry};

use super::names::{Facts, Kind, Metric};

/// All series.
#[derive(Debug)]
pub(super) struct Families {
    registry: Registry,
    by_metric: BTreeMap<Metric, Family>,
}

/// The series of one metric.
enum Family {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

impl std::fmt::Debug for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Family")
    }
}

impl Families {
    pub(super) fn new() -> Self {
        let registry = Registry::new();
        let made = |metric: &Metric| Some((*metric, family(&registry, metric.facts())?));
        let by_metric = Metric::ALL.iter().filter_map(made).collect();
        Self { registry, by_metric }
    }

    /// Adds to a counter; also by 0, after which its series is there.
    pub(super) fn add(&self, metric: Metric, labels: &[&str], by: f64) {
        if let Some(Family::Counter(counters)) = self.by_metric.get(&metric)
            && let Ok(counter) = counters.get_metric_with_label_values(labels)
        {
            counter.inc_by(by.max(0.0));
        }
    }

    pub(super) fn set(&self, metric: Metric, labels: &[&str], to: f64) {
        if let Some(Family::Gauge(gauges)) = self.by_metric.get(&metric)
            && let Ok(gauge) = gauges.get_metric_with_label_values(labels)
        {
            gauge.set(to);
        }
    }

    /// Gives a counter whose total is known elsewhere that total.
    pub(super) fn total(&self, metric: Metric, total: f64) {
        if let Some(Family::Counter(counters)) = self.by_metric.get(&metric)
            && let Ok(counter) = counters.get_metric_with_label_values::<&str>(&[])
        {
            counter.inc_by((total - counter.get()).max(0.0));
        }
    }

    pub(super) fn observe(&self, metric: Metric, value: f64) {
        if let Some(Family::Histogram(histograms)) = self.by_metric.get(&metric)
            && let Ok(histogram) = histograms.get_metric_with_label_values::<&str>(&[])
        {
            histogram.observe(value);
        }
    }

    /// The value of a counter, by its labels.
    pub(super) fn counted(&self, metric: Metric, labels: &[&str]) -> f64 {
        match self.by_metric.get(&metric) {
            Some(Family::Counter(counters)) => {
                counters.get_metric_with_label_values(labels).map_or(0.0, |counter| counter.get())
            }
            Some(Family::Gauge(_) | Family::Histogram(_)) | None => 0.0,
        }
    }

    /// Forgets every series of a gauge, since what it stood for may be gone.
    pub(super) fn clear(&self, metric: Metric) {
        if let Some(Family::Gauge(gauges)) = self.by_metric.get(&metric) {
            gauges.reset();
        }
    }

    /// All series, sorted by name and labels; metrics without any are left out.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// Whether a metric of the table has its family.
    #[cfg(test)]
    pub(super) fn has(&self, metric: Metric) -> bool {
        self.by_metric.contains_key(&metric)
    }
}

/// A family in the registry; none where the library refuses its name, which a test rules out.
fn family(registry: &Registry, facts: Facts) -> Option<Family> {
    let Facts { name, labels, help, .. } = facts;
    Some(match facts.kind {
        Kind::Counter => {
            Family::Counter(registered(registry, CounterVec::new(Opts::new(name, help), labels).ok()?)?)
        }
        Kind::Gauge => {
            Family::Gauge(registered(registry, GaugeVec::new(Opts::new(name, help), labels).ok()?)?)
        }
        Kind::Histogram(bounds) => {
            let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
            Family::Histogram(registered(registry, HistogramVec::new(options, labels).ok()?)?)
        }
    })
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, family: C) -> Option<C> {
    registry.register(Box::new(family.clone())).ok()?;
    Some(family)
}
