//! `infer`: what files are, and why each column has its type.
//!
//! Reads each file as a whole, as `convert` does, and writes nothing but what it saw.

use std::path::Path;

use ingest_core::schema::{Column, Fits};
use ingest_core::shape::{Body, CsvDialect};
use ingest_tabular::{RecognisedText, Why, why};
use serde_json::{Value, json};

use super::input::{Input, InputError, Settled};
use super::print;
use crate::cli::InferArgs;
use crate::exit::{CommandError, Exit};
use crate::surroundings::Surroundings;
use crate::table_text::{Align, grouped, table};

/// Types that are narrower than text.
const TYPES_BESIDE_TEXT: usize = 5;

pub(crate) fn run(_surroundings: &Surroundings, args: &InferArgs) -> Result<Exit, CommandError> {
    let mut first_error = None;
    for (place, path) in args.inputs.iter().enumerate() {
        match settle(path, args) {
            Ok(settled) if args.json => print(&format!("{}\n", as_json(path, &settled)))?,
            Ok(settled) => {
                let gap = if place > 0 { "\n" } else { "" };
                print(&format!("{gap}{}", as_text(path, &settled)))?;
            }
            Err(error) => {
                if let Some(later) = first_error.replace(error) {
                    tracing::error!(event = "error", error = %crate::pipeline::chain(&later));
                }
            }
        }
    }
    first_error.map_or(Ok(Exit::Done), |error| Err(CommandError::failed(Exit::Failed, &error)))
}

fn settle(path: &Path, args: &InferArgs) -> Result<Settled, InputError> {
    Input::of(path, &std::env::temp_dir())?.settle(&args.reading.overrides(), true)
}

/// Columns with what explains them, in the order of the file.
fn columns(settled: &Settled) -> impl Iterator<Item = (&Column, bool, Vec<Why>)> {
    let seen = settled.observed.columns.iter().zip(&settled.losses);
    // Columns that were pinned and not seen stand last.
    let seen = seen.map(Some).chain(std::iter::repeat(None));
    settled.schema.columns.iter().zip(seen).map(|(column, seen)| match seen {
        Some((observed, losses)) => (column, observed.fits == Fits::ANY, why(column.kind, losses)),
        None => (column, true, Vec::new()),
    })
}

fn as_text(path: &Path, settled: &Settled) -> String {
    let Settled { recognised, schema, observed, .. } = settled;
    let mark = if recognised.mark { ", with a byte order mark" } else { "" };
    let mut facts = vec![
        ("encoding", format!("{}{mark}", recognised.encoding)),
        ("line ends", recognised.line_ends.name().to_owned()),
        ("shape", schema.shape.to_string()),
    ];
    if let Body::Csv(dialect) = &schema.shape.body {
        facts.push(("dialect", dialect_text(dialect)));
    }
    facts.push(("framing", recognised.framing.name().to_owned()));
    facts.extend(recognised.facts.iter().map(|(name, fact)| (name.as_str(), format!("{fact:?}"))));
    facts.push(("rows", grouped(observed.rows)));
    for (reason, count) in &observed.misfits {
        facts.push(("quarantined", format!("{} {reason}", grouped(*count))));
    }
    for (kind, count) in &observed.ignored {
        facts.push(("passed over", format!("{} {}", grouped(*count), kind.as_str())));
    }
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{}\n", path.display());
    for (name, fact) in facts {
        text.push_str(&format!("  {name:<width$}  {fact}\n"));
    }
    let rows: Vec<Vec<String>> = columns(settled)
        .map(|(column, empty, reasons)| {
            vec![format!("  {}", column.name), column.kind.to_string(), reasons_text(empty, &reasons)]
        })
        .collect();
    if !rows.is_empty() {
        text.push('\n');
        text.push_str(&table(
            &[("  column", Align::Left), ("type", Align::Left), ("why", Align::Left)],
            &rows,
        ));
    }
    text
}

fn dialect_text(dialect: &CsvDialect) -> String {
    let byte = |byte: u8| format!("{:?}", char::from(byte));
    let mut parts = vec![format!("delimiter {}", byte(dialect.delimiter))];
    parts
        .push(dialect.quote.map_or_else(|| "no quotes".to_owned(), |quote| format!("quote {}", byte(quote))));
    parts.extend(dialect.escape.map(|escape| format!("escape {}", byte(escape))));
    parts.extend(dialect.padded.then(|| "a blank behind each delimiter".to_owned()));
    parts.extend(dialect.bracketed.then(|| "times in brackets".to_owned()));
    parts.push(if dialect.header { "header" } else { "no header" }.to_owned());
    parts.extend(dialect.comment.map(|comment| format!("comments begin with {}", byte(comment))));
    parts.extend(dialect.null.as_ref().map(|null| format!("{null:?} is missing")));
    parts.join(", ")
}

fn reasons_text(empty: bool, reasons: &[Why]) -> String {
    if empty {
        return "no value".to_owned();
    }
    reasons.iter().map(reason_text).collect::<Vec<_>>().join("; ")
}

/// `row 1,234 "unknown" is not an integer, not a float`
fn reason_text(reason: &Why) -> String {
    if reason.not.len() == TYPES_BESIDE_TEXT {
        return format!("row {} {:?} is text only", grouped(reason.row), reason.value);
    }
    let not = reason.not.iter().map(|kind| format!("not {kind}"));
    let forms = reason.other_form_of.iter().map(|kind| format!("{kind} in another form than those before"));
    let parts: Vec<String> = not.chain(forms).collect();
    format!("row {} {:?} is {}", grouped(reason.row), reason.value, parts.join(", "))
}

fn as_json(path: &Path, settled: &Settled) -> Value {
    let Settled { recognised, schema, observed, .. } = settled;
    let counts = |counts: Vec<(&str, u64)>| {
        Value::from_iter(counts.into_iter().map(|(name, count)| (name.to_owned(), Value::from(count))))
    };
    let list = columns(settled).map(|(column, empty, reasons)| {
        let why: Vec<Value> = reasons.iter().map(reason_json).collect();
        let kind = column.kind.to_string();
        json!({"name": column.name, "field": column.field, "type": kind, "empty": empty, "why": why})
    });
    json!({
        "file": path.display().to_string(),
        "encoding": recognised.encoding.name(),
        "byte_order_mark": recognised.mark,
        "line_ends": recognised.line_ends.name(),
        "shape": schema.shape.to_string(),
        "dialect": dialect_json(recognised),
        "framing": recognised.framing.name(),
        "facts": recognised.facts,
        "rows": observed.rows,
        "quarantined": counts(observed.misfits.iter().map(|(reason, count)| (reason.as_str(), *count)).collect()),
        "passed_over": counts(observed.ignored.iter().map(|(kind, count)| (kind.as_str(), *count)).collect()),
        "columns": list.collect::<Vec<Value>>(),
    })
}

fn reason_json(reason: &Why) -> Value {
    json!({
        "row": reason.row,
        "value": reason.value,
        "not": reason.not,
        "other_form_of": reason.other_form_of,
    })
}

fn dialect_json(recognised: &RecognisedText) -> Value {
    let Body::Csv(dialect) = &recognised.shape.body else { return Value::Null };
    let byte = |byte: u8| char::from(byte).to_string();
    json!({
        "delimiter": byte(dialect.delimiter),
        "quote": dialect.quote.map(byte),
        "escape": dialect.escape.map(byte),
        "padded": dialect.padded,
        "bracketed": dialect.bracketed,
        "header": dialect.header,
        "comment": dialect.comment.map(byte),
        "null": dialect.null,
    })
}
