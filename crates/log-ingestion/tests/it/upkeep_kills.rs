//! Retaining, archiving and compacting meet every fault at every operation of the disk: no row is lost or doubled, and the
//! next call finishes what was begun.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ingest_core::time::{MS_PER_DAY, Timestamp};
use ingest_core::upkeep::Retention;
use ingest_store::scripted::{Event, Fault, Loss, Op, Repeat, ScriptedDisk};
use log_ingestion::exit::{CommandError, Exit};
use log_ingestion::ingest::Coverage;
use rapid7_sim::{LogSpec, SimConfig};

use crate::account::in_virtual_time;
use crate::scenario::{NOW, Scenario};
use crate::simulation::chores::{Act, COLD};
use crate::simulation::failures;
use crate::simulation::oracle::{Bag, Held, Oracle};
use crate::simulation::source::message;
use crate::simulation::world::{Ended, Life, OUT, REPAIR, World};
use crate::stored::{StoredLog, read_scripted};

const LOG: &str = "log0";
const HOUR: i64 = 3_600_000;
/// Rows of a window: a day has a handful of them.
const WINDOW_ROWS: u64 = 6;
/// Events: twelve on each of three days, and three on the day of now.
const EVENTS: u64 = 39;
/// The number in the first event's message: from 91 on, the log has a column more, so that one file stays apart.
const FIRST: u64 = 88;
/// An event of which no row can be made, and which is alone in its window.
const ALONE: u64 = 109 - FIRST;

const RETAIN: Act = Act::Retain(Retention { days: Some(1), bytes: None });
const ARCHIVE: Act = Act::Archive { older_than: Duration::from_secs(86_400), moves: true };
const COMPACT: Act = Act::Compact { rows: 1_000 };
const ACTS: [Act; 3] = [RETAIN, ARCHIVE, COMPACT];

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

/// 76 hours before now: the first instant of a day.
fn first_start() -> Timestamp {
    now().plus_millis(-76 * HOUR)
}

fn tail() -> Coverage {
    Coverage::Tail { first_start: first_start() }
}

/// Three events at a time, six hours apart.
fn time(n: u64) -> i64 {
    let number = |n: u64| i64::try_from(n).unwrap();
    let hour = if n == ALONE { 36 } else { number(n / 3) * 6 + 1 };
    first_start().millis() + hour * HOUR + number(n % 3) * 60_000 + 5
}

fn events() -> impl Iterator<Item = (i64, String)> {
    (0..EVENTS).map(|n| (time(n), message(0, FIRST + n)))
}

fn scenario() -> Scenario {
    let events = (1..).zip(events()).map(|(n, (at, text))| (at, 4_096 * n, text));
    let sim = SimConfig::default().with_log(LogSpec::events(LOG, events.collect::<Vec<_>>()));
    Scenario::new(sim).with("FETCH_MODE", "query").with("RETRY_ATTEMPTS", "1")
}

/// A disk on which all events are stored.
fn stored() -> ScriptedDisk {
    let disk = ScriptedDisk::new();
    in_virtual_time(async {
        let world = World::new(&scenario(), WINDOW_ROWS).on(disk.clone());
        assert!(matches!(world.live(&Life::of(&[tail()])).await, Ended::Left(_)));
    });
    disk
}

/// Looks after the files of a disk, as one process; how many fewer there are. Call inside a paused runtime.
fn act(disk: &ScriptedDisk, act: Act) -> Result<u64, CommandError> {
    let done = World::new(&scenario(), WINDOW_ROWS).on(disk.clone()).look_after(disk, act)?;
    match done.stay.first().filter(|_| act == COMPACT) {
        Some((_, day, why)) => Err(CommandError::Failed(Exit::Failed, format!("{day}: {why}"))),
        None => Ok(done.fewer),
    }
}

/// Records of a folder tree with how often each is there, by whether they are old enough to go.
fn records(disk: &ScriptedDisk, root: &str) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let edge = now().millis().div_euclid(MS_PER_DAY) * MS_PER_DAY - MS_PER_DAY;
    let all: Vec<StoredLog> = read_scripted(disk, Path::new(root)).into_values().collect();
    let at: BTreeMap<String, i64> = events().map(|(at, text)| (text, at)).collect();
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    for log in &all {
        for raw in log.rows.iter().map(|row| &row.raw).chain(&log.quarantined) {
            let bag = if at[raw] < edge { &mut old } else { &mut new };
            *bag.entry(raw.clone()).or_insert(0) += 1;
        }
    }
    (old, new)
}

