//! Decides when a request may go out, so that no quota is hit.
//!
//! One budget for each class of request, learned from the server's `X-RateLimit-*` headers, and the user's own
//! `RATE_LIMIT` across all classes. A query that was submitted must be polled or it expires, and is then paid for again:
//! a submit therefore takes room for its polls as well, and a poll is never held back by `RATE_LIMIT`, though it counts.
//! Never sleeps: it answers with the instant to wait for.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::time::{MS_PER_SECOND, Timestamp};

/// The server's counters. Source: API document, 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Submitting a query, and each Next page.
    Query,
    /// Polling a running query.
    Poll,
    /// Bulk downloads.
    Download,
    /// Lists of logs and log sets, key validation.
    Management,
    /// The CSV pages endpoint, which documents no quota.
    Pages,
}

impl Class {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Poll => "poll",
            Self::Download => "download",
            Self::Management => "management",
            Self::Pages => "pages",
        }
    }

    /// Requests that the server allows in [`SERVER_WINDOW`] where it has not said otherwise.
    const fn documented(self) -> u64 {
        match self {
            Self::Query | Self::Management => 1_500,
            Self::Poll => 10_000,
            Self::Download => 300,
            Self::Pages => u64::MAX,
        }
    }
}

/// Length of the server's quota windows. Source: API document, 2.0.
const SERVER_WINDOW: Duration = Duration::from_secs(900);
/// The window of `RATE_LIMIT`, which is in requests a minute.
const USER_WINDOW_MS: i64 = 60 * MS_PER_SECOND;
/// Room that a submit takes for its polls: most queries are finished by the third.
const POLLS_RESERVED: usize = 3;
/// How long that room is held, in milliseconds: a query expires after 20 s without a poll.
const RESERVED_MS: i64 = 20 * MS_PER_SECOND;
/// A reset that moved by more than this, in milliseconds, is that of a new window and not a rounded one.
const RENEWED_MS: i64 = 2 * MS_PER_SECOND;
/// Added to a reset that the server named in whole seconds, so that the first request falls after it.
const RESET_MARGIN_MS: i64 = 50;

/// What a reply said of its quota. Everything is optional, as the server leaves headers out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaHeaders {
    /// `X-RateLimit-Limit`
    pub limit: Option<u64>,
    /// `X-RateLimit-Remaining`
    pub remaining: Option<u64>,
    /// `X-RateLimit-Reset`: seconds from now, not an epoch.
    pub reset_seconds: Option<u64>,
}

/// Whether a request may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a request that was not admitted must wait"]
pub enum Admission {
    /// Now, and it has been counted.
    Go,
    /// Not before this instant; ask again then.
    Wait(Timestamp),
}

/// All budgets of one API key.
#[derive(Debug)]
pub struct Quota {
    per_minute: usize,
    sent: VecDeque<Timestamp>,
    /// Until when room is held, for each poll that is expected.
    reserved: VecDeque<Timestamp>,
    budgets: BTreeMap<Class, Budget>,
}

#[derive(Debug, Clone, Copy)]
struct Budget {
    /// Requests of a whole window.
    limit: u64,
    remaining: u64,
    resets_at: Timestamp,
    blocked_until: Option<Timestamp>,
}

