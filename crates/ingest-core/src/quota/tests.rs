//! The quota lets out as much as it may, and nothing beyond.

use proptest::prelude::*;

use super::*;

fn t(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// A quota of which the server has been heard in every class.
fn heard(per_minute: u32) -> Quota {
    let mut quota = Quota::new(per_minute);
    for class in [Class::Query, Class::Poll, Class::Download, Class::Management, Class::Pages] {
        quota.heard(class, t(0));
    }
    quota
}

#[test]
fn headers_that_are_missing_or_no_numbers_say_nothing() {
    let headers = [("x-ratelimit-limit", " 1500 "), ("x-ratelimit-remaining", "many"), ("date", "7")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let read = QuotaHeaders::read(&headers.into());
    assert_eq!(read, QuotaHeaders { limit: Some(1_500), ..QuotaHeaders::default() });
}

#[test]
fn a_spent_budget_waits_for_its_reset() {
    let mut quota = heard(1_000);
    quota.learn(
        Class::Query,
        QuotaHeaders { limit: Some(2), remaining: Some(1), reset_seconds: Some(10) },
        t(0),
        t(0),
    );
    assert_eq!(quota.admit(Class::Query, t(1)), Admission::Go);
    quota.answered(Class::Query, t(1));
    assert_eq!(quota.admit(Class::Query, t(2)), Admission::Wait(t(10_050)));
    assert_eq!(quota.admit(Class::Poll, t(2)), Admission::Go);
    assert_eq!(quota.admit(Class::Query, t(10_050)), Admission::Go);
    assert_eq!(quota.remaining(Class::Query), 1, "the next window has the limit that the server named");
}

#[test]
fn a_class_that_has_not_heard_from_the_server_sends_one_at_a_time() {
    let mut quota = Quota::new(1_000);
    assert_eq!(quota.admit(Class::Query, t(0)), Admission::Go);
    assert_eq!(quota.admit(Class::Query, t(1)), Admission::AfterAnswer);
    // Other classes have budgets of their own, and polls cannot wait.
    assert_eq!(quota.admit(Class::Download, t(1)), Admission::Go);
    assert_eq!(quota.admit(Class::Poll, t(1)), Admission::Go);
    assert_eq!(quota.admit(Class::Poll, t(1)), Admission::Go);
    // A connection that was reset tells nothing: the next one goes alone as well.
    quota.answered(Class::Query, t(2));
    assert_eq!(quota.admit(Class::Query, t(2)), Admission::Go);
    assert_eq!(quota.admit(Class::Query, t(2)), Admission::AfterAnswer);
    let said = QuotaHeaders { limit: Some(20), remaining: Some(1), reset_seconds: Some(10) };
    quota.learn(Class::Query, said, t(2), t(3));
    quota.answered(Class::Query, t(3));
    assert_eq!(quota.admit(Class::Query, t(4)), Admission::Go);
    assert_eq!(quota.admit(Class::Query, t(4)), Admission::Wait(t(10_053)));
    // Nor must there be headers.
    quota.heard(Class::Download, t(5));
    assert_eq!(quota.admit(Class::Download, t(5)), Admission::Go);
}

#[test]
fn what_is_under_way_while_a_window_ends_is_counted_in_the_next() {
    let mut quota = heard(1_000);
    let said = |remaining, reset| QuotaHeaders {
        limit: Some(4),
        remaining: Some(remaining),
        reset_seconds: Some(reset),
    };
    quota.learn(Class::Download, said(2, 10), t(0), t(0));
    for _ in 0..2 {
        assert_eq!(quota.admit(Class::Download, t(10_000)), Admission::Go);
    }
    assert_eq!(quota.state(Class::Download, t(10_050)).remaining, 2, "two of four may be counted there");
    // An answer that was long on its way speaks of the window before.
    quota.learn(Class::Download, said(0, 1), t(10_000), t(10_060));
    let state = quota.state(Class::Download, t(10_060));
    assert_eq!((state.remaining, state.resets_at), (2, t(910_050)));
    quota.learn(Class::Download, said(1, 890), t(10_070), t(10_080));
    assert_eq!(quota.state(Class::Download, t(10_080)).remaining, 1);
}

#[test]
fn a_429_blocks_its_class_for_as_long_as_it_says() {
    let mut quota = heard(1_000);
    quota.limited(Class::Download, Duration::from_secs(900), t(0));
    assert_eq!(quota.admit(Class::Download, t(899_000)), Admission::Wait(t(900_050)));
    assert_eq!(quota.admit(Class::Download, t(900_050)), Admission::Go);
}

#[test]
fn a_late_reply_does_not_raise_the_budget() {
    let mut quota = heard(1_000);
    let said = |remaining| QuotaHeaders { limit: None, remaining: Some(remaining), reset_seconds: Some(100) };
    quota.learn(Class::Query, said(3), t(0), t(0));
    quota.learn(Class::Query, said(5), t(10), t(10));
    assert_eq!(quota.remaining(Class::Query), 3);
}

#[test]
fn a_submit_takes_room_for_its_polls_and_polls_are_never_held_back() {
    let mut quota = heard(5);
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
    let mut quota = heard(5);
    assert_eq!(quota.admit(Class::Query, t(0)), Admission::Go);
    quota.needs_no_polls();
    assert_eq!(quota.admit(Class::Query, t(1)), Admission::Go);
}

#[test]
fn a_submit_waits_for_room_in_the_servers_budget_of_polls() {
    let mut quota = heard(1_000);
    let said =
        |remaining| QuotaHeaders { limit: Some(10), remaining: Some(remaining), reset_seconds: Some(100) };
    quota.learn(Class::Poll, said(7), t(0), t(0));
    assert_eq!(quota.admit(Class::Query, t(0)), Admission::Go);
    assert_eq!(quota.admit(Class::Query, t(1)), Admission::Go);
    assert_eq!(quota.admit(Class::Query, t(2)), Admission::Wait(t(20_000)), "six of seven are held");
    quota.learn(Class::Poll, said(2), t(3), t(3));
    assert_eq!(quota.admit(Class::Query, t(3)), Admission::Wait(t(100_053)), "held or not, two are too few");
    assert_eq!(quota.admit(Class::Poll, t(3)), Admission::Go);
    assert_eq!(quota.admit(Class::Query, t(100_053)), Admission::Go);
}

#[test]
fn a_submit_waits_while_polls_are_blocked() {
    let mut quota = heard(1_000);
    quota.limited(Class::Poll, Duration::from_secs(60), t(0));
    assert_eq!(quota.admit(Class::Query, t(1)), Admission::Wait(t(60_050)));
    assert_eq!(quota.admit(Class::Management, t(1)), Admission::Go);
}

#[test]
fn a_budget_of_polls_below_the_room_of_one_query_still_lets_queries_out() {
    let mut quota = heard(1_000);
    let tiny = QuotaHeaders { limit: Some(1), remaining: Some(1), reset_seconds: Some(10) };
    quota.learn(Class::Poll, tiny, t(0), t(0));
    assert_eq!(quota.admit(Class::Query, t(0)), Admission::Go);
}

#[test]
fn without_headers_429s_halve_the_pace_once_each_and_headers_end_it() {
    let mut quota = heard(60);
    let paced = |quota: &mut Quota| quota.state(Class::Query, t(0)).paced_per_minute;
    assert_eq!(quota.admit(Class::Query, t(0)), Admission::Go);
    quota.limited(Class::Query, Duration::from_secs(1), t(0));
    quota.limited(Class::Query, Duration::from_secs(1), t(1));
    assert_eq!(paced(&mut quota), Some(30), "two 429s of requests that were under way together");
    assert_eq!(quota.admit(Class::Query, t(2_000)), Admission::Go);
    quota.needs_no_polls();
    assert_eq!(quota.admit(Class::Query, t(2_001)), Admission::Wait(t(4_000)));
    quota.limited(Class::Query, Duration::from_secs(1), t(5_000));
    assert_eq!(paced(&mut quota), Some(15));
    let headers = QuotaHeaders { limit: Some(1_500), remaining: Some(1_000), reset_seconds: Some(100) };
    quota.learn(Class::Query, headers, t(7_000), t(7_000));
    quota.limited(Class::Query, Duration::from_secs(1), t(7_000));
    assert_eq!(paced(&mut quota), None, "the server names its quota");
}

proptest! {
    #[test]
    fn no_minute_holds_more_than_the_limit(limit in 1_u32..20, gaps in proptest::collection::vec(0_i64..5_000, 1..200)) {
        let mut quota = heard(limit);
        let (mut now, mut sent) = (0_i64, Vec::new());
        for gap in gaps {
            now += gap;
            loop {
                match quota.admit(Class::Management, t(now)) {
                    Admission::Go => break sent.push(now),
                    Admission::AfterAnswer => prop_assert!(false, "the server has been heard"),
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

    /// Queries whose polls are as many as are reserved never meet an empty budget of polls: no poll has to wait.
    #[test]
    fn no_poll_of_an_admitted_query_waits(limit in 3_u64..40, gaps in proptest::collection::vec((0_i64..3_000, 0_usize..4), 1..150)) {
        let mut quota = heard(1_000_000);
        let (mut now, mut window, mut used) = (0_i64, 0_i64, 0_u64);
        let mut due = VecDeque::new();
        for (gap, polls) in gaps {
            now += gap;
            while let Admission::Wait(until) = quota.admit(Class::Query, t(now)) {
                prop_assert!(until.millis() > now);
                now = until.millis();
                due.clear();
            }
            due.extend(std::iter::repeat_n((), polls));
            // One server, whose windows of 900 s begin at multiples.
            while due.pop_front().is_some() {
                if now / 900_000 != window {
                    (window, used) = (now / 900_000, 0);
                }
                prop_assert_eq!(quota.admit(Class::Poll, t(now)), Admission::Go);
                used += 1;
                prop_assert!(used <= limit);
                quota.answered(Class::Poll, t(now));
                let reset = u64::try_from((window + 1) * 900 - now / 1_000).unwrap();
                let headers = QuotaHeaders { limit: Some(limit), remaining: Some(limit - used), reset_seconds: Some(reset) };
                quota.learn(Class::Poll, headers, t(now), t(now));
            }
        }
    }
}
