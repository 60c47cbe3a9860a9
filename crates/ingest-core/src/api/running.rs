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
/// How long after the last reply a poll is still worth sending: the 20 s until a query expires, less two for the way
/// there. One that quotas or waits hold back for longer finds a dead query, which is submitted again instead.
pub const POLL_WITHIN: Duration = Duration::from_secs(18);
/// Polls of one query. At the longest delay this is half an hour, beyond any query that was ever seen to finish.
const POLLS_MAX: u32 = 300;
/// Times that one query may expire and be submitted again.
const EXPIRIES_MAX: u32 = 3;
/// Times that one query may be submitted again because its poll was held back: the waits of quotas are no fault of the
/// query's, and as many 429s are obeyed by other requests.
const LATE_MAX: u32 = 10;

/// A query that was submitted, or is about to be.
#[derive(Debug)]
pub struct Running {
    submit: ApiRequest,
    poll: Option<String>,
    polls: u32,
    expiries: u32,
    late: u32,
}

impl Running {
    /// A query that begins with this request.
    #[must_use]
    pub const fn new(submit: ApiRequest) -> Self {
        Self { submit, poll: None, polls: 0, expiries: 0, late: 0 }
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
            Reply::Gone | Reply::Late if self.poll.is_none() => return Err(ProtocolError::NotFound),
            Reply::Gone => {
                self.expiries = self.submit_again(self.expiries, EXPIRIES_MAX)?;
                return Ok(None);
            }
            Reply::Late => {
                self.late = self.submit_again(self.late, LATE_MAX)?;
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

    /// Times that the query expired, or would have, and was submitted again.
    #[must_use]
    pub const fn expiries(&self) -> u32 {
        self.expiries.saturating_add(self.late)
    }

    fn submit_again(&mut self, times: u32, most: u32) -> Result<u32, ProtocolError> {
        if times >= most {
            return Err(ProtocolError::Expired(self.expiries()));
        }
        self.poll = None;
        self.polls = 0;
        Ok(times.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: Reply<'_> = Reply::Body {
        body: br#"{"links":[{"rel":"Self","href":"S"}],"events":[],"progress":0}"#,
        beyond_retention: None,
    };

    fn query() -> Running {
        Running::new(ApiRequest::path(Class::Query, &["query"], Vec::new()))
    }

    fn asked(query: &Running) -> (Class, Duration) {
        let Ask::Send { request, after } = query.ask() else { panic!("finished") };
        (request.class, after)
    }

    #[test]
    fn polls_come_well_before_a_query_expires() {
        let mut query = query();
        for _ in 0..POLLS_MAX {
            assert!(query.answer(RUNS).unwrap().is_none());
            let (class, after) = asked(&query);
            assert_eq!(class, Class::Poll);
            assert!(after < Duration::from_secs(10), "{after:?}");
        }
        assert!(matches!(query.answer(RUNS), Err(ProtocolError::Endless(POLLS_MAX))));
    }

    #[test]
    fn an_expired_continuation_is_submitted_again_and_not_for_ever() {
        let mut query = query();
        for expired in 1..=EXPIRIES_MAX {
            query.answer(RUNS).unwrap();
            query.answer(Reply::Gone).unwrap();
            assert_eq!((asked(&query).0, query.expiries()), (Class::Query, expired));
        }
        query.answer(RUNS).unwrap();
        assert!(matches!(query.answer(Reply::Gone), Err(ProtocolError::Expired(EXPIRIES_MAX))));
    }

    #[test]
    fn a_poll_that_was_held_back_is_an_expiry_but_no_failure() {
        let mut query = query();
        for _ in 0..LATE_MAX {
            query.answer(RUNS).unwrap();
            query.answer(Reply::Late).unwrap();
            assert_eq!(asked(&query).0, Class::Query);
        }
        assert_eq!(query.expiries(), LATE_MAX);
        query.answer(RUNS).unwrap();
        query.answer(Reply::Gone).unwrap();
        query.answer(RUNS).unwrap();
        assert!(matches!(query.answer(Reply::Late), Err(ProtocolError::Expired(_))));
    }
}
