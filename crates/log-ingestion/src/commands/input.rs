//! Inputs of `convert` and `infer`: a file or standard input, read from its beginning as often as needed.
//!
//! Decides what a text is and what types it has, over the whole of it. Standard input is kept in a spool
//! meanwhile. Writes no output.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ingest_core::records::RecordBlock;
use ingest_core::schema::{Column, ColumnType, TableSchema};
use ingest_core::shape::Body;
use ingest_source::files;
use ingest_store::{OutputFile, StoreError};
use ingest_tabular::{
    Decoder, Encoding, Framer, Loss, Observed, Observer, Origin, Overrides, RecognisedText, recognise_file,
};

/// Text read at once.
const READ_BYTES: usize = 1 << 20;

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("failed to read {0}")]
    Read(PathBuf, #[source] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A text that can be read more than once.
pub(super) struct Input {
    path: PathBuf,
    spooled: Option<File>,
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
        let mut observer = new(&recognised.shape, Origin::File);
        let verdict = self.each_block(&recognised, |block| {
            observer.observe(block);
            Ok::<(), InputError>(())
        })?;
        if verdict != recognised.encoding && overrides.encoding.is_none() {
            // The beginning was plain; further on, bytes were no UTF-8.
            recognised.encoding = verdict;
            observer = new(&recognised.shape, Origin::File);
            self.each_block(&recognised, |block| {
                observer.observe(block);
                Ok::<(), InputError>(())
            })?;
        }
        let (mut observed, losses) = observer.finish_explained();
        let mut schema = TableSchema::new(recognised.shape.clone());
        schema.settle(&observed.columns);
        pin(&recognised, &mut schema, &mut observed);
        Ok(Settled { recognised, schema, observed, losses })
    }

    /// Reads the text from its beginning, block by block; tells the encoding that all of it turned out to be in.
    pub(super) fn each_block<E: From<InputError>>(
        &self,
        recognised: &RecognisedText,
        mut take: impl FnMut(&RecordBlock) -> Result<(), E>,
    ) -> Result<Encoding, E> {
        let mut stream = self.open()?;
        let mut decoder = Decoder::new(recognised.encoding);
        let mut framer = Framer::new(recognised.framing);
        let mut block = RecordBlock::default();
        let mut buffer = vec![0_u8; READ_BYTES];
        loop {
            let read = stream.read(&mut buffer).map_err(|e| InputError::Read(self.path.clone(), e))?;
            if read == 0 {
                framer.push(decoder.finish(), &mut block);
                framer.finish(&mut block);
            } else {
                framer.push(decoder.push(buffer.get(..read).unwrap_or_default()), &mut block);
            }
            take(&block)?;
            if read == 0 {
                return Ok(decoder.verdict());
            }
            block.advance();
        }
    }

    /// Looks at the start of the text.
    fn recognise(&self, overrides: &Overrides) -> Result<RecognisedText, InputError> {
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

/// Gives columns the types that were said. Their values may not fit, unless they are written text that becomes text.
fn pin(recognised: &RecognisedText, schema: &mut TableSchema, observed: &mut Observed) {
    let kinds: Vec<ColumnType> = schema.columns.iter().map(|column| column.kind).collect();
    schema.pin(&recognised.types);
    let written = schema.shape.body != Body::Json;
    let unsure = |(column, kind): (&Column, &ColumnType)| {
        column.kind != *kind && !(written && column.kind == ColumnType::Text)
    };
    observed.needs_rescue |= schema.columns.iter().zip(&kinds).any(unsure);
}
