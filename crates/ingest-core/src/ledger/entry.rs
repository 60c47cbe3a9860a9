//! What a ledger holds: figures of windows, complete spans, open windows.
//!
//! Plain values. Which of them may follow which is the ledger's to decide; nothing here changes one.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::{LogWindow, Timestamp};

/// What a committed window amounted to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Events that the source gave, each once.
    pub fetched: u64,
    /// Of these, rows in files.
    pub stored: u64,
    /// Of these, records in the quarantine.
    pub quarantined: u64,
    /// What the server counts, where it can count.
    pub counted: Option<u64>,
    /// Files.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// The files' content hashes, as far as their names carry them, added up; 0 without files.
    #[serde(default)]
    pub digest: Digest,
}

impl Tally {
    /// Of a window in which the server counts nothing.
    pub const EMPTY: Self = Self {
        fetched: 0,
        stored: 0,
        quarantined: 0,
        counted: Some(0),
        files: 0,
        bytes: 0,
        digest: Digest(0),
    };

    /// Whether nothing was lost on the way: fetched = stored + quarantined, and = what the server counts.
    #[must_use]
    pub fn conserves(&self) -> bool {
        self.stored.checked_add(self.quarantined) == Some(self.fetched)
            && self.counted.is_none_or(|counted| counted == self.fetched)
    }

    /// Whether it is what the table holds, by the names of files and the lines of quarantines. A ledger of an earlier version
    /// has no digests.
    #[must_use]
    pub fn is_of(self, held: Self) -> bool {
        let figures = |tally: Self| (tally.stored, tally.quarantined, tally.files);
        figures(self) == figures(held) && (self.digest == held.digest || self.digest == Digest::default())
    }

    /// Two tallies as one. The count is only known when both are.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            fetched: self.fetched.saturating_add(other.fetched),
            stored: self.stored.saturating_add(other.stored),
            quarantined: self.quarantined.saturating_add(other.quarantined),
            counted: self.counted.zip(other.counted).map(|(a, b)| a.saturating_add(b)),
            files: self.files.saturating_add(other.files),
            bytes: self.bytes.saturating_add(other.bytes),
            digest: self.digest.plus(other.digest),
        }
    }

    /// What is left without `part`; `None` where it is no part. The count is only known when both are.
    #[must_use]
    pub fn minus(self, part: Self) -> Option<Self> {
        Some(Self {
            fetched: self.fetched.checked_sub(part.fetched)?,
            stored: self.stored.checked_sub(part.stored)?,
            quarantined: self.quarantined.checked_sub(part.quarantined)?,
            counted: match self.counted.zip(part.counted) {
                Some((all, part)) => Some(all.checked_sub(part)?),
                None => None,
            },
            files: self.files.checked_sub(part.files)?,
            bytes: self.bytes.checked_sub(part.bytes)?,
            digest: self.digest.minus(part.digest),
        })
    }
}

/// Hashes of files, added up: the same whatever their order, so that neighbouring spans can become one and still be
/// compared with the names in the table. Written as 16 hex digits, which no reader of JSON rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest(pub u64);

impl Digest {
    /// Both as one.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// What is left without `part`.
    #[must_use]
    pub const fn minus(self, part: Self) -> Self {
        Self(self.0.wrapping_sub(part.0))
    }

    /// The digest of one file by the 16 hex digits in its name; `None` for other text.
    #[must_use]
    pub fn of_name(hash: &str) -> Option<Self> {
        u64::from_str_radix(hash, 16).ok().map(Self)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::of_name(&text).ok_or_else(|| serde::de::Error::custom("a digest is 16 hex digits"))
    }
}

/// A complete span: one committed window, or several neighbours as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The span.
    pub window: LogWindow,
    /// What it amounted to.
    pub tally: Tally,
    /// When its figures were last found to be the server's; of several windows, the longest ago. `None` where the
    /// server cannot count, or nobody knows any more.
    #[serde(default)]
    pub proved: Option<Timestamp>,
    /// How long after its end that was, in milliseconds; of several windows, the least. `i64::MAX` where counting again
    /// would tell nothing.
    #[serde(default)]
    pub proved_age_ms: i64,
}

impl Span {
    /// A window as it was committed, `proved` being when the server counted it.
    #[must_use]
    pub fn new(window: LogWindow, tally: Tally, proved: Option<Timestamp>) -> Self {
        let proved_age_ms = match (tally.counted, proved) {
            (None, _) => i64::MAX,
            (Some(_), None) => 0,
            (Some(_), Some(at)) => at.millis().saturating_sub(window.end().millis()).max(0),
        };
        Self { window, tally, proved: proved.filter(|_| tally.counted.is_some()), proved_age_ms }
    }

    /// This span and its right neighbour as one; `None` where they are none, or only one of them was counted.
    pub(super) fn join(self, right: Self) -> Option<Self> {
        let alike = self.tally.counted.is_some() == right.tally.counted.is_some();
        if self.window.end() != right.window.start() || !alike {
            return None;
        }
        Some(Self {
            window: LogWindow::new(self.window.start(), right.window.end())?,
            tally: self.tally.plus(right.tally),
            proved: self.proved.zip(right.proved).map(|(a, b)| a.min(b)),
            proved_age_ms: self.proved_age_ms.min(right.proved_age_ms),
        })
    }
}

/// A window that is to be fetched, and why it is not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenWindow {
    /// The window.
    pub window: LogWindow,
    /// Why, in words.
    pub reason: String,
    /// When it was opened, or failed last.
    pub at: Timestamp,
    /// How often it failed.
    pub tries: u32,
    /// What the table still holds of it: it was complete once, and its file is to be replaced.
    #[serde(default)]
    pub held: Option<Tally>,
}
