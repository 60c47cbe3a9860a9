//! A server on loopback that answers everything with what a test gives it: bombs, echoes, and whatever a simulator of the
//! API would never send.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A server that answers for as long as the test's process lives.
pub(crate) struct Loopback {
    pub(crate) origin: String,
    /// Heads of the requests so far.
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
}

impl Loopback {
    /// Answers each request, of which it is told the head, with all bytes of a reply.
    pub(crate) fn start(reply: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Whoever goes away early is no fault of the server's.
                drop(answer(&stream.unwrap(), &reply, &kept));
            }
        });
        Self { origin, heads }
    }
}

fn answer(
    mut stream: &TcpStream,
    reply: &impl Fn(&str) -> Vec<u8>,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = String::new();
    let mut lines = BufReader::new(stream);
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let bytes = reply(&head);
    heads.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    stream.write_all(&bytes)
}

/// A reply with these headers, one a line, and this body; the connection ends with it.
pub(crate) fn reply(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    headers.lines().for_each(|header| bytes.push_str(&format!("{header}\r\n")));
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Many bytes of `unit`, as few with gzip.
pub(crate) fn bomb(unit: &[u8], times: usize) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..times {
        gzip.write_all(unit).unwrap();
    }
    gzip.finish().unwrap()
}
