//! The whole pipeline through many lives: a seed decides account, settings, what the disk does, when processes die and
//! what happens between them, and an oracle knows what a perfect run stores.
//!
//! `LOG_INGESTION_SEEDS=200000` tries more seeds than usual, `LOG_INGESTION_SEED=n` replays one and prints its history.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ingest_store::Disk as _;
use ingest_store::scripted::{Fault, ScriptedDisk};
use log_ingestion::exit::Exit;
use log_ingestion::ingest::{Coverage, PassReport, Scope};

use oracle::Oracle;
use story::{Deed, Dice, Story, tail};
use world::{Ended, Life, OUT, World};

pub(crate) mod oracle;
pub(crate) mod story;
pub(crate) mod world;

/// Seeds of one test run, unless the environment says otherwise.
const SEEDS: u64 = 2_000;
/// Seeds that failed once, one a line, each with what it found.
const KEPT: &str = include_str!("simulation/seeds.txt");
/// Seeds that are run twice and compared.
const COMPARED: u64 = 6;
/// Passes after which a run without faults must be complete.
const PASSES_MAX: usize = 6;
/// Classes of request whose quotas a story may make small.
const LIMITED_CLASSES: u64 = 2;
/// Time after which everything is searchable and every recount is due, in virtual milliseconds.
const ALL_DUE: Duration = Duration::from_secs(30 * 3_600);

/// What happened in a story, for a person and for comparing.
fn tell(seed: u64) -> String {
    tell_on(ScriptedDisk::new(), seed)
}

fn tell_on(disk: ScriptedDisk, seed: u64) -> String {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let story = Story::of(seed);
        let world = World::new(&story.scenario, story.window_rows).on(disk);
        let mut run = Run { oracle: Oracle::of(&world), world, dice: Dice::new(!seed), late: 0 };
        for (nth, chapter) in story.chapters.iter().enumerate() {
            for deed in &chapter.before {
                run.happens(*deed).await;
            }
            let context = format!("seed {seed}, life {nth}");
            let before = run.over_quota();
            let ended = run.world.live(&chapter.life).await;
            if story.scenario.sim.semantics.rate_headers {
                // What a process before it used of a quota, one learns from the first answer of its class only.
                let most = if nth == 0 { 0 } else { LIMITED_CLASSES };
                let over = run.over_quota() - before;
                assert!(over <= most, "{context}: {over} requests over the quota");
            }
            let untroubled = chapter.life.disk.is_none() && chapter.life.death.is_none();
            if let Ended::Refused(error) = ended {
                assert!(!untroubled, "{context}: could not begin: {error:?}");
            }
            run.oracle.check(&run.world, &context);
        }
        run.ends_well(&format!("seed {seed}, at the end")).await;
        history(&run.world)
    })
}

/// A story on its way.
#[derive(Debug)]
struct Run {
    world: World,
    oracle: Oracle,
    dice: Dice,
    late: u64,
}

impl Run {
    async fn happens(&mut self, deed: Deed) {
        match deed {
            Deed::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Deed::WrongClock(ms) => self.world.wrong_ms = ms,
            Deed::Late(n) => self.late_event(n),
            Deed::Vanish(n) => {
                let (log, from) = self.somewhere(n);
                self.world.sim.account.lock().unwrap().remove_events(&log, from, from + 1_800_000);
            }
            Deed::LoseLedger(n) => {
                if let Some(path) = self.chosen(n, |path| path.starts_with("/out/_ingest/logs")) {
                    outside(&self.world.disk, |disk| disk.remove_file(&path).unwrap(), &path);
                }
            }
            Deed::DamageLedger(n) => {
                if let Some(path) = self.chosen(n, |path| path.starts_with("/out/_ingest/logs")) {
                    damage(&self.world.disk, &path, n);
                }
            }
            Deed::LoseFile(n) => {
                if let Some(path) = self.chosen(n, is_visible) {
                    self.oracle.spoil(&self.world.disk, &path);
                    outside(&self.world.disk, |disk| disk.remove_file(&path).unwrap(), &path);
                }
            }
            Deed::DamageFile(n) => {
                if let Some(path) = self.chosen(n, is_visible) {
                    self.oracle.spoil(&self.world.disk, &path);
                    damage(&self.world.disk, &path, n);
                    self.oracle.damaged.insert(path.clone(), self.world.disk.bytes(&path).unwrap());
                }
            }
        }
    }

