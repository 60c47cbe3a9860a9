//! Each operation of the disk and each request of a small run goes wrong once, in each way in which it can: nothing is
//! damaged, and the clean run after it is exact.

use std::collections::BTreeMap;

use ingest_core::time::Timestamp;
use ingest_store::scripted::{Event, Fault, Op, Repeat, ScriptedDisk};
use log_ingestion::exit::Exit;
use rapid7_sim::{LogSpec, SimConfig};

use crate::account::in_virtual_time;
use crate::scenario::{NOW, Scenario};
use crate::simulation::failures;
use crate::simulation::oracle::Oracle;
use crate::simulation::source::message;
use crate::simulation::story::tail;
use crate::simulation::world::{Death, Ended, Life, REPAIR, World};

const MINUTE: i64 = 60_000;
const LOG: &str = "log0";
const EVENTS: i64 = 40;
/// Rows of a window: the run has a handful of them.
const WINDOW_ROWS: u64 = 12;

/// A run whose steps go wrong, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// The first pass on an empty disk.
    Fresh,
    /// After it the source gained an event in one window, lost some in another and all of a third: these are replaced.
    Replacing,
}

/// One thing that goes wrong in an act.
#[derive(Debug)]
struct Mishap {
    act: Act,
    life: Life,
}

/// The disks that the acts begin on, and what a process asks for in them.
struct Acts {
    empty: ScriptedDisk,
    stored: ScriptedDisk,
}

impl Acts {
    fn new() -> Self {
        let acts = Self { empty: ScriptedDisk::new(), stored: ScriptedDisk::new() };
        in_virtual_time(async {
            let world = World::new(&scenario(), WINDOW_ROWS).on(acts.stored.clone());
            assert!(matches!(world.live(&Act::Fresh.life()).await, Ended::Left(_)));
        });
        acts
    }

    /// The world in which an act begins, and an oracle that knows its past. Call inside a paused runtime.
    fn begin(&self, act: Act) -> (World, Oracle) {
        let start = match act {
            Act::Fresh => &self.empty,
            Act::Replacing => &self.stored,
        };
        let world = World::new(&scenario(), WINDOW_ROWS).on(start.fork());
        let mut oracle = Oracle::of(&world);
        oracle.skip_history(&world);
        if act == Act::Replacing {
            let mut account = world.sim.account.lock().unwrap();
            assert!(account.insert_event(LOG, at(3) + 7, 999, "{\"n\":999,\"level\":\"WARN\"}"));
            assert!(account.insert_event(LOG, at(4) + 7, 998, "no record at all either"));
            assert!(account.remove_events(LOG, at(14), at(17)) > 0);
            assert!(account.remove_events(LOG, at(30), at(EVENTS)) > 0);
            oracle.appeared(LOG, "{\"n\":999,\"level\":\"WARN\"}");
            oracle.appeared(LOG, "no record at all either");
        }
        (world, oracle)
    }

    /// What an act asks of the disk and how many requests it sends when nothing goes wrong.
    fn rehearse(&self, act: Act) -> (Vec<Event>, u64) {
        in_virtual_time(async {
            let (world, _) = self.begin(act);
            let before = world.disk.history().len();
            let Ended::Left(passes) = world.live(&act.life()).await else { panic!("{act:?} does not end") };
            assert!(passes.iter().all(|pass| pass.as_ref().unwrap().exit() == Exit::Done), "{passes:?}");
            let sent = world.sim.sent.lock().unwrap().len() as u64;
            (world.disk.history().split_off(before), sent)
        })
    }

    /// Lets it go wrong, and asserts that nothing is damaged and a clean run is exact.
    fn suffer(&self, mishap: &Mishap) {
        let Mishap { act, life } = mishap;
        let context = format!("{act:?}: {:?} {:?} {:?} {:?}", life.disk, life.death, life.power, life.reset);
        in_virtual_time(async {
            let (world, mut oracle) = self.begin(*act);
            drop(world.live(life).await);
            oracle.check(&world, &context);
            world.live_well(&[tail(), REPAIR], &context).await;
            oracle.check(&world, &context);
            oracle.judge(&world, &BTreeMap::new(), &context);
        });
    }
}

impl Act {
    fn life(self) -> Life {
        match self {
            Self::Fresh => Life::of(&[tail()]),
            Self::Replacing => Life::of(&[REPAIR]),
        }
    }
}

fn at(event: i64) -> i64 {
    Timestamp::parse(NOW).unwrap().millis() + (event - 360) * MINUTE
}

