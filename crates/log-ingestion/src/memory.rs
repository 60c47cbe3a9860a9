//! Memory as the kernel counts it: a line such as `VmRSS:      2048 kB` of a file below `/proc`.
//!
//! Reads figures; decides nothing. Where there is no such file or line, nothing is said.

use std::path::Path;

/// Bytes of a KiB, in which the kernel counts; it writes `kB`.
const KIB: u64 = 1_024;

/// The figure of the line that begins with `name`, colon included, in bytes.
pub(crate) fn figure(file: impl AsRef<Path>, name: &str) -> Option<u64> {
    figure_in(&std::fs::read_to_string(file).ok()?, name)
}

fn figure_in(text: &str, name: &str) -> Option<u64> {
    let figure = text.lines().find_map(|line| line.strip_prefix(name))?;
    figure.trim().strip_suffix(" kB")?.trim_end().parse::<u64>().ok()?.checked_mul(KIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_bytes() {
        let text = "MemFree: 1 kB\nMemAvailable:  2048 kB\nHugePages_Total:       0\n";
        for (name, want) in
            [("MemAvailable:", Some(2 << 20)), ("HugePages_Total:", None), ("VmRSS:", None), ("Mem", None)]
        {
            assert_eq!(figure_in(text, name), want, "{name}");
        }
        assert_eq!(figure("/proc/there/is/none", "VmRSS:"), None);
    }
}