/// What an act asks of the disk when nothing goes wrong.
fn rehearse(start: &ScriptedDisk, what: Act) -> Vec<Event> {
    let disk = start.fork();
    let before = disk.history().len();
    assert!(in_virtual_time(async { act(&disk, what) }).unwrap() > 0);
    disk.history().split_off(before)
}

/// What must hold after an act, whether it came to its end or not.
#[track_caller]
fn check(disk: &ScriptedDisk, whole: &ScriptedDisk, what: Act, done: bool, context: &str) {
    let (old, new) = records(disk, OUT);
    let (all_old, all_new) = records(whole, OUT);
    assert_eq!(new, all_new, "{context}: what is not old stays, each once");
    let once = |bag: &BTreeMap<String, usize>| bag.iter().all(|(raw, n)| all_old.get(raw) == Some(n));
    match what {
        Act::Compact { .. } => assert_eq!(old, all_old, "{context}: no row is lost or doubled"),
        Act::Retain(_) => assert!(once(&old) && (!done || old.is_empty()), "{context}: {old:?}"),
        Act::Archive { .. } => {
            let (cold, newer) = records(disk, COLD);
            assert!(once(&old) && once(&cold) && newer.is_empty(), "{context}");
            assert!(!done || (old.is_empty() && cold == all_old), "{context}");
            let lost = all_old.keys().find(|raw| !old.contains_key(*raw) && !cold.contains_key(*raw));
            assert_eq!(lost, None, "{context}: neither here nor there");
        }
    }
}

struct Mishap {
    act: Act,
    nth: u64,
    fault: Fault,
    power: bool,
}

fn suffer(start: &ScriptedDisk, mishap: &Mishap) {
    let Mishap { act: what, nth, fault, power } = mishap;
    let context = format!("{what:?}, operation {nth}, {fault:?}, power {power}");
    in_virtual_time(async {
        let disk = start.fork();
        let process = disk.another();
        disk.kill();
        process.fail(*nth, *fault, Repeat::Once);
        drop(act(&process, *what));
        if *power {
            process.crash(Loss::Torn(*nth));
        }
        process.kill();
        process.heal();
        let world = World::new(&scenario(), WINDOW_ROWS).on(process.another());
        let mut oracle = Oracle::of(&world);
        oracle.skip_history(&world);
        oracle.check(&world, &context);
        check(&world.disk, start, *what, false, &context);

        let again = world.disk.another();
        act(&again, *what).unwrap_or_else(|error| panic!("{context}: {error:?}"));
        again.kill();
        oracle.skip_history(&world);
        oracle.check(&world, &context);
        check(&world.disk, start, *what, true, &context);
        let before = world.disk.files();

        // Nothing of it is fetched again, nor missed; also not when the ledgers are lost. Asked only now and then, since the
        // disk is by now as it would be without a mishap.
        if nth % 5 > 1 {
            return;
        }
        if nth % 5 == 0 {
            let hand = world.disk.another();
            let ledgers = world.disk.files().into_iter().filter(|path| path.starts_with("/out/_ingest/logs"));
            ledgers.for_each(|path| ingest_store::Disk::remove_file(&hand, &path).unwrap());
            hand.kill();
        }
        world.live_well(&[tail(), REPAIR], &context).await;
        check(&world.disk, start, *what, true, &context);
        let rows = |files: &[std::path::PathBuf]| {
            files.iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")).count()
        };
        assert_eq!(rows(&world.disk.files()), rows(&before), "{context}: no file comes or goes");
    });
}

#[test]
fn every_operation_of_looking_after_files_may_fail_or_be_the_last() {
    let start = stored();
    let mut mishaps = Vec::new();
    for act in ACTS {
        for (nth, event) in (1..).zip(rehearse(&start, act)) {
            let mut suffers = |fault, power| mishaps.push(Mishap { act, nth, fault, power });
            if matches!(event.op, Op::Open | Op::Read | Op::List | Op::Metadata | Op::Space) {
                // A death before it is one before the next operation that changes something; of its failures one in three
                // is tried.
                if nth % 3 == 0 {
                    suffers(Fault::Io, false);
                }
                continue;
            }
            suffers(Fault::Io, false);
            suffers(Fault::Die, false);
            suffers(Fault::Die, true);
            if matches!(event.op, Op::Write | Op::CreateFile | Op::Link | Op::Exchange | Op::Rename) {
                suffers(Fault::NoSpace, false);
            }
        }
    }
    let failed = failures(&mishaps, |mishap| suffer(&start, mishap));
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), mishaps.len(), failed.join("\n"));
}

