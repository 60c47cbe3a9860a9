//! What this machine says: the output folder, its files, its disk, the processes that matter.
//!
//! Reads, and leaves everything as it was. Bounded: of many files it looks at some, and says at how many.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_core::ledger::LogState;
use ingest_core::space::MinFree;
use ingest_store::layout::Layout;
use ingest_store::{DirTable, Holder, QuarantineFile, TableFile};
use ingest_tabular::{inspect, read_quarantine_line};

use super::facts::{FolderFacts, LockFacts, MachineFacts};
use crate::memory;
use crate::pipeline::{compare, fact};
use crate::surroundings::Surroundings;

/// Files whose modes are looked at.
const MODES_MAX: usize = 10_000;
/// Files whose footers are read, the newest.
const FOOTERS_MAX: usize = 50;
/// Quarantine files that are read, the newest, and bytes of each.
const QUARANTINES_MAX: usize = 20;
const QUARANTINE_BYTES_MAX: u64 = 1 << 20;
/// Bits of a mode.
const MODE_BITS: u32 = 0o7777;
/// Bits of a mode that give anything to users beyond owner and group.
const OTHERS: u32 = 0o007;

/// A path's mode, if there is anything.
pub(super) fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|facts| facts.mode() & MODE_BITS)
}

/// The output folder, and what is in it.
pub(super) fn folder(
    surroundings: &Surroundings,
    path: &Path,
    min_free: MinFree,
    logs: &[LogState],
    damaged_ledgers: &[PathBuf],
) -> FolderFacts {
    let disk = &surroundings.disk;
    let there = nearest(path);
    let facts = fs::metadata(path).ok();
    let table = DirTable::beside(Arc::clone(disk), path, Layout::Hive);
    let listed = table.files();
    let fault =
        DirTable::check_writable(Arc::clone(disk), &there).err().map(|error| crate::pipeline::chain(&error));
    let unlisted = listed.as_ref().err().map(|error| crate::pipeline::chain(error));
    let mut files = listed.unwrap_or_default();
    files.sort_by_key(|file| file.name.window.start());
    let (read, damaged) = footers(&files);
    let missing = logs.iter().filter_map(|log| compare(&table, log, log.ledger.extent()?, false).ok());
    FolderFacts {
        path: path.display().to_string(),
        exists: facts.is_some(),
        mode: facts.as_ref().map_or(0, |facts| facts.mode() & MODE_BITS),
        owner: facts.as_ref().map_or(0, fs::Metadata::uid),
        fault: fault.or(unlisted),
        space: disk.space(&there).ok(),
        min_free,
        filesystem: fs::canonicalize(&there)
            .ok()
            .and_then(|path| filesystem_in(&fs::read_to_string("/proc/self/mountinfo").ok()?, &path)),
        loose: loose(&files),
        read,
        damaged,
        missing: missing.map(|(missing, _runs)| missing.len() as u64).sum(),
        oldest_tool: files.first().and_then(|file| tool(&file.path)),
        files: files.len() as u64,
        damaged_ledgers: damaged_ledgers.iter().map(|path| path.display().to_string()).collect(),
        lock: lock(path),
        reasons: table.quarantine_files().map(reasons).unwrap_or_default(),
    }
}

/// The nearest folder that is there.
fn nearest(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|above| above.exists() && !above.as_os_str().is_empty());
    there.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

fn loose(files: &[TableFile]) -> Vec<(String, u32)> {
    let modes = files.iter().rev().take(MODES_MAX).filter_map(|file| Some((&file.path, mode(&file.path)?)));
    modes
        .filter(|(_, mode)| mode & OTHERS != 0)
        .map(|(path, mode)| (path.display().to_string(), mode))
        .collect()
}

/// How many footers were read, and what is wrong with files whose footer could not be.
fn footers(files: &[TableFile]) -> (u64, Vec<String>) {
    let (mut read, mut damaged) = (0, Vec::new());
    for file in files.iter().rev().take(FOOTERS_MAX) {
        let path = &file.path;
        let found = File::open(path).map_err(|error| error.to_string());
        match found.and_then(|file| inspect(file).map_err(|error| error.to_string())) {
            Ok(found) if found.rows == file.name.rows => read += 1,
            Ok(found) => {
                damaged.push(format!(
                    "{} has {} rows, its name says {}",
                    path.display(),
                    found.rows,
                    file.name.rows
                ));
            }
            Err(error) => damaged.push(format!("{}: {error}", path.display())),
        }
    }
    (read, damaged)
}

