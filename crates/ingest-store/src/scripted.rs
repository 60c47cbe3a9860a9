//! A disk in memory that does what it is told to: fails an operation, loses power, and remembers what it was asked.
//!
//! For tests. Keeps what the processes see apart from what is durable, and decides what a crash leaves, by a seed where
//! it may be one thing or another. Never reads a clock, never draws chance of its own: the same calls leave the same
//! bytes and the same history.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ingest_core::space::Space;

use crate::disk::{Disk, DiskFile, Entry, Metadata};
use chance::Chance;
use file::ScriptedFile;
use script::{Script, died};
use tree::{Id, Tree};

pub use script::{Died, Event, Fault, Op, Repeat, is_death};

mod bytes;
mod chance;
mod file;
mod script;
mod tree;

/// What a loss of power leaves of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    All,
    /// By this seed: the first changes of names, and the first writes of each file, the last of them torn; or a new
    /// length with zeros for bytes.
    Torn(u64),
}

/// A disk in memory, as one process has it. A clone is the same process; [`Self::another`] is another one.
#[derive(Debug, Clone)]
pub struct ScriptedDisk {
    state: Arc<Mutex<State>>,
    process: u64,
    apart: fn(&mut dyn FnMut()),
}

#[derive(Debug, Clone)]
struct State {
    tree: Tree,
    space: Space,
    script: Script,
    history: Vec<Event>,
    /// Operations asked for.
    asked: u64,
    /// Files opened.
    opened: u64,
    /// Processes begun.
    processes: u64,
    /// Those that are alive.
    alive: Vec<u64>,
}

/// An operation that is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    op: Op,
    path: &'a Path,
    to: Option<&'a Path>,
    len: u64,
}

impl<'a> Asked<'a> {
    const fn of(op: Op, path: &'a Path) -> Self {
        Self { op, path, to: None, len: 0 }
    }
}

/// Room of a disk about which nothing was said, in bytes.
const ROOMY: u64 = 1 << 40;

impl Default for ScriptedDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedDisk {
    /// An empty disk, on which nothing goes wrong.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            tree: Tree::new(),
            space: Space { free: ROOMY, total: ROOMY },
            script: Script::default(),
            history: Vec::new(),
            asked: 0,
            opened: 0,
            processes: 1,
            alive: vec![1],
        };
        Self { state: Arc::new(Mutex::new(state)), process: 1, apart: |work| work() }
    }

    /// The same, each of whose operations is done by `apart`: who counts the memory of a process can leave out the disk's.
    #[must_use]
    pub fn apart(self, apart: fn(&mut dyn FnMut())) -> Self {
        Self { apart, ..self }
    }

    /// As something that many can hold; the same process.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    /// The same disk for another process, which lives.
    #[must_use]
    pub fn another(&self) -> Self {
        let mut state = self.state();
        state.processes += 1;
        let process = state.processes;
        state.alive.push(process);
        Self { state: Arc::clone(&self.state), process, apart: self.apart }
    }

    /// A copy of the disk as it is now, to try on it what a crash would leave. Everything after that is its own; it
    /// belongs to the same process.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.state().clone())), ..*self }
    }

    /// Lets the `nth` operation from now on fail, 1 being the next one.
    pub fn fail(&self, nth: u64, fault: Fault, repeat: Repeat) {
        let mut state = self.state();
        let at = state.asked.saturating_add(nth);
        state.script.arm(at, fault, repeat);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.state().script.clear();
    }

    /// What it says about its room. Only said: writes take none of it.
    pub fn set_space(&self, space: Space) {
        self.state().space = space;
    }

    /// Ends this process: its locks are free, its open files and this disk are of no use to it any more. What it wrote
    /// is kept, synced or not, as the kernel does.
    pub fn kill(&self) {
        self.state().end(self.process);
    }

    /// Power is lost: all processes end, and of what was not durable only what `loss` says is left. Go on with
    /// [`Self::another`].
    pub fn crash(&self, loss: Loss) {
        let mut state = self.state();
        state.alive.clear();
        state.tree.lose(match loss {
            Loss::All => None,
            Loss::Torn(seed) => Some(Chance::new(seed)),
        });
    }

    /// Whether this process is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        !self.state().alive.contains(&self.process)
    }

    /// Operations that were asked for so far, by living processes.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().asked
    }

    /// All of them, in order.
    #[must_use]
    pub fn history(&self) -> Vec<Event> {
        self.state().history.clone()
    }

    /// All files, by name, as processes see them. Not an operation.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.state().tree.files(Path::new("/"))
    }

    /// The bytes of a file as processes see them; none where there is no such file. Not an operation.
    #[must_use]
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        let id = state.tree.find(path).ok()?;
        state.tree.content(id).ok().map(|content| content.now().to_vec())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does an operation apart from the process that asks for it.
    fn ask<T>(
        &self,
        asked: Asked<'_>,
        act: impl FnOnce(&mut Tree, Option<Fault>) -> io::Result<T>,
    ) -> io::Result<T> {
        let (mut act, mut outcome) = (Some(act), None);
        (self.apart)(&mut || outcome = act.take().map(|act| self.operate(asked, act)));
        outcome.unwrap_or_else(|| Err(died()))
    }

    /// Counts an operation, does it or lets it fail, and remembers it.
    fn operate<T>(
        &self,
        asked: Asked<'_>,
        act: impl FnOnce(&mut Tree, Option<Fault>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        if !state.alive.contains(&self.process) {
            return Err(died());
        }
        state.asked += 1;
        let number = state.asked;
        let fault = state.script.at(number, asked.op);
        let outcome = if fault == Some(Fault::Die) {
            state.end(self.process);
            Err(died())
        } else {
            act(&mut state.tree, fault)
        };
        state.history.push(Event {
            number,
            op: asked.op,
            path: asked.path.to_owned(),
            to: asked.to.map(Path::to_owned),
            len: asked.len,
            failed: outcome.as_ref().err().map(ToString::to_string),
        });
        outcome
    }

    fn opened(&self, path: &Path, node: Id, writable: bool) -> Box<dyn DiskFile> {
        Box::new(ScriptedFile::new(self.clone(), path.to_owned(), node, writable))
    }

    const fn process(&self) -> u64 {
        self.process
    }

    fn next_opened(&self) -> u64 {
        let mut state = self.state();
        state.opened += 1;
        state.opened
    }

    fn len_of(&self, node: Id) -> io::Result<u64> {
        Ok(self.state().tree.content(node)?.now().len() as u64)
    }

    fn unlock(&self, node: Id, opened: u64) {
        if let Ok(content) = self.state().tree.content_mut(node)
            && content.lock.is_some_and(|by| by.opened == opened)
        {
            content.lock = None;
        }
    }
}

