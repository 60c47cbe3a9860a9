//! One query from submit to its finished reply: 202 or 200, polls of the Self link, expiry.
//!
//! Decides when to poll and when to submit again. A reply with a Self link is unfinished whatever its status,
//! and its events are never looked at. Facts: API document, 2.4.

use std::time::Duration;

use super::{ApiRequest, Ask, Envelope, ProtocolError, Reply};
use crate::quota::Class;

/// Delay before the first poll; it doubles with each, as the vendor's own sample does.
const FIRST_POLL: Duration = Duration::from_millis(500);
/// Longest delay between polls: a query expires after 20 s without one, and one sample of the vendor's says 10 s.
const LAST_POLL: Duration = Duration::from_secs(6);
/// Polls of one query. At the longest delay this is half an hour, beyond any query that was ever seen to finish.
const POLLS_MAX: u32 = 300;
/// Times that one query may expire and be submitted again.
const EXPIRIES_MAX: u32 = 3;

/// A query that was submitted, or is about to be.
#[derive(Debug)]
pub struct Running {
    submit: ApiRequest,
    poll: Option<String>,
    polls: u32,
    expiries: u32,
}

impl Running {
    /// A query that begins with this request.
    #[must_use]
    pub const fn new(submit: ApiRequest) -> Self {
        Self { submit, poll: None, polls: 0, expiries: 0 }
    }

    /// What to send next.
    pub fn ask(&self) -> Ask {
        match &self.poll {
            None => Ask::Send { request: self.submit.clone(), after: Duration::ZERO },
            Some(href) => {
                let delay = FIRST_POLL.saturating_mul(1 << self.polls.min(8)).min(LAST_POLL);
                Ask::Send { request: ApiRequest::link(Class::Poll, href.clone()), after: delay }
            }
        }
    }

    /// Takes a reply in; gives the envelope once the query is finished.
    ///
    /// # Errors
    /// When the reply is unreadable, the log unknown, or the query expires or runs without end.
    pub fn answer(&mut self, reply: Reply<'_>) -> Result<Option<Envelope>, ProtocolError> {
        let (body, beyond) = match reply {
            Reply::Body { body, beyond_retention } => (body, beyond_retention),
            Reply::Gone if self.poll.is_none() => return Err(ProtocolError::NotFound),
            Reply::Gone => {
                if self.expiries >= EXPIRIES_MAX {
                    return Err(ProtocolError::Expired(self.expiries));
                }
                self.expiries = self.expiries.saturating_add(1);
                self.poll = None;
                self.polls = 0;
                return Ok(None);
            }
        };
        if let Some(message) = beyond {
            return Err(ProtocolError::BeyondRetention(message.to_owned()));
        }
        let envelope = Envelope::read(body)?;
        let Some(href) = envelope.link("Self") else {
            return Ok(Some(envelope));
        };
        let polls = if self.poll.is_some() { self.polls.saturating_add(1) } else { 0 };
        if polls >= POLLS_MAX {
            return Err(ProtocolError::Endless(polls));
        }
        self.polls = polls;
        self.poll = Some(href.to_owned());
        Ok(None)
    }
}
