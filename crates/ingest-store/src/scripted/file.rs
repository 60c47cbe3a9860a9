//! A file that is open on a simulated disk.
//!
//! Keeps its place and gives its lock back when the last of its clones is closed. What happens to bytes is the tree's.

use std::fs::TryLockError;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bytes::Holder;
use super::script::{Fault, Op};
use super::tree::Id;
use super::{Asked, ScriptedDisk, unless};
use crate::disk::DiskFile;

/// What a disk that lies changes in a byte: text stays text, and is another one.
const SPOILT_BITS: u8 = 0x15;

/// An open file; clones share its place.
#[derive(Debug, Clone)]
pub(super) struct ScriptedFile(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    disk: ScriptedDisk,
    path: PathBuf,
    node: Id,
    number: u64,
    writable: bool,
    place: Mutex<u64>,
}

impl ScriptedFile {
    pub(super) fn new(disk: ScriptedDisk, path: PathBuf, node: Id, writable: bool) -> Self {
        let number = disk.next_opened();
        Self(Arc::new(Opened { disk, path, node, number, writable, place: Mutex::new(0) }))
    }

    fn place(&self) -> MutexGuard<'_, u64> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self, op: Op, len: usize) -> Asked<'_> {
        Asked { op, path: &self.0.path, to: None, len: len as u64 }
    }
}

impl Read for ScriptedFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut place = self.place();
        let start = index(*place)?;
        let read = self.0.disk.ask(self.asked(Op::Read, into.len()), |tree, fault| {
            unless(fault, || {
                let rest = tree.content(self.0.node)?.now().get(start..).unwrap_or_default();
                let len = rest.len().min(into.len());
                into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                Ok(len)
            })
        })?;
        *place = place.saturating_add(read as u64);
        Ok(read)
    }
}

impl Write for ScriptedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut place = self.place();
        let start = index(*place)?;
        let wrote = self.0.disk.ask(self.asked(Op::Write, bytes.len()), |tree, fault| {
            if !self.0.writable {
                return Err(ErrorKind::PermissionDenied.into());
            }
            let content = tree.content_mut(self.0.node)?;
            let taken = match fault {
                None => bytes.len(),
                Some(Fault::Lie) => {
                    content.write(start, &spoilt(bytes));
                    return Ok(bytes.len());
                }
                // Half of a write that is spoilt is there all the same, as a torn page would be.
                Some(_) => bytes.len().div_ceil(2),
            };
            content.write(start, bytes.get(..taken).unwrap_or_default());
            unless(fault, || Ok(taken))
        })?;
        *place = place.saturating_add(wrote as u64);
        Ok(wrote)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for ScriptedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut place = self.place();
        let (from, by) = match to {
            SeekFrom::Start(start) => (start, 0),
            SeekFrom::Current(by) => (*place, by),
            SeekFrom::End(by) => (self.0.disk.len_of(self.0.node)?, by),
        };
        *place = from.checked_add_signed(by).ok_or(ErrorKind::InvalidInput)?;
        Ok(*place)
    }
}

impl DiskFile for ScriptedFile {
    fn sync_all(&self) -> io::Result<()> {
        self.0.disk.ask(self.asked(Op::Sync, 0), |tree, fault| {
            let content = tree.content_mut(self.0.node)?;
            match fault {
                Some(Fault::Io) => content.fail_sync(),
                None | Some(Fault::ShortWrite | Fault::Lie) => content.sync(),
                Some(Fault::NoSpace | Fault::Quota | Fault::Die) => {}
            }
            unless(fault, || Ok(()))
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = index(len)?;
        self.0.disk.ask(self.asked(Op::SetLen, len), |tree, fault| {
            unless(fault, || {
                tree.content_mut(self.0.node)?.set_len(len);
                Ok(())
            })
        })
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        let holder = Holder { process: self.0.disk.process(), opened: self.0.number };
        let locked = self.0.disk.ask(self.asked(Op::Lock, 0), |tree, fault| {
            unless(fault, || {
                let held = tree.content(self.0.node)?.lock.is_some_and(|by| by != holder);
                if !held {
                    tree.content_mut(self.0.node)?.lock = Some(holder);
                }
                Ok(!held)
            })
        });
        match locked {
            Ok(true) => Ok(()),
            Ok(false) => Err(TryLockError::WouldBlock),
            Err(cause) => Err(TryLockError::Error(cause)),
        }
    }

    fn try_clone(&self) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(self.clone()))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.disk.unlock(self.node, self.number);
    }
}

/// The bytes of a write with another one in their middle.
fn spoilt(bytes: &[u8]) -> Vec<u8> {
    let mut spoilt = bytes.to_vec();
    if let Some(byte) = spoilt.get_mut(bytes.len() / 2) {
        *byte ^= SPOILT_BITS;
    }
    spoilt
}

fn index(place: u64) -> io::Result<usize> {
    usize::try_from(place).map_err(|_beyond_memory| ErrorKind::InvalidInput.into())
}
