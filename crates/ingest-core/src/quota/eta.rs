//! How long a backfill takes at least, from what is left of it and of the quotas.
//!
//! An estimate, by query or by download: the larger of what `RATE_LIMIT` and what the server's windows allow. It knows
//! nothing of bandwidth, other users of the key, or polls.

use std::time::Duration;

use super::budget::SERVER_WINDOW;
use super::{BudgetState, USER_WINDOW_MS};
use crate::time::{Timestamp, millis_of};

/// Longest estimate, a hundred years: beyond it the figure says nothing but "never".
const ETA_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The time until `rows_left` rows have come, `rows_per_request` with each request of a class: rows a page for queries,
/// rows a window for downloads. `per_minute` is `RATE_LIMIT`.
#[must_use]
pub fn eta(
    rows_left: u64,
    rows_per_request: u64,
    budget: &BudgetState,
    per_minute: u32,
    now: Timestamp,
) -> Duration {
    let requests = rows_left.div_ceil(rows_per_request.max(1));
    if requests == 0 {
        return Duration::ZERO;
    }
    let rate = budget.paced_per_minute.map_or(per_minute, |paced| paced.min(per_minute)).max(1);
    let minute_ms = USER_WINDOW_MS.unsigned_abs();
    let by_rate = requests.saturating_mul(minute_ms) / u64::from(rate);
    let blocked_ms = budget.blocked_until.map_or(0, |until| ms_until(until, now));
    let ms = by_rate.max(by_quota(requests, budget, now)).max(blocked_ms);
    Duration::from_millis(ms).min(ETA_MAX)
}

/// Milliseconds until the window of the server begins in which the last request goes out.
fn by_quota(requests: u64, budget: &BudgetState, now: Timestamp) -> u64 {
    let (left, reset_ms) = if now >= budget.resets_at {
        (budget.limit, millis_of(SERVER_WINDOW).unsigned_abs())
    } else {
        (budget.remaining, ms_until(budget.resets_at, now))
    };
    let Some(beyond) = requests.checked_sub(left).filter(|beyond| *beyond > 0) else {
        return 0;
    };
    let Some(windows) = (beyond - 1).checked_div(budget.limit) else {
        return u64::MAX;
    };
    windows.saturating_mul(millis_of(SERVER_WINDOW).unsigned_abs()).saturating_add(reset_ms)
}

fn ms_until(instant: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(instant.millis().saturating_sub(now.millis())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state(limit: u64, remaining: u64, reset_seconds: i64) -> BudgetState {
        let resets_at = Timestamp::from_millis(reset_seconds * 1_000);
        BudgetState { limit, remaining, resets_at, blocked_until: None, paced_per_minute: None }
    }

    #[track_caller]
    fn check(rows: u64, per_request: u64, budget: BudgetState, per_minute: u32, seconds: u64) {
        let got = eta(rows, per_request, &budget, per_minute, Timestamp::from_millis(0));
        assert_eq!(got, Duration::from_secs(seconds));
    }

    #[test]
    fn the_tighter_of_rate_limit_and_quota_decides() {
        check(0, 500, state(1_500, 0, 900), 60, 0);
        // 600 requests at 60 a minute; the quota would allow them at once.
        check(300_000, 500, state(1_500, 1_500, 900), 60, 600);
        // 3,000 requests: 1,000 now, 1,500 after the reset in 300 s, 500 in the window after it.
        check(1_500_000, 500, state(1_500, 1_000, 300), 60_000, 1_200);
        // The same rows by download: two requests.
        check(1_500_000, 1_000_000, state(300, 300, 900), 60, 2);
        check(1, 1, state(0, 0, 900), 60, ETA_MAX.as_secs());
        check(600, 1, BudgetState { paced_per_minute: Some(10), ..state(1_500, 1_500, 900) }, 60, 3_600);
    }

    proptest! {
        #[test]
        fn more_rows_never_take_less_time(
            a in any::<u64>(), b in any::<u64>(), per_request in 0_u64..2_000_000, limit in 0_u64..2_000,
            remaining in 0_u64..2_000, reset in -1_000_i64..1_000, per_minute in 0_u32..1_001,
        ) {
            let budget = state(limit, remaining, reset);
            let of = |rows| eta(rows, per_request, &budget, per_minute, Timestamp::from_millis(0));
            prop_assert!(of(a.min(b)) <= of(a.max(b)));
        }
    }
}