    /// Requests that the server refused since they were too many, and not by a fault.
    fn over_quota(&self) -> u64 {
        let stats = self.world.sim.account.lock().unwrap().stats();
        stats.rate_limited - stats.fired("retry_429")
    }

    /// A log, and an instant of it that has passed.
    fn somewhere(&self, n: u64) -> (String, i64) {
        let truth = self.world.sim.account.lock().unwrap().truth();
        let log = &truth[usize::try_from(n % truth.len() as u64).unwrap()];
        let start = story::first_start().millis() + 3_600_000;
        let ms = self.world.now().millis() - start;
        (log.name.clone(), start + i64::try_from(self.dice.draw() % ms.unsigned_abs()).unwrap())
    }

    fn late_event(&mut self, n: u64) {
        let (log, at) = self.somewhere(n);
        self.late += 1;
        let message = story::message(self.dice.draw() % 4, 1_000_000 + self.late);
        let mut account = self.world.sim.account.lock().unwrap();
        if account.insert_event(&log, at, 1_000_000_000 + self.late, &message) {
            self.oracle.appeared(&log, &message);
        }
    }

    fn chosen(&self, n: u64, of: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let files: Vec<PathBuf> = self.world.disk.files().into_iter().filter(|path| of(path)).collect();
        let at = n.checked_rem(files.len() as u64)?;
        files.get(usize::try_from(at).unwrap()).cloned()
    }

    /// Nothing goes wrong any more: a bounded number of passes makes the folder exact, and leaves nothing to do.
    async fn ends_well(&mut self, context: &str) {
        self.world.sim.account.lock().unwrap().heal();
        self.world.wrong_ms = 0;
        tokio::time::sleep(ALL_DUE).await;
        let layout = ingest_store::layout::Layout::Hive;
        let clean = |coverage| Life { layout, ..Life::of(&[coverage]) };
        self.until_done(&clean(tail()), context).await;
        let repair = clean(Coverage::Repair { scope: Scope::default(), deep: true });
        self.until_done(&repair, context).await;
        self.oracle.damaged.clear();
        self.oracle.spoilt.clear();
        self.oracle.check(&self.world, context);
        self.oracle.judge(&self.world, context);
        let before = self.world.disk.files();
        let again = self.until_done(&repair, context).await;
        assert!(again.logs.iter().all(|log| log.reopened == 0), "{context}: a second repair finds more");
        assert!(before == self.world.disk.files(), "{context}: a second repair changes files");
    }

    async fn until_done(&self, life: &Life, context: &str) -> PassReport {
        let mut said = String::new();
        for _ in 0..PASSES_MAX {
            match self.world.live(life).await {
                Ended::Left(mut passes) => match passes.pop().unwrap() {
                    Ok(report) if report.exit() == Exit::Done => return report,
                    outcome => said = format!("{outcome:?}"),
                },
                other @ (Ended::Died | Ended::Refused(_)) => panic!("{context}: {other:?}"),
            }
            tokio::time::sleep(Duration::from_secs(900)).await;
        }
        panic!("{context}: it is not complete after {PASSES_MAX} passes: {said}")
    }
}

fn is_visible(path: &Path) -> bool {
    let below = path.strip_prefix(OUT).unwrap_or(path);
    !below.to_string_lossy().starts_with('_')
}

/// Does something to a file that no process of ours does, durably.
fn outside(disk: &ScriptedDisk, act: impl FnOnce(&ScriptedDisk), path: &Path) {
    let hand = disk.another();
    act(&hand);
    hand.sync_dir(path.parent().unwrap()).unwrap();
    hand.kill();
}

