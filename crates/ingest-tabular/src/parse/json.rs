//! JSON objects, one a record: flattened to paths of keys, with every value as it was written.
//!
//! Decides where each value begins and ends. Never turns a number into a float, and never descends into
//! arrays: they are kept as text. A record that resembles earlier ones is followed along the graph of what
//! they were; any other is walked, the general way, and the graph learns from it.

use super::{Field, Sink, Value};
use crate::fields::NAME_LEN_MAX;
use crate::quarantine::Reason;
use cursor::{Cursor, NotJson};
use follow::{Pace, Trail};
use graph::{Graph, Place};
use scan::Scratch;

/// Objects within objects that are flattened; below, they are kept as text. Bounds the stack.
const DEPTH_MAX: usize = 128;
/// Stands between the keys of a path.
pub(super) const PATH_SEPARATOR: &[u8] = b"__";

mod cursor;
mod follow;
mod graph;
mod scan;
mod string;

/// Parses records of JSON; keeps its buffers, and what it learned.
#[derive(Debug, Default)]
pub(crate) struct Json {
    path: Vec<u8>,
    /// How long the path was at each object that is open.
    parents: Vec<usize>,
    scratch: Scratch,
    graph: Graph,
    pace: Pace,
}

impl Json {
    /// Parses one record.
    pub(crate) fn parse(&mut self, record: &[u8], sink: &mut impl Sink) -> Result<(), Reason> {
        // Without a node, nothing is learned.
        let mut trail = Trail { node: None, at: 0, puts: 0 };
        if self.pace.follows() {
            match self.graph.follow(record, &mut self.scratch, sink) {
                Ok(()) => {
                    self.pace.followed();
                    return Ok(());
                }
                Err(lost) => trail = lost,
            }
            self.pace.lost();
        }
        self.path.clear();
        self.parents.clear();
        let mut walk = Walk { text: Cursor { bytes: record, at: 0 }, json: self, sink, trail };
        walk.record().map_err(|NotJson| Reason::NotJson)
    }
}

struct Walk<'a, 'b, S> {
    text: Cursor<'a>,
    json: &'b mut Json,
    sink: &'b mut S,
    /// What the sink was given already, and what the graph is to learn from.
    trail: Trail,
}

impl<S: Sink> Walk<'_, '_, S> {
    fn record(&mut self) -> Result<(), NotJson> {
        self.text.expect(b'{')?;
        self.members(1)?;
        self.text.skip_blanks();
        if self.text.at != self.text.bytes.len() {
            return Err(NotJson);
        }
        if let Some(node) = self.trail.node {
            self.json.graph.learn_end(node, self.text.since(self.trail.at));
        }
        Ok(())
    }

    /// The members of an object whose brace is open.
    fn members(&mut self, depth: usize) -> Result<(), NotJson> {
        self.text.skip_blanks();
        if self.text.eat(b'}') {
            return Ok(());
        }
        let parent = self.json.path.len();
        self.json.parents.push(parent);
        loop {
            self.key()?;
            self.value(depth)?;
            self.json.path.truncate(parent);
            self.text.skip_blanks();
            if self.text.eat(b'}') {
                self.json.parents.pop();
                return Ok(());
            }
            self.text.expect(b',')?;
        }
    }

    /// Adds the next key to the path. A key that is no UTF-8 could not name a column.
    fn key(&mut self) -> Result<(), NotJson> {
        self.text.skip_blanks();
        let start = self.text.at;
        if self.text.peek() != Some(b'"') {
            return Err(NotJson);
        }
        let escapes = self.text.skip_string()?;
        let raw = string::inside(self.text.since(start));
        let path = &mut self.json.path;
        if !path.is_empty() {
            path.extend_from_slice(PATH_SEPARATOR);
        }
        let from = path.len();
        let exact = if escapes { string::decode(raw, path) } else { true };
        if !escapes {
            path.extend_from_slice(raw);
        }
        if !exact || std::str::from_utf8(path.get(from..).unwrap_or_default()).is_err() {
            return Err(NotJson);
        }
        self.text.expect(b':')
    }

    fn value(&mut self, depth: usize) -> Result<(), NotJson> {
        self.text.skip_blanks();
        let start = self.text.at;
        let names_a_column = self.json.path.len() <= NAME_LEN_MAX;
        if self.text.peek() == Some(b'{') && depth < DEPTH_MAX && names_a_column {
            self.text.at += 1;
            self.text.skip_blanks();
            if self.text.peek() != Some(b'}') {
                return self.members(depth + 1);
            }
            self.text.at += 1;
            self.put(start, Value::Raw(self.text.since(start)));
            return Ok(());
        }
        match self.text.peek() {
            Some(b'"') => {
                let escapes = self.text.skip_string()?;
                self.put_string(start, escapes);
            }
            Some(b'{' | b'[') => {
                self.text.skip_nested(&mut self.json.scratch.nesting)?;
                self.put(start, Value::Raw(self.text.since(start)));
            }
            first => {
                self.text.skip_scalar()?;
                let raw = self.text.since(start);
                let value = match first {
                    Some(b't') => Value::Bool(true),
                    Some(b'f') => Value::Bool(false),
                    Some(b'n') => Value::Null,
                    _ => Value::Number(raw),
                };
                self.put(start, value);
            }
        }
        Ok(())
    }

    /// Puts a value that has just been passed, unless the sink has it already.
    fn put(&mut self, start: usize, value: Value<'_>) {
        if self.skips() {
            return;
        }
        self.sink.put(Field::Name(&self.json.path), value);
        self.learn(start);
    }

    fn put_string(&mut self, start: usize, escapes: bool) {
        if self.skips() {
            return;
        }
        let raw = self.text.since(start);
        let inside = string::inside(raw);
        let Json { path, scratch, .. } = &mut *self.json;
        let value = if escapes {
            scratch.decoded.clear();
            let exact = string::decode(inside, &mut scratch.decoded);
            Value::String { text: &scratch.decoded, raw, exact }
        } else {
            Value::String { text: inside, raw, exact: true }
        };
        self.sink.put(Field::Name(path), value);
        self.learn(start);
    }

    fn skips(&mut self) -> bool {
        let skips = self.trail.puts > 0;
        self.trail.puts = self.trail.puts.saturating_sub(1);
        skips
    }

    /// Shows the graph what stood between the value before and this one.
    fn learn(&mut self, start: usize) {
        let Some(node) = self.trail.node else { return };
        let literal = self.text.bytes.get(self.trail.at..start).unwrap_or_default();
        let Json { graph, path, parents, .. } = &mut *self.json;
        self.trail.node = graph.learn(node, literal, Place { path, parents });
        self.trail.at = self.text.at;
    }
}

#[cfg(test)]
mod tests;
