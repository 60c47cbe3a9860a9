//! Decides which windows of log time to fetch next, how large, and by which way.
//!
//! A function of the ledger, the policy, the server's counts and `now`. Windows stop short of `now` because the
//! API indexes events late, never span a UTC day, and never overlap what is complete. Never asks anybody anything.

use std::time::Duration;

use crate::count::CountReply;
use crate::ledger::LogLedger;
use crate::time::{LogWindow, Timestamp};

/// Slices that a planning count asks for: a day in quarter hours.
pub const PLAN_SLICES: u32 = 96;
/// Runs of empty slices shorter than this stay inside a window: a file more costs more than it saves.
const EMPTY_RUN_MIN: usize = 2;

/// What the user wants of planning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long an event may take to become searchable; windows end this long before `now`.
    pub settle_delay: Duration,
    /// Where a log without a position starts.
    pub first_start: Timestamp,
    /// Rows that one window, and so one file, should hold at most.
    pub window_rows: u64,
}

/// A window to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The span.
    pub window: LogWindow,
    /// About how many rows it holds.
    pub estimate: u64,
    /// What is to be done with it.
    pub work: Work,
}

/// What a piece needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Nothing: the server counts no event in it.
    Empty,
    /// Fetching; the server counted exactly this many for the very request that covers the window, if given.
    Fetch {
        /// That count.
        counted: Option<u64>,
    },
    /// Counting again in finer slices: too many rows for one window.
    Recount,
    /// Giving up: the server says that it no longer has these events.
    Beyond,
}

/// The span of the live tail that is due: from the log's position to `now` less the settle delay.
///
/// `None` when nothing is due, also after the clock went backwards.
#[must_use]
pub fn tail(ledger: &LogLedger, policy: &Policy, now: Timestamp) -> Option<LogWindow> {
    let start = ledger.tail_since().unwrap_or(policy.first_start);
    LogWindow::new(start, now.minus(policy.settle_delay))
}

/// What a pass over a log has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The span, within one UTC day.
    pub window: LogWindow,
    /// Whether the table holds a file of exactly this window, which the new one replaces: it must not be cut.
    pub replaces: bool,
}

/// The parts of `range` that are not complete yet, oldest first, cut at midnights of UTC; where `elsewhere`, also windows
/// outside of it that are open. What the server no longer has is left out.
#[must_use]
pub fn missing(ledger: &LogLedger, range: LogWindow, elsewhere: bool) -> Vec<Due> {
    let mut gaps = ledger.gaps(range);
    let mut due = Vec::new();
    for open in ledger.open() {
        let replaces = open.held.is_some();
        let outside = !open.window.overlaps(range);
        if elsewhere && outside || replaces && !outside {
            due.extend(days(open.window, replaces));
        }
        if replaces {
            gaps = gaps.into_iter().flat_map(|gap| gap.without(open.window)).collect();
        }
    }
    for lost in ledger.beyond() {
        gaps = gaps.into_iter().flat_map(|gap| gap.without(*lost)).collect();
    }
    due.extend(gaps.into_iter().flat_map(|gap| days(gap, false)));
    due.sort_unstable_by_key(|due| due.window);
    due
}

fn days(window: LogWindow, replaces: bool) -> Vec<Due> {
    let pieces = if replaces { vec![window] } else { window.by_day() };
    pieces.into_iter().map(|window| Due { window, replaces }).collect()
}

/// Cuts a counted span into windows of about `policy.window_rows` rows.
#[must_use]
pub fn carve(span: LogWindow, reply: &CountReply, policy: &Policy) -> Vec<Piece> {
    if reply.total == 0 {
        return vec![Piece { window: span, estimate: 0, work: Work::Empty }];
    }
    let small = reply.total <= policy.window_rows.max(1);
    if small || span.len_ms() <= 1 {
        return vec![Piece {
            window: span,
            estimate: reply.total,
            work: Work::Fetch { counted: Some(reply.total) },
        }];
    }
    if covers(reply, span) { by_slices(span, reply, policy) } else { by_halves(span, reply.total) }
}

