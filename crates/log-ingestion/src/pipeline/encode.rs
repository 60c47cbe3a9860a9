//! Stage encode: a fetched window and its schema become a staged, synced Parquet file and a quarantine file.
//!
//! Reports the first few records that end in the quarantine as `parse_error` once the window is encoded; all of them are
//! in its file. Decides no schema, and not how far one is to be trusted.

use std::io::{BufWriter, Write as _};
use std::sync::Arc;

use ingest_core::ids::LogId;
use ingest_core::ledger::LogState;
use ingest_core::records::{Record, RecordBlock};
use ingest_core::schema::TableSchema;
use ingest_core::time::LogWindow;
use ingest_store::{DirTable, DiskFile, Staged, Sum};
use ingest_tabular::{
    BATCH_ROWS, EncodeOptions, Encoded, Encoder, Guess, Origin, OwnColumns, Quarantine, Reason,
    RowGroupBounds, quarantine_line,
};

use super::fetch::FetchedWindow;
use super::{Context, WindowError};

/// Quarantined records of one window that are reported one by one.
const REPORTED_MAX: usize = 20;
/// Characters of such a record that its report shows.
const SHOWN: usize = 1_000;
/// Bytes of buffer towards a file.
const BUFFER_BYTES: usize = 256 << 10;
/// A row group holds this much at most, encoded: two encoders and their output stay far below 100 MB.
const ROW_GROUP: RowGroupBounds = RowGroupBounds { bytes: 12 << 20, rows: 1 << 20 };

/// A window's files beside the table.
#[derive(Debug)]
pub(super) struct EncodedWindow {
    pub(super) staged: Staged,
    pub(super) encoded: Encoded<()>,
    pub(super) quarantine: Option<Staged>,
}

/// What is encoded, and with what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) window: LogWindow,
    pub(super) origin: Origin,
    /// Threads that work on it at the same time.
    pub(super) threads: usize,
}

/// What a schema is known to hold.
#[derive(Debug)]
pub(super) enum Trust {
    /// All of the window: it was settled by it.
    Settled,
    /// What is in the table. The window may have fields that it lacks; a value in one ends the encoding.
    Table,
    /// The window's first records. Whatever they did not show ends the encoding.
    Guessed(Guess),
}

/// A window's files while its records are encoded.
#[derive(Debug)]
pub(super) struct WindowEncoder {
    staged: Staged,
    encoder: Encoder<BufWriter<Box<dyn DiskFile>>>,
    quarantine: QuarantineFile,
}

impl WindowEncoder {
    /// Begins the files of a window.
    pub(super) fn begin(
        context: &Context,
        log: &LogId,
        Job { window, origin, threads }: Job,
        schema: &TableSchema,
        trust: Trust,
    ) -> Result<Self, WindowError> {
        let (staged, file) = context.table.stage()?;
        let closed = matches!(trust, Trust::Table);
        let guess = match trust {
            Trust::Guessed(guess) => Some(guess),
            Trust::Settled | Trust::Table => None,
        };
        let options = EncodeOptions {
            codec: context.options.codec,
            encodings: context.options.encodings,
            origin,
            own: Some(OwnColumns {
                log_id: log.to_string(),
                window_start: window.start(),
                keep_raw: context.options.keep_raw,
            }),
            rescue: true,
            row_group: ROW_GROUP,
            batch_rows: BATCH_ROWS,
            threads,
            guess,
        };
        let encoder = Encoder::create(BufWriter::with_capacity(BUFFER_BYTES, file), schema, options)?;
        let encoder = if closed { encoder.closed() } else { encoder };
        Ok(Self { staged, encoder, quarantine: QuarantineFile::new(&context.table) })
    }

    /// Encodes the records of a block, or leaves some of it to other threads.
    pub(super) fn push(&mut self, block: &RecordBlock) -> Result<(), WindowError> {
        Ok(self.encoder.push_ahead(block, &mut self.quarantine)?)
    }

