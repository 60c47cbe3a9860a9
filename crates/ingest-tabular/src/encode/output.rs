//! The file under way: its row groups are written by whoever has the time for it.
//!
//! Decides that they are written one after the other, and none behind one that failed. Never decides what is in them.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::EncodeError;
use super::hashing::Hashing;
use super::page::Chunk;

/// The writer of a file, and what became of the last row group.
struct Open<W: Write + Send> {
    writer: SerializedFileWriter<Hashing<W>>,
    failed: Option<ParquetError>,
}

/// A file that row groups are added to.
pub(super) struct Output<W: Write + Send>(Arc<Mutex<Open<W>>>);

impl<W: Write + Send> std::fmt::Debug for Output<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

impl<W: Write + Send> Output<W> {
    pub(super) fn new(writer: SerializedFileWriter<Hashing<W>>) -> Self {
        Self(Arc::new(Mutex::new(Open { writer, failed: None })))
    }

    /// What is left to do with a row group. To be done once the one before is written.
    pub(super) fn write(&self, chunks: Vec<(Chunk, ColumnCloseResult)>) -> impl FnOnce() + Send + use<W> {
        let open = Arc::clone(&self.0);
        move || {
            let mut open = lock(&open);
            if open.failed.is_none() {
                open.failed = open.write(chunks).err();
            }
        }
    }

    /// Tells if a row group could not be written, once.
    pub(super) fn check(&self) -> Result<(), EncodeError> {
        lock(&self.0).failed.take().map_or(Ok(()), |failed| Err(EncodeError::RowGroup(failed)))
    }

    /// Rows that are written.
    pub(super) fn rows(&self) -> i64 {
        lock(&self.0).writer.flushed_row_groups().iter().map(|group| group.num_rows()).sum()
    }

    /// The writer, once every row group is written.
    pub(super) fn into_writer(self) -> Result<SerializedFileWriter<Hashing<W>>, EncodeError> {
        let busy = || EncodeError::RowGroup(ParquetError::General("a row group is still written".to_owned()));
        let open = Arc::into_inner(self.0).ok_or_else(busy)?;
        Ok(open.into_inner().unwrap_or_else(PoisonError::into_inner).writer)
    }
}

impl<W: Write + Send> Open<W> {
    fn write(&mut self, chunks: Vec<(Chunk, ColumnCloseResult)>) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for (chunk, close) in chunks {
            group.append_column(&chunk, close)?;
        }
        group.close()?;
        Ok(())
    }
}

fn lock<W: Write + Send>(open: &Mutex<Open<W>>) -> MutexGuard<'_, Open<W>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
