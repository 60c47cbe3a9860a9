//! Decides who may enter, and what goes wrong before and around an answer.
//!
//! Never changes what an answer says, except to cut it.

use super::route::Route;
use super::{Account, Call};
use crate::civil::http_date;
use crate::faults::FaultName;
use crate::http::{Delivery, ReplyBody, SimReply};
use crate::quota::Standing;
use crate::rng::mix;
use crate::text::wide;

/// Body of every 429.
const TOO_MANY: &str = "API rate limit exceeded";
/// Added to the expiry, so that a blocked continuation is surely gone.
const BLOCK_MARGIN_MS: i64 = 1_000;

impl Account {
    /// Whether the key is good, and still is.
    pub(super) fn may_enter(&mut self, call: &Call<'_>, route: &Route) -> bool {
        if !self.key_revoked && self.faults.fires(&call.struck, FaultName::KeyRevoked) {
            self.key_revoked = true;
        }
        let given = if route.takes_bearer() {
            call.request.header("authorization").and_then(|value| value.strip_prefix("Bearer "))
        } else {
            call.request.header("x-api-key")
        };
        !self.key_revoked && given.is_some_and(|key| self.keys.contains(key))
    }

    pub(super) fn too_many(&self, standing: Standing, wait_s: u32) -> SimReply {
        self.limited(Standing { reset_s: wait_s, remaining: 0, ..standing }, wait_s)
    }

    /// A 429 that says this of the quota, and how long to wait.
    fn limited(&self, standing: Standing, wait_s: u32) -> SimReply {
        let mut reply = SimReply::new(429, "text/plain", TOO_MANY.as_bytes().to_vec());
        self.put_standing(&mut reply, standing);
        if self.config.semantics.retry_after {
            reply.set("Retry-After", wait_s.to_string());
        }
        reply
    }

    /// What a gateway before the service answers in its place.
    pub(super) fn gateway_fault(&mut self, call: &Call<'_>, standing: Option<Standing>) -> Option<SimReply> {
        for (name, status) in [
            (FaultName::Http500, 500),
            (FaultName::Http502, 502),
            (FaultName::Http503, 503),
            (FaultName::Http504, 504),
            (FaultName::Html200, 200),
        ] {
            if self.faults.fires(&call.struck, name) {
                return Some(SimReply::html(status));
            }
        }
        let wait_s = self.faults.faults.retry_after_s;
        if self.faults.fires(&call.struck, FaultName::Http503Later) {
            return Some(SimReply::html(503).with("Retry-After", wait_s.to_string()));
        }
        if self.faults.fires(&call.struck, FaultName::Http503LaterDate) {
            let skewed = call.struck.has(FaultName::ClockSkew);
            let skew_s = if skewed { self.faults.faults.clock_skew_s } else { 0 };
            let date = http_date(call.now_ms + (skew_s + i64::from(wait_s)) * 1_000);
            return Some(SimReply::html(503).with("Retry-After", date));
        }
        if self.faults.fires(&call.struck, FaultName::HttpErrorHtml) {
            let status = match mix(self.config.seed ^ self.ordinal) % 4 {
                0 => 500,
                1 => 502,
                2 => 503,
                _ => 504,
            };
            return Some(SimReply::html(status));
        }
        if self.faults.fires(&call.struck, FaultName::RedirectToForeignHost) {
            let target = format!("{}{}", self.faults.faults.foreign_origin, call.request.path);
            return Some(SimReply::html(302).with("Location", target));
        }
        self.limit_fault(call, standing)
    }

    /// A 429 that no quota asked for.
    fn limit_fault(&mut self, call: &Call<'_>, standing: Option<Standing>) -> Option<SimReply> {
        let known = standing;
        let standing = known.unwrap_or(Standing { limit: 1, remaining: 0, reset_s: 1, exceeded: true });
        if self.faults.fires(&call.struck, FaultName::RateLimitDuringPoll) {
            let block_ms = self.config.semantics.continuation_expiry_ms + BLOCK_MARGIN_MS;
            self.polls_blocked_until_ms = call.now_ms + block_ms;
        }
        let blocked_ms = self.polls_blocked_until_ms.saturating_sub(call.now_ms);
        if call.class == crate::faults::RequestClass::Poll && blocked_ms > 0 {
            return Some(self.too_many(standing, u32::try_from((blocked_ms + 999) / 1_000).unwrap_or(1)));
        }
        let once = self.faults.fires(&call.struck, FaultName::Retry429)
            || self.faults.fires(&call.struck, FaultName::RateLimitOnNext);
        let wait_s = self.faults.faults.retry_after_s;
        // What it says of a quota that there is is true: only the wait is its own.
        once.then(|| {
            known.map_or_else(|| self.too_many(standing, wait_s), |known| self.limited(known, wait_s))
        })
    }

    /// Cuts a finished body.
    pub(super) fn body_fault(&mut self, call: &Call<'_>, mut reply: SimReply) -> SimReply {
        let ReplyBody::Full(bytes) = &mut reply.body else {
            return reply;
        };
        if self.faults.fires(&call.struck, FaultName::UnreadableJson) {
            bytes.truncate(bytes.len() / 2);
        } else if self.faults.fires(&call.struck, FaultName::BodyCut) {
            reply.delivery = Delivery::CutBodyAfter(wide(bytes.len() / 2));
        }
        reply
    }

    /// Slows an answer that is not cut.
    pub(super) fn pace(&mut self, call: &Call<'_>, reply: &mut SimReply) {
        if reply.delivery != Delivery::Whole {
            return;
        }
        if self.faults.fires(&call.struck, FaultName::SlowFirstByte) {
            reply.delivery = Delivery::SlowFirstByte(self.faults.faults.slow_first_byte_ms);
        } else if self.faults.fires(&call.struck, FaultName::SlowTrickle) {
            let (chunk, pause_ms) = (self.faults.faults.trickle_chunk, self.faults.faults.trickle_pause_ms);
            reply.delivery = Delivery::SlowTrickle { chunk, pause_ms };
        }
    }
}