impl State {
    fn end(&mut self, process: u64) {
        self.alive.retain(|alive| *alive != process);
        self.tree.unlock_all(process);
    }
}

/// Does what was asked, unless it is to fail.
fn unless<T>(fault: Option<Fault>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    fault.and_then(Fault::error).map_or_else(act, Err)
}

impl Disk for ScriptedDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Asked::of(Op::CreateDir, path), |tree, fault| unless(fault, || tree.create_dir(path)))
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let node = self
            .ask(Asked::of(Op::CreateFile, path), |tree, fault| unless(fault, || tree.create_file(path)))?;
        Ok(self.opened(path, node, true))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let node = self.ask(Asked::of(Op::Open, path), |tree, fault| {
            unless(fault, || {
                let id = tree.find(path)?;
                tree.content(id).map(|_content| id)
            })
        })?;
        Ok(self.opened(path, node, false))
    }

    fn open_or_create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let node = self.ask(Asked::of(Op::OpenOrCreate, path), |tree, fault| {
            unless(fault, || match tree.find(path) {
                Ok(id) => tree.content(id).map(|_content| id),
                Err(error) if error.kind() == ErrorKind::NotFound => tree.create_file(path),
                Err(error) => Err(error),
            })
        })?;
        Ok(self.opened(path, node, true))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Asked::of(Op::SyncDir, path), |tree, fault| unless(fault, || tree.sync_dir(path)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let asked = Asked { to: Some(to), ..Asked::of(Op::Rename, from) };
        self.ask(asked, |tree, fault| unless(fault, || tree.rename(from, to)))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.ask(Asked::of(Op::Remove, path), |tree, fault| unless(fault, || tree.remove_file(path)))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Asked::of(Op::RemoveDir, path), |tree, fault| unless(fault, || tree.remove_dir(path)))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let asked = Asked { to: Some(to), ..Asked::of(Op::Link, from) };
        self.ask(asked, |tree, fault| unless(fault, || tree.link(from, to)))
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        let asked = Asked { to: Some(other), ..Asked::of(Op::Exchange, one) };
        self.ask(asked, |tree, fault| unless(fault, || tree.exchange(one, other)))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut listed =
            self.ask(Asked::of(Op::List, path), |tree, fault| unless(fault, || tree.list(path)))?;
        let entries = listed.clone();
        (self.apart)(&mut || listed = Vec::new());
        Ok(entries)
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.ask(Asked::of(Op::Metadata, path), |tree, fault| unless(fault, || tree.metadata(path)))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let space = self.state().space;
        self.ask(Asked::of(Op::Space, path), |tree, fault| unless(fault, || tree.find(path).map(|_id| space)))
    }
}

#[cfg(test)]
mod tests;
