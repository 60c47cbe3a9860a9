//! Explaining: which value took which type from a column.
//!
//! Keeps the first value that a column's types did not survive, each time they become fewer. Decides nothing:
//! types follow from all values, these are but the witnesses, named by their row.

use ingest_core::schema::{BoolCase, ColumnType, DECIMAL_SCALE_MAX, Fits, TimeForm};

use crate::parse::Value;

/// Longest part of a value that is kept.
const SAMPLE_CHARS: usize = 60;

/// A value that took types from a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Its row, counted from 1.
    pub row: u64,
    /// Its text, or the beginning of it.
    pub value: String,
    /// The types that it survives.
    pub own: Fits,
    /// The types that the column had before, and has after it.
    pub before: Fits,
    /// What is left.
    pub after: Fits,
}

/// Why a column has none of some types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The row, counted from 1, whose value forbade them.
    pub row: u64,
    /// The value, or the beginning of it.
    pub value: String,
    /// The types, in words: `an integer`.
    pub not: Vec<&'static str>,
    /// Types that the value has by itself, but written in another form than the values before it.
    pub other_form_of: Vec<&'static str>,
}

/// The values that kept a column from narrower types than it has, the last one first.
#[must_use]
pub fn why(kind: ColumnType, losses: &[Loss]) -> Vec<Why> {
    let narrower: Vec<Class> = classes().into_iter().take_while(|class| !class.is(kind)).collect();
    let mut reasons = Vec::new();
    for loss in losses.iter().rev() {
        let (mut not, mut other_form_of) = (Vec::new(), Vec::new());
        for class in &narrower {
            let lost = class.meets(loss.before) && !class.meets(loss.after);
            match (lost, class.meets(loss.own)) {
                (true, true) => other_form_of.push(class.words),
                (true, false) => not.push(class.words),
                (false, _) => {}
            }
        }
        if !not.is_empty() || !other_form_of.is_empty() {
            reasons.push(Why { row: loss.row, value: loss.value.clone(), not, other_form_of });
        }
    }
    reasons
}

/// Types of one kind, whatever their form.
struct Class {
    words: &'static str,
    bits: Fits,
    is: fn(ColumnType) -> bool,
}

impl Class {
    fn is(&self, kind: ColumnType) -> bool {
        (self.is)(kind)
    }

    fn meets(&self, fits: Fits) -> bool {
        fits & self.bits != Fits::NONE
    }
}

/// From the narrowest: a column has the first that all its values survive.
fn classes() -> [Class; 8] {
    let bools = [BoolCase::Lower, BoolCase::Title, BoolCase::Upper];
    let all = |bits: &mut dyn Iterator<Item = Fits>| bits.fold(Fits::NONE, |all, bits| all | bits);
    let class = |words, bits, is| Class { words, bits, is };
    [
        class("true or false", all(&mut bools.into_iter().map(Fits::boolean)), |kind| {
            matches!(kind, ColumnType::Bool { .. })
        }),
        class("a time", all(&mut TimeForm::WRITTEN.into_iter().map(|form| Fits::instant(form, 0))), |kind| {
            matches!(kind, ColumnType::Timestamp { .. })
        }),
        class("an integer", Fits::INT64, |kind| kind == ColumnType::Int64),
        class("a float", Fits::FLOATS, |kind| matches!(kind, ColumnType::Float64 { .. })),
        class("a decimal", all(&mut (0..=DECIMAL_SCALE_MAX).map(Fits::decimal)), |kind| {
            matches!(kind, ColumnType::Decimal { .. })
        }),
        class("a date", Fits::DATE, |kind| kind == ColumnType::Date),
        class("a time of day", Fits::time_of_day(0), |kind| matches!(kind, ColumnType::Time { .. })),
        class("text", Fits::TEXT, |kind| kind == ColumnType::Text),
    ]
}

/// The beginning of a value, for people.
pub(super) fn sample(value: Value<'_>) -> String {
    let bytes = match value {
        Value::Null => b"",
        Value::Text(text) | Value::String { text, .. } | Value::Number(text) | Value::Raw(text) => text,
        Value::Bool(true) => b"true",
        Value::Bool(false) => b"false",
    };
    // Characters have four bytes at most.
    let start = bytes.get(..4 * SAMPLE_CHARS).unwrap_or(bytes);
    let text = String::from_utf8_lossy(start);
    let mut kept: String = text.chars().take(SAMPLE_CHARS).collect();
    if kept.len() < bytes.len() && text.chars().count() >= SAMPLE_CHARS {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests;
