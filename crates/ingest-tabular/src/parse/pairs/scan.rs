//! Finding pairs in a text.
//!
//! Decides what is a pair: a key after a blank, at the start or behind an opening bracket, an equals sign, and text up to a
//! blank or a closing quote. What stands between values in the record says which marks and brackets belong to none.

use super::brackets::{Open, is_closer, is_opener};
use super::quotes::quoted_len;
use super::{is_blank, is_key, is_mark};

/// Between pairs whose values may hold blanks, as sudo writes them.
const SPACED: &[u8] = b" ; ";

/// A pair found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Where it starts. A bracket before it is not its own.
    pub(crate) start: usize,
    /// Where its value ends, quotes included.
    pub(super) closed: usize,
    /// Where it ends with all that closes and separates.
    pub(crate) end: usize,
    /// The quote, where the value has escapes.
    pub(super) escaped_by: Option<u8>,
    /// What separates it from the next.
    mark: Option<u8>,
}

impl Pair<'_> {
    /// The brackets that close behind it.
    pub(super) fn closers<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let behind = text.get(self.closed..self.end).unwrap_or_default();
        let len = behind.iter().position(|byte| !is_closer(*byte)).unwrap_or(behind.len());
        behind.get(..len).unwrap_or_default()
    }
}

/// A value, and where its pair ends.
#[derive(Debug, Clone, Copy)]
struct Found<'a> {
    value: &'a [u8],
    ends: Ends,
    escaped_by: Option<u8>,
}

impl<'a> Found<'a> {
    const fn pair(self, key: &'a [u8], start: usize) -> Pair<'a> {
        let Self { value, ends: Ends { closed, end, mark }, escaped_by } = self;
        Pair { key, value, start, closed, end, escaped_by, mark }
    }
}

/// The ends of a pair, as there.
#[derive(Debug, Clone, Copy)]
struct Ends {
    closed: usize,
    end: usize,
    mark: Option<u8>,
}

/// The pairs of a text, one after the other.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    /// What separated the last pair from the next.
    mark: Option<u8>,
    open: Open,
    /// Whether values go on until [`SPACED`].
    spaced: bool,
    /// Whether it is a record of auditd's, whose second `msg` holds pairs in quotes.
    audit: bool,
    /// Whether that quote is open.
    quoted: bool,
}

