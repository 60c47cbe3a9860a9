//! Why events could not be fetched, by what can be done about it.

use ingest_core::api::ProtocolError;
use ingest_core::time::Timestamp;

use crate::endpoint::EndpointError;
use crate::transport::TransportError;

/// Why a request, or a whole conversation, failed. Faults that may pass were retried before.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The key is refused.
    #[error(
        "the API refused the key with status {status} for {what}; is RAPID7_API_KEY right, allowed to do this, and of this region?"
    )]
    Refused {
        /// 401 or 403.
        status: u16,
        /// What was asked for.
        what: String,
    },
    /// A request is wrong in the server's eyes.
    #[error("the API refused {what} with status {status}: {said}")]
    Wrong {
        /// The status.
        status: u16,
        /// What was asked for.
        what: String,
        /// The server's words.
        said: String,
    },
    /// The log, or whatever was asked for, is not there.
    #[error("the API knows nothing of {0} (404); is the region of RAPID7_API_ENDPOINT right?")]
    NotFound(String),
    /// The server failed, or could not be reached, as often as it was tried.
    #[error(
        "{what} failed {tries} times, the last time: {last}; the next run tries again, and log-ingestion doctor looks for the cause"
    )]
    Exhausted {
        /// What was asked for.
        what: String,
        /// Requests sent.
        tries: u32,
        /// What came of the last one.
        last: String,
    },
    /// The requests of one window were sent again so often that no retry is left for it.
    #[error("the window's retries are spent; {what} failed, the last time: {last}")]
    RetriesSpent {
        /// What was asked for last.
        what: String,
        /// What came of it.
        last: String,
    },
    /// The endpoint failed many times in a row and is left alone for a while.
    #[error("the API failed too often on requests of class {class}; none is sent before {until}")]
    CircuitOpen {
        /// The class of request.
        class: &'static str,
        /// When one goes out as a probe.
        until: Timestamp,
    },
    /// The poll of a running query could not go out before the query expires. The query is submitted again.
    #[error("the poll of a running query was held back for longer than the query lives")]
    PollLate,
    /// A stop ended a long wait.
    #[error("a stop ended the wait for the API; it is asked again next time")]
    Stopped,
    /// The body of a reply ended early.
    #[error("the reply to {what} was cut: {cause}")]
    Cut {
        /// What was asked for.
        what: String,
        /// How.
        cause: TransportError,
    },
    /// A reply is larger than any reply of this API can be.
    #[error(
        "the reply to {what} is larger than {limit} bytes, and was not read on; is RAPID7_API_ENDPOINT the API?"
    )]
    TooLarge {
        /// What was asked for.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// A link leads to where the key must not go.
    #[error(transparent)]
    Link(#[from] EndpointError),
    /// The conversation itself went wrong.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
}

impl SourceError {
    /// Whether the key was refused, after which nothing can succeed.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}
