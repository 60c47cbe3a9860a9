//! Quarantine: records that no row can be made of, kept whole with the reason.
//!
//! Decides how such a record is named and written. Never decides which records end here (the parsers do),
//! nor where the lines go (the caller does).

use std::fmt;

use ingest_core::records::Record;

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
