//! `head`: the first rows of a Parquet file.

use ingest_tabular::head;
use serde_json::Value;

use super::meta::{open, unreadable};
use super::print;
use crate::cli::HeadArgs;
use crate::exit::{CommandError, Exit};
use crate::table_text::{Align, table};

/// Characters of a value that the table shows; JSON shows all.
const SHOWN: usize = 40;

pub(crate) fn run(args: &HeadArgs) -> Result<Exit, CommandError> {
    let rows = head(open(&args.file)?, args.rows).map_err(|error| unreadable(&args.file, &error))?;
    if args.json {
        for row in rows {
            print(&format!("{}\n", Value::Object(row.into_iter().collect())))?;
        }
        return Ok(Exit::Done);
    }
    let Some(first) = rows.first() else {
        print("The file has no rows.\n")?;
        return Ok(Exit::Done);
    };
    let align = |value: &Value| if value.is_number() { Align::Right } else { Align::Left };
    let columns: Vec<(&str, Align)> =
        first.iter().map(|(name, value)| (name.as_str(), align(value))).collect();
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|(_, value)| shown(value)).collect()).collect();
    print(&table(&columns, &cells))?;
    Ok(Exit::Done)
}

/// A value in one line, cut where it is long.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => return "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some((at, _)) = line.char_indices().nth(SHOWN) {
        line.truncate(at);
        line.push('…');
    }
    line
}
