use proptest::prelude::*;

use super::*;

/// Writes down what it is given.
#[derive(Default)]
struct Notes(Vec<(String, Option<String>)>);

impl Sink for Notes {
    fn begin(&mut self, _utf8: bool) {}

    fn put(&mut self, field: Field<'_>, value: Value<'_>) {
        let name = match field {
            Field::Fixed(fixed) => format!("<{}>", fixed.name()),
            Field::Place(place) => place.to_string(),
            Field::Name(name) | Field::Key { name, .. } => String::from_utf8_lossy(name).into_owned(),
        };
        let text = if let Value::Text(text) = value {
            Some(String::from_utf8_lossy(text).into_owned())
        } else {
            None
        };
        self.0.push((name, text));
    }

    fn undo(&mut self) {}
}

fn parse(record: &str) -> Vec<(String, Option<String>)> {
    let mut notes = Notes::default();
    Cef::default().parse(record.as_bytes(), &mut notes);
    notes.0
}

#[track_caller]
fn check(record: &str, want: &[&str]) {
    let seen: Vec<String> = parse(record)
        .into_iter()
        .map(|(name, text)| format!("{name}={}", text.as_deref().unwrap_or("null")))
        .collect();
    assert_eq!(seen, want, "{record}");
}

#[test]
fn cef_has_a_header_and_an_extension() {
    let head =
        ["cef_version=0", "device_vendor=Security", "device_product=threat|manager", "device_version=1.0"];
    let event = ["signature_id=100", "name=worm \\ stopped", "severity=10"];
    let all = |tail: &[&'static str]| [&head[..], &event[..], tail].concat();
    let prefix = "CEF:0|Security|threat\\|manager|1.0|100|worm \\\\ stopped|10|";
    check(
        &format!(
            "{prefix}src=192.0.2.1 msg=two words, a\\=b\\nand more  dst= request=http://x/?a=1&b=2 path=C:\\t|x"
        ),
        &all(&[
            "src=192.0.2.1",
            "msg=two words, a=b\nand more ",
            "dst=null",
            "request=http://x/?a=1&b=2",
            "path=C:\\t|x",
        ]),
    );
    check(prefix, &all(&[]));
    check(prefix.strip_suffix('|').unwrap(), &all(&[]));
    check(&format!("{prefix}no pairs"), &all(&["<message>=no pairs"]));
    check(&format!("{prefix}note a=1 message=x y"), &all(&["<message>=note ", "a=1", "<message>=x y"]));
}

#[test]
fn leef_has_its_own_delimiter() {
    let head = |version: &str| {
        [&format!("leef_version={version}"), "device_vendor=IBM", "device_product=QRadar"].map(str::to_owned)
    };
    for (record, version) in [
        ("LEEF:1.0|IBM|QRadar|7|4000|src=192.0.2.1\tusr=joe b\turl=a=b\t", "1.0"),
        ("LEEF:2.0|IBM|QRadar|7|4000|^|src=192.0.2.1^usr=joe b^url=a=b", "2.0"),
        ("LEEF:2.0|IBM|QRadar|7|4000|x5E|src=192.0.2.1^usr=joe b^url=a=b", "2.0"),
        ("LEEF:2.0|IBM|QRadar|7|4000||src=192.0.2.1\tusr=joe b\turl=a=b", "2.0"),
        ("LEEF:2.0|IBM|QRadar|7|4000|src=192.0.2.1\tusr=joe b\turl=a=b", "2.0"),
    ] {
        let head = head(version);
        let mut want: Vec<&str> = head.iter().map(String::as_str).collect();
        want.extend(["device_version=7", "signature_id=4000", "src=192.0.2.1", "usr=joe b", "url=a=b"]);
        check(record, &want);
    }
}

#[test]
fn anything_else_is_the_message() {
    for record in ["", "CEF:0|a|b", "CEF:x|a|b|c|d|e|f|", "LEEF:1.0|a", "cef:0|a|b|c|d|e|f|", "CEF"] {
        assert!(!is_event(record.as_bytes()), "{record}");
        check(record, &[&format!("<message>={record}")]);
    }
}

fn escaped(text: &str, extension: bool) -> String {
    let text = text.replace('\\', "\\\\");
    if extension {
        text.replace('=', "\\=").replace('\n', "\\n").replace('\r', "\\r")
    } else {
        text.replace('|', "\\|")
    }
}

proptest! {
    #[test]
    fn what_is_written_comes_back(
        header in prop::collection::vec("[ -~]{1,12}", 6),
        values in prop::collection::vec("[ -~\n\r]{0,20}", 0..6),
    ) {
        let mut record = "CEF:0|".to_owned();
        for text in &header {
            record.push_str(&escaped(text, false));
            record.push('|');
        }
        let pairs: Vec<String> =
            values.iter().enumerate().map(|(n, value)| format!("k{n}={}", escaped(value, true))).collect();
        record.push_str(&pairs.join(" "));
        let texts = header.iter().chain(&values).map(|text| Some(text.clone()).filter(|text| !text.is_empty()));
        let want: Vec<Option<String>> = std::iter::once(Some("0".to_owned())).chain(texts).collect();
        let seen: Vec<Option<String>> = parse(&record).into_iter().map(|(_, text)| text).collect();
        prop_assert_eq!(seen, want);
    }

    #[test]
    fn no_bytes_are_too_odd(record in "(CEF:0|LEEF:2.0|)[|=\\\\ a^\t]{0,40}") {
        parse(&record);
    }
}

#[test]
fn logs_of_it_are_recognised() {
    let event = "CEF:0|Vendor|Product|1|100|n|5|app=ssl src=192.0.2.1";
    for (record, want) in [
        (event.to_owned(), "CEF"),
        (format!("<14>Feb 10 10:05:03 fw {event}"), "syslog (RFC 3164) over CEF"),
        (format!("<14>Feb 10 10:05:03 fw {}", event.replace("CEF:", "CEF: ")), "syslog (RFC 3164) over CEF"),
        (format!("<14>1 2026-02-10T10:05:03Z fw - - - - {event}"), "syslog (RFC 5424) over CEF"),
        ("LEEF:1.0|IBM|QRadar|7|4000|src=192.0.2.1\tusr=joe".to_owned(), "LEEF"),
    ] {
        let mut block = ingest_core::records::RecordBlock::default();
        block.push(record.as_bytes());
        block.push(b"a line of another kind");
        block.push(record.as_bytes());
        assert_eq!(crate::recognise(&block).to_string(), want, "{record}");
    }
}
