//! JSON objects, one a record: flattened to paths of keys, with every value as it was written.
//!
//! Decides what is JSON (RFC 8259, strictly) and where each value begins and ends. Never turns a number
//! into a float, and never descends into arrays: they are kept as text.

use memchr::memchr2;

use super::{Field, Sink, Value};
use crate::quarantine::Reason;

/// Objects within objects that are flattened; below, they are kept as text. Bounds the stack.
const DEPTH_MAX: usize = 128;
/// Stands between the keys of a path.
const PATH_SEPARATOR: &[u8] = b"__";

mod string;

/// Parses records of JSON; keeps its buffers.
#[derive(Debug, Default)]
pub(crate) struct Json {
    path: Vec<u8>,
    decoded: Vec<u8>,
    nesting: Vec<u8>,
}

/// The text is no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotJson;

impl Json {
    /// Parses one record.
    pub(crate) fn parse(&mut self, record: &[u8], sink: &mut impl Sink) -> Result<(), Reason> {
        self.path.clear();
        let mut walk = Walk { text: Cursor { bytes: record, at: 0 }, json: self, sink };
        walk.record().map_err(|NotJson| Reason::NotJson)
    }
}

/// A place in the text.
#[derive(Debug, Clone, Copy)]
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

struct Walk<'a, 'b, S> {
    text: Cursor<'a>,
    json: &'b mut Json,
    sink: &'b mut S,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        self.skip_blanks();
        if self.eat(byte) { Ok(()) } else { Err(NotJson) }
    }

    fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Passes a string whose opening quote comes next; says whether it has escapes.
    fn skip_string(&mut self) -> Result<bool, NotJson> {
        let mut escapes = false;
        self.at += 1;
        loop {
            let tail = self.bytes.get(self.at..).ok_or(NotJson)?;
            let found = memchr2(b'"', b'\\', tail).ok_or(NotJson)?;
            if tail.iter().take(found).any(|byte| *byte < b' ') {
                return Err(NotJson);
            }
            self.at += found + 1;
            if tail.get(found) == Some(&b'"') {
                return Ok(escapes);
            }
            escapes = true;
            self.skip_escape()?;
        }
    }

    /// Passes what follows a backslash.
    fn skip_escape(&mut self) -> Result<(), NotJson> {
        let len = match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 1,
            Some(b'u') => 5,
            _ => return Err(NotJson),
        };
        let hex = self.bytes.get(self.at + 1..self.at + len).ok_or(NotJson)?;
        if !hex.iter().all(u8::is_ascii_hexdigit) {
            return Err(NotJson);
        }
        self.at += len;
        Ok(())
    }

    fn skip_digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(NotJson) } else { Ok(()) }
    }

    fn skip_number(&mut self) -> Result<(), NotJson> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.skip_digits()?;
        }
        if self.eat(b'.') {
            self.skip_digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _signed = self.eat(b'+') || self.eat(b'-');
            self.skip_digits()?;
        }
        Ok(())
    }

    fn skip_word(&mut self, word: &[u8]) -> Result<(), NotJson> {
        if self.bytes.get(self.at..).is_some_and(|tail| tail.starts_with(word)) {
            self.at += word.len();
            return Ok(());
        }
        Err(NotJson)
    }

    fn skip_scalar(&mut self) -> Result<(), NotJson> {
        match self.peek() {
            Some(b'"') => self.skip_string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.skip_number(),
            Some(b't') => self.skip_word(b"true"),
            Some(b'f') => self.skip_word(b"false"),
            Some(b'n') => self.skip_word(b"null"),
            _ => Err(NotJson),
        }
    }

    /// Passes an object's key and colon.
    fn skip_key(&mut self) -> Result<(), NotJson> {
        self.skip_blanks();
        if self.peek() != Some(b'"') {
            return Err(NotJson);
        }
        self.skip_string()?;
        self.expect(b':')
    }

    /// Passes an array or object of any depth, validating it, without recursion.
    fn skip_nested(&mut self, open: &mut Vec<u8>) -> Result<(), NotJson> {
        open.clear();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(bracket @ (b'[' | b'{')) => {
                    self.at += 1;
                    self.skip_blanks();
                    if !self.eat(closing(bracket)) {
                        open.push(bracket);
                        if bracket == b'{' {
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            if self.close_nested(open)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what ends here, or passes to the next value. True once all is closed.
    fn close_nested(&mut self, open: &mut Vec<u8>) -> Result<bool, NotJson> {
        while let Some(bracket) = open.last().copied() {
            self.skip_blanks();
            if self.eat(b',') {
                if bracket == b'{' {
                    self.skip_key()?;
                }
                return Ok(false);
            }
            if !self.eat(closing(bracket)) {
                return Err(NotJson);
            }
            open.pop();
        }
        Ok(true)
    }
}

const fn closing(bracket: u8) -> u8 {
    if bracket == b'[' { b']' } else { b'}' }
}

impl<S: Sink> Walk<'_, '_, S> {
    fn record(&mut self) -> Result<(), NotJson> {
        self.text.expect(b'{')?;
        self.members(1)?;
        self.text.skip_blanks();
        if self.text.at == self.text.bytes.len() { Ok(()) } else { Err(NotJson) }
    }

    /// The members of an object whose brace is open.
    fn members(&mut self, depth: usize) -> Result<(), NotJson> {
        self.text.skip_blanks();
        if self.text.eat(b'}') {
            return Ok(());
        }
        let parent = self.json.path.len();
        loop {
            self.key()?;
            self.value(depth)?;
            self.json.path.truncate(parent);
            self.text.skip_blanks();
            if self.text.eat(b'}') {
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
        if self.text.peek() == Some(b'{') && depth < DEPTH_MAX {
            self.text.at += 1;
            self.text.skip_blanks();
            if self.text.peek() != Some(b'}') {
                return self.members(depth + 1);
            }
            self.text.at += 1;
            self.put(Value::Raw(self.text.since(start)));
            return Ok(());
        }
        match self.text.peek() {
            Some(b'"') => {
                let escapes = self.text.skip_string()?;
                self.put_string(self.text.since(start), escapes);
            }
            Some(b'{' | b'[') => {
                self.text.skip_nested(&mut self.json.nesting)?;
                self.put(Value::Raw(self.text.since(start)));
            }
            first => {
                self.text.skip_scalar()?;
                let raw = self.text.since(start);
                self.put(match first {
                    Some(b't') => Value::Bool(true),
                    Some(b'f') => Value::Bool(false),
                    Some(b'n') => Value::Null,
                    _ => Value::Number(raw),
                });
            }
        }
        Ok(())
    }

    fn put(&mut self, value: Value<'_>) {
        self.sink.put(Field::Name(&self.json.path), value);
    }

    fn put_string(&mut self, raw: &[u8], escapes: bool) {
        let inside = string::inside(raw);
        let Json { path, decoded, .. } = &mut *self.json;
        let value = if escapes {
            decoded.clear();
            let exact = string::decode(inside, decoded);
            Value::String { text: decoded, raw, exact }
        } else {
            Value::String { text: inside, raw, exact: true }
        };
        self.sink.put(Field::Name(path), value);
    }
}
