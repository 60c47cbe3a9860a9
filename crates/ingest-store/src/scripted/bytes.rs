//! The bytes of a simulated file: as they are read now, and as a loss of power would leave them.
//!
//! Decides which writes survive. Never fails.

use super::chance::Chance;

/// A file's bytes, and who has locked it.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// What was done since it was last synced.
    pending: Vec<Edit>,
    pub(super) lock: Option<Holder>,
}

/// The process and the opened file that hold a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) process: u64,
    pub(super) opened: u64,
}

#[derive(Debug, Clone)]
enum Edit {
    Write { at: usize, bytes: Vec<u8> },
    SetLen(usize),
}

impl Edit {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => to.resize(*len, 0),
            Self::Write { at, bytes } => write_at(to, *at, bytes),
        }
    }

    /// As much of it as a crash in its midst leaves.
    fn torn(&self, chance: &mut Chance) -> Option<Self> {
        match self {
            Self::SetLen(_) => None,
            Self::Write { at, bytes } => {
                let len = chance.below(bytes.len() + 1);
                Some(Self::Write { at: *at, bytes: bytes.iter().take(len).copied().collect() })
            }
        }
    }
}

fn write_at(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at.saturating_add(bytes.len());
    if to.len() < end {
        to.resize(end, 0);
    }
    if let Some(place) = to.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}

/// In one loss of so many, a file has its new length, but zeros instead of its new bytes.
const ZEROS_ONE_IN: usize = 4;

impl Content {
    pub(super) fn now(&self) -> &[u8] {
        &self.now
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        let edit = Edit::Write { at, bytes: bytes.to_vec() };
        edit.apply(&mut self.now);
        self.pending.push(edit);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        let edit = Edit::SetLen(len);
        edit.apply(&mut self.now);
        self.pending.push(edit);
    }

    pub(super) fn sync(&mut self) {
        for edit in self.pending.drain(..) {
            edit.apply(&mut self.durable);
        }
    }

    /// A sync that failed: what was to be made durable is forgotten, and no later sync brings it back.
    pub(super) fn fail_sync(&mut self) {
        self.pending.clear();
    }

    pub(super) fn lose(&mut self, chance: Option<&mut Chance>) {
        self.lock = None;
        let pending = std::mem::take(&mut self.pending);
        if let Some(chance) = chance {
            let (kept, synced) = (chance.below(pending.len() + 1), self.durable.len());
            let torn = pending.get(kept).and_then(|edit| edit.torn(chance));
            pending.iter().take(kept).chain(&torn).for_each(|edit| edit.apply(&mut self.durable));
            if chance.below(ZEROS_ONE_IN) == 0 {
                self.durable.iter_mut().skip(synced).for_each(|byte| *byte = 0);
            }
        }
        self.now.clone_from(&self.durable);
    }
}
