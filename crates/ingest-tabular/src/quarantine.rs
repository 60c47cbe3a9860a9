//! Quarantine: records that no row can be made of, kept whole with the reason.
//!
//! Decides how such a record is named, written and read again. Never decides which records end here (the parsers
//! do), nor where the lines go (the caller does).

use std::fmt;

use ingest_core::records::{Receipt, Record, Sequence};
use ingest_core::time::Timestamp;
use serde::Deserialize;

/// Why a record could not become a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The log is JSON and the record is no JSON object; mostly one that was cut at 64 KiB.
    NotJson,
    /// Fewer fields than columns.
    ShortRow,
    /// More fields than columns.
    LongRow,
    /// A quoted field that does not end.
    UnclosedQuote,
    /// The log is an access log and the record is none of its lines.
    NotAccessLog,
    /// A record without text, where a row needs some.
    Empty,
    /// An event that repeats the column names.
    HeaderLine,
    /// An event that is a comment of its dialect.
    CommentLine,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NotJson,
        Self::ShortRow,
        Self::LongRow,
        Self::UnclosedQuote,
        Self::NotAccessLog,
        Self::Empty,
        Self::HeaderLine,
        Self::CommentLine,
    ];

    /// The reason of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// Its name in files and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::ShortRow => "short_row",
            Self::LongRow => "long_row",
            Self::UnclosedQuote => "unclosed_quote",
            Self::NotAccessLog => "not_access_log",
            Self::Empty => "empty",
            Self::HeaderLine => "header_line",
            Self::CommentLine => "comment_line",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Takes what can not be stored as a row.
pub trait Quarantine {
    /// Takes one record. It is counted by the encoder; the taker must not lose it.
    fn take(&mut self, record: Record<'_>, reason: Reason);
}

/// One line of a quarantine file, without its line end: a JSON object that gives the record's bytes back.
#[must_use]
pub fn quarantine_line(record: Record<'_>, reason: Reason) -> String {
    let mut line = format!("{{\"reason\":\"{reason}\",\"ordinal\":{}", record.ordinal);
    if let Some(receipt) = record.receipt {
        line.push_str(&format!(
            ",\"received\":\"{}\",\"sequence\":\"{}\"",
            receipt.received, receipt.sequence.0
        ));
    }
    match std::str::from_utf8(record.bytes) {
        Ok(text) => {
            line.push_str(",\"raw\":");
            push_json_string(&mut line, text);
        }
        Err(_not_text) => {
            line.push_str(",\"raw_hex\":\"");
            push_hex(&mut line, record.bytes);
            line.push('"');
        }
    }
    line.push('}');
    line
}

/// A record as a quarantine file gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Why it was no row.
    pub reason: Reason,
    /// Its place in its source.
    pub ordinal: u64,
    /// Receive time and sequence, where its source gave them.
    pub receipt: Option<Receipt>,
    /// Its bytes, as they came.
    pub bytes: Vec<u8>,
}

/// Why a line is none of a quarantine file.
#[derive(Debug, thiserror::Error)]
pub enum NotQuarantined {
    /// No JSON object, or none with these fields.
    #[error("it is not the JSON object of a quarantined record")]
    Json(#[source] serde_json::Error),
    /// A reason that this version does not know.
    #[error("its reason {0:?} is unknown")]
    Reason(String),
    /// Neither text nor bytes, or both, or digits that are no hexadecimal.
    #[error("it gives no record as `raw` or `raw_hex`")]
    Bytes,
    /// Half of a receipt, or one that is no time or number.
    #[error("its `received` and `sequence` are no receipt")]
    Receipt,
}

/// The fields of a line. What is not known might belong to the record, so it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    reason: String,
    ordinal: u64,
    received: Option<String>,
    sequence: Option<String>,
    raw: Option<String>,
    raw_hex: Option<String>,
}

