//! What is left of the server's quota for one class of request, as learned from its replies.
//!
//! Never decides across classes, and knows nothing of `RATE_LIMIT`.

use std::time::Duration;

use super::pace::Pace;
use super::{Class, QuotaHeaders, RESET_MARGIN_MS};
use crate::time::{MS_PER_SECOND, Timestamp};

/// Length of the server's quota windows. Source: API document, 2.0.
pub(super) const SERVER_WINDOW: Duration = Duration::from_secs(900);
/// A reset that moved by more than this, in milliseconds, is that of a new window and not a rounded one.
const RENEWED_MS: i64 = 2 * MS_PER_SECOND;

/// The standing of one class, for metrics and estimates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetState {
    /// Requests of a whole window.
    pub limit: u64,
    /// Requests that are left in the current window, as far as is known.
    pub remaining: u64,
    /// When the current window ends.
    pub resets_at: Timestamp,
    /// Until when a 429 holds the class back.
    pub blocked_until: Option<Timestamp>,
    /// Requests a minute, where the server names no quota and answered 429.
    pub paced_per_minute: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    class: Class,
    limit: u64,
    pub(super) remaining: u64,
    pub(super) resets_at: Timestamp,
    blocked_until: Option<Timestamp>,
    /// When the current window began, as far as is known.
    began: Timestamp,
    /// Requests whose answers have not come yet.
    under_way: u64,
    /// Whether the server has answered any request of this class.
    heard: bool,
    /// Whether the server names a quota for this class.
    told: bool,
    pace: Option<Pace>,
}

impl Budget {
    pub(super) fn new(class: Class, now: Timestamp) -> Self {
        let limit = class.documented();
        let resets_at = crate::retry::at(now, SERVER_WINDOW);
        Self {
            class,
            limit,
            remaining: limit,
            resets_at,
            blocked_until: None,
            began: now,
            under_way: 0,
            heard: false,
            told: false,
            pace: None,
        }
    }

    /// Begins a new window if the last one is over.
    pub(super) fn renew(&mut self, now: Timestamp) {
        if now >= self.resets_at {
            // What is under way may be counted in the new window.
            self.remaining = self.limit.saturating_sub(self.under_way);
            self.began = now;
            self.resets_at = crate::retry::at(now, SERVER_WINDOW);
        }
        self.blocked_until = self.blocked_until.filter(|until| *until > now);
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// When the next request may go out.
    pub(super) fn earliest(&self, now: Timestamp) -> Timestamp {
        let reset = (self.remaining == 0).then_some(self.resets_at);
        let paced = self.pace.map(|pace| pace.earliest(now));
        reset.into_iter().chain(paced).chain(self.blocked_until).fold(now, Timestamp::max)
    }

    /// Whether an answer must come first: nothing is known of what others left of the quota.
    pub(super) const fn must_listen_first(&self) -> bool {
        !self.heard && self.under_way > 0
    }

    pub(super) const fn answered(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    pub(super) const fn heard(&mut self) {
        self.heard = true;
    }

    pub(super) fn sent(&mut self, now: Timestamp) {
        self.remaining = self.remaining.saturating_sub(1);
        self.under_way = self.under_way.saturating_add(1);
        if let Some(pace) = &mut self.pace {
            pace.sent(now);
        }
    }

    pub(super) fn learn(&mut self, headers: QuotaHeaders, sent_at: Timestamp, now: Timestamp) {
        if headers.limit.is_some() || headers.remaining.is_some() {
            self.told = true;
            self.heard = true;
            self.pace = None;
        }
        self.limit = headers.limit.unwrap_or(self.limit);
        if sent_at < self.began {
            // It may speak of the window before: of what is left there, and of an end that is past.
            return;
        }
        if let Some(remaining) = headers.remaining {
            // Replies may overtake each other: the smaller figure is the one that cannot overspend.
            let later = self.resets_at.plus_millis(RENEWED_MS);
            let renewed = headers.reset_seconds.is_some_and(|seconds| after_seconds(now, seconds) > later);
            self.remaining = if renewed { remaining } else { self.remaining.min(remaining) };
        }
        if let Some(seconds) = headers.reset_seconds {
            self.resets_at = after_seconds(now, seconds);
        }
    }

    /// Takes in a 429. Those of requests that were under way together slow the pace down once.
    pub(super) fn limited(&mut self, wait: Duration, per_minute: u32, now: Timestamp) {
        if !self.told && self.blocked_until.is_none() {
            let (floor, ceiling) = self.class.pace_bounds(per_minute);
            self.pace.get_or_insert_with(|| Pace::new(floor, ceiling, now)).limited(now);
        }
        let until = crate::retry::at(now, wait).plus_millis(RESET_MARGIN_MS);
        self.blocked_until = Some(self.blocked_until.map_or(until, |old| old.max(until)));
    }

    pub(super) fn state(&self) -> BudgetState {
        BudgetState {
            limit: self.limit,
            remaining: self.remaining,
            resets_at: self.resets_at,
            blocked_until: self.blocked_until,
            paced_per_minute: self.pace.map(|pace| pace.per_minute()),
        }
    }
}

fn after_seconds(now: Timestamp, seconds: u64) -> Timestamp {
    let seconds = seconds.min(crate::retry::LIMIT_WAIT_MAX.as_secs());
    crate::retry::at(now, Duration::from_secs(seconds)).plus_millis(RESET_MARGIN_MS)
}
