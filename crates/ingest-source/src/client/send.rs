//! One request on its way: past circuit and quota, out, and again while a fault may pass.
//!
//! Never reads what a reply says beyond its status and headers.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use ingest_core::api::ApiRequest;
use ingest_core::breaker::{Breaker, Change};
use ingest_core::quota::{Admission, Class, QuotaHeaders};
use ingest_core::retry::{self, Verdict};
use ingest_core::time::Timestamp;
use reqwest::Url;

use super::{Answer, Client, Line, describe, lock};
use crate::endpoint::Protocol;
use crate::error::SourceError;
use crate::transport::{Body, Credential, HttpReply, HttpRequest, TransportError};

/// Largest body of a reply that is read into memory. A page of 500 events of 64 KiB each is 32 MiB before JSON escapes
/// (API document, 3.3); this leaves room for them.
const BODY_MAX: usize = 256 << 20;
/// Bytes of a refusal's body that are read for them: an error page is no reason to hold much.
const SHOWN_BYTES_MAX: usize = 64 << 10;
/// Characters of a refusal's body that its error shows.
const SHOWN: usize = 200;
/// 429s that one request obeys before it gives up: with waits of up to 15 minutes this is hours.
const LIMITED_MAX: u32 = 10;
/// Status of a submit whose query must be polled.
const RUNNING: u16 = 202;
/// Status of a request beyond the quota.
const LIMITED: u16 = 429;
/// Waits longer than this are reported.
const NOTABLE_WAIT_MS: i64 = 1_000;

/// Waits up to this are sat out after a stop, since the window may be nearly done; longer ones end at once. A grace is
/// 30 s by default.
const SAT_OUT_MAX: Duration = Duration::from_secs(5);

/// A request that was let out and not answered yet.
struct UnderWay<'a> {
    line: &'a Line,
    class: Class,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let now = self.line.clock.now();
        lock(&self.line.quota).answered(self.class, now);
        self.line.answers.notify_waiters();
    }
}

/// What came of sending once, where it is not an error for good.
enum Sent {
    /// The head of a 2xx reply.
    Answer(HttpReply),
    /// A 429, and the wait that it named.
    Limited(Option<Duration>),
    /// A fault that may pass, and the wait that the server named.
    Failed(String, Option<Duration>),
}

impl Client {
    /// Sends a request until it has a whole 2xx reply, or cannot have one. After `deadline` it is not worth sending.
    pub(crate) async fn call(
        &self,
        request: &ApiRequest,
        deadline: Option<Timestamp>,
    ) -> Result<Answer, SourceError> {
        let mut tries = 0;
        loop {
            let mut head = self.open(request, deadline).await?;
            match read_body(&mut head, &describe(request)).await {
                Ok(body) => {
                    if let Some(retries) = &self.retries {
                        lock(retries).earn();
                    }
                    return Ok(Answer { body, head });
                }
                Err(SourceError::Cut { cause, .. }) if tries < self.retries() => {
                    self.pause(request, tries, &cause, None).await?;
                }
                Err(error) => return Err(error),
            }
            tries = tries.saturating_add(1);
        }
    }

    /// Sends a request until the head of a 2xx reply is there.
    pub(crate) async fn open(
        &self,
        request: &ApiRequest,
        deadline: Option<Timestamp>,
    ) -> Result<HttpReply, SourceError> {
        let url = self.line.options.endpoint.url(&request.target)?;
        let what = describe(request);
        let (mut tries, mut limited) = (0, 0);
        loop {
            let under_way = self.admitted(request.class, deadline).await?;
            let sent = self.send(request, &url, &what).await;
            drop(under_way);
            let (last, named) = match sent? {
                Sent::Answer(reply) => return Ok(reply),
                Sent::Limited(named) if limited < LIMITED_MAX => {
                    self.hold_back(request.class, retry::limit_wait(named, limited));
                    limited += 1;
                    continue;
                }
                Sent::Limited(named) => ("status 429".to_owned(), named),
                Sent::Failed(last, named) => (last, named),
            };
            if tries >= self.retries() {
                return Err(SourceError::Exhausted { what, tries: tries + 1, last });
            }
            self.pause(request, tries, &last, named).await?;
            tries += 1;
        }
    }

