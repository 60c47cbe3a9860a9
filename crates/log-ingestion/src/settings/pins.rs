//! Pins: shape and types of a log, fixed by a person before its first window.
//!
//! Decides what a pin file means and what is wrong with it. Never applies one: the pipeline does, and only to logs
//! without a committed schema.

use std::collections::BTreeMap;
use std::path::Path;

use ingest_core::ledger::LogState;
use ingest_core::schema::{PinnedType, TableSchema};
use ingest_core::shape::{Body, CsvDialect, Envelope, Inner, Outer, Shape};
use serde_json::{Map, Value};

const ENDING: &str = ".json";
const KEYS: [&str; 5] = ["format", "envelope", "delimiter", "columns", "types"];
const FORMATS: &str = "csv, json, kvp, ltsv, syslog, access, cef, leef, xml or text";
/// What may be named as `envelope`, alone or an outer and an inner one.
const ENVELOPES: &str = "syslog3164, syslog5424, cri, timed, time, timed_tab, timed_comma, \
     timed_bar, two_lines, levelled or uptime, nor two of them as syslog3164+timed";

/// All pins, by the name or the slug of their log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins(BTreeMap<String, Pin>);

/// What is fixed of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pin {
    /// Its shape; recognised where nothing is said.
    pub shape: Option<Shape>,
    /// Types of its fields.
    pub types: BTreeMap<String, PinnedType>,
}

impl Pins {
    /// The pins of a folder, `<log>.json` each.
    ///
    /// # Errors
    /// What is wrong, a line each file.
    pub(super) fn load(folder: &Path) -> Result<Self, Vec<String>> {
        let failed = |error: &dyn std::fmt::Display| vec![format!("{}: {error}", folder.display())];
        let entries = std::fs::read_dir(folder).map_err(|error| failed(&error))?;
        let (mut pins, mut faults) = (BTreeMap::new(), Vec::new());
        for entry in entries {
            let path = entry.map_err(|error| failed(&error))?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(log) = file.strip_suffix(ENDING) else { continue };
            let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
            match text.and_then(|text| Pin::parse(&text)) {
                Ok(pin) => {
                    pins.insert(log.to_owned(), pin);
                }
                Err(reason) => faults.push(format!("{file}: {reason}")),
            }
        }
        faults.sort();
        if faults.is_empty() { Ok(Self(pins)) } else { Err(faults) }
    }

    /// The pin of a log, if there is one.
    #[must_use]
    pub fn of(&self, log: &LogState) -> Option<&Pin> {
        self.0.get(&log.name).or_else(|| self.0.get(&log.slug.to_string()))
    }
}

impl Pin {
    /// Reads one file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(path: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        text.and_then(|text| Self::parse(&text))
    }

    /// Reads a pin file.
    fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        let Value::Object(map) = value else { return Err("is not a JSON object".to_owned()) };
        if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("{key:?} is none of {}", KEYS.join(", ")));
        }
        let pin = Self { shape: shape(&map)?, types: types(&map)? };
        if let Some(Shape { body: Body::Csv(dialect), .. }) = &pin.shape
            && let Some(field) = pin.types.keys().find(|field| !dialect.columns.contains(field))
        {
            return Err(format!("\"types\" names {field:?}, which is no column"));
        }
        Ok(pin)
    }

    /// Whether a schema is another than this pin would have made.
    #[must_use]
    pub fn contradicts(&self, schema: &TableSchema) -> bool {
        let mut columns = schema.columns.iter();
        self.shape.as_ref().is_some_and(|shape| *shape != schema.shape)
            || columns.any(|column| {
                let pinned = self.types.get(&column.field);
                pinned.is_some_and(|pinned| pinned.kind(Some(column.kind)) != column.kind)
            })
    }
}

fn shape(map: &Map<String, Value>) -> Result<Option<Shape>, String> {
    let Some(format) = text(map, "format")? else {
        let stray = ["envelope", "delimiter", "columns"].into_iter().find(|key| map.contains_key(*key));
        return stray.map_or(Ok(None), |key| Err(format!("{key:?} needs \"format\"")));
    };
    let said = text(map, "envelope")?;
    let known = said.map(|said| envelope(said).ok_or_else(|| format!("\"envelope\" is none of {ENVELOPES}")));
    let mut envelope = known.transpose()?;
    let body = match format {
        "csv" => Body::Csv(dialect(map)?),
        "json" => Body::Json,
        "kvp" => Body::KeyValue,
        "access" => Body::Access,
        "ltsv" => Body::Labelled { between: b'\t', sign: b':' },
        "cef" => Body::Cef,
        "leef" => Body::Leef,
        "xml" => Body::WindowsXml,
        "text" => Body::Text,
        "syslog" => {
            envelope = envelope.or(Some(Envelope::Syslog3164));
            Body::Text
        }
        _ => return Err(format!("\"format\" is none of {FORMATS}")),
    };
    if format != "csv" && (map.contains_key("columns") || map.contains_key("delimiter")) {
        return Err("\"columns\" and \"delimiter\" are for csv".to_owned());
    }
    Ok(Some(Shape { envelope, body }))
}

