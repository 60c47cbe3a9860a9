//! The two ways from text to a file: cut into batches as files are, or framed and pushed record by record as events are.
//!
//! Decides what both must agree on. Chooses nothing: shape, pieces and options come from the target.

use std::collections::BTreeMap;

use bytes::Bytes;
use ingest_core::records::{Record, RecordBlock};
use ingest_core::schema::TableSchema;
use ingest_core::shape::Shape;
use ingest_tabular::{
    Batch, Codec, Decoder, EncodeError, EncodeOptions, Encoded, Encoder, Encoding, Encodings, Framer,
    Framing, Guess, Ignored, Observed, Observer, Origin, OwnColumns, Quarantine, Reason, RowGroupBounds,
    TextCutter, check, quarantine_line, read_back,
};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::choices::Pieces;

/// Calls of the cutter for each byte of text, and beside them: more would be no progress.
const CUTS_A_BYTE: usize = 4;
const CUTS_BESIDE: usize = 64;

/// How a text is read and its rows are written.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) shape: Shape,
    pub(crate) framing: Framing,
    pub(crate) pieces: Pieces,
    pub(crate) batch_rows: u32,
    pub(crate) group_rows: usize,
    pub(crate) codec: Codec,
}

/// What a finished file holds, and what it does not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) rows: Vec<String>,
    pub(crate) lost: Vec<String>,
    pub(crate) ignored: BTreeMap<Ignored, u64>,
    pub(crate) rescued: u64,
}

impl Stored {
    pub(crate) fn records(&self) -> u64 {
        (self.rows.len() + self.lost.len()) as u64 + self.ignored.values().sum::<u64>()
    }
}

