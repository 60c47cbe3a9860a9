//! What must hold of the output folder after every life of every process, whatever was done to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ingest_core::ledger::LogState;
use ingest_core::time::{LogWindow, Timestamp};
use ingest_store::StateDir;
use ingest_store::layout::FileName;
use ingest_store::scripted::{Event, Op, ScriptedDisk};
use ingest_tabular::read_back;

use super::world::{OUT, World};
use crate::scenario::{comparable, judge_all_but};
use crate::stored::{StoredLog, quarantined_records, read_file, read_scripted};

/// How often each text occurs.
pub(crate) type Bag = BTreeMap<String, usize>;

/// What is known of the past.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// All events that ever were, by log.
    ever: BTreeMap<String, Bag>,
    /// Files that were read, by path: their bytes and their records.
    read: BTreeMap<PathBuf, (Vec<u8>, Vec<String>)>,
    /// Files that were damaged from outside, as they were left.
    pub(crate) damaged: BTreeMap<PathBuf, Vec<u8>>,
    /// Logs whose files were damaged or removed from outside.
    pub(crate) spoilt: BTreeSet<String>,
    /// Operations of the disk that were judged.
    judged: usize,
}

/// What a file holds, of rows or quarantined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) log: String,
    pub(crate) window: LogWindow,
    pub(crate) records: Vec<String>,
}

/// A visible file.
#[derive(Debug)]
struct Visible {
    path: PathBuf,
    name: FileName,
}

impl Oracle {
    /// Learns all events of the account.
    pub(crate) fn of(world: &World) -> Self {
        let mut oracle = Self::default();
        let account = world.sim.account.lock().unwrap();
        for truth in account.truth() {
            let events = account.truth_events(&truth.id, i64::MIN, i64::MAX).unwrap();
            events.for_each(|event| oracle.appeared(&truth.name, &event.message));
        }
        oracle
    }

    /// Passes over what was asked of the disk until now.
    pub(crate) fn skip_history(&mut self, world: &World) {
        self.judged = world.disk.history().len();
    }

    /// Learns of an event that appeared.
    pub(crate) fn appeared(&mut self, log: &str, message: &str) {
        let bag = self.ever.entry(log.to_owned()).or_default();
        *bag.entry(comparable(message)).or_insert(0) += 1;
    }

    /// Learns that somebody damages or removes a file of the table: its log's ledger says more than there is from now on.
    pub(crate) fn spoil(&mut self, disk: &ScriptedDisk, path: &Path) {
        let file = visible(disk).into_iter().find(|file| file.path == path).unwrap();
        self.spoilt.extend(self.ever.keys().find(|log| of_log(&file.name, log)).cloned());
    }

    /// Asserts all that must hold whatever happened.
    pub(crate) fn check(&mut self, world: &World, context: &str) {
        world.weight().check(context);
        let visible = visible(&world.disk);
        let states = states(&world.disk);
        for file in &visible {
            self.is_whole(&world.disk, file, &states, context);
        }
        no_overlap(&visible, context);
        self.nothing_twice(&visible, context);
        for state in states.iter().filter(|state| !self.spoilt.contains(&state.name)) {
            ledger_in_table(&world.disk, &visible, state, context);
        }
        let history = world.disk.history();
        staging_is_bounded(&history[self.judged..], world.parallel_windows(), context);
        self.judged = history.len();
    }

    /// Asserts that the folder holds exactly what the account has, but for what is `gone` from it on purpose.
    pub(crate) fn judge(&self, world: &World, gone: &BTreeMap<String, Vec<LogWindow>>, context: &str) {
        assert!(self.spoilt.is_empty() && self.damaged.is_empty(), "nothing is excused at the end");
        let account = world.sim.account.lock().unwrap();
        let is_gone = |log: &str, ms| {
            gone.get(log).into_iter().flatten().any(|gone| gone.contains(Timestamp::from_millis(ms)))
        };
        judge_all_but(&account, &read_scripted(&world.disk, Path::new(OUT)), is_gone, context);
    }

