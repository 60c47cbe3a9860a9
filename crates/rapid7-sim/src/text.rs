//! Decides how text is appended, quoted as JSON and carried in URLs.
//!
//! Never decides what the text says. Written here rather than taken from a library, because one thing a
//! Log Search answer may hold, an unpaired surrogate escape, cannot pass through a Rust string.

use std::fmt::{self, Write as _};

/// Stands for an unpaired UTF-16 surrogate inside a message; a noncharacter, so no real text has it.
pub(crate) const SURROGATE_MARK: char = '\u{FDD0}';
/// How the mark is written in a JSON answer.
const SURROGATE_ESCAPE: &str = "\\ud83d";

/// Appends formatted text.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => { $crate::text::append($out, format_args!($($arg)*)) };
}
pub(crate) use put;

/// Appends `arguments`; writing to a `String` cannot fail, a failure would show as a question mark.
pub(crate) fn append(out: &mut String, arguments: fmt::Arguments<'_>) {
    if out.write_fmt(arguments).is_err() {
        out.push('?');
    }
}

/// Appends `text` as a JSON string; the surrogate mark becomes an unpaired surrogate escape.
pub(crate) fn put_json(out: &mut String, text: &str) {
    put_json_with(out, text, SURROGATE_ESCAPE);
}

/// Appends `text` as JSON that every strict reader accepts; the surrogate mark becomes U+FFFD.
pub(crate) fn put_strict_json(out: &mut String, text: &str) {
    put_json_with(out, text, "\u{FFFD}");
}

fn put_json_with(out: &mut String, text: &str, surrogate: &str) {
    out.push('"');
    for part in text.split_inclusive(needs_escape) {
        let mut chars = part.chars();
        match chars.next_back().filter(|last| needs_escape(*last)) {
            None => out.push_str(part),
            Some(last) => {
                out.push_str(chars.as_str());
                put_escape(out, last, surrogate);
            }
        }
    }
    out.push('"');
}

fn needs_escape(c: char) -> bool {
    c == '"' || c == '\\' || c < ' ' || c == SURROGATE_MARK
}

fn put_escape(out: &mut String, c: char, surrogate: &str) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        SURROGATE_MARK => out.push_str(surrogate),
        other => put!(out, "\\u{:04x}", u32::from(other)),
    }
}

/// Decodes percent escapes; `plus_is_blank` in query strings only. Bytes that are no UTF-8 become U+FFFD.
pub(crate) fn percent_decode(text: &str, plus_is_blank: bool) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' if plus_is_blank => out.push(b' '),
            b'%' => {
                let mut ahead = bytes.clone();
                let pair = (ahead.next().and_then(hex_digit), ahead.next().and_then(hex_digit));
                if let (Some(high), Some(low)) = pair {
                    out.push(high * 16 + low);
                    bytes = ahead;
                } else {
                    out.push(b'%');
                }
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Encodes `text` as one query value, blanks as `+`.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => put!(&mut out, "%{other:02X}"),
        }
    }
    out
}

/// The segments of a path, decoded, without empty ones.
pub(crate) fn path_segments(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(|part| percent_decode(part, false)).collect()
}

/// The pairs of a query string, decoded, in order.
pub(crate) fn query_pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (percent_decode(key, true), percent_decode(value, true))
        })
        .collect()
}

/// A count as `u64`; a `usize` always fits on the machines this runs on.
pub(crate) fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A `u64` as an index, at most the largest one.
pub(crate) fn narrow(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_are_what_readers_expect() {
        let mut out = String::new();
        put_json(&mut out, "a\"b\\c\u{0}\t\u{FDD0}é");
        assert_eq!(out, "\"a\\\"b\\\\c\\u0000\\t\\ud83dé\"");
        let mut strict = String::new();
        put_strict_json(&mut strict, "x\u{FDD0}\u{1}");
        assert_eq!(serde_json::from_str::<String>(&strict).unwrap(), "x\u{FFFD}\u{1}");
    }

    #[test]
    fn urls_decode_what_they_encode() {
        let text = "where(a=\"b c\") & ü%";
        assert_eq!(percent_decode(&percent_encode(text), true), text);
        assert_eq!(percent_decode("100%+%zz", true), "100% %zz");
        assert_eq!(
            query_pairs("a=1&&b=x+y&c"),
            [("a".into(), "1".into()), ("b".into(), "x y".into()), ("c".into(), String::new())]
        );
    }
}
