//! The usual forms of numbers and instants, read eight bytes at a time.
//!
//! Decides nothing that [`super::number`] and [`super::instant`] do not: whatever is unusual is theirs to read.

use ingest_core::schema::{FloatForm, TimeForm, TimeUnit};

use super::{instant, number};
use crate::cells::Span;

const ZEROS: u64 = 0x3030_3030_3030_3030;
const HIGH_HALVES: u64 = 0xf0f0_f0f0_f0f0_f0f0;
/// Takes `:` and what is above a digit over the edge of its high half.
const OVER_NINE: u64 = 0x0606_0606_0606_0606;
/// Digits of a float's text that a 64-bit number holds in any case.
const FLOAT_DIGITS_MAX: usize = 15;
/// Powers of ten that floats hold exactly, as far as decimals of so many digits need them.
const POWERS: [f64; FLOAT_DIGITS_MAX + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The whole number that a span's text is, when it prints back. Zeros follow the text.
#[inline]
pub(crate) fn whole(text: &[u8], span: Span) -> Option<i64> {
    let len = span.len();
    let start = usize::try_from(span.start()).ok()?;
    let head = text.get(start..)?.first_chunk::<16>()?;
    let word =
        |at: usize| head.get(at..).and_then(<[u8]>::first_chunk::<8>).map(|word| u64::from_le_bytes(*word));
    let leads_with_zero = head.first() == Some(&b'0') && len > 1;
    if leads_with_zero {
        return None;
    }
    match len {
        1..=8 => digits(aligned(word(0)?, len)).or_else(|| number::parse_int(span.of(text))),
        9..=16 => {
            let high = digits(aligned(word(0)?, len - 8));
            let low = usize::try_from(len - 8).ok().and_then(word).and_then(digits);
            match (high, low) {
                (Some(high), Some(low)) => Some(high * 100_000_000 + low),
                _ => number::parse_int(span.of(text)),
            }
        }
        _ => number::parse_int(span.of(text)),
    }
}

/// The first `len` of eight bytes, behind as many zeros as make eight digits.
#[inline]
const fn aligned(word: u64, len: u32) -> u64 {
    if len >= 8 {
        return word;
    }
    word << (64 - 8 * len) | ZEROS >> (8 * len)
}

/// The number of eight digits.
#[inline]
const fn digits(word: u64) -> Option<i64> {
    if !are_digits(word) {
        return None;
    }
    let ones = word - ZEROS;
    let tens = ones * 10 + (ones >> 8);
    let outer = (tens & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let inner = (tens >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some((outer.wrapping_add(inner) >> 32).cast_signed())
}

#[inline]
const fn are_digits(word: u64) -> bool {
    (word & HIGH_HALVES) ^ ZEROS | (word.wrapping_add(OVER_NINE) & HIGH_HALVES) ^ ZEROS == 0
}

/// The float that a span's text is, when it prints back in this form. Zeros follow the text.
#[inline]
pub(crate) fn float(text: &[u8], span: Span, form: FloatForm) -> Option<f64> {
    short_float(text, span, form)
        .or_else(|| plain_float(span.of(text), form))
        .or_else(|| number::parse_float(span.of(text), form))
}

/// As [`float`], for digits around a point, eight bytes in all: what most measured values are.
#[inline]
fn short_float(text: &[u8], span: Span, form: FloatForm) -> Option<f64> {
    const POINTS: u64 = 0x2e2e_2e2e_2e2e_2e2e;
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let len = span.len();
    if !(3..=8).contains(&len) {
        return None;
    }
    let start = usize::try_from(span.start()).ok()?;
    let word = u64::from_le_bytes(*text.get(start..)?.first_chunk::<8>()?);
    let apart = word ^ POINTS;
    // Only the first byte that is found is surely a point; what comes behind it must be digits anyway.
    let whole_digits = (apart.wrapping_sub(ONES) & !apart & HIGH_BITS).trailing_zeros() / 8;
    let decimals = len.checked_sub(whole_digits + 1).filter(|decimals| *decimals > 0)?;
    if whole_digits == 0 || (whole_digits > 1 && word & 0xff == u64::from(b'0')) {
        return None;
    }
    let before = (1_u64 << (8 * whole_digits)) - 1;
    let mantissa = digits(aligned(word & before | word >> 8 & !before, len - 1))?;
    let ends_with_zero = word >> (8 * (len - 1)) & 0xff == u64::from(b'0');
    let fits = match form {
        FloatForm::Fixed(fixed) => u32::from(fixed) == decimals,
        FloatForm::Shortest => !ends_with_zero,
        FloatForm::Point => !ends_with_zero || decimals == 1,
    };
    let power = POWERS.get(usize::try_from(decimals).ok()?)?;
    #[expect(clippy::cast_precision_loss, reason = "seven digits are fewer than a float's 53 bits")]
    let value = mantissa as f64 / power;
    fits.then_some(value)
}

/// As [`float`], for decimals of few digits; there counting digits is proof enough.
fn plain_float(text: &[u8], form: FloatForm) -> Option<f64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    if digits.len() > FLOAT_DIGITS_MAX {
        return None;
    }
    let mut mantissa = 0_i64;
    let mut point = None;
    for (byte, at) in digits.iter().zip(0_usize..) {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + i64::from(digit);
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let whole_digits = point.unwrap_or(digits.len());
    let decimals = digits.len() - point.map_or(whole_digits, |point| point + 1);
    let last = digits.last()?;
    let fits = match (form, point) {
        (FloatForm::Shortest, None) => true,
        (_, None) => false,
        (FloatForm::Fixed(fixed), Some(_)) => usize::from(fixed) == decimals && decimals > 0,
        (FloatForm::Shortest, Some(_)) => *last != b'0' && decimals > 0,
        (FloatForm::Point, Some(_)) => (*last != b'0' && decimals > 0) || decimals == 1,
    };
    let leads_with_zero = whole_digits > 1 && digits.first() == Some(&b'0');
    // Minus zero is told apart only by the longer way.
    if !fits || whole_digits == 0 || leads_with_zero || (mantissa == 0 && negative) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "fifteen digits are fewer than a float's 53 bits")]
    let value = mantissa as f64 / POWERS.get(decimals)?;
    Some(if negative { -value } else { value })
}

/// Steps of the unit since 1970 that whole seconds or milliseconds are, in the years of logs.
#[inline]
pub(crate) fn epoch(text: &[u8], span: Span, form: TimeForm, unit: TimeUnit) -> Option<i64> {
    instant::epoch_steps(whole(text, span)?, form, unit)
}

/// What stands behind the time of day.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Nothing.
    Nothing,
    /// `Z`.
    Utc,
    /// ` +0000`, and no fraction before it.
    ApacheUtc,
    /// An offset, by which the day is another.
    Offset,
}