fn scenario() -> Scenario {
    let events = (0..EVENTS).map(|n| (at(n), 4_096 * (n.unsigned_abs() + 1), message(0, n.unsigned_abs())));
    let sim = SimConfig::default().with_log(LogSpec::events(LOG, events.collect::<Vec<_>>()));
    Scenario::new(sim).with("FETCH_MODE", "query").with("RETRY_ATTEMPTS", "1")
}

/// Whether an operation can meet a fault otherwise than not at all.
fn meets(op: Op, fault: Fault) -> bool {
    match fault {
        Fault::ShortWrite | Fault::Lie => op == Op::Write,
        Fault::NoSpace | Fault::Quota => {
            !matches!(op, Op::Open | Op::List | Op::Metadata | Op::Read | Op::Remove | Op::Lock | Op::SyncDir)
        }
        Fault::Io | Fault::Die => true,
    }
}

#[test]
fn every_operation_of_the_disk_may_fail_or_be_the_last() {
    let acts = Acts::new();
    let mut mishaps = Vec::new();
    for act in [Act::Fresh, Act::Replacing] {
        for (nth, event) in (1..).zip(acts.rehearse(act).0) {
            let mut suffers = |life: Life| mishaps.push(Mishap { act, life });
            for fault in [Fault::NoSpace, Fault::Io, Fault::ShortWrite, Fault::Lie] {
                if meets(event.op, fault) {
                    suffers(Life { disk: Some((nth, fault, Repeat::Once)), ..act.life() });
                }
            }
            if meets(event.op, Fault::Quota) {
                suffers(Life { disk: Some((nth, Fault::Quota, Repeat::Forever)), ..act.life() });
            }
            for power in [None, Some(nth)] {
                suffers(Life { death: Some(Death::Operation(nth)), power, ..act.life() });
            }
        }
    }
    let failed = failures(&mishaps, |mishap| acts.suffer(mishap));
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), mishaps.len(), failed.join("\n"));
}

/// What a disk stores is compared with what was written before anybody sees it, rows and quarantine alike.
#[test]
fn a_disk_that_stores_other_bytes_than_it_says_gets_no_window_recorded() {
    let acts = Acts::new();
    let staged = |event: &Event| event.op == Op::Write && event.path.starts_with("/out/_staging");
    let asked = acts.rehearse(Act::Fresh).0;
    let writes: Vec<u64> = (1..).zip(&asked).filter(|(_, event)| staged(event)).map(|(nth, _)| nth).collect();
    assert!(writes.len() > 6, "{asked:#?}");
    for nth in writes {
        let life = Life { disk: Some((nth, Fault::Lie, Repeat::Once)), ..Act::Fresh.life() };
        in_virtual_time(async {
            let (world, mut oracle) = acts.begin(Act::Fresh);
            let Ended::Left(passes) = world.live(&life).await else { panic!("write {nth}: it does not end") };
            let log = &passes[0].as_ref().unwrap().logs[0];
            let said = log.last_error.as_deref().unwrap_or_default();
            assert!(log.open > 0 && said.contains("read back"), "write {nth}: {log:?}");
            oracle.check(&world, &format!("write {nth}"));
        });
    }
}

#[test]
fn every_request_may_fail_or_be_the_last() {
    let acts = Acts::new();
    let mut mishaps = Vec::new();
    for act in [Act::Fresh, Act::Replacing] {
        let requests = acts.rehearse(act).1;
        for (nth, took) in (1..=requests).flat_map(|nth| [(nth, false), (nth, true)]) {
            let mut suffers = |life: Life| mishaps.push(Mishap { act, life });
            suffers(Life { reset: Some((nth, took)), ..act.life() });
            for power in [None, Some(nth)] {
                suffers(Life { death: Some(Death::Request { nth, took }), power, ..act.life() });
            }
        }
    }
    let failed = failures(&mishaps, |mishap| acts.suffer(mishap));
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), mishaps.len(), failed.join("\n"));
}

/// The replacements of the second act are of every kind: more rows, fewer, none, and a quarantine that goes.
#[test]
fn the_second_act_replaces_in_every_way() {
    let acts = Acts::new();
    let asked: Vec<String> = acts.rehearse(Act::Replacing).0.iter().map(ToString::to_string).collect();
    let renames = |to: &str| asked.iter().filter(|line| line.contains("Rename") && line.contains(to)).count();
    assert!(renames("-> /out/log=") >= 4, "{asked:#?}");
    assert!(renames("-> /out/_quarantine") >= 1, "{asked:#?}");
    assert!(renames("-> /out/_replaced") >= 2, "{asked:#?}");
    assert!(asked.iter().any(|line| line.contains("CreateFile /out/_replaced")), "{asked:#?}");
}
