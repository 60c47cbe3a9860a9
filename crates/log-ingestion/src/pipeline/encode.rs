//! Stage encode: a fetched window and its schema become a staged, synced Parquet file and a quarantine file.
//!
//! Reports the first few records that end in the quarantine as `parse_error`; all of them are in its file.

use std::io::{BufWriter, Write as _};

use ingest_core::ledger::LogState;
use ingest_core::records::Record;
use ingest_core::schema::TableSchema;
use ingest_store::{DiskFile, Staged};
use ingest_tabular::{
    EncodeOptions, Encoded, Encoder, OwnColumns, Quarantine, Reason, RowGroupBounds, quarantine_line,
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

/// Encodes a window. Blocks; call off the async threads.
pub(super) fn encode(
    context: &Context,
    log: &LogState,
    schema: &TableSchema,
    fetched: &mut FetchedWindow,
    tail: bool,
) -> Result<EncodedWindow, WindowError> {
    let window = fetched.window;
    tracing::info!(event = "file_write_start");
    let (staged, file) = context.table.stage()?;
    let options = EncodeOptions {
        codec: context.options.codec,
        encodings: context.options.encodings,
        origin: fetched.origin,
        own: Some(OwnColumns {
            log_id: log.id.to_string(),
            window_start: window.start(),
            keep_raw: context.options.keep_raw,
        }),
        rescue: true,
        row_group: ROW_GROUP,
        batch_rows: context.options.batch_size,
        threads: 1,
        guess: None,
    };
    let mut quarantine = QuarantineFile::new(context);
    let mut encoder = Encoder::create(BufWriter::with_capacity(BUFFER_BYTES, file), schema, options)?;
    for block in fetched.spool.read()? {
        encoder.push(&block?, &mut quarantine)?;
    }
    let facts = super::facts::facts(context, log, schema, fetched, tail);
    let encoded = encoder.finish(&facts)?;
    let (file, encoded) = split_output(encoded);
    let file = file.into_inner().map_err(|e| WindowError::Quarantine(e.into_error()))?;
    staged.sync(&*file)?;
    Ok(EncodedWindow { staged, encoded, quarantine: quarantine.finish()? })
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
struct QuarantineFile<'a> {
    context: &'a Context,
    file: Option<(Staged, BufWriter<Box<dyn DiskFile>>)>,
    failed: Option<WindowError>,
    reported: usize,
}

impl<'a> QuarantineFile<'a> {
    const fn new(context: &'a Context) -> Self {
        Self { context, file: None, failed: None, reported: 0 }
    }

    fn write(&mut self, line: &str) -> Result<(), WindowError> {
        if self.file.is_none() {
            let (staged, file) = self.context.table.stage()?;
            self.file = Some((staged, BufWriter::with_capacity(BUFFER_BYTES, file)));
        }
        match &mut self.file {
            Some((_, file)) => writeln!(file, "{line}").map_err(WindowError::Quarantine),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<Option<Staged>, WindowError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let Some((staged, file)) = self.file else {
            return Ok(None);
        };
        let file = file.into_inner().map_err(|e| WindowError::Quarantine(e.into_error()))?;
        staged.sync(&*file)?;
        Ok(Some(staged))
    }
}

impl Quarantine for QuarantineFile<'_> {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        if self.reported < REPORTED_MAX {
            self.reported += 1;
            let raw_data: String = String::from_utf8_lossy(record.bytes).chars().take(SHOWN).collect();
            tracing::warn!(event = "parse_error", reason = %reason, ordinal = record.ordinal, raw_data);
        }
        if self.failed.is_none() {
            self.failed = self.write(&quarantine_line(record, reason)).err();
        }
    }
}