/// Reads instants of one form; remembers the day of the last one.
#[derive(Debug)]
pub(crate) struct Instants {
    form: TimeForm,
    unit: TimeUnit,
    /// Where the time of day begins; the day and a separator come before it.
    clock_at: usize,
    end: End,
    day: Vec<u8>,
    day_steps: i64,
    per_second: i64,
    decimals_max: usize,
}

impl Instants {
    /// A reader of forms that are written with signs between their digits.
    pub(crate) fn new(form: TimeForm, unit: TimeUnit) -> Option<Self> {
        let (clock_at, end) = match form {
            TimeForm::RfcUtc | TimeForm::SpacedUtc => (11, End::Utc),
            TimeForm::RfcOffset | TimeForm::SpacedOffset => (11, End::Offset),
            TimeForm::RfcLocal | TimeForm::SpacedLocal | TimeForm::SlashedLocal => (11, End::Nothing),
            TimeForm::Apache => (12, End::ApacheUtc),
            TimeForm::Bsd
            | TimeForm::Ctime
            | TimeForm::MonthFirst
            | TimeForm::DayFirst
            | TimeForm::DayFirstUtc
            | TimeForm::ApacheLocal
            | TimeForm::MonthSlashed
            | TimeForm::Glog
            | TimeForm::Logcat
            | TimeForm::EpochSeconds
            | TimeForm::EpochMillis
            | TimeForm::EpochFraction => return None,
        };
        let (per_second, decimals_max) = (unit.per_second(), unit.decimals());
        Some(Self { form, unit, clock_at, end, day: Vec::new(), day_steps: 0, per_second, decimals_max })
    }

