//! The endpoint for operators: `/metrics`, `/livez`, `/readyz` and `/status`, on a thread of its own.
//!
//! Its own thread and runtime, so that it answers while every other thread is busy with logs. Bounds connections and how
//! long each may take; what an answer says is `answer.rs`'s. Only looks: nothing here changes a run.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::metrics::Reader;
use crate::pulse::Heartbeat;
use crate::settings::Token;

pub use ready::{Seen, reasons};

mod answer;
mod ready;
mod status;

/// Connections at once: a few scrapers, probes and people. Further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 32;
/// Time for the head of a request to come.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a connection, which carries one request, from its accept to the last byte of the answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head: a token and a proxy's headers fit.
const HEAD_MAX: usize = 16 << 10;
/// Threads that put answers together; one may hang on a filesystem that does not answer, and `/livez` needs none.
const ANSWER_THREADS: usize = 4;
/// Wait after a failed accept: out of file handles, others must end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often it is asked whether the output folder is to be walked over again.
const WALK_ASKED_EVERY: Duration = Duration::from_secs(1);

/// What the endpoint shows, and to whom.
#[derive(Debug)]
pub struct Desk {
    /// What is measured.
    pub reader: Arc<Reader>,
    /// Whether the runtime is alive.
    pub heartbeat: Arc<Heartbeat>,
    /// What `/metrics` and `/status` ask for.
    pub token: Option<Token>,
}

/// An endpoint that serves until it is dropped.
#[derive(Debug)]
pub struct Admin {
    addr: SocketAddr,
    stop: CancellationToken,
}

impl Admin {
    /// Serves on an address.
    ///
    /// # Errors
    /// When it is taken or not of this machine, or no thread can be had.
    pub fn serve(addr: SocketAddr, desk: Desk) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(ANSWER_THREADS)
            .build()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("admin".to_owned());
        let thread = thread.spawn(move || {
            let served = runtime.block_on(accept(listener, Arc::new(desk), stopped));
            if let Err(error) = served {
                tracing::error!(event = "error", error = %error, action = "metrics and health are not served any more");
            }
            // An answer that hangs on a filesystem must not hold up the end.
            runtime.shutdown_background();
        })?;
        drop(thread);
        Ok(Self { addr, stop })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>, stopped: CancellationToken) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    tasks.spawn(walk(Arc::clone(&desk.reader)));
    loop {
        while tasks.try_join_next().is_some() {}
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, _peer)| (stream, seat))
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            () = stopped.cancelled() => return Ok(()),
        };
        let Ok((stream, seat)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let desk = Arc::clone(&desk);
        tasks.spawn(async move {
            // Whoever is too slow is cut off; nothing is lost by it.
            drop(tokio::time::timeout(CONNECTION_TIMEOUT, connection(stream, desk)).await);
            drop(seat);
        });
    }
}

/// One request and its answer.
async fn connection(stream: TcpStream, desk: Arc<Desk>) {
    // Small answers must not wait for an acknowledgement; a socket that refuses is only slower.
    stream.set_nodelay(true).unwrap_or_default();
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(answer::answer(&desk, &request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    drop(served); // A client that goes away is no failure of ours.
}

/// Keeps the figure of the disk's usage fresh.
async fn walk(reader: Arc<Reader>) {
    loop {
        let reader = Arc::clone(&reader);
        drop(tokio::task::spawn_blocking(move || reader.walk_if_due()).await);
        tokio::time::sleep(WALK_ASKED_EVERY).await;
    }
}
