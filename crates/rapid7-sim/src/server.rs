//! Decides how the account meets the network: accepts, bounds and tracks connections, keeps the time.
//!
//! Never decides an answer; and nowhere else is the clock read.

mod body;
mod wire;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::account::Account;
use crate::config::SimConfig;
use crate::http::{Delivery, SimReply, SimRequest};
use body::SimBody;
use wire::Wire;

/// Connections at once; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// Largest request body, in bytes.
const REQUEST_BODY_MAX: usize = 16 << 20;
/// Wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A slow first byte is no later than this.
const FIRST_BYTE_MAX: Duration = Duration::from_secs(120);

/// Gives epoch milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A running simulator.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    account: Arc<Mutex<Account>>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The account behind it, for its truth and counters.
    pub fn account(&self) -> Arc<Mutex<Account>> {
        Arc::clone(&self.account)
    }

    /// Stops: open connections are dropped, every task has ended afterwards.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Serves an account on `addr` by the machine's clock. Loads `file:` logs first.
///
/// # Errors
/// A file that cannot be read, or an address that cannot be bound.
pub async fn serve(config: SimConfig, addr: SocketAddr) -> io::Result<Server> {
    serve_with_clock(config, addr, Arc::new(machine_clock)).await
}

/// Serves an account on `addr` by a clock of the caller's.
///
/// # Errors
/// A file that cannot be read, or an address that cannot be bound.
pub async fn serve_with_clock(mut config: SimConfig, addr: SocketAddr, clock: Clock) -> io::Result<Server> {
    config.load_files()?;
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let account = Arc::new(Mutex::new(Account::new(config, clock())));
    let desk = Desk {
        account: Arc::clone(&account),
        clock,
        origin: format!("http://{addr}"),
        under_way: AtomicU64::new(0),
    };
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(accept(listener, Arc::new(desk), stopped));
    Ok(Server { addr, account, stop, tasks })
}

#[expect(clippy::disallowed_methods, reason = "the one place where the simulator learns the time")]
fn machine_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What every connection shares.
struct Desk {
    account: Arc<Mutex<Account>>,
    clock: Clock,
    origin: String,
    under_way: AtomicU64,
}

impl Desk {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts until told to stop; dropping the set of connections then ends them all.
async fn accept(listener: TcpListener, desk: Arc<Desk>, mut stopped: watch::Receiver<bool>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, _peer)| (stream, seat))
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            _ = stopped.changed() => break,
        };
        let Ok((stream, seat)) = accepted else {
            sleep(ACCEPT_PAUSE).await; // out of file handles: others must end first
            continue;
        };
        let desk = Arc::clone(&desk);
        connections.spawn(async move {
            connection(stream, desk).await;
            drop(seat);
        });
    }
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, desk: Arc<Desk>) {
    // small answers must not wait for an acknowledgement; a socket that refuses is only slower
    stream.set_nodelay(true).unwrap_or_default();
    let reset = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Wire::new(stream, Arc::clone(&reset)));
    let service = Service { desk, reset };
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(io, service)
        .await;
    drop(served); // a cut or reset connection ends in an error, on purpose
}

/// Answers the requests of one connection.
struct Service {
    desk: Arc<Desk>,
    reset: Arc<AtomicBool>,
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<SimBody>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<SimBody>>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Box::pin(exchange(Arc::clone(&self.desk), Arc::clone(&self.reset), request))
    }
}

async fn exchange(
    desk: Arc<Desk>,
    reset: Arc<AtomicBool>,
    request: Request<Incoming>,
) -> io::Result<Response<SimBody>> {
    let seat = UnderWay::enter(Arc::clone(&desk));
    let request = read(request, &desk.origin).await?;
    let reply = {
        let mut account = desk.account();
        account.note_concurrency(desk.under_way.load(Ordering::Relaxed));
        account.handle((desk.clock)(), &request)
    };
    match reply.delivery {
        Delivery::ResetBeforeHead => {
            reset.store(true, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "a fault resets this connection"));
        }
        Delivery::SlowFirstByte(ms) => sleep(Duration::from_millis(ms).min(FIRST_BYTE_MAX)).await,
        Delivery::Whole | Delivery::CutBodyAfter(_) | Delivery::SlowTrickle { .. } => {}
    }
    respond(reply, seat)
}

fn respond(reply: SimReply, seat: UnderWay) -> io::Result<Response<SimBody>> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name.as_str(), value.as_bytes());
    }
    response.body(SimBody::new(reply.body, reply.delivery, seat)).map_err(io::Error::other)
}

async fn read(request: Request<Incoming>, origin: &str) -> io::Result<SimRequest> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, REQUEST_BODY_MAX).collect().await.map_err(io::Error::other)?;
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(SimRequest {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or("").to_owned(),
        headers: headers.collect(),
        body: body.to_bytes().to_vec(),
        origin: origin.to_owned(),
    })
}

/// Counts a request until its body is gone.
struct UnderWay(Arc<Desk>);

impl UnderWay {
    fn enter(desk: Arc<Desk>) -> Self {
        desk.under_way.fetch_add(1, Ordering::Relaxed);
        Self(desk)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
