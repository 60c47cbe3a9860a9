//! Pinned types: what a person says of columns before the first value was seen.
//!
//! Decides which type a word stands for, and gives a new schema its pinned columns. Never touches a schema of which a
//! file was committed: that is the caller's to check.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};

use super::{
    BoolCase, Column, ColumnType, DECIMAL_SCALE_MAX, FloatForm, NameSpace, TableSchema, TimeForm, TimeUnit,
};

/// A type as a person names it. How its values are written is what the first window shows, where it shows that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinnedType {
    kind: ColumnType,
    /// Whether the writing was named, too.
    exact: bool,
}

impl PinnedType {
    /// What may be said.
    pub const ALLOWED: &'static str = "text, int64, float64, decimal:SCALE, bool, date, time, json, timestamp, \
                                       timestamp:FORM or timestamp:FORM:UNIT";

    /// The type of a word: `int64`, `decimal:2`, `timestamp`, `timestamp:slashed_local`, `timestamp:rfc_utc:micros`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split(':');
        let mut exact = false;
        let kind = match parts.next()? {
            "text" => ColumnType::Text,
            "int64" => ColumnType::Int64,
            "float64" => ColumnType::Float64 { form: FloatForm::Shortest },
            "bool" => ColumnType::Bool { case: BoolCase::Lower },
            "decimal" => {
                exact = true;
                let digits = parts.next()?;
                let scale = (0..=DECIMAL_SCALE_MAX).find(|scale| scale.to_string() == digits)?;
                ColumnType::Decimal { scale }
            }
            "date" => ColumnType::Date,
            "time" => ColumnType::Time { unit: TimeUnit::Micros },
            "json" => ColumnType::Json,
            "timestamp" => {
                let (form, unit) = (parts.next(), parts.next());
                exact = form.is_some();
                let form = form.map_or(Some(TimeForm::RfcUtc), named)?;
                let unit = unit.map_or(Some(TimeUnit::Millis), named)?;
                ColumnType::Timestamp { form, unit }
            }
            _ => return None,
        };
        parts.next().is_none().then_some(Self { kind, exact })
    }

    /// The column's type: the writing that was seen where it is of this kind, else the usual one.
    #[must_use]
    pub fn kind(self, seen: Option<ColumnType>) -> ColumnType {
        let alike = |seen: &ColumnType| std::mem::discriminant(seen) == std::mem::discriminant(&self.kind);
        seen.filter(|seen| !self.exact && alike(seen)).unwrap_or(self.kind)
    }
}

/// The variant of a name, as schemas are written.
fn named<'de, T: Deserialize<'de>>(name: &'de str) -> Option<T> {
    T::deserialize(StrDeserializer::<Error>::new(name)).ok()
}

impl TableSchema {
    /// Gives pinned fields their types, and those not seen yet a column. Only for a schema without committed files.
    pub fn pin(&mut self, types: &BTreeMap<String, PinnedType>) {
        if types.is_empty() {
            return;
        }
        let mut names = NameSpace::of(&self.columns);
        for (field, pinned) in types {
            let mut known = self.columns.iter_mut().filter(|column| column.field == *field).peekable();
            if known.peek().is_none() {
                let kind = pinned.kind(None);
                self.columns.push(Column { field: field.clone(), name: names.take(field), kind });
                continue;
            }
            known.for_each(|column| column.kind = pinned.kind(Some(column.kind)));
        }
        self.time_field = self.choose_time_field();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Fits, ObservedColumn};
    use crate::shape::{Body, Shape};

    #[test]
    fn words_are_types() {
        let kind = |word: &str| PinnedType::parse(word).map(|pinned| pinned.kind(None).to_string());
        for (word, want) in [
            ("text", "text"),
            ("int64", "int64"),
            ("timestamp", "timestamp[ms, UTC]"),
            ("timestamp:slashed_local", "timestamp[ms, no zone]"),
            ("timestamp:rfc_utc:micros", "timestamp[us, UTC]"),
            ("timestamp:bsd", "timestamp[ms, no zone]"),
            ("time", "time[us]"),
            ("decimal:0", "decimal[38, 0]"),
            ("decimal:18", "decimal[38, 18]"),
        ] {
            assert_eq!(kind(word).as_deref(), Some(want));
        }
        for word in [
            "",
            "int",
            "int64:x",
            "timestamp:",
            "timestamp:rfc_utc:days",
            "timestamp:apache:millis:x",
            "decimal",
            "decimal:",
            "decimal:19",
            "decimal:02",
            "decimal:2:x",
            "time:micros",
        ] {
            assert_eq!(kind(word), None, "{word}");
        }
    }

    #[test]
    fn pins_come_before_what_was_seen() {
        let mut schema = TableSchema::new(Shape { envelope: None, body: Body::KeyValue });
        let seen = |field: &str, fits| ObservedColumn { field: field.to_owned(), fits };
        schema.settle(&[
            seen("id", Fits::INT64 | Fits::TEXT),
            seen("price", Fits::fixed(2) | Fits::TEXT),
            seen("ts", Fits::instant(TimeForm::RfcUtc, 0) | Fits::TEXT),
            seen("at", Fits::time_of_day(9) | Fits::TEXT),
            seen("sum", Fits::decimal(2) | Fits::TEXT),
        ]);
        assert_eq!(schema.time_field.as_deref(), Some("ts"));
        let pins = [
            ("id", "text"),
            ("price", "float64"),
            ("ts", "text"),
            ("at", "time"),
            ("sum", "decimal:3"),
            ("code", "int64"),
        ];
        let types = pins.map(|(field, word)| (field.to_owned(), PinnedType::parse(word).unwrap()));
        schema.pin(&types.into_iter().collect());
        let kinds: Vec<String> = schema.columns.iter().map(|c| format!("{}: {:?}", c.name, c.kind)).collect();
        let want = [
            "id: Text",
            "price: Float64 { form: Fixed(2) }",
            "ts: Text",
            "at: Time { unit: Nanos }",
            "sum: Decimal { scale: 3 }",
            "code: Int64",
        ];
        assert_eq!(kinds, want);
        assert_eq!(schema.time_field, None);
    }
}
