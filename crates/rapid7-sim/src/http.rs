//! Decides what a request and a reply are, for callers without sockets.
//!
//! Never reads or writes a connection; `server` turns these into HTTP.

use std::fmt;

use crate::text::{path_segments, query_pairs};

/// One request, as it came off the wire.
#[derive(Debug, Clone, Default)]
pub struct SimRequest {
    /// Upper case.
    pub method: String,
    /// Still percent-encoded.
    pub path: String,
    /// Without the question mark, still percent-encoded.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// `http://127.0.0.1:PORT`, the start of every link in the reply.
    pub origin: String,
}

impl SimRequest {
    /// A GET of `target` (path and query, or a link that starts with `origin`) with an API key.
    pub fn get(origin: &str, target: &str, api_key: &str) -> Self {
        let target = target.strip_prefix(origin).unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: vec![("x-api-key".to_owned(), api_key.to_owned())],
            body: Vec::new(),
            origin: origin.to_owned(),
        }
    }

    /// A POST of a JSON body to `target` with an API key.
    pub fn post(origin: &str, target: &str, api_key: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::get(origin, target, api_key);
        request.method = "POST".to_owned();
        request.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        request.body = body.into();
        request
    }

    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn segments(&self) -> Vec<String> {
        path_segments(&self.path)
    }

    pub(crate) fn params(&self) -> Params {
        Params(query_pairs(&self.query))
    }

    /// Whether a content coding is acceptable to the client.
    pub(crate) fn accepts(&self, coding: &str) -> bool {
        let listed = self.header("accept-encoding").unwrap_or("");
        listed.split(',').any(|part| {
            let (name, weight) = part.split_once(';').unwrap_or((part, ""));
            name.trim().eq_ignore_ascii_case(coding) && weight.trim() != "q=0"
        })
    }

    /// Whether the body is declared as JSON; media type only.
    pub(crate) fn is_json(&self) -> bool {
        let media = self.header("content-type").and_then(|value| value.split(';').next()).unwrap_or("");
        media.trim().eq_ignore_ascii_case("application/json")
    }
}

/// The decoded pairs of a query string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The first value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn add(&mut self, name: &str, value: String) {
        self.0.push((name.to_owned(), value));
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

/// The body of a reply.
pub enum ReplyBody {
    /// All of it.
    Full(Vec<u8>),
    /// Pieces of about 64 KiB, made when asked for.
    Chunks(Box<dyn Iterator<Item = Vec<u8>> + Send>),
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Chunks(_) => f.write_str("Chunks(..)"),
        }
    }
}

impl ReplyBody {
    /// Collects the body.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Full(bytes) => bytes,
            Self::Chunks(chunks) => chunks.flatten().collect(),
        }
    }
}

/// How a reply reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As any server would.
    Whole,
    /// The connection is reset before a status line.
    ResetBeforeHead,
    /// The connection is closed after so many body bytes, or at the end of a shorter one: no last chunk.
    CutBodyAfter(u64),
    /// The status line waits so many milliseconds.
    SlowFirstByte(u64),
    /// The body comes in pieces with pauses between.
    SlowTrickle {
        /// Bytes per piece.
        chunk: usize,
        /// Milliseconds between two pieces.
        pause_ms: u64,
    },
}

/// One reply.
#[derive(Debug)]
pub struct SimReply {
    /// HTTP status.
    pub status: u16,
    /// Names in canonical case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: ReplyBody,
    /// How it is sent.
    pub delivery: Delivery,
}

impl SimReply {
    pub(crate) fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: ReplyBody::Full(body), delivery: Delivery::Whole }
    }

    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json", body.to_string().into_bytes())
    }

    pub(crate) fn html(status: u16) -> Self {
        let title = if status == 200 { "Please wait" } else { "Service trouble" };
        let page = format!(
            "<html><head><title>{title}</title></head><body><h1>{status} {title}</h1></body></html>\n"
        );
        Self::new(status, "text/html; charset=utf-8", page.into_bytes())
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a header, in place of an earlier one of that name.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
