//! The types a column can have, each with the one way in which its values are written.
//!
//! The written form is part of the type: it is what lets every value print back byte for byte. How a type
//! is laid out in Parquet is the encoder's business.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How booleans are written in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoolCase {
    /// `true`, `false`
    Lower,
    /// `True`, `False`
    Title,
    /// `TRUE`, `FALSE`
    Upper,
}

/// How floats are written in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloatForm {
    /// The fewest digits that read back: `1`, `2.5`.
    Shortest,
    /// The same with a point in every value: `1.0`, `2.5`.
    Point,
    /// This many decimals in every value: `2.50`.
    Fixed(u8),
}

/// The finest step that a column of instants tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Thousandths of a second.
    Millis,
    /// Millionths.
    Micros,
    /// Billionths.
    Nanos,
}

impl TimeUnit {
    /// Its steps in a second.
    #[must_use]
    pub const fn per_second(self) -> i64 {
        match self {
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }

    /// The decimals of a second that it holds.
    #[must_use]
    pub const fn decimals(self) -> usize {
        match self {
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }

    /// Its short name.
    const fn short(self) -> &'static str {
        match self {
            Self::Millis => "ms",
            Self::Micros => "us",
            Self::Nanos => "ns",
        }
    }
}

/// How instants are written in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeForm {
    /// `2026-02-10T10:00:00.000Z`
    RfcUtc,
    /// `2026-02-10T10:00:00.000+01:00`, or `+0100`, or `Z`
    RfcOffset,
    /// `2026-02-10T10:00:00.000`
    RfcLocal,
    /// `2026-02-10 10:00:00.000Z`, or `UTC` or `GMT`, with a blank before it or without
    SpacedUtc,
    /// `2026-02-10 10:00:00.000+01:00`, or `+0100`, or `Z`, likewise
    SpacedOffset,
    /// `2026-02-10 10:00:00.000`
    SpacedLocal,
    /// `2026/02/10 10:00:00`
    SlashedLocal,
    /// `10/Feb/2026:10:00:00 +0000`
    Apache,
    /// `Feb 10 10:00:00`, `Feb  1 10:00:00`: RFC 3164's, of the year that puts it nearest to the record's receipt.
    Bsd,
    /// `Tue Feb 10 10:00:00.000 2026`, as C writes it.
    Ctime,
    /// `Feb 10 2026 10:00:00.000`
    MonthFirst,
    /// `10-Feb-2026 10:00:00.000`, or with blanks between
    DayFirst,
    /// `10-Feb-2026 10:00:00 UTC`, as PHP writes it
    DayFirstUtc,
    /// `10/Feb/2026:10:00:00.000`, as HAProxy writes it
    ApacheLocal,
    /// `02/10/2026-10:00:00.000000`, as Suricata writes it
    MonthSlashed,
    /// `0210 10:00:00.000000`, as glog writes it, of the year that [`TimeForm::Bsd`] would have.
    Glog,
    /// `02-10 10:00:00.000`, as Android writes it, likewise.
    Logcat,
    /// Whole seconds since 1970.
    EpochSeconds,
    /// Whole milliseconds since 1970.
    EpochMillis,
    /// Seconds since 1970 with or without decimals, as Zeek writes them.
    EpochFraction,
}

impl TimeForm {
    /// The forms that are written with signs between their digits; the others are bare numbers.
    pub const WRITTEN: [Self; 17] = [
        Self::RfcUtc,
        Self::RfcOffset,
        Self::RfcLocal,
        Self::SpacedUtc,
        Self::SpacedOffset,
        Self::SpacedLocal,
        Self::SlashedLocal,
        Self::Apache,
        Self::Bsd,
        Self::Ctime,
        Self::MonthFirst,
        Self::DayFirst,
        Self::DayFirstUtc,
        Self::ApacheLocal,
        Self::MonthSlashed,
        Self::Glog,
        Self::Logcat,
    ];
    /// Those that say no year: it is that of the record's receipt, or its neighbour.
    pub const YEARLESS: [Self; 3] = [Self::Bsd, Self::Glog, Self::Logcat];

    /// Whether values of this form say no year.
    #[must_use]
    pub const fn is_yearless(self) -> bool {
        matches!(self, Self::Bsd | Self::Glog | Self::Logcat)
    }

    /// Whether a value of this form is an instant by itself; otherwise it is a clock reading without a zone.
    #[must_use]
    pub const fn is_instant(self) -> bool {
        !matches!(
            self,
            Self::RfcLocal
                | Self::SpacedLocal
                | Self::SlashedLocal
                | Self::Bsd
                | Self::Ctime
                | Self::MonthFirst
                | Self::DayFirst
                | Self::ApacheLocal
                | Self::MonthSlashed
                | Self::Glog
                | Self::Logcat
        )
    }

    /// The other form of which every value of this form is one, too: `Z` is an offset.
    #[must_use]
    pub const fn with_offset(self) -> Option<Self> {
        match self {
            Self::RfcUtc => Some(Self::RfcOffset),
            Self::SpacedUtc => Some(Self::SpacedOffset),
            Self::RfcOffset
            | Self::RfcLocal
            | Self::SpacedOffset
            | Self::SpacedLocal
            | Self::SlashedLocal
            | Self::Apache
            | Self::Bsd
            | Self::Ctime
            | Self::MonthFirst
            | Self::DayFirst
            | Self::DayFirstUtc
            | Self::ApacheLocal
            | Self::MonthSlashed
            | Self::Glog
            | Self::Logcat
            | Self::EpochSeconds
            | Self::EpochMillis
            | Self::EpochFraction => None,
        }
    }
}

/// Digits that an exact decimal can have in all: as many as 128 bits hold whatever they are.
pub const DECIMAL_DIGITS_MAX: u8 = 38;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ColumnType {
    /// Truth values.
    Bool {
        /// Their writing.
        case: BoolCase,
    },
    /// Whole numbers of 64 bits, written without plus sign or leading zeros.
    Int64,
    /// Floating-point numbers.
    Float64 {
        /// Their writing.
        form: FloatForm,
    },
    /// Exact decimals of 38 digits at most, all with as many decimals; whole numbers beyond 64 bits among them.
    Decimal {
        /// Their decimals.
        scale: u8,
    },
    /// Instants, or clock readings where the form has no zone.
    Timestamp {
        /// Their writing.
        form: TimeForm,
        /// Their step.
        unit: TimeUnit,
    },
    /// Calendar days, `2026-02-10`.
    Date,
    /// Times of day without a zone, `10:00:00`.
    Time {
        /// Their step: microseconds or nanoseconds, since milliseconds would be laid out in 32 bits.
        unit: TimeUnit,
    },
    /// Text.
    Text,
    /// Text that is itself JSON: arrays, and fields whose values are of several kinds.
    Json,
}

impl fmt::Display for ColumnType {
    /// A short name: `int64`, `decimal[38, 2]`, `timestamp[ms, UTC]`, `text`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool { .. } => f.write_str("bool"),
            Self::Int64 => f.write_str("int64"),
            Self::Float64 { .. } => f.write_str("float64"),
            Self::Decimal { scale } => write!(f, "decimal[{DECIMAL_DIGITS_MAX}, {scale}]"),
            Self::Timestamp { form, unit } => {
                let zone = if form.is_instant() { "UTC" } else { "no zone" };
                write!(f, "timestamp[{}, {zone}]", unit.short())
            }
            Self::Date => f.write_str("date"),
            Self::Time { unit } => write!(f, "time[{}]", unit.short()),
            Self::Text => f.write_str("text"),
            Self::Json => f.write_str("json"),
        }
    }
}
