//! A simulated account, disk and clock, and the processes that live in them one after the other.

use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use ingest_core::time::Timestamp;
use ingest_core::upkeep::Retention;
use ingest_source::transport::{HttpReply, HttpRequest, Transport, TransportError};
use ingest_source::watch::Failure;
use ingest_store::layout::Layout;
use ingest_store::scripted::{Fault, Loss, Repeat, ScriptedDisk};
use log_ingestion::exit::{CommandError, Exit};
use log_ingestion::ingest::{Coverage, Ingest, Outside, PassReport, Scope};
use log_ingestion::metrics::Metrics;
use log_ingestion::pipeline::Cpu;
use log_ingestion::progress::Progress;
use log_ingestion::settings::{Keeping, Settings};
use log_ingestion::upkeep::Upkeep;
use tokio_util::sync::CancellationToken;

use super::chores::{Act, Done};
use super::weight::{Apart, Weight, disk_apart, received};
use crate::account::{SimTransport, VirtualClock};
use crate::scenario::{NOW, Scenario, settings};

/// The output folder.
pub(crate) const OUT: &str = "/out";
/// Virtual time after which a pass is taken to never end.
const PASS_MAX: Duration = Duration::from_secs(40 * 86_400);

/// Everything is counted again, and every file read.
pub(crate) const REPAIR: Coverage = Coverage::Repair { scope: Scope { from: None, to: None }, deep: true };

/// What ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// The nth operation of the disk is not done any more.
    Operation(u64),
    /// It does not live to hear the answer to its nth request, which the server `took` or not.
    Request { nth: u64, took: bool },
    /// It goes on so many times, and is ended between two steps.
    Step(u64),
    /// So many milliseconds after its start.
    Instant(u64),
}

/// One process, from start to end.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) layout: Layout,
    pub(crate) passes: Vec<Coverage>,
    /// Between two passes.
    pub(crate) pause: Duration,
    /// What the disk does to it; over after a pass.
    pub(crate) disk: Option<(u64, Fault, Repeat)>,
    /// A request that fails, and whether the server took it.
    pub(crate) reset: Option<(u64, bool)>,
    pub(crate) death: Option<Death>,
    /// Whether power is lost at its end, and by which seed.
    pub(crate) power: Option<u64>,
    /// When another process tries the same folder, in steps of this one.
    pub(crate) rival: Option<u64>,
    /// What is kept: days beyond it go after each pass.
    pub(crate) retention: Retention,
}

impl Life {
    /// One in which nothing goes wrong.
    pub(crate) fn of(passes: &[Coverage]) -> Self {
        Self {
            layout: Layout::Hive,
            passes: passes.to_vec(),
            pause: Duration::from_secs(300),
            disk: None,
            reset: None,
            death: None,
            power: None,
            rival: None,
            retention: Retention::default(),
        }
    }
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Died,
    /// It could not begin.
    Refused(CommandError),
    /// What came of its passes.
    Left(Vec<Result<PassReport, CommandError>>),
}

/// Everything outside of a process.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) sim: SimTransport,
    /// The disk as nobody's process has it, to look at.
    pub(crate) disk: ScriptedDisk,
    settings: Settings,
    clock: VirtualClock,
    /// How wrong the machine's clock is, in milliseconds.
    pub(crate) wrong_ms: i64,
    /// What the processes held in memory that ended since this was last asked.
    weight: Mutex<Weight>,
}

impl World {
    /// A world at [`NOW`]. Call inside a paused runtime.
    pub(crate) fn new(scenario: &Scenario, window_rows: u64) -> Self {
        let clock = VirtualClock::starting(Timestamp::parse(NOW).unwrap());
        let sim = SimTransport::new(scenario.sim.clone(), &clock);
        let mut settings = settings(scenario, Path::new(OUT));
        settings.window_rows = window_rows;
        Self {
            sim,
            disk: ScriptedDisk::new().apart(disk_apart),
            settings,
            clock,
            wrong_ms: 0,
            weight: Mutex::default(),
        }
    }

    /// The same with another disk, that may have been used already.
    pub(crate) fn on(self, disk: ScriptedDisk) -> Self {
        Self { disk: disk.apart(disk_apart), ..self }
    }

    /// What time it is; processes may think otherwise.
    pub(crate) fn now(&self) -> Timestamp {
        use ingest_source::clock::Clock as _;
        self.clock.now()
    }

    /// What time it is for a process.
    pub(crate) fn told(&self) -> Timestamp {
        self.now().plus_millis(self.wrong_ms)
    }

    /// What the processes held in memory that ended since this was last asked.
    pub(crate) fn weight(&self) -> Weight {
        std::mem::take(&mut *self.weight.lock().unwrap())
    }

    fn weighed(&self, weight: Weight) {
        self.weight.lock().unwrap().join(weight);
    }

    /// Parallel windows of its processes.
    pub(crate) const fn parallel_windows(&self) -> usize {
        self.settings.parallel_windows
    }

    /// Lets a process live. What was going wrong with the disk is over afterwards.
    pub(crate) async fn live(&self, life: &Life) -> Ended {
        let disk = self.disk.another();
        if let Some((nth, fault, repeat)) = life.disk {
            disk.fail(nth, fault, repeat);
        }
        if let Some(Death::Operation(nth)) = life.death {
            disk.fail(nth, Fault::Die, Repeat::Once);
        }
        let mut weight = Weight::default();
        let mut process = weight.of(|| Box::pin(self.process(&disk, life)));
        let at_step = |step: u64| {
            if life.rival == Some(step) {
                self.try_beside(life.layout);
            }
            life.death == Some(Death::Step(step))
        };
        let alarm = match life.death {
            Some(Death::Instant(ms)) => Duration::from_millis(ms),
            _ => PASS_MAX * 100,
        };
        let ended = until_death(process.as_mut(), &disk, (alarm, &mut weight), at_step).await;
        weight.of(|| drop(process));
        self.weighed(weight);
        if let Some(seed) = life.power {
            disk.crash(Loss::Torn(seed));
        }
        disk.kill();
        disk.heal();
        ended.unwrap_or(Ended::Died)
    }

