//! What stood between the values of earlier records, so that a record like them can be followed.
//!
//! A node is the place behind a value, known by the keys that lead to it; a step is the text from there to the next
//! value, or to the record's end. The same text at the same place means the same to any parser, so a step that fits is
//! never wrong. Knows nothing that the general way did not find out, and stays small whatever the records are.

use std::collections::HashMap;

use super::scan::starts_value;

/// Places that are remembered. Records of one log have tens to hundreds; one that uses ids as keys has any number.
pub(super) const NODES_MAX: usize = 2_048;
/// Ways on from a place: optional fields and kinds of records need some, ids as keys would need any number.
const STEPS_MAX: usize = 16;
/// Longest text between two values that is remembered: a few keys.
const LITERAL_MAX: usize = 128;
/// Longest description of a place that is remembered: a path of a name's full length in some tens of objects.
const PLACE_MAX: usize = 2_048;
/// Beginning of a literal that is compared at once: most are no longer.
const HEAD: usize = 32;

/// A place in the graph.
pub(super) type NodeId = usize;

/// Where records start.
pub(super) const START: NodeId = 0;

#[derive(Debug)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    by_place: HashMap<Box<[u8]>, NodeId>,
    place: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct Node {
    /// The path of the field whose value has just ended.
    pub(super) path: Box<[u8]>,
    steps: Vec<Step>,
    /// The step that fitted last.
    last: usize,
    /// The step that is replaced next.
    oldest: usize,
}

/// Where a step leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// To a value.
    Value(NodeId),
    /// To the end of the record.
    End,
}

#[derive(Debug)]
struct Step {
    head: [u64; HEAD / 8],
    /// Ones where the head has bytes.
    mask: [u64; HEAD / 8],
    literal: Box<[u8]>,
    goal: Goal,
}

/// A field by its keys: their path, and how long the path was at each object that is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) path: &'a [u8],
    pub(super) parents: &'a [usize],
}

impl Default for Graph {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], by_place: HashMap::default(), place: Vec::new() }
    }
}

impl Graph {
    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.nodes.len()
    }

    #[inline]
    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// The step from a node that fits how the text goes on: the length of its literal, and where it leads.
    #[inline]
    pub(super) fn step(&mut self, from: NodeId, text: &[u8]) -> Option<(usize, Goal)> {
        let node = self.nodes.get(from)?;
        let last = node.steps.get(node.last)?;
        let step = if last.fits(text) { last } else { self.nodes.get_mut(from)?.other_step(text)? };
        Some((step.literal.len(), step.goal))
    }

    /// Remembers that the literal leads from a node to a place; tells the node of that place.
    pub(super) fn learn(&mut self, from: NodeId, literal: &[u8], to: Place<'_>) -> Option<NodeId> {
        if let Some(Goal::Value(known)) = self.nodes.get_mut(from)?.recall(literal) {
            return Some(known);
        }
        let id = self.find(to)?;
        self.nodes.get_mut(from)?.add(literal, Goal::Value(id));
        Some(id)
    }

    /// Remembers that records may end so.
    pub(super) fn learn_end(&mut self, from: NodeId, literal: &[u8]) {
        if let Some(node) = self.nodes.get_mut(from)
            && node.recall(literal) != Some(Goal::End)
        {
            node.add(literal, Goal::End);
        }
    }

    /// The node of a place, a new one if there is room.
    fn find(&mut self, to: Place<'_>) -> Option<NodeId> {
        self.place.clear();
        self.place.extend_from_slice(to.path);
        for parent in to.parents {
            // No UTF-8 has this byte, so that no path runs into it.
            self.place.push(0xff);
            self.place.extend_from_slice(&parent.to_le_bytes());
        }
        if let Some(id) = self.by_place.get(self.place.as_slice()) {
            return Some(*id);
        }
        let id = self.nodes.len();
        if id >= NODES_MAX || self.place.len() > PLACE_MAX {
            return None;
        }
        self.nodes.push(Node { path: to.path.into(), ..Node::default() });
        self.by_place.insert(self.place.as_slice().into(), id);
        Some(id)
    }
}

impl Node {
    #[inline(never)]
    fn other_step(&mut self, text: &[u8]) -> Option<&Step> {
        self.last = self.steps.iter().position(|step| step.fits(text))?;
        self.steps.get(self.last)
    }

    fn recall(&mut self, literal: &[u8]) -> Option<Goal> {
        let found = self.steps.iter().position(|step| *step.literal == *literal)?;
        self.last = found;
        self.steps.get(found).map(|step| step.goal)
    }

    fn add(&mut self, literal: &[u8], goal: Goal) {
        if literal.len() > LITERAL_MAX {
            return;
        }
        let step = Step::new(literal, goal);
        if self.steps.len() < STEPS_MAX {
            self.last = self.steps.len();
            self.steps.push(step);
            return;
        }
        if let Some(old) = self.steps.get_mut(self.oldest) {
            *old = step;
        }
        self.last = self.oldest;
        self.oldest = (self.oldest + 1) % STEPS_MAX;
    }
}

impl Step {
    fn new(literal: &[u8], goal: Goal) -> Self {
        let mut head = [0; HEAD];
        let mut mask = [0; HEAD];
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(literal) {
            *head = *byte;
            *mask = 0xff;
        }
        Self { head: words(&head), mask: words(&mask), literal: literal.into(), goal }
    }

    #[inline(always)]
    fn fits(&self, text: &[u8]) -> bool {
        self.begins(text)
            && match (self.goal, text.get(self.literal.len()..)) {
                (Goal::Value(_), Some(rest)) => starts_value(rest),
                (Goal::End, Some(rest)) => rest.is_empty(),
                (_, None) => false,
            }
    }

    #[inline(always)]
    fn begins(&self, text: &[u8]) -> bool {
        let Some(head) = text.first_chunk::<HEAD>() else { return text.starts_with(&self.literal) };
        let masked = words(head).into_iter().zip(self.mask).zip(self.head);
        let apart = masked.fold(0, |apart, ((word, mask), want)| apart | (word & mask) ^ want);
        apart == 0 && (self.literal.len() <= HEAD || text.starts_with(&self.literal))
    }
}

#[inline]
fn words(bytes: &[u8; HEAD]) -> [u64; HEAD / 8] {
    let mut words = [0; HEAD / 8];
    let (chunks, _none) = bytes.as_chunks::<8>();
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    words
}
