use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::ledger::{Recorded, Removal, Tally};
use crate::time::MS_PER_HOUR;

fn hours(from: i64, to: i64) -> LogWindow {
    let at = |hours: i64| Timestamp::from_millis(hours * MS_PER_HOUR);
    LogWindow::new(at(from), at(to)).unwrap()
}

fn rows(n: u64) -> Tally {
    Tally { fetched: n, stored: n, counted: Some(n), files: 1, bytes: n, ..Tally::EMPTY }
}

/// A log with a file of 10 bytes for each window of so many hours, from its first hour to its last.
fn log(hour: i64, until: i64) -> (LogLedger, Vec<HeldFile>) {
    let mut ledger = LogLedger::default();
    ledger.start_tail(Timestamp::from_millis(0));
    let mut files = Vec::new();
    for start in (0..until).step_by(usize::try_from(hour).unwrap()) {
        let window = hours(start, start + hour);
        assert_eq!(ledger.record(window, rows(10), None), Ok(Recorded::Added));
        files.push(HeldFile { window, bytes: 10, counts: true });
    }
    (ledger, files)
}

/// Opens what the ledger holds of a window again, or notes that it failed; what is open then.
fn open(ledger: &mut LogLedger, window: LogWindow) -> LogWindow {
    let span = ledger.spans().iter().copied().find(|span| span.window.overlaps(window));
    match span {
        Some(span) => ledger.reopen(span, &[], "differs", Timestamp::from_millis(0)).unwrap(),
        None => ledger.leave_open(window, "away", Timestamp::from_millis(0)),
    }
    span.map_or(window, |span| span.window)
}

fn stay(ledger: &LogLedger, files: &[HeldFile]) -> Vec<Option<Stays>> {
    days(ledger, files).iter().map(|held| held.stays).collect()
}

#[test]
fn the_newest_day_stays_and_so_does_all_behind_a_gap_and_all_that_is_open() {
    let (mut ledger, files) = log(6, 4 * 24);
    assert_eq!(stay(&ledger, &files), [None, None, None, Some(Stays::Newest)]);
    open(&mut ledger, hours(5 * 24, 5 * 24 + 1));
    assert_eq!(stay(&ledger, &files)[0], None);
    let (mut gapped, mut files) = log(6, 24);
    for day in 2..5 {
        let window = hours(day * 24, day * 24 + 24);
        assert_eq!(gapped.record(window, rows(10), None), Ok(Recorded::Added));
        files.push(HeldFile { window, bytes: 10, counts: true });
    }
    let behind = Some(Stays::BehindPosition);
    assert_eq!(stay(&gapped, &files), [None, behind, behind, Some(Stays::Newest)]);
    open(&mut gapped, hours(20, 21));
    assert_eq!(stay(&gapped, &files)[0], Some(Stays::Open));
}

#[test]
fn a_file_that_the_ledger_does_not_know_keeps_its_day_and_what_was_set_aside_does_not() {
    let (ledger, mut files) = log(6, 48);
    let stranger = HeldFile { window: hours(-5, -4), bytes: 1, counts: true };
    files.push(stranger);
    assert_eq!(stay(&ledger, &files)[0], Some(Stays::Unknown));
    files.pop();
    files.push(HeldFile { counts: false, ..stranger });
    assert_eq!(stay(&ledger, &files)[0], None);
    files.push(HeldFile { window: hours(20, 26), bytes: 1, counts: true });
    assert_eq!(stay(&ledger, &files)[1], Some(Stays::AcrossMidnight));
}

#[test]
fn what_was_removed_and_is_still_there_goes_first_and_only_where_something_is_to_go() {
    let (mut ledger, files) = log(6, 4 * 24);
    let removal = Removal { by: RemovedBy::Retain, to: None, at: Timestamp::from_millis(0) };
    ledger.remove(hours(24, 48), &removal, |_| Tally::EMPTY).unwrap();
    let held = [days(&ledger, &files)];
    let now = hours(0, 4 * 24).end();
    let roomy = Retention { days: None, bytes: Some(1_000_000) };
    let goes = retain(&held, roomy, now);
    let told: Vec<_> = goes.iter().map(|goes| (goes.held.day.to_string(), goes.why)).collect();
    assert_eq!(told, [("1970-01-02".to_owned(), Why::LeftOver)]);
    assert_eq!(retain(&held, Retention::default(), now), []);
}

