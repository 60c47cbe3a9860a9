//! Flags that say how a text is written, for files whose beginning says it wrongly or not at all.
//!
//! Only reads words; what is not said is recognised.

use clap::Args;
use ingest_tabular::{Encoding, Format, Overrides};

/// Flags of commands that read files.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reading, where it is not to be recognised")]
pub struct ReadingArgs {
    /// Between two fields: a character, or comma, semicolon, tab, pipe, space
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// Around quoted fields: a character, double, single, or none
    #[arg(long, value_name = "CHAR", value_parser = quote)]
    pub quote: Option<Quote>,
    /// Whether the first record holds the columns' names: yes or no
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub header: Option<bool>,
    /// Names of the columns
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
    /// Encoding: utf-8, utf-16le, utf-16be, windows-1252 or latin-1
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    pub encoding: Option<Encoding>,
    /// What records are: csv, json, kvp, syslog, access or text
    #[arg(long, value_name = "NAME", value_parser = format)]
    pub format: Option<Format>,
}

/// The byte around quoted fields, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote(pub Option<u8>);

impl ReadingArgs {
    /// The same, for whoever recognises.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            encoding: self.encoding,
            format: self.format,
            delimiter: self.delimiter,
            quote: self.quote.map(|quote| quote.0),
            header: self.header,
            columns: self.columns.clone(),
        }
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "comma" => Ok(b','),
        "semicolon" => Ok(b';'),
        "tab" | "\\t" => Ok(b'\t'),
        "pipe" => Ok(b'|'),
        "space" => Ok(b' '),
        _ => one_byte(text).filter(|byte| !matches!(byte, b'\n' | b'\r' | b'"')).ok_or_else(|| {
            format!("{text:?} is no ASCII character, nor comma, semicolon, tab, pipe or space")
        }),
    }
}

fn quote(text: &str) -> Result<Quote, String> {
    match text {
        "none" => Ok(Quote(None)),
        "double" => Ok(Quote(Some(b'"'))),
        "single" => Ok(Quote(Some(b'\''))),
        _ => one_byte(text)
            .map(|byte| Quote(Some(byte)))
            .ok_or_else(|| format!("{text:?} is no ASCII character, nor double, single or none")),
    }
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{text:?} is neither yes nor no")),
    }
}

fn encoding(text: &str) -> Result<Encoding, String> {
    Encoding::named(text).ok_or_else(|| {
        let names = Encoding::ALL.map(Encoding::name).join(", ");
        format!("{text:?} is none of {names}")
    })
}

fn format(text: &str) -> Result<Format, String> {
    match text {
        "csv" => Ok(Format::Csv),
        "json" => Ok(Format::Json),
        "kvp" => Ok(Format::KeyValue),
        "syslog" => Ok(Format::Syslog),
        "access" => Ok(Format::Access),
        "text" => Ok(Format::Text),
        _ => Err(format!("{text:?} is none of csv, json, kvp, syslog, access, text")),
    }
}

fn one_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Some(*byte),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_names() {
        for (text, want) in
            [("tab", Some(b'\t')), (";", Some(b';')), ("space", Some(b' ')), ("ab", None), ("\n", None)]
        {
            assert_eq!(delimiter(text).ok(), want, "{text:?}");
        }
        assert_eq!(quote("none"), Ok(Quote(None)));
        assert_eq!(quote("'"), Ok(Quote(Some(b'\''))));
    }
}
