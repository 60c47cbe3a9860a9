//! A place in JSON text, moved over what it is.
//!
//! Decides what is JSON (RFC 8259, strictly). Keeps nothing of what it passes.

use memchr::memchr2;

/// The text is no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotJson;

/// A place in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        self.skip_blanks();
        if self.eat(byte) { Ok(()) } else { Err(NotJson) }
    }

    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Passes a string whose opening quote comes next; says whether it has escapes.
    pub(super) fn skip_string(&mut self) -> Result<bool, NotJson> {
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
    pub(super) fn skip_escape(&mut self) -> Result<(), NotJson> {
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

    pub(super) fn skip_scalar(&mut self) -> Result<(), NotJson> {
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
    pub(super) fn skip_nested(&mut self, open: &mut Vec<u8>) -> Result<(), NotJson> {
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
