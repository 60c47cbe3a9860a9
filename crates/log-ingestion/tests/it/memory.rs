//! Memory does not grow with the size of a window: ten million events through the bulk download.

use std::time::Duration;

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, memory_kib, note, run};

const EVENTS: u64 = 10_000_000;
/// The bound of resident memory, in KiB.
const RESIDENT_MAX_KIB: u64 = 128 * 1024;

#[test]
#[expect(clippy::disallowed_methods, reason = "waits for another process")]
fn ten_million_events_are_downloaded_in_bounded_memory() {
    let server =
        SimServer::start(SimConfig::default().with_log(LogSpec::generated("big", Kind::Kvp, EVENTS)));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut command = run(&server, &output, &["--fetch-mode", "download", "--settle-delay", "0s"]);
    command.env("KEEP_RAW", "never");
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut child = command.stdout(log).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        peak = peak.max(memory_kib(child.id(), "VmHWM").unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    note(&format!("peak resident memory: {peak} KiB"));
    let text = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let last = text.lines().last().unwrap();
    assert!(status.success(), "{last}");
    assert!(last.contains(&format!("\"stored\":{EVENTS},")), "{last}");
    assert!(peak > 0 && peak < RESIDENT_MAX_KIB, "peak resident memory was {peak} KiB");
}
