//! `convert`: local log files become Parquet files, one each, with types inferred over the whole file.
//!
//! Guesses the types by the beginning of a file, and reads it once while they hold. Where a value proves the guess wrong,
//! nothing of it remains: the types are settled over the whole file, and it is read again.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ingest_core::records::Record;
use ingest_core::schema::{Fits, TableSchema};
use ingest_store::{OutputFile, StoreError};
use ingest_tabular::{
    BATCH_ROWS, Batch, EncodeError, EncodeOptions, Encoder, Encoding, Encodings, Guess, Observer, Origin,
    Quarantine, ReadBackError, Reason, RecognisedText, RowGroupBounds, check, quarantine_line, read_back,
};

use super::input::{Input, InputError, Settled};
use super::print;
use crate::cli::ConvertArgs;
use crate::exit::{CommandError, Exit};
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};

/// Batches by which types are guessed: a MiB of text.
const GUESS_BATCHES: usize = 8;
/// Bytes of buffer towards a file.
const BUFFER_BYTES: usize = 256 << 10;

/// Why a file could not be converted.
#[derive(Debug, thiserror::Error)]
enum ConvertError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("failed to encode {0}")]
    Encode(PathBuf, #[source] EncodeError),
    #[error("{0} did not read back as it was written")]
    ReadBack(PathBuf, #[source] ReadBackError),
    #[error("failed to write the quarantine of {0}")]
    Quarantine(PathBuf, #[source] io::Error),
}

/// One file's conversion.
struct Job<'a> {
    input: &'a Path,
    /// Name of its output, without ending.
    stem: &'a str,
    args: &'a ConvertArgs,
    /// Threads that encode its columns.
    threads: usize,
}

/// What a file's table will be.
struct Plan {
    recognised: RecognisedText,
    schema: TableSchema,
    rescue: bool,
    guess: Option<Guess>,
}

/// What came of one file.
struct Converted {
    input: PathBuf,
    output: PathBuf,
    rows: u64,
    quarantined: u64,
    bytes: u64,
    columns: usize,
    shape: String,
}

pub(crate) fn run(_surroundings: &Surroundings, args: &ConvertArgs) -> Result<Exit, CommandError> {
    let jobs = named(&args.inputs);
    // Files first, then columns: many files keep all threads busy without any of them waiting for another.
    let at_once = usize::from(args.threads).min(args.inputs.len()).max(1);
    let threads = usize::from(args.threads) / at_once;
    let queue = Mutex::new(jobs.iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((input, stem)) = next() {
                    let result = convert(&Job { input, stem, args, threads });
                    results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for result in results {
        match result {
            Ok(done) => rows.push(row(&done)),
            Err(error) => errors.push(error),
        }
    }
    rows.sort();
    let right = Align::Right;
    let columns = [
        ("input", Align::Left),
        ("output", Align::Left),
        ("rows", right),
        ("quarantined", right),
        ("columns", right),
        ("bytes", right),
        ("shape", Align::Left),
    ];
    print(&table(&columns, &rows))?;
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else {
        return Ok(Exit::Done);
    };
    for error in errors {
        tracing::error!(event = "error", error = %crate::pipeline::chain(&error));
    }
    Err(CommandError::failed(Exit::Failed, &first))
}

fn row(done: &Converted) -> Vec<String> {
    vec![
        done.input.display().to_string(),
        done.output.display().to_string(),
        grouped(done.rows),
        grouped(done.quarantined),
        done.columns.to_string(),
        grouped(done.bytes),
        done.shape.clone(),
    ]
}

fn convert(job: &Job<'_>) -> Result<Converted, ConvertError> {
    let input = Input::of(job.input, &job.args.output)?;
    let overrides = job.args.reading.overrides();
    let recognised = input.recognise(&overrides)?;
    let is_plain = recognised.encoding == Encoding::Utf8 && overrides.encoding.is_none();
    match encode(job, &input, guess(&input, recognised)?, is_plain) {
        Err(ConvertError::Encode(_, EncodeError::WrongGuess { .. } | EncodeError::NeedsRescue { .. }))
        | Ok(None) => {}
        Err(error) => return Err(error),
        Ok(Some(converted)) => return Ok(converted),
    }
    let Settled { recognised, schema, observed, .. } = input.settle(&overrides, false)?;
    let plan = Plan { recognised, schema, rescue: observed.needs_rescue, guess: None };
    let converted = encode(job, &input, plan, false)?;
    converted.ok_or_else(|| InputError::Changed(job.input.to_owned()).into())
}

/// The table by the beginning of a text.
fn guess(input: &Input, recognised: RecognisedText) -> Result<Plan, ConvertError> {
    let mut observer = Observer::new(&recognised.shape, Origin::File);
    let mut batches = input.batches(&recognised)?;
    let mut batch = Batch::default();
    for _ in 0..GUESS_BATCHES {
        if !batches.next(&mut batch)? {
            break;
        }
        observer.take(&batch);
    }
    let mut observed = observer.finish();
    let schema = super::input::table(&recognised, &mut observed);
    let untyped = observed.columns.iter().filter(|column| column.fits == Fits::ANY).map(|c| c.field.clone());
    let guess = Guess { untyped: untyped.filter(|field| !recognised.types.contains_key(field)).collect() };
    Ok(Plan { recognised, schema, rescue: observed.needs_rescue, guess: Some(guess) })
}

/// Encodes a file by its plan. None where its text turned out to be written otherwise than its beginning.
fn encode(
    job: &Job<'_>,
    input: &Input,
    plan: Plan,
    is_plain: bool,
) -> Result<Option<Converted>, ConvertError> {
    let Job { input: path, stem, args, threads } = *job;
    let Plan { recognised, schema, rescue, guess } = plan;
    let (output, file) = OutputFile::create(&args.output, &format!("{stem}.parquet"))?;
    let options = EncodeOptions {
        codec: args.compression,
        encodings: if args.compat { Encodings::Compat } else { Encodings::Compact },
        origin: Origin::File,
        own: None,
        rescue,
        row_group: RowGroupBounds::default(),
        batch_rows: BATCH_ROWS,
        threads,
        guess,
    };
    let encode_error = |error| ConvertError::Encode(path.to_owned(), error);
    let mut quarantine = QuarantineFile { folder: &args.output, stem, file: None, failed: None };
    let mut encoder = Encoder::create(BufWriter::with_capacity(BUFFER_BYTES, file), &schema, options)
        .map_err(encode_error)?;
    let mut batches = input.batches(&recognised)?;
    let mut spare = Batch::default();
    while batches.next(&mut spare)? {
        // The batch before this one was encoded by others while this one was cut.
        let next = encoder.complete(&mut quarantine).map_err(encode_error)?;
        encoder.begin(std::mem::replace(&mut spare, next)).map_err(encode_error)?;
        if threads == 1 {
            // Nobody goes on with it meanwhile; the same memory again is still in the cache.
            spare = encoder.complete(&mut quarantine).map_err(encode_error)?;
        }
    }
    encoder.complete(&mut quarantine).map_err(encode_error)?;
    if is_plain && batches.verdict() != recognised.encoding {
        return Ok(None);
    }
    let facts = facts(&schema, &recognised);
    let mut encoded = encoder.finish(&facts).map_err(encode_error)?;
    io::Write::flush(&mut encoded.output).map_err(|e| encode_error(EncodeError::Flush(e)))?;
    output.sync(encoded.output.get_ref())?;
    let facts = read_back(&output.reopen()?).map_err(|e| ConvertError::ReadBack(path.to_owned(), e))?;
    check(&facts, &encoded).map_err(|e| ConvertError::ReadBack(path.to_owned(), e))?;
    quarantine.publish().map_err(|e| ConvertError::Quarantine(path.to_owned(), e))?;
    Ok(Some(Converted {
        input: path.to_owned(),
        output: output.publish()?,
        rows: encoded.rows,
        quarantined: encoded.quarantined.values().sum(),
        bytes: encoded.file_bytes,
        columns: schema.columns.len(),
        shape: schema.shape.to_string(),
    }))
}

/// What the footer says of the text.
fn facts(schema: &TableSchema, recognised: &RecognisedText) -> Vec<(String, String)> {
    let mut facts = vec![
        ("ingest.schema".to_owned(), serde_json::to_string(schema).unwrap_or_default()),
        ("ingest.tool".to_owned(), format!("log-ingestion {}", env!("CARGO_PKG_VERSION"))),
        ("ingest.encoding".to_owned(), recognised.encoding.to_string()),
    ];
    // What stood before the records is in no row.
    let of_text = recognised.facts.iter();
    facts.extend(of_text.map(|(name, fact)| (format!("ingest.text.{name}"), fact.clone())));
    facts
}

/// A name for each input's output: its own, with a number where two would be the same.
fn named(inputs: &[PathBuf]) -> Vec<(&Path, String)> {
    let mut taken = std::collections::BTreeSet::new();
    let mut jobs = Vec::new();
    for input in inputs {
        let plain = stem(input);
        let numbered = (2_u32..).map(|n| format!("{plain}-{n}"));
        let name = std::iter::once(plain.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        jobs.push((input.as_path(), name.unwrap_or(plain)));
    }
    jobs
}

/// The file's name without the endings that say how it is written.
fn stem(input: &Path) -> String {
    if input == Path::new("-") {
        return "stdin".to_owned();
    }
    let name = input.file_name().map_or_else(|| "input".to_owned(), |n| n.to_string_lossy().into_owned());
    let name = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if stem.is_empty() { name.to_owned() } else { stem.to_owned() }
}

/// Writes records that are no rows beside the output; a failure is kept for the end.
struct QuarantineFile<'a> {
    folder: &'a Path,
    stem: &'a str,
    file: Option<(OutputFile, BufWriter<File>)>,
    failed: Option<io::Error>,
}

impl QuarantineFile<'_> {
    fn write(&mut self, line: &str) -> io::Result<()> {
        use io::Write as _;
        if self.file.is_none() {
            let name = format!("{}.quarantine.jsonl", self.stem);
            let (output, file) = OutputFile::create(self.folder, &name).map_err(io::Error::other)?;
            self.file = Some((output, BufWriter::with_capacity(BUFFER_BYTES, file)));
        }
        match &mut self.file {
            Some((_, file)) => writeln!(file, "{line}"),
            None => Ok(()),
        }
    }

    fn publish(self) -> io::Result<()> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let Some((output, file)) = self.file else {
            return Ok(());
        };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        output.sync(&file).map_err(io::Error::other)?;
        output.publish().map(|_path| ()).map_err(io::Error::other)
    }
}

impl Quarantine for QuarantineFile<'_> {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        if self.failed.is_none() {
            self.failed = self.write(&quarantine_line(record, reason)).err();
        }
    }
}
