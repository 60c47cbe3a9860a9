//! An archive: a second tree of the same layout, into which files are copied and from which nothing is taken.
//!
//! Decides when a copy in a folder is one: it was written, synced, read back from the disk with the same sum, and only
//! then named. A file that is there already is compared, never overwritten. Never removes an original: callers do,
//! afterwards.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_core::ids::Slug;

use crate::disk::{Disk, DiskFile, Kind};
use crate::durable;
use crate::error::StoreError;
use crate::layout::REPLACED;
use crate::sum::Sum;

/// Bytes that are copied at once.
const COPY_LEN: usize = 1 << 18;
/// Why a name that is taken stays taken.
pub const NAME_TAKEN: &str = "another file has that name already; move it away, or archive to another place";
/// Why a copy does not count.
pub const NOT_READ_BACK: &str =
    "what was written does not read back as it was; what the archive lies on may be failing";

/// How a file came to be in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It was copied now.
    Copied,
    /// It was there, byte for byte, as after a run that was cut short.
    AlreadyThere,
}

/// A place that files are copied to. Paths in it are given below its root, in the layout of a table.
pub trait Archive: fmt::Debug {
    /// Copies the file at `path` to `below`, durably and checked, unless it is there already.
    ///
    /// # Errors
    /// When a disk or a store refuses, what was written does not read back, or another file has the name.
    fn keep(&self, path: &Path, below: &Path) -> Result<Kept, StoreError>;

    /// The sum of the file at `path`, if another one stands in its place at `below`.
    ///
    /// # Errors
    /// When one of them cannot be read.
    fn other(&self, path: &Path, below: &Path) -> Result<Option<Sum>, StoreError>;

    /// The files of a folder, and none where there is no such folder. Those of folders in it are not among them.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn names(&self, folder: &Path) -> Result<Vec<PathBuf>, StoreError>;

    /// Moves a file of a log to where its readers do not look: to the archive's own `_replaced`.
    ///
    /// # Errors
    /// When it could not be moved; it is then where it was, or in both places.
    fn put_aside(&self, slug: &Slug, below: &Path) -> Result<(), StoreError>;
}

/// Where a file of a log is kept that others took the place of.
#[must_use]
pub fn aside(slug: &Slug, below: &Path) -> PathBuf {
    Path::new(REPLACED).join(format!("log={slug}")).join(below.file_name().unwrap_or_default())
}

/// A file that is read whole, in pieces, with the sum of all that was read.
#[derive(Debug)]
pub struct Reading {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    buffer: Vec<u8>,
    sum: Sum,
}

impl Reading {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self, StoreError> {
        let file = disk.open(path).map_err(StoreError::at("open", path))?;
        Ok(Self { file, path: path.to_owned(), buffer: vec![0; COPY_LEN], sum: Sum::default() })
    }

    /// The bytes that follow; `None` at the end.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn next_bytes(&mut self) -> Result<Option<&[u8]>, StoreError> {
        let len = self.file.read(&mut self.buffer).map_err(StoreError::at("read", &self.path))?;
        let bytes = self.buffer.get(..len).filter(|bytes| !bytes.is_empty());
        bytes.into_iter().for_each(|bytes| self.sum.add(bytes));
        Ok(bytes)
    }

    /// The sum of what was read.
    #[must_use]
    pub fn sum(self) -> Sum {
        self.sum
    }

    /// The sum of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn sum_of(disk: &dyn Disk, path: &Path) -> Result<Sum, StoreError> {
        let mut reading = Self::open(disk, path)?;
        while reading.next_bytes()?.is_some() {}
        Ok(reading.sum)
    }
}

/// An archive in a folder.
#[derive(Debug, Clone)]
pub struct FolderArchive {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl FolderArchive {
    /// An archive in a folder, which is made where missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<Self, StoreError> {
        durable::create_dir(&*disk, root)?;
        Ok(Self { disk, root: root.to_owned() })
    }

    fn is_there(&self, path: &Path) -> bool {
        self.disk.metadata(path).is_ok_and(|facts| facts.kind == Kind::File)
    }

    /// Copies bytes and syncs them; their sum.
    fn copy(&self, path: &Path, to: &Path) -> Result<Sum, StoreError> {
        let mut reading = Reading::open(&*self.disk, path)?;
        let mut copy = durable::create_file(&*self.disk, to)?;
        while let Some(bytes) = reading.next_bytes()? {
            copy.write_all(bytes).map_err(StoreError::at("write", to))?;
        }
        copy.sync_all().map_err(StoreError::at("sync", to))?;
        Ok(reading.sum())
    }
}