impl Quota {
    /// Budgets as documented, and at most `per_minute` requests in any minute.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let per_minute = usize::try_from(per_minute.max(1)).unwrap_or(usize::MAX);
        Self { per_minute, sent: VecDeque::new(), reserved: VecDeque::new(), budgets: BTreeMap::new() }
    }

    /// Asks for one request of `class`. On [`Admission::Go`] the request has been counted and must be sent.
    pub fn admit(&mut self, class: Class, now: Timestamp) -> Admission {
        let earliest = self.earliest(class, now);
        if earliest > now {
            return Admission::Wait(earliest);
        }
        self.sent.push_back(now);
        match class {
            Class::Query => {
                let until = now.plus_millis(RESERVED_MS);
                self.reserved.extend(std::iter::repeat_n(until, self.room_for_polls()));
            }
            Class::Poll => drop(self.reserved.pop_front()),
            Class::Download | Class::Management | Class::Pages => {}
        }
        let budget = self.budget(class, now);
        budget.remaining = budget.remaining.saturating_sub(1);
        Admission::Go
    }

    /// Takes in that a submit was answered at once: the room for its polls is free again.
    pub fn needs_no_polls(&mut self) {
        let left = self.reserved.len().saturating_sub(self.room_for_polls());
        self.reserved.truncate(left);
    }

    /// Takes in what a reply said of its class.
    pub fn learn(&mut self, class: Class, headers: QuotaHeaders, now: Timestamp) {
        let budget = self.budget(class, now);
        budget.limit = headers.limit.unwrap_or(budget.limit);
        if let Some(remaining) = headers.remaining {
            // Replies may overtake each other: the smaller figure is the one that cannot overspend.
            let later = budget.resets_at.plus_millis(RENEWED_MS);
            let renewed = headers.reset_seconds.is_some_and(|seconds| after_seconds(now, seconds) > later);
            budget.remaining = if renewed { remaining } else { budget.remaining.min(remaining) };
        }
        if let Some(seconds) = headers.reset_seconds {
            budget.resets_at = after_seconds(now, seconds);
        }
    }

    /// Takes in a 429: nothing of this class goes out before `wait` is over.
    pub fn limited(&mut self, class: Class, wait: Duration, now: Timestamp) {
        let until = crate::retry::at(now, wait).plus_millis(RESET_MARGIN_MS);
        let budget = self.budget(class, now);
        budget.blocked_until = Some(budget.blocked_until.map_or(until, |old| old.max(until)));
    }

    /// Requests of this class that the server still allows in its current window, as far as is known.
    #[must_use]
    pub fn remaining(&self, class: Class) -> u64 {
        self.budgets.get(&class).map_or_else(|| class.documented(), |b| b.remaining)
    }

    fn budget(&mut self, class: Class, now: Timestamp) -> &mut Budget {
        let limit = self.budgets.get(&class).map_or_else(|| class.documented(), |budget| budget.limit);
        let fresh = Budget {
            limit,
            remaining: limit,
            resets_at: crate::retry::at(now, SERVER_WINDOW),
            blocked_until: None,
        };
        let budget = self.budgets.entry(class).or_insert(fresh);
        if now >= budget.resets_at {
            *budget = Budget { blocked_until: budget.blocked_until, ..fresh };
        }
        budget
    }

    fn room_for_polls(&self) -> usize {
        POLLS_RESERVED.min(self.per_minute.saturating_sub(1))
    }

    /// When `RATE_LIMIT` lets a request out.
    fn user_limit(&mut self, class: Class, now: Timestamp) -> Timestamp {
        // Entries ahead of a clock that went backwards count as sent now.
        while self.sent.front().is_some_and(|t| t.plus_millis(USER_WINDOW_MS) <= now) {
            self.sent.pop_front();
        }
        while self.reserved.front().is_some_and(|until| *until <= now) {
            self.reserved.pop_front();
        }
        let needed = match class {
            Class::Poll => return now,
            Class::Query => 1 + self.room_for_polls(),
            Class::Download | Class::Management | Class::Pages => 1,
        };
        if self.sent.len() + self.reserved.len() + needed <= self.per_minute {
            return now;
        }
        let sent = self.sent.front().map(|t| (*t).min(now).plus_millis(USER_WINDOW_MS));
        let reserved = self.reserved.front().map(|until| (*until).min(now.plus_millis(RESERVED_MS)));
        sent.into_iter().chain(reserved).min().unwrap_or(now)
    }

    fn earliest(&mut self, class: Class, now: Timestamp) -> Timestamp {
        let mut earliest = self.user_limit(class, now);
        let budget = self.budget(class, now);
        if let Some(until) = budget.blocked_until {
            earliest = earliest.max(until);
        }
        if budget.remaining == 0 {
            earliest = earliest.max(budget.resets_at);
        }
        earliest
    }
}

