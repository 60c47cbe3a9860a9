//! Columns in force: where the fields of a row go, until a later header of the same text says otherwise.
//!
//! Decides which records say columns again, in another order or with others. Remembers only the present ones, so that
//! every pass over a text comes to the same places. Never sees a value.

use ingest_core::schema::Fits;

use super::{FieldForm, Marks};
use crate::scalar::classify;

/// Longest name that is believed to be a column's.
const NAME_LEN_MAX: usize = 64;
/// Known columns that a record names at least to be a header again; with as many fields as before, its first field is
/// one of them.
const KNOWN_MIN: usize = 2;
/// W3C's directive, whose names stand apart by blanks whatever divides the fields.
const W3C_FIELDS: &[u8] = b"#Fields:";
/// Zeek's directives, whose words stand apart as the fields do.
const ZEEK_FIELDS: &[u8] = b"#fields";

/// Where a field goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Goal {
    /// To a column of the dialect.
    Place(usize),
    /// To the column of a name that the dialect has not.
    Name(Vec<u8>),
}

/// The columns in force.
#[derive(Debug)]
pub(crate) struct Columns {
    /// The dialect's.
    original: Vec<String>,
    /// Those of a later header, where they are others.
    goals: Option<Vec<Goal>>,
    lengths: Lengths,
}

impl Columns {
    pub(crate) fn new(original: Vec<String>) -> Self {
        let lengths = Lengths::of(original.iter().map(String::len));
        Self { original, goals: None, lengths }
    }

    pub(super) fn original(&self) -> &[String] {
        &self.original
    }

    pub(super) fn goals(&self) -> Option<&[Goal]> {
        self.goals.as_deref()
    }

    pub(super) fn count(&self) -> usize {
        self.goals.as_ref().map_or(self.original.len(), Vec::len)
    }

    /// Goes by these names from here on.
    pub(super) fn switch(&mut self, names: &[String]) {
        let mut taken = vec![false; self.original.len()];
        let mut goal = |name: &String| {
            let known = self.original.iter().zip(&mut taken).position(|(known, taken)| {
                let found = !*taken && known == name;
                *taken |= found;
                found
            });
            known.map_or_else(|| Goal::Name(name.as_bytes().to_vec()), Goal::Place)
        };
        let goals: Vec<Goal> = names.iter().map(&mut goal).collect();
        let same = *names == *self.original;
        self.goals = (!same).then_some(goals);
        self.lengths = Lengths::of(self.original.iter().chain(names).map(String::len));
    }

    /// The names of a record that is a header again: it names columns, and all else in it may be names.
    pub(crate) fn named_by(&self, marks: Marks, record: &[u8]) -> Option<Vec<String>> {
        if !self.may_name(marks, record) {
            return None;
        }
        let mut names = Vec::new();
        let mut valid = true;
        marks.split(record, |field| {
            let name = marks.name_of(field);
            valid &= self.knows(name.as_bytes()) || is_name(&name);
            names.push(name);
        });
        let known = names.iter().filter(|name| self.knows(name.as_bytes())).count();
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let distinct = sorted.len() == names.len();
        (valid && distinct && known >= KNOWN_MIN && known * 2 >= names.len()).then_some(names)
    }

    /// Whether a record is worth a closer look. Asked of every row, so it ends at the first field that is no name.
    fn may_name(&self, marks: Marks, record: &[u8]) -> bool {
        let (mut known, mut unknown) = (0_usize, 0_usize);
        let mut knows_first = false;
        let mut rest = Some(record);
        while let Some(tail) = rest {
            let (field, after) = marks.next(tail);
            let text = field.text.trim_ascii();
            if text.is_empty() || matches!(field.form, FieldForm::Literal | FieldForm::Unclosed) {
                return false;
            }
            if self.knows(text) {
                knows_first |= unknown == 0;
                known += 1;
            } else if unknown < self.count() && is_wordy(text) {
                unknown += 1;
            } else {
                return false;
            }
            rest = after;
        }
        known >= KNOWN_MIN && known >= unknown && (knows_first || known + unknown != self.count())
    }

    fn knows(&self, name: &[u8]) -> bool {
        if !self.lengths.has(name.len()) {
            return false;
        }
        let now = self.goals.iter().flatten().any(|goal| match goal {
            Goal::Place(_) => false,
            Goal::Name(known) => known == name,
        });
        now || self.original.iter().any(|known| known.as_bytes() == name)
    }
}

/// The names that a directive says, among the comments of a text whose fields are divided by `delimiter`.
pub(super) fn directive(comment: &[u8], delimiter: u8) -> Option<Vec<String>> {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let w3c = comment.strip_prefix(W3C_FIELDS);
    if let Some(fields) = w3c.filter(|fields| delimiter == b',' && fields.contains(&b',')) {
        return Some(fields.trim_ascii().split(|byte| *byte == b',').map(text).collect());
    }
    if let Some(fields) = w3c.filter(|_| matches!(delimiter, b' ' | b'\t')) {
        let names = fields.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty());
        return Some(names.map(text).collect()).filter(|names: &Vec<String>| !names.is_empty());
    }
    let fields = comment.strip_prefix(ZEEK_FIELDS)?.strip_prefix(&[delimiter])?;
    Some(fields.split(|byte| *byte == delimiter).map(text).collect())
}

/// Whether a text could name a column: a word or a few, and no value.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= NAME_LEN_MAX
        && name.chars().any(char::is_alphabetic)
        && !name.contains("://")
        && classify(name.as_bytes()) == Fits::TEXT
}

fn is_wordy(text: &[u8]) -> bool {
    text.len() <= NAME_LEN_MAX && text.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
}

/// Which lengths names have, so that most fields need no comparison.
#[derive(Debug, Clone, Copy)]
struct Lengths(u128);

impl Lengths {
    fn of(lengths: impl Iterator<Item = usize>) -> Self {
        Self(lengths.fold(0, |all, length| all | Self::bit(length)))
    }

    const fn has(self, length: usize) -> bool {
        self.0 & Self::bit(length) != 0
    }

    /// All lengths beyond the last bit share it.
    const fn bit(length: usize) -> u128 {
        1 << if length < 127 { length } else { 127 }
    }
}