impl Reading {
    /// The records of a text, which are the same in one piece and in several.
    pub(crate) fn records(&self, text: &[u8]) -> RecordBlock {
        let framed = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let (mut framer, mut block) = (Framer::new(self.framing), RecordBlock::default());
            pieces.for_each(|piece| framer.push(piece, &mut block));
            framer.finish(&mut block);
            block
        };
        let block = framed(&mut std::iter::once(text));
        assert_eq!(framed(&mut self.pieces.of(text)), block, "records depend on the pieces");
        block
    }

    /// Hands the batches of a text on, one after the other.
    pub(crate) fn cut(&self, text: &[u8], mut each: impl FnMut(Batch) -> Batch) {
        let mut cutter = TextCutter::new(&self.shape, self.framing);
        let mut pieces = self.pieces.of(text);
        let mut batch = Batch::default();
        for _ in 0..text.len() * CUTS_A_BYTE + CUTS_BESIDE {
            if cutter.wanted() > 0 {
                match pieces.next() {
                    Some(piece) => cutter.fill(piece),
                    None => cutter.end(),
                }
            }
            if !cutter.cut(self.batch_rows, &mut batch) {
                return;
            }
            batch = each(batch);
        }
        panic!("the text does not end");
    }

    /// What an observer sees of a text, either way.
    pub(crate) fn observed(&self, text: &[u8], records: &RecordBlock) -> Observed {
        let mut long = Observer::new(&self.shape, Origin::File);
        long.observe(records);
        let observed = long.finish();
        let mut fast = Observer::new(&self.shape, Origin::File);
        self.cut(text, |batch| {
            fast.take(&batch);
            batch
        });
        let fast = fast.finish();
        account(&fast, records);
        // Without records no block says what columns the shape has.
        assert!(records.is_empty() || fast == observed, "the fast way shows {fast:?}, and not {observed:?}");
        fast
    }

    /// What an observer sees of a file whose first piece is handed over, and whose rest is a stream.
    pub(crate) fn streamed(&self, encoding: Encoding, file: &[u8]) -> Observed {
        let (mut cutter, mut decoder) = (TextCutter::new(&self.shape, self.framing), Decoder::new(encoding));
        let mut observer = Observer::new(&self.shape, Origin::File);
        let mut batch = Batch::default();
        // Cut by itself: the framer takes what comes first, and the fast way what is behind it.
        let first = self.pieces.of(file).next().unwrap_or_default();
        cutter.fill(decoder.push(first));
        let mut rest = &file[first.len()..];
        for _ in 0..file.len() * CUTS_A_BYTE + CUTS_BESIDE {
            if !cutter.cut(self.batch_rows, &mut batch) {
                return observer.finish();
            }
            observer.take(&batch);
            cutter.read(&mut rest, &mut decoder).unwrap();
        }
        panic!("the stream does not end");
    }

    /// The file of a text, cut into batches.
    pub(crate) fn fast(
        &self,
        text: &[u8],
        schema: &TableSchema,
        (rescue, guess): (bool, Option<Guess>),
    ) -> Result<Stored, EncodeError> {
        let mut encoder = self.encoder(schema, EncodeOptions { rescue, guess, ..self.options() })?;
        let mut lost = Lost::default();
        let mut failed = None;
        self.cut(text, |batch| {
            if failed.is_some() {
                return batch;
            }
            encoder.encode(batch, &mut lost).unwrap_or_else(|error| {
                failed = Some(error);
                Batch::default()
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        encoder.complete(&mut lost)?;
        Ok(read(encoder.finish(&[])?, lost))
    }

    /// The file of records, each of which goes through the parser.
    pub(crate) fn long(
        &self,
        records: &RecordBlock,
        schema: &TableSchema,
        rescue: bool,
    ) -> Result<Stored, EncodeError> {
        self.pushed(records, schema, EncodeOptions { rescue, ..self.options() })
    }

    /// The file of records as events of the API.
    pub(crate) fn events(
        &self,
        records: &RecordBlock,
        schema: &TableSchema,
        own: OwnColumns,
    ) -> Result<Stored, EncodeError> {
        let options = EncodeOptions { origin: Origin::Events, own: Some(own), ..self.options() };
        self.pushed(records, schema, options)
    }

    fn pushed(
        &self,
        records: &RecordBlock,
        schema: &TableSchema,
        options: EncodeOptions,
    ) -> Result<Stored, EncodeError> {
        let mut encoder = self.encoder(schema, options)?;
        let mut lost = Lost::default();
        encoder.push(records, &mut lost)?;
        Ok(read(encoder.finish(&[])?, lost))
    }

    fn encoder(&self, schema: &TableSchema, options: EncodeOptions) -> Result<Encoder<Vec<u8>>, EncodeError> {
        Encoder::create(Vec::new(), schema, options)
    }

    fn options(&self) -> EncodeOptions {
        EncodeOptions {
            codec: self.codec,
            // A choice that costs no byte of the input.
            encodings: if self.group_rows.is_multiple_of(2) { Encodings::Compact } else { Encodings::Compat },
            origin: Origin::File,
            own: None,
            rescue: false,
            row_group: RowGroupBounds { rows: self.group_rows, ..RowGroupBounds::default() },
            batch_rows: self.batch_rows,
            threads: 1,
            guess: None,
        }
    }

    /// Both ways to a file of a text; they give the same.
    pub(crate) fn check(&self, text: &[u8]) {
        let records = self.records(text);
        let observed = self.observed(text, &records);
        let mut schema = TableSchema::new(self.shape.clone());
        schema.settle(&observed.columns);
        let rescue = observed.needs_rescue;
        let long = self.long(&records, &schema, rescue).unwrap();
        let fast = self.fast(text, &schema, (rescue, None)).unwrap();
        assert_eq!(fast, long, "the fast way stores something else");
        assert_eq!(long.records(), records.len() as u64);
    }
}

/// Every record was seen as something.
pub(crate) fn account(observed: &Observed, records: &RecordBlock) {
    let misfits: u64 = observed.misfits.values().sum();
    let ignored: u64 = observed.ignored.values().sum();
    assert_eq!(observed.rows + misfits + ignored, records.len() as u64, "records went astray");
}

/// Reads all of a finished file, which holds what its encoder said.
fn read(mut encoded: Encoded<Vec<u8>>, lost: Lost) -> Stored {
    let file = Bytes::from(std::mem::take(&mut encoded.output));
    check(&read_back(&file).unwrap(), &encoded).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    let rows: Vec<String> = rows.map(|row| format!("{:?}", row.unwrap().into_columns())).collect();
    assert_eq!(rows.len() as u64, encoded.rows, "rows that were said");
    assert_eq!(lost.0.len() as u64, encoded.quarantined.values().sum::<u64>(), "records that were lost");
    Stored { rows, lost: lost.0, ignored: encoded.ignored, rescued: encoded.rescued }
}

/// Keeps what is quarantined.
#[derive(Debug, Default)]
struct Lost(Vec<String>);

impl Quarantine for Lost {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        self.0.push(quarantine_line(record, reason));
    }
}
