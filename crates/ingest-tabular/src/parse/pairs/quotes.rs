//! Quotes around values of pairs.
//!
//! Decides where a quoted value ends, and what its escapes stand for.

use super::brackets::is_closer;
use super::{is_blank, is_mark};

/// The length of a quoted value with its quotes, and its quote where it has escapes; none where it is not one.
pub(super) fn quoted_len(rest: &[u8]) -> Option<(usize, Option<u8>)> {
    let quote = rest.first().copied().filter(|byte| matches!(byte, b'"' | b'\''))?;
    // A path such as "C:\" ends in a backslash that escapes nothing: then quotes alone decide.
    let closing = |backslashes| closing(rest, quote, backslashes);
    let (at, escaped) = closing(true).or_else(|| closing(false))?;
    Some((at + 1, escaped.then_some(quote)))
}

fn closing(rest: &[u8], quote: u8, backslashes: bool) -> Option<(usize, bool)> {
    let (mut at, mut escaped) = (1, false);
    loop {
        let byte = *rest.get(at)?;
        let next = rest.get(at + 1).copied();
        if byte == quote {
            if next != Some(quote) {
                return ends(rest.get(at + 1..).unwrap_or_default()).then_some((at, escaped));
            }
        } else if byte != b'\\' || !backslashes || !(next == Some(quote) || next == Some(b'\\')) {
            at += 1;
            continue;
        }
        escaped = true;
        at += 2;
    }
}

/// Whether a value can end before this text: brackets, and the quote of a text that it stands in, may close behind it.
fn ends(after: &[u8]) -> bool {
    let next = after.iter().find(|byte| !is_closer(**byte) && **byte != b'\'');
    next.is_none_or(|byte| is_blank(*byte) || is_mark(*byte))
}

/// Decodes escaped and doubled quotes, and `\\`. Where a backslash stands before anything else it is text, and so are all
/// others: the value was not written with escapes.
pub(super) fn unescape(value: &[u8], quote: u8, out: &mut Vec<u8>) {
    let backslashes = {
        let mut rest = value;
        loop {
            let Some(found) = memchr::memchr(b'\\', rest) else {
                break true;
            };
            match rest.get(found + 1) {
                Some(byte) if *byte == quote || *byte == b'\\' => {
                    rest = rest.get(found + 2..).unwrap_or_default();
                }
                _ => break false,
            }
        }
    };
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied();
        let escape = byte == b'\\' && (next == Some(quote) || (backslashes && next == Some(b'\\')));
        let doubled = byte == quote && next == Some(quote);
        let kept = if escape || doubled { bytes.next() } else { None };
        out.push(kept.unwrap_or(byte));
    }
}
