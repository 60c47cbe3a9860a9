//! What goes to the Log Search API and what comes back, as values.
//!
//! Decides how a reply's JSON envelope is read: leniently, with every number exact and every message as the bytes
//! it was. Also runs one query from submit to its finished reply ([`Running`]). Never sends anything, and never
//! takes an unreadable reply for an empty one. Facts: API document, sections 2.0 to 2.5.

use std::time::Duration;

use crate::quota::Class;

pub use envelope::{Envelope, Event, Link, Statistics};
pub use running::{POLL_WITHIN, Running};

mod envelope;
mod running;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A path below the endpoint, with query parameters in order; neither is percent-encoded yet.
    Path {
        /// Path segments, to be joined by `/`.
        segments: Vec<String>,
        /// Parameters.
        parameters: Vec<(&'static str, String)>,
    },
    /// A link that the server made, to be followed as it stands once its origin was checked.
    Link(String),
}

/// One request. All of them are GETs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// The budget that it is taken from.
    pub class: Class,
    /// Where it goes.
    pub target: Target,
}

impl ApiRequest {
    /// A request to a path below the endpoint.
    #[must_use]
    pub fn path(class: Class, segments: &[&str], parameters: Vec<(&'static str, String)>) -> Self {
        let segments = segments.iter().map(|s| (*s).to_owned()).collect();
        Self { class, target: Target::Path { segments, parameters } }
    }

    /// A request to a link of the server's.
    #[must_use]
    pub const fn link(class: Class, href: String) -> Self {
        Self { class, target: Target::Link(href) }
    }
}

/// What a machine wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a machine only goes on when its request is sent"]
pub enum Ask {
    /// Send this, not before the delay is over, and bring the reply.
    Send {
        /// The request.
        request: ApiRequest,
        /// How long to wait first.
        after: Duration,
    },
    /// Nothing: the answer is complete.
    Finished,
}

/// A reply as a machine takes it; faults that may pass were retried before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// A body with a 2xx status.
    Body {
        /// The bytes.
        body: &'a [u8],
        /// The server's own words when it said that the range lies beyond retention.
        beyond_retention: Option<&'a str>,
    },
    /// 404: not there, or no longer.
    Gone,
    /// None: quotas and waits held the poll of a running query back beyond [`POLL_WITHIN`], so it was not sent.
    Late,
}

/// Why a conversation with the API cannot give the answer. A machine's state is as it was before the reply.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The reply is not what the API sends.
    #[error("the reply is not readable as Log Search JSON (it begins {start:?})")]
    Unreadable {
        /// Its first characters.
        start: String,
        /// What the reader said.
        #[source]
        cause: serde_json::Error,
    },
    /// The reply is JSON, but holds no answer.
    #[error("the reply lacks {0}")]
    Lacks(&'static str),
    /// An error in the body of a reply that said success.
    #[error("the server answered with error {code}: {message}")]
    Server {
        /// `errorCode` or `code`.
        code: i64,
        /// Its text.
        message: String,
    },
    /// The thing asked for does not exist.
    #[error(
        "the server does not know this log, or no longer (404); is the region of RAPID7_API_ENDPOINT right?"
    )]
    NotFound,
    /// The server no longer has the data.
    #[error("the range lies beyond the source's retention: {0}")]
    BeyondRetention(String),
    /// The server ran another query than the one submitted.
    #[error("the server answered another query than the one asked: {0}")]
    AnotherQuery(String),
    /// The continuation expired too often.
    #[error("the query expired {0} times before it finished")]
    Expired(u32),
    /// A page without a Next link was as full as a page can be, and the server counts more.
    #[error("the pages end at {rows} events with a full page, but the server counts {counted}")]
    EndsFull {
        /// Events that came, each once.
        rows: u64,
        /// The server's count for the same request.
        counted: u64,
    },
    /// A Next link asks for fewer events a page than the query did. Source: API document, 2.5.
    #[error("the Next link asks for {to} events a page, where the query asked for {asked}")]
    PageShrank {
        /// What was asked for.
        asked: u32,
        /// What the link asks for.
        to: u32,
    },
    /// The query did not finish.
    #[error("the query did not finish within {0} polls")]
    Endless(u32),
    /// Next led to where it came from.
    #[error("the Next link repeats itself: {0}")]
    NextRepeats(String),
    /// More pages than the rows can fill.
    #[error("the server sent {0} pages, more than the window's rows can fill")]
    TooManyPages(u64),
    /// An event of another log.
    #[error("the server sent an event of log {0}, which was not asked for")]
    AnotherLog(String),
    /// The counts of one reply differ from each other.
    #[error("the server's count disagrees with itself: {0}")]
    CountDisagrees(String),
}

/// What stands in the place of words of the server's that are kept back.
const WITHHELD: &str = "(not shown: the reply repeats the API key)";

impl ProtocolError {
    /// The same without anything that the server said, for replies that repeat what must stay secret.
    #[must_use]
    pub fn without_words(self) -> Self {
        let withheld = || WITHHELD.to_owned();
        match self {
            Self::Unreadable { .. } => {
                Self::Lacks("what an answer is made of, and repeats the API key, so that it is not shown")
            }
            Self::Server { code, .. } => Self::Server { code, message: withheld() },
            Self::BeyondRetention(_) => Self::BeyondRetention(withheld()),
            Self::AnotherQuery(_) => Self::AnotherQuery(withheld()),
            Self::NextRepeats(_) => Self::NextRepeats(withheld()),
            Self::AnotherLog(_) => Self::AnotherLog(withheld()),
            Self::CountDisagrees(_) => Self::CountDisagrees(withheld()),
            Self::Lacks(_)
            | Self::NotFound
            | Self::Expired(_)
            | Self::EndsFull { .. }
            | Self::PageShrank { .. }
            | Self::Endless(_)
            | Self::TooManyPages(_) => self,
        }
    }

    /// Whether asking again may give the answer.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Lacks(_) | Self::CountDisagrees(_))
    }
}
