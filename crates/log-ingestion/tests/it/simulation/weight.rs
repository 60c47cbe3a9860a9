//! What a simulated process holds in memory, counted apart from the disk, the network and the test around it.
//!
//! Only counts. What is allocated on one side is freed on the same one, or the figures would drift: whatever passes from
//! one to the other is copied.

use std::pin::Pin;
use std::task::{Context, Poll};

use allocation_counter::{measure, opt_out};
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use ingest_source::transport::{HttpReply, TransportError};

/// What comes from the network.
type Received<T> = Result<T, TransportError>;

/// Bytes that a process may hold, whatever it is to fetch: spools, pages of replies, and the open row group.
pub(crate) const HELD_MAX: i64 = 40 << 20;
/// Bytes that may be left of a process that ended: what it gave as its outcome.
const LEFT_MAX: i64 = 64 << 10;

/// Bytes of one process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weight {
    /// What it holds now.
    held: i64,
    /// The most that it ever held.
    most: i64,
}

impl Weight {
    /// Asserts that a process that ended kept to its memory, and left none behind.
    #[track_caller]
    pub(crate) fn check(self, context: &str) {
        let Self { held, most } = self;
        assert!(most < HELD_MAX, "{context}: a process held {most} bytes");
        assert!(held.abs() < LEFT_MAX, "{context}: {held} bytes are left of a process");
    }

    /// The worst of two processes.
    pub(crate) fn join(&mut self, other: Self) {
        self.most = self.most.max(other.most);
        self.held = if other.held.abs() > self.held.abs() { other.held } else { self.held };
    }

    /// Does something as the process.
    pub(crate) fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let mut made = None;
        let info = measure(|| made = Some(work()));
        self.most = self.most.max(self.held + i64::try_from(info.bytes_max).unwrap());
        self.held += info.bytes_current;
        made.unwrap()
    }
}

/// Does something that is not the process's.
pub(crate) fn apart<T>(work: impl FnOnce() -> T) -> T {
    let mut made = None;
    opt_out(|| made = Some(work()));
    made.unwrap()
}

/// For a disk, to keep its bytes apart.
pub(crate) fn disk_apart(work: &mut dyn FnMut()) {
    opt_out(work);
}

/// Something of the world outside that a process holds on to: it moves, and goes, apart.
#[derive(Debug)]
pub(crate) struct Apart<T>(Option<T>);

impl<T> Apart<T> {
    pub(crate) fn of(make: impl FnOnce() -> T) -> Self {
        Self(Some(apart(make)))
    }

    fn inner(&mut self) -> &mut T {
        self.0.as_mut().unwrap()
    }
}

impl<T> Drop for Apart<T> {
    fn drop(&mut self) {
        apart(|| drop(self.0.take()));
    }
}

impl<F: Future + Unpin> Future for Apart<F> {
    type Output = Apart<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        apart(|| self.inner().poll_unpin(context)).map(|output| Apart(Some(output)))
    }
}

impl<S: Stream<Item = Received<Bytes>> + Unpin> Stream for Apart<S> {
    type Item = Received<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = apart(|| self.inner().poll_next_unpin(context));
        piece.map(|piece| {
            piece.map(|piece| Apart(Some(piece)).received(|bytes| Bytes::copy_from_slice(bytes)))
        })
    }
}

impl<T> Apart<Received<T>> {
    /// A copy for the process.
    fn received(mut self, copy: impl FnOnce(&mut T) -> T) -> Received<T> {
        self.inner().as_mut().map(copy).map_err(|error| error.clone())
    }
}

/// A reply as the process holds it; what of its body is still to come is the world's.
pub(crate) fn received(reply: Apart<Received<HttpReply>>) -> Received<HttpReply> {
    reply.received(|reply| {
        let body = Apart::of(|| std::mem::replace(&mut reply.body, futures_util::stream::empty().boxed()));
        HttpReply { status: reply.status, headers: reply.headers.clone(), body: body.boxed() }
    })
}
