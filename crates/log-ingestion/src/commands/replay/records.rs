//! The records of a quarantine file, block by block, with what the file says of each beside its bytes.
//!
//! Holds one block. Damage is an error that names file and line: a record that cannot be read must not be passed over.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use ingest_core::records::{Receipt, Record, RecordBlock};
use ingest_source::files;
use ingest_tabular::{Quarantine, Reason, read_quarantine_line};

use super::ReplayError;
use crate::commands::input::InputError;

/// Text of a block: enough to recognise records by.
const BLOCK_BYTES: usize = 1 << 20;
/// Records of a block, which may all be empty.
const BLOCK_RECORDS: usize = 8_192;

/// A quarantine file, being read.
pub(super) struct Records {
    path: PathBuf,
    stream: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    lines: u64,
}

/// Some of its records.
#[derive(Default)]
pub(super) struct Block {
    /// Their bytes, numbered by their lines.
    pub(super) records: RecordBlock,
    /// Where each was in its source, and how it was received.
    origins: Vec<(u64, Option<Receipt>)>,
}

impl Records {
    pub(super) fn open(path: &Path) -> Result<Self, InputError> {
        let stream = files::open(path).map_err(|error| InputError::Read(path.to_owned(), error))?;
        Ok(Self { path: path.to_owned(), stream: BufReader::new(stream), line: Vec::new(), lines: 0 })
    }

    /// Replaces the block by the next one. False when there is none.
    pub(super) fn next(&mut self, block: &mut Block) -> Result<bool, ReplayError> {
        block.records.advance();
        block.origins.clear();
        while block.records.text_len() < BLOCK_BYTES && block.records.len() < BLOCK_RECORDS {
            self.line.clear();
            let read = self.stream.read_until(b'\n', &mut self.line);
            if read.map_err(|error| InputError::Read(self.path.clone(), error))? == 0 {
                break;
            }
            self.lines += 1;
            let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
            let damaged = |error| ReplayError::Damaged(self.path.clone(), self.lines, error);
            let quarantined = read_quarantine_line(line).map_err(damaged)?;
            // Receipts stay beside the block, which takes them for all of its records or for none.
            block.records.push(&quarantined.bytes);
            block.origins.push((quarantined.ordinal, quarantined.receipt));
        }
        Ok(!block.records.is_empty())
    }

    /// Lines read so far, a record each.
    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }
}

/// Hands on what is left of a block, saying of each record what the file that it came from said.
pub(super) struct Left<'a> {
    pub(super) block: &'a Block,
    pub(super) to: &'a mut dyn Quarantine,
}

impl Quarantine for Left<'_> {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        let place = record.ordinal.checked_sub(self.block.records.first_ordinal());
        let place = place.and_then(|place| usize::try_from(place).ok());
        let origin = place.and_then(|place| self.block.origins.get(place));
        let (ordinal, receipt) = origin.copied().unwrap_or((record.ordinal, record.receipt));
        self.to.take(Record { bytes: record.bytes, receipt, ordinal }, reason);
    }
}