#[test]
fn a_day_goes_when_its_last_instant_is_old_enough() {
    let (ledger, files) = log(6, 4 * 24);
    let held = [days(&ledger, &files)];
    let keep = Retention { days: Some(2), bytes: None };
    let count = |now: i64| retain(&held, keep, Timestamp::from_millis(now)).len();
    assert_eq!(count(3 * MS_PER_DAY - 1), 0);
    assert_eq!(count(3 * MS_PER_DAY), 1);
    assert_eq!(count(4 * MS_PER_DAY), 2);
    assert_eq!(count(400 * MS_PER_DAY), 3, "the newest day stays for ever");
    let old = |now: i64| old(&held[0], Duration::from_secs(2 * 86_400), Timestamp::from_millis(now));
    let count = |now: i64| old(now).may_go.len();
    assert_eq!((count(3 * MS_PER_DAY - 1), count(3 * MS_PER_DAY)), (0, 1));
}

#[test]
fn what_is_old_begun_or_has_no_room_moves_to_the_archive_and_nothing_that_must_stay() {
    let (mut ledger, files) = log(6, 5 * 24);
    let now = hours(0, 5 * 24).end();
    let told = |ledger: &LogLedger, days_old: u64, keep: Retention| -> Vec<String> {
        let held = [days(ledger, &files)];
        let moves = to_archive(&held, Duration::from_secs(days_old * 86_400), keep, now);
        moves.concat().iter().map(|held| held.day.to_string()).collect()
    };
    let (for_ever, roomy) = (Retention::default(), Retention { days: None, bytes: Some(120) });
    assert_eq!(told(&ledger, 30, for_ever), [""; 0]);
    assert_eq!(told(&ledger, 3, for_ever), ["1970-01-01", "1970-01-02"]);
    assert_eq!(told(&ledger, 30, roomy), ["1970-01-01", "1970-01-02"]);
    assert_eq!(told(&ledger, 30, Retention { days: Some(3), bytes: None }), ["1970-01-01", "1970-01-02"]);
    let removal = Removal { by: RemovedBy::Archive, to: None, at: Timestamp::from_millis(0) };
    let mut begun = ledger.clone();
    begun.remove(hours(48, 72), &removal, |_| Tally::EMPTY).unwrap();
    assert_eq!(told(&begun, 30, for_ever), ["1970-01-03"], "what was begun is finished");
    open(&mut ledger, hours(24, 25));
    assert_eq!(told(&ledger, 3, roomy), ["1970-01-01"], "what must stay does, whatever room it takes");
}

#[test]
fn days_that_are_old_enough_go_or_stay_for_a_reason() {
    let (mut ledger, files) = log(6, 4 * 24);
    open(&mut ledger, hours(30, 31));
    let held = days(&ledger, &files);
    let tell = |age: Duration, now: i64| {
        let old = old(&held, age, Timestamp::from_millis(now));
        let go: Vec<_> = old.may_go.iter().map(|held| held.day.to_string()).collect();
        let stay: Vec<_> = old.stay.iter().map(|(day, why)| (day.to_string(), *why)).collect();
        (go, stay)
    };
    let named = |days: &[&str]| days.iter().map(ToString::to_string).collect::<Vec<_>>();
    let open = ("1970-01-02".to_owned(), Stays::Open);
    let newest = ("1970-01-04".to_owned(), Stays::Newest);
    assert_eq!(tell(Duration::ZERO, MS_PER_DAY - 1), (vec![], vec![]), "a day that is not over is not old");
    assert_eq!(tell(Duration::ZERO, 2 * MS_PER_DAY), (named(&["1970-01-01"]), vec![open.clone()]));
    let behind = ("1970-01-03".to_owned(), Stays::BehindPosition);
    assert_eq!(
        tell(Duration::from_secs(86_400), 5 * MS_PER_DAY),
        (named(&["1970-01-01"]), vec![open, behind, newest])
    );
    assert_eq!(tell(Duration::MAX, 5 * MS_PER_DAY), (vec![], vec![]));
}

fn ends(ledger: &LogLedger, files: &[Candidate], most: Fullness) -> Vec<(usize, usize)> {
    groups(ledger, files, most).into_iter().map(|group| (group.start, group.end)).collect()
}

