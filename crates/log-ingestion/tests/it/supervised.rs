//! What a service manager is told: a socket in the place of systemd's.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{Running, SimServer, outcome, program, run};

/// A guard against a test that hangs, far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// The watchdog's limit, in microseconds: three beats in it.
const LIMIT: &str = "300000";

/// The manager's end of the socket.
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, folder }
    }

    fn supervise(&self, mut command: Command) -> Command {
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify")).env("WATCHDOG_USEC", LIMIT);
        command
    }

    fn told(&self) -> String {
        let mut bytes = [0; 1024];
        let length = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim_end().to_owned()
    }

    /// What is told until a message begins with a word; that message last.
    fn told_until(&self, word: &str) -> Vec<String> {
        let mut told = Vec::new();
        while !told.last().is_some_and(|last: &String| last.starts_with(word)) {
            told.push(self.told());
        }
        told
    }

    /// All that was told is that it lives and ends.
    fn never_ready(&self) {
        self.socket.set_nonblocking(true).unwrap();
        let mut bytes = [0; 1024];
        while let Ok(length) = self.socket.recv(&mut bytes) {
            assert!(!bytes[..length].starts_with(b"READY"));
        }
    }
}

fn server() -> SimServer {
    SimServer::start(SimConfig::default().with_log(LogSpec::generated("fw", Kind::Csv, 300)))
}

#[test]
fn the_manager_is_told_when_it_is_ready_alive_and_stopping() {
    let (server, manager, folder) = (server(), Manager::new(), tempfile::tempdir().unwrap());
    let command = run(&server, &folder.path().join("out"), &["--continuous", "--settle-delay", "0s"]);
    let service = Running::start(manager.supervise(command));
    manager.told_until("READY=1");
    let told = manager.told_until("STATUS=");
    assert!(told.last().unwrap().starts_with("STATUS=1 logs complete at "), "{told:?}");
    // Between two passes as well, and again and again.
    for _ in 0..3 {
        assert_eq!(manager.told(), "WATCHDOG=1");
    }
    service.signal("TERM");
    let told = manager.told_until("STOPPING=1");
    assert!(told.iter().all(|state| state == "WATCHDOG=1" || state == "STOPPING=1"), "{told:?}");
    assert!(service.end().0.success());
}

#[test]
fn one_that_cannot_begin_is_never_ready() {
    let (server, manager, folder) = (server(), Manager::new(), tempfile::tempdir().unwrap());
    let wrong = program(&["run", "--continuous"], &[("OUTPUT_DIR", "out")], folder.path());
    assert_eq!(outcome(&mut manager.supervise(wrong)).0, 78);
    let output = folder.path().join("out");
    let holder = Manager::new();
    let service = Running::start(holder.supervise(run(&server, &output, &["--continuous"])));
    holder.told_until("READY=1");
    assert_eq!(outcome(&mut manager.supervise(run(&server, &output, &[]))).0, 75);
    manager.never_ready();
    service.signal("TERM");
    assert!(service.end().0.success());
}

#[test]
fn a_manager_that_does_not_listen_stops_nothing() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let mut command = run(&server, &folder.path().join("out"), &["--settle-delay", "0s"]);
    let (code, text) = outcome(command.env("NOTIFY_SOCKET", folder.path().join("nobody")));
    assert!(code == 0 && text.contains("\"event\":\"supervisor_not_told\""), "{code} {text}");
}
