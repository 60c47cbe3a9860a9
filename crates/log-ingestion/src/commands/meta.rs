//! `meta`: what a Parquet file's footer says.

use std::fs::File;
use std::path::Path;

use ingest_tabular::{Inspected, inspect};

use super::print;
use crate::cli::MetaArgs;
use crate::exit::{CommandError, Exit};
use crate::table_text::{Align, grouped, table};

pub(crate) fn run(args: &MetaArgs) -> Result<Exit, CommandError> {
    for path in &args.files {
        let bytes = open(path)?.metadata().map(|facts| facts.len()).unwrap_or_default();
        let found = inspect(open(path)?).map_err(|error| unreadable(path, &error))?;
        print(&if args.json { json(path, bytes, &found) } else { text(path, bytes, &found) })?;
    }
    Ok(Exit::Done)
}

/// Opens a file that the user named.
pub(super) fn open(path: &Path) -> Result<File, CommandError> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

/// The failure to read a file that the user named.
pub(super) fn unreadable(path: &Path, error: &dyn std::error::Error) -> CommandError {
    CommandError::Failed(
        Exit::Failed,
        format!(
            "{} cannot be read: {error}; if it is a Parquet file, log-ingestion verify tells what is wrong with it",
            path.display()
        ),
    )
}

fn json(path: &Path, bytes: u64, found: &Inspected) -> String {
    let mut value = serde_json::to_value(found).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("file".to_owned(), path.display().to_string().into());
        object.insert("bytes".to_owned(), bytes.into());
    }
    format!("{value}\n")
}

fn text(path: &Path, bytes: u64, found: &Inspected) -> String {
    let mut text = format!(
        "{}\n  rows        {}\n  row groups  {}\n  bytes       {}\n  created by  {}\n\n",
        path.display(),
        grouped(found.rows),
        found.row_groups,
        grouped(bytes),
        found.created_by,
    );
    let rows: Vec<Vec<String>> = found
        .columns
        .iter()
        .map(|column| {
            vec![
                column.name.clone(),
                column.kind.clone(),
                column.nulls.map_or_else(|| "-".to_owned(), grouped),
                grouped(column.compressed_bytes),
                grouped(column.uncompressed_bytes),
                column.compression.clone(),
            ]
        })
        .collect();
    let (left, right) = (Align::Left, Align::Right);
    let columns = [
        ("column", left),
        ("type", left),
        ("nulls", right),
        ("bytes", right),
        ("uncompressed", right),
        ("compression", left),
    ];
    text.push_str(&table(&columns, &rows));
    if !found.metadata.is_empty() {
        text.push('\n');
    }
    for (key, value) in &found.metadata {
        text.push_str(&format!("{key} = {value}\n"));
    }
    text
}
