//! Lines of kernels and servers that count from their start: `[    1.234567] usb 1-1: new device`.
//!
//! Decides where the count ends. It is seconds since a start that nobody says: a number, and no time.

use super::{Field, Fixed, Sink, Value};

/// Decimals of such a count: microseconds as Linux writes them, or milliseconds as X does.
const DECIMALS: [usize; 2] = [6, 3];

/// The parts of a record with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    seconds: &'a [u8],
    /// What follows the header, if anything does.
    pub(crate) body: Option<&'a [u8]>,
}

impl Header<'_> {
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        sink.put(Field::Fixed(Fixed::Uptime), Value::Text(self.seconds));
    }
}

/// Splits a record; `None` when it does not begin with such a count.
pub(crate) fn split(record: &[u8]) -> Option<Header<'_>> {
    let inner = record.strip_prefix(b"[")?.trim_ascii_start();
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(inner);
    let decimals = digits(inner.get(whole..)?.strip_prefix(b".")?);
    let (seconds, rest) = inner.split_at_checked(whole + 1 + decimals)?;
    let body = match rest {
        [b']'] => None,
        [b']', b' ', body @ ..] => Some(body),
        // The thread that speaks may stand behind the time, in brackets as well.
        [b']', b'[', ..] => rest.get(1..),
        _ => return None,
    };
    (whole > 0 && DECIMALS.contains(&decimals)).then_some(Header { seconds, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, want: Option<[&str; 2]>) {
        let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        let parts = split(record.as_bytes())
            .map(|header| [header.seconds, header.body.unwrap_or_default()].map(text));
        assert_eq!(parts, want.map(|want| want.map(str::to_owned)), "{record}");
    }

    #[test]
    fn seconds_in_brackets_begin_a_line() {
        check("[    1.234567] usb 1-1: x", Some(["1.234567", "usb 1-1: x"]));
        check("[12345.678901]  x", Some(["12345.678901", " x"]));
        check("[    0.000000][    T1] x", Some(["0.000000", "[    T1] x"]));
        check("[    22.123] (II) x", Some(["22.123", "(II) x"]));
        check("[    0.000000]", Some(["0.000000", ""]));
        for record in [
            "",
            "[",
            "[x] y",
            "[1] x",
            "[1.5] x",
            "[1.234567 x",
            "[1.234567]x",
            "[-1.234567] x",
            "[.234567] x",
            "1.234567 x",
        ] {
            check(record, None);
        }
    }
}
