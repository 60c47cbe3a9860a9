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
use ingest_store::scripted::{Fault, Loss, ScriptedDisk};
use log_ingestion::exit::Exit;
use log_ingestion::ingest::{Coverage, PassReport, Scope};

use crate::account::in_virtual_time;
use chores::{Act, Between, Chore, Keeper, Snapshot};
use oracle::Oracle;
use story::{Deed, Dice, Story, tail};
use world::{Ended, Life, OUT, World};

pub(crate) mod chores;
pub(crate) mod oracle;
pub(crate) mod source;
pub(crate) mod story;
pub(crate) mod weight;
pub(crate) mod world;

/// Seeds of one test run, unless the environment says otherwise.
const SEEDS: u64 = 2_000;
/// Seeds that failed once, one a line, each with what it found.
const KEPT: &str = include_str!("simulation/seeds.txt");
/// The same of those that failed while somebody looked after the files.
const KEPT_LOOKED_AFTER: &str = include_str!("simulation/seeds_looked_after.txt");
/// Seeds that are run twice and compared.
const COMPARED: u64 = 6;
/// Seeds of which it is counted in how many somebody looks after the files.
const LOOKED_AT: u64 = 60;
/// Passes after which a run without faults must be complete.
const PASSES_MAX: usize = 6;
/// Requests that are told before one that should not have been sent.
const REFUSED_TOLD: usize = 60;
/// Classes of request whose quotas a story may make small.
const LIMITED_CLASSES: u64 = 2;
/// Time after which everything is searchable and every recount is due, in virtual milliseconds.
const ALL_DUE: Duration = Duration::from_secs(30 * 3_600);

/// What happened in a story, for a person and for comparing.
fn tell(seed: u64) -> String {
    tell_on(ScriptedDisk::new(), seed)
}

fn tell_on(disk: ScriptedDisk, seed: u64) -> String {
    in_virtual_time(async {
        let story = Story::of(seed);
        let world = World::new(&story.scenario, story.window_rows).on(disk);
        let (oracle, keeper) = (Oracle::of(&world), Keeper::default());
        let mut run = Run { oracle, keeper, world, dice: Dice::new(!seed), late: 0 };
        for (nth, chapter) in story.chapters.iter().enumerate() {
            let context = format!("seed {seed}, life {nth}");
            for deed in &chapter.before {
                run.happens(*deed, &context).await;
            }
            let before = run.over_quota();
            let keeps = Some(chapter.life.retention).filter(|keep| !keep.is_for_ever());
            let held = keeps.map(|_| Snapshot::of(&mut run.oracle, &run.world.disk, None));
            let ended = run.world.live(&chapter.life).await;
            if story.scenario.sim.semantics.rate_headers {
                // What a process before it used of a quota, one learns from the first answer of its class only.
                let most = if nth == 0 { 0 } else { LIMITED_CLASSES };
                let over = run.over_quota() - before;
                assert!(over <= most, "{context}: {over} requests over the quota:\n{}", run.refused());
            }
            let untroubled = chapter.life.disk.is_none() && chapter.life.death.is_none();
            if let Ended::Refused(error) = ended {
                assert!(!untroubled, "{context}: could not begin: {error:?}");
            }
            run.oracle.check(&run.world, &context);
            if let (Some(keep), Some(held)) = (keeps, held) {
                let after = Snapshot::of(&mut run.oracle, &run.world.disk, None);
                let between = Between {
                    before: &held,
                    after: &after,
                    act: Act::Retain(keep),
                    done: None,
                    power: chapter.life.power.is_some(),
                    now: run.world.told(),
                    context: &context,
                };
                run.keeper.check_removed(&between, &run.oracle);
            }
        }
        run.ends_well(&story.acts(), &format!("seed {seed}, at the end")).await;
        history(&run.world)
    })
}

/// A story on its way.
#[derive(Debug)]
struct Run {
    world: World,
    oracle: Oracle,
    keeper: Keeper,
    dice: Dice,
    late: u64,
}

