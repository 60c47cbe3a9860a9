//! A crew of threads that works on columns: each job owns its column, and gives it back.
//!
//! Decides nothing: jobs are independent of each other, so that it does not matter who does which, or when. With one
//! thread everything is done at once, by the caller.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

use parquet::column::writer::ColumnCloseResult;

use super::column::ColumnWriter;
use super::options::Codec;
use super::page::{Chunk, Compressor};
use crate::cells::Batch;

/// What to do with a column.
pub(super) enum Task {
    /// Take the values of a slot in some rows of a batch.
    Take { batch: Arc<Batch>, slot: Option<usize>, rows: Range<u32> },
    /// End its chunk.
    End,
}

/// A column and what to do with it.
pub(super) struct Job {
    pub(super) place: usize,
    pub(super) column: Box<ColumnWriter>,
    pub(super) task: Task,
}

/// A column whose task is done.
pub(super) struct Done {
    pub(super) place: usize,
    pub(super) column: Box<ColumnWriter>,
    pub(super) result: parquet::errors::Result<Option<(Chunk, ColumnCloseResult)>>,
}

/// What the threads share.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// The threads.
pub(super) struct Crew {
    queue: Arc<Queue>,
    done: mpsc::Receiver<Done>,
    mine: Vec<Done>,
    compressor: Compressor,
    threads: Vec<JoinHandle<()>>,
    pending: usize,
}

impl std::fmt::Debug for Crew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crew").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; waits for it. None once the queue is closed.
    fn wait(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Crew {
    /// A crew of so many threads, the caller's included.
    pub(super) fn new(threads: usize, codec: Codec) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let (sender, done) = mpsc::channel();
        let mut crew = Self {
            queue: Arc::clone(&queue),
            done,
            mine: Vec::new(),
            compressor: Compressor::new(codec)?,
            threads: Vec::new(),
            pending: 0,
        };
        for _ in 1..threads {
            let (queue, sender, mut compressor) =
                (Arc::clone(&queue), sender.clone(), Compressor::new(codec)?);
            let work = move || {
                while let Some(job) = queue.wait() {
                    if sender.send(job.run(&mut compressor)).is_err() {
                        return;
                    }
                }
            };
            crew.threads.push(std::thread::Builder::new().name("encode".to_owned()).spawn(work)?);
        }
        Ok(crew)
    }

    pub(super) const fn compressor(&mut self) -> &mut Compressor {
        &mut self.compressor
    }

    /// Hands out jobs.
    pub(super) fn begin(&mut self, jobs: impl Iterator<Item = Job>) {
        if self.threads.is_empty() {
            for job in jobs {
                let done = job.run(&mut self.compressor);
                self.mine.push(done);
            }
            return;
        }
        let mut state = self.queue.lock();
        let before = state.jobs.len();
        state.jobs.extend(jobs);
        self.pending += state.jobs.len() - before;
        drop(state);
        self.queue.filled.notify_all();
    }

    /// Works along until all jobs are done, and gives what became of them.
    pub(super) fn complete(&mut self) -> io::Result<Vec<Done>> {
        loop {
            let Some(job) = self.queue.lock().jobs.pop_front() else { break };
            let done = job.run(&mut self.compressor);
            self.mine.push(done);
            self.pending -= 1;
        }
        for _ in 0..std::mem::take(&mut self.pending) {
            let done = self.done.recv().map_err(|_gone| io::Error::other("an encoding thread has ended"))?;
            self.mine.push(done);
        }
        Ok(std::mem::take(&mut self.mine))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.closed = true;
        state.jobs.clear();
        drop(state);
        self.queue.filled.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has told so already.
            drop(thread.join());
        }
    }
}

impl Job {
    fn run(self, compressor: &mut Compressor) -> Done {
        let Self { place, mut column, task } = self;
        let result = match task {
            Task::Take { batch, slot, rows } => {
                column.take(&batch, slot, &rows, compressor).map(|()| None).map_err(Into::into)
            }
            Task::End => column.end_chunk(compressor).map(Some),
        };
        Done { place, column, result }
    }
}