fn tool(path: &Path) -> Option<String> {
    inspect(File::open(path).ok()?).ok()?.metadata.remove(fact::TOOL)
}

/// Reasons of the newest records in the quarantine.
fn reasons(mut files: Vec<QuarantineFile>) -> BTreeMap<String, u64> {
    files.sort_by_key(|file| file.window.start());
    let mut reasons = BTreeMap::new();
    for file in files.iter().rev().take(QUARANTINES_MAX) {
        let Ok(opened) = File::open(&file.path) else { continue };
        // The last line of what is read may be cut, and is then no line.
        for line in BufReader::new(opened.take(QUARANTINE_BYTES_MAX)).split(b'\n').map_while(Result::ok) {
            if let Ok(record) = read_quarantine_line(&line) {
                *reasons.entry(record.reason.to_string()).or_insert(0) += 1;
            }
        }
    }
    reasons
}

fn lock(output_dir: &Path) -> LockFacts {
    let inode = fs::metadata(Holder::path(output_dir)).ok().map(|facts| facts.ino());
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    LockFacts { holder: Holder::read(output_dir), held_by: inode.and_then(|inode| holder_in(&locks, inode)) }
}

/// The process that holds a lock on a file, by the kernel's list: `1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`. Other
/// machines' locks are not in it, nor those of other containers.
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    let line = locks.lines().find(|line| {
        let file = line.split_whitespace().find(|word| word.split(':').count() == 3);
        file.and_then(|file| file.rsplit(':').next()) == Some(inode.to_string().as_str())
    })?;
    line.split_whitespace().nth(4)?.parse().ok()
}

/// The kind of the filesystem that a path is on, by the kernel's list of mounts.
fn filesystem_in(mounts: &str, path: &Path) -> Option<String> {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let place = before.split(' ').nth(4)?.replace("\\040", " ");
        let kind = after.split(' ').next()?.to_owned();
        path.starts_with(&place).then_some((place.len(), kind))
    };
    // Of mounts in the same place, the last is on top.
    mounts.lines().filter_map(mount).max_by_key(|(len, _)| *len).map(|(_, kind)| kind)
}

/// The processes and memory that matter.
pub(super) fn machine(lock: &LockFacts) -> MachineFacts {
    let service = lock.held_by.map(|pid| format!("/proc/{pid}"));
    MachineFacts {
        user: fs::metadata("/proc/self").ok().map(|facts| facts.uid()),
        service_bytes: service.as_ref().and_then(|at| memory::figure(format!("{at}/status"), "VmRSS:")),
        limit_bytes: service.and_then(|at| limit(&fs::read_to_string(format!("{at}/cgroup")).ok()?)),
        available_bytes: memory::figure("/proc/meminfo", "MemAvailable:"),
    }
}

/// The limit on memory of a control group, in bytes; `None` where there is none.
fn limit(group: &str) -> Option<u64> {
    let path = group.lines().find_map(|line| line.strip_prefix("0::"))?;
    let limit = fs::read_to_string(format!("/sys/fs/cgroup{path}/memory.max")).ok()?;
    limit.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_who_holds_a_lock() {
        let locks =
            "1: POSIX  ADVISORY  WRITE 17 00:2d:99 0 EOF\n2: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF\n";
        assert_eq!(holder_in(locks, 1_234), Some(4_711));
        assert_eq!(holder_in(locks, 123), None);
    }

    #[test]
    fn the_nearest_mount_says_what_filesystem_it_is() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / /data rw shared:1 - nfs4 host:/x rw\n\
            3 2 8:2 / /data/a\\040b rw - xfs /dev/b rw\n4 1 8:3 / /database rw - btrfs /dev/c rw\n";
        for (path, want) in
            [("/data/logs", "nfs4"), ("/data/a b/c", "xfs"), ("/database/x", "btrfs"), ("/dat", "ext4")]
        {
            assert_eq!(filesystem_in(mounts, Path::new(path)).as_deref(), Some(want), "{path}");
        }
    }
}
