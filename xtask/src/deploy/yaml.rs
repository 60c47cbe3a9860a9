//! Reads YAML as JSON values, by the Python environment of the interoperability check.
//!
//! Decides nothing about what stands there.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Desk;
use crate::failure::Failure;
use crate::process;

const TO_JSON: &str = "import json, sys, yaml\n\
    with open(sys.argv[1], encoding='utf-8') as file: print(json.dumps(list(yaml.safe_load_all(file)), default=str))";

/// The documents of a file.
pub(super) fn documents(desk: &Desk, path: &Path) -> Result<Vec<Value>, Failure> {
    let mut python = Command::new(&desk.python);
    python.args(["-c", TO_JSON]).arg(path);
    let (success, said) = process::read_all(&mut python)?;
    let told = || Failure::new(format!("{} is no YAML: {}", path.display(), said.trim()));
    if !success {
        return Err(told());
    }
    serde_json::from_str(&said).map_err(|_why| told())
}

/// The one document of a file.
pub(super) fn document(desk: &Desk, path: &Path) -> Result<Value, Failure> {
    let documents = documents(desk, path)?;
    documents.into_iter().next().ok_or_else(|| Failure::new(format!("{} holds no document", path.display())))
}

/// The values of a list at a JSON pointer; none where there is no list.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> Vec<&'a Value> {
    value.pointer(pointer).and_then(Value::as_array).map(|list| list.iter().collect()).unwrap_or_default()
}

/// The text at a JSON pointer; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
