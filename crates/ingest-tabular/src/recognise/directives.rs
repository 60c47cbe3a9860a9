//! Directives: text whose first lines say themselves how it is written.
//!
//! Decides the dialect of Zeek logs and of W3C extended logs. Never looks at a data line but to tell W3C's
//! tabs from blanks, and to see that lines which come later than they should are obeyed.

use std::collections::BTreeMap;

use ingest_core::schema::PinnedType;
use ingest_core::shape::CsvDialect;

use crate::parse::csv::Marks;

const COMMENT: u8 = b'#';
/// What the directives begin with that say how fields stand apart, and what they are.
const ZEEK_SEPARATOR: &[u8] = b"#separator ";
const W3C_FIELDS: &[u8] = b"#Fields:";
/// What stands for nothing and for an empty text where no directive says it.
const UNSET: &str = "-";
const ZEEK_EMPTY: &str = "(empty)";
/// Zeek's types whose values are text even where each of them looks like a number.
const ZEEK_TEXTS: [&str; 7] = ["string", "enum", "addr", "subnet", "pattern", "file", "func"];

/// What the directives of a text say.
#[derive(Debug)]
pub(super) struct Directives {
    pub(super) dialect: CsvDialect,
    /// What they say beside the dialect, for footers and people.
    pub(super) facts: BTreeMap<String, String>,
    /// Columns whose types they say.
    pub(super) types: BTreeMap<String, PinnedType>,
}

/// The directives of a text, if there are any.
pub(super) fn read(lines: &[&[u8]]) -> Option<Directives> {
    let directives: Vec<&[u8]> =
        lines.iter().copied().take_while(|line| line.first() == Some(&COMMENT)).collect();
    zeek(&directives).or_else(|| w3c(&directives, lines)).or_else(|| later(lines))
}

/// The first directives behind rows, as where a log was cut before its server began anew: what most of the rows behind
/// them have the fields of. Rows before them go by the same columns as far as they have as many.
fn later(lines: &[&[u8]]) -> Option<Directives> {
    let says = |line: &&[u8]| line.starts_with(W3C_FIELDS) || line.starts_with(ZEEK_SEPARATOR);
    let place = lines.iter().position(says)?;
    let (before, _) = lines.split_at_checked(place)?;
    let is_comment = |line: &&&[u8]| line.first() == Some(&COMMENT);
    let start = place - before.iter().rev().take_while(is_comment).count();
    let lines = lines.get(start..)?;
    let directives: Vec<&[u8]> = lines.iter().take_while(is_comment).copied().collect();
    let seen = zeek(&directives).or_else(|| w3c(&directives, lines))?;
    let rows = lines.iter().skip(directives.len()).take_while(|line| !is_comment(line));
    let (mut all, mut fitting) = (0_usize, 0_usize);
    for row in rows.filter(|row| !row.is_empty()) {
        let mut fields = 0;
        Marks::of(&seen.dialect).split(row, |_| fields += 1);
        all += 1;
        fitting += usize::from(fields == seen.dialect.columns.len());
    }
    (fitting * 2 > all).then_some(seen)
}

fn zeek(directives: &[&[u8]]) -> Option<Directives> {
    let separator = directives.iter().find_map(|line| line.strip_prefix(ZEEK_SEPARATOR))?;
    let delimiter = unescape(separator)?;
    let mut facts = BTreeMap::new();
    let mut columns: Option<Vec<String>> = None;
    let mut kinds = Vec::new();
    let words = |value: &str| value.split(char::from(delimiter)).map(str::to_owned).collect();
    for line in directives {
        let mut parts = line.get(1..)?.splitn(2, |byte| *byte == delimiter);
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (name, value) = (text(name), text(value));
        match name.as_str() {
            "fields" => columns = columns.or_else(|| Some(words(&value))),
            "types" if kinds.is_empty() => {
                kinds = words(&value);
                facts.insert("zeek.types".to_owned(), value);
            }
            "path" | "open" | "set_separator" | "empty_field" | "unset_field" => {
                facts.insert(format!("zeek.{name}"), value);
            }
            _ => {}
        }
    }
    let columns = columns?;
    let said = |name: &str, usual: &str| facts.get(name).cloned().unwrap_or_else(|| usual.to_owned());
    let mut dialect = dialect(delimiter, columns.clone(), said("zeek.unset_field", UNSET));
    dialect.empty = Some(said("zeek.empty_field", ZEEK_EMPTY));
    let types = columns.into_iter().zip(&kinds).filter(|(_, kind)| ZEEK_TEXTS.contains(&kind.as_str()));
    let types = types.filter_map(|(column, _)| Some((column, PinnedType::parse("text")?))).collect();
    Some(Directives { dialect, facts, types })
}

fn w3c(directives: &[&[u8]], lines: &[&[u8]]) -> Option<Directives> {
    let fields = directives.iter().find_map(|line| line.strip_prefix(W3C_FIELDS))?;
    let fields = text(fields);
    let listed = fields.trim();
    // Servers of mail list their fields as they write them.
    if listed.contains(',') && !listed.contains(char::is_whitespace) {
        let columns = listed.split(',').map(str::to_owned).collect();
        let dialect = CsvDialect { quote: Some(b'"'), ..dialect(b',', columns, UNSET.to_owned()) };
        return Some(Directives { dialect, facts: w3c_facts(directives), types: BTreeMap::new() });
    }
    let columns: Vec<String> = listed.split_ascii_whitespace().map(str::to_owned).collect();
    let data = lines.iter().find(|line| line.first().is_some_and(|byte| *byte != COMMENT));
    let delimiter = if data.is_some_and(|line| line.contains(&b'\t')) { b'\t' } else { b' ' };
    let quoted = data.is_some_and(|line| memchr::memmem::find(line, b" \"").is_some());
    let mut dialect = dialect(delimiter, columns, UNSET.to_owned());
    dialect.quote = quoted.then_some(b'"');
    Some(Directives { dialect, facts: w3c_facts(directives), types: BTreeMap::new() })
}

fn w3c_facts(directives: &[&[u8]]) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    for line in directives {
        for name in ["Version", "Software", "Date"] {
            let value = line.strip_prefix(b"#").and_then(|line| line.strip_prefix(name.as_bytes()));
            if let Some(value) = value.and_then(|value| value.strip_prefix(b":")) {
                facts.insert(format!("w3c.{}", name.to_ascii_lowercase()), text(value).trim().to_owned());
            }
        }
    }
    facts
}

const fn dialect(delimiter: u8, columns: Vec<String>, null: String) -> CsvDialect {
    let comment = Some(COMMENT);
    CsvDialect {
        delimiter,
        quote: None,
        escape: None,
        columns,
        header: false,
        sections: false,
        null: Some(null),
        empty: None,
        comment,
        collapse: false,
        padded: false,
        bracketed: false,
    }
}

/// The byte of `\x09`, or of a single character.
fn unescape(separator: &[u8]) -> Option<u8> {
    match separator {
        [byte] => Some(*byte),
        [b'\\', b'x', hex @ ..] => u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok(),
        _ => None,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
