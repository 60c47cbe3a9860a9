//! Log time: milliseconds of UTC since 1970, half-open windows, UTC days.
//!
//! Says what an instant, a window and a day are, and how each is written. Never asks what time it is:
//! every caller passes `now`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds in a second, for conversions from the API's and the user's units.
pub const MS_PER_SECOND: i64 = 1_000;
/// Milliseconds in an hour.
pub const MS_PER_HOUR: i64 = 3_600 * MS_PER_SECOND;
/// Milliseconds in a UTC day; log time has no leap seconds.
pub const MS_PER_DAY: i64 = 86_400 * MS_PER_SECOND;

/// An instant of log time, in milliseconds since 1970-01-01T00:00:00Z: the resolution of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A text was not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a time: give RFC 3339 such as 2026-02-10T00:00:00Z, a date, or epoch milliseconds")]
pub struct NotATime {
    /// What was given.
    pub given: String,
}

impl Timestamp {
    /// An instant from epoch milliseconds; those outside the years 1 to 9999 are drawn to the nearest such.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(-62_135_596_800_000, 253_402_300_799_999))
    }

    /// Epoch milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This instant moved by `millis`, which may be negative.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// The instant `span` before this one.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        self.plus_millis(0_i64.saturating_sub(millis_of(span)))
    }

    /// The UTC day that holds this instant.
    #[must_use]
    pub const fn day(self) -> UtcDay {
        UtcDay(self.0.div_euclid(MS_PER_DAY))
    }

    /// Reads RFC 3339, a plain date (its first instant), or epoch milliseconds.
    ///
    /// # Errors
    /// When the text is none of these.
    pub fn parse(text: &str) -> Result<Self, NotATime> {
        let text = text.trim();
        let refuse = || NotATime { given: text.to_owned() };
        if let Ok(millis) = text.parse::<i64>() {
            return Ok(Self::from_millis(millis));
        }
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::from_millis(instant.as_millisecond()));
        }
        let date: jiff::civil::Date = text.parse().map_err(|_not_a_date| refuse())?;
        let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_out_of_range| refuse())?;
        Ok(Self::from_millis(zoned.timestamp().as_millisecond()))
    }

    /// Compact form for file names: `20260210T000000000Z`. Sorts as time does.
    #[must_use]
    pub fn compact(self) -> String {
        let digits: String =
            self.to_string().chars().filter(|c| c.is_ascii_digit() || *c == 'T' || *c == 'Z').collect();
        digits
    }

    /// Reads [`Timestamp::compact`] back; `None` for any other text.
    #[must_use]
    pub fn from_compact(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(8)?;
        let time = rest.strip_prefix('T')?.strip_suffix('Z')?;
        if time.len() != 9 || !date.bytes().chain(time.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let (hms, ms) = time.split_at_checked(6)?;
        let (y, md) = date.split_at_checked(4)?;
        let (mo, d) = md.split_at_checked(2)?;
        let (h, ms2) = hms.split_at_checked(2)?;
        let (mi, s) = ms2.split_at_checked(2)?;
        Self::parse(&format!("{y}-{mo}-{d}T{h}:{mi}:{s}.{ms}Z")).ok()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, always with three decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_out_of_range) => write!(f, "{}ms", self.0),
        }
    }
}

/// The whole milliseconds of a span, at most `i64::MAX`.
#[must_use]
pub fn millis_of(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A UTC day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcDay(i64);

impl UtcDay {
    /// The first instant of the day.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(MS_PER_DAY))
    }

    /// The first instant of the next day.
    #[must_use]
    pub fn end(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_add(1).saturating_mul(MS_PER_DAY))
    }
}

impl fmt::Display for UtcDay {
    /// `YYYY-MM-DD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.start().to_string();
        f.write_str(text.split('T').next().unwrap_or(&text))
    }
}

/// A half-open span of log time, `[start, end)`. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(Timestamp, Timestamp)", into = "(Timestamp, Timestamp)")]
pub struct LogWindow {
    start: Timestamp,
    end: Timestamp,
}

