//! The client: one request at a time through quota, retry and the log; whole conversations on top.
//!
//! Decides nothing by itself: when to send is the quota's answer and the circuit breaker's, what to send the machine's,
//! whether to send again the retry table's. Every request is reported as `api_request` and `api_response`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ingest_core::api::{ApiRequest, Ask, POLL_WITHIN, ProtocolError, Reply, Target};
use ingest_core::bounds::RequestSpan;
use ingest_core::breaker::Breaker;
use ingest_core::catalog::{self, LogInfo};
use ingest_core::count::{CountQuery, CountReply};
use ingest_core::events::{EventQuery, ROWS_PER_PAGE_MAX, rows_per_page};
use ingest_core::ids::LogId;
use ingest_core::quota::{self, BudgetState, Class, Quota};
use ingest_core::retry::{self, RetryBudget};
use ingest_core::time::Timestamp;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Entropy};
use crate::endpoint::{Endpoint, Protocol};
use crate::error::SourceError;
use crate::transport::{HttpReply, KeySlot, Transport};
use crate::watch::Watch;

pub use events::EventPages;

mod discreet;
mod events;
mod send;

/// What a client needs.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Where the API is.
    pub endpoint: Endpoint,
    /// What it speaks there.
    pub protocol: Protocol,
    /// The key, which may be replaced.
    pub key: KeySlot,
    /// Requests a minute at most, over all classes.
    pub requests_per_minute: u32,
    /// How often a request is sent again after a fault that may pass.
    pub retries: u32,
    /// Seed of the delays between retries.
    pub seed: u64,
    /// Who looks on.
    pub watch: Arc<dyn Watch>,
}

/// Talks to one endpoint with one key. Its clones share one line, and so the quota and the circuits.
#[derive(Debug, Clone)]
pub struct Client {
    line: Arc<Line>,
    /// What all requests of this handle may spend on retries together; `None` where only each has its own limit.
    retries: Option<Arc<Mutex<RetryBudget>>>,
    /// Cancelled when long waits are to end; `None` where nobody stops them.
    stop: Option<CancellationToken>,
}

/// What all handles of a client share.
#[derive(Debug)]
struct Line {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    options: ClientOptions,
    quota: Mutex<Quota>,
    circuits: Mutex<BTreeMap<Class, Breaker>>,
    entropy: Entropy,
    /// Rows that the server's links keep to on a page.
    page_size: AtomicU32,
    /// Told whenever a request is not under way any more.
    answers: Notify,
}

/// The standing of one class of request, for metrics and for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassSnapshot {
    /// The class.
    pub class: Class,
    /// What is known of its quota.
    pub budget: BudgetState,
    /// Until when its circuit refuses requests; `None` where it does not.
    pub circuit_open_until: Option<Timestamp>,
}

impl ClassSnapshot {
    /// Whether the server limits the class at all, as far as is known.
    #[must_use]
    pub const fn has_quota(&self) -> bool {
        self.budget.limit < u64::MAX
    }
}

/// A reply that was read to its end.
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    pub(crate) head: HttpReply,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).map(String::as_str)
    }
}

impl Client {
    /// A client over a transport.
    #[must_use]
    pub fn new(options: ClientOptions, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let quota = Mutex::new(Quota::new(options.requests_per_minute));
        let entropy = Entropy::new(options.seed);
        let circuits = Mutex::new(BTreeMap::new());
        let (page_size, answers) = (AtomicU32::new(ROWS_PER_PAGE_MAX), Notify::new());
        let line = Line { transport, clock, options, quota, circuits, entropy, page_size, answers };
        Self { line: Arc::new(line), retries: None, stop: None }
    }

    /// A handle whose long waits, for a quota or for the time that the server named, end once `stop` is cancelled. What is
    /// under way then is not disturbed.
    #[must_use]
    pub fn until(&self, stop: &CancellationToken) -> Self {
        Self { stop: Some(stop.clone()), ..self.clone() }
    }

    /// A handle for one window: its requests share one budget of retries, and everything else with this client.
    #[must_use]
    pub fn for_window(&self) -> Self {
        let budget = RetryBudget::new(self.line.options.retries);
        Self { retries: Some(Arc::new(Mutex::new(budget))), ..self.clone() }
    }

    /// Where the key is, to put another in its place.
    #[must_use]
    pub fn keys(&self) -> &KeySlot {
        &self.line.options.key
    }

