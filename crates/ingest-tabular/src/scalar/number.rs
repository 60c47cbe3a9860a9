//! Plain decimal numbers: `-?digits(.digits)?`, without exponents, plus signs or leading zeros.
//!
//! Decides which number types a text prints back from. Never rounds in silence: what does not print back
//! byte for byte is not a number here.

use ingest_core::schema::{DECIMAL_DIGITS_MAX, Fits, FloatForm};

/// Significant digits that any float keeps, in both directions.
const DIGITS_EXACT: usize = 15;
/// Longest text for which counting digits is proof enough: no float of this length over- or underflows.
const COUNTED_LEN_MAX: usize = 32;
/// Whole numbers up to this size are floats without loss.
const FLOAT_INT_MAX: u64 = 1 << 53;
/// 2001-09-09 to 2100-01-01: ten digits, in the years in which logs are written.
pub(super) const EPOCH_SECONDS: std::ops::Range<u64> = 1_000_000_000..4_102_444_800;
/// Digits of all of them.
const EPOCH_DIGITS: usize = 10;
/// Digits of an `i64` that can not overflow it.
const INT_DIGITS_SAFE: usize = 18;

/// The parts of a plain decimal number.
struct Number<'a> {
    negative: bool,
    whole: &'a [u8],
    decimals: Option<&'a [u8]>,
}

/// The number types that the text survives; `None` when it is no plain decimal number.
pub(crate) fn fits(text: &[u8]) -> Option<Fits> {
    let number = scan(text)?;
    let fits = match number.decimals {
        None => whole_fits(&number, text),
        Some(decimals) => float_fits(&number, decimals, text),
    };
    Some(fits | decimal_fits(&number) | epoch_fits(&number))
}

/// Seconds since 1970 with decimals, in the years of logs.
fn epoch_fits(number: &Number<'_>) -> Fits {
    if number.negative || number.whole.len() != EPOCH_DIGITS {
        return Fits::NONE;
    }
    let decimals = number.decimals.unwrap_or_default();
    let seconds = number.whole.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    if !EPOCH_SECONDS.contains(&seconds) {
        return Fits::NONE;
    }
    u8::try_from(decimals.len()).map_or(Fits::NONE, Fits::epoch_fraction)
}

/// Decimals without the zeros at their end, which say nothing of an instant.
pub(super) fn without_zeros(decimals: &[u8]) -> &[u8] {
    let len = decimals.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    decimals.get(..len).unwrap_or_default()
}

/// Whole seconds since 1970 and their decimals, in the years of logs.
pub(crate) fn epoch_parts(text: &[u8]) -> Option<(i64, &[u8])> {
    let number = scan(text)?;
    if epoch_fits(&number) == Fits::NONE {
        return None;
    }
    let seconds = number.whole.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((seconds, number.decimals.unwrap_or_default()))
}

/// The whole number, when it prints back.
pub(crate) fn parse_int(text: &[u8]) -> Option<i64> {
    let number = scan(text).filter(|n| n.decimals.is_none())?;
    if number.negative && number.whole == b"0" {
        return None;
    }
    if number.whole.len() <= INT_DIGITS_SAFE {
        let size = number.whole.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        return Some(if number.negative { -size } else { size });
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The float, when it prints back in this form.
pub(crate) fn parse_float(text: &[u8], form: FloatForm) -> Option<f64> {
    let bit = match form {
        FloatForm::Shortest => Fits::FLOAT_SHORTEST,
        FloatForm::Point => Fits::FLOAT_POINT,
        FloatForm::Fixed(decimals) => Fits::fixed(decimals),
    };
    fits(text).filter(|all| all.has(bit))?;
    read_float(text)
}

/// The number without its point, when it has so many decimals and prints back from them.
pub(crate) fn parse_decimal(text: &[u8], scale: u8) -> Option<i128> {
    let number = scan(text)?;
    if !decimal_fits(&number).has(Fits::decimal(scale)) {
        return None;
    }
    let digits = number.whole.iter().chain(number.decimals.unwrap_or_default());
    let size = digits.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    Some(if number.negative { -size } else { size })
}

/// The number with its point again.
pub(crate) fn print_decimal(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, decimals)) if !decimals.is_empty() => format!("{sign}{whole}.{decimals}"),
        _ => format!("{sign}{digits}"),
    }
}

/// The shortest digits that read back, without an exponent.
pub(crate) fn print_shortest(value: f64) -> String {
    value.to_string()
}

/// The same with a point.
pub(crate) fn print_point(value: f64) -> String {
    let mut text = value.to_string();
    if value.is_finite() && !text.contains('.') {
        text.push_str(".0");
    }
    text
}

fn scan(text: &[u8]) -> Option<Number<'_>> {
    let (negative, rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let whole_len = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (whole, tail) = rest.split_at_checked(whole_len)?;
    if whole.is_empty() || (whole.len() > 1 && whole.first() == Some(&b'0')) {
        return None;
    }
    let decimals = match tail.split_first() {
        None => None,
        Some((b'.', digits)) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => Some(digits),
        Some(_) => return None,
    };
    Some(Number { negative, whole, decimals })
}

fn whole_fits(number: &Number<'_>, text: &[u8]) -> Fits {
    let Some(value) = parse_int(text) else {
        // Only minus zero is a float and no whole number; what is beyond 64 bits is neither, but a decimal.
        return if number.whole == b"0" { Fits::FLOAT_SHORTEST } else { Fits::NONE };
    };
    let size = value.unsigned_abs();
    let mut all = Fits::INT64;
    if size <= FLOAT_INT_MAX {
        all = all | Fits::FLOAT_SHORTEST;
    }
    if !number.negative && EPOCH_SECONDS.contains(&size) {
        all = all | Fits::EPOCH_SECONDS;
    }
    if !number.negative && EPOCH_SECONDS.contains(&(size / 1_000)) {
        all = all | Fits::EPOCH_MILLIS;
    }
    all
}

/// Exact decimals know no minus zero.
fn decimal_fits(number: &Number<'_>) -> Fits {
    let decimals = number.decimals.unwrap_or_default();
    let whole_digits = if number.whole == b"0" { 0 } else { number.whole.len() };
    let minus_zero = number.negative && whole_digits == 0 && decimals.iter().all(|digit| *digit == b'0');
    if minus_zero || whole_digits + decimals.len() > usize::from(DECIMAL_DIGITS_MAX) {
        return Fits::NONE;
    }
    u8::try_from(decimals.len()).map_or(Fits::NONE, Fits::decimal)
}

fn float_fits(number: &Number<'_>, decimals: &[u8], text: &[u8]) -> Fits {
    let whole_digits = if number.whole == b"0" { 0 } else { number.whole.len() };
    let counted = whole_digits + decimals.len() <= DIGITS_EXACT && text.len() <= COUNTED_LEN_MAX;
    let mut all = Fits::NONE;
    if counted {
        all = all | u8::try_from(decimals.len()).map_or(Fits::NONE, Fits::fixed);
    }
    if decimals == b"0" {
        if counted || prints_back(text, print_point) {
            all = all | Fits::FLOAT_POINT;
        }
    } else if decimals.last() != Some(&b'0') && (counted || prints_back(text, print_shortest)) {
        all = all | Fits::FLOAT_SHORTEST | Fits::FLOAT_POINT;
    }
    all
}

fn prints_back(text: &[u8], print: fn(f64) -> String) -> bool {
    read_float(text).is_some_and(|value| value.is_finite() && print(value).as_bytes() == text)
}

fn read_float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
