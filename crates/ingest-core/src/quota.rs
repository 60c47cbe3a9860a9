//! Decides when a request may go out, so that no quota is hit.
//!
//! One budget for each class of request, learned from the server's `X-RateLimit-*` headers, and the user's own
//! `RATE_LIMIT` across all classes. A query that was submitted must be polled or it expires, and is then paid for again:
//! a submit therefore takes room for its polls as well, in `RATE_LIMIT` and in the server's budget of polls, and a poll is
//! never held back by `RATE_LIMIT`, though it counts. Where the server names no quota, its 429s set the pace. Until a class
//! has heard from the server, its requests go one at a time: what others left of the quota is not known before.
//! Never sleeps: it answers with the instant to wait for.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::time::{MS_PER_SECOND, Timestamp};

use budget::Budget;

pub use budget::BudgetState;
pub use eta::eta;

mod budget;
mod eta;
mod pace;

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
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Query, Self::Poll, Self::Download, Self::Management, Self::Pages];

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

    /// Least and most requests a minute where the server names no quota.
    fn pace_bounds(self, per_minute: u32) -> (u32, u32) {
        let windows = budget::SERVER_WINDOW.as_secs() / 60;
        let documented = u32::try_from(self.documented() / windows.max(1)).unwrap_or(u32::MAX);
        match self {
            Self::Poll => (POLLS_A_MINUTE_MIN, documented.max(POLLS_A_MINUTE_MIN)),
            Self::Query | Self::Download | Self::Management | Self::Pages => (1, documented.min(per_minute)),
        }
    }
}

/// The window of `RATE_LIMIT`, which is in requests a minute.
const USER_WINDOW_MS: i64 = 60 * MS_PER_SECOND;
/// Room that a submit takes for its polls: most queries are finished by the third.
const POLLS_RESERVED: usize = 3;
/// How long that room is held, in milliseconds: a query expires after 20 s without a poll.
const RESERVED_MS: i64 = 20 * MS_PER_SECOND;
/// Slowest pace of polls: one in five seconds keeps a query alive, which a slower one would let expire again and again.
const POLLS_A_MINUTE_MIN: u32 = 12;
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

impl QuotaHeaders {
    /// What a reply's headers say, by their lower-case names; a value that is no number says nothing.
    #[must_use]
    pub fn read(headers: &BTreeMap<String, String>) -> Self {
        let number = |name: &str| headers.get(name).and_then(|text| text.trim().parse().ok());
        Self {
            limit: number("x-ratelimit-limit"),
            remaining: number("x-ratelimit-remaining"),
            reset_seconds: number("x-ratelimit-reset"),
        }
    }
}

/// Whether a request may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a request that was not admitted must wait"]
pub enum Admission {
    /// Now, and it has been counted.
    Go,
    /// Not before this instant; ask again then.
    Wait(Timestamp),
    /// Not before an answer has come to the request of this class that is under way; ask again then.
    AfterAnswer,
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

impl Quota {
    /// Budgets as documented, and at most `per_minute` requests in any minute.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let per_minute = usize::try_from(per_minute.max(1)).unwrap_or(usize::MAX);
        Self { per_minute, sent: VecDeque::new(), reserved: VecDeque::new(), budgets: BTreeMap::new() }
    }

    /// Asks for one request of `class`. On [`Admission::Go`] the request has been counted and must be sent; tell
    /// [`Self::answered`] once its answer has come, or cannot come any more.
    pub fn admit(&mut self, class: Class, now: Timestamp) -> Admission {
        let earliest = self.earliest(class, now);
        if earliest > now {
            return Admission::Wait(earliest);
        }
        // A poll that waits lets its query expire, and the budget of polls is far from spent while one is under way.
        if class != Class::Poll && self.budget(class, now).must_listen_first() {
            return Admission::AfterAnswer;
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
        self.budget(class, now).sent(now);
        Admission::Go
    }

    /// Takes in that a submit was answered at once: the room for its polls is free again.
    pub fn needs_no_polls(&mut self) {
        let left = self.reserved.len().saturating_sub(self.room_for_polls());
        self.reserved.truncate(left);
    }

    /// Takes in that a request is not under way any more.
    pub fn answered(&mut self, class: Class, now: Timestamp) {
        self.budget(class, now).answered();
    }

    /// Takes in that the server itself answered, whatever it said of its quota.
    pub fn heard(&mut self, class: Class, now: Timestamp) {
        self.budget(class, now).heard();
    }

    /// Takes in what the reply to a request of `sent_at` said of its class.
    pub fn learn(&mut self, class: Class, headers: QuotaHeaders, sent_at: Timestamp, now: Timestamp) {
        self.budget(class, now).learn(headers, sent_at, now);
    }

    /// Takes in a 429: nothing of this class goes out before `wait` is over.
    pub fn limited(&mut self, class: Class, wait: Duration, now: Timestamp) {
        let per_minute = u32::try_from(self.per_minute).unwrap_or(u32::MAX);
        self.budget(class, now).limited(wait, per_minute, now);
    }

    /// The standing of a class.
    pub fn state(&mut self, class: Class, now: Timestamp) -> BudgetState {
        self.budget(class, now).state()
    }

    /// The standing of every class that was in use.
    pub fn states(&mut self, now: Timestamp) -> Vec<(Class, BudgetState)> {
        self.budgets.values_mut().for_each(|budget| budget.renew(now));
        self.budgets.iter().map(|(class, budget)| (*class, budget.state())).collect()
    }

    /// Requests of this class that the server still allows in its current window, as far as is known.
    #[must_use]
    pub fn remaining(&self, class: Class) -> u64 {
        self.budgets.get(&class).map_or_else(|| class.documented(), |b| b.remaining)
    }

    fn budget(&mut self, class: Class, now: Timestamp) -> &mut Budget {
        let budget = self.budgets.entry(class).or_insert_with(|| Budget::new(class, now));
        budget.renew(now);
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
        if class == Class::Query {
            earliest = earliest.max(self.room_in_poll_budget(now));
        }
        earliest.max(self.budget(class, now).earliest(now))
    }

    /// When the server's budget of polls has room for those of one more query, beside those of the queries under way.
    fn room_in_poll_budget(&mut self, now: Timestamp) -> Timestamp {
        let (held, room) = (self.reserved.len() as u64, self.room_for_polls() as u64);
        let freed = self.reserved.front().map(|until| (*until).min(now.plus_millis(RESERVED_MS)));
        let polls = self.budget(Class::Poll, now);
        let earliest = polls.earliest(now);
        // A window that is smaller than the room must do.
        let needed = room.min(polls.limit());
        if polls.remaining >= needed.saturating_add(held) {
            return earliest;
        }
        let freed = freed.filter(|_| polls.remaining >= needed);
        earliest.max(freed.map_or(polls.resets_at, |freed| freed.min(polls.resets_at)))
    }
}

#[cfg(test)]
mod tests;