    /// Lets a process live in which nothing goes wrong: each of its passes leaves nothing to do.
    pub(crate) async fn live_well(&self, passes: &[Coverage], context: &str) {
        let ended = self.live(&Life::of(passes)).await;
        let done =
            |pass: &Result<PassReport, _>| pass.as_ref().is_ok_and(|report| report.exit() == Exit::Done);
        assert!(matches!(&ended, Ended::Left(passes) if passes.iter().all(done)), "{context}: {ended:?}");
    }

    async fn process(&self, disk: &ScriptedDisk, life: &Life) -> Ended {
        let outside = self.outside(disk, life);
        let keeping = Keeping { retention: life.retention, ..Keeping::default() };
        let settings = Settings { keeping, ..self.settings_with(life.layout) };
        let ingest = match Ingest::open(settings, &outside) {
            Ok(ingest) => ingest,
            Err(error) => return Ended::Refused(error),
        };
        let mut outcomes = Vec::new();
        for (at, coverage) in life.passes.iter().enumerate() {
            if at > 0 {
                tokio::time::sleep(life.pause).await;
            }
            let stop = CancellationToken::new();
            let pass = ingest.pass(*coverage, &stop);
            outcomes.push(tokio::time::timeout(PASS_MAX, pass).await.expect("a pass never ends"));
            // As a failing disk lets it.
            ingest.look_after(&stop).await;
            if !disk.is_dead() && life.disk.is_some() {
                disk.heal();
            }
        }
        Ended::Left(outcomes)
    }

    /// Looks after the files, as one process.
    pub(crate) fn look_after(&self, disk: &ScriptedDisk, act: Act) -> Result<Done, CommandError> {
        let mut weight = Weight::default();
        let done = weight.of(|| {
            let outside = self.outside(disk, &Life::of(&[]));
            act.by(&Upkeep::open(Path::new(OUT), &outside)?, &outside.disk)
        });
        self.weighed(weight);
        done
    }

    /// Another process tries the folder that is held: it is refused, and nothing is changed.
    #[track_caller]
    fn try_beside(&self, layout: Layout) {
        let before = self.everything();
        let outside = self.outside(&self.disk.another(), &Life::of(&[]));
        let refused = Ingest::open(self.settings_with(layout), &outside).is_err();
        assert!(refused, "two processes work on one folder");
        assert!(before == self.everything(), "a process that was refused changed something");
    }

    fn everything(&self) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        self.disk.files().into_iter().map(|path| (path.clone(), self.disk.bytes(&path))).collect()
    }

    fn settings_with(&self, layout: Layout) -> Settings {
        Settings { layout, ..self.settings.clone() }
    }

    fn outside(&self, disk: &ScriptedDisk, life: &Life) -> Outside {
        let line = Line {
            sim: self.sim.clone(),
            disk: disk.clone(),
            sent: Arc::default(),
            reset: life.reset,
            death: life.death,
        };
        Outside {
            transport: Arc::new(line),
            clock: Arc::new(self.clock.wrong_by(self.wrong_ms)),
            disk: disk.shared(),
            cpu: Cpu::Inline,
            progress: Progress::new(false),
            seed: 1,
            metrics: Metrics::shared(),
        }
    }
}

/// Runs a process until it ends or is ended: when its disk says that it is dead, at an instant, or before a step.
async fn until_death<T>(
    mut process: Pin<&mut impl Future<Output = T>>,
    disk: &ScriptedDisk,
    (alarm, weight): (Duration, &mut Weight),
    mut ends_at: impl FnMut(u64) -> bool,
) -> Option<T> {
    let mut alarm = pin!(tokio::time::sleep(alarm));
    let mut step = 0;
    std::future::poll_fn(|context| {
        step += 1;
        if ends_at(step) || alarm.as_mut().poll(context).is_ready() {
            // Before it is dropped: a process that is killed tidies nothing up.
            disk.kill();
        }
        if disk.is_dead() {
            return Poll::Ready(None);
        }
        let outcome = weight.of(|| process.as_mut().poll(context));
        if disk.is_dead() { Poll::Ready(None) } else { outcome.map(Some) }
    })
    .await
}

/// The network of one process: goes down with it.
#[derive(Debug)]
struct Line {
    sim: SimTransport,
    disk: ScriptedDisk,
    sent: Arc<AtomicU64>,
    reset: Option<(u64, bool)>,
    death: Option<Death>,
}

impl Transport for Line {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        async {
            let number = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some((_, took)) = self.reset.filter(|(nth, _)| *nth == number) {
                if took {
                    drop(self.exchange(request).await);
                }
                return Err(TransportError::new(Failure::Broken, "connection reset"));
            }
            match self.death {
                Some(Death::Request { nth, took }) if nth == number => {
                    if took {
                        drop(self.exchange(request).await);
                    }
                    self.disk.kill();
                    std::future::pending().await
                }
                _ => self.exchange(request).await,
            }
        }
        .boxed()
    }
}

impl Line {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpReply, TransportError> {
        received(Apart::of(|| self.sim.send(request.clone())).await)
    }
}
