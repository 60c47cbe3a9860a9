//! Decides when events arrived and under which sequence numbers.
//!
//! Never decides what they say. Observed shape of live data: dozens of events share a millisecond, whole
//! seconds and some minutes are empty, and four writers interleave, so that sequence numbers do not rise
//! with time. Two words an event are kept: ten million events cost 160 MB.

use crate::rng::{Rng, child, mix};
use crate::text::{narrow, wide};

const CELL_MS: i64 = 1_000;
const CELLS_PER_MINUTE: u64 = 60;
/// Writers seen in live data; the value stands above bit 52 of a sequence number.
const SHARDS: [u64; 4] = [16, 220, 273, 523];
/// The log's place stands above this bit of the counter, so that logs never share a sequence number.
const LOG_SHIFT: u32 = 34;
const LOGS_MAX: u64 = 64;
/// Largest gap between two counters of one writer.
const COUNTER_GAP_MAX: u64 = 48;
/// Events of the one great burst, all in one millisecond; live data showed 239.
const GREAT_BURST: u64 = 400;
/// The great burst takes at most this part of a log.
const GREAT_BURST_PART: u64 = 4;
/// Events per distinct millisecond on average; live data showed 33.
const EVENTS_PER_MS: u64 = 25;
/// One message in so many is longer than an entry may be, and is cut in two.
const SPLIT_ONE_IN: u64 = 40;

/// Receive time and sequence number: the order of a log and the identity of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Receive time, epoch milliseconds.
    pub timestamp_ms: i64,
    /// Unique within the account, not rising with time.
    pub sequence: u64,
}

/// What a timeline is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// The log's place in the account.
    pub(crate) ordinal: u64,
    pub(crate) count: u64,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    /// Whether some entries are cut in two.
    pub(crate) split_pairs: bool,
}

/// The stamps of a log in order, exactly `count` of them, all within `[from_ms, to_ms)`.
pub(crate) fn generate(plan: &Plan) -> Vec<Stamp> {
    let span_ms = (plan.to_ms - plan.from_ms).max(1);
    let cells = u64::try_from((span_ms + CELL_MS - 1) / CELL_MS).unwrap_or(1);
    let mut out = Vec::with_capacity(narrow(plan.count));
    let mut writer = Writer::new(plan);
    let burst = GREAT_BURST.min(plan.count / GREAT_BURST_PART);
    let burst_cell = child(plan.seed, "great burst") % cells;
    let weights = Weights::new(plan.seed, cells);
    let (spread, total) = (u128::from(plan.count - burst), u128::from(weights.total));
    let (mut before, mut placed) = (0_u64, 0_u128);
    for cell in 0..cells {
        before += weights.of(cell);
        let until = spread * u128::from(before) / total;
        let here = u64::try_from(until - placed).unwrap_or(0);
        placed = until;
        let offset = i64::try_from(cell).unwrap_or(0) * CELL_MS;
        let width = u64::try_from(CELL_MS.min(span_ms - offset)).unwrap_or(1);
        let great = if cell == burst_cell { burst } else { 0 };
        writer.fill(&mut out, &Cell { start_ms: plan.from_ms + offset, width, events: here, great });
    }
    out
}

/// How many events each second gets, relative to the others.
struct Weights {
    seed: u64,
    total: u64,
    all_equal: bool,
}

impl Weights {
    fn new(seed: u64, cells: u64) -> Self {
        let seed = child(seed, "weights");
        let total = (0..cells).map(|cell| Self::drawn(seed, cell)).sum();
        let all_equal = total == 0; // a span so short that every second drew emptiness
        Self { seed, total: if all_equal { cells.max(1) } else { total }, all_equal }
    }

    fn of(&self, cell: u64) -> u64 {
        if self.all_equal { 1 } else { Self::drawn(self.seed, cell) }
    }

    fn drawn(seed: u64, cell: u64) -> u64 {
        let minute = mix(seed ^ mix(cell / CELLS_PER_MINUTE));
        let second = mix(minute ^ cell);
        if minute % 13 == 5 || second.is_multiple_of(6) {
            return 0;
        }
        if second % 97 == 1 { 120 } else { 1 + second % 9 }
    }
}

