//! The disk as the store uses it: each operation that durability rests on, one method each.
//!
//! A real one is [`OsDisk`]; a simulated one sees, counts and fails every operation. Decides only modes: files are 0640
//! and folders 0750, as the runbook wants them. In what order operations make something durable is `durable`'s.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use ingest_core::space::Space;

/// Mode of every file that the program makes: its owner writes, a group reads. Source: runbook, "Access Control".
pub const FILE_MODE: u32 = 0o640;
/// Mode of every folder that it makes.
pub const FOLDER_MODE: u32 = 0o750;

/// A file that is open on some disk.
pub trait DiskFile: Read + Write + Seek + Debug + Send + Sync {
    /// Makes its bytes durable. Its name is durable once its folder is synced.
    ///
    /// # Errors
    /// When the disk refuses.
    fn sync_all(&self) -> io::Result<()>;

    /// Cuts it off, or fills it up with zeros, at `len` bytes.
    ///
    /// # Errors
    /// When the disk refuses.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Locks it against all who try the same, until it is closed; a process that dies closes its files.
    ///
    /// # Errors
    /// When another holds it, or it cannot be locked.
    fn try_lock(&self) -> Result<(), TryLockError>;

    /// The same file again. Where it is read or written next is common to both.
    ///
    /// # Errors
    /// When the system refuses.
    fn try_clone(&self) -> io::Result<Box<dyn DiskFile>>;
}

/// What a name of a folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link, or anything else that is not ours.
    Other,
}

/// What is known of a file or folder without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes; of a folder, whatever the disk says.
    pub len: u64,
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// What it stands for; a link is not followed.
    pub kind: Kind,
}

/// A disk. Paths are the caller's; their parents are there unless a method says otherwise.
pub trait Disk: Debug + Send + Sync {
    /// Creates one folder.
    ///
    /// # Errors
    /// When it exists, or the disk refuses.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Creates a file that must not exist, for writing and reading.
    ///
    /// # Errors
    /// When it exists, or the disk refuses.
    fn create_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// When it is not there, or the disk refuses.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for writing and reading, as it is; creates it where missing.
    ///
    /// # Errors
    /// When the disk refuses.
    fn open_or_create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Makes the names in a folder durable: what was created, renamed and removed there.
    ///
    /// # Errors
    /// When the disk refuses.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name in one step, in place of a file that has it.
    ///
    /// # Errors
    /// When the disk refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// When it is not there, or the disk refuses.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder in which nothing is.
    ///
    /// # Errors
    /// When it is not there, something is in it, or the disk refuses.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Gives a file a second name, which must not be taken; both are the same file.
    ///
    /// # Errors
    /// When the disk refuses, or knows no second names.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Exchanges what two names stand for, in one step: whoever looks sees both as before, or both exchanged.
    ///
    /// # Errors
    /// When one is not there, or the disk refuses, or cannot do it in one step.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()>;

    /// The names in a folder, in any order.
    ///
    /// # Errors
    /// When it is not there, or the disk refuses.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    /// What a path leads to; a link is followed.
    ///
    /// # Errors
    /// When there is nothing, or the disk refuses.
    fn metadata(&self, path: &Path) -> io::Result<Metadata>;

    /// The space of the filesystem that a path is on.
    ///
    /// # Errors
    /// When there is nothing at the path, or the disk refuses.
    fn space(&self, path: &Path) -> io::Result<Space>;
}

/// The machine's own filesystems.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

impl OsDisk {
    /// As something that many can hold.
    #[must_use]
    pub fn shared() -> Arc<dyn Disk> {
        Arc::new(Self)
    }
}

impl Disk for OsDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(FOLDER_MODE).create(path)
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        open(OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE), path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        open(OpenOptions::new().read(true), path)
    }

    fn open_or_create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        open(options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE), path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok(Entry { name: entry.file_name(), kind: kind(entry.file_type()?) })
        };
        fs::read_dir(path)?.map(entry).collect()
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let facts = fs::metadata(path)?;
        Ok(Metadata { kind: kind(facts.file_type()), len: facts.len() })
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let facts = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(facts.f_frsize);
        // `f_bavail`, not `f_bfree`: what is set aside for root is not ours to fill.
        Ok(Space { free: bytes(facts.f_bavail), total: bytes(facts.f_blocks) })
    }
}

fn kind(of: fs::FileType) -> Kind {
    if of.is_file() {
        return Kind::File;
    }
    if of.is_dir() { Kind::Folder } else { Kind::Other }
}

fn open(options: &OpenOptions, path: &Path) -> io::Result<Box<dyn DiskFile>> {
    Ok(Box::new(options.open(path)?))
}

impl DiskFile for File {
    fn sync_all(&self) -> io::Result<()> {
        Self::sync_all(self)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        Self::try_lock(self)
    }

    fn try_clone(&self) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(Self::try_clone(self)?))
    }
}
