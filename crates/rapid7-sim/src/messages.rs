//! Decides what a generated event says, from its log's seed and its place in the log.
//!
//! Never keeps a message: each is written again when asked for, so that a log of millions costs only its
//! timeline. Never writes a line feed into a message; only a fault does that, and only in a download.

mod lines;
mod records;

use crate::civil::Civil;
use crate::rng::{Rng, mix};
use crate::text::{SURROGATE_MARK, put};
use crate::timeline::Stamp;

/// Longest entry in characters; longer ones were cut when they arrived.
pub const ENTRY_CHARS_MAX: usize = 65_536;
/// Size of the messages that are long but not cut.
const LONG_CHARS: usize = 60 * 1024;
/// How far the time inside a message may lie before its receive time, in ms.
const EVENT_LAG_MAX_MS: u64 = 2_500;
const EVENT_LAG_TYPICAL_MS: u64 = 40;

/// The column names of the `csv` kind. The API never sends them: a log has no header line.
pub const CSV_HEADER: &str = "receive_time,serial,type,subtype,src_ip,dst_ip,nat_src_ip,nat_dst_ip,rule,\
src_user,app,src_zone,dst_zone,src_port,dst_port,action,bytes,packets,elapsed_s,risk,category,url,note,\
start_time";

/// The kinds of generated log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Firewall lines, 24 columns.
    Csv,
    /// Normalised authentication events, one JSON document a line.
    Json,
    /// An RFC 5424 envelope over key=value pairs, with stack traces between.
    Syslog,
    /// Apache combined access lines.
    Access,
    /// Prose.
    Text,
    /// key=value lines without envelope.
    Kvp,
    /// All of the above in one log, and cut JSON.
    Mixed,
    /// What breaks readers: NUL, U+FFFD, unpaired surrogates, 64 KiB, emptiness, blanks at the ends.
    Odd,
}

impl Kind {
    /// Every kind with its name on the command line.
    pub const ALL: [(&'static str, Self); 8] = [
        ("csv", Self::Csv),
        ("json", Self::Json),
        ("syslog", Self::Syslog),
        ("access", Self::Access),
        ("text", Self::Text),
        ("kvp", Self::Kvp),
        ("mixed", Self::Mixed),
        ("odd", Self::Odd),
    ];

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

/// Whether an entry is whole or part of one that was cut on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    Whole,
    First,
    Rest,
}

/// One message to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) seed: u64,
    pub(crate) index: u64,
    pub(crate) stamp: Stamp,
    pub(crate) piece: Piece,
}

/// Appends the message of a slot.
pub(crate) fn write(kind: Kind, slot: &Slot, out: &mut String) {
    let mut rng = Rng::new(mix(slot.seed ^ mix(slot.index)));
    let lag = if rng.one_in(50) { rng.below(EVENT_LAG_MAX_MS) } else { rng.below(EVENT_LAG_TYPICAL_MS) };
    let event_ms = slot.stamp.timestamp_ms - i64::try_from(lag).unwrap_or(0);
    let mut pen = Pen { rng, at: Civil::of(event_ms), index: slot.index, out };
    match slot.piece {
        Piece::Whole => write_kind(kind, &mut pen),
        Piece::First => pen.filler(ENTRY_CHARS_MAX),
        Piece::Rest => {
            let rest = pen.rng.below(3_000);
            pen.filler(10 + crate::text::narrow(rest));
        }
    }
}

/// What a writer of messages holds.
pub(crate) struct Pen<'a> {
    pub(crate) rng: Rng,
    /// The time inside the message.
    pub(crate) at: Civil,
    pub(crate) index: u64,
    pub(crate) out: &'a mut String,
}

impl Pen<'_> {
    /// Writes `chars` characters of repeated text that says how far it got.
    fn filler(&mut self, chars: usize) {
        let before = self.out.len();
        let mut block = 0_u32;
        while self.out.len() - before < chars {
            put!(self.out, "block {block:05} of entry {:08} ", self.index);
            block += 1;
        }
        self.out.truncate(before + chars); // ASCII only, so a byte is a character
    }
}

fn write_kind(kind: Kind, pen: &mut Pen<'_>) {
    match kind {
        Kind::Csv => records::csv(pen),
        Kind::Json => records::json(pen),
        Kind::Syslog => lines::syslog(pen),
        Kind::Access => lines::access(pen),
        Kind::Text => lines::prose(pen),
        Kind::Kvp => lines::kvp(pen),
        Kind::Mixed => mixed(pen),
        Kind::Odd => odd(pen),
    }
}

fn mixed(pen: &mut Pen<'_>) {
    match pen.rng.below(8) {
        0 => records::csv(pen),
        1 => records::json(pen),
        2 => lines::syslog(pen),
        3 => lines::access(pen),
        4 => lines::prose(pen),
        5 => lines::kvp(pen),
        6 => records::dns(pen),
        _ => cut_json(pen),
    }
}

/// A JSON document that lost its end on the way in.
fn cut_json(pen: &mut Pen<'_>) {
    let before = pen.out.len();
    records::json(pen);
    let written = crate::text::wide(pen.out.len() - before);
    let mut keep = before + crate::text::narrow(1 + pen.rng.below(written));
    while !pen.out.is_char_boundary(keep) {
        keep += 1;
    }
    pen.out.truncate(keep);
}

fn odd(pen: &mut Pen<'_>) {
    match pen.rng.below(24) {
        0 => put!(pen.out, "nul \u{0} in the middle of {}", pen.index),
        1 => put!(pen.out, "replacement \u{FFFD}\u{FFFD} of {}", pen.index),
        2 => put!(pen.out, "unpaired {SURROGATE_MARK} surrogate of {}", pen.index),
        3 => {}
        4 => put!(pen.out, "  blanks before {}", pen.index),
        5 => put!(pen.out, "blanks after {}  \t", pen.index),
        6 => put!(pen.out, "\u{FEFF}byte order mark {} and \u{2028} separator", pen.index),
        7 => put!(pen.out, "bell \u{7} escape \u{1b}[31mred\u{1b}[0m of {} \u{1F525}", pen.index),
        8 => put!(pen.out, "\"quoted\" \\ back \\\\ slash / {}", pen.index),
        9 => put!(pen.out, " "),
        10 if pen.rng.one_in(8) => pen.filler(LONG_CHARS),
        11 => put!(pen.out, "{{\"id\":{},\"text\":\"ends in a cut", pen.index),
        _ => lines::kvp(pen),
    }
}

#[cfg(test)]
mod tests;
