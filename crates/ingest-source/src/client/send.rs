//! One request on its way: past circuit and quota, out, and again while a fault may pass.
//!
//! Never reads what a reply says beyond its status and headers.

use std::time::Duration;

use futures_util::StreamExt as _;
use ingest_core::api::ApiRequest;
use ingest_core::breaker::{Breaker, Change};
use ingest_core::quota::{Admission, Class, QuotaHeaders};
use ingest_core::retry::{self, Verdict};
use ingest_core::time::Timestamp;
use reqwest::Url;

use super::{Answer, Client, describe, lock};
use crate::endpoint::Protocol;
use crate::error::SourceError;
use crate::transport::{Credential, HttpReply, HttpRequest};

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
                Err(SourceError::Cut { what, cause }) if tries < self.retries() => {
                    self.pause(&what, tries, &cause, None).await?;
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
            self.admitted(request.class, deadline).await?;
            let (last, named) = match self.send(request, &url, &what).await? {
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
            self.pause(&what, tries, &last, named).await?;
            tries += 1;
        }
    }

    /// Waits before a retry.
    ///
    /// # Errors
    /// When the window has no retry left.
    pub(crate) async fn pause(
        &self,
        what: &str,
        tries: u32,
        why: &(dyn std::fmt::Display + Sync),
        named: Option<Duration>,
    ) -> Result<(), SourceError> {
        if self.retries.as_ref().is_some_and(|retries| !lock(retries).spend()) {
            return Err(SourceError::RetriesSpent { what: what.to_owned(), last: why.to_string() });
        }
        let delay = retry::retry_wait(named, tries, self.line.entropy.draw());
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(event = "retry", attempt = tries.saturating_add(1), delay_ms, reason = %why);
        tokio::time::sleep(delay).await;
        Ok(())
    }

    async fn send(&self, request: &ApiRequest, url: &Url, what: &str) -> Result<Sent, SourceError> {
        let started = self.line.clock.now();
        tracing::info!(event = "api_request", class = request.class.name(), request = %what);
        let sent = HttpRequest { url: url.clone(), credential: self.credential() };
        let mut reply = match self.line.transport.send(sent).await {
            Ok(reply) => reply,
            Err(error) => {
                tracing::warn!(event = "api_response", request = %what, error = %error);
                self.note(request.class, Breaker::failed);
                return Ok(Sent::Failed(error.to_string(), None));
            }
        };
        self.report(request, &reply, started);
        let verdict = self.judge(request, &reply);
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

    /// Waits until the quota lets a request out.
    ///
    /// # Errors
    /// When the circuit is open, or the wait ends after the deadline.
    async fn admitted(&self, class: Class, deadline: Option<Timestamp>) -> Result<(), SourceError> {
        let open = |until| SourceError::CircuitOpen { class: class.name(), until };
        loop {
            let now = self.line.clock.now();
            let refused = lock(&self.line.circuits).entry(class).or_default().refused_until(now);
            if let Some(until) = refused {
                return Err(open(until));
            }
            if deadline.is_some_and(|deadline| now > deadline) {
                return Err(SourceError::PollLate);
            }
            let admission = lock(&self.line.quota).admit(class, now);
            let Admission::Wait(until) = admission else {
                return lock(&self.line.circuits).entry(class).or_default().admit(now).map_err(open);
            };
            if deadline.is_some_and(|deadline| until > deadline) {
                return Err(SourceError::PollLate);
            }
            let wait_ms = until.millis().saturating_sub(now.millis()).max(1);
            if wait_ms >= NOTABLE_WAIT_MS {
                tracing::info!(event = "rate_limit", class = class.name(), wait_ms, reason = "quota kept");
            }
            tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())).await;
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
    fn judge(&self, request: &ApiRequest, reply: &HttpReply) -> Verdict {
        let text = |name: &str| reply.headers.get(name).map(|v| v.trim());
        let number = |name: &str| text(name).and_then(|v| v.parse::<u64>().ok());
        let headers = QuotaHeaders {
            limit: number("x-ratelimit-limit"),
            remaining: number("x-ratelimit-remaining"),
            reset_seconds: number("x-ratelimit-reset"),
        };
        let now = self.line.clock.now();
        let servers_now = text("date").and_then(retry::http_date).unwrap_or(now);
        let named = text("retry-after").and_then(|wait| retry::named_wait(wait, servers_now));
        // The reset of a quota is what a 429 waits for, but says nothing of when a fault has passed.
        let reset = headers.reset_seconds.filter(|_| reply.status == LIMITED).map(Duration::from_secs);
        let verdict = retry::verdict(reply.status, named.or(reset));
        let mut quota = lock(&self.line.quota);
        quota.learn(request.class, headers, now);
        if request.class == Class::Query && reply.status != RUNNING {
            quota.needs_no_polls();
        }
        verdict
    }

    fn report(&self, request: &ApiRequest, reply: &HttpReply, started: Timestamp) {
        let duration_ms = self.line.clock.now().millis().saturating_sub(started.millis());
        let class = request.class.name();
        tracing::info!(event = "api_response", class, status = reply.status, duration_ms);
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
