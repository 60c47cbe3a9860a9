//! What a supervisor such as systemd is told: ready, how it goes, still alive, stopping.
//!
//! One datagram a message to the socket that it named, by the protocol of sd_notify(3). Without a socket nothing is sent; a
//! message that cannot be sent must not stop the work.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Characters of a status: a line of `systemctl status`.
const STATUS_CHARS: usize = 200;

/// A supervisor that listens, or nobody.
#[derive(Debug)]
pub struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    /// The supervisor at a socket: a path, or an abstract name that begins with `@`.
    #[must_use]
    pub fn to(socket: Option<&str>) -> Self {
        let open = |name: &str| {
            let addr = match name.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name)?,
                None => SocketAddr::from_pathname(name)?,
            };
            let socket = UnixDatagram::unbound()?;
            // A supervisor that does not read must not hold the work up.
            socket.set_nonblocking(true)?;
            Ok::<_, std::io::Error>((socket, addr))
        };
        let opened = socket.map(open).transpose();
        if let Err(error) = &opened {
            tracing::warn!(event = "notify_failed", error = %error, action = "NOTIFY_SOCKET is not used");
        }
        Self(opened.ok().flatten())
    }

    /// Whether anybody listens.
    #[must_use]
    pub const fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// The service is up.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// How it goes, for a person.
    pub fn status(&self, text: &str) {
        let line: String = text.chars().map(|c| if c == '\n' { ' ' } else { c }).take(STATUS_CHARS).collect();
        self.send(&format!("STATUS={line}"));
    }

    /// It is alive.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    fn send(&self, message: &str) {
        if let Some((socket, addr)) = &self.0 {
            // A full socket loses a message; the next one is on its way.
            drop(socket.send_to_addr(message.as_bytes(), addr));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(socket: &UnixDatagram, name: &str) {
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let notify = Notify::to(Some(name));
        notify.ready();
        notify.status("two\nlines");
        notify.alive();
        notify.stopping();
        let heard = || {
            let mut bytes = [0; 256];
            let len = socket.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..len]).into_owned()
        };
        for want in ["READY=1", "STATUS=two lines", "WATCHDOG=1", "STOPPING=1"] {
            assert_eq!(heard(), want, "{name}");
        }
    }

    #[test]
    fn a_socket_hears_by_its_path_and_by_its_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        check(&UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap());
        let name = format!("log-ingestion-test-{}", std::process::id());
        let addr = SocketAddr::from_abstract_name(&name).unwrap();
        check(&UnixDatagram::bind_addr(&addr).unwrap(), &format!("@{name}"));
    }

    #[test]
    fn nobody_to_hear_is_no_failure() {
        Notify::to(None).ready();
        Notify::to(Some("/nowhere/notify")).ready();
        assert!(!Notify::to(Some(&"x".repeat(500))).is_heard());
    }
}
