//! The open row group: how large it is, and when it ends.
//!
//! Decides the same however many batches are in work, and whoever works: by what batches measured that are surely
//! through, and near the bound by the last one itself.

use std::collections::VecDeque;

use super::options::RowGroupBounds;

/// Batches that may be in work while the next one is cut: with fewer, who is done with one waits for the next; with
/// more, their text and cells leave the caches.
pub(super) const AHEAD: usize = 3;
/// How many times its share so far a batch may add to a row group before it is measured.
const GROWTH: usize = 4;

/// The open row group.
#[derive(Debug)]
pub(super) struct Group {
    bounds: RowGroupBounds,
    /// Rows that were handed to it.
    rows: usize,
    /// The first batch in it.
    first: Option<usize>,
    /// The batch that comes next, or is being handed out.
    batch: usize,
    /// Batches that are through, and the size of the group then, for those of late.
    sizes: VecDeque<(usize, usize)>,
    through: usize,
}

impl Group {
    pub(super) const fn new(bounds: RowGroupBounds) -> Self {
        Self { bounds, rows: 0, first: None, batch: 0, sizes: VecDeque::new(), through: 0 }
    }

    /// Whether nobody can say yet if there is room for another batch: those in work must be through first.
    pub(super) fn is_unsure(&self) -> bool {
        let Some(first) = self.first else { return false };
        let known = self.batch.checked_sub(1 + AHEAD).and_then(|known| self.size_after(known));
        let Some((batch, size)) = known.filter(|(batch, _)| *batch >= first) else { return true };
        let growth = (size / (batch + 1 - first)).saturating_mul(GROWTH * AHEAD);
        size.saturating_add(growth) >= self.bounds.bytes
    }

    /// Whether it ends before the next batch. To be asked when no batch is in work, if it was unsure.
    pub(super) fn is_full(&self) -> bool {
        let last = self.batch.checked_sub(1).and_then(|last| self.size_after(last));
        self.first.is_some() && self.is_unsure() && last.is_some_and(|(_, size)| size >= self.bounds.bytes)
    }

    fn size_after(&self, batch: usize) -> Option<(usize, usize)> {
        self.sizes.iter().copied().find(|(known, _)| *known == batch)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Rows that there is room for.
    pub(super) fn room(&self) -> u32 {
        u32::try_from(self.bounds.rows.saturating_sub(self.rows).max(1)).unwrap_or(u32::MAX)
    }

    /// Hands it some rows of the batch; answers whether it ends with them.
    pub(super) fn add(&mut self, rows: usize) -> bool {
        self.first = self.first.or(Some(self.batch));
        self.rows += rows;
        self.rows >= self.bounds.rows
    }

    /// All rows of the batch were handed out.
    pub(super) const fn next_batch(&mut self) {
        self.batch += 1;
    }

    /// The next batch is through all columns, which are so large now.
    pub(super) fn measured(&mut self, size: usize) {
        self.sizes.push_back((self.through, size));
        self.through += 1;
        if self.sizes.len() > 1 + AHEAD {
            self.sizes.pop_front();
        }
    }

    /// Ends it.
    pub(super) const fn end(&mut self) {
        self.rows = 0;
        self.first = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The batches before which a group ends, where each adds so much and `ahead` of them are in work.
    fn ends(bytes: usize, growth: &[usize], ahead: usize) -> Vec<usize> {
        let mut group = Group::new(RowGroupBounds { bytes, rows: usize::MAX });
        let (mut ends, mut size, mut through) = (Vec::new(), 0, 0);
        let mut starts = vec![0];
        for batch in 0..growth.len() {
            let in_work = if group.is_unsure() { 0 } else { ahead };
            while through < batch.saturating_sub(in_work) {
                size = if starts.contains(&through) { 0 } else { size } + growth[through];
                group.measured(size);
                through += 1;
            }
            if group.is_full() {
                group.end();
                ends.push(batch);
                starts.push(batch);
            }
            group.add(1);
            group.next_batch();
        }
        ends
    }

    #[test]
    fn groups_end_alike_however_many_batches_are_in_work() {
        let cases: [(usize, &[usize], &[usize]); 4] = [
            (100, &[10; 35], &[10, 20, 30]),
            (20, &[10; 9], &[2, 4, 6, 8]),
            (5, &[10; 4], &[1, 2, 3]),
            (1_000, &[1, 1, 1, 1, 1, 1, 900, 100, 1, 1, 1, 1], &[10]),
        ];
        for (bytes, growth, want) in cases {
            for ahead in 0..=AHEAD {
                assert_eq!(ends(bytes, growth, ahead), want, "{bytes} with {ahead} ahead");
            }
        }
    }
}
