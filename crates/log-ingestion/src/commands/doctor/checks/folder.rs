//! Checks of the output folder: whether it can be written, who holds it, its disk, its files and their modes.

use ingest_core::space::{MinFree, Space};

use super::{Finding, fail, ok, some, unknown, warn};
use crate::commands::doctor::facts::{Facts, FolderFacts};

/// How full a disk may be before it is to be looked at, and before it is an emergency, in percent. Source: runbook, "Key
/// Metrics" and alert 3.
const FULL_WARN: u64 = 90;
const FULL_FAIL: u64 = 95;
/// Bits of a mode that give anything to users beyond owner and group.
const OTHERS: u32 = 0o007;
/// Filesystems on which a rename, a lock or what is synced is not what it is on a disk.
const ODD: [&str; 8] = ["nfs", "cifs", "smb", "fuse", "9p", "tmpfs", "vfat", "exfat"];

fn folder(facts: &Facts) -> Result<&FolderFacts, Finding> {
    facts.folder.as_ref().ok_or_else(|| unknown("OUTPUT_DIR is none"))
}

pub(super) fn writable(facts: &Facts) -> Finding {
    let folder = match folder(facts) {
        Ok(folder) => folder,
        Err(finding) => return finding,
    };
    let path = &folder.path;
    if let Some(fault) = &folder.fault {
        return fail(fault.clone(), "give the folder to the service's user: chown, then chmod 750");
    }
    if !folder.exists {
        return ok(format!("{path} is not there yet, and can be made"));
    }
    if facts.machine.user.is_some_and(|user| user != folder.owner) {
        return warn(
            format!("{path} belongs to another user ({}) than the one who runs doctor", folder.owner),
            "run doctor as the service's user: what it may read and write is what counts",
        );
    }
    ok(format!("{path} can be written"))
}

pub(super) fn lock(facts: &Facts) -> Finding {
    let folder = match folder(facts) {
        Ok(folder) => folder,
        Err(finding) => return finding,
    };
    match (&folder.lock.holder, folder.lock.held_by) {
        (Some(holder), Some(pid)) => {
            ok(format!("held by process {pid} on {}, since {}", holder.host, holder.since))
        }
        (None, Some(pid)) => ok(format!("held by process {pid}")),
        (Some(_), None) => ok("free: no process of this machine works on the folder"),
        (None, None) => ok("free: nobody has worked on the folder yet"),
    }
}

pub(super) fn disk(facts: &Facts) -> Finding {
    let folder = match folder(facts) {
        Ok(folder) => folder,
        Err(finding) => return finding,
    };
    let Some(space) = folder.space.filter(|space| space.total > 0) else {
        return unknown("the filesystem does not say how much it holds");
    };
    let Space { free, total } = space;
    let used = 100_u64.saturating_sub(free.saturating_mul(100) / total.max(1));
    let kind = folder.filesystem.as_deref().unwrap_or("unknown");
    let said = format!("{} free of {} ({used}% used), {kind}", bytes(free), bytes(total));
    let next = "log-ingestion retain or archive makes room; else give it a larger disk";
    let minimum = folder.min_free.bytes(total);
    if free < minimum {
        return fail(
            format!("{said}; below MIN_FREE_DISK ({}), so that no window is begun", shown(folder.min_free)),
            next,
        );
    }
    if used >= FULL_FAIL {
        return fail(said, next);
    }
    if used >= FULL_WARN || free < minimum.saturating_mul(2) {
        return warn(said, next);
    }
    if ODD.iter().any(|odd| kind.starts_with(odd)) {
        let next = "a disk of this machine is safer: there, what was synced survives, and a lock holds";
        return warn(format!("{said}: a remote or passing filesystem"), next);
    }
    ok(said)
}

fn shown(minimum: MinFree) -> String {
    match minimum {
        MinFree::Bytes(count) => bytes(count),
        MinFree::Nothing | MinFree::Percent(_) => minimum.to_string(),
    }
}

pub(super) fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

pub(super) fn modes(facts: &Facts) -> Finding {
    let folder = match folder(facts) {
        Ok(folder) => folder,
        Err(finding) => return finding,
    };
    if folder.exists && folder.mode & OTHERS != 0 {
        return warn(
            format!(
                "{} has mode {:04o}: every user of this machine can look into it",
                folder.path, folder.mode
            ),
            format!("chmod 750 {}", folder.path),
        );
    }
    let loose: Vec<String> = folder.loose.iter().map(|(path, mode)| format!("{path} ({mode:04o})")).collect();
    if !loose.is_empty() {
        return warn(
            format!("files that every user of this machine can read: {}", some(&loose, ", ")),
            format!("find {} -name '*.parquet' -exec chmod 640 {{}} +", folder.path),
        );
    }
    ok(format!("folder 0750 and files 0640, or less; {} files", folder.files))
}

pub(super) fn files(facts: &Facts) -> Finding {
    let folder = match folder(facts) {
        Ok(folder) => folder,
        Err(finding) => return finding,
    };
    let next = "log-ingestion verify tells which; repair --deep fetches again what the source still has";
    if !folder.damaged.is_empty() {
        return fail(format!("files that cannot be read: {}", some(&folder.damaged, "; ")), next);
    }
    if folder.missing > 0 {
        return warn(
            format!("files of {} windows are not where the ledgers have them", folder.missing),
            "if they were not archived or removed on purpose, log-ingestion repair fetches them again",
        );
    }
    match folder.read {
        0 => ok("there is none yet"),
        read => ok(format!(
            "the footers of {read} of {} files can be read; verify reads all of all",
            folder.files
        )),
    }
}

pub(super) fn ledgers(facts: &Facts) -> Finding {
    let folder = match folder(facts) {
        Ok(folder) => folder,
        Err(finding) => return finding,
    };
    if !folder.damaged_ledgers.is_empty() {
        return warn(
            format!("damaged: {}", some(&folder.damaged_ledgers, ", ")),
            "the next run makes it anew from the files; log-ingestion ledger rebuild does so now",
        );
    }
    match facts.logs.len() {
        0 => ok("there is none yet"),
        count => ok(format!("{count}, all whole")),
    }
}
