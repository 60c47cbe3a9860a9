//! Decides the pace and the end of a body: whole, in a trickle, or cut without a last chunk.
//!
//! Never changes the bytes that are sent.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, mem};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::UnderWay;
use crate::http::{Delivery, ReplyBody};
use crate::text::{narrow, wide};

/// Wait before a cut, so that what was sent has left this machine.
const CUT_PAUSE: Duration = Duration::from_millis(30);
/// A trickle pauses at most so often; the rest comes at once.
const TRICKLE_PAUSES_MAX: u32 = 200;
/// One pause of a trickle is no longer than this.
const TRICKLE_PAUSE_MAX: Duration = Duration::from_secs(5);

/// A reply's body on the wire.
pub(super) struct SimBody {
    rest: ReplyBody,
    /// Bytes that were taken from `rest` and not yet sent.
    ready: Bytes,
    /// Length of a body that is known whole.
    exact: Option<u64>,
    pace: Pace,
    pause: Option<Pin<Box<Sleep>>>,
    /// Held until the body is gone.
    _seat: UnderWay,
}

enum Pace {
    Free,
    /// Bytes left before the cut.
    Cut(u64),
    Trickle {
        chunk: usize,
        pause: Duration,
        left: u32,
    },
}

impl SimBody {
    pub(super) fn new(body: ReplyBody, delivery: Delivery, seat: UnderWay) -> Self {
        let exact = match &body {
            ReplyBody::Full(bytes) => Some(wide(bytes.len())),
            ReplyBody::Chunks(_) => None,
        };
        let pace = match delivery {
            Delivery::CutBodyAfter(bytes) => Pace::Cut(bytes),
            Delivery::SlowTrickle { chunk, pause_ms } => {
                let pause = Duration::from_millis(pause_ms).min(TRICKLE_PAUSE_MAX);
                Pace::Trickle { chunk: chunk.max(1), pause, left: TRICKLE_PAUSES_MAX }
            }
            Delivery::Whole | Delivery::ResetBeforeHead | Delivery::SlowFirstByte(_) => Pace::Free,
        };
        Self { rest: body, ready: Bytes::new(), exact, pace, pause: None, _seat: seat }
    }

    /// Takes the next piece from the reply; false at its end.
    fn refill(&mut self) -> bool {
        while self.ready.is_empty() {
            let piece = match &mut self.rest {
                ReplyBody::Full(bytes) if bytes.is_empty() => return false,
                ReplyBody::Full(bytes) => mem::take(bytes),
                ReplyBody::Chunks(chunks) => match chunks.next() {
                    Some(piece) => piece,
                    None => return false,
                },
            };
            self.ready = Bytes::from(piece);
        }
        true
    }

    /// The next piece to send; `None` at the end, an error where the connection is to be cut.
    fn piece(&mut self) -> Option<io::Result<Bytes>> {
        let full = self.refill();
        match &mut self.pace {
            Pace::Cut(0) => Some(Err(cut())),
            Pace::Cut(_) if !full => Some(Err(cut())),
            _ if !full => None,
            Pace::Free => Some(Ok(mem::take(&mut self.ready))),
            Pace::Cut(left) => {
                let length = self.ready.len().min(narrow(*left));
                *left -= wide(length);
                Some(Ok(self.ready.split_to(length)))
            }
            Pace::Trickle { chunk, left, .. } => {
                let length = if *left == 0 { self.ready.len() } else { self.ready.len().min(*chunk) };
                *left = left.saturating_sub(1);
                Some(Ok(self.ready.split_to(length)))
            }
        }
    }

    /// What to wait for after a piece.
    const fn pause_after(&self) -> Option<Duration> {
        match &self.pace {
            Pace::Cut(_) => Some(CUT_PAUSE),
            Pace::Trickle { pause, left, .. } if *left > 0 => Some(*pause),
            Pace::Free | Pace::Trickle { .. } => None,
        }
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "a fault cuts this body")
}

impl Body for SimBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        let piece = self.piece();
        if matches!(piece, Some(Ok(_))) {
            self.pause = self.pause_after().map(|length| Box::pin(sleep(length)));
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.exact == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.exact.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
