//! The fast way through a record: along steps that earlier records took.
//!
//! Decides how far the graph leads, and when asking it does not pay. Puts the same values in the same order as the
//! general way would, and stops before the first thing that it does not know.

use super::graph::{Goal, Graph, NodeId, START};
use super::scan::{self, Scratch};
use crate::parse::{Field, Sink};

/// Records that may be lost, beyond those that were followed to their end, before the graph is left alone. Each
/// kind of record is lost a few times before it is known.
const CREDIT_MAX: u32 = 256;
/// Records that go the general way then: so many that the attempts weigh little beside them.
const PAUSE: u32 = 4_096;

/// How far a record was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trail {
    /// The place behind the last value.
    pub(super) node: Option<NodeId>,
    /// Where in the record that is.
    pub(super) at: usize,
    /// Values that the sink was given.
    pub(super) puts: usize,
}

impl Graph {
    /// Puts the values of a record as far as the graph leads: nothing is left at its end, a trail elsewhere.
    pub(super) fn follow<S: Sink>(
        &mut self,
        record: &[u8],
        scratch: &mut Scratch,
        sink: &mut S,
    ) -> Result<(), Trail> {
        let (mut node, mut at, mut puts) = (START, 0, 0);
        loop {
            let step = record.get(at..).and_then(|text| {
                let (len, goal) = self.step(node, text)?;
                Some((text.get(len..)?, at + len, goal))
            });
            let Some((text, start, goal)) = step else { break };
            let Goal::Value(next) = goal else { return Ok(()) };
            let Some(name) = self.node(next).map(|node| &*node.path) else { break };
            let Some(len) = scan::put(text, Field::Key { name, id: next }, scratch, sink) else { break };
            (node, at, puts) = (next, start + len, puts + 1);
        }
        Err(Trail { node: Some(node), at, puts })
    }
}

/// Whether it pays to follow.
#[derive(Debug)]
pub(super) struct Pace {
    credit: u32,
    pause: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { credit: CREDIT_MAX, pause: 0 }
    }
}

impl Pace {
    /// Whether the next record is to be followed.
    pub(super) const fn follows(&mut self) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
            return false;
        }
        true
    }

    pub(super) const fn followed(&mut self) {
        if self.credit < CREDIT_MAX {
            self.credit += 1;
        }
    }

    pub(super) const fn lost(&mut self) {
        self.credit = self.credit.saturating_sub(1);
        if self.credit == 0 {
            *self = Self { credit: CREDIT_MAX, pause: PAUSE };
        }
    }
}
