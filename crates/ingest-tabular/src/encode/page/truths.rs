//! Truth values, a bit each.

use std::io;

use parquet::basic::Encoding;

use super::compress::Compressor;
use super::hybrid;
use super::open::Pages;

/// Truth values of a column's open page.
#[derive(Debug, Default)]
pub(super) struct Truths {
    values: Vec<bool>,
    pub(super) chunk: Option<(bool, bool)>,
}

impl Truths {
    pub(super) fn add(&mut self, values: &[bool]) {
        self.values.extend_from_slice(values);
    }

    pub(super) fn page_bytes(&self) -> usize {
        self.values.len() / 8
    }

    pub(super) fn close(&mut self, pages: &mut Pages, compressor: &mut Compressor) -> io::Result<()> {
        let all = self.values.iter().all(|v| *v);
        let any = self.values.iter().any(|v| *v);
        let bounds = (!self.values.is_empty()).then(|| (vec![u8::from(all)], vec![u8::from(any)]));
        if bounds.is_some() {
            let (min, max) = self.chunk.unwrap_or((all, any));
            self.chunk = Some((min && all, max || any));
        }
        let values = &self.values;
        pages.close(compressor, Encoding::PLAIN, bounds, |out| {
            hybrid::pack(values.iter().map(|v| u64::from(*v)), 1, out);
        })?;
        self.values.clear();
        Ok(())
    }

    pub(super) const fn end_chunk(&mut self) {
        self.chunk = None;
    }
}