    /// Waits until all records so far are encoded.
    pub(super) fn complete(&mut self) -> Result<(), WindowError> {
        Ok(self.encoder.complete(&mut self.quarantine)?)
    }

    /// Ends the files and makes them durable.
    pub(super) fn finish(mut self, facts: &[(String, String)]) -> Result<EncodedWindow, WindowError> {
        self.complete()?;
        let (file, encoded) = split_output(self.encoder.finish(facts)?);
        let file = file.into_inner().map_err(|e| WindowError::Quarantine(e.into_error()))?;
        self.staged.sync(&*file)?;
        Ok(EncodedWindow { staged: self.staged, encoded, quarantine: self.quarantine.finish()? })
    }
}

/// Encodes a window by the schema that was settled by it. Blocks; call off the async threads.
pub(super) fn encode(
    context: &Context,
    log: &LogState,
    schema: &TableSchema,
    fetched: &mut FetchedWindow,
    tail: bool,
) -> Result<EncodedWindow, WindowError> {
    tracing::info!(event = "file_write_start");
    let job = Job { window: fetched.window, origin: fetched.origin, threads: 1 };
    let mut encoder = WindowEncoder::begin(context, &log.id, job, schema, Trust::Settled)?;
    for block in fetched.spool.read()? {
        encoder.push(&*block?)?;
    }
    encoder.finish(&super::facts::facts(context, log, schema, fetched, tail))
}

fn split_output<W>(encoded: Encoded<W>) -> (W, Encoded<()>) {
    let rest = Encoded {
        output: (),
        rows: encoded.rows,
        quarantined: encoded.quarantined,
        ignored: encoded.ignored,
        rescued: encoded.rescued,
        file_bytes: encoded.file_bytes,
        file_hash: encoded.file_hash,
        content_hash: encoded.content_hash,
        times: encoded.times,
    };
    (encoded.output, rest)
}

/// Writes quarantined records as they come; a failure is kept for the end.
#[derive(Debug)]
struct QuarantineFile {
    table: Arc<DirTable>,
    file: Option<(Staged, BufWriter<Box<dyn DiskFile>>)>,
    /// Of what was written: its lines carry no checksum.
    sum: Sum,
    failed: Option<WindowError>,
    /// What is reported at the end: reason, ordinal, and the beginning of the record.
    reports: Vec<(Reason, u64, String)>,
}

impl QuarantineFile {
    fn new(table: &Arc<DirTable>) -> Self {
        Self { table: Arc::clone(table), file: None, sum: Sum::default(), failed: None, reports: Vec::new() }
    }

    fn write(&mut self, line: &str) -> Result<(), WindowError> {
        if self.file.is_none() {
            let (staged, file) = self.table.stage()?;
            self.file = Some((staged, BufWriter::with_capacity(BUFFER_BYTES, file)));
        }
        if let Some((_, file)) = &mut self.file {
            writeln!(file, "{line}").map_err(WindowError::Quarantine)?;
        }
        self.sum.add(line.as_bytes());
        self.sum.add(b"\n");
        Ok(())
    }

    fn finish(self) -> Result<Option<Staged>, WindowError> {
        for (reason, ordinal, raw_data) in self.reports {
            tracing::warn!(event = "parse_error", reason = %reason, ordinal, raw_data);
        }
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let Some((staged, file)) = self.file else {
            return Ok(None);
        };
        let file = file.into_inner().map_err(|e| WindowError::Quarantine(e.into_error()))?;
        staged.sync(&*file)?;
        staged.read_back(&self.sum)?;
        Ok(Some(staged))
    }
}

impl Quarantine for QuarantineFile {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        if self.reports.len() < REPORTED_MAX {
            let raw_data = String::from_utf8_lossy(record.bytes).chars().take(SHOWN).collect();
            self.reports.push((reason, record.ordinal, raw_data));
        }
        if self.failed.is_none() {
            self.failed = self.write(&quarantine_line(record, reason)).err();
        }
    }
}