/// One second to fill.
struct Cell {
    start_ms: i64,
    width: u64,
    events: u64,
    great: u64,
}

struct Writer {
    rng: Rng,
    counters: [u64; 4],
    split_pairs: bool,
    scratch: Vec<Stamp>,
}

impl Writer {
    fn new(plan: &Plan) -> Self {
        let mut rng = Rng::new(child(plan.seed, "timeline"));
        let base = (plan.ordinal % LOGS_MAX) << LOG_SHIFT;
        let counters = [(); 4].map(|()| base + rng.below(1 << 30));
        Self { rng, counters, split_pairs: plan.split_pairs, scratch: Vec::new() }
    }

    fn fill(&mut self, out: &mut Vec<Stamp>, cell: &Cell) {
        self.scratch.clear();
        let clusters = 1 + cell.events / EVENTS_PER_MS;
        let salt = self.rng.next();
        let mut left = cell.events;
        while left > 0 {
            let cluster = self.rng.below(clusters);
            left -= self.place(cell, mix(salt ^ cluster), left);
        }
        let mut great = cell.great;
        while great > 0 {
            great -= self.place(cell, salt, great);
        }
        self.scratch.sort_unstable();
        out.extend_from_slice(&self.scratch);
    }

    /// Puts one event, or the two halves of a cut one, at the millisecond `draw` stands for.
    fn place(&mut self, cell: &Cell, draw: u64, left: u64) -> u64 {
        let offset = i64::try_from(draw % cell.width.max(1)).unwrap_or(0);
        let stamp = Stamp { timestamp_ms: cell.start_ms + offset, sequence: self.sequence() };
        self.scratch.push(stamp);
        if self.split_pairs && left > 1 && self.rng.one_in(SPLIT_ONE_IN) {
            self.scratch.push(Stamp { sequence: stamp.sequence + 1, ..stamp });
            return 2;
        }
        1
    }

    fn sequence(&mut self) -> u64 {
        let shard = narrow(self.rng.below(wide(SHARDS.len())));
        let gap = 1 + self.rng.below(COUNTER_GAP_MAX);
        let high = SHARDS.get(shard).copied().unwrap_or(16);
        self.counters.get_mut(shard).map_or(high << 52, |counter| {
            *counter += gap;
            high << 52 | *counter << 12
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn plan(seed: u64, count: u64, span_ms: i64) -> Plan {
        let from_ms = 1_767_225_600_123;
        Plan {
            seed,
            ordinal: 3,
            count,
            from_ms,
            to_ms: from_ms + span_ms,
            split_pairs: seed.is_multiple_of(2),
        }
    }

    #[test]
    fn every_timeline_has_its_count_and_order() {
        for seed in 0..20 {
            for (count, span) in [(0, 1), (1, 1), (7, 500), (500, 3_000), (5_000, 600_000)] {
                let plan = plan(seed, count, span);
                let stamps = generate(&plan);
                assert_eq!(wide(stamps.len()), count);
                assert!(stamps.is_sorted_by(|a, b| a < b), "seed {seed}");
                assert!(stamps.iter().all(|s| (plan.from_ms..plan.to_ms).contains(&s.timestamp_ms)));
                assert_eq!(stamps, generate(&plan));
            }
        }
    }

    #[test]
    fn bursts_gaps_and_disorder_are_there() {
        let stamps = generate(&plan(7, 20_000, 3_600_000));
        let mut per_ms = BTreeMap::new();
        let mut minutes = BTreeSet::new();
        for stamp in &stamps {
            *per_ms.entry(stamp.timestamp_ms).or_insert(0) += 1;
            minutes.insert(stamp.timestamp_ms / 60_000);
        }
        assert!(per_ms.values().max() >= Some(&239));
        assert!(minutes.len() < 60, "no empty minute");
        assert!(stamps.windows(2).any(|pair| pair[0].sequence > pair[1].sequence));
        let unique: BTreeSet<u64> = stamps.iter().map(|s| s.sequence).collect();
        assert_eq!(unique.len(), stamps.len());
        assert!(stamps.iter().all(|s| s.sequence > 1 << 53));
    }
}
