//! `convert`: local log files become Parquet files, one each, with types inferred over the whole file.
//!
//! Reads a file twice: once to settle its types, once to encode it.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ingest_core::records::Record;
use ingest_store::{OutputFile, StoreError};
use ingest_tabular::{
    BATCH_ROWS, EncodeError, EncodeOptions, Encoder, Origin, Quarantine, ReadBackError, Reason,
    RowGroupBounds, check, quarantine_line, read_back,
};

use super::input::{Input, InputError, Settled};
use super::print;
use crate::cli::ConvertArgs;
use crate::exit::{CommandError, Exit};
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};

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
    let queue = Mutex::new(jobs.iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let results = Mutex::new(Vec::new());
    let threads = usize::from(args.threads).min(args.inputs.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((input, stem)) = next() {
                    let result = convert(&Job { input, stem, args });
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
    let Job { input: path, stem, args } = *job;
    let input = Input::of(path, &args.output)?;
    let Settled { recognised, schema, observed, .. } = input.settle(&args.reading.overrides(), false)?;
    let (output, file) = OutputFile::create(&args.output, &format!("{stem}.parquet"))?;
    let options = EncodeOptions {
        codec: args.compression,
        origin: Origin::File,
        own: None,
        rescue: observed.needs_rescue,
        row_group: RowGroupBounds::default(),
        batch_rows: BATCH_ROWS,
    };
    let encode_error = |error| ConvertError::Encode(path.to_owned(), error);
    let mut quarantine = QuarantineFile { folder: &args.output, stem, file: None, failed: None };
    let mut encoder = Encoder::create(BufWriter::with_capacity(BUFFER_BYTES, file), &schema, options)
        .map_err(encode_error)?;
    input.each_block(&recognised, |block| encoder.push(block, &mut quarantine).map_err(encode_error))?;
    let text = serde_json::to_string(&schema).unwrap_or_default();
    let mut facts = vec![
        ("ingest.schema".to_owned(), text),
        ("ingest.tool".to_owned(), format!("log-ingestion {}", env!("CARGO_PKG_VERSION"))),
        ("ingest.encoding".to_owned(), recognised.encoding.to_string()),
    ];
    // What stood before the records is in no row.
    facts.extend(recognised.facts.into_iter().map(|(name, fact)| (format!("ingest.text.{name}"), fact)));
    let mut encoded = encoder.finish(&facts).map_err(encode_error)?;
    io::Write::flush(&mut encoded.output).map_err(|e| encode_error(EncodeError::Flush(e)))?;
    output.sync(encoded.output.get_ref())?;
    let facts = read_back(&output.reopen()?).map_err(|e| ConvertError::ReadBack(path.to_owned(), e))?;
    check(&facts, &encoded).map_err(|e| ConvertError::ReadBack(path.to_owned(), e))?;
    quarantine.publish().map_err(|e| ConvertError::Quarantine(path.to_owned(), e))?;
    Ok(Converted {
        input: path.to_owned(),
        output: output.publish()?,
        rows: encoded.rows,
        quarantined: encoded.quarantined.values().sum(),
        bytes: encoded.file_bytes,
        columns: schema.columns.len(),
        shape: schema.shape.to_string(),
    })
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
