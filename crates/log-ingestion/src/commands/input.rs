//! Inputs of `convert` and `infer`: a file or standard input, read from its beginning as often as needed.
//!
//! Decides what a text is and what types it has, over the whole of it. Standard input is kept in a spool
//! meanwhile. Writes no output.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ingest_core::schema::{Column, ColumnType, PinnedType, TableSchema};
use ingest_core::shape::{Body, Shape};
use ingest_source::files;
use ingest_store::{DiskFile, OutputFile, StoreError};
use ingest_tabular::{
    BATCH_ROWS, Batch, Decoder, Encoding, Loss, Observed, Observer, Origin, Overrides, RecognisedText,
    TextCutter, recognise_file,
};

/// Text by which a file is recognised.
const READ_BYTES: usize = 1 << 20;

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("failed to read {0}")]
    Read(PathBuf, #[source] io::Error),
    #[error("{0} changed while it was read")]
    Changed(PathBuf),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A text that can be read more than once.
pub(super) struct Input {
    path: PathBuf,
    spooled: Option<Box<dyn DiskFile>>,
}

/// What the whole of a text showed.
pub(super) struct Settled {
    pub(super) recognised: RecognisedText,
    pub(super) schema: TableSchema,
    pub(super) observed: Observed,
    /// For each column, the values that took types from it.
    pub(super) losses: Vec<Vec<Loss>>,
}

impl Input {
    /// The file of that path, or standard input, kept in `spool_folder`, for `-`.
    pub(super) fn of(path: &Path, spool_folder: &Path) -> Result<Self, InputError> {
        let path = path.to_owned();
        if path != Path::new("-") {
            return Ok(Self { path, spooled: None });
        }
        let mut spool = OutputFile::scratch(spool_folder)?;
        io::copy(&mut io::stdin().lock(), &mut spool).map_err(|e| InputError::Read(path.clone(), e))?;
        Ok(Self { path, spooled: Some(spool) })
    }

    /// Settles what the text is, and its types by all of its values.
    pub(super) fn settle(&self, overrides: &Overrides, explain: bool) -> Result<Settled, InputError> {
        let mut recognised = self.recognise(overrides)?;
        let new = if explain { Observer::explaining } else { Observer::new };
        let (mut observer, verdict) = self.observe(&recognised, new(&recognised.shape, Origin::File))?;
        if verdict != recognised.encoding && overrides.encoding.is_none() {
            // The beginning was plain; further on, bytes were no UTF-8.
            recognised.encoding = verdict;
            observer = self.observe(&recognised, new(&recognised.shape, Origin::File))?.0;
        }
        let (mut observed, losses) = observer.finish_explained();
        let schema = table(&recognised.shape, &recognised.types, &mut observed);
        Ok(Settled { recognised, schema, observed, losses })
    }

    /// Shows all of the text to an observer; tells the encoding that all of it turned out to be in.
    fn observe(
        &self,
        recognised: &RecognisedText,
        mut observer: Observer,
    ) -> Result<(Observer, Encoding), InputError> {
        let mut batches = self.batches(recognised)?;
        let mut batch = Batch::default();
        while batches.next(&mut batch)? {
            observer.take(&batch);
        }
        Ok((observer, batches.verdict()))
    }

    /// The text from its beginning, cut into batches.
    pub(super) fn batches(&self, recognised: &RecognisedText) -> Result<Batches<'_>, InputError> {
        Ok(Batches {
            path: &self.path,
            stream: self.open()?,
            decoder: Decoder::new(recognised.encoding),
            cutter: TextCutter::new(&recognised.shape, recognised.framing),
        })
    }

    /// Looks at the start of the text.
    pub(super) fn recognise(&self, overrides: &Overrides) -> Result<RecognisedText, InputError> {
        let mut start = Vec::new();
        let mut stream = self.open()?.take(READ_BYTES as u64);
        stream.read_to_end(&mut start).map_err(|e| InputError::Read(self.path.clone(), e))?;
        Ok(recognise_file(&start, start.len() < READ_BYTES, overrides))
    }

    fn open(&self) -> Result<Box<dyn Read + Send>, InputError> {
        let stream = match &self.spooled {
            None => files::open(&self.path),
            Some(file) => file.try_clone().and_then(|mut file| {
                io::Seek::rewind(&mut file)?;
                files::decompress(file)
            }),
        };
        stream.map_err(|error| InputError::Read(self.path.clone(), error))
    }
}

/// The batches of a text.
pub(super) struct Batches<'a> {
    path: &'a Path,
    stream: Box<dyn Read + Send>,
    decoder: Decoder,
    cutter: TextCutter,
}

impl Batches<'_> {
    /// Replaces the batch by the next one. False when there is none.
    pub(super) fn next(&mut self, batch: &mut Batch) -> Result<bool, InputError> {
        let read = self.cutter.read(&mut self.stream, &mut self.decoder);
        read.map_err(|error| InputError::Read(self.path.to_owned(), error))?;
        Ok(self.cutter.cut(BATCH_ROWS, batch))
    }

    /// The encoding that the text so far turned out to be in.
    pub(super) fn verdict(&self) -> Encoding {
        self.decoder.verdict()
    }
}

/// The table of what was seen of a text, with the types that were said for it.
pub(super) fn table(
    shape: &Shape,
    types: &BTreeMap<String, PinnedType>,
    observed: &mut Observed,
) -> TableSchema {
    let mut schema = TableSchema::new(shape.clone());
    schema.settle(&observed.columns);
    pin(types, &mut schema, observed);
    schema
}

/// Gives columns the types that were said. Their values may not fit, unless they are written text that becomes text.
fn pin(types: &BTreeMap<String, PinnedType>, schema: &mut TableSchema, observed: &mut Observed) {
    let kinds: Vec<ColumnType> = schema.columns.iter().map(|column| column.kind).collect();
    schema.pin(types);
    let written = schema.shape.body != Body::Json;
    let unsure = |(column, kind): (&Column, &ColumnType)| {
        column.kind != *kind && !(written && column.kind == ColumnType::Text)
    };
    observed.needs_rescue |= schema.columns.iter().zip(&kinds).any(unsure);
}
