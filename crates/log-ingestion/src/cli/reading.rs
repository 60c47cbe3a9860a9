//! Flags that say how a text is written, for files whose beginning says it wrongly or not at all.
//!
//! Only reads words, and the file of a pin; what is not said is recognised.

use clap::Args;
use ingest_tabular::{Encoding, Format, Overrides};

use crate::settings::Pin;

/// Flags of commands that read files.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reading, where it is not to be recognised")]
pub struct ReadingArgs {
    /// Between two fields: a character, or comma, semicolon, tab, pipe, space
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// Around quoted fields: a character, double, single, or none
    #[arg(long, value_name = "CHAR", value_parser = quote)]
    pub quote: Option<Mark>,
    /// Makes a quote inside quotes text: a character, backslash, or none where quotes are doubled
    #[arg(long, value_name = "CHAR", value_parser = escape)]
    pub escape: Option<Mark>,
    /// Whether a blank behind a delimiter is no part of the field, as in `1, x, 2`: yes or no
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub padded: Option<bool>,
    /// Begins lines that are comments: a character, or none
    #[arg(long, value_name = "CHAR", value_parser = comment)]
    pub comment: Option<Mark>,
    /// Whether the first record holds the columns' names: yes or no
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub header: Option<bool>,
    /// Names of the columns
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
    /// Encoding: utf-8, utf-16le, utf-16be, windows-1252 or latin-1
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    pub encoding: Option<Encoding>,
    /// What records are: csv, json, kvp, ltsv, syslog, access, cef, xml or text
    #[arg(long, value_name = "NAME", value_parser = format)]
    pub format: Option<Format>,
    /// Take format, columns and types from a file as PINS_DIR has them
    #[arg(long, value_name = "FILE.json", value_parser = Pin::read,
          conflicts_with_all = ["delimiter", "quote", "escape", "padded", "header", "columns", "format"])]
    pub pin: Option<Pin>,
}

/// A byte that means something, or none that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub Option<u8>);

impl ReadingArgs {
    /// The same, for whoever recognises.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            encoding: self.encoding,
            format: self.format,
            delimiter: self.delimiter,
            quote: self.quote.map(|quote| quote.0),
            escape: self.escape.map(|escape| escape.0),
            padded: self.padded,
            comment: self.comment.map(|comment| comment.0),
            header: self.header,
            columns: self.columns.clone(),
            shape: self.pin.as_ref().and_then(|pin| pin.shape.clone()),
            types: self.pin.as_ref().map(|pin| pin.types.clone()).unwrap_or_default(),
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

fn quote(text: &str) -> Result<Mark, String> {
    mark(text, &[("double", b'"'), ("single", b'\'')])
}

fn escape(text: &str) -> Result<Mark, String> {
    mark(text, &[("backslash", b'\\')])
}

fn comment(text: &str) -> Result<Mark, String> {
    mark(text, &[])
}

fn mark(text: &str, names: &[(&str, u8)]) -> Result<Mark, String> {
    let named = names.iter().find(|(name, _)| *name == text).map(|(_, byte)| *byte);
    // A line end ends records, whatever else it is said to be.
    let said = one_byte(text).filter(|byte| !matches!(byte, b'\n' | b'\r'));
    match named.or(said) {
        _ if text == "none" => Ok(Mark(None)),
        Some(byte) => Ok(Mark(Some(byte))),
        None => {
            let names: String = names.iter().map(|(name, _)| format!("{name}, ")).collect();
            Err(format!("{text:?} is no ASCII character, nor {names}none"))
        }
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
        "ltsv" => Ok(Format::Ltsv),
        "cef" => Ok(Format::Cef),
        "xml" => Ok(Format::Xml),
        "text" => Ok(Format::Text),
        _ => Err(format!("{text:?} is none of csv, json, kvp, ltsv, syslog, access, cef, xml, text")),
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
        assert_eq!(quote("none"), Ok(Mark(None)));
        assert_eq!(quote("'"), Ok(Mark(Some(b'\''))));
        assert!([quote("\r"), escape("\n"), comment("\n")].iter().all(Result::is_err));
        assert_eq!(escape("backslash"), Ok(Mark(Some(b'\\'))));
        assert_eq!(
            quote("backslash").unwrap_err(),
            "\"backslash\" is no ASCII character, nor double, single, none"
        );
    }
}