impl LogWindow {
    /// A window, or `None` when it would be empty.
    #[must_use]
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// Its first instant.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first instant after it.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// Its length in milliseconds, at least 1.
    #[must_use]
    pub const fn len_ms(self) -> i64 {
        self.end.0.saturating_sub(self.start.0)
    }

    /// Whether the instant lies inside.
    #[must_use]
    pub fn contains(self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }

    /// Whether the two share an instant.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether all of it is in `outer`.
    #[must_use]
    pub fn lies_in(self, outer: Self) -> bool {
        outer.start <= self.start && self.end <= outer.end
    }

    /// What is left when `taken` is cut out: a left part, a right part, both or nothing.
    pub fn without(self, taken: Self) -> impl Iterator<Item = Self> {
        let left = Self::new(self.start, self.end.min(taken.start));
        let right = Self::new(self.start.max(taken.end), self.end);
        left.into_iter().chain(right)
    }

    /// Halves the window; `None` at one millisecond, the API's resolution.
    #[must_use]
    pub fn split(self) -> Option<(Self, Self)> {
        let mid = Timestamp(self.start.0.midpoint(self.end.0));
        Some((Self::new(self.start, mid)?, Self::new(mid, self.end)?))
    }

    /// Cuts the window at midnights of UTC, since a file never spans two days.
    #[must_use]
    pub fn by_day(self) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut start = self.start;
        while let Some(piece) = Self::new(start, start.day().end().min(self.end)) {
            pieces.push(piece);
            start = piece.end;
        }
        pieces
    }
}

impl fmt::Display for LogWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

impl From<LogWindow> for (Timestamp, Timestamp) {
    fn from(window: LogWindow) -> Self {
        (window.start, window.end)
    }
}

/// A stored window was empty or reversed.
#[derive(Debug, thiserror::Error)]
#[error("a window must end after it starts")]
pub struct EmptyWindow;

impl TryFrom<(Timestamp, Timestamp)> for LogWindow {
    type Error = EmptyWindow;

    fn try_from((start, end): (Timestamp, Timestamp)) -> Result<Self, Self::Error> {
        Self::new(start, end).ok_or(EmptyWindow)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn compact_reads_back(ms in -62_135_596_800_000_i64..253_402_300_799_999) {
            let instant = Timestamp::from_millis(ms);
            if (0..=9999).contains(&instant.to_string().split('-').next().unwrap().parse::<i64>().unwrap_or(-1)) {
                prop_assert_eq!(Timestamp::from_compact(&instant.compact()), Some(instant));
            }
        }

        #[test]
        fn display_reads_back(ms in -60_000_000_000_000_i64..253_402_300_799_999) {
            let instant = Timestamp::from_millis(ms);
            prop_assert_eq!(Timestamp::parse(&instant.to_string()), Ok(instant));
        }

        #[test]
        fn days_tile_the_window(start in 0_i64..4_000_000_000_000, len in 1_i64..400_000_000) {
            let window = LogWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(start + len)).unwrap();
            let pieces = window.by_day();
            prop_assert_eq!(pieces.first().unwrap().start(), window.start());
            prop_assert_eq!(pieces.last().unwrap().end(), window.end());
            for pair in pieces.windows(2) {
                prop_assert_eq!(pair[0].end(), pair[1].start());
            }
            for piece in pieces {
                prop_assert_eq!(piece.start().day(), piece.end().plus_millis(-1).day());
            }
        }
    }

    #[test]
    fn times_are_read_in_three_forms() {
        for text in ["2026-02-10T00:00:00Z", "2026-02-10", "1770681600000", "2026-02-10T01:00:00+01:00"] {
            assert_eq!(Timestamp::parse(text).unwrap().millis(), 1_770_681_600_000, "{text}");
        }
        assert!(Timestamp::parse("yesterday").is_err());
    }
}
