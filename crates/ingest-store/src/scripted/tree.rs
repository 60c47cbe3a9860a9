//! Names and bytes of a simulated disk, each as the processes see it and as it would be after a loss of power.
//!
//! Decides what is durable: bytes up to the last sync of their file, names up to the last sync of their folder. A rename
//! is one step, as on any journaling filesystem: durable with either of its folders, never half. Never fails by itself
//! other than a filesystem would: names that are missing, taken, or of the wrong kind.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use super::bytes::Content;
use super::chance::Chance;
use crate::disk::{Entry, Kind, Metadata};

/// A file or folder, whatever its names.
pub(super) type Id = u64;
const ROOT: Id = 0;

#[derive(Debug, Clone)]
enum Node {
    File(Content),
    Folder(Folder),
}

#[derive(Debug, Clone, Default)]
struct Folder {
    now: BTreeMap<OsString, Id>,
    durable: BTreeMap<OsString, Id>,
}

/// A change of names that is not durable yet.
#[derive(Debug, Clone)]
struct Change {
    node: Id,
    /// The name that it lost.
    from: Option<(Id, OsString)>,
    /// The name that it got.
    to: Option<(Id, OsString)>,
    /// What got the name that it lost, where two are exchanged.
    other: Option<Id>,
}

impl Change {
    fn names(&self) -> impl Iterator<Item = &(Id, OsString)> {
        self.from.iter().chain(&self.to)
    }

    fn nodes(&self) -> impl Iterator<Item = Id> {
        std::iter::once(self.node).chain(self.other)
    }
}

/// A filesystem.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: BTreeMap<Id, Node>,
    next: Id,
    /// Changes of names in their order, of all folders.
    journal: Vec<Change>,
}

impl Tree {
    pub(super) fn new() -> Self {
        let nodes = BTreeMap::from([(ROOT, Node::Folder(Folder::default()))]);
        Self { nodes, next: ROOT + 1, journal: Vec::new() }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<Id> {
        let mut at = ROOT;
        for part in path.components() {
            if let Some(name) = plain(part)? {
                at = *self.folder(at)?.now.get(name).ok_or(ErrorKind::NotFound)?;
            }
        }
        Ok(at)
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        self.create(path, Node::Folder(Folder::default())).map(|_id| ())
    }

    pub(super) fn create_file(&mut self, path: &Path) -> io::Result<Id> {
        self.create(path, Node::File(Content::default()))
    }

    fn create(&mut self, path: &Path, node: Node) -> io::Result<Id> {
        let place = self.place(path)?;
        if self.folder(place.0)?.now.contains_key(&place.1) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        self.change(Change { node: id, from: None, to: Some(place), other: None })?;
        Ok(id)
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        let id = self.find(path)?;
        self.content(id)?;
        let place = self.place(path)?;
        self.change(Change { node: id, from: Some(place), to: None, other: None })
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.find(from)?;
        if let Ok(replaced) = self.find(to) {
            self.content(replaced)?;
        }
        let (from, to) = (self.place(from)?, self.place(to)?);
        self.change(Change { node: id, from: Some(from), to: Some(to), other: None })
    }

    pub(super) fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        let id = self.find(path)?;
        if !self.folder(id)?.now.is_empty() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        let place = self.place(path)?;
        self.change(Change { node: id, from: Some(place), to: None, other: None })
    }