#[test]
fn files_become_one_up_to_a_limit_and_only_with_their_like() {
    let (mut ledger, files) = log(1, 24);
    let candidate = |file: &HeldFile, likeness: &str| Candidate {
        window: file.window,
        rows: 10,
        bytes: file.bytes,
        likeness: likeness.to_owned(),
    };
    let alike: Vec<Candidate> = files.iter().map(|file| candidate(file, "a")).collect();
    let most = |rows, bytes| Fullness { rows, bytes };
    assert_eq!(ends(&ledger, &alike, most(1_000, 1_000)), [(0, 24)]);
    assert_eq!(ends(&ledger, &alike, most(100, 1_000)), [(0, 10), (10, 20), (20, 24)]);
    assert_eq!(groups(&ledger, &alike, most(1_000, 35)).len(), 8);
    assert_eq!(groups(&ledger, &alike, most(10, 1_000)), []);
    let mut unlike = alike.clone();
    unlike[5].likeness = "b".to_owned();
    assert_eq!(ends(&ledger, &unlike, most(1_000, 1_000)), [(0, 5), (6, 24)]);
    open(&mut ledger, hours(7, 8));
    assert_eq!(ends(&ledger, &alike, most(1_000, 1_000)), [(0, 7), (8, 24)]);
    // An hour without a file between two others, which the ledger calls complete.
    let sparse: Vec<Candidate> =
        alike.iter().enumerate().filter(|(at, _)| at % 2 == 1).map(|(_, c)| c.clone()).collect();
    assert_eq!(ends(&ledger, &sparse, most(1_000, 1_000)), [(0, 3), (4, 12)]);
    assert_eq!(groups(&ledger, &[], most(1, 1)), []);
}

proptest! {
    /// Whatever is wanted: what must stay stays, and as much goes as must.
    #[test]
    fn retention_removes_what_is_wanted_and_never_what_must_stay(
        lengths in proptest::collection::vec((1_i64..12, 1_i64..20), 1..4),
        gap in 0_i64..400,
        keep_days in proptest::option::of(1_u32..12),
        keep_bytes in proptest::option::of(0_u64..2_000),
        age in 0_i64..30,
    ) {
        let mut logs: Vec<(LogLedger, Vec<HeldFile>)> =
            lengths.iter().map(|(hour, days)| log(if 24 % hour == 0 { *hour } else { 6 }, days * 24)).collect();
        let open = open(&mut logs[0].0, hours(gap, gap + 1));
        let held: Vec<Vec<HeldDay>> = logs.iter().map(|(ledger, files)| days(ledger, files)).collect();
        let now = Timestamp::from_millis(20 * MS_PER_DAY + age * MS_PER_DAY / 3);
        let keep = Retention { days: keep_days, bytes: keep_bytes };
        let goes = retain(&held, keep, now);
        for going in &goes {
            let day = LogWindow::new(going.held.day.start(), going.held.day.end()).unwrap();
            let ledger = &logs[going.log].0;
            let newest = ledger.spans().last().unwrap().window;
            prop_assert!(day.end() <= newest.start(), "the newest window stays");
            prop_assert!(ledger.position().is_none_or(|position| day.end() <= position));
            prop_assert!(going.log != 0 || !day.overlaps(open));
            if going.why == Why::Age {
                prop_assert!(now.millis() - day.end().millis() >= i64::from(keep_days.unwrap()) * MS_PER_DAY);
            }
        }
        let gone = |log: usize, held: &HeldDay| goes.iter().any(|g| g.log == log && g.held.day == held.day);
        let stays = || held.iter().enumerate().flat_map(|(log, days)| days.iter().map(move |held| (log, held)))
            .filter(|(log, held)| !gone(*log, held));
        for (_, held) in stays().filter(|(_, held)| held.stays.is_none()) {
            let age_ms = now.millis() - held.day.end().millis();
            let old = keep_days.is_some_and(|days| age_ms >= i64::from(days) * MS_PER_DAY);
            prop_assert!(!old, "{:?} is too old", held);
        }
        let left: u64 = stays().map(|(_, held)| held.bytes).sum();
        let could = stays().any(|(_, held)| held.stays.is_none());
        prop_assert!(keep_bytes.is_none_or(|most| left <= most || !could), "{left} bytes are left");
        // No more than needed: without the last day that went for room, there would be too much.
        if let Some(last) = goes.iter().rfind(|going| going.why == Why::Room) {
            prop_assert!(left + last.held.bytes > keep_bytes.unwrap());
        }
        let mut sorted = goes.clone();
        sorted.sort_by_key(|going| (going.held.day, going.log));
        prop_assert_eq!(sorted, goes);
    }
}