/// Takes a line that [`quarantine_line`] wrote back.
///
/// # Errors
/// When it is none.
pub fn read_quarantine_line(line: &[u8]) -> Result<Quarantined, NotQuarantined> {
    let line: Line = serde_json::from_slice(line).map_err(NotQuarantined::Json)?;
    let Line { reason, ordinal, received, sequence, raw, raw_hex } = line;
    let reason = Reason::named(&reason).ok_or(NotQuarantined::Reason(reason))?;
    let receipt = match (received, sequence) {
        (None, None) => None,
        (Some(received), Some(sequence)) => {
            Some(receipt(&received, &sequence).ok_or(NotQuarantined::Receipt)?)
        }
        (Some(_), None) | (None, Some(_)) => return Err(NotQuarantined::Receipt),
    };
    let bytes = match (raw, raw_hex) {
        (Some(text), None) => Some(text.into_bytes()),
        (None, Some(hex)) => unhex(hex.as_bytes()),
        (Some(_), Some(_)) | (None, None) => None,
    };
    Ok(Quarantined { reason, ordinal, receipt, bytes: bytes.ok_or(NotQuarantined::Bytes)? })
}

fn receipt(received: &str, sequence: &str) -> Option<Receipt> {
    let sequence = Sequence(sequence.parse().ok()?);
    // Instants at the very end of the year 9999 are written so.
    let received = received.strip_suffix("ms").unwrap_or(received);
    Some(Receipt { received: Timestamp::parse(received).ok()?, sequence })
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

/// Appends a text as a JSON string.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => push_escape(out, c),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends bytes as lower-case hexadecimal.
pub(crate) fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        push_hex_byte(out, *byte);
    }
}

fn push_escape(out: &mut String, c: char) {
    out.push_str("\\u00");
    push_hex_byte(out, u8::try_from(u32::from(c)).unwrap_or(b'?'));
}

fn push_hex_byte(out: &mut String, byte: u8) {
    for digit in [byte >> 4, byte & 0xf] {
        out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)]
    }

    proptest! {
        #[test]
        fn a_written_line_reads_back(
            bytes in records(),
            reason in proptest::sample::select(&Reason::ALL[..]),
            ordinal: u64,
            receipt: Option<(i64, i64)>,
        ) {
            let receipt = receipt.map(|(received, sequence)| Receipt {
                received: Timestamp::from_millis(received),
                sequence: Sequence(sequence),
            });
            let line = quarantine_line(Record { bytes: &bytes, receipt, ordinal }, reason);
            prop_assert!(!line.contains(['\n', '\r']));
            let read = read_quarantine_line(line.as_bytes()).unwrap();
            prop_assert_eq!(read, Quarantined { reason, ordinal, receipt, bytes });
        }
    }

    #[track_caller]
    fn refuse(line: &str, want: &str) {
        let said = read_quarantine_line(line.as_bytes()).unwrap_err().to_string();
        assert!(said.contains(want), "{line}: {said}");
    }

    #[test]
    fn damage_is_named() {
        refuse("", "JSON object");
        refuse(r#"{"reason":"empty","ordinal":1,"raw":"x"#, "JSON object");
        refuse(r#"{"reason":"empty","ordinal":1,"raw":"x","more":1}"#, "JSON object");
        refuse(r#"{"reason":"tired","ordinal":1,"raw":"x"}"#, "\"tired\" is unknown");
        refuse(r#"{"reason":"empty","ordinal":1}"#, "raw");
        refuse(r#"{"reason":"empty","ordinal":1,"raw":"x","raw_hex":"00"}"#, "raw");
        refuse(r#"{"reason":"empty","ordinal":1,"raw_hex":"0"}"#, "raw");
        refuse(r#"{"reason":"empty","ordinal":1,"raw_hex":"+1"}"#, "raw");
        refuse(r#"{"reason":"empty","ordinal":1,"raw":"x","sequence":"1"}"#, "receipt");
        refuse(r#"{"reason":"empty","ordinal":1,"raw":"x","sequence":"1","received":"noon"}"#, "receipt");
    }
}
