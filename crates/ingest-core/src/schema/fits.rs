//! What a value, or every value of a column, survives: the lattice of types as a set of bits.
//!
//! Each bit is a type with its one written form. A value has the bits of all types from which it prints back
//! byte for byte (instants: is the same instant); a column has the bits that all its values share. Joining is
//! therefore intersection: associative, commutative, idempotent, whatever the order of rows or chunks.

use std::fmt;
use std::ops::{BitAnd, BitOr};

use super::kind::{BoolCase, ColumnType, FloatForm, TimeForm, TimeUnit};

/// Decimals up to which a fixed-point column is told apart; beyond, only the shortest form is tried.
pub(super) const FIXED_DECIMALS_MAX: u8 = 15;

/// Most decimals of an exact decimal: what readers with 64-bit decimals hold as well.
pub const DECIMAL_SCALE_MAX: u8 = 18;

/// A set of types that a value, or a whole column, survives.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fits(u128);

const FIXED_SHIFT: u32 = 8;
const TIME_SHIFT: u32 = 24;
const DECIMAL_SHIFT: u32 = 64;
/// Units a time form: ms, us, ns.
const UNITS: [TimeUnit; 3] = [TimeUnit::Millis, TimeUnit::Micros, TimeUnit::Nanos];
/// Forms with units, in the order of their bits.
const FORMS: [TimeForm; 17] = TimeForm::WRITTEN;
/// Forms that have their bits from [`TIME_SHIFT`] on; there is no room for more.
const EARLY_FORMS: usize = 12;
/// The first bit of the other forms.
const LATE_TIME_SHIFT: usize = 89;
const BOOLS: [BoolCase; 3] = [BoolCase::Lower, BoolCase::Title, BoolCase::Upper];
/// Times of day that microseconds hold, and those that nanoseconds do.
const TIME_OF_DAY_MICROS: Fits = Fits(1 << 84);
const TIME_OF_DAY_NANOS: Fits = Fits(1 << 85);
/// The first of three bits: seconds since 1970 with decimals that milliseconds, microseconds or nanoseconds hold.
const EPOCH_FRACTION_SHIFT: u32 = 86;

impl Fits {
    /// Everything: what a column of nulls survives.
    pub const ANY: Self = Self(u128::MAX);
    /// Nothing at all.
    pub const NONE: Self = Self(0);
    /// Text, as any value of an untyped source is.
    pub const TEXT: Self = Self(1);
    /// JSON text, as any value of a typed source is.
    pub const JSON: Self = Self(1 << 1);
    /// Whole numbers.
    pub const INT64: Self = Self(1 << 2);
    /// Floats in their shortest form.
    pub const FLOAT_SHORTEST: Self = Self(1 << 3);
    /// Floats in their shortest form with a point.
    pub const FLOAT_POINT: Self = Self(1 << 4);
    /// Calendar days.
    pub const DATE: Self = Self(1 << 5);
    /// Whole seconds since 1970, in the years in which logs are written.
    pub const EPOCH_SECONDS: Self = Self(1 << 6);
    /// Whole milliseconds since 1970, likewise.
    pub const EPOCH_MILLIS: Self = Self(1 << 7);
    /// Every float form: what `NaN` survives.
    pub const FLOATS: Self = Self((0xffff << FIXED_SHIFT) | (1 << 3) | (1 << 4));

    /// Floats with exactly this many decimals, 1 to [`FIXED_DECIMALS_MAX`]; nothing beyond.
    #[must_use]
    pub const fn fixed(decimals: u8) -> Self {
        if decimals == 0 || decimals > FIXED_DECIMALS_MAX {
            return Self::NONE;
        }
        Self(1 << (FIXED_SHIFT + decimals as u32))
    }

    /// Exact decimals with exactly this many decimals, 0 to [`DECIMAL_SCALE_MAX`]; nothing beyond.
    #[must_use]
    pub const fn decimal(scale: u8) -> Self {
        if scale > DECIMAL_SCALE_MAX {
            return Self::NONE;
        }
        Self(1 << (DECIMAL_SHIFT + scale as u32))
    }

    /// Booleans written in this case.
    #[must_use]
    pub const fn boolean(case: BoolCase) -> Self {
        Self(match case {
            BoolCase::Lower => 1 << 60,
            BoolCase::Title => 1 << 61,
            BoolCase::Upper => 1 << 62,
        })
    }

    /// Instants of this form and of a unit that holds `decimals` decimals of a second, 0 to 9.
    #[must_use]
    pub fn instant(form: TimeForm, decimals: u8) -> Self {
        Self::units(form, decimals, UNITS.len())
    }

    /// As [`Fits::instant`], beyond the years that 64-bit nanoseconds reach.
    #[must_use]
    pub fn far_instant(form: TimeForm, decimals: u8) -> Self {
        Self::units(form, decimals, UNITS.len() - 1)
    }

    /// Seconds since 1970 in the years in which logs are written, with so many decimals, 0 to 9.
    #[must_use]
    pub fn epoch_fraction(decimals: u8) -> Self {
        Self::units_from(Self(1 << EPOCH_FRACTION_SHIFT), decimals, UNITS.len())
    }

    fn units(form: TimeForm, decimals: u8, end: usize) -> Self {
        Self::units_from(Self::time_bit(form, 0), decimals, end)
    }

    /// The bits from `first` on, one a unit, of the units that hold so many decimals.
    fn units_from(first: Self, decimals: u8, end: usize) -> Self {
        let coarsest = match decimals {
            0..=3 => 0,
            4..=6 => 1,
            7..=9 => 2,
            _ => return Self::NONE,
        };
        (coarsest..end).fold(Self::NONE, |all, unit| all | Self(first.0 << unit))
    }

