//! Stage shape: what the records of a window are, and what types their values survive.
//!
//! Recognises a log's shape once, from its first records; afterwards the shape is the log's for ever.

use std::borrow::Borrow;

use ingest_core::records::RecordBlock;
use ingest_core::shape::Shape;
use ingest_store::StoreError;
use ingest_tabular::{Observed, Observer, recognise};

use super::fetch::FetchedWindow;

/// Records that are looked at to recognise a shape.
pub(super) const SAMPLE_RECORDS: usize = 2_000;
/// Text that is looked at to recognise a shape.
pub(super) const SAMPLE_BYTES: usize = 2 << 20;

/// The shape of a fetched window's records, recognised unless it is known, and what they showed.
pub(super) fn shape(
    fetched: &mut FetchedWindow,
    known: Option<&Shape>,
) -> Result<(Shape, Observed), StoreError> {
    let shape = match known.or(fetched.shape.as_ref()) {
        Some(shape) => shape.clone(),
        None => recognise(&sample(fetched.spool.read()?)?),
    };
    let mut observer = Observer::new(&shape, fetched.origin);
    for block in fetched.spool.read()? {
        observer.observe(&*block?);
    }
    let observed = observer.finish();
    let misfits: u64 = observed.misfits.values().sum();
    tracing::info!(
        event = "parse_complete",
        shape = %shape,
        rows = observed.rows,
        refused = misfits,
        columns = observed.columns.len(),
    );
    Ok((shape, observed))
}

/// The records by which a shape is recognised.
pub(super) fn sample<B: Borrow<RecordBlock>, E>(
    blocks: impl Iterator<Item = Result<B, E>>,
) -> Result<RecordBlock, E> {
    let mut sample = RecordBlock::default();
    for block in blocks {
        for record in block?.borrow().iter() {
            if sample.len() >= SAMPLE_RECORDS || sample.text_len() >= SAMPLE_BYTES {
                return Ok(sample);
            }
            sample.push(record.bytes);
        }
    }
    Ok(sample)
}
