//! The client: one request at a time through quota, retry and the log; whole conversations on top.
//!
//! Decides nothing by itself: when to send is the quota's answer, what to send the machine's, whether to send again
//! the retry table's. Every request is reported as `api_request` and `api_response`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use ingest_core::api::{ApiRequest, Ask, ProtocolError, Reply, Target};
use ingest_core::bounds::RequestSpan;
use ingest_core::catalog::{self, LogInfo};
use ingest_core::count::{CountQuery, CountReply};
use ingest_core::events::EventQuery;
use ingest_core::ids::LogId;
use ingest_core::quota::{Admission, Class, Quota, QuotaHeaders};
use ingest_core::retry::{self, Verdict};

use crate::clock::{Clock, Entropy};
use crate::endpoint::{Endpoint, Protocol};
use crate::error::SourceError;
use crate::transport::{ApiKey, Credential, HttpReply, HttpRequest, Transport};

pub use events::EventPages;

mod events;

/// Largest body of a reply that is read into memory. A page of 500 events of 64 KiB each is 32 MiB before JSON escapes
/// (API document, 3.3); this leaves room for them.
const BODY_MAX: usize = 256 << 20;
/// 429s that one request obeys before it gives up: with waits of up to 15 minutes this is hours.
const LIMITED_MAX: u32 = 10;
/// Status of a submit whose query must be polled.
const RUNNING: u16 = 202;
/// Characters of a refusal's body that its error shows.
const SHOWN: usize = 200;
/// Waits longer than this are reported.
const NOTABLE_WAIT_MS: i64 = 1_000;

/// What a client needs.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Where the API is.
    pub endpoint: Endpoint,
    /// What it speaks there.
    pub protocol: Protocol,
    /// The key.
    pub key: ApiKey,
    /// Requests a minute at most, over all classes.
    pub requests_per_minute: u32,
    /// How often a request is sent again after a fault that may pass.
    pub retries: u32,
    /// Seed of the delays between retries.
    pub seed: u64,
}

