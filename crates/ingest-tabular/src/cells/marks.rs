//! The text under a walk, and where in it the marks stand: delimiters, quotes and line feeds, found some KiB ahead.
//!
//! Decides nothing about rows. Marks are handed out in their order, each until it is passed.

use super::{index, narrow};

/// Text whose marks are looked up at once: small enough that little is looked up twice.
const STRIDE: usize = 16 << 10;

/// How far a walk came.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Marks as far as they were looked up, and to where that is.
    positions: Vec<u32>,
    indexed: usize,
    /// The mark that was not passed yet.
    next: usize,
}

/// The text under the walk.
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) progress: Progress,
    pub(super) needles: [u8; 3],
    /// Whether every line is a record: no field goes over a line feed, and a carriage return before it is text.
    pub(super) by_lines: bool,
    /// Values that had to be decoded; they come behind the text.
    pub(super) decoded: &'a mut Vec<u8>,
}

impl Progress {
    /// The text begins.
    pub(super) fn restart(&mut self) {
        self.positions.clear();
        self.indexed = 0;
        self.next = 0;
    }
}

impl Text<'_> {
    /// The next mark that was not passed yet.
    #[inline]
    pub(super) fn mark(&mut self) -> Option<usize> {
        if self.progress.next >= self.progress.positions.len() {
            self.look_up()?;
        }
        self.progress.positions.get(self.progress.next).and_then(|at| usize::try_from(*at).ok())
    }

    fn look_up(&mut self) -> Option<()> {
        let Progress { positions, indexed, next } = &mut self.progress;
        while *next >= positions.len() {
            let from = *indexed;
            let stride = self.bytes.get(from..self.bytes.len().min(from + STRIDE))?;
            if stride.is_empty() {
                return None;
            }
            positions.clear();
            *next = 0;
            index::positions(stride, narrow(from), self.needles, positions);
            *indexed += stride.len();
        }
        Some(())
    }

    /// Passes the next mark.
    #[inline]
    pub(super) const fn pass(&mut self) {
        self.progress.next += 1;
    }

    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }
}

/// The end of what stands before the line feed at `end`: a carriage return belongs to the line feed.
#[inline]
pub(super) fn unreturned(text: &Text<'_>, start: usize, end: usize) -> usize {
    if !text.by_lines && end > start && text.byte(end - 1) == b'\r' { end - 1 } else { end }
}
