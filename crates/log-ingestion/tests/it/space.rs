//! A disk that is low, gets room again, or is full, in virtual time: nothing new is begun on it, and nothing is lost.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ingest_core::space::Space;
use ingest_core::time::Timestamp;
use ingest_store::StateDir;
use ingest_store::scripted::{Fault, Repeat, ScriptedDisk};
use log_ingestion::exit::Exit;
use log_ingestion::ingest::{Coverage, Ingest, Outside, PassReport};
use log_ingestion::pipeline::Cpu;
use rapid7_sim::{Kind, LogSpec, SimConfig, parse_moment};
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::account::{SimTransport, VirtualClock, in_virtual_time};
use crate::scenario::{self, NOW, Scenario};
use crate::scripted_disk::rows;

const ROWS: u64 = 1_500;
const LOW: Space = Space { free: 4, total: 100 };
/// Above the minimum, but not by enough for a disk that was low.
const HARDLY: Space = Space { free: 500, total: 10_000 };
const ROOMY: Space = Space { free: 90, total: 100 };

/// Names of the events of interest, in order.
#[derive(Debug, Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        event.record(&mut &*self);
    }
}

impl Visit for &Events {
    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "event" && (value.starts_with("disk_") || value == "error") {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }
}

struct World {
    disk: ScriptedDisk,
    ingest: Ingest,
    events: Events,
}

impl World {
    async fn pass(&self, stop: &CancellationToken) -> PassReport {
        let first_start = Timestamp::parse("2026-02-09T16:00:00Z").unwrap();
        self.ingest.pass(Coverage::Tail { first_start }, stop).await.unwrap()
    }

    fn rows(&self) -> u64 {
        rows(&self.disk, "space")
    }

    fn events(&self) -> Vec<String> {
        self.events.0.lock().unwrap().clone()
    }

    /// Says something else of the room after so many seconds.
    async fn later(&self, seconds: u64, space: Space) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.disk.set_space(space);
    }
}

fn check(space: Space, test: impl AsyncFnOnce(World)) {
    let events = Events::default();
    let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(events.clone()));
    in_virtual_time(async {
        let to_ms = Some(parse_moment(NOW).unwrap() - 30 * 60_000);
        let logs = ["fw", "web"].map(|name| LogSpec::generated(name.to_owned(), Kind::Csv, ROWS / 2));
        let sim = SimConfig { seed: 7, to_ms, logs: logs.into(), ..SimConfig::default() };
        let scenario = Scenario::new(sim)
            .with("WINDOW_ROWS", "1000")
            .with("PARALLEL_WINDOWS", "1")
            .with("MIN_FREE_DISK", "5%");
        let clock = VirtualClock::starting(Timestamp::parse(NOW).unwrap());
        let transport = SimTransport::new(scenario.sim.clone(), &clock);
        let disk = ScriptedDisk::new();
        disk.set_space(space);
        let outside =
            Outside { disk: disk.shared(), cpu: Cpu::Inline, ..scenario::outside(&transport, &clock) };
        let ingest = Ingest::open(scenario::settings(&scenario, Path::new("/out")), &outside).unwrap();
        test(World { disk, ingest, events }).await;
    });
}

#[test]
fn a_pass_waits_for_room_and_goes_on_by_itself() {
    check(LOW, async |world| {
        let stop = CancellationToken::new();
        let room = async {
            world.later(60, HARDLY).await;
            assert_eq!(world.rows(), 0);
            world.later(60, ROOMY).await;
            assert_eq!(world.rows(), 0, "hardly above the minimum is not enough");
        };
        let (report, ()) = tokio::join!(world.pass(&stop), room);
        assert_eq!((report.exit(), world.rows()), (Exit::Done, ROWS), "{report:?}");
        assert!((120..140).contains(&report.duration.as_secs()), "{report:?}");
        assert_eq!(world.events(), ["disk_low", "disk_ok"]);
    });
}

#[test]
fn without_room_a_pass_ends_with_75_and_the_next_is_exact() {
    check(LOW, async |world| {
        let stop = CancellationToken::new();
        let report = world.pass(&stop).await;
        assert_eq!((report.exit(), world.rows()), (Exit::TryLater, 0), "{report:?}");
        assert!((300..320).contains(&report.duration.as_secs()), "all logs wait once: {report:?}");
        assert_eq!(world.events(), ["disk_low", "error"], "it is said once, whatever the number of logs");
        let (states, _) = StateDir::of(world.disk.shared(), Path::new("/out")).load().unwrap();
        let reasons: Vec<&str> =
            states.iter().flat_map(|state| state.ledger.open()).map(|open| open.reason.as_str()).collect();
        assert!(reasons.len() == 1 && reasons[0].contains("MIN_FREE_DISK"), "{reasons:?}");
        assert!(!stop.is_cancelled(), "only this pass has ended");

        world.disk.set_space(ROOMY);
        let report = world.pass(&stop).await;
        assert_eq!((report.exit(), world.rows()), (Exit::Done, ROWS), "{report:?}");
        assert_eq!(world.events(), ["disk_low", "error", "disk_ok"]);
    });
}

#[test]
fn windows_in_flight_are_finished_when_the_room_gets_low() {
    check(ROOMY, async |world| {
        let stop = CancellationToken::new();
        let room = async {
            // Long enough for the first window to be under way, not for it to be stored.
            while !world.disk.history().iter().any(|event| event.to_string().contains(" Space ")) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(world.rows(), 0);
            world.disk.set_space(LOW);
            tokio::time::sleep(Duration::from_secs(100)).await;
            let stored = world.rows();
            assert!(0 < stored && stored < ROWS, "{stored}");
            world.disk.set_space(ROOMY);
        };
        let (report, ()) = tokio::join!(world.pass(&stop), room);
        assert_eq!((report.exit(), world.rows()), (Exit::Done, ROWS), "{report:?}");
        assert_eq!(world.events(), ["disk_low", "disk_ok"]);
    });
}

#[test]
fn a_stop_interrupts_the_wait() {
    check(LOW, async |world| {
        let stop = CancellationToken::new();
        let asked = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            stop.cancel();
        };
        let (report, ()) = tokio::join!(world.pass(&stop), asked);
        assert!(report.duration < Duration::from_secs(21), "{report:?}");
        assert_eq!(world.events(), ["disk_low"]);
    });
}

#[test]
fn a_full_disk_is_named_ends_the_pass_and_is_taken_up_again() {
    for fault in [Fault::NoSpace, Fault::Quota] {
        check(ROOMY, async |world| {
            let stop = CancellationToken::new();
            world.disk.fail(1, fault, Repeat::Forever);
            let report = world.pass(&stop).await;
            assert_eq!((report.exit(), world.rows()), (Exit::TryLater, 0), "{report:?}");
            let said: Vec<&str> = report.logs.iter().filter_map(|log| log.last_error.as_deref()).collect();
            assert!(said.len() == 1 && said[0].starts_with("the disk of OUTPUT_DIR"), "{said:?}");
            world.disk.heal();
            let report = world.pass(&stop).await;
            assert_eq!((report.exit(), world.rows()), (Exit::Done, ROWS), "{report:?}");
        });
    }
}