/// Changes a byte of a file.
fn damage(disk: &ScriptedDisk, path: &Path, n: u64) {
    use std::io::{Seek as _, Write as _};
    let bytes = disk.bytes(path).unwrap();
    let Some(at) = n.checked_rem(bytes.len() as u64) else { return };
    let byte = bytes[usize::try_from(at).unwrap()] ^ 0x15;
    let change = |disk: &ScriptedDisk| {
        let mut file = disk.open_or_create(path).unwrap();
        file.seek(std::io::SeekFrom::Start(at)).unwrap();
        file.write_all(&[byte]).unwrap();
        file.sync_all().unwrap();
    };
    outside(disk, change, path);
}

/// Every request and every operation of the disk, in order.
fn history(world: &World) -> String {
    let mut text = String::new();
    for sent in world.sim.sent.lock().unwrap().iter() {
        writeln!(text, "{} {} {}", sent.at, sent.status, sent.url).unwrap();
    }
    for event in world.disk.history() {
        writeln!(text, "{event}").unwrap();
    }
    text
}

#[expect(clippy::disallowed_methods, reason = "a person chooses the seeds of a test by the environment")]
fn chosen(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number of seeds, or a seed"))
}

/// The seeds that are kept: one a line, what it found behind it.
fn kept() -> Vec<u64> {
    let lines = KEPT.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_whitespace().next().unwrap().parse().expect("a seed")).collect()
}

/// Runs each on its own, on as many threads as there are processors; the complaints of those that failed.
pub(crate) fn failures<T: Sync>(of: &[T], run: impl Fn(&T) + Sync) -> Vec<String> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(one) = of.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(one))) {
                        let said = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
                        failed.lock().unwrap().push(said.to_owned());
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

/// Whatever happens to processes, disk, clock and source: nothing is lost, nothing is stored twice, and once the faults
/// are gone the folder becomes what the account is.
#[test]
#[expect(clippy::print_stdout, reason = "a replay shows what happened")]
fn every_seed_ends_complete_and_exact() {
    if let Some(seed) = chosen("LOG_INGESTION_SEED") {
        let disk = ScriptedDisk::new();
        println!("{:#?}", Story::of(seed));
        let outcome = catch_unwind(AssertUnwindSafe(|| println!("{}", tell_on(disk.clone(), seed))));
        let windows = disk.files().into_iter().filter(|path| path.starts_with("/out/_ingest/history"));
        windows.for_each(|path| println!("{}", String::from_utf8_lossy(&disk.bytes(&path).unwrap())));
        println!("{:#?}\n{:#?}", disk.files(), oracle::states(&disk));
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        return;
    }
    let seeds: Vec<u64> =
        kept().into_iter().chain(0..chosen("LOG_INGESTION_SEEDS").unwrap_or(SEEDS)).collect();
    let failed = failures(&seeds, |seed| drop(tell(*seed)));
    assert!(
        failed.is_empty(),
        "{} of {} seeds failed; replay one with\n  LOG_INGESTION_SEED=N cargo test -p log-ingestion --test it every_seed -- --nocapture\n{}",
        failed.len(),
        seeds.len(),
        failed.join("\n"),
    );
}

/// What a kept seed found was found on a disk that does not lie: it would hide that again.
#[test]
fn the_disk_of_a_kept_seed_never_lies() {
    for seed in kept() {
        let lies = |life: &Life| life.disk.is_some_and(|(_, fault, _)| fault == Fault::Lie);
        assert!(!Story::of(seed).chapters.iter().any(|chapter| lies(&chapter.life)), "seed {seed}");
    }
}

#[test]
fn the_same_seed_has_the_same_history_byte_for_byte() {
    for seed in 0..COMPARED {
        let (first, second) = (tell(seed), tell(seed));
        assert!(first.len() > 1_000);
        assert!(first == second, "seed {seed}");
    }
}