impl Archive for FolderArchive {
    fn keep(&self, path: &Path, below: &Path) -> Result<Kept, StoreError> {
        let to = self.root.join(below);
        let folder = to.parent().unwrap_or(&self.root);
        durable::create_dir(&*self.disk, folder)?;
        if self.is_there(&to) {
            if self.other(path, below)?.is_some() {
                return Err(StoreError::at("archive to", &to)(io::Error::other(NAME_TAKEN)));
            }
            // Whoever wrote it may have been killed before its name was durable.
            durable::sync_dir(&*self.disk, folder)?;
            return Ok(Kept::AlreadyThere);
        }
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let part = folder.join(format!(".{name}.part"));
        durable::remove_if_there(&*self.disk, &part)?;
        let copied = self.copy(path, &part).and_then(|written| {
            if Reading::sum_of(&*self.disk, &part)?.is(&written) {
                return durable::publish(&*self.disk, &part, &to);
            }
            Err(StoreError::at("archive to", &to)(io::Error::other(NOT_READ_BACK)))
        });
        if copied.is_err() {
            // A hidden file that stays behind is removed by the next attempt.
            drop(durable::remove_if_there(&*self.disk, &part));
        }
        copied.map(|()| Kept::Copied)
    }

    fn other(&self, path: &Path, below: &Path) -> Result<Option<Sum>, StoreError> {
        let to = self.root.join(below);
        if !self.is_there(&to) {
            return Ok(None);
        }
        let (own, there) = (Reading::sum_of(&*self.disk, path)?, Reading::sum_of(&*self.disk, &to)?);
        Ok((!own.is(&there)).then_some(own))
    }

    fn names(&self, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let entries = durable::list(&*self.disk, &self.root.join(folder))?;
        let files = entries.into_iter().filter(|entry| entry.kind == Kind::File);
        Ok(files.map(|entry| folder.join(entry.name)).collect())
    }

    fn put_aside(&self, slug: &Slug, below: &Path) -> Result<(), StoreError> {
        let (from, to) = (self.root.join(below), self.root.join(aside(slug, below)));
        to.parent().map_or(Ok(()), |folder| durable::create_dir(&*self.disk, folder))?;
        durable::publish(&*self.disk, &from, &to)?;
        from.parent().map_or(Ok(()), |folder| durable::sync_dir(&*self.disk, folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Fault, Repeat, ScriptedDisk};

    fn put(disk: &ScriptedDisk, path: &str, bytes: &[u8]) {
        let path = Path::new(path);
        durable::create_dir(disk, path.parent().unwrap()).unwrap();
        disk.create_file(path).unwrap().write_all(bytes).unwrap();
    }

    #[test]
    fn a_copy_is_whole_or_not_there_whatever_goes_wrong_and_the_next_attempt_makes_it() {
        let start = ScriptedDisk::new();
        put(&start, "/out/log=x/day=d/a.parquet", &[7; 600_000]);
        let (from, below) = (Path::new("/out/log=x/day=d/a.parquet"), Path::new("log=x/day=d/a.parquet"));
        let to = Path::new("/cold/log=x/day=d/a.parquet");
        let keep =
            |disk: &ScriptedDisk| FolderArchive::open(disk.shared(), Path::new("/cold"))?.keep(from, below);
        let clean = start.fork();
        assert_eq!(keep(&clean).unwrap(), Kept::Copied);
        assert_eq!(keep(&clean).unwrap(), Kept::AlreadyThere);
        let operations = clean.operations() - start.operations();
        for nth in 1..=operations {
            for fault in [Fault::Die, Fault::Io, Fault::NoSpace, Fault::ShortWrite] {
                let disk = start.fork();
                disk.fail(nth, fault, Repeat::Once);
                let outcome = keep(&disk);
                let there = disk.bytes(to);
                assert!(there.as_ref().is_none_or(|bytes| *bytes == [7; 600_000]), "{nth} {fault:?}");
                assert!(outcome.is_err() || there.is_some(), "{nth} {fault:?}");
                let next = disk.another();
                next.heal();
                keep(&next).unwrap();
                assert_eq!(next.bytes(to).unwrap(), [7; 600_000]);
                let left = next.files().into_iter().filter(|path| path.starts_with("/cold")).count();
                assert_eq!(left, 1, "{nth} {fault:?}");
            }
        }
    }

    #[test]
    fn another_file_of_the_same_name_is_never_overwritten() {
        let disk = ScriptedDisk::new();
        put(&disk, "/out/a.parquet", b"ours");
        put(&disk, "/cold/a.parquet", b"theirs");
        let archive = FolderArchive::open(disk.shared(), Path::new("/cold")).unwrap();
        let error = archive.keep(Path::new("/out/a.parquet"), Path::new("a.parquet")).unwrap_err();
        assert!(error.cause.to_string().contains("another file"), "{error:?}");
        assert_eq!(disk.bytes(Path::new("/cold/a.parquet")).unwrap(), b"theirs");
    }
}