    pub(super) fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.find(from)?;
        self.content(id)?;
        let place = self.place(to)?;
        if self.find(to).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.change(Change { node: id, from: None, to: Some(place), other: None })
    }

    pub(super) fn exchange(&mut self, one: &Path, other: &Path) -> io::Result<()> {
        let (id, other_id) = (self.find(one)?, self.find(other)?);
        let (from, to) = (self.place(one)?, self.place(other)?);
        self.change(Change { node: id, from: Some(from), to: Some(to), other: Some(other_id) })
    }

    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let folder = self.folder(self.find(path)?)?;
        let entry = |(name, id): (&OsString, &Id)| Entry { name: name.clone(), kind: self.kind(*id) };
        Ok(folder.now.iter().map(entry).collect())
    }

    pub(super) fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let id = self.find(path)?;
        let len = self.content(id).map_or(0, |content| content.now().len() as u64);
        Ok(Metadata { kind: self.kind(id), len })
    }

    /// Makes the names in a folder durable, and what they need to be so: earlier changes of the same files or names.
    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let folder = self.find(path)?;
        self.folder(folder)?;
        let (mut nodes, mut names) = (BTreeSet::new(), BTreeSet::new());
        let (mut due, mut rest) = (Vec::new(), Vec::new());
        for change in std::mem::take(&mut self.journal).into_iter().rev() {
            let here = change.names().any(|name| name.0 == folder || names.contains(name));
            if here || change.nodes().any(|node| nodes.contains(&node)) {
                nodes.extend(change.nodes());
                names.extend(change.names().cloned());
                due.push(change);
            } else {
                rest.push(change);
            }
        }
        rest.reverse();
        self.journal = rest;
        due.iter().rev().for_each(|change| self.keep(change));
        Ok(())
    }

    pub(super) fn content(&self, id: Id) -> io::Result<&Content> {
        match self.nodes.get(&id) {
            Some(Node::File(content)) => Ok(content),
            Some(Node::Folder(_)) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn content_mut(&mut self, id: Id) -> io::Result<&mut Content> {
        match self.nodes.get_mut(&id) {
            Some(Node::File(content)) => Ok(content),
            Some(Node::Folder(_)) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// All files below a path, by name.
    pub(super) fn files(&self, path: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for Entry { name, kind } in self.list(path).unwrap_or_default() {
            let path = path.join(name);
            if kind == Kind::Folder {
                files.extend(self.files(&path));
            } else {
                files.push(path);
            }
        }
        files
    }

    /// Frees what a process has locked.
    pub(super) fn unlock_all(&mut self, process: u64) {
        for node in self.nodes.values_mut() {
            if let Node::File(content) = node
                && content.lock.is_some_and(|by| by.process == process)
            {
                content.lock = None;
            }
        }
    }

    /// Power is lost. Of what is not durable nothing is left, or, by chance, the first changes of names and the first
    /// writes of each file, the last of them torn.
    pub(super) fn lose(&mut self, mut chance: Option<Chance>) {
        let changes = std::mem::take(&mut self.journal);
        let kept = chance.as_mut().map_or(0, |chance| chance.below(changes.len() + 1));
        changes.iter().take(kept).for_each(|change| self.keep(change));
        let reachable = self.reachable();
        self.nodes.retain(|id, _node| reachable.contains(id));
        for node in self.nodes.values_mut() {
            match node {
                Node::File(content) => content.lose(chance.as_mut()),
                Node::Folder(folder) => folder.now.clone_from(&folder.durable),
            }
        }
    }

    fn reachable(&self) -> BTreeSet<Id> {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![ROOT]);
        while let Some(id) = todo.pop() {
            if seen.insert(id)
                && let Ok(folder) = self.folder(id)
            {
                todo.extend(folder.durable.values());
            }
        }
        seen
    }

    /// Changes names as the processes see them.
    fn change(&mut self, change: Change) -> io::Result<()> {
        if let Some((folder, name)) = &change.from {
            let names = &mut self.folder_mut(*folder)?.now;
            names.remove(name);
            names.extend(change.other.map(|other| (name.clone(), other)));
        }
        if let Some((folder, name)) = &change.to {
            self.folder_mut(*folder)?.now.insert(name.clone(), change.node);
        }
        self.journal.push(change);
        Ok(())
    }

    /// Makes a change of names durable.
    fn keep(&mut self, change: &Change) {
        if let Some((folder, name)) = &change.from
            && let Ok(folder) = self.folder_mut(*folder)
            && folder.durable.get(name) == Some(&change.node)
        {
            folder.durable.remove(name);
            folder.durable.extend(change.other.map(|other| (name.clone(), other)));
        }
        if let Some((folder, name)) = &change.to
            && let Ok(folder) = self.folder_mut(*folder)
        {
            folder.durable.insert(name.clone(), change.node);
        }
    }

    fn kind(&self, id: Id) -> Kind {
        if self.content(id).is_ok() { Kind::File } else { Kind::Folder }
    }

    fn folder(&self, id: Id) -> io::Result<&Folder> {
        match self.nodes.get(&id) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn folder_mut(&mut self, id: Id) -> io::Result<&mut Folder> {
        match self.nodes.get_mut(&id) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// The folder that a path's last name is in, which must be there, and that name.
    fn place(&self, path: &Path) -> io::Result<(Id, OsString)> {
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
        let folder = self.find(path.parent().unwrap_or_else(|| Path::new("")))?;
        self.folder(folder)?;
        Ok((folder, name.to_owned()))
    }
}

/// A part of a path as a name; none where it stays in its folder.
fn plain(part: Component<'_>) -> io::Result<Option<&OsStr>> {
    match part {
        Component::Normal(name) => Ok(Some(name)),
        Component::RootDir | Component::CurDir => Ok(None),
        Component::ParentDir | Component::Prefix(_) => Err(ErrorKind::InvalidInput.into()),
    }
}
