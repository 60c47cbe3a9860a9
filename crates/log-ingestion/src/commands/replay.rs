//! `replay`: quarantined records are put through again, once a pin was fixed or the program upgraded.
//!
//! Takes each record with its exact bytes, as one that stands apart: line feeds within are its own. Decides where rows
//! and the rest go. Never touches the quarantine files that it reads.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use ingest_core::schema::TableSchema;
use ingest_store::{OutputFile, StoreError};
use ingest_tabular::{
    EncodeError, EncodeOptions, Encoder, NotQuarantined, Observer, Origin, Overrides, Reason,
    recognise_records,
};

use super::convert::{ConvertError, common_facts, named, options, seal};
use super::input::{self, InputError};
use super::print;
use super::quarantine_file::{BUFFER_BYTES, QuarantineFile};
use crate::cli::{ReplayArgs, WritingArgs};
use crate::exit::{CommandError, Exit};
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};
use records::{Block, Left, Records};

mod records;

/// Why a quarantine file could not be replayed.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Convert(#[from] ConvertError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("line {1} of {0} is damaged")]
    Damaged(PathBuf, u64, #[source] NotQuarantined),
    #[error("what is left would replace {0}: choose another --output")]
    Itself(PathBuf),
}

/// One file's replay.
struct Job<'a> {
    input: &'a Path,
    /// Name of its outputs, without ending.
    stem: &'a str,
    writing: &'a WritingArgs,
    overrides: &'a Overrides,
}

/// What came of one file.
struct Replayed {
    input: PathBuf,
    /// None where there is no row.
    output: Option<PathBuf>,
    records: u64,
    rows: u64,
    passed_over: u64,
    left: BTreeMap<Reason, u64>,
    shape: String,
}

pub(crate) fn run(_surroundings: &Surroundings, args: &ReplayArgs) -> Result<Exit, CommandError> {
    if args.reading.encoding.is_some() {
        let said = "--encoding says nothing about quarantined records: they are replayed byte for byte";
        return Err(CommandError::Failed(Exit::Usage, said.to_owned()));
    }
    let overrides = args.reading.overrides();
    let jobs = named(&args.inputs, stem);
    for (_, stem) in &jobs {
        spare_inputs(&args.inputs, &args.writing.output, stem)
            .map_err(|error| CommandError::failed(Exit::Usage, &error))?;
    }
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for (input, stem) in &jobs {
        match replay(&Job { input, stem, writing: &args.writing, overrides: &overrides }) {
            Ok(done) => rows.push(row(&done)),
            Err(error) => errors.push(error),
        }
    }
    let (left, right) = (Align::Left, Align::Right);
    let columns = [
        ("input", left),
        ("output", left),
        ("records", right),
        ("rows", right),
        ("passed over", right),
        ("left", right),
        ("reasons", left),
        ("shape", left),
    ];
    print(&table(&columns, &rows))?;
    super::ended(errors)
}

fn row(done: &Replayed) -> Vec<String> {
    let reasons = done.left.iter().map(|(reason, count)| format!("{} {reason}", grouped(*count)));
    vec![
        done.input.display().to_string(),
        done.output.as_ref().map_or_else(|| "-".to_owned(), |output| output.display().to_string()),
        grouped(done.records),
        grouped(done.rows),
        grouped(done.passed_over),
        grouped(done.left.values().sum()),
        if done.left.is_empty() { "-".to_owned() } else { reasons.collect::<Vec<_>>().join(", ") },
        done.shape.clone(),
    ]
}

/// Refuses outputs that would take an input's place.
fn spare_inputs(inputs: &[PathBuf], folder: &Path, stem: &str) -> Result<(), ReplayError> {
    let Ok(left) = folder.join(QuarantineFile::name(stem)).canonicalize() else {
        return Ok(());
    };
    match inputs.iter().find(|input| input.canonicalize().is_ok_and(|input| input == left)) {
        Some(input) => Err(ReplayError::Itself(input.clone())),
        None => Ok(()),
    }
}

fn replay(job: &Job<'_>) -> Result<Replayed, ReplayError> {
    let Job { input, stem, writing, overrides } = *job;
    let (schema, rescue, count) = settle(input, overrides)?;
    let (output, file) = OutputFile::create(&writing.output, &format!("{stem}.replayed.parquet"))?;
    let options = EncodeOptions { rescue, ..options(writing) };
    let encode_error = |error: EncodeError| ConvertError::Encode(input.to_owned(), error);
    let mut encoder = Encoder::create(BufWriter::with_capacity(BUFFER_BYTES, file), &schema, options)
        .map_err(encode_error)?;
    let mut quarantine = QuarantineFile::new(&writing.output, stem);
    let (mut records, mut block) = (Records::open(input)?, Block::default());
    while records.next(&mut block)? {
        let mut left = Left { block: &block, to: &mut quarantine };
        encoder.push(&block.records, &mut left).map_err(encode_error)?;
    }
    if records.lines() != count {
        return Err(InputError::Changed(input.to_owned()).into());
    }
    let encoded = seal(input, &output, encoder, &common_facts(&schema))?;
    quarantine.publish().map_err(|e| ConvertError::Quarantine(input.to_owned(), e))?;
    Ok(Replayed {
        input: input.to_owned(),
        // A table without rows would only hide that there are none.
        output: if encoded.rows > 0 { Some(output.publish()?) } else { None },
        records: count,
        rows: encoded.rows,
        passed_over: encoded.ignored.values().sum(),
        left: encoded.quarantined,
        shape: schema.shape.to_string(),
    })
}

/// The table of all records, whether it needs a column for what does not fit, and how many they are.
fn settle(input: &Path, overrides: &Overrides) -> Result<(TableSchema, bool, u64), ReplayError> {
    let (mut records, mut block) = (Records::open(input)?, Block::default());
    records.next(&mut block)?;
    let shape = recognise_records(&block.records, overrides);
    let mut observer = Observer::new(&shape, Origin::File);
    loop {
        observer.observe(&block.records);
        if !records.next(&mut block)? {
            break;
        }
    }
    let mut observed = observer.finish();
    let schema = input::table(&shape, &overrides.types, &mut observed);
    Ok((schema, observed.needs_rescue, records.lines()))
}

/// The file's name without the endings that quarantine files have.
fn stem(input: &Path) -> String {
    let name = input.file_name().map_or_else(|| "input".to_owned(), |n| n.to_string_lossy().into_owned());
    let endings = [".gz", ".zst", ".jsonl", ".quarantine"];
    let stem = endings.iter().fold(name.as_str(), |name, end| name.strip_suffix(end).unwrap_or(name));
    if stem.is_empty() { name } else { stem.to_owned() }
}