    /// Steps of the unit since 1970, where the day is that of the last value.
    #[inline]
    pub(crate) fn read_known_day(&self, text: &[u8]) -> Option<i64> {
        let (day, rest) = text.split_at_checked(self.clock_at)?;
        if day != self.day.as_slice() {
            return None;
        }
        let (clock, tail) = rest.split_first_chunk::<8>()?;
        let seconds = second_of_day(u64::from_le_bytes(*clock))?;
        let steps = self.day_steps.checked_add(seconds * self.per_second)?;
        match (self.end, tail) {
            (End::Nothing, b"") | (End::Utc, b"Z") | (End::ApacheUtc, b" +0000") => return Some(steps),
            _ => {}
        }
        let Some((b'.' | b',', tail)) = tail.split_first() else { return None };
        let tail = match self.end {
            End::Utc => tail.strip_suffix(b"Z")?,
            End::Nothing => tail,
            End::ApacheUtc | End::Offset => return None,
        };
        if tail.is_empty() || tail.len() > self.decimals_max {
            return None;
        }
        let mut fraction = 0;
        for byte in tail {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            fraction = fraction * 10 + i64::from(digit);
        }
        let missing = u32::try_from(self.decimals_max - tail.len()).ok()?;
        steps.checked_add(fraction * 10_i64.pow(missing))
    }

    /// Reads by the general rules, and remembers the day.
    #[cold]
    pub(crate) fn read_slowly(&mut self, text: &[u8]) -> Option<i64> {
        let clock = instant::read(text).filter(|clock| clock.is_of(self.form))?;
        let steps = clock.in_unit(self.unit)?;
        let (day, rest) = text.split_at_checked(self.clock_at)?;
        let seconds = second_of_day(u64::from_le_bytes(*rest.first_chunk::<8>()?))?;
        // Only where the zone is none or UTC's does the day alone tell the rest.
        let begins = (clock.seconds - seconds).checked_mul(self.per_second);
        let is_plain = clock.seconds.rem_euclid(86_400) == seconds;
        if let Some(begins) = begins.filter(|_| is_plain) {
            self.day.clear();
            self.day.extend_from_slice(day);
            self.day_steps = begins;
        }
        Some(steps)
    }
}

/// Seconds since midnight of `10:00:00`.
#[inline]
fn second_of_day(clock: u64) -> Option<i64> {
    const COLONS: u64 = 0x0000_3a00_003a_0000;
    const AT_COLONS: u64 = 0x0000_ff00_00ff_0000;
    if clock & AT_COLONS != COLONS || !are_digits(clock & !AT_COLONS | ZEROS & AT_COLONS) {
        return None;
    }
    let [a, b, _, c, d, _, e, f] = clock.to_le_bytes();
    let two = |tens: u8, ones: u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    let (hours, minutes, seconds) = (two(a, b), two(c, d), two(e, f));
    (hours < 24 && minutes < 60 && seconds < 60).then_some(hours * 3_600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cells::PADDING;

    proptest! {
        #[test]
        fn short_floats_are_read_as_the_long_way_does(
            number in "-?[0-9]{0,5}[./:]?[0-9]{0,5}[x.]?",
            before in "[0-9,]{0,3}",
            after in "[0-9.,]{0,9}",
            decimals in 0_u8..5,
        ) {
            let mut text = format!("{before}{number}{after}").into_bytes();
            text.extend_from_slice(&[0; PADDING]);
            let span = Span::text(0, u32::try_from(before.len()).unwrap(), u32::try_from(number.len()).unwrap());
            for form in [FloatForm::Shortest, FloatForm::Point, FloatForm::Fixed(decimals)] {
                let long = number::parse_float(number.as_bytes(), form);
                prop_assert_eq!(float(&text, span, form).map(f64::to_bits), long.map(f64::to_bits));
            }
        }
    }
}
