//! One reading in place of two: a window is encoded by its table's schema, or by a guess, while it is looked at.
//!
//! Decides whether that stands: only where looking at the whole window first would have come to the same schema, and so
//! to the same file. Where it does not, nothing of the attempt remains. Never settles a schema by a part of a window.

use std::sync::Arc;

use ingest_core::ids::LogId;
use ingest_core::ledger::LogState;
use ingest_core::records::RecordBlock;
use ingest_core::schema::{Fits, TableSchema};
use ingest_core::time::LogWindow;
use ingest_tabular::{EncodeError, Guess, Observer, Origin, recognise};
use tokio::sync::OwnedSemaphorePermit;

use super::encode::{EncodedWindow, Job, Trust, WindowEncoder};
use super::fetch::FetchedWindow;
use super::shape::{SAMPLE_BYTES, SAMPLE_RECORDS, sample};
use super::{Context, WindowError, settle};

/// Text by which the types of a log's first window are guessed, as `convert` does.
const GUESS_BYTES: usize = 1 << 20;

/// A window that is encoded before all of it was looked at.
#[derive(Debug)]
pub(super) struct Attempt {
    context: Context,
    log: LogId,
    window: LogWindow,
    /// The schema of the log's table when it began, if there was one.
    known: Option<Arc<TableSchema>>,
    state: State,
    records: u64,
    /// Where attempts are bounded: given back when it is over.
    seat: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum State {
    /// Too little came to guess by.
    Beginning(Vec<Arc<RecordBlock>>),
    Encoding(Box<(TableSchema, WindowEncoder)>),
    /// A record showed something that the schema lacks.
    Wrong,
}

impl Attempt {
    /// An attempt at a window of events.
    pub(super) fn new(
        context: &Context,
        log: &LogId,
        window: LogWindow,
        known: Option<Arc<TableSchema>>,
        seat: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let state = State::Beginning(Vec::new());
        Self { context: context.clone(), log: log.clone(), window, known, state, records: 0, seat }
    }

    /// Takes the next records.
    ///
    /// # Errors
    /// When the disk refuses; what is wrong with the schema is no error.
    pub(super) fn push(&mut self, block: &Arc<RecordBlock>) -> Result<(), WindowError> {
        self.records = self.records.saturating_add(block.len() as u64);
        match &mut self.state {
            State::Beginning(start) => {
                start.push(Arc::clone(block));
                if self.known.is_some() || is_enough(start) { self.open() } else { Ok(()) }
            }
            State::Encoding(open) => {
                let pushed = open.1.push(block);
                self.unless_wrong(pushed)
            }
            State::Wrong => Ok(()),
        }
    }

    /// Whether no further record can change anything.
    pub(super) const fn is_wrong(&self) -> bool {
        matches!(self.state, State::Wrong)
    }

    /// Whether what came of it says something of a window of so many records whose table has this schema now.
    fn speaks_of(&self, known: Option<&TableSchema>, records: u64) -> bool {
        let same_basis = self.known.as_deref() == known;
        match &self.state {
            State::Wrong => same_basis,
            State::Beginning(_) => same_basis && self.records == records,
            // A guess that came true is as good as the schema that another window was settled to, if it is the same.
            State::Encoding(open) => (same_basis || known == Some(&open.0)) && self.records == records,
        }
    }

    /// The schema and the open files, where they stand.
    fn end(mut self) -> Result<Option<(TableSchema, WindowEncoder)>, WindowError> {
        if matches!(self.state, State::Beginning(_)) {
            self.open()?;
        }
        if let State::Encoding(open) = &mut self.state {
            let completed = open.1.complete();
            self.unless_wrong(completed)?;
        }
        match self.state {
            State::Encoding(open) => Ok(Some(*open)),
            State::Beginning(_) | State::Wrong => Ok(None),
        }
    }

    /// Two, where it is ahead of the window's turn and a processor beside its own has nothing to do: a download brings events
    /// faster than one thread encodes them.
    fn threads(&self) -> usize {
        if self.seat.is_some() { 1 + self.context.cores.available_permits().min(1) } else { 1 }
    }