/// Talks to one endpoint with one key. Shared by all tasks, so that they share its quota.
#[derive(Debug)]
pub struct Client {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    options: ClientOptions,
    quota: Mutex<Quota>,
    entropy: Entropy,
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
        Self { transport, clock, options, quota, entropy }
    }

    /// The protocol that the endpoint speaks.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.options.protocol
    }

    /// Requests of a class that the server still allows in its current window, as far as is known.
    #[must_use]
    pub fn quota_left(&self, class: Class) -> u64 {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner).remaining(class)
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

    /// The pages of a log's events in a span.
    #[must_use]
    pub fn events(&self, log: &LogId, span: RequestSpan, rows_per_page: u32) -> EventPages<'_> {
        EventPages::new(self, EventQuery::new(log.clone(), span, rows_per_page))
    }

    /// Asks `GET /test` of a CSV pages endpoint whether it takes the key.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn probe_pages(&self) -> Result<(), SourceError> {
        self.call(&ApiRequest::path(Class::Pages, &["test"], Vec::new())).await.map(|_answer| ())
    }

    /// Sends a request of a machine and lets it read the reply; sends it again while the reply is one of those that a
    /// second try may mend.
    pub(crate) async fn converse<T>(
        &self,
        request: &ApiRequest,
        after: Duration,
        mut take: impl FnMut(Reply<'_>) -> Result<T, ProtocolError>,
    ) -> Result<T, SourceError> {
        tokio::time::sleep(after).await;
        let mut tries = 0;
        loop {
            let outcome = match self.call(request).await {
                Ok(answer) => {
                    let beyond = beyond_retention(&answer);
                    take(Reply::Body { body: &answer.body, beyond_retention: beyond.as_deref() })
                }
                Err(SourceError::NotFound(_)) => take(Reply::Gone),
                Err(error) => return Err(error),
            };
            match outcome {
                Ok(value) => return Ok(value),
                Err(error) if error.may_pass() && tries < self.options.retries => {
                    self.pause(tries, &error).await;
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
            Reply::Gone => Err(ProtocolError::NotFound),
        });
        match read.await {
            // Said of what was asked for: it is no log that is missing here.
            Err(SourceError::Protocol(ProtocolError::NotFound)) => {
                Err(SourceError::NotFound(describe(request)))
            }
            other => other,
        }
    }

    /// Sends a request until it has a whole 2xx reply, or cannot have one.
    pub(crate) async fn call(&self, request: &ApiRequest) -> Result<Answer, SourceError> {
        let mut tries = 0;
        loop {
            let mut head = self.open(request).await?;
            match read_body(&mut head, &describe(request)).await {
                Ok(body) => return Ok(Answer { body, head }),
                Err(SourceError::Cut { cause, .. }) if tries < self.options.retries => {
                    self.pause(tries, &cause).await;
                }
                Err(error) => return Err(error),
            }
            tries = tries.saturating_add(1);
        }
    }

    /// Sends a request until the head of a 2xx reply is there.
    pub(crate) async fn open(&self, request: &ApiRequest) -> Result<HttpReply, SourceError> {
        let url = self.options.endpoint.url(&request.target)?;
        let what = describe(request);
        let (mut tries, mut limited) = (0, 0);
        loop {
            self.wait_for_quota(request.class).await;
            let started = self.clock.now();
            tracing::info!(event = "api_request", class = request.class.name(), request = %what);
            let sent = HttpRequest { url: url.clone(), credential: self.credential() };
            let sent = self.transport.send(sent).await;
            let last = match sent {
                Ok(mut reply) => {
                    self.report(request, &reply, started);
                    match self.judge(request, &reply) {
                        Verdict::Answer => return Ok(reply),
                        Verdict::Refused => {
                            return Err(SourceError::Refused { status: reply.status, what });
                        }
                        Verdict::Gone => return Err(SourceError::NotFound(what)),
                        Verdict::Wrong => {
                            let said = shown(&mut reply, &what).await;
                            return Err(SourceError::Wrong { status: reply.status, what, said });
                        }
                        Verdict::Limited(named) if limited < LIMITED_MAX => {
                            self.hold_back(request.class, retry::limit_wait(named, limited));
                            limited += 1;
                            continue;
                        }
                        Verdict::Limited(_) | Verdict::Transient => format!("status {}", reply.status),
                    }
                }
                Err(error) => {
                    tracing::warn!(event = "api_response", request = %what, error = %error);
                    error.to_string()
                }
            };
            if tries >= self.options.retries {
                return Err(SourceError::Exhausted { what, tries: tries + 1, last });
            }
            self.pause(tries, &last).await;
            tries += 1;
        }
    }

    fn credential(&self) -> Credential {
        match self.options.protocol {
            Protocol::LogSearch => Credential::ApiKeyHeader(self.options.key.clone()),
            Protocol::CsvPages => Credential::Bearer(self.options.key.clone()),
        }
    }

    async fn wait_for_quota(&self, class: Class) {
        loop {
            let now = self.clock.now();
            let admission = self.quota.lock().unwrap_or_else(PoisonError::into_inner).admit(class, now);
            let Admission::Wait(until) = admission else { return };
            let wait_ms = until.millis().saturating_sub(now.millis()).max(1);
            if wait_ms >= NOTABLE_WAIT_MS {
                tracing::info!(event = "rate_limit", class = class.name(), wait_ms, reason = "quota kept");
            }
            tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())).await;
        }
    }

    /// Lets nothing of a class out until the wait is over, whichever task wants it.
    fn hold_back(&self, class: Class, wait: Duration) {
        let now = self.clock.now();
        self.quota.lock().unwrap_or_else(PoisonError::into_inner).limited(class, wait, now);
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(event = "rate_limit", class = class.name(), wait_ms, reason = "429 from the server");
    }

    /// Feeds the quota with what the reply says, and reads its status.
    fn judge(&self, request: &ApiRequest, reply: &HttpReply) -> Verdict {
        let number = |name: &str| reply.headers.get(name).and_then(|v| v.trim().parse::<u64>().ok());
        let headers = QuotaHeaders {
            limit: number("x-ratelimit-limit"),
            remaining: number("x-ratelimit-remaining"),
            reset_seconds: number("x-ratelimit-reset"),
        };
        let now = self.clock.now();
        let verdict = retry::verdict(reply.status, number("retry-after").or(headers.reset_seconds));
        let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        quota.learn(request.class, headers, now);
        if request.class == Class::Query && reply.status != RUNNING {
            quota.needs_no_polls();
        }
        verdict
    }

    fn report(&self, request: &ApiRequest, reply: &HttpReply, started: ingest_core::time::Timestamp) {
        let duration_ms = self.clock.now().millis().saturating_sub(started.millis());
        let class = request.class.name();
        tracing::info!(event = "api_response", class, status = reply.status, duration_ms);
    }

    /// Waits before a retry.
    pub(crate) async fn pause(&self, tries: u32, why: &(dyn std::fmt::Display + Sync)) {
        let delay = retry::delay(tries, self.entropy.draw());
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(event = "retry", attempt = tries.saturating_add(1), delay_ms, reason = %why);
        tokio::time::sleep(delay).await;
    }

    pub(crate) const fn retries(&self) -> u32 {
        self.options.retries
    }
}

async fn read_body(reply: &mut HttpReply, what: &str) -> Result<Vec<u8>, SourceError> {
    let mut body = Vec::new();
    while let Some(piece) = reply.body.next().await {
        let piece = piece.map_err(|cause| SourceError::Cut { what: what.to_owned(), cause })?;
        if body.len().saturating_add(piece.len()) > BODY_MAX {
            return Err(SourceError::TooLarge { what: what.to_owned(), limit: BODY_MAX });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

async fn shown(reply: &mut HttpReply, what: &str) -> String {
    let body = read_body(reply, what).await.unwrap_or_default();
    String::from_utf8_lossy(&body).chars().take(SHOWN).collect()
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
