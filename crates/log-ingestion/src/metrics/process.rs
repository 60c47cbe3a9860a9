//! What the kernel says of this process: memory, processor time, open files.
//!
//! Reads `/proc/self`; where there is none, nothing is said. The metrics library could read the same, but only with a second
//! copy of a crate for system calls.

use std::fs;

use crate::memory;

/// Field of `/proc/self/stat` that holds the ticks in user mode, counted from 0 behind the command's closing parenthesis.
/// Source: proc(5), field 14.
const USER_TICKS: usize = 11;

/// Bytes of the process that are in RAM.
pub(super) fn resident_bytes() -> Option<u64> {
    memory::figure("/proc/self/status", "VmRSS:")
}

/// Seconds of processor time, user and system.
pub(super) fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The command may hold anything, parentheses and blanks included.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(USER_TICKS);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Some(user.saturating_add(system) as f64 / per_second as f64)
}

/// Files and sockets that are open.
pub(super) fn open_fds() -> Option<usize> {
    // One of them is the folder that is being read.
    fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_this_process() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
        assert!(cpu_seconds().is_some_and(|seconds| seconds >= 0.0));
        assert!(open_fds().is_some_and(|count| count >= 3));
    }
}
