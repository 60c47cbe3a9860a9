//! A writer that hashes and counts what passes.
//!
//! Decides nothing; forwards every byte to the writer inside.

use std::io::{self, Write};

use twox_hash::XxHash3_128;

/// Forwards bytes, hashing and counting them.
pub(crate) struct Hashing<W> {
    inner: W,
    hasher: XxHash3_128,
    bytes: u64,
}

impl<W> std::fmt::Debug for Hashing<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hashing").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<W> Hashing<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, hasher: XxHash3_128::new(), bytes: 0 }
    }

    /// The hash of all bytes so far.
    pub(crate) fn hash(&self) -> String {
        hex(&self.hasher)
    }

    /// The count of all bytes so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The writer inside, flushed.
    pub(crate) fn into_inner(mut self) -> io::Result<W>
    where
        W: Write,
    {
        self.inner.flush()?;
        Ok(self.inner)
    }
}

/// A hash as it is written in footers.
pub(crate) fn hex(hasher: &XxHash3_128) -> String {
    format!("{:032x}", hasher.finish_128())
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.inner.write(bytes)?;
        self.hasher.write(bytes.get(..len).unwrap_or(bytes));
        self.bytes += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