/// The acts do what they are to do: each kind of step is in them.
#[test]
fn the_acts_remove_move_and_exchange() {
    let start = stored();
    let asked = |act| rehearse(&start, act).iter().map(ToString::to_string).collect::<Vec<_>>();
    let count = |lines: &[String], text: &str| lines.iter().filter(|line| line.contains(text)).count();
    for act in [RETAIN, ARCHIVE] {
        let lines = asked(act);
        assert!(count(&lines, "Remove /out/log=") >= 4, "{lines:#?}");
        assert!(count(&lines, "Remove /out/_quarantine") >= 1, "{lines:#?}");
        assert!(count(&lines, "RemoveDir /out/log=") >= 2, "{lines:#?}");
        assert!(count(&lines, "-> /out/_removed/log0") >= 1, "{lines:#?}");
    }
    let lines = asked(COMPACT);
    assert_eq!(count(&lines, "Exchange /out/log="), 3, "{lines:#?}");
    assert!(count(&lines, "Link /out/log=") >= 1, "a file with other columns stays apart: {lines:#?}");
    // What is done is done.
    let disk = start.fork();
    in_virtual_time(async {
        for act_now in ACTS {
            assert!(act(&disk, act_now).unwrap() > 0, "{act_now:?}");
            assert_eq!(act(&disk, act_now).unwrap(), 0, "{act_now:?}");
            if act_now == RETAIN {
                break;
            }
        }
    });
}

/// Quarantines and files of windows that were fetched again take the place of their copies, and what is gone is gone there.
#[test]
fn a_copy_follows_what_was_fetched_again() {
    const COPY: Act = Act::Archive { older_than: Duration::ZERO, moves: false };
    let disk = stored();
    in_virtual_time(async {
        let world = World::new(&scenario(), WINDOW_ROWS).on(disk.clone());
        let copied = |context: &str| {
            let disk = world.disk.another();
            world.look_after(&disk, COPY).unwrap_or_else(|error| panic!("{context}: {error:?}"));
            disk.kill();
            let mut oracle = Oracle::of(&world);
            let today = now().day();
            let old = |held: Vec<Held>| held.into_iter().filter(|held| held.window.start().day() < today);
            let bag = |held: Vec<Held>| {
                old(held).flat_map(|held| held.records).fold(Bag::new(), |mut bag, record| {
                    *bag.entry(record).or_insert(0) += 1;
                    bag
                })
            };
            let (here, there) = (oracle.held(&world.disk, OUT), oracle.held(&world.disk, COLD));
            assert_eq!(bag(there), bag(here), "{context}");
        };
        copied("at first");
        let at = time(ALONE);
        assert!(world.sim.account.lock().unwrap().insert_event(LOG, at + 7, 999, "no record at all either"));
        world.live_well(&[REPAIR], "one more in the quarantine").await;
        copied("one more in the quarantine");
        for hour in [1, 7, 36] {
            let from = first_start().millis() + hour * HOUR;
            assert!(world.sim.account.lock().unwrap().remove_events(LOG, from, from + HOUR) > 0);
            world.live_well(&[REPAIR], "some are gone").await;
            copied(&format!("those of hour {hour} are gone"));
        }
    });
}

/// Where the ledgers and the record of what was removed are both gone, the source is asked again: nothing is made up.
#[test]
fn without_a_record_what_was_removed_is_fetched_again_like_anything_that_is_missing() {
    let start = stored();
    in_virtual_time(async {
        let disk = start.fork();
        act(&disk, RETAIN).unwrap();
        for path in disk.files() {
            if path.starts_with("/out/_removed") || path.starts_with("/out/_ingest/logs") {
                ingest_store::Disk::remove_file(&disk, &path).unwrap();
            }
        }
        disk.kill();
        let world = World::new(&scenario(), WINDOW_ROWS).on(disk.another());
        assert!(matches!(world.live(&Life::of(&[tail()])).await, Ended::Left(_)));
        assert_eq!(records(&world.disk, OUT), records(&start, OUT));
    });
}
