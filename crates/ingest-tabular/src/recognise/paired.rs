//! Texts that hold pairs.
//!
//! Decides whether a text is pairs, has them beside other text, or only has equals signs in it, as prose and code do.

use crate::parse::pairs::Scan;

/// Pairs that such a text has at least.
const PAIRS_MIN: usize = 2;
/// Pairs that cover this share of a text are its content even where delimiters are regular, too.
const COVER_PERCENT: usize = 50;

/// Whether pairs are most of it.
pub(super) fn is_mostly(text: &[u8]) -> bool {
    let pairs = pairs_of(text);
    pairs.count >= PAIRS_MIN && pairs.cover(text)
}

/// Whether it has pairs: where they are not most of it, words part fewer of them than not. In `where a=1 and b=2` they do.
pub(super) fn is_in_part(text: &[u8]) -> bool {
    let pairs = pairs_of(text);
    pairs.count >= PAIRS_MIN && (pairs.cover(text) || pairs.together * 2 > pairs.count - 1)
}

#[derive(Debug, Default)]
struct Pairs {
    count: usize,
    /// Those that no word parts from the one before.
    together: usize,
    /// Bytes.
    covered: usize,
}

impl Pairs {
    const fn cover(&self, text: &[u8]) -> bool {
        self.covered * 100 >= text.len() * COVER_PERCENT
    }
}

/// The pairs of a text. Markup has attributes, but no pairs.
fn pairs_of(text: &[u8]) -> Pairs {
    let mut pairs = Pairs::default();
    if matches!(text.trim_ascii(), [b'<', b'A'..=b'Z' | b'a'..=b'z' | b'?' | b'!', .., b'>']) {
        return pairs;
    }
    let mut end = None;
    for pair in Scan::new(text) {
        let between = end.and_then(|end| text.get(end..pair.start));
        pairs.together += usize::from(between.is_some_and(|between| !has_word(between)));
        pairs.count += 1;
        pairs.covered += pair.end - pair.start + 1;
        end = Some(pair.end);
    }
    pairs
}

fn has_word(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.any(|word| word.iter().all(u8::is_ascii_alphabetic))
}
