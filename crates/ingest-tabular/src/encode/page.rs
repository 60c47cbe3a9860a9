//! Pages of ours: the values of one column become the bytes of its pages, batch by batch.
//!
//! Decides encodings, where pages end, and their statistics. Memory holds what is already encoded and one open page.
//! The `parquet` crate keeps the footer and the indexes; nothing here knows files, rows of a log, or types of a schema.
//! Source of every layout: the Parquet format's own description (Encodings.md, README.md, PageIndex.md).

pub(crate) use chunk::Chunk;
pub(crate) use column::{Batch, Column, ColumnSpec};
pub(crate) use compress::Compressor;

mod chunk;
mod column;
mod compress;
mod delta;
mod dictionary;
mod header;
mod hybrid;
mod numbered;
mod numbers;
mod open;
mod range;
mod texts;
mod truths;

#[cfg(test)]
mod tests;