    /// The logs, by name.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &String> {
        self.ever.keys()
    }

    /// What is in the files of a folder tree that readers see, and in its quarantines. What somebody damaged is passed over.
    pub(crate) fn held(&mut self, disk: &ScriptedDisk, root: &str) -> Vec<Held> {
        let mut held = Vec::new();
        for path in disk.files() {
            let Ok(below) = path.strip_prefix(root) else { continue };
            let top = below.components().next().unwrap().as_os_str().to_str().unwrap();
            let bytes = disk.bytes(&path).unwrap();
            let (slug, window, records) = if top == "_quarantine" {
                let Some(window) = quarantine_window(&path) else { continue };
                let text = String::from_utf8(bytes).unwrap();
                let folder = below.iter().nth(1).and_then(|folder| folder.to_str()).unwrap();
                let slug = folder.strip_prefix("log=").unwrap();
                let records = quarantined_records(&text).map(|record| comparable(&record)).collect();
                (slug.to_owned(), window, records)
            } else if let Some(name) = FileName::parse(below).filter(|_| !top.starts_with('_')) {
                if self.damaged.values().any(|damaged| *damaged == bytes) {
                    continue;
                }
                (name.slug.to_string(), name.window, self.records(&path, bytes).to_vec())
            } else {
                continue;
            };
            let log = self.ever.keys().find(|log| slug.starts_with(&format!("{log}-"))).unwrap().clone();
            held.push(Held { log, window, records });
        }
        held
    }

    /// The records of a file that reads back.
    fn records(&mut self, path: &Path, bytes: Vec<u8>) -> &[String] {
        if self.read.get(path).is_none_or(|(known, _)| *known != bytes) {
            let mut log = StoredLog::default();
            let rows = read_back(&Bytes::from(bytes.clone())).unwrap().rows;
            // Its name is checked elsewhere.
            let honest = format!("x_{rows}_x.parquet");
            read_file(Bytes::from(bytes.clone()), Path::new(&honest), &mut log);
            let records = log.rows.iter().map(|row| comparable(&row.raw)).collect();
            self.read.insert(path.to_owned(), (bytes, records));
        }
        &self.read[path].1
    }

    /// A visible file reads back, and is what its name says; but for the moment between the two renames of a
    /// replacement, whose window the ledger then has open.
    fn is_whole(&mut self, disk: &ScriptedDisk, file: &Visible, states: &[LogState], context: &str) {
        let bytes = disk.bytes(&file.path).unwrap();
        let path = file.path.display();
        if self.damaged.get(&file.path) == Some(&bytes) {
            return;
        }
        if self.read.get(&file.path).is_some_and(|(known, _)| *known == bytes) {
            return;
        }
        let facts = read_back(&Bytes::from(bytes.clone()));
        let facts = facts.unwrap_or_else(|error| panic!("{context}: {path} is damaged: {error}"));
        let end = facts.facts.get("ingest.span_end").map(String::as_str);
        let start = facts.facts.get("ingest.span_start").map(String::as_str);
        let window = file.name.window;
        let span = (window.start().to_string(), window.end().to_string());
        assert_eq!((start, end), (Some(span.0.as_str()), Some(span.1.as_str())), "{context}: {path}");
        let named = facts.rows == file.name.rows && facts.file_hash.starts_with(&file.name.hash);
        if !named {
            let state = states.iter().find(|state| state.slug == file.name.slug);
            let waits = state.is_none_or(|state| {
                state.ledger.open().iter().any(|open| open.window == window && open.held.is_some())
            });
            assert!(waits, "{context}: {path} is not what its name says, and nothing waits for it");
        }
        self.records(&file.path, bytes);
    }

    /// No event is in the visible files more often than it ever was in the account.
    fn nothing_twice(&self, visible: &[Visible], context: &str) {
        let held = visible.iter().filter_map(|file| {
            let Some((log, _)) = self.ever.iter().find(|(log, _)| of_log(&file.name, log)) else {
                panic!("{context}: {} is of no log", file.path.display());
            };
            Some((log.as_str(), self.read.get(&file.path)?.1.as_slice()))
        });
        self.no_more_than_ever(held, context);
    }

    /// The same of any files.
    pub(crate) fn never_twice(&self, held: &[Held], context: &str) {
        let held = held.iter().map(|held| (held.log.as_str(), held.records.as_slice()));
        self.no_more_than_ever(held, context);
    }

    fn no_more_than_ever<'a>(&self, held: impl Iterator<Item = (&'a str, &'a [String])>, context: &str) {
        let mut have: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for (log, records) in held {
            let bag = have.entry(log).or_default();
            records.iter().for_each(|record| *bag.entry(record).or_insert(0) += 1);
        }
        for (log, bag) in have {
            for (record, count) in bag {
                let ever = self.ever[log].get(record).copied().unwrap_or(0);
                assert!(count <= ever, "{context}: {count} times in {log}, but {ever} times sent: {record}");
            }
        }
    }
}

fn of_log(name: &FileName, log: &str) -> bool {
    name.slug.to_string().starts_with(&format!("{log}-"))
}

