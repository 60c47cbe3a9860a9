//! Stage settle: what a window showed becomes part of its table's schema, which only grows.

use ingest_core::schema::{Fits, TableSchema};
use ingest_core::shape::{Body, Shape};
use ingest_tabular::Observed;

use crate::settings::Pin;

/// The table's schema with a window's new fields in it. A pin fixes types of a schema that is not known yet.
pub(super) fn settle(
    known: Option<&TableSchema>,
    pin: Option<&Pin>,
    shape: Shape,
    observed: &Observed,
) -> TableSchema {
    let mut schema = known.cloned().unwrap_or_else(|| TableSchema::new(shape));
    let before = schema.columns.len();
    // Where fields come by name, one that was only ever null waits for its first value: a type chosen now would hold
    // for ever. Delimited fields have their place in every row, and are there from the start.
    let by_place = matches!(schema.shape.body, Body::Csv(_));
    let seen = observed.columns.iter().filter(|column| by_place || column.fits != Fits::ANY);
    let seen: Vec<_> = seen.cloned().collect();
    if schema.settle(&seen) && before > 0 {
        tracing::info!(event = "schema_grew", columns_before = before, columns = schema.columns.len());
    }
    if let Some(pin) = pin.filter(|_| known.is_none()) {
        schema.pin(&pin.types);
    }
    schema
}