/// An envelope by its name, or one around another by both: `syslog3164+timed`.
fn envelope(said: &str) -> Option<Envelope> {
    match said {
        "syslog3164" => Some(Envelope::Syslog3164),
        "syslog5424" => Some(Envelope::Syslog5424),
        "cri" => Some(Envelope::Cri),
        "timed" => Some(Envelope::Timed { level_after: Some(0) }),
        "time" => Some(Envelope::Timed { level_after: None }),
        "timed_tab" => Some(Envelope::Parted { level_after: 0, mark: b'\t' }),
        "timed_comma" => Some(Envelope::Parted { level_after: 0, mark: b',' }),
        "timed_bar" => Some(Envelope::Parted { level_after: 0, mark: b'|' }),
        "two_lines" => Some(Envelope::TwoLines),
        "levelled" => Some(Envelope::Levelled),
        "uptime" => Some(Envelope::Uptime),
        _ => {
            let (outer, inner) = said.split_once('+')?;
            let (outer, inner) = (Outer::of(envelope(outer)?)?, Inner::of(envelope(inner)?)?);
            Some(Envelope::Within { outer, inner })
        }
    }
}

fn dialect(map: &Map<String, Value>) -> Result<CsvDialect, String> {
    let delimiter = match text(map, "delimiter")?.unwrap_or(",").as_bytes() {
        [byte] if !matches!(byte, b'"' | b'\r' | b'\n') => *byte,
        _ => return Err("\"delimiter\" is not one character of ASCII".to_owned()),
    };
    let names = map.get("columns").and_then(Value::as_array).filter(|names| !names.is_empty());
    let columns: Option<Vec<String>> =
        names.and_then(|names| names.iter().map(|name| name.as_str().map(str::to_owned)).collect());
    let columns = columns.ok_or("\"columns\" is not a list of names, which csv needs")?;
    Ok(CsvDialect {
        delimiter,
        quote: Some(b'"'),
        escape: None,
        columns,
        header: true,
        sections: false,
        null: None,
        empty: None,
        comment: None,
        collapse: false,
        padded: false,
        bracketed: false,
    })
}

fn types(map: &Map<String, Value>) -> Result<BTreeMap<String, PinnedType>, String> {
    let Some(types) = map.get("types") else { return Ok(BTreeMap::new()) };
    let types = types.as_object().ok_or("\"types\" is not an object")?;
    let read = |(field, word): (&String, &Value)| {
        let pinned = word.as_str().and_then(PinnedType::parse);
        let pinned = pinned.ok_or_else(|| format!("{field:?}: {word} is none of {}", PinnedType::ALLOWED))?;
        Ok((field.clone(), pinned))
    };
    types.iter().map(read).collect()
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    map.get(key).map(|value| value.as_str().ok_or_else(|| format!("{key:?} is not a text"))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuse(text: &str, want: &str) {
        let said = Pin::parse(text).unwrap_err();
        assert!(said.contains(want), "{text}: {said}");
    }

    #[test]
    fn files_fix_shape_and_types() {
        let pin = r#"{"format":"csv","delimiter":";","columns":["a","b"],"types":{"a":"text","b":"int64"}}"#;
        let pin = Pin::parse(pin).unwrap();
        let shape = pin.shape.clone().unwrap();
        assert_eq!(shape.to_string(), "CSV (';', 2 columns)");
        let mut schema = TableSchema::new(shape);
        schema.pin(&pin.types);
        assert!(!pin.contradicts(&schema));
        assert!(Pin::parse(r#"{"format":"json"}"#).unwrap().contradicts(&schema));
        assert!(Pin::parse(r#"{"types":{"b":"text"}}"#).unwrap().contradicts(&schema));
        assert!(!Pin::parse("{}").unwrap().contradicts(&schema));
        let syslog = Pin::parse(r#"{"format":"kvp","envelope":"syslog5424"}"#).unwrap().shape.unwrap();
        assert_eq!(syslog.to_string(), "syslog (RFC 5424) over key=value");
    }

    #[test]
    fn every_envelope_has_a_name_and_two_have_both() {
        for (format, envelope, want) in [
            ("json", "timed", "time and level over JSON"),
            ("text", "time", "time over text"),
            ("text", "levelled", "level over text"),
            ("text", "timed_bar", "time and level ('|') over text"),
            ("kvp", "two_lines", "time or level over key=value"),
            ("text", "uptime", "seconds since a start over text"),
            ("kvp", "cri+levelled", "container lines (CRI) over level over key=value"),
            (
                "xml",
                "syslog3164+syslog5424",
                "syslog (RFC 3164) over syslog (RFC 5424) over Windows events (XML)",
            ),
        ] {
            let pin = format!(r#"{{"format":"{format}","envelope":"{envelope}"}}"#);
            assert_eq!(Pin::parse(&pin).unwrap().shape.unwrap().to_string(), want);
        }
        for envelope in ["", "relay", "timed+cri", "syslog3164+cri", "cri+cri", "cri+timed+levelled", "+"] {
            refuse(&format!(r#"{{"format":"text","envelope":"{envelope}"}}"#), "\"envelope\" is none of");
        }
    }

    #[test]
    fn faults_say_what_is_wrong() {
        refuse("[]", "not a JSON object");
        refuse("{", "not JSON");
        refuse(r#"{"colums":[]}"#, "\"colums\" is none of");
        refuse(r#"{"format":"yaml"}"#, "\"format\" is none of");
        refuse(r#"{"format":"csv"}"#, "\"columns\"");
        refuse(r#"{"format":"csv","columns":["a"],"delimiter":";;"}"#, "\"delimiter\"");
        refuse(r#"{"format":"csv","columns":["a"],"types":{"b":"text"}}"#, "no column");
        refuse(r#"{"columns":["a"]}"#, "needs \"format\"");
        refuse(r#"{"types":{"a":"number"}}"#, "int64");
        refuse(r#"{"format":7}"#, "not a text");
    }
}
