//! Disks of a test's own: mounted in a namespace of their own, gone with the last process in it.

use std::path::Path;
use std::process::{Command, Stdio};

/// Ways to a namespace of mounts: as any user where the kernel lets users have one, else as root.
const WAYS: [[&str; 2]; 2] = [["unshare", "-rm"], ["unshare", "-m"]];

/// The words to put before a shell that may mount; `None` where this machine lets the test mount nothing.
pub(crate) fn own_mounts() -> Option<[&'static str; 2]> {
    let probe = tempfile::tempdir().unwrap();
    WAYS.into_iter().find(|way| {
        let script = ["sh", "-c", "mount -t tmpfs -o size=64k tmpfs \"$0\" && touch \"$0/file\""];
        let mut command = Command::new(way[0]);
        command.arg(way[1]).args(script).arg(probe.path()).stdin(Stdio::null());
        let tried = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success()) && probe.path().read_dir().unwrap().next().is_none()
    })
}

/// Whether the rights of a folder keep this user from writing in it: they do not for root.
pub(crate) fn rights_count(read_only: &Path) -> bool {
    tempfile::tempfile_in(read_only).is_err()
}
