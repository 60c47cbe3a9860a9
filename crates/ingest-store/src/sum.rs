//! The sum of what was written to a staged file, compared with what the disk gives back.
//!
//! For files that carry no checksum of their own. Decides only whether two runs of bytes are the same; never repairs.

use std::fmt;
use std::io::{self, Read as _};

use twox_hash::XxHash3_128;

use crate::error::StoreError;
use crate::table::Staged;

/// Bytes that are read at once.
const READ_LEN: usize = 64 << 10;

/// Length and hash of all bytes so far.
pub struct Sum {
    hasher: XxHash3_128,
    bytes: u64,
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sum").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self { hasher: XxHash3_128::new(), bytes: 0 }
    }
}

impl Sum {
    /// Takes in what is written next.
    pub fn add(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
    }

    /// The hash of the bytes, apart from their number.
    #[must_use]
    pub fn hash(&self) -> u128 {
        self.hasher.finish_128()
    }

    /// Whether both are of the same bytes.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.hash() == other.hash()
    }
}

impl Staged {
    /// Reads a staged file back, synced and closed, and compares it with the sum of what was written.
    ///
    /// # Errors
    /// When it cannot be read, or the disk gives back other bytes.
    pub fn read_back(&self, written: &Sum) -> Result<(), StoreError> {
        let mut file = self.reopen()?;
        let mut found = Sum::default();
        let mut buffer = vec![0_u8; READ_LEN];
        let compared = loop {
            match file.read(&mut buffer) {
                Ok(0) if found.is(written) => break Ok(()),
                Ok(0) => {
                    break Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the disk gave back other bytes than were written",
                    ));
                }
                Ok(len) => found.add(buffer.get(..len).unwrap_or_default()),
                Err(cause) => break Err(cause),
            }
        };
        compared.map_err(StoreError::at("read back", self.path()))
    }
}
