//! Punctuation: whether a delimiter stands in a text for other reasons than to divide fields.
//!
//! Decides against clauses of prose, times of day, brackets, decimals of seconds and decimal commas. Never decides for a
//! table.

use ingest_core::schema::Fits;

use super::{count, usual_count};
use crate::parse::csv::{BLANK, FieldForm, Marks, RawField};
use crate::scalar::classify;

/// Fields that are words after a blank, beyond which a text is prose.
const PROSE_PERCENT: usize = 50;
/// Fields in which a comma is a decimal sign, or records in which it stands before decimals of a second.
const NUMBERS_PERCENT: usize = 90;
/// Records that vouch for a table of two columns, all of them regular.
const NARROW_RECORDS_MIN: usize = 3;
/// Words of a field beyond which it is a sentence, and the share of sentences beyond which a text is prose.
const SENTENCE_WORDS: usize = 5;
const SENTENCES_PERCENT: usize = 30;
/// What stands after the decimals of a number at most, as a currency's sign.
const UNIT_LEN_MAX: usize = 4;

/// Whether the parts read like clauses: several words after a comma and a blank, or very long.
pub(super) fn is_prose(records: &[&[u8]], marks: Marks) -> bool {
    let (mut parts, mut clauses) = (0_usize, 0_usize);
    for record in records {
        let mut first = true;
        marks.split(record, |field| {
            let words = field.text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).count();
            let blank = marks.padded || field.text.first() == Some(&BLANK);
            if !first {
                parts += 1;
                clauses += usize::from(
                    field.form == FieldForm::Plain && blank && words >= 1 && !is_value(field.text),
                );
            }
            first = false;
        });
    }
    clauses * 100 >= parts.max(1) * PROSE_PERCENT
}

/// Whether a field after a blank is a number or the like, which prose seldom lists.
fn is_value(text: &[u8]) -> bool {
    classify(text.trim_ascii()) != Fits::TEXT
}

/// Whether records of two fields are a table without a header's word for it: every one of them has both, and none
/// reads like a sentence with a comma in it.
pub(super) fn is_narrow_table(records: &[&[u8]], marks: Marks) -> bool {
    let (mut fields, mut sentences, mut clauses, mut filled) = (0_usize, 0_usize, 0_usize, [0_usize; 2]);
    for record in records {
        let mut place = 0;
        marks.split(record, |field| {
            let words = field.text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).count();
            let plain = field.form == FieldForm::Plain;
            sentences += usize::from(plain && words >= SENTENCE_WORDS);
            let blank = marks.padded || field.text.first() == Some(&BLANK);
            clauses += usize::from(plain && place > 0 && blank);
            if let Some(filled) = filled.get_mut(place) {
                *filled += usize::from(!field.text.is_empty());
            }
            fields += 1;
            place += 1;
        });
    }
    let is_prose = marks.delimiter != b'\t' && sentences * 100 >= fields * SENTENCES_PERCENT;
    records.len() >= NARROW_RECORDS_MIN
        && records.iter().all(|record| count(record, marks) == filled.len())
        && clauses == 0
        && !is_prose
        && !filled.contains(&0)
}

/// Whether the delimiter stands before the milliseconds of a clock, as in `10:00:00,123 INFO`.
pub(super) fn splits_seconds(records: &[&[u8]], marks: Marks) -> bool {
    let splits = |record: &&&[u8]| {
        let (mut found, mut after_clock) = (false, false);
        marks.split(record, |field| {
            let decimals = matches!(field.text, [a, b, c, b' ' | b'Z' | b']' | b')' | b'|', ..]
                if [*a, *b, *c].iter().all(u8::is_ascii_digit));
            found |= after_clock && decimals;
            after_clock =
                matches!(field.text, [.., b':', tens, ones] if [*tens, *ones].iter().all(u8::is_ascii_digit));
        });
        found
    };
    records.iter().filter(splits).count() * 100 >= records.len().max(1) * PROSE_PERCENT
}

