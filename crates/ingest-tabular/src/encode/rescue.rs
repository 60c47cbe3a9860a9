//! The `_rescued` objects of rows: what their columns could not hold.
//!
//! Decides how such a value is written so that its exact bytes can be had back. Never decides what is
//! rescued.

use std::collections::HashMap;

use super::column::Lack;
use crate::cells::{Batch, Form, Span};
use crate::parse::Value;
use crate::quarantine::{push_hex, push_json_string};

/// Collects what the rows of a batch rescue, column by column.
#[derive(Debug, Default)]
pub(super) struct RescuedRows {
    /// Row, field, and the value as JSON.
    values: Vec<(u32, String, Rescued)>,
}

/// A value that is rescued.
#[derive(Debug)]
enum Rescued {
    /// As JSON.
    Json(String),
    /// Its exact bytes.
    Bytes(Vec<u8>),
}

impl RescuedRows {
    /// Adds what a column lacks of a row's value.
    pub(super) fn add(&mut self, field: &str, batch: &Batch, value: Span, lack: Lack) {
        // A string that has no exact text is only told by how it was written.
        let rescued = if lack == Lack::Bytes && value.form() != Form::InexactString {
            Rescued::Bytes(batch.bytes(value).to_vec())
        } else {
            json_of(batch.value(value))
        };
        self.values.push((value.row(), field.to_owned(), rescued));
    }

    /// The object of each row that rescues something, counted from `first`, and how many values they are.
    pub(super) fn objects(&mut self, first: u32) -> (Vec<(u32, String)>, u64) {
        // In the order of columns within a row, whoever was done first.
        self.values.sort_by_key(|(row, _, _)| *row);
        let count = self.values.len() as u64;
        let mut objects = Vec::new();
        let mut rescue = Rescue::default();
        let mut values = self.values.drain(..).peekable();
        while let Some((row, field, value)) = values.next() {
            match value {
                Rescued::Json(value) => rescue.member(&field, |json| json.push_str(&value)),
                Rescued::Bytes(bytes) => rescue.add_bytes(&field, &bytes),
            }
            if values.peek().is_none_or(|(next, _, _)| *next != row) {
                objects.push((row - first, std::mem::take(&mut rescue.json)));
                rescue.keys.clear();
            }
        }
        (objects, count)
    }
}

/// A value in its source's terms: text as a JSON string, JSON as it was written.
fn json_of(value: Value<'_>) -> Rescued {
    let written = match value {
        Value::Null => return Rescued::Json("null".to_owned()),
        Value::Bool(value) => return Rescued::Json(value.to_string()),
        Value::Text(text) => {
            return match std::str::from_utf8(text) {
                Ok(text) => {
                    let mut json = String::new();
                    push_json_string(&mut json, text);
                    Rescued::Json(json)
                }
                Err(_not_text) => Rescued::Bytes(text.to_vec()),
            };
        }
        Value::String { raw, .. } | Value::Number(raw) | Value::Raw(raw) => raw,
    };
    match std::str::from_utf8(written) {
        Ok(written) => Rescued::Json(written.to_owned()),
        Err(_not_text) => Rescued::Bytes(written.to_vec()),
    }
}

/// Collects what a row rescues.
#[derive(Debug, Default)]
struct Rescue {
    json: String,
    /// The keys of the object, and the last number that was put behind each.
    keys: HashMap<String, u32>,
}

impl Rescue {
    /// Adds the exact bytes of a value that is not UTF-8.
    fn add_bytes(&mut self, field: &str, bytes: &[u8]) {
        self.member(field, |json| {
            json.push_str("{\"hex\":\"");
            push_hex(json, bytes);
            json.push_str("\"}");
        });
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
        self.json.push(':');
        write(&mut self.json);
        self.json.push('}');
    }

    /// The field itself, or `field#2` and so on: an object with one key twice loses one of them in readers. A row may
    /// rescue thousands of values of one name, so that numbers are not tried from the start.
    fn unique(&mut self, field: &str) -> String {
        let mut key = field.to_owned();
        while self.keys.contains_key(&key) {
            let number = self.keys.entry(field.to_owned()).or_insert(1);
            *number = number.saturating_add(1);
            key = format!("{field}#{number}");
        }
        self.keys.insert(key.clone(), 1);
        key
    }
}