    /// Times of day of a unit that holds `decimals` decimals of a second, 0 to 9.
    #[must_use]
    pub fn time_of_day(decimals: u8) -> Self {
        match decimals {
            0..=6 => TIME_OF_DAY_MICROS | TIME_OF_DAY_NANOS,
            7..=9 => TIME_OF_DAY_NANOS,
            _ => Self::NONE,
        }
    }

    fn time_bit(form: TimeForm, unit: usize) -> Self {
        match FORMS.iter().position(|f| *f == form) {
            Some(place) => {
                let (first, place) = match place.checked_sub(EARLY_FORMS) {
                    None => (TIME_SHIFT as usize, place),
                    Some(late) => (LATE_TIME_SHIFT, late),
                };
                Self(1 << (first + place * UNITS.len() + unit))
            }
            None => Self::NONE,
        }
    }

    /// The bit that stands for a type: what [`Fits::column_type`] chose it for.
    #[must_use]
    pub fn of(kind: ColumnType) -> Self {
        let place = |unit: TimeUnit| UNITS.iter().position(|other| *other == unit).unwrap_or_default();
        match kind {
            ColumnType::Bool { case } => Self::boolean(case),
            ColumnType::Int64 => Self::INT64,
            ColumnType::Float64 { form: FloatForm::Shortest } => Self::FLOAT_SHORTEST,
            ColumnType::Float64 { form: FloatForm::Point } => Self::FLOAT_POINT,
            ColumnType::Float64 { form: FloatForm::Fixed(decimals) } => Self::fixed(decimals),
            ColumnType::Decimal { scale } => Self::decimal(scale),
            ColumnType::Timestamp { form: TimeForm::EpochSeconds, .. } => Self::EPOCH_SECONDS,
            ColumnType::Timestamp { form: TimeForm::EpochMillis, .. } => Self::EPOCH_MILLIS,
            ColumnType::Timestamp { form: TimeForm::EpochFraction, unit } => {
                Self(1 << (EPOCH_FRACTION_SHIFT as usize + place(unit)))
            }
            ColumnType::Timestamp { form, unit } => Self::time_bit(form, place(unit)),
            ColumnType::Date => Self::DATE,
            ColumnType::Time { unit: TimeUnit::Nanos } => TIME_OF_DAY_NANOS,
            ColumnType::Time { .. } => TIME_OF_DAY_MICROS,
            ColumnType::Text => Self::TEXT,
            ColumnType::Json => Self::JSON,
        }
    }

    /// Whether every bit of `other` is in this set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0 && other.0 != 0
    }

    /// This set without what `other` has.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The type of a column that survives exactly this: the first of one fixed order that is in the set, so that a
    /// smaller set that still has it leads to the same type.
    ///
    /// `time_named` lets numbers be epochs; `typed_source` says that text and numbers are different things
    /// at the source, so that what is neither is kept as JSON.
    #[must_use]
    pub fn column_type(self, time_named: bool, typed_source: bool) -> ColumnType {
        if self == Self::ANY {
            return if typed_source { ColumnType::Json } else { ColumnType::Text };
        }
        if let Some(case) = BOOLS.into_iter().find(|case| self.has(Self::boolean(*case))) {
            return ColumnType::Bool { case };
        }
        if let Some(instant) = self.instant_type(time_named) {
            return instant;
        }
        if self.has(Self::INT64) {
            return ColumnType::Int64;
        }
        if let Some(form) = self.float_form() {
            return ColumnType::Float64 { form };
        }
        if let Some(scale) = (0..=DECIMAL_SCALE_MAX).find(|scale| self.has(Self::decimal(*scale))) {
            return ColumnType::Decimal { scale };
        }
        if self.has(Self::DATE) {
            return ColumnType::Date;
        }
        if self.has(TIME_OF_DAY_MICROS) {
            return ColumnType::Time { unit: TimeUnit::Micros };
        }
        if self.has(TIME_OF_DAY_NANOS) {
            return ColumnType::Time { unit: TimeUnit::Nanos };
        }
        if self.has(Self::TEXT) { ColumnType::Text } else { ColumnType::Json }
    }

    fn instant_type(self, time_named: bool) -> Option<ColumnType> {
        let unit = TimeUnit::Millis;
        if time_named && self.has(Self::EPOCH_SECONDS) {
            return Some(ColumnType::Timestamp { form: TimeForm::EpochSeconds, unit });
        }
        if time_named && self.has(Self::EPOCH_MILLIS) {
            return Some(ColumnType::Timestamp { form: TimeForm::EpochMillis, unit });
        }
        let fraction = |place: usize| Self(1 << (EPOCH_FRACTION_SHIFT as usize + place));
        if let Some((_, unit)) = (0..).zip(UNITS).find(|(place, _)| time_named && self.has(fraction(*place)))
        {
            return Some(ColumnType::Timestamp { form: TimeForm::EpochFraction, unit });
        }
        UNITS.into_iter().enumerate().find_map(|(place, unit)| {
            let form = FORMS.into_iter().find(|form| self.has(Self::time_bit(*form, place)))?;
            Some(ColumnType::Timestamp { form, unit })
        })
    }

    fn float_form(self) -> Option<FloatForm> {
        if self.has(Self::FLOAT_SHORTEST) {
            return Some(FloatForm::Shortest);
        }
        if self.has(Self::FLOAT_POINT) {
            return Some(FloatForm::Point);
        }
        (1..=FIXED_DECIMALS_MAX).find(|d| self.has(Self::fixed(*d))).map(FloatForm::Fixed)
    }
}

impl BitAnd for Fits {
    type Output = Self;

    /// The join of two observations: what both survive.
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Fits {
    type Output = Self;

    /// More ways in which one value survives.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Fits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fits({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests;