/// Whether the delimiter stands within times of day, as in `2026-02-10 10:00:00 started`: fields that end in an hour, are a
/// minute and begin with a second. Numbers of a table are no clock, as long as no zero leads them.
pub(super) fn splits_clocks(records: &[&[u8]], marks: Marks) -> bool {
    let splits = |record: &&&[u8]| {
        let (mut found, mut before) = (false, [b"".as_slice(); 2]);
        marks.split(record, |field| {
            let [hour, minute] = before;
            found |= is_clock(hour, minute, field.text);
            before = [minute, field.text];
        });
        found
    };
    marks.delimiter == b':'
        && records.iter().filter(splits).count() * 100 >= records.len().max(1) * PROSE_PERCENT
}

fn is_clock(before: &[u8], minute: &[u8], behind: &[u8]) -> bool {
    let below = |number: &[u8], most: u8| match number {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => (tens - b'0') * 10 + (ones - b'0') < most,
        _ => false,
    };
    let (hour_at, second_len) = (before.len().saturating_sub(2), behind.len().min(2));
    let (lead, hour) = before.split_at_checked(hour_at).unwrap_or_default();
    let (second, rest) = behind.split_at_checked(second_len).unwrap_or_default();
    let alone = !lead.last().is_some_and(u8::is_ascii_digit) && !rest.first().is_some_and(u8::is_ascii_digit);
    let written =
        !lead.is_empty() || !rest.is_empty() || [hour, minute, second].iter().any(|n| n.starts_with(b"0"));
    alone && written && below(hour, 24) && below(minute, 60) && below(second, 60)
}

/// Whether the delimiter stands between brackets or quotes that belong together, as in `f(a, b)` and `{"a": 1, "b": 2}`:
/// records in which they are in order have fields in which they are not.
pub(super) fn tears_brackets(records: &[&[u8]], marks: Marks) -> bool {
    let tears = |record: &&&[u8]| {
        let mut torn = false;
        marks.split(record, |field| torn |= field.form == FieldForm::Plain && !is_in_order(field.text));
        torn && is_in_order(record)
    };
    records.iter().filter(tears).count() * 100 >= records.len().max(1) * PROSE_PERCENT
}

/// Whether each bracket is closed by one of its kind, and so is each quote that begins a word.
fn is_in_order(text: &[u8]) -> bool {
    let (mut open, mut quoted, mut before) = (Vec::new(), false, b' ');
    for byte in text {
        match byte {
            b'"' if quoted => quoted = false,
            b'"' => quoted = matches!(before, b' ' | b'=' | b':' | b'(' | b'[' | b'{' | b','),
            _ if quoted => {}
            b'(' | b'[' | b'{' => open.push(*byte),
            b')' if open.pop() != Some(b'(') => return false,
            b']' if open.pop() != Some(b'[') => return false,
            b'}' if open.pop() != Some(b'{') => return false,
            _ => {}
        }
        before = *byte;
    }
    open.is_empty() && !quoted
}

/// Whether commas are decimal signs: another delimiter divides the records, and all commas stand in numbers.
pub(super) fn has_decimal_commas(records: &[&[u8]], others: &[u8]) -> bool {
    others.iter().filter(|other| **other != b',').any(|other| {
        let marks =
            Marks { delimiter: *other, quote: Some(b'"'), escape: None, padded: false, bracketed: false };
        let (fields, regular) = usual_count(records, marks);
        if fields < 2 || regular * 100 < records.len() * NUMBERS_PERCENT {
            return false;
        }
        let (mut with_comma, mut numbers) = (0_usize, 0_usize);
        for record in records {
            marks.split(record, |field: RawField<'_>| {
                if field.form == FieldForm::Plain && field.text.contains(&b',') {
                    with_comma += 1;
                    numbers += usize::from(is_decimal(field.text.trim_ascii()));
                }
            });
        }
        with_comma > 0 && numbers * 100 >= with_comma * NUMBERS_PERCENT
    })
}

/// `-1.234,56`, with a unit behind it or not.
fn is_decimal(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let Some(comma) = memchr::memchr(b',', text) else { return false };
    let (whole, rest) = text.split_at(comma);
    let decimals = rest.get(1..).unwrap_or_default();
    let digits = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit = decimals.get(digits..).unwrap_or_default();
    whole.first().is_some_and(u8::is_ascii_digit)
        && whole.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'\'' | b' '))
        && digits > 0
        && unit.len() <= UNIT_LEN_MAX
        && !unit.contains(&b',')
}