fn covers(reply: &CountReply, span: LogWindow) -> bool {
    let count = i64::try_from(reply.slices.len()).unwrap_or(i64::MAX);
    let end = reply.from.plus_millis(reply.slice_ms.saturating_mul(count));
    count > 1 && reply.slice_ms > 0 && reply.from <= span.start() && end >= span.end()
}

/// Without usable slices: two halves, each to be counted by itself.
fn by_halves(span: LogWindow, total: u64) -> Vec<Piece> {
    let Some((left, right)) = span.split() else {
        return Vec::new();
    };
    let piece = |window| Piece { window, estimate: total.div_ceil(2), work: Work::Recount };
    vec![piece(left), piece(right)]
}

fn by_slices(span: LogWindow, reply: &CountReply, policy: &Policy) -> Vec<Piece> {
    let mut cut = Cutter { span, pieces: Vec::new(), start: span.start(), rows: 0 };
    let edge = |slice: usize| {
        let offset = reply.slice_ms.saturating_mul(i64::try_from(slice).unwrap_or(i64::MAX));
        reply.from.plus_millis(offset)
    };
    let mut slice = 0;
    while let Some(&rows) = reply.slices.get(slice) {
        let empty = reply.slices.iter().skip(slice).take_while(|r| **r == 0).count();
        if empty >= EMPTY_RUN_MIN {
            // Which of its two edges belongs to a slice is not known: the millisecond at its start may still hold
            // events of the slice before, so the window before reaches one millisecond further.
            let first_ms = if slice == 0 { 0 } else { 1 };
            cut.until(edge(slice).plus_millis(first_ms));
            cut.empty_until(edge(slice + empty));
            slice += empty;
            continue;
        }
        if cut.rows > 0 && cut.rows.saturating_add(rows) > policy.window_rows {
            cut.until(edge(slice));
        }
        cut.rows = cut.rows.saturating_add(rows);
        if rows > policy.window_rows && reply.slice_ms > 1 {
            cut.recount_until(edge(slice + 1));
        }
        slice += 1;
    }
    cut.until(span.end());
    cut.pieces
}

struct Cutter {
    span: LogWindow,
    pieces: Vec<Piece>,
    start: Timestamp,
    rows: u64,
}

impl Cutter {
    fn until(&mut self, end: Timestamp) {
        self.close(end, Work::Fetch { counted: None });
    }

    fn recount_until(&mut self, end: Timestamp) {
        self.close(end, Work::Recount);
    }

    fn empty_until(&mut self, end: Timestamp) {
        self.rows = 0;
        self.close(end, Work::Empty);
    }

    fn close(&mut self, end: Timestamp, work: Work) {
        let Some(window) = LogWindow::new(self.start, end.min(self.span.end())) else {
            return;
        };
        self.pieces.push(Piece { window, estimate: self.rows, work });
        self.start = window.end();
        self.rows = 0;
    }
}

/// Which way the events of a window are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Paged query: exact rows with receive time and sequence number.
    Query,
    /// Bulk download: raw lines only.
    Download,
}

/// Which ways the user allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchMode {
    /// Query where the requests suffice, download where they do not.
    Auto,
    /// Query only.
    Query,
    /// Download only.
    Download,
}

/// The way for a window of about `estimate` rows, when `requests_left` paged requests may be spent on it.
#[must_use]
pub fn way(mode: FetchMode, estimate: u64, rows_per_page: u64, requests_left: u64) -> Way {
    match mode {
        FetchMode::Query => Way::Query,
        FetchMode::Download => Way::Download,
        // A page is a submit and, where the server answers 202, at least one poll.
        FetchMode::Auto if estimate.div_ceil(rows_per_page.max(1)).saturating_mul(2) <= requests_left => {
            Way::Query
        }
        FetchMode::Auto => Way::Download,
    }
}

#[cfg(test)]
mod tests;
