//! Log text to typed Parquet.
//!
//! Decides the shape of a log's text ([`recognise`]), where records and fields begin and end ([`Framer`]), what
//! types a log's values survive ([`Observer`]), and how rows become a Parquet file ([`Encoder`]) that is checked
//! when read again ([`read_back`]). Works on bytes: never opens a path or a socket, never reads a clock, and
//! never chooses a column type, which is the schema's to do.

pub use cells::{Batch, TextCutter};
pub use encode::{
    BATCH_ROWS, CONTENT_BYTES_FACT, CONTENT_HASH_FACT, Codec, EncodeError, EncodeOptions, Encoded, Encoder,
    Encodings, Guess, OwnColumns, RowGroupBounds,
};
pub use encoding::{Decoder, Encoding};
pub use framing::{Framer, Framing, LineEnds};
pub use inspect::{Inspected, InspectedColumn, decode, head, inspect};
pub use observe::{Loss, Observed, Observer, Why, why};
pub use parse::{Ignored, Origin};
pub use quarantine::{
    NotQuarantined, Quarantine, Quarantined, Reason, quarantine_line, read_quarantine_line,
};
pub use readback::{Chunks, ColumnFacts, FileFacts, ReadBackError, check, read_back};
pub use recognise::{
    Format, Overrides, RecognisedText, recognise, recognise_file, recognise_records, recognise_text,
};
pub use scalar::{Cell, classify, parse_cell, parse_cell_near, print_cell};
pub use splice::{SpliceError, splice};

mod catalogue;
mod cells;
mod encode;
mod encoding;
mod fields;
mod framing;
mod inspect;
mod observe;
mod parse;
mod quarantine;
mod readback;
mod recognise;
mod scalar;
mod splice;
