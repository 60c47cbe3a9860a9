//! Stage settle: what a window showed becomes part of its table's schema, which only grows.

use ingest_core::schema::TableSchema;
use ingest_core::shape::Shape;
use ingest_tabular::Observed;

/// The table's schema with a window's new fields in it.
pub(super) fn settle(known: Option<&TableSchema>, shape: Shape, observed: &Observed) -> TableSchema {
    let mut schema = known.cloned().unwrap_or_else(|| TableSchema::new(shape));
    let before = schema.columns.len();
    if schema.settle(&observed.columns) && before > 0 {
        tracing::info!(
            event = "schema_grew",
            columns_before = before,
            columns = schema.columns.len()
        );
    }
    schema
}
