//! Any source that can be read and sought, as what a Parquet reader asks for.
//!
//! Decides nothing about a file. Never opens one: the caller has, wherever it lies.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A source that is read in chunks, from any place of it.
#[derive(Debug)]
pub struct Chunks<S> {
    source: Arc<Mutex<S>>,
    len: u64,
}

impl<S: Read + Seek> Chunks<S> {
    /// A source of the length that it has now.
    ///
    /// # Errors
    /// When its end cannot be sought.
    pub fn new(mut source: S) -> io::Result<Self> {
        let len = source.seek(SeekFrom::End(0))?;
        Ok(Self { source: Arc::new(Mutex::new(source)), len })
    }
}

impl<S> Length for Chunks<S> {
    fn len(&self) -> u64 {
        self.len
    }
}

impl<S: Read + Seek + Send> ChunkReader for Chunks<S> {
    type T = BufReader<ChunkRead<S>>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(ChunkRead { source: Arc::clone(&self.source), next: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut read = ChunkRead { source: Arc::clone(&self.source), next: start };
        let mut bytes = vec![0; length];
        match read.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes.into()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(ParquetError::EOF(format!("{length} bytes at {start} end beyond the file")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads on from one place, whatever others read meanwhile.
#[derive(Debug)]
pub struct ChunkRead<S> {
    source: Arc<Mutex<S>>,
    next: u64,
}

impl<S: Read + Seek> Read for ChunkRead<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.seek(SeekFrom::Start(self.next))?;
        let read = source.read(into)?;
        self.next = self.next.saturating_add(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn chunks_are_read_from_any_place_beside_each_other() {
        let chunks = Chunks::new(Cursor::new(b"0123456789".to_vec())).unwrap();
        assert_eq!(chunks.len(), 10);
        let (mut early, mut late) = (chunks.get_read(2).unwrap(), chunks.get_read(7).unwrap());
        let mut text = String::new();
        late.read_to_string(&mut text).unwrap();
        early.read_to_string(&mut text).unwrap();
        assert_eq!(text, "78923456789");
        assert_eq!(chunks.get_bytes(8, 2).unwrap(), "89");
        assert!(matches!(chunks.get_bytes(8, 3), Err(ParquetError::EOF(_))));
    }
}
