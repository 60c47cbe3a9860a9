//! Lines of programs that begin with a level: `INFO:root:started`, `INFO:     started`, `[warn] slow`.
//!
//! Decides what is a level: a word that says how grave a line is, in brackets or before a colon, at the very beginning.
//! Drops nothing but these signs, blanks behind them, and one `-`, `|` or `:`. A word alone is text.

use super::{Field, Fixed, Sink, Value, timed};

/// Longest name of a part of a program that is believed.
const NAME_LEN_MAX: usize = 128;

/// The parts of a record with a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    level: &'a [u8],
    /// The part of the program, between the level and what it says.
    context: Option<&'a [u8]>,
    /// What follows the header, if anything does.
    pub(crate) body: Option<&'a [u8]>,
}

impl Header<'_> {
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        if let Some(context) = self.context {
            sink.put(Field::Fixed(Fixed::Context), Value::Text(context));
        }
        sink.put(Field::Fixed(Fixed::Level), Value::Text(self.level));
    }
}

/// Splits a record; `None` when it does not begin with a level.
pub(crate) fn split(record: &[u8]) -> Option<Header<'_>> {
    if let Some((level, rest)) = timed::leading_level(record) {
        return Some(Header { level, context: None, body: timed::filled(rest) });
    }
    let (level, rest) =
        record.split_at_checked(memchr::memchr(b':', record.get(..NAME_LEN_MAX).unwrap_or(record))?)?;
    if !timed::is_level(level) || !level.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let rest = rest.get(1..)?;
    let (name, rest) =
        rest.split_at_checked(memchr::memchr(b':', rest.get(..NAME_LEN_MAX).unwrap_or(rest))?)?;
    let begins = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let is_name = begins && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte));
    let body = rest.get(1..)?;
    // What names a place elsewhere is no part of the program.
    (is_name && !body.starts_with(b"//")).then_some(Header {
        level,
        context: Some(name),
        body: timed::filled(body),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, want: Option<[&str; 3]>) {
        let text = |part: Option<&[u8]>| String::from_utf8_lossy(part.unwrap_or_default()).into_owned();
        let header = split(record.as_bytes());
        let parts = header.map(|header| [Some(header.level), header.context, header.body].map(text));
        assert_eq!(parts, want.map(|want| want.map(str::to_owned)), "{record}");
    }

    #[test]
    fn a_level_stands_in_brackets_or_before_a_colon() {
        check("INFO:root:started", Some(["INFO", "root", "started"]));
        check("WARNING:a.b_c:x: y", Some(["WARNING", "a.b_c", "x: y"]));
        check("ERROR:root:", Some(["ERROR", "root", ""]));
        check("ERROR:root: x", Some(["ERROR", "root", " x"]));
        check("INFO:     192.0.2.1:5 - \"GET /\"", Some(["INFO", "", "192.0.2.1:5 - \"GET /\""]));
        check("info: started", Some(["info", "", "started"]));
        check("[warn] slow", Some(["warn", "", "slow"]));
        check("[INFO ] - x", Some(["INFO", "", "x"]));
        check("ERROR:", Some(["ERROR", "", ""]));
    }

    #[test]
    fn what_only_looks_like_one_is_text() {
        for record in [
            "",
            "INFO",
            "INFO started",
            "Error in line 5",
            "errors: 5",
            "a: INFO: x",
            "[core:error] x",
            "[main] INFO x",
            "INFO:8080 x",
            "INFO:http://x",
            "info:root:x",
            "ERROR:two words:x",
            "notes: x",
            "the error: x",
            "D: x",
            "log: x",
        ] {
            check(record, None);
        }
    }
}
