//! Encoding ahead: what a download brings is encoded while more of it comes.
//!
//! Decides only where that is done, and when it is given up: the download comes first, and is never held up for long.
//! Whether what was encoded stands is decided once the window is whole and its turn has come.

use std::sync::Arc;
use std::time::Duration;

use ingest_core::records::RecordBlock;
use tokio::sync::{Semaphore, mpsc};

use super::FetchOrder;
use crate::pipeline::at_once::Attempt;
use crate::pipeline::{Context, Cpu, WindowError};

/// Blocks, of about 1 MiB each, that may wait to be encoded.
const BLOCKS_AHEAD: usize = 4;
/// Blocks that are encoded in one turn at a processor, while they are there: going back to the async threads for each left the
/// encoder idle until the download next had to wait.
const BLOCKS_A_TURN: usize = 16;
/// How long a download waits for its encoding, which waits for a processor: servers close streams that are not read.
const STALL_MAX: Duration = Duration::from_secs(5);

/// The end of a download at which its blocks are handed on.
#[derive(Debug)]
pub(super) struct Ahead(Option<mpsc::Sender<Arc<RecordBlock>>>);

/// The end at which they are encoded.
#[derive(Debug)]
pub(super) struct Follower {
    cores: Arc<Semaphore>,
    attempt: Option<Attempt>,
    queue: mpsc::Receiver<Arc<RecordBlock>>,
}

/// Both ends. Nothing is encoded where another window is already: an open encoder holds memory. Nor where everything has
/// to happen in one order, or where types are pinned that were not seen yet.
pub(super) fn ahead(context: &Context, order: &FetchOrder) -> (Ahead, Follower) {
    let (blocks, queue) = mpsc::channel(BLOCKS_AHEAD);
    let may_be = context.cpu == Cpu::Pool && !order.is_pinned;
    let seat = may_be.then(|| Arc::clone(&context.ahead).try_acquire_owned().ok()).flatten();
    let (window, schema) = (order.piece.window, order.schema.clone());
    let attempt = seat.map(|seat| Attempt::new(context, &order.log, window, schema, Some(seat)));
    let blocks = attempt.is_some().then_some(blocks);
    (Ahead(blocks), Follower { cores: Arc::clone(&context.cores), attempt, queue })
}

impl Ahead {
    /// Hands on the next block. Nothing more is handed on once that took too long, or the schema was found wrong.
    pub(super) async fn push(&mut self, block: &Arc<RecordBlock>) {
        if let Some(blocks) = &self.0
            && blocks.send_timeout(Arc::clone(block), STALL_MAX).await.is_err()
        {
            self.0 = None;
        }
    }
}

impl Follower {
    /// Encodes what comes until there is no more, some blocks at a time: a processor is only taken while there is something
    /// to do. None where that failed: what the disk refuses, it refuses again when the window's turn comes, and is told.
    pub(super) async fn follow(self) -> Option<Attempt> {
        let (mut attempt, mut queue) = (self.attempt?, self.queue);
        while let Some(block) = queue.recv().await {
            let core = Arc::clone(&self.cores).acquire_owned().await.ok()?;
            let span = tracing::Span::current();
            let work = move || {
                let _core = core;
                let _in_span = span.enter();
                let pushed = turn(&mut attempt, &block, &mut queue);
                pushed.ok().map(|()| (attempt, queue))
            };
            (attempt, queue) = tokio::task::spawn_blocking(work).await.ok().flatten()?;
            if attempt.is_wrong() {
                break;
            }
        }
        Some(attempt)
    }
}

/// Encodes a block, and those that wait behind it.
fn turn(
    attempt: &mut Attempt,
    first: &Arc<RecordBlock>,
    queue: &mut mpsc::Receiver<Arc<RecordBlock>>,
) -> Result<(), WindowError> {
    attempt.push(first)?;
    for _ in 1..BLOCKS_A_TURN {
        if attempt.is_wrong() {
            break;
        }
        let Ok(block) = queue.try_recv() else { break };
        attempt.push(&block)?;
    }
    Ok(())
}