    /// Begins to encode with what came so far.
    fn open(&mut self) -> Result<(), WindowError> {
        let State::Beginning(start) = std::mem::replace(&mut self.state, State::Wrong) else {
            return Ok(());
        };
        let (schema, trust) = match &self.known {
            Some(known) => (TableSchema::clone(known), Trust::Table),
            None => guess(&start),
        };
        let job = Job { window: self.window, origin: Origin::Events, threads: self.threads() };
        let encoder = WindowEncoder::begin(&self.context, &self.log, job, &schema, trust)?;
        let mut open = Box::new((schema, encoder));
        let pushed = start.iter().try_for_each(|block| open.1.push(block));
        self.state = State::Encoding(open);
        self.unless_wrong(pushed)
    }

    fn unless_wrong(&mut self, pushed: Result<(), WindowError>) -> Result<(), WindowError> {
        match pushed {
            Err(WindowError::Encode(EncodeError::WrongGuess { field })) => {
                tracing::debug!(event = "read_twice", field, window = %self.window);
                self.state = State::Wrong;
                Ok(())
            }
            other => other,
        }
    }
}

/// Makes a window's files in one reading, which may have been done while it was fetched. None where two are needed.
/// Blocks; call off the async threads.
pub(super) fn at_once(
    context: &Context,
    log: &LogState,
    tail: bool,
    fetched: &mut FetchedWindow,
) -> Result<Option<(EncodedWindow, TableSchema)>, WindowError> {
    // Pinned types need a look at all values: what does not fit them is no sign of a wrong guess.
    let is_pinned = log.schema.is_none() && context.options.pins.of(log).is_some();
    if is_pinned || fetched.origin != Origin::Events {
        return Ok(None);
    }
    let known = log.schema.as_ref();
    let records = fetched.spool.records();
    let attempt = match fetched.ahead.take().filter(|ahead| ahead.speaks_of(known, records)) {
        Some(ahead) => ahead,
        None => from_spool(context, log, fetched)?,
    };
    let Some((schema, encoder)) = attempt.end()? else { return Ok(None) };
    tracing::info!(event = "file_write_start");
    let made = encoder.finish(&super::facts::facts(context, log, &schema, fetched, tail))?;
    let refused: u64 = made.encoded.quarantined.values().sum();
    tracing::info!(
        event = "parse_complete",
        shape = %schema.shape,
        rows = made.encoded.rows,
        refused,
        columns = schema.columns.len(),
    );
    Ok(Some((made, schema)))
}

fn from_spool(
    context: &Context,
    log: &LogState,
    fetched: &mut FetchedWindow,
) -> Result<Attempt, WindowError> {
    let known = log.schema.clone().map(Arc::new);
    let mut attempt = Attempt::new(context, &log.id, fetched.window, known, None);
    for block in fetched.spool.read()? {
        attempt.push(&block?)?;
        if attempt.is_wrong() {
            break;
        }
    }
    Ok(attempt)
}

/// Whether so much came that a shape is recognised as by the whole window, and types can be guessed.
fn is_enough(start: &[Arc<RecordBlock>]) -> bool {
    let records: usize = start.iter().map(|block| block.len()).sum();
    let bytes: usize = start.iter().map(|block| block.text_len()).sum();
    bytes >= SAMPLE_BYTES || (bytes >= GUESS_BYTES && records >= SAMPLE_RECORDS)
}

/// The schema by a window's first records.
fn guess(start: &[Arc<RecordBlock>]) -> (TableSchema, Trust) {
    let blocks = start.iter().map(|block| Ok::<&RecordBlock, std::convert::Infallible>(block));
    let shape = recognise(&sample(blocks).unwrap_or_else(|never| match never {}));
    let mut observer = Observer::new(&shape, Origin::Events);
    start.iter().for_each(|block| observer.observe(block));
    let observed = observer.finish();
    let schema = settle::settle(None, None, shape, &observed);
    let untyped = observed.columns.iter().filter(|column| column.fits == Fits::ANY);
    let untyped = untyped.map(|column| column.field.clone()).collect();
    (schema, Trust::Guessed(Guess { untyped }))
}

#[cfg(test)]
mod tests;
