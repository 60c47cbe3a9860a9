//! Decides which events of a log lie in a window, and gives their messages.
//!
//! Never decides bounds, paging or visibility: it answers in positions, the callers bring the meaning.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use crate::civil::DAY_MS;
use crate::messages::{self, CSV_HEADER, Kind, Piece, Slot};
use crate::rng::{child, uuid};
use crate::spec::{LogSource, LogSpec};
use crate::text::wide;
use crate::timeline::{self, Plan, Stamp};

/// Where a store gets its texts.
#[derive(Debug)]
enum Texts {
    Generated(Kind),
    Kept(Vec<String>),
}

/// One log with its timeline.
#[derive(Debug)]
pub(crate) struct LogStore {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) logset: Option<String>,
    pub(crate) retention_period: String,
    pub(crate) csv_header: Option<String>,
    stamps: Vec<Stamp>,
    texts: Texts,
    seed: u64,
    daily: OnceLock<BTreeMap<i64, u64>>,
}

/// What all logs of an account share when they are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground {
    pub(crate) seed: u64,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    /// An earlier log has the same name.
    pub(crate) twin: bool,
}

impl LogStore {
    pub(crate) fn new(spec: &LogSpec, ordinal: usize, ground: &Ground) -> Self {
        let twin = format!("{} #{ordinal}", spec.name);
        let own = if ground.twin { &twin } else { &spec.name };
        let seed = child(ground.seed, own);
        let split_pairs = matches!(spec.source, LogSource::Generated { kind: Kind::Odd, .. });
        let plan = |count| Plan {
            seed,
            ordinal: wide(ordinal),
            count,
            from_ms: spec.from_ms.unwrap_or(ground.from_ms),
            to_ms: spec.to_ms.unwrap_or(ground.to_ms),
            split_pairs,
        };
        let (stamps, texts) = match &spec.source {
            LogSource::Generated { kind, count } => {
                (timeline::generate(&plan(*count)), Texts::Generated(*kind))
            }
            LogSource::File(_) => (Vec::new(), Texts::Kept(Vec::new())),
            LogSource::Lines(lines) => {
                (timeline::generate(&plan(wide(lines.len()))), Texts::Kept(lines.clone()))
            }
            LogSource::Events(events) => {
                let mut events = events.clone();
                events.sort_by_key(|(stamp, _)| *stamp);
                let (stamps, texts) = events.into_iter().unzip();
                (stamps, Texts::Kept(texts))
            }
        };
        let own_header = matches!(texts, Texts::Generated(Kind::Csv)).then(|| CSV_HEADER.to_owned());
        Self {
            id: spec.id.clone().unwrap_or_else(|| uuid(ground.seed, own)),
            name: spec.name.clone(),
            logset: spec.logset.clone(),
            retention_period: spec.retention_period.clone(),
            csv_header: spec.csv_header.clone().or(own_header),
            stamps,
            texts,
            seed,
            daily: OnceLock::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.stamps.len()
    }

    pub(crate) fn stamp(&self, index: usize) -> Option<Stamp> {
        self.stamps.get(index).copied()
    }

    /// The position of the first event at or after `ms`.
    pub(crate) fn at_or_after(&self, ms: i64) -> usize {
        self.stamps.partition_point(|stamp| stamp.timestamp_ms < ms)
    }

    /// The position of the first event after `cursor`.
    pub(crate) fn after(&self, cursor: Stamp) -> usize {
        self.stamps.partition_point(|stamp| *stamp <= cursor)
    }

    /// The position of the first event at or after `cursor`.
    pub(crate) fn at_cursor(&self, cursor: Stamp) -> usize {
        self.stamps.partition_point(|stamp| *stamp < cursor)
    }

    /// The positions of the events in `[from_ms, to_ms)`.
    pub(crate) fn half_open(&self, from_ms: i64, to_ms: i64) -> Range<usize> {
        let start = self.at_or_after(from_ms);
        start..self.at_or_after(to_ms).max(start)
    }

    /// Appends the message at `index`.
    pub(crate) fn put_message(&self, index: usize, out: &mut String) {
        let Some(stamp) = self.stamp(index) else { return };
        match &self.texts {
            Texts::Kept(texts) => out.push_str(texts.get(index).map_or("", String::as_str)),
            Texts::Generated(kind) => {
                let slot =
                    Slot { seed: self.seed, index: wide(index), stamp, piece: self.piece(index, stamp) };
                messages::write(*kind, &slot, out);
            }
        }
    }

    /// A cut entry shows in the low bits: its halves have neighbouring sequence numbers.
    fn piece(&self, index: usize, stamp: Stamp) -> Piece {
        let follows = self.stamp(index + 1).is_some_and(|next| next.sequence == stamp.sequence + 1);
        match (stamp.sequence & 0xFFF, follows) {
            (0, true) => Piece::First,
            (0, false) => Piece::Whole,
            (_, _) => Piece::Rest,
        }
    }

    /// Bytes of messages per UTC day; counted once, on first use, because it writes every message.
    pub(crate) fn daily_bytes(&self) -> &BTreeMap<i64, u64> {
        self.daily.get_or_init(|| {
            let mut days = BTreeMap::new();
            let mut text = String::new();
            for (index, stamp) in self.stamps.iter().enumerate() {
                text.clear();
                self.put_message(index, &mut text);
                *days.entry(stamp.timestamp_ms.div_euclid(DAY_MS)).or_insert(0) += wide(text.len());
            }
            days
        })
    }

    pub(crate) fn first_last(&self) -> Option<(Stamp, Stamp)> {
        Some((*self.stamps.first()?, *self.stamps.last()?))
    }

    /// How long events stay searchable, in ms; `None` for ever.
    pub(crate) fn retention_ms(&self) -> Option<i64> {
        let days = match self.retention_period.as_str() {
            "1w" => 7,
            "2w" => 14,
            "1m" => 30,
            "2m" => 60,
            "6m" => 182,
            "1y" => 365,
            "2y" => 730,
            _ => return None,
        };
        Some(days * DAY_MS)
    }
}
