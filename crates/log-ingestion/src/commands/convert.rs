//! `convert`: local log files become Parquet files, one each, with types inferred over the whole file.
//!
//! Guesses the types by the beginning of a file, and reads it once while they hold. Where a value proves the guess wrong,
//! nothing of it remains: the types are settled over the whole file, and it is read again.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ingest_core::schema::{Fits, TableSchema};
use ingest_store::{DiskFile, OutputFile, StoreError};
use ingest_tabular::{
    BATCH_ROWS, Batch, Chunks, EncodeError, EncodeOptions, Encoded, Encoder, Encoding, Encodings, Guess,
    Observer, Origin, Overrides, ReadBackError, RecognisedText, RowGroupBounds, check, read_back,
};

use super::input::{Input, InputError, Settled};
use super::print;
use super::quarantine_file::{BUFFER_BYTES, QuarantineFile};
use crate::cli::{ConvertArgs, WritingArgs};
use crate::exit::{CommandError, Exit};
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};

/// Batches by which types are guessed: a MiB of text.
const GUESS_BATCHES: usize = 8;

/// Why a file could not be converted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConvertError {
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
pub(super) struct Job<'a> {
    pub(super) input: &'a Path,
    /// Name of its output, without ending.
    pub(super) stem: &'a str,
    pub(super) writing: &'a WritingArgs,
    pub(super) overrides: &'a Overrides,
    /// Threads that encode its columns.
    pub(super) threads: usize,
}

/// What a file's table will be.
struct Plan {
    recognised: RecognisedText,
    schema: TableSchema,
    rescue: bool,
    guess: Option<Guess>,
}

/// What came of one file.
pub(super) struct Converted {
    input: PathBuf,
    output: PathBuf,
    pub(super) rows: u64,
    quarantined: u64,
    pub(super) bytes: u64,
    columns: usize,
    shape: String,
}

pub(crate) fn run(_surroundings: &Surroundings, args: &ConvertArgs) -> Result<Exit, CommandError> {
    let jobs = named(&args.inputs, stem);
    let overrides = args.reading.overrides();
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
                    let (writing, overrides) = (&args.writing, &overrides);
                    let result = convert(&Job { input, stem, writing, overrides, threads });
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
    super::ended(errors)
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

/// Converts one file.
pub(super) fn convert(job: &Job<'_>) -> Result<Converted, ConvertError> {
    let input = Input::of(job.input, &job.writing.output)?;
    let overrides = job.overrides;
    let recognised = input.recognise(overrides)?;
    let is_plain = recognised.encoding == Encoding::Utf8 && overrides.encoding.is_none();
    // Types that were said need a look at all values: only they tell whether something must be rescued.
    if recognised.types.is_empty() {
        match encode(job, &input, guess(&input, recognised)?, is_plain) {
            Err(ConvertError::Encode(
                _,
                EncodeError::WrongGuess { .. } | EncodeError::NeedsRescue { .. },
            ))
            | Ok(None) => {}
            Err(error) => return Err(error),
            Ok(Some(converted)) => return Ok(converted),
        }
    }
    let Settled { recognised, schema, observed, .. } = input.settle(overrides, false)?;
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
    let schema = super::input::table(&recognised.shape, &recognised.types, &mut observed);
    let untyped = observed.columns.iter().filter(|column| column.fits == Fits::ANY).map(|c| c.field.clone());
    let guess = Guess { untyped: untyped.collect() };
    Ok(Plan { recognised, schema, rescue: observed.needs_rescue, guess: Some(guess) })
}

/// Encodes a file by its plan. None where its text turned out to be written otherwise than its beginning.
fn encode(
    job: &Job<'_>,
    input: &Input,
    plan: Plan,
    is_plain: bool,
) -> Result<Option<Converted>, ConvertError> {
    let Job { input: path, stem, writing, overrides: _, threads } = *job;
    let Plan { recognised, schema, rescue, guess } = plan;
    let (output, file) = OutputFile::create(&writing.output, &format!("{stem}.parquet"))?;
    let options = EncodeOptions { rescue, threads, guess, ..options(writing) };
    let encode_error = |error| ConvertError::Encode(path.to_owned(), error);
    let mut quarantine = QuarantineFile::new(&writing.output, stem);
    let mut encoder = Encoder::create(BufWriter::with_capacity(BUFFER_BYTES, file), &schema, options)
        .map_err(encode_error)?;
    let mut batches = input.batches(&recognised)?;
    let mut batch = Batch::default();
    while batches.next(&mut batch)? {
        batch = encoder.encode(batch, &mut quarantine).map_err(encode_error)?;
    }
    encoder.complete(&mut quarantine).map_err(encode_error)?;
    if is_plain && batches.verdict() != recognised.encoding {
        return Ok(None);
    }
    let encoded = seal(path, &output, encoder, &facts(&schema, &recognised))?;
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

/// How a file is encoded whose types are certain and whose columns one thread writes.
pub(super) fn options(writing: &WritingArgs) -> EncodeOptions {
    EncodeOptions {
        codec: writing.compression,
        encodings: if writing.compat { Encodings::Compat } else { Encodings::Compact },
        origin: Origin::File,
        own: None,
        rescue: false,
        row_group: RowGroupBounds::default(),
        batch_rows: BATCH_ROWS,
        threads: 1,
        guess: None,
    }
}

/// Ends a file, makes it durable, and reads it back. It has no name of its own yet.
pub(super) fn seal(
    path: &Path,
    output: &OutputFile,
    encoder: Encoder<BufWriter<Box<dyn DiskFile>>>,
    facts: &[(String, String)],
) -> Result<Encoded<BufWriter<Box<dyn DiskFile>>>, ConvertError> {
    let encode_error = |error| ConvertError::Encode(path.to_owned(), error);
    let mut encoded = encoder.finish(facts).map_err(encode_error)?;
    io::Write::flush(&mut encoded.output).map_err(|e| encode_error(EncodeError::Flush(e)))?;
    output.sync(&**encoded.output.get_ref())?;
    let read_back_error = |error| ConvertError::ReadBack(path.to_owned(), error);
    let file = Chunks::new(output.reopen()?).map_err(|e| read_back_error(ReadBackError::Bytes(e)))?;
    let facts = read_back(&file).map_err(read_back_error)?;
    check(&facts, &encoded).map_err(read_back_error)?;
    Ok(encoded)
}

/// What every footer says.
pub(super) fn common_facts(schema: &TableSchema) -> Vec<(String, String)> {
    vec![
        ("ingest.schema".to_owned(), serde_json::to_string(schema).unwrap_or_default()),
        ("ingest.tool".to_owned(), format!("log-ingestion {}", env!("CARGO_PKG_VERSION"))),
    ]
}

/// What the footer says of the text.
fn facts(schema: &TableSchema, recognised: &RecognisedText) -> Vec<(String, String)> {
    let mut facts = common_facts(schema);
    facts.push(("ingest.encoding".to_owned(), recognised.encoding.to_string()));
    // What stood before the records is in no row.
    let of_text = recognised.facts.iter();
    facts.extend(of_text.map(|(name, fact)| (format!("ingest.text.{name}"), fact.clone())));
    facts
}

/// A name for each input's output: its own, with a number where two would be the same.
pub(super) fn named(inputs: &[PathBuf], stem: impl Fn(&Path) -> String) -> Vec<(&Path, String)> {
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
