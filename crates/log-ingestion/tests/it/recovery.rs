//! What recovery leaves uncounted, and where commits look for it: only where something may be.

use std::io::Write as _;
use std::path::Path;

use ingest_core::ids::LogId;
use ingest_core::ledger::LogState;
use ingest_core::time::{LogWindow, Timestamp};
use ingest_store::layout::{FileName, Layout};
use ingest_store::scripted::{Event, Op, ScriptedDisk};
use ingest_store::{DirTable, StateDir};
use log_ingestion::pipeline::recover;
use rapid7_sim::{LogSpec, SimConfig};

use crate::account::in_virtual_time;
use crate::scenario::{NOW, Scenario};
use crate::simulation::source::message;
use crate::simulation::story::tail;
use crate::simulation::world::{Ended, Life, OUT, World};

const LOG: &str = "log0";
const MINUTE: i64 = 60_000;
/// Events: one a minute, up to an hour before now, and then one every ten seconds; one in thirteen can be no row.
const BEFORE: i64 = 420;
const AFTER: i64 = 360;

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

fn world(disk: &ScriptedDisk, window_rows: u64) -> World {
    let at = |n: i64| if n < BEFORE { (n - BEFORE - 60) * MINUTE } else { (n - BEFORE) * 10_000 };
    let events = (0..BEFORE + AFTER).map(|n| {
        let number = n.unsigned_abs();
        (now().millis() + at(n), 4_096 * (number + 1), message(0, number))
    });
    let sim = SimConfig::default().with_log(LogSpec::events(LOG, events.collect::<Vec<_>>()));
    let scenario = Scenario::new(sim).with("FETCH_MODE", "query").with("RECHECK_AFTER", "never");
    World::new(&scenario, window_rows).on(disk.clone())
}

/// What a process asks of the disk in some passes, a minute after the other.
fn asked(disk: &ScriptedDisk, window_rows: u64, layout: Layout, passes: usize) -> Vec<Event> {
    let before = disk.history().len();
    in_virtual_time(async {
        let life =
            Life { layout, pause: std::time::Duration::from_secs(60), ..Life::of(&vec![tail(); passes]) };
        let Ended::Left(outcomes) = world(disk, window_rows).live(&life).await else {
            panic!("it does not end")
        };
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().unwrap().logs[0].open == 0), "{outcomes:?}");
    });
    disk.history().split_off(before)
}

fn count(events: &[Event], op: Op, path: &str) -> usize {
    events.iter().filter(|event| event.op == op && event.path.starts_with(path)).count()
}

/// Files and quarantines that were published.
fn published(events: &[Event]) -> usize {
    let staged = |event: &&Event| event.op == Op::Rename && event.path.starts_with("/out/_staging");
    events.iter().filter(staged).count()
}

/// However many windows a pass commits, and however many passes a process makes: folders are listed for each pass, never
/// for a window.
#[test]
fn folders_are_listed_for_a_pass_and_not_for_its_windows() {
    for layout in [Layout::Hive, Layout::Date, Layout::Flat] {
        let lists = |window_rows| {
            let disk = ScriptedDisk::new();
            let events = asked(&disk, window_rows, layout, 1);
            (published(&events), count(&events, Op::List, OUT))
        };
        let ((few, lists_of_few), (many, lists_of_many)) = (lists(200), lists(3));
        assert!(few < 20 && many > 130, "{layout:?}: {few} and {many} files");
        assert_eq!(lists_of_many, lists_of_few, "{layout:?}: lists for {many} files, and for {few}");

        let disk = ScriptedDisk::new();
        drop(asked(&disk, 3, layout, 1));
        let passes = 20;
        let events = asked(&disk, 3, layout, passes);
        let files = published(&events);
        assert!(files > passes, "{layout:?}: {files} files");
        // The root, its two days, the ledgers, the quarantines: for each pass, whatever it commits.
        let roots =
            events.iter().filter(|event| event.op == Op::List && event.path == Path::new(OUT)).count();
        assert_eq!(roots, passes, "{layout:?}");
        let lists = count(&events, Op::List, OUT);
        assert!(lists <= 12 * passes, "{layout:?}: {lists} lists in {passes} passes");
    }
}

/// A process that was killed between a quarantine and its window's file: the next one looks, and sets it aside.
#[test]
fn what_a_kill_left_is_looked_for() {
    let clean = ScriptedDisk::new();
    let events = asked(&clean, 3, Layout::Flat, 1);
    let to = |event: &Event| event.to.as_ref().is_some_and(|to| to.starts_with("/out/_quarantine"));
    let nth = events.iter().position(|event| event.op == Op::Rename && to(event)).unwrap();
    let disk = ScriptedDisk::new();
    in_virtual_time(async {
        let death = Some(crate::simulation::world::Death::Operation(nth as u64 + 3));
        let life = Life { layout: Layout::Flat, death, ..Life::of(&[tail()]) };
        assert!(matches!(world(&disk, 3).live(&life).await, Ended::Died));
    });
    let left = || disk.files().into_iter().filter(|path| path.starts_with("/out/_quarantine")).count();
    assert_eq!(left(), 1);
    // Windows in other bounds: the quarantine is of none of them.
    let events = asked(&disk, 40, Layout::Flat, 1);
    let aside =
        events.iter().filter(|event| event.op == Op::Rename && event.path.starts_with("/out/_quarantine"));
    assert_eq!(aside.count(), 1, "{events:#?}");
}

/// More files than may wait to be fetched again cannot be read: none of their windows counts as complete.
#[test]
fn of_more_damaged_files_than_can_wait_none_is_called_complete() {
    const FILES: i64 = 1_010;
    let disk = ScriptedDisk::new();
    let table = DirTable::open(disk.shared(), Path::new(OUT), Layout::Hive).unwrap();
    let states = StateDir::of(disk.shared(), Path::new(OUT));
    let state = LogState::new(LogId::new("x"), LOG);
    states.save(&state).unwrap();
    let window = |n: i64| {
        let start = now().plus_millis((n - FILES) * 1_000);
        LogWindow::new(start, start.plus_millis(1_000)).unwrap()
    };
    for n in 0..FILES {
        let (staged, mut file) = table.stage().unwrap();
        file.write_all(b"no file of a table").unwrap();
        table.publish(staged, &FileName::new(&state.slug, window(n), 1, &"ab".repeat(16))).unwrap();
    }
    let recovered = recover(&table, &states, now()).unwrap();
    let all = LogWindow::new(window(0).start(), window(FILES - 1).end()).unwrap();
    let saved = states.load().unwrap().0;
    for state in recovered.states.iter().chain(&saved) {
        let missing: i64 = state.ledger.gaps(all).iter().map(|gap| gap.len_ms()).sum();
        assert_eq!(missing, all.len_ms(), "{:?}", state.ledger.spans());
    }
}
