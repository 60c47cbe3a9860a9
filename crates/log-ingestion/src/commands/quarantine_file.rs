//! The quarantine file of a command's output: records that are no rows, a line each.
//!
//! Creates no file where there is no such record. A failure is kept for the end, and nothing is published then.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use ingest_core::records::Record;
use ingest_store::{DiskFile, OutputFile};
use ingest_tabular::{Quarantine, Reason, quarantine_line};

/// Bytes of buffer towards a file.
pub(super) const BUFFER_BYTES: usize = 256 << 10;

/// Writes records that are no rows beside the output; a failure is kept for the end.
pub(super) struct QuarantineFile<'a> {
    folder: &'a Path,
    stem: &'a str,
    file: Option<(OutputFile, BufWriter<Box<dyn DiskFile>>)>,
    failed: Option<io::Error>,
}

impl<'a> QuarantineFile<'a> {
    /// The quarantine of the output of that name, without ending, in `folder`.
    pub(super) const fn new(folder: &'a Path, stem: &'a str) -> Self {
        Self { folder, stem, file: None, failed: None }
    }

    /// What the file of a name will be called.
    pub(super) fn name(stem: &str) -> String {
        format!("{stem}.quarantine.jsonl")
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.file.is_none() {
            let created = OutputFile::create(self.folder, &Self::name(self.stem));
            let (output, file) = created.map_err(io::Error::other)?;
            self.file = Some((output, BufWriter::with_capacity(BUFFER_BYTES, file)));
        }
        match &mut self.file {
            Some((_, file)) => writeln!(file, "{line}"),
            None => Ok(()),
        }
    }

    /// Gives the file its name, if there is one.
    pub(super) fn publish(self) -> io::Result<()> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let Some((output, file)) = self.file else {
            return Ok(());
        };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        output.sync(&*file).map_err(io::Error::other)?;
        output.publish().map(|_path| ()).map_err(io::Error::other)
    }
}

impl Quarantine for QuarantineFile<'_> {
    fn take(&mut self, record: Record<'_>, reason: Reason) {
        if self.failed.is_none() {
            self.failed = self.write(&quarantine_line(record, reason)).err();
        }
    }
}