    /// Waits before a retry.
    ///
    /// # Errors
    /// When the window has no retry left.
    pub(crate) async fn pause(
        &self,
        request: &ApiRequest,
        tries: u32,
        why: &(dyn std::fmt::Display + Sync),
        named: Option<Duration>,
    ) -> Result<(), SourceError> {
        if self.retries.as_ref().is_some_and(|retries| !lock(retries).spend()) {
            return Err(SourceError::RetriesSpent { what: describe(request), last: why.to_string() });
        }
        self.line.options.watch.retried(request.class);
        let delay = retry::retry_wait(named, tries, self.line.entropy.draw());
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(event = "retry", attempt = tries.saturating_add(1), delay_ms, reason = %why);
        self.wait(delay).await
    }

    /// Waits for a while; a stop ends a long one at once.
    ///
    /// # Errors
    /// When it did.
    async fn wait(&self, delay: Duration) -> Result<(), SourceError> {
        let waited = tokio::time::sleep(delay);
        if delay > SAT_OUT_MAX {
            return self.unless_stopped(waited).await;
        }
        waited.await;
        Ok(())
    }

    async fn unless_stopped(&self, waited: impl Future<Output = ()> + Send) -> Result<(), SourceError> {
        match &self.stop {
            Some(stop) => stop.run_until_cancelled(waited).await.ok_or(SourceError::Stopped),
            None => {
                waited.await;
                Ok(())
            }
        }
    }

    async fn send(&self, request: &ApiRequest, url: &Url, what: &str) -> Result<Sent, SourceError> {
        let started = self.line.clock.now();
        tracing::info!(event = "api_request", class = request.class.name(), request = %what);
        let sent = HttpRequest { url: url.clone(), credential: self.credential() };
        let mut reply = match self.line.transport.send(sent).await {
            Ok(reply) => reply,
            Err(error) => {
                tracing::warn!(event = "api_response", request = %what, error = %error);
                self.line.options.watch.failed(request.class, error.failure);
                self.note(request.class, Breaker::failed);
                return Ok(Sent::Failed(error.to_string(), None));
            }
        };
        self.report(request, &reply, started);
        reply.body = self.watched(request.class, reply.body);
        let verdict = self.judge(request, &reply, started);
        match verdict {
            Verdict::Transient(_) => self.note(request.class, Breaker::failed),
            Verdict::Answer | Verdict::Refused | Verdict::Gone | Verdict::Limited(_) | Verdict::Wrong => {
                self.note(request.class, |circuit, _now| circuit.answered());
            }
        }
        let what = what.to_owned();
        match verdict {
            Verdict::Answer => Ok(Sent::Answer(reply)),
            Verdict::Refused => Err(SourceError::Refused { status: reply.status, what }),
            Verdict::Gone => Err(SourceError::NotFound(what)),
            Verdict::Wrong => {
                let said = self.said(&start_of(&mut reply).await, SHOWN);
                Err(SourceError::Wrong { status: reply.status, what, said })
            }
            Verdict::Limited(named) => Ok(Sent::Limited(named)),
            Verdict::Transient(named) => Ok(Sent::Failed(format!("status {}", reply.status), named)),
        }
    }

    fn credential(&self) -> Credential {
        let key = self.line.options.key.current();
        match self.line.options.protocol {
            Protocol::LogSearch => Credential::ApiKeyHeader(key),
            Protocol::CsvPages => Credential::Bearer(key),
        }
    }