impl Run {
    async fn happens(&mut self, deed: Deed, context: &str) {
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
            Deed::LookAfter(chore) => self.look_after(&chore, &format!("{context}, after {chore:?}")),
        }
    }

    /// Somebody looks after the files, and what must hold does, whatever becomes of it.
    fn look_after(&mut self, chore: &Chore, context: &str) {
        let before = Snapshot::of(&mut self.oracle, &self.world.disk, None);
        let disk = self.world.disk.another();
        if let Some((nth, fault, repeat)) = chore.disk {
            disk.fail(nth, fault, repeat);
        }
        let outcome = self.world.look_after(&disk, chore.act);
        if let Some(seed) = chore.power {
            disk.crash(Loss::Torn(seed));
        }
        disk.kill();
        disk.heal();
        let excused = chore.disk.is_some() || !self.oracle.spoilt.is_empty();
        assert!(excused || outcome.is_ok(), "{context}: {outcome:?}");
        self.oracle.skip_history(&self.world);
        self.oracle.check(&self.world, context);
        let after = Snapshot::of(&mut self.oracle, &self.world.disk, Some(&before));
        let power = chore.power.is_some();
        let done = outcome.as_ref().ok().filter(|_| !power);
        let (act, now) = (chore.act, self.world.told());
        let between = Between { before: &before, after: &after, act, done, power, now, context };
        self.keeper.check(&between, &self.oracle);
    }

    /// Requests that the server refused since they were too many, and not by a fault.
    fn over_quota(&self) -> u64 {
        let stats = self.world.sim.account.lock().unwrap().stats();
        stats.rate_limited - stats.fired("retry_429")
    }

    /// What was asked of the server last, up to what it refused.
    fn refused(&self) -> String {
        let sent = self.world.sim.sent.lock().unwrap();
        let last = sent.iter().rposition(|sent| sent.status == 429).map_or(0, |at| at + 1);
        let told = sent[last.saturating_sub(REFUSED_TOLD)..last].iter();
        told.map(|sent| format!("{} {} {}\n", sent.at, sent.status, sent.url)).collect()
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
        let message = source::message(self.dice.draw() % 4, 1_000_000 + self.late);
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

    /// Nothing goes wrong any more: a bounded number of passes makes the folder exact, and leaves nothing to do. Who looked
    /// after the files does so once more.
    async fn ends_well(&mut self, acts: &[Act], context: &str) {
        self.world.sim.account.lock().unwrap().heal();
        self.world.wrong_ms = 0;
        tokio::time::sleep(ALL_DUE).await;
        let layout = ingest_store::layout::Layout::Hive;
        let clean = |coverage| Life { layout, ..Life::of(&[coverage]) };
        self.until_done(&clean(tail()), context).await;
        let repair = clean(Coverage::Repair { scope: Scope::default(), deep: true });
        self.until_done(&repair, context).await;
        self.oracle.spoilt.clear();
        for act in acts {
            let chore = Chore { act: *act, disk: None, power: None };
            self.look_after(&chore, &format!("{context}, after {act:?}"));
        }
        self.oracle.damaged.clear();
        self.oracle.check(&self.world, context);
        let end = Snapshot::of(&mut self.oracle, &self.world.disk, None);
        self.oracle.judge(&self.world, &end.gone(), context);
        end.all_settled(context);
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
    path.strip_prefix(OUT).is_ok_and(|below| !below.to_string_lossy().starts_with('_'))
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

/// Seeds that are kept: one a line, what it found behind it.
fn kept(text: &str) -> impl Iterator<Item = u64> + '_ {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_whitespace().next().unwrap().parse().expect("a seed"))
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
    let first = kept(KEPT).chain(kept(KEPT_LOOKED_AFTER));
    let seeds: Vec<u64> = first.chain(0..chosen("LOG_INGESTION_SEEDS").unwrap_or(SEEDS)).collect();
    let failed = failures(&seeds, |seed| drop(tell(*seed)));
    assert!(
        failed.is_empty(),
        "{} of {} seeds failed; replay one with\n  LOG_INGESTION_SEED=N cargo test -p log-ingestion --test it every_seed -- --nocapture\n{}",
        failed.len(),
        seeds.len(),
        failed.join("\n"),
    );
}

/// What a kept seed found was found on a disk that does not lie, and with the files looked after or not, as its list says:
/// another story would hide it again.
#[test]
fn no_kept_seed_tells_another_story_than_it_told() {
    for (seed, looked_after) in
        kept(KEPT).map(|seed| (seed, false)).chain(kept(KEPT_LOOKED_AFTER).map(|seed| (seed, true)))
    {
        let lies = |life: &Life| life.disk.is_some_and(|(_, fault, _)| fault == Fault::Lie);
        let story = Story::of(seed);
        assert!(looked_after || !story.chapters.iter().any(|chapter| lies(&chapter.life)), "seed {seed}");
        assert_eq!(!story.acts().is_empty(), looked_after, "seed {seed}");
    }
}

/// Days go, are moved, and become fewer files in the stories, and what was begun is cut short as well.
#[test]
fn somebody_looks_after_the_files_in_every_other_story() {
    let told: Vec<String> = (0..LOOKED_AT).map(tell).collect();
    let with = |text: &str| told.iter().filter(|story| story.contains(text)).count() as u64;
    let steps = [
        "-> /out/_removed/log",
        "Remove /out/log=",
        "-> /cold/log=",
        "-> /cold/_quarantine",
        "Exchange /out/log=",
    ];
    for step in steps {
        assert!(with(step) * 12 > LOOKED_AT, "{step}: in {} of {LOOKED_AT}", with(step));
    }
    let cut_short = |story: &Story| {
        let deeds = story.chapters.iter().flat_map(|chapter| &chapter.before);
        deeds.filter(|deed| matches!(deed, Deed::LookAfter(chore) if chore.disk.is_some())).count()
    };
    assert!((0..LOOKED_AT).map(|seed| cut_short(&Story::of(seed))).sum::<usize>() > 20);
}

#[test]
fn the_same_seed_has_the_same_history_byte_for_byte() {
    for seed in 0..COMPARED {
        let (first, second) = (tell(seed), tell(seed));
        assert!(first.len() > 1_000);
        assert!(first == second, "seed {seed}");
    }
}
