//! An archive: a second folder tree of the same layout, into which files are copied and from which nothing is taken.
//!
//! Decides when a copy is one: it was written, synced, read back from the disk with the same hash, and only then named.
//! A file that is there already is compared, never overwritten. Never removes an original: callers do, afterwards.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use twox_hash::XxHash3_128;

use crate::disk::{Disk, Kind};
use crate::durable;
use crate::error::StoreError;

/// Bytes that are copied at once.
const COPY_LEN: usize = 1 << 18;

/// How a file came to be in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It was copied now.
    Copied,
    /// It was there, byte for byte, as after a run that was cut short.
    AlreadyThere,
}

/// A folder that files are copied to.
#[derive(Debug, Clone)]
pub struct Archive {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl Archive {
    /// An archive in a folder, which is made where missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<Self, StoreError> {
        durable::create_dir(&*disk, root)?;
        Ok(Self { disk, root: root.to_owned() })
    }

    /// The hash of the file at `path`, if another one stands in its place at `below` in the archive.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn other(&self, path: &Path, below: &Path) -> Result<Option<u128>, StoreError> {
        let to = self.root.join(below);
        if !self.is_there(&to) {
            return Ok(None);
        }
        let hash = self.hash(path)?;
        Ok((self.hash(&to)? != hash).then_some(hash))
    }

    /// Copies the file at `path` to `below` in the archive, durably and checked, unless it is there already.
    ///
    /// # Errors
    /// When a disk refuses, what was written does not read back, or another file has the name.
    pub fn keep(&self, path: &Path, below: &Path) -> Result<Kept, StoreError> {
        let to = self.root.join(below);
        let folder = to.parent().unwrap_or(&self.root);
        durable::create_dir(&*self.disk, folder)?;
        if self.is_there(&to) {
            if self.hash(path)? != self.hash(&to)? {
                let why = "another file has that name already; move it away, or name another folder";
                return Err(StoreError::at("archive to", &to)(io::Error::other(why)));
            }
            // Whoever wrote it may have been killed before its name was durable.
            durable::sync_dir(&*self.disk, folder)?;
            return Ok(Kept::AlreadyThere);
        }
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let part = folder.join(format!(".{name}.part"));
        durable::remove_if_there(&*self.disk, &part)?;
        let copied = self.copy(path, &part).and_then(|written| {
            if self.hash(&part)? == written {
                return durable::publish(&*self.disk, &part, &to);
            }
            let why = "what was written does not read back as it was; the disk of the archive may be failing";
            Err(StoreError::at("archive to", &to)(io::Error::other(why)))
        });
        if copied.is_err() {
            // A hidden file that stays behind is removed by the next attempt.
            drop(durable::remove_if_there(&*self.disk, &part));
        }
        copied.map(|()| Kept::Copied)
    }

    fn is_there(&self, path: &Path) -> bool {
        self.disk.metadata(path).is_ok_and(|facts| facts.kind == Kind::File)
    }

    /// Copies bytes and syncs them; their hash.
    fn copy(&self, path: &Path, to: &Path) -> Result<u128, StoreError> {
        let mut copy = durable::create_file(&*self.disk, to)?;
        let hash = self.pass(path, |bytes| copy.write_all(bytes).map_err(StoreError::at("write", to)))?;
        copy.sync_all().map_err(StoreError::at("sync", to))?;
        Ok(hash)
    }

    fn hash(&self, path: &Path) -> Result<u128, StoreError> {
        self.pass(path, |_bytes| Ok(()))
    }

    /// Reads a file from the disk, handing its bytes on; their hash.
    fn pass(
        &self,
        path: &Path,
        mut to: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<u128, StoreError> {
        let mut file = self.disk.open(path).map_err(StoreError::at("open", path))?;
        let mut hasher = XxHash3_128::new();
        let mut buffer = vec![0; COPY_LEN];
        loop {
            let len = file.read(&mut buffer).map_err(StoreError::at("read", path))?;
            let bytes = buffer.get(..len).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(hasher.finish_128());
            }
            hasher.write(bytes);
            to(bytes)?;
        }
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
        let keep = |disk: &ScriptedDisk| Archive::open(disk.shared(), Path::new("/cold"))?.keep(from, below);
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
        let archive = Archive::open(disk.shared(), Path::new("/cold")).unwrap();
        let error = archive.keep(Path::new("/out/a.parquet"), Path::new("a.parquet")).unwrap_err();
        assert!(error.cause.to_string().contains("another file"), "{error:?}");
        assert_eq!(disk.bytes(Path::new("/cold/a.parquet")).unwrap(), b"theirs");
    }
}
