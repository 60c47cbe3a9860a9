//! Headers that a collector wants with what it is sent, a token as a rule: names, and values that are percent-encoded.
//!
//! Decides which lists can be used. A value is marked as sensitive, so that nothing shows it.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// Headers that belong to the message, not to whoever sends it.
const OF_THE_MESSAGE: [&str; 4] = ["content-type", "content-length", "transfer-encoding", "host"];

/// Reads `name=value,name=value`; of several with one name the last counts. `None` where anything of it cannot be used.
///
/// Source: OpenTelemetry, "OTLP Exporter Configuration": W3C Baggage without properties, so that a comma, a blank or a `%`
/// in a value is written `%2C`, `%20`, `%25`.
pub(super) fn read(text: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for header in text.split(',').map(str::trim).filter(|header| !header.is_empty()) {
        let (name, value) = header.split_once('=')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        let mut value = HeaderValue::from_bytes(&decoded(value.trim())?).ok()?;
        value.set_sensitive(true);
        if OF_THE_MESSAGE.contains(&name.as_str()) {
            return None;
        }
        headers.insert(name, value);
    }
    Some(headers)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut decoded) = (text.bytes(), Vec::with_capacity(text.len()));
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { byte });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<&[(&str, &str)]>) {
        let read = read(text);
        let mut have: Option<Vec<(String, String)>> = read.map(|headers| {
            let pairs = headers.iter();
            pairs.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
        });
        have.iter_mut().for_each(|pairs| pairs.sort());
        let want = want.map(|pairs| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect());
        assert_eq!(have, want, "{text}");
    }

    #[test]
    fn values_are_percent_encoded() {
        check("", Some(&[]));
        check("Authorization=Bearer%20abc", Some(&[("authorization", "Bearer abc")]));
        check(" x-a = 1 , x-b=a%2Cb%3d=%25,", Some(&[("x-a", "1"), ("x-b", "a,b==%")]));
        check("authorization=Basic dXNlcjpwdw==", Some(&[("authorization", "Basic dXNlcjpwdw==")]));
        check("x-a=1,X-A=2", Some(&[("x-a", "2")]));
        check("x-a=", Some(&[("x-a", "")]));
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for text in ["token", "=x", "x a=1", "x=%2", "x=%zz", "x=a%0D%0Ab", "Content-Type=a", "x=1,host=b"] {
            check(text, None);
        }
    }

    #[test]
    fn a_value_is_never_shown() {
        let shown = format!("{:?}", read("authorization=Bearer%20se-cret").unwrap());
        assert!(shown.contains("authorization") && !shown.contains("cret"), "{shown}");
    }
}
