//! The `_rescued` object of one row: what its columns could not hold.
//!
//! Decides how such a value is written so that its exact bytes can be had back. Never decides what is
//! rescued.

use crate::parse::Value;
use crate::quarantine::{push_hex, push_json_string};

const fn bool_text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Collects what a row rescues.
#[derive(Debug, Default)]
pub(crate) struct Rescue {
    json: String,
    keys: Vec<String>,
}

impl Rescue {
    /// Adds a value in its source's terms: text as a JSON string, JSON as it was written.
    pub(crate) fn add(&mut self, field: &str, value: Value<'_>) {
        match value {
            Value::Null => {}
            Value::Bool(value) => {
                self.member(field, |json| json.push_str(bool_text(value)));
            }
            Value::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => self.member(field, |json| push_json_string(json, text)),
                Err(_not_text) => self.add_bytes(field, text),
            },
            Value::String { raw, .. } | Value::Number(raw) | Value::Raw(raw) => {
                match std::str::from_utf8(raw) {
                    Ok(raw) => self.member(field, |json| json.push_str(raw)),
                    Err(_not_text) => self.add_bytes(field, raw),
                }
            }
        }
    }

    /// Adds the exact bytes of a value that is not UTF-8.
    pub(crate) fn add_bytes(&mut self, field: &str, bytes: &[u8]) {
        self.member(field, |json| {
            json.push_str("{\"hex\":\"");
            push_hex(json, bytes);
            json.push_str("\"}");
        });
    }

    /// The object, if the row rescues anything.
    pub(crate) fn object(&self) -> Option<&str> {
        (!self.keys.is_empty()).then_some(self.json.as_str())
    }

    /// How many values the row rescues.
    pub(crate) fn len(&self) -> u64 {
        self.keys.len() as u64
    }

    pub(crate) fn clear(&mut self) {
        self.json.clear();
        self.keys.clear();
    }

    fn member(&mut self, field: &str, write: impl FnOnce(&mut String)) {
        if self.json.is_empty() {
            self.json.push('{');
        } else {
            self.json.pop();
            self.json.push(',');
        }
        let key = self.unique(field);
        push_json_string(&mut self.json, &key);
        self.keys.push(key);
        self.json.push(':');
        write(&mut self.json);
        self.json.push('}');
    }

    /// The field itself, or `field#2` and so on: an object with one key twice loses one of them in readers.
    fn unique(&self, field: &str) -> String {
        let taken = |key: &str| self.keys.iter().any(|k| k == key);
        let numbered = (2_u32..).map(|n| format!("{field}#{n}"));
        std::iter::once(field.to_owned()).chain(numbered).find(|key| !taken(key)).unwrap_or_default()
    }
}
