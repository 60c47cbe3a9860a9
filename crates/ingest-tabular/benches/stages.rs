//! How fast each stage of the engine is by itself: cutting text, finding types, encoding columns, compressing.
//!
//! Measures through the public interface only, on generated data that fits into memory. Promises no figure: machines
//! differ, and `docs/performance.md` says what is compared with what.

#![expect(clippy::unwrap_used, reason = "a bench that can not run should stop")]

#[path = "stages/data.rs"]
mod data;

use data::Values;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use ingest_core::records::Record;
use ingest_core::schema::TableSchema;
use ingest_tabular::{
    BATCH_ROWS, Batch, Codec, EncodeOptions, Encoder, Encodings, Observer, Origin, Overrides, Quarantine,
    Reason, RecognisedText, RowGroupBounds, TextCutter, recognise_file,
};

/// Rows of the texts that are cut and observed.
const ROWS: u32 = 20_000;
/// Values of a column that is encoded.
const COLUMN_ROWS: u32 = 100_000;

fn main() {
    divan::main();
}

/// A text, and what it was recognised to be.
struct Text {
    bytes: Vec<u8>,
    recognised: RecognisedText,
}

impl Text {
    fn new(text: String) -> Self {
        let recognised = recognise_file(text.as_bytes(), true, &Overrides::default());
        Self { bytes: text.into_bytes(), recognised }
    }

    /// Cuts all of the text, and shows each batch.
    fn cut(&self, mut show: impl FnMut(Batch) -> Batch) {
        let mut cutter = TextCutter::new(&self.recognised.shape, self.recognised.framing);
        let mut batch = Batch::default();
        let mut rest = self.bytes.as_slice();
        loop {
            while cutter.wanted() > 0 {
                let (next, after) = rest.split_at_checked(cutter.wanted()).unwrap_or((rest, &[]));
                if next.is_empty() {
                    cutter.end();
                }
                cutter.fill(next);
                rest = after;
            }
            if !cutter.cut(BATCH_ROWS, &mut batch) {
                return;
            }
            batch = show(batch);
        }
    }

    fn batches(&self) -> Vec<Batch> {
        let mut batches = Vec::new();
        self.cut(|batch| {
            batches.push(batch);
            Batch::default()
        });
        batches
    }

    fn schema(&self) -> TableSchema {
        let mut observer = Observer::new(&self.recognised.shape, Origin::File);
        self.batches().iter().for_each(|batch| observer.take(batch));
        let mut schema = TableSchema::new(self.recognised.shape.clone());
        schema.settle(&observer.finish().columns);
        schema
    }
}

/// Shapes whose texts are cut and observed.
#[derive(Debug, Clone, Copy)]
enum Kind {
    AccessCsv,
    JsonLines,
}

const KINDS: [Kind; 2] = [Kind::AccessCsv, Kind::JsonLines];

fn text_of(kind: Kind) -> Text {
    Text::new(match kind {
        Kind::AccessCsv => data::access_csv(ROWS),
        Kind::JsonLines => data::json_lines(ROWS),
    })
}

/// Finding records and fields.
#[divan::bench(args = KINDS)]
fn tokenise(bencher: Bencher<'_, '_>, kind: Kind) {
    let text = text_of(kind);
    bencher.counter(BytesCount::of_slice(&text.bytes)).bench_local(|| text.cut(divan::black_box));
}

/// Finding what types all values survive, in batches that were cut before.
#[divan::bench(args = KINDS)]
fn infer(bencher: Bencher<'_, '_>, kind: Kind) {
    let text = text_of(kind);
    let batches = text.batches();
    bencher.counter(BytesCount::of_slice(&text.bytes)).bench_local(|| {
        let mut observer = Observer::new(&text.recognised.shape, Origin::File);
        batches.iter().for_each(|batch| observer.take(batch));
        observer.finish()
    });
}

/// Encoding one column, uncompressed; cutting it out of its text is part of the time.
#[divan::bench(args = Values::ALL)]
fn encode(bencher: Bencher<'_, '_>, values: Values) {
    let text = Text::new(data::one_column(values, COLUMN_ROWS));
    let schema = text.schema();
    bencher.counter(ItemsCount::new(COLUMN_ROWS)).bench_local(|| encoded(&text, &schema, Codec::None));
}

/// The same table by each codec: what one takes longer than none is what it costs.
#[divan::bench(args = [Codec::None, Codec::Snappy, Codec::Zstd])]
fn compress(bencher: Bencher<'_, '_>, codec: Codec) {
    let text = text_of(Kind::AccessCsv);
    let schema = text.schema();
    bencher.counter(BytesCount::of_slice(&text.bytes)).bench_local(|| encoded(&text, &schema, codec));
}

/// There is nothing to refuse in generated data.
struct NoQuarantine;

impl Quarantine for NoQuarantine {
    fn take(&mut self, _record: Record<'_>, _reason: Reason) {}
}

/// Encodes all of a text in memory. Answers the length of the file.
fn encoded(text: &Text, schema: &TableSchema, codec: Codec) -> u64 {
    let options = EncodeOptions {
        codec,
        encodings: Encodings::Compact,
        origin: Origin::File,
        own: None,
        rescue: false,
        row_group: RowGroupBounds::default(),
        batch_rows: BATCH_ROWS,
        threads: 1,
        guess: None,
    };
    let mut encoder = Encoder::create(Vec::new(), schema, options).unwrap();
    text.cut(|batch| encoder.encode(batch, &mut NoQuarantine).unwrap());
    encoder.complete(&mut NoQuarantine).unwrap();
    encoder.finish(&[]).unwrap().file_bytes
}