fn after_seconds(now: Timestamp, seconds: u64) -> Timestamp {
    let seconds = seconds.min(crate::retry::LIMIT_WAIT_MAX.as_secs());
    crate::retry::at(now, Duration::from_secs(seconds)).plus_millis(RESET_MARGIN_MS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn t(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn a_spent_budget_waits_for_its_reset() {
        let mut quota = Quota::new(1_000);
        quota.learn(
            Class::Query,
            QuotaHeaders { limit: Some(2), remaining: Some(1), reset_seconds: Some(10) },
            t(0),
        );
        assert_eq!(quota.admit(Class::Query, t(1)), Admission::Go);
        assert_eq!(quota.admit(Class::Query, t(2)), Admission::Wait(t(10_050)));
        assert_eq!(quota.admit(Class::Poll, t(2)), Admission::Go);
        assert_eq!(quota.admit(Class::Query, t(10_050)), Admission::Go);
        assert_eq!(quota.remaining(Class::Query), 1, "the next window has the limit that the server named");
    }

    #[test]
    fn a_429_blocks_its_class_for_as_long_as_it_says() {
        let mut quota = Quota::new(1_000);
        quota.limited(Class::Download, Duration::from_secs(900), t(0));
        assert_eq!(quota.admit(Class::Download, t(899_000)), Admission::Wait(t(900_050)));
        assert_eq!(quota.admit(Class::Download, t(900_050)), Admission::Go);
    }

    #[test]
    fn a_late_reply_does_not_raise_the_budget() {
        let mut quota = Quota::new(1_000);
        let said =
            |remaining| QuotaHeaders { limit: None, remaining: Some(remaining), reset_seconds: Some(100) };
        quota.learn(Class::Query, said(3), t(0));
        quota.learn(Class::Query, said(5), t(10));
        assert_eq!(quota.remaining(Class::Query), 3);
    }

    #[test]
    fn a_submit_takes_room_for_its_polls_and_polls_are_never_held_back() {
        let mut quota = Quota::new(5);
        assert_eq!(quota.admit(Class::Query, t(0)), Admission::Go);
        assert_eq!(quota.admit(Class::Query, t(1)), Admission::Wait(t(20_000)));
        assert_eq!(quota.admit(Class::Management, t(1)), Admission::Go);
        for poll in 2..9 {
            assert_eq!(quota.admit(Class::Poll, t(poll)), Admission::Go);
        }
        assert_eq!(quota.admit(Class::Management, t(9)), Admission::Wait(t(60_000)));
    }

    #[test]
    fn a_submit_that_was_answered_at_once_gives_its_room_back() {
        let mut quota = Quota::new(5);
        assert_eq!(quota.admit(Class::Query, t(0)), Admission::Go);
        quota.needs_no_polls();
        assert_eq!(quota.admit(Class::Query, t(1)), Admission::Go);
    }

    proptest! {
        #[test]
        fn no_minute_holds_more_than_the_limit(limit in 1_u32..20, gaps in proptest::collection::vec(0_i64..5_000, 1..200)) {
            let mut quota = Quota::new(limit);
            let (mut now, mut sent) = (0_i64, Vec::new());
            for gap in gaps {
                now += gap;
                loop {
                    match quota.admit(Class::Management, t(now)) {
                        Admission::Go => break sent.push(now),
                        Admission::Wait(until) => {
                            prop_assert!(until.millis() > now);
                            now = until.millis();
                        }
                    }
                }
            }
            for (i, first) in sent.iter().enumerate() {
                let in_minute = sent[i..].iter().take_while(|s| **s < first + USER_WINDOW_MS).count();
                prop_assert!(in_minute <= limit as usize);
            }
        }
    }
}
