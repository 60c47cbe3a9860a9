//! A finished column chunk: the bytes of its pages, on their way into the file.

use std::io::{Chain, Read as _};

use bytes::buf::Reader;
use bytes::{Buf as _, Bytes};
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

/// The pages of a column chunk.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The dictionary page, where there is one: it comes first, but is known last.
    dictionary: Bytes,
    pages: Bytes,
}

impl Chunk {
    pub(super) fn new(dictionary: Vec<u8>, pages: Vec<u8>) -> Self {
        Self { dictionary: Bytes::from(dictionary), pages: Bytes::from(pages) }
    }
}

impl Length for Chunk {
    fn len(&self) -> u64 {
        (self.dictionary.len() + self.pages.len()) as u64
    }
}

impl ChunkReader for Chunk {
    type T = Chain<Reader<Bytes>, Reader<Bytes>>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let from = |bytes: &Bytes, start: usize| bytes.slice(start.min(bytes.len())..).reader();
        let behind = start.saturating_sub(self.dictionary.len());
        Ok(from(&self.dictionary, start).chain(from(&self.pages, behind)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = Vec::with_capacity(length);
        self.get_read(start)?.take(length as u64).read_to_end(&mut bytes)?;
        Ok(Bytes::from(bytes))
    }
}