/// The committed files that readers see.
fn visible(disk: &ScriptedDisk) -> Vec<Visible> {
    let below = |path: &Path| path.strip_prefix(OUT).ok().map(Path::to_owned);
    let files = disk.files().into_iter().filter_map(|path| Some((below(&path)?, path)));
    let shown = files.filter(|(below, _)| !below.to_string_lossy().starts_with('_'));
    let all = shown.map(|(below, path)| {
        let name = FileName::parse(&below);
        Visible { name: name.unwrap_or_else(|| panic!("a foreign file: {}", path.display())), path }
    });
    all.collect()
}

/// The ledgers that are whole.
pub(crate) fn states(disk: &ScriptedDisk) -> Vec<LogState> {
    let looking = disk.another();
    let states = StateDir::of(looking.shared(), Path::new(OUT)).load().unwrap().0;
    looking.kill();
    states
}

/// No two visible files of a log share an instant.
fn no_overlap(visible: &[Visible], context: &str) {
    let mut by_log: BTreeMap<String, Vec<&Visible>> = BTreeMap::new();
    for file in visible {
        by_log.entry(file.name.slug.to_string()).or_default().push(file);
    }
    for files in by_log.values_mut() {
        files.sort_by_key(|file| file.name.window);
        for pair in files.windows(2) {
            let (a, b) = (&pair[0].name.window, &pair[1].name.window);
            let (first, second) = (pair[0].path.display(), pair[1].path.display());
            assert!(!a.overlaps(*b), "{context}: {first} and {second} share an instant");
        }
    }
}

/// Every span that a ledger calls complete is in the table, file by file and record by record.
fn ledger_in_table(disk: &ScriptedDisk, visible: &[Visible], state: &LogState, context: &str) {
    for span in state.ledger.spans() {
        let own = visible.iter().filter(|file| file.name.slug == state.slug);
        let inside: Vec<_> = own.filter(|file| file.name.window.lies_in(span.window)).collect();
        let rows: u64 = inside.iter().map(|file| file.name.rows).sum();
        let have = (rows, inside.len() as u64);
        let said = (span.tally.stored, span.tally.files);
        // Files may just have been exchanged for others with the same rows, which the ledger said beforehand.
        let exchanged = state.ledger.exchanged(span).map(|tally| (tally.stored, tally.files));
        let said = exchanged.filter(|exchanged| *exchanged == have).unwrap_or(said);
        assert_eq!(have, said, "{context}: rows and files of {} in {}", state.name, span.window);
        let quarantined = quarantined(disk, state, |window| window.lies_in(span.window));
        let said = span.tally.quarantined;
        assert_eq!(quarantined, said, "{context}: quarantined of {} in {}", state.name, span.window);
    }
}

/// Records in a log's quarantine files of certain windows.
fn quarantined(disk: &ScriptedDisk, state: &LogState, wanted: impl Fn(LogWindow) -> bool) -> u64 {
    let folder = Path::new(OUT).join("_quarantine").join(format!("log={}", state.slug));
    let mut lines = 0;
    for path in disk.files().into_iter().filter(|path| path.starts_with(&folder)) {
        if quarantine_window(&path).is_some_and(&wanted) {
            lines += disk.bytes(&path).unwrap().iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    }
    lines
}

/// The window of a quarantine; `None` of what was set aside, which does not count, or is still being copied.
fn quarantine_window(path: &Path) -> Option<LogWindow> {
    path.extension().filter(|ending| *ending == "jsonl")?;
    let (start, end) = path.file_stem()?.to_str()?.split_once('_')?;
    LogWindow::new(Timestamp::from_compact(start)?, Timestamp::from_compact(end)?)
}

/// What one process has staged at the same time does not grow with what it fetches: one window's two files, and a spool
/// for each window in flight.
fn staging_is_bounded(life: &[Event], parallel_windows: usize, context: &str) {
    let staging = Path::new(OUT).join("_staging");
    let (mut there, mut most) = (BTreeSet::new(), 0);
    let mut stuck = 0;
    for event in life.iter().filter(|event| event.path.starts_with(&staging)) {
        let removes = matches!(event.op, Op::Remove | Op::Rename);
        if event.failed.is_some() {
            // What a failing disk does not let go is swept by the next process.
            stuck += usize::from(removes);
        } else if removes {
            there.remove(&event.path);
        } else if event.op == Op::CreateFile {
            there.insert(&event.path);
        }
        most = most.max(there.len());
    }
    assert!(most <= 2 + parallel_windows + stuck, "{context}: {most} files were staged at the same time");
}