    /// Waits until the quota lets a request out, which is under way until what this gives is dropped.
    ///
    /// # Errors
    /// When the circuit is open, the wait ends after the deadline, or a stop ended it.
    async fn admitted(&self, class: Class, deadline: Option<Timestamp>) -> Result<UnderWay<'_>, SourceError> {
        let open = |until| SourceError::CircuitOpen { class: class.name(), until };
        loop {
            // Before the quota is asked: an answer that comes between the two is not missed.
            let mut answer = pin!(self.line.answers.notified());
            answer.as_mut().enable();
            let now = self.line.clock.now();
            let refused = lock(&self.line.circuits).entry(class).or_default().refused_until(now);
            if let Some(until) = refused {
                return Err(open(until));
            }
            if deadline.is_some_and(|deadline| now > deadline) {
                return Err(SourceError::PollLate);
            }
            let admission = lock(&self.line.quota).admit(class, now);
            let until = match admission {
                Admission::Go => {
                    let under_way = UnderWay { line: &self.line, class };
                    lock(&self.line.circuits).entry(class).or_default().admit(now).map_err(open)?;
                    return Ok(under_way);
                }
                Admission::AfterAnswer => {
                    self.unless_stopped(answer).await?;
                    continue;
                }
                Admission::Wait(until) => until,
            };
            if deadline.is_some_and(|deadline| until > deadline) {
                return Err(SourceError::PollLate);
            }
            let wait_ms = until.millis().saturating_sub(now.millis()).max(1);
            if wait_ms >= NOTABLE_WAIT_MS {
                tracing::info!(event = "rate_limit", class = class.name(), wait_ms, reason = "quota kept");
            }
            let wait = Duration::from_millis(wait_ms.unsigned_abs());
            self.wait(wait).await?;
            self.line.options.watch.waited(class, wait);
        }
    }

    /// Lets nothing of a class out until the wait is over, whichever task wants it.
    fn hold_back(&self, class: Class, wait: Duration) {
        let now = self.line.clock.now();
        lock(&self.line.quota).limited(class, wait, now);
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(event = "rate_limit", class = class.name(), wait_ms, reason = "429 from the server");
    }

    /// Tells the circuit of a class what came of a request, and reports what that changed.
    fn note(&self, class: Class, tell: impl FnOnce(&mut Breaker, Timestamp) -> Change) {
        let now = self.line.clock.now();
        let change = tell(lock(&self.line.circuits).entry(class).or_default(), now);
        match change {
            Change::None => {}
            Change::Opened(until) => {
                let wait_ms = until.millis().saturating_sub(now.millis());
                tracing::warn!(event = "circuit_open", class = class.name(), wait_ms);
            }
            Change::Closed => tracing::info!(event = "circuit_closed", class = class.name()),
        }
    }

    /// Feeds the quota with what the reply says, and reads its status.
    fn judge(&self, request: &ApiRequest, reply: &HttpReply, sent_at: Timestamp) -> Verdict {
        let text = |name: &str| reply.headers.get(name).map(|v| v.trim());
        let headers = QuotaHeaders::read(&reply.headers);
        let now = self.line.clock.now();
        let servers_now = text("date").and_then(retry::http_date).unwrap_or(now);
        let named = text("retry-after").and_then(|wait| retry::named_wait(wait, servers_now));
        // The reset of a quota is what a 429 waits for, but says nothing of when a fault has passed.
        let reset = headers.reset_seconds.filter(|_| reply.status == LIMITED).map(Duration::from_secs);
        let verdict = retry::verdict(reply.status, named.or(reset));
        let mut quota = lock(&self.line.quota);
        quota.learn(request.class, headers, sent_at, now);
        // A gateway that fails in front of the server says nothing of its quota.
        if !matches!(verdict, Verdict::Transient(_)) {
            quota.heard(request.class, now);
        }
        if request.class == Class::Query && reply.status != RUNNING {
            quota.needs_no_polls();
        }
        verdict
    }

    fn report(&self, request: &ApiRequest, reply: &HttpReply, started: Timestamp) {
        let duration_ms = self.line.clock.now().millis().saturating_sub(started.millis());
        let took = Duration::from_millis(duration_ms.max(0).unsigned_abs());
        self.line.options.watch.answered(request.class, reply.status, took);
        let class = request.class.name();
        tracing::info!(event = "api_response", class, status = reply.status, duration_ms);
    }

    /// The same body, whose bytes and end the watcher hears of.
    fn watched(&self, class: Class, body: Body) -> Body {
        let watch = Arc::clone(&self.line.options.watch);
        let look = move |piece: &Result<Bytes, TransportError>| match piece {
            Ok(bytes) => watch.received(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Err(error) => watch.failed(class, error.failure),
        };
        body.inspect(look).boxed()
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

/// The start of a body that is only to be shown; what is cut is shown as far as it came.
async fn start_of(reply: &mut HttpReply) -> Vec<u8> {
    let mut start = Vec::new();
    while start.len() < SHOWN_BYTES_MAX
        && let Some(Ok(piece)) = reply.body.next().await
    {
        start.extend_from_slice(&piece);
    }
    start
}
