//! Spans as they end: passes, logs, windows, each with its parent, kept until they are sent.
//!
//! Collects nothing until somebody wants to send, and never more than a bounded number: then the oldest goes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ingest_core::time::Timestamp;
use ingest_source::clock::Clock;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Spans that wait to be sent; at a minute between sendings, 68 a second.
const WAITING_MAX: usize = 4_096;

/// A span that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) place: Place,
    pub(super) name: &'static str,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) attributes: Vec<(&'static str, String)>,
}

/// Where a span stands: in a trace, below another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) parent: Option<u64>,
}

/// Spans that wait to be sent.
#[derive(Debug)]
pub struct Spans {
    is_on: AtomicBool,
    /// What sets this run's ids apart from those of others.
    run: u64,
    next: AtomicU64,
    waiting: Mutex<VecDeque<Ended>>,
}

impl Spans {
    /// None yet; `run` is a number that differs between runs.
    #[must_use]
    pub fn new(run: u64) -> Self {
        Self { is_on: AtomicBool::new(false), run, next: AtomicU64::new(1), waiting: Mutex::default() }
    }

    /// Begins to collect.
    pub(super) fn collect(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// The place of a new span: in its parent's trace, or at the top of one of its own.
    fn place(&self, parent: Option<Place>) -> Place {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Never 0, which stands for none.
        let span = (self.run.rotate_left(32) ^ number).max(1);
        let trace =
            parent.map_or_else(|| u128::from(self.run) << 64 | u128::from(number), |parent| parent.trace);
        Place { trace, span, parent: parent.map(|parent| parent.span) }
    }

    fn push(&self, span: Ended) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // What is kept is what happened last.
        if waiting.len() >= WAITING_MAX {
            waiting.pop_front();
        }
        waiting.push_back(span);
    }

    /// Takes all that wait.
    pub(super) fn take(&self) -> Vec<Ended> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

/// The layer that collects them.
#[derive(Debug)]
pub struct SpanCollector {
    /// Where they go.
    pub spans: Arc<Spans>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A span that is open.
struct Open {
    place: Place,
    from: Timestamp,
    attributes: Vec<(&'static str, String)>,
}

struct Gather<'a>(&'a mut Vec<(&'static str, String)>);

impl Visit for Gather<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanCollector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|_| self.spans.is_on()) else { return };
        let parent = span.parent().and_then(|parent| Some(parent.extensions().get::<Open>()?.place));
        let mut open =
            Open { place: self.spans.place(parent), from: self.clock.now(), attributes: Vec::new() };
        attributes.record(&mut Gather(&mut open.attributes));
        span.extensions_mut().insert(open);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let open = span.extensions_mut().remove::<Open>();
        if let Some(Open { place, from, attributes }) = open {
            self.spans.push(Ended { place, name: span.name(), from, to: self.clock.now(), attributes });
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(5)
        }
    }

    fn collected(run: impl FnOnce(&Spans)) -> Vec<Ended> {
        let spans = Arc::new(Spans::new(7));
        let collector = SpanCollector { spans: Arc::clone(&spans), clock: Arc::new(Still) };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(collector), || run(&spans));
        spans.take()
    }

    #[test]
    fn spans_below_each_other_are_of_one_trace() {
        let ended = collected(|spans| {
            spans.collect();
            for log in ["a", "b"] {
                let _pass = tracing::info_span!("pass").entered();
                let _log = tracing::info_span!("log", log).entered();
            }
        });
        let names: Vec<_> = ended.iter().map(|span| span.name).collect();
        assert_eq!(names, ["log", "pass", "log", "pass"], "what is inside ends first");
        assert_eq!(ended[0].place.parent, Some(ended[1].place.span));
        assert_eq!((ended[0].place.trace, ended[1].place.parent), (ended[1].place.trace, None));
        assert_ne!(ended[1].place.trace, ended[3].place.trace, "each pass is a trace");
        assert_eq!(ended[2].attributes, [("log", "b".to_owned())]);
    }

    #[test]
    fn nothing_is_kept_where_nobody_sends_and_little_where_nobody_takes() {
        assert!(collected(|_| drop(tracing::info_span!("pass").entered())).is_empty());
        let many = collected(|spans| {
            spans.collect();
            (0..WAITING_MAX + 10).for_each(|_| drop(tracing::info_span!("window").entered()));
        });
        assert_eq!(many.len(), WAITING_MAX);
    }
}