impl<'a> Iterator for Scan<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        let (text, mut at) = (self.text, self.at);
        loop {
            while text.get(at).is_some_and(|byte| is_blank(*byte)) {
                at += 1;
            }
            let token = text.get(at..).filter(|token| !token.is_empty())?;
            if let Some(pair) = self.pair_at(token, at) {
                (self.at, self.mark) = (pair.end, pair.mark);
                return Some(pair);
            }
            at += word_len(token);
        }
    }
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let (spaced, audit, quoted) = (false, false, false);
        Self { text, at: 0, mark: None, open: Open::default(), spaced, audit, quoted }
    }

    #[inline]
    fn pair_at(&mut self, token: &'a [u8], at: usize) -> Option<Pair<'a>> {
        let len = token.iter().position(|byte| !is_key(*byte))?;
        let (key, rest) = token.split_at_checked(len)?;
        let (start, key, rest) = match rest.split_first()? {
            (b'=', rest) if len > 0 => (at, key, rest),
            (byte, rest) if len == 0 && is_opener(*byte) => {
                let (key, value_at) = key_at(rest, 0)?;
                (at + 1, key, rest.get(value_at..)?)
            }
            _ => return None,
        };
        let pair = self.pair_of(start, key, rest)?;
        // One pair alone in brackets is text, as in `(uid=0)`.
        let is_alone = start > at && !pair.closers(self.text).is_empty();
        (!is_alone).then_some(pair)
    }

    /// The pair of a key, and of what follows its sign.
    #[inline]
    fn pair_of(&mut self, start: usize, key: &'a [u8], rest: &'a [u8]) -> Option<Pair<'a>> {
        let (key, rest) = if self.audit { self.inner(key, rest) } else { (key, rest) };
        let value_at = self.text.len() - rest.len();
        if self.spaced {
            return spaced_value(rest, value_at).map(|found| found.pair(key, start));
        }
        let is_quote = matches!(rest.first(), Some(b'"' | b'\''));
        let found = if is_quote && let Some((len, escaped_by)) = quoted_len(rest) {
            let ends = self.behind_quote(value_at + len);
            Found { value: rest.get(1..len - 1)?, ends, escaped_by }
        } else {
            let len = word_len(rest);
            let value = rest.get(..len)?;
            let end = value_at + len;
            if let Some(b',' | b';' | b']' | b')' | b'}' | b'\'') = value.last() {
                let ends = self.bare_ends(value_at, end);
                Found { value: self.text.get(value_at..ends.closed)?, ends, escaped_by: None }
            } else {
                Found { value, ends: Ends { closed: end, end, mark: None }, escaped_by: None }
            }
        };
        if key == b"msg" && found.value.starts_with(b"audit(") {
            self.audit = true;
        }
        let mut pair = found.pair(key, start);
        if self.text.get(pair.end + 1) == Some(&b';') && self.is_spaced(pair) {
            self.spaced = true;
            pair.end += SPACED.len() - 1;
            pair.closed = pair.end;
        }
        Some(pair)
    }

    /// The first key in the quotes of a second `msg`, and what follows its sign; the same as before where it is none.
    #[inline(never)]
    fn inner(&mut self, key: &'a [u8], rest: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let quoted = rest.strip_prefix(b"'").filter(|_| key == b"msg");
        let inner = quoted.and_then(|quoted| key_at(quoted, 0).zip(Some(quoted)));
        match inner.and_then(|((key, value_at), quoted)| Some((key, quoted.get(value_at..)?))) {
            Some(inner) => {
                self.quoted = true;
                inner
            }
            None => (key, rest),
        }
    }

    /// Whether what stands behind a pair shows that values go on until the next such.
    #[inline(never)]
    fn is_spaced(&self, pair: Pair<'_>) -> bool {
        let after = self.text.get(pair.end..).and_then(|after| after.strip_prefix(SPACED));
        pair.closed == pair.end && after.is_some_and(is_pair_start)
    }

    /// The ends of a quoted value whose quote closes there.
    #[inline]
    fn behind_quote(&mut self, closed: usize) -> Ends {
        match self.text.get(closed) {
            Some(byte) if !is_blank(*byte) => self.behind_closing(closed),
            _ => Ends { closed, end: closed, mark: None },
        }
    }

    #[inline(never)]
    fn behind_closing(&mut self, closed: usize) -> Ends {
        let after = self.text.get(closed..).unwrap_or_default();
        let mut end = closed + after.iter().take_while(|byte| is_closer(**byte)).count();
        if self.quoted && self.text.get(end) == Some(&b'\'') {
            self.quoted = false;
            end += 1;
        }
        let mark = self.text.get(end).copied().filter(|byte| is_mark(*byte));
        let mark = mark.filter(|mark| end + 1 == self.text.len() || self.divides(end + 1, *mark));
        end += usize::from(mark.is_some());
        Ends { closed, end, mark }
    }

    /// The ends of a value whose last byte may be no part of it.
    #[inline(never)]
    fn bare_ends(&mut self, start: usize, end: usize) -> Ends {
        let last = self.text.get(end - 1).copied();
        if self.quoted && last == Some(b'\'') {
            self.quoted = false;
            return Ends { closed: end - 1, end, mark: None };
        }
        let mark = last.filter(|byte| is_mark(*byte)).filter(|mark| self.divides(end, *mark));
        let closed = end - usize::from(mark.is_some());
        let closed = self.open.before_closers(self.text, start, closed);
        Ends { closed, end, mark }
    }

    /// Whether a mark at the end of a pair is no part of it: a pair follows, or the one before or behind has such a mark.
    fn divides(&self, end: usize, mark: u8) -> bool {
        let after = self.text.get(end..).unwrap_or_default();
        is_pair_start(after.trim_ascii_start()) || self.mark == Some(mark) || next_mark(after) == Some(mark)
    }
}

/// A value with blanks in it.
fn spaced_value(rest: &[u8], start: usize) -> Option<Found<'_>> {
    let is_next = |at: &usize| rest.get(at + SPACED.len()..).is_some_and(is_pair_start);
    let next = memchr::memmem::find_iter(rest, SPACED).find(is_next);
    let len = next.unwrap_or(rest.len());
    let end = start + next.map_or(len, |at| at + SPACED.len() - 1);
    let value = rest.get(..len)?;
    let quoted = quoted_len(value).filter(|(quoted, _)| *quoted == len);
    let (value, escaped_by) = match quoted {
        Some((_, escaped_by)) => (value.get(1..len - 1)?, escaped_by),
        None => (value, None),
    };
    Some(Found { value, ends: Ends { closed: end, end, mark: None }, escaped_by })
}

/// The mark behind the next pair of a text.
fn next_mark(text: &[u8]) -> Option<u8> {
    let mut at = 0;
    loop {
        at += text.get(at..)?.iter().position(|byte| !is_blank(*byte))?;
        if let Some((_, value_at)) = key_at(text, at) {
            let rest = text.get(value_at..)?;
            let place =
                quoted_len(rest).map_or_else(|| word_len(rest).checked_sub(1), |(len, _)| Some(len))?;
            return rest.get(place).copied().filter(|byte| is_mark(*byte));
        }
        at += word_len(text.get(at..)?);
    }
}

/// A key, and where its value begins.
fn key_at(text: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let token = text.get(at..)?;
    let len = key_len(token)?;
    Some((token.get(..len)?, at + len + 1))
}

fn is_pair_start(text: &[u8]) -> bool {
    key_len(text).is_some()
}

/// The length of a key before its sign.
fn key_len(text: &[u8]) -> Option<usize> {
    let len = text.iter().position(|byte| !is_key(*byte))?;
    (len > 0 && text.get(len) == Some(&b'=')).then_some(len)
}

fn word_len(text: &[u8]) -> usize {
    text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len())
}