    /// The protocol that the endpoint speaks.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.line.options.protocol
    }

    /// Requests of a class that the server still allows in its current window, as far as is known.
    #[must_use]
    pub fn quota_left(&self, class: Class) -> u64 {
        lock(&self.line.quota).remaining(class)
    }

    /// The standing of every class that was in use.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ClassSnapshot> {
        let now = self.line.clock.now();
        let states = lock(&self.line.quota).states(now);
        let circuits = lock(&self.line.circuits);
        let of = |class| circuits.get(&class).and_then(|circuit: &Breaker| circuit.refused_until(now));
        let states = states.into_iter();
        states.map(|(class, budget)| ClassSnapshot { class, budget, circuit_open_until: of(class) }).collect()
    }

    /// The time until `rows_left` rows have come, `rows_per_request` with each request of the class; see [`quota::eta`].
    #[must_use]
    pub fn eta(&self, class: Class, rows_left: u64, rows_per_request: u64) -> Duration {
        let now = self.line.clock.now();
        let budget = lock(&self.line.quota).state(class, now);
        quota::eta(rows_left, rows_per_request, &budget, self.line.options.requests_per_minute, now)
    }

    /// The logs that the key can see; with their log sets where `with_sets`.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn logs(&self, with_sets: bool) -> Result<Vec<LogInfo>, SourceError> {
        let mut logs = self.read_with(&catalog::logs_request(), catalog::read_logs).await?;
        if with_sets {
            let body = catalog::log_sets_request();
            self.read_with(&body, |body| catalog::add_sets(body, &mut logs)).await?;
        }
        Ok(logs)
    }

    /// The server's count of a log's events in a span, in about `slices` slices.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn count(
        &self,
        log: &LogId,
        span: RequestSpan,
        slices: u32,
    ) -> Result<CountReply, SourceError> {
        let mut query = CountQuery::new(log, span, slices);
        while let Ask::Send { request, after } = query.ask() {
            self.converse(&request, after, |reply| query.answer(reply)).await?;
        }
        query.into_reply().ok_or_else(|| ProtocolError::Lacks("a count").into())
    }

    /// The pages of a log's events in a span, of [`Self::rows_per_page`] rows each.
    #[must_use]
    pub fn events(&self, log: &LogId, span: RequestSpan, wanted: u32) -> EventPages<'_> {
        EventPages::new(self, EventQuery::new(log.clone(), span, self.rows_per_page(wanted)))
    }

    /// Rows that are asked for with a page of events, where so many are wanted: the API has a limit, and a server may be
    /// known to give fewer.
    #[must_use]
    pub fn rows_per_page(&self, wanted: u32) -> u32 {
        rows_per_page(wanted).min(self.line.page_size.load(Ordering::Relaxed))
    }

    /// Asks for pages of so many rows at most from now on.
    fn learn_page_size(&self, rows: u32) {
        self.line.page_size.fetch_min(rows.max(1), Ordering::Relaxed);
    }

    /// Asks `GET /test` of a CSV pages endpoint whether it takes the key.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn probe_pages(&self) -> Result<(), SourceError> {
        self.call(&ApiRequest::path(Class::Pages, &["test"], Vec::new()), None).await.map(|_answer| ())
    }

    /// Sends a request of a machine and lets it read the reply; sends it again while the reply is one of those that a
    /// second try may mend.
    pub(crate) async fn converse<T>(
        &self,
        request: &ApiRequest,
        after: Duration,
        mut take: impl FnMut(Reply<'_>) -> Result<T, ProtocolError>,
    ) -> Result<T, SourceError> {
        // A query expires by the time since it was last heard of.
        let mut heard = self.line.clock.now();
        tokio::time::sleep(after).await;
        let mut tries = 0;
        loop {
            let deadline = (request.class == Class::Poll).then(|| retry::at(heard, POLL_WITHIN));
            let outcome = match self.call(request, deadline).await {
                Ok(answer) => {
                    heard = self.line.clock.now();
                    let beyond = beyond_retention(&answer);
                    take(Reply::Body { body: &answer.body, beyond_retention: beyond.as_deref() })
                        .map_err(|error| self.discreet(error, &answer))
                }
                Err(SourceError::NotFound(_)) => take(Reply::Gone),
                Err(SourceError::PollLate) => {
                    tracing::info!(
                        event = "query_expired",
                        reason = "its poll was held back; it is submitted again"
                    );
                    take(Reply::Late)
                }
                Err(error) => return Err(error),
            };
            match outcome {
                Ok(value) => return Ok(value),
                Err(error) if error.may_pass() && tries < self.retries() => {
                    self.pause(request, tries, &error, None).await?;
                }
                Err(error) => return Err(error.into()),
            }
            tries = tries.saturating_add(1);
        }
    }

    async fn read_with<T>(
        &self,
        request: &ApiRequest,
        mut read: impl FnMut(&[u8]) -> Result<T, ProtocolError>,
    ) -> Result<T, SourceError> {
        let read = self.converse(request, Duration::ZERO, |reply| match reply {
            Reply::Body { body, .. } => read(body),
            Reply::Gone | Reply::Late => Err(ProtocolError::NotFound),
        });
        match read.await {
            // Said of what was asked for: it is no log that is missing here.
            Err(SourceError::Protocol(ProtocolError::NotFound)) => {
                Err(SourceError::NotFound(describe(request)))
            }
            other => other,
        }
    }

    /// How often one request is sent again.
    pub(crate) fn retries(&self) -> u32 {
        self.line.options.retries
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn beyond_retention(answer: &Answer) -> Option<String> {
    let flag = answer.header("x-beyond-retention")?;
    let said = answer.header("x-beyond-retention-message").unwrap_or("no message");
    (!flag.eq_ignore_ascii_case("false")).then(|| said.to_owned())
}

/// A request in a few words, without its key and without ids of continuations.
pub(crate) fn describe(request: &ApiRequest) -> String {
    match &request.target {
        Target::Path { segments, .. } => format!("GET /{}", segments.join("/")),
        Target::Link(_) if request.class == Class::Poll => "GET a running query".to_owned(),
        Target::Link(_) => "GET the next page".to_owned(),
    }
}
