//! A window's records between fetching and encoding: in memory while small, on disk beyond.
//!
//! Bounds memory whatever the size of a window, and lets its records be read more than once: types are settled over
//! the whole window before its first row is encoded. Each stored block carries a checksum.

use std::hash::Hasher as _;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_core::records::RecordBlock;
use twox_hash::XxHash3_64;

use crate::disk::{Disk, DiskFile};
use crate::durable;
use crate::error::StoreError;

/// Bytes of buffers towards and from the disk.
const BUFFER_BYTES: usize = 256 << 10;
/// Largest stored block that is believed; a block is about 1 MiB, and holds at least one entry.
const FRAME_MAX: u64 = 1 << 30;

/// Bytes that a record takes in memory beside its text: where it ends, when it was received, its sequence number.
const RECORD_BYTES: usize = 24;

/// Records on their way.
#[derive(Debug)]
pub struct Spool {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    memory_max: usize,
    held: Vec<Arc<RecordBlock>>,
    held_bytes: usize,
    file: Option<BufWriter<Box<dyn DiskFile>>>,
    records: u64,
    text_bytes: u64,
    /// Of the block that was written last, what stood before its text; kept for its memory.
    head: Vec<u8>,
}

impl Spool {
    /// A spool that keeps up to `memory_max` bytes of records in memory, and then uses a file at `path`.
    #[must_use]
    pub const fn new(disk: Arc<dyn Disk>, path: PathBuf, memory_max: usize) -> Self {
        Self {
            disk,
            path,
            memory_max,
            held: Vec::new(),
            held_bytes: 0,
            file: None,
            records: 0,
            text_bytes: 0,
            head: Vec::new(),
        }
    }

    /// Adds a block, which others may hold as well.
    ///
    /// # Errors
    /// When the disk refuses it.
    pub fn push(&mut self, block: impl Into<Arc<RecordBlock>>) -> Result<(), StoreError> {
        let block = block.into();
        if block.is_empty() {
            return Ok(());
        }
        self.records = self.records.saturating_add(block.len() as u64);
        self.text_bytes = self.text_bytes.saturating_add(block.text_len() as u64);
        if self.file.is_some() {
            return self.spill(&block);
        }
        let places = block.len().saturating_mul(RECORD_BYTES);
        self.held_bytes = self.held_bytes.saturating_add(block.text_len()).saturating_add(places);
        self.held.push(block);
        if self.held_bytes > self.memory_max {
            let file = durable::create_file(&*self.disk, &self.path)?;
            self.file = Some(BufWriter::with_capacity(BUFFER_BYTES, file));
            for block in std::mem::take(&mut self.held) {
                self.spill(&block)?;
            }
            self.held_bytes = 0;
        }
        Ok(())
    }

    /// Forgets everything, to begin again.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        self.held.clear();
        self.held_bytes = 0;
        self.records = 0;
        self.text_bytes = 0;
        match self.file.take() {
            Some(_file) => durable::remove_if_there(&*self.disk, &self.path),
            None => Ok(()),
        }
    }

    /// Records held.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of their text.
    #[must_use]
    pub const fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Reads all blocks, from the first; may be called again.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&mut self) -> Result<SpoolReader<'_>, StoreError> {
        let Some(writer) = &mut self.file else {
            return Ok(SpoolReader::Memory(self.held.iter()));
        };
        writer.flush().map_err(StoreError::at("write", &self.path))?;
        let mut file = writer.get_ref().try_clone().map_err(StoreError::at("reopen", &self.path))?;
        file.seek(SeekFrom::Start(0)).map_err(StoreError::at("read", &self.path))?;
        Ok(SpoolReader::Disk { file: BufReader::with_capacity(BUFFER_BYTES, file), path: &self.path })
    }

    fn spill(&mut self, block: &RecordBlock) -> Result<(), StoreError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        // Head and text go out one after the other: putting them together first would copy every byte once more.
        self.head.clear();
        block.write_head(&mut self.head);
        let mut sum = XxHash3_64::new();
        sum.write(&self.head);
        sum.write(block.text());
        let len = self.head.len().saturating_add(block.text().len()) as u64;
        let frame = [len.to_le_bytes(), sum.finish().to_le_bytes()].concat();
        file.write_all(&frame)
            .and_then(|()| file.write_all(&self.head))
            .and_then(|()| file.write_all(block.text()))
            .map_err(StoreError::at("write", &self.path))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // What stays behind is swept at the next start.
            drop(durable::remove_if_there(&*self.disk, &self.path));
        }
    }
}

/// The blocks of a spool, in order.
#[derive(Debug)]
pub enum SpoolReader<'a> {
    /// Held in memory.
    Memory(std::slice::Iter<'a, Arc<RecordBlock>>),
    /// Held in a file.
    Disk {
        /// The file.
        file: BufReader<Box<dyn DiskFile>>,
        /// Its path, for errors.
        path: &'a Path,
    },
}

impl Iterator for SpoolReader<'_> {
    type Item = Result<Arc<RecordBlock>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Memory(blocks) => blocks.next().cloned().map(Ok),
            Self::Disk { file, path } => read_frame(file)
                .map(|block| block.map(Arc::new))
                .map_err(StoreError::at("read", path))
                .transpose(),
        }
    }
}

fn read_frame(file: &mut BufReader<Box<dyn DiskFile>>) -> io::Result<Option<RecordBlock>> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a spooled block is damaged");
    let mut head = [0_u8; 16];
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let number = |bytes: Option<&[u8]>| bytes.and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
    let (Some(len), Some(sum)) = (number(head.get(..8)), number(head.get(8..))) else {
        return Err(damaged());
    };
    if len > FRAME_MAX {
        return Err(damaged());
    }
    let mut frame = vec![0_u8; usize::try_from(len).map_err(|_too_long| damaged())?];
    file.read_exact(&mut frame)?;
    if XxHash3_64::oneshot(&frame) != sum {
        return Err(damaged());
    }
    RecordBlock::read(&frame).map(Some).ok_or_else(damaged)
}
