//! A simulated account as a transport: no sockets, and time that only passes when everybody waits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use ingest_core::time::Timestamp;
use ingest_source::clock::Clock;
use ingest_source::transport::{Credential, HttpReply, HttpRequest, Transport, TransportError};
use ingest_source::watch::Failure;
use rapid7_sim::{Account, Delivery, ReplyBody, SimConfig, SimRequest};

/// Origin of an account without sockets.
pub(crate) const ORIGIN: &str = "http://127.0.0.1:1";

/// Virtual time: it stands still until the runtime has nothing to do but wait.
#[derive(Debug, Clone)]
pub(crate) struct VirtualClock {
    base: Timestamp,
    start: tokio::time::Instant,
}

impl VirtualClock {
    /// A clock that says `base` now. Call inside a paused runtime.
    pub(crate) fn starting(base: Timestamp) -> Self {
        Self { base, start: tokio::time::Instant::now() }
    }

    /// A clock that is wrong by so many milliseconds, whatever the time.
    pub(crate) fn wrong_by(&self, ms: i64) -> Self {
        Self { base: self.base.plus_millis(ms), start: self.start }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.base.plus_millis(i64::try_from(self.start.elapsed().as_millis()).unwrap())
    }
}

/// Does something in a runtime of its own, on one thread, in which time passes only while everybody waits.
pub(crate) fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

/// One request as the transport saw it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) url: String,
    pub(crate) status: u16,
}

/// The account, shared with the test that asks it for the truth.
#[derive(Clone)]
pub(crate) struct SimTransport {
    pub(crate) account: Arc<Mutex<Account>>,
    /// When each request was sent, where to, and its status; 0 for a reset.
    pub(crate) sent: Arc<Mutex<Vec<Sent>>>,
    clock: VirtualClock,
}

impl std::fmt::Debug for SimTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimTransport")
    }
}

impl SimTransport {
    pub(crate) fn new(config: SimConfig, clock: &VirtualClock) -> Self {
        let account = Account::new(config, clock.now().millis());
        let (account, sent) = (Arc::new(Mutex::new(account)), Arc::default());
        Self { account, sent, clock: clock.clone() }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpReply, TransportError> {
        let (name, value) = match &request.credential {
            Credential::ApiKeyHeader(key) => ("x-api-key", key.reveal().to_owned()),
            Credential::Bearer(key) => ("authorization", format!("Bearer {}", key.reveal())),
        };
        let asked = SimRequest {
            method: "GET".to_owned(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers: vec![(name.to_owned(), value)],
            body: Vec::new(),
            origin: ORIGIN.to_owned(),
        };
        // A round trip takes a moment, or a loop of requests would never let time pass.
        tokio::time::sleep(Duration::from_millis(3)).await;
        let at = self.clock.now();
        let reply = self.account.lock().unwrap().handle(at.millis(), &asked);
        let status = if reply.delivery == Delivery::ResetBeforeHead { 0 } else { reply.status };
        self.sent.lock().unwrap().push(Sent { at, url: request.url.to_string(), status });
        let headers = reply.headers.iter().map(|(n, v)| (n.to_lowercase(), v.clone())).collect();
        match reply.delivery {
            Delivery::ResetBeforeHead => {
                return Err(TransportError::new(Failure::Broken, "connection reset"));
            }
            Delivery::SlowFirstByte(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Delivery::Whole | Delivery::CutBodyAfter(_) | Delivery::SlowTrickle { .. } => {}
        }
        Ok(HttpReply { status: reply.status, headers, body: body(reply.body, reply.delivery) })
    }
}

impl Transport for SimTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        self.exchange(request).boxed()
    }
}

fn body(body: ReplyBody, delivery: Delivery) -> BoxStream<'static, Result<Bytes, TransportError>> {
    let pieces: Box<dyn Iterator<Item = Vec<u8>> + Send> = match body {
        ReplyBody::Full(bytes) => Box::new(std::iter::once(bytes)),
        ReplyBody::Chunks(chunks) => chunks,
    };
    let Delivery::CutBodyAfter(limit) = delivery else {
        return futures_util::stream::iter(pieces.map(|piece| Ok(Bytes::from(piece)))).boxed();
    };
    let mut left = usize::try_from(limit).unwrap();
    let kept = pieces.map_while(move |mut piece| {
        if left == 0 {
            return None;
        }
        piece.truncate(left);
        left -= piece.len();
        Some(Ok(Bytes::from(piece)))
    });
    let cut = std::iter::once(Err(TransportError::new(Failure::Broken, "connection closed within the body")));
    futures_util::stream::iter(kept.chain(cut)).boxed()
}
