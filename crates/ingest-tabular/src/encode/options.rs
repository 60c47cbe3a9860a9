//! What an encoder is told beside the schema.
//!
//! Data only: nothing here acts.

use ingest_core::time::Timestamp;

use crate::parse::Origin;

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Fast, and read by everything.
    Snappy,
    /// Level 6.
    Gzip,
    /// Level 4.
    Brotli,
    /// Level 3.
    Zstd,
    /// The raw LZ4 block format.
    Lz4,
    /// Not at all.
    None,
}

/// How values are laid out in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encodings {
    /// As small as it gets: dictionaries, differences, lengths apart from bytes.
    #[default]
    Compact,
    /// Only what any reader knows: dictionaries, and values as they are.
    Compat,
}

/// When a row group is closed. Memory holds one row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowGroupBounds {
    /// Bytes of encoded pages; looked at after every few thousand rows.
    pub bytes: usize,
    /// Rows.
    pub rows: usize,
}

impl Default for RowGroupBounds {
    /// 12 MiB, so that several encoders fit into a small container, and the million rows that readers expect.
    fn default() -> Self {
        Self { bytes: 12 << 20, rows: 1 << 20 }
    }
}

/// What fills the columns that are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnColumns {
    /// The log that the rows are of.
    pub log_id: String,
    /// The time of rows that carry none.
    pub window_start: Timestamp,
    /// Whether to keep each record as it came.
    pub keep_raw: bool,
}

/// What a guessed schema does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guess {
    /// Fields that had no value yet. Any value in one proves the guess wrong.
    pub untyped: Vec<String>,
}

/// What an encoder is told beside the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeOptions {
    /// How pages are compressed.
    pub codec: Codec,
    /// How values are laid out in pages.
    pub encodings: Encodings,
    /// Where the records come from.
    pub origin: Origin,
    /// The columns that are ours; none for plain conversion.
    pub own: Option<OwnColumns>,
    /// Whether a file without columns of ours still has a `_rescued` column: the schema was fixed before its
    /// values were seen, or [`crate::Observed::needs_rescue`] says so.
    pub rescue: bool,
    /// When a row group is closed.
    pub row_group: RowGroupBounds,
    /// Rows that are handed to the columns at once; [`crate::BATCH_ROWS`] is a good number.
    pub batch_rows: u32,
    /// Threads that encode columns, the caller's included.
    pub threads: usize,
    /// Whether the schema is but a guess from the first records. Then a value that its column can not hold, or a field
    /// without a column, ends the encoding with [`crate::EncodeError::WrongGuess`].
    pub guess: Option<Guess>,
}
