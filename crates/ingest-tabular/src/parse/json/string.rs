//! JSON strings: their escapes decoded.
//!
//! Decides what a valid escape stands for. Never validates: the walk has passed over the string before.

/// What stands for a surrogate without its partner.
const REPLACEMENT: char = '\u{fffd}';

/// A string without its quotes.
pub(super) fn inside(raw: &[u8]) -> &[u8] {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
}

/// Appends the decoded text. False when a lone surrogate had to be replaced.
pub(super) fn decode(text: &[u8], out: &mut Vec<u8>) -> bool {
    let mut exact = true;
    let mut rest = text;
    while let Some(found) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at_checked(found).unwrap_or((rest, b""));
        out.extend_from_slice(before);
        let len = match escape.get(1) {
            Some(b'u') => {
                let (c, len) = decode_unit(escape);
                exact &= c.is_some();
                let mut utf8 = [0; 4];
                out.extend_from_slice(c.unwrap_or(REPLACEMENT).encode_utf8(&mut utf8).as_bytes());
                len
            }
            Some(letter) => {
                out.push(simple(*letter));
                2
            }
            None => escape.len(),
        };
        rest = escape.get(len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    exact
}

const fn simple(letter: u8) -> u8 {
    match letter {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    }
}

/// The character of a `\uXXXX`, or of a pair of them, and its length as written; none for a lone surrogate.
fn decode_unit(escape: &[u8]) -> (Option<char>, usize) {
    let Some(first) = unit(escape) else {
        return (None, 6);
    };
    if let Some(c) = char::from_u32(first) {
        return (Some(c), 6);
    }
    let second = escape.get(6..).and_then(unit).filter(|low| (0xdc00..0xe000).contains(low));
    match second {
        Some(low) if first < 0xdc00 => {
            let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code), 12)
        }
        _ => (None, 6),
    }
}

/// The code unit of a `\uXXXX`.
fn unit(escape: &[u8]) -> Option<u32> {
    let hex = escape.strip_prefix(b"\\u")?.get(..4)?;
    hex.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}
