use super::*;

/// Writes down what it is given: `name=text`, JSON values with their kind.
#[derive(Default)]
struct Notes(Vec<String>);

impl Sink for Notes {
    fn begin(&mut self, _utf8: bool) {
        self.0.clear();
    }

    fn put(&mut self, field: Field<'_>, value: Value<'_>) {
        let name = match field {
            Field::Fixed(fixed) => format!("<{}>", fixed.name()),
            Field::Place(place) => place.to_string(),
            Field::Name(name) | Field::Key { name, .. } => String::from_utf8_lossy(name).into_owned(),
        };
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let value = match value {
            Value::Null => "null".to_owned(),
            Value::Text(text) => show(text),
            Value::String { text, exact: true, .. } => format!("s:{}", show(text)),
            Value::String { text, raw, .. } => format!("lone:{} {}", show(text), show(raw)),
            Value::Number(raw) => format!("n:{}", show(raw)),
            Value::Bool(value) => format!("b:{value}"),
            Value::Raw(raw) => format!("r:{}", show(raw)),
        };
        self.0.push(format!("{name}={value}"));
    }

    fn undo(&mut self) {
        self.0.clear();
    }
}

fn parse(shape: &Shape, origin: Origin, record: &str) -> Result<Vec<String>, Outcome> {
    let mut notes = Notes::default();
    match Parser::new(shape, origin).parse(record.as_bytes(), false, &mut notes) {
        Outcome::Row => Ok(notes.0),
        other @ (Outcome::Ignored(_) | Outcome::Refused(_)) => Err(other),
    }
}

#[track_caller]
fn check(shape: &Shape, record: &str, want: &[&str]) {
    let want: Vec<String> = want.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(parse(shape, Origin::Events, record), Ok(want), "{record}");
}

#[track_caller]
fn refuse(shape: &Shape, record: &str, reason: Reason) {
    assert_eq!(parse(shape, Origin::Events, record), Err(Outcome::Refused(reason)), "{record}");
}

fn bare(body: Body) -> Shape {
    Shape { envelope: None, body }
}

fn csv(columns: &[&str], escape: Option<u8>) -> Shape {
    bare(Body::Csv(CsvDialect {
        delimiter: b',',
        quote: Some(b'"'),
        escape,
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        header: true,
        sections: true,
        null: Some("-".to_owned()),
        empty: None,
        comment: Some(b'#'),
        collapse: false,
        padded: false,
        bracketed: false,
    }))
}

#[test]
fn csv_fields_are_kept_to_the_byte() {
    let three = csv(&["x", "y", "z"], None);
    check(&three, "a,b,c", &["0=a", "1=b", "2=c"]);
    check(&three, ",\"\",-", &["0=null", "1=", "2=null"]);
    check(&three, "\"-\",\" b \",\"a,\"\"b\"\"\n\"", &["0=-", "1= b ", "2=a,\"b\"\n"]);
    check(&three, "a\"b, \"c\",\"d\"e", &["0=a\"b", "1= \"c\"", "2=\"d\"e"]);
    check(&three, "\"d,e\"f,g,\"\"\"\"", &["0=\"d,e\"f", "1=g", "2=\""]);
    let escaped = csv(&["x", "y"], Some(b'\\'));
    check(&escaped, "\"a\\\"b\",\"C:\\t\"", &["0=a\"b", "1=C:\\t"]);
    check(&escaped, "\"a\"\"b\",\"\\\\\"", &["0=a\"b", "1=\\"]);
}

#[test]
fn a_field_in_brackets_is_one_where_the_dialect_says_so() {
    let Shape { body: Body::Csv(dialect), .. } = csv(&["x", "y", "z"], None) else { return };
    let dialect = CsvDialect { delimiter: b' ', bracketed: true, ..dialect };
    let three = bare(Body::Csv(dialect));
    check(&three, "a [b c] d", &["0=a", "1=b c", "2=d"]);
    check(&three, "[a] [] [-]", &["0=a", "1=", "2=-"]);
    check(&three, "[a]b [c \"d e]\"", &["0=[a]b", "1=[c", "2=d e]"]);
    check(&three, "[a]b c] d [e", &["0=a]b c", "1=d", "2=[e"]);
    let long = "x".repeat(80);
    check(&three, &format!("[{long} a] b"), &[&format!("0=[{long}"), "1=a]", "2=b"]);
    refuse(&three, "a [b c d", Reason::LongRow);
}

#[test]
fn csv_rows_of_another_length_are_refused() {
    let two = csv(&["x", "y"], None);
    refuse(&two, "a", Reason::ShortRow);
    refuse(&two, "a,b,c", Reason::LongRow);
    refuse(&two, "a,\"b", Reason::UnclosedQuote);
    refuse(&two, "", Reason::Empty);
    refuse(&two, "x,\"y\"", Reason::HeaderLine);
    refuse(&two, "# c", Reason::CommentLine);
    for (line, kind) in [("", Ignored::Blank), (" x ,y", Ignored::Header), ("#", Ignored::Comment)] {
        assert_eq!(parse(&two, Origin::File, line), Err(Outcome::Ignored(kind)));
    }
}

#[test]
fn json_is_flattened_and_kept_as_written() {
    let json = bare(Body::Json);
    check(&json, r#"{"a":1,"b":{"c":"x","d":{"e":null}}}"#, &["a=n:1", "b__c=s:x", "b__d__e=null"]);
    check(&json, "{\t\"a\" :\t1.50 , \"b\":[1, {\"c\":[]}] }", &["a=n:1.50", "b=r:[1, {\"c\":[]}]"]);
    check(&json, r#"{"a":{},"b":[],"c":{ },"d":true}"#, &["a=r:{}", "b=r:[]", "c=r:{ }", "d=b:true"]);
    check(&json, r#"{"a":"\u00e9\n\ud83d\ude00\"\/"}"#, &["a=s:é\n😀\"/"]);
    check(&json, r#"{"\u0061":1e400,"":"","a":-0}"#, &["a=n:1e400", "=s:", "a=n:-0"]);
    check(&json, r#"{"a":"x\ud800y"}"#, &["a=lone:x\u{fffd}y \"x\\ud800y\""]);
    check(&json, r#"{"a":"\udc00\ud83d\ude00"}"#, &["a=lone:\u{fffd}😀 \"\\udc00\\ud83d\\ude00\""]);
    check(&json, "{}", &[]);
}

#[test]
fn what_is_no_json_object_is_refused() {
    let json = bare(Body::Json);
    let texts = [
        "{",
        "}",
        "[]",
        "1",
        "null",
        "{\"a\":1}x",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":+1}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}",
        "{\"a\":tru}",
        "{\"a\":{\"b\":1}",
        "{\"a\":\"cut at 64 K",
        "{\"a\":[{\"b\"]}",
        "{\"\\ud800\":1}",
        "{\"a\":NaN}",
        "{\"a\":1 \"b\":2}",
    ];
    for text in texts {
        refuse(&json, text, Reason::NotJson);
    }
}

#[test]
fn deep_json_is_kept_as_text() {
    let json = bare(Body::Json);
    let text = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let notes = parse(&json, Origin::Events, &text).unwrap();
    assert_eq!(notes.len(), 1);
    let kept = text.get(5 * 128..text.len() - 128).unwrap();
    assert!(notes[0].ends_with(&format!("a=r:{kept}")));
    let arrays = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse(&json, Origin::Events, &arrays).unwrap().len(), 1);
}

#[test]
fn pairs_leave_their_text_to_the_message() {
    let pairs = bare(Body::KeyValue);
    check(&pairs, "a=1 b=\"x y\" c=", &["a=1", "b=x y", "c="]);
    check(&pairs, "head a=1 mid b=2 tail", &["a=1", "b=2", "<message>=head mid tail"]);
    check(
        &pairs,
        "IN=ens2 OUT= RES=0x00 SYN URGP=0",
        &["IN=ens2", "OUT=", "RES=0x00", "URGP=0", "<message>=SYN"],
    );
    check(
        &pairs,
        "\tat com.example.Pay.run(Pay.java:88)",
        &["<message>=\tat com.example.Pay.run(Pay.java:88)"],
    );
    check(&pairs, "", &["<message>="]);
    check(&pairs, "a=1, b=2; c=3,", &["a=1", "b=2", "c=3,"]);
    check(&pairs, "a=\"1\", b=\"2\"", &["a=1", "b=2"]);
    check(
        &pairs,
        r#"a="say \"hi\"" b="x""y" c="C:\dir\" d=1"#,
        &["a=say \"hi\"", "b=x\"y", "c=C:\\dir\\", "d=1"],
    );
    check(&pairs, r#"a="C:\\x" b="C:\x" c="open d=1"#, &["a=C:\\x", "b=C:\\x", "c=\"open", "d=1"]);
    check(&pairs, "message=hi a=1", &["<message>=hi", "a=1"]);
    check(&pairs, "x message=hi", &["<message>=hi", "<message_rest>=x"]);
    check(&pairs, "(uid=0) =1 a==b ü=1", &["a==b", "<message>=(uid=0) =1 ü=1"]);
}

#[test]
fn syslog_headers_are_split_where_they_can_be_written_back() {
    let bsd = Shape { envelope: Some(Envelope::Syslog3164), body: Body::Text };
    let head = ["<syslog_time>=Mar 27 13:06:56", "<host>=h"];
    let with = |more: &[&'static str]| [&head[..], more].concat();
    check(&bsd, "Mar 27 13:06:56 h sshd[12]: hi", &with(&["<app>=sshd", "<procid>=12", "<message>=hi"]));
    check(&bsd, "Mar 27 13:06:56 h sudo:   x", &with(&["<app>=sudo", "<message>=  x"]));
    check(&bsd, "Mar 27 13:06:56 h sudo:", &with(&["<app>=sudo"]));
    check(&bsd, "Mar 27 13:06:56 h no tag here: x", &with(&["<message>=no tag here: x"]));
    check(&bsd, "Mar 27 13:06:56 h a:b c", &with(&["<message>=a:b c"]));
    check(&bsd, "not syslog", &["<message>=not syslog"]);
    check(&bsd, "<189>date=2026-02-10", &["<priority>=189", "<message>=date=2026-02-10"]);
    check(&bsd, "", &["<message>="]);
    check(
        &bsd,
        "<34>2026-01-01T00:00:00+01:00 h app: x",
        &["<priority>=34", "<syslog_time>=2026-01-01T00:00:00+01:00", "<host>=h", "<app>=app", "<message>=x"],
    );
    let ietf = Shape { envelope: Some(Envelope::Syslog5424), body: Body::Text };
    let time = "<syslog_time>=2026-01-01T00:00:01.231456Z";
    check(
        &ietf,
        "<14>1 2026-01-01T00:00:01.231456Z host-a billing - - - \tat x",
        &["<priority>=14", time, "<host>=host-a", "<app>=billing", "<message>=\tat x"],
    );
    check(
        &ietf,
        "1 2026-01-01T00:00:01.231456Z h a 7 m [x@1 k=\"]\\\"\"][y]",
        &[
            time,
            "<host>=h",
            "<app>=a",
            "<procid>=7",
            "<msgid>=m",
            "<structured_data>=[x@1 k=\"]\\\"\"][y]",
            "k=]\"",
        ],
    );
    check(&ietf, "<14>1 - - - - - - ", &["<priority>=14", "<message>="]);
    check(&ietf, "<14>2 - - - - - - x", &["<message>=<14>2 - - - - - - x"]);
}

#[test]
fn syslog_of_firewalls_and_files_has_no_host() {
    let bsd = Shape { envelope: Some(Envelope::Syslog3164), body: Body::Text };
    let time = "<syslog_time>=Feb 10 2026 10:00:00";
    let tag = ["<app>=%ASA-6-302013", "<message>=Built x"];
    check(
        &bsd,
        "<166>Feb 10 2026 10:00:00: %ASA-6-302013: Built x",
        &[&["<priority>=166", time], &tag[..]].concat(),
    );
    check(
        &bsd,
        "Feb 10 2026 10:00:00 fw01 : %ASA-6-302013: Built x",
        &[&[time, "<host>=fw01"], &tag[..]].concat(),
    );
    check(&bsd, "Feb 10 2026 10:00:00 fw01 : x", &[time, "<host>=fw01", "<message>=: x"]);
    check(
        &bsd,
        "Feb 10 10:00:00.123: %SYS-5-CONFIG_I: x",
        &["<syslog_time>=Feb 10 10:00:00.123", "<app>=%SYS-5-CONFIG_I", "<message>=x"],
    );
    check(
        &bsd,
        "Feb 10 10:00:00 dnsmasq[12]: query",
        &["<syslog_time>=Feb 10 10:00:00", "<app>=dnsmasq", "<procid>=12", "<message>=query"],
    );
    check(
        &bsd,
        "2026-02-10T10:00:00+0000 h app[1]: x",
        &["<syslog_time>=2026-02-10T10:00:00+0000", "<host>=h", "<app>=app", "<procid>=1", "<message>=x"],
    );
}

#[test]
fn lines_of_programs_and_containers_have_a_time() {
    let timed = |level_after, body| Shape { envelope: Some(Envelope::Timed { level_after }), body };
    check(
        &timed(Some(0), Body::Text),
        "2026-02-10 10:00:00,123 INFO  started",
        &["<time>=2026-02-10 10:00:00,123", "<level>=INFO", "<message>=started"],
    );
    check(&timed(Some(0), Body::Text), "\tat x", &["<message>=\tat x"]);
    check(
        &timed(None, Body::KeyValue),
        "2026-02-10T10:00:00Z level=info n=1",
        &["<time>=2026-02-10T10:00:00Z", "level=info", "n=1"],
    );
    check(
        &timed(Some(0), Body::Json),
        "2026-02-10T10:00:00Z INFO {\"a\":1",
        &["<time>=2026-02-10T10:00:00Z", "<level>=INFO", "<message>={\"a\":1"],
    );
    let cri = |body| Shape { envelope: Some(Envelope::Cri), body };
    let head = ["<time>=2026-02-10T10:00:00.123456789Z", "<stream>=stdout", "<tag>=F"];
    let line = "2026-02-10T10:00:00.123456789Z stdout F";
    check(&cri(Body::Text), &format!("{line}  x "), &[&head[..], &["<message>= x "]].concat());
    check(&cri(Body::Text), line, &head);
    check(&cri(Body::Json), &format!("{line} {{\"a\":1}}"), &[&head[..], &["a=n:1"]].concat());
    check(&cri(Body::Text), "2026-02-10T10:00:00 stdout F x", &["<message>=2026-02-10T10:00:00 stdout F x"]);
    check(&cri(Body::Text), "2026-02-10T10:00:00Z stdin F x", &["<message>=2026-02-10T10:00:00Z stdin F x"]);
    check(
        &cri(Body::Access),
        &format!("{line} 1.2.3.4 - - [10/Feb/2026:10:00:00 +0000] \"-\" 400 0"),
        &[
            &head[..],
            &["<client>=1.2.3.4", "<ident>=null", "<user>=null", "time=10/Feb/2026:10:00:00 +0000"],
            &["<request>=null", "<status>=400", "<bytes>=0"],
        ]
        .concat(),
    );
}

#[test]
fn labels_leave_their_text_to_the_message() {
    let ltsv = bare(Body::Labelled { between: b'\t', sign: b':' });
    check(&ltsv, "time:10:00\tua:a b\tn:", &["time=10:00", "ua=a b", "n="]);
    check(&ltsv, "a:1\tno label\tb:2\t: x", &["a=1", "b=2", "<message>=no label\t: x"]);
    check(&ltsv, "message:x\ty", &["<message>=x", "<message_rest>=y"]);
    check(&ltsv, "\tat a.b(C.java:8)", &["<message>=\tat a.b(C.java:8)"]);
    check(&ltsv, "a:\"x\"", &["a=\"x\""]);
    let bars = bare(Body::Labelled { between: b'|', sign: b'=' });
    check(&bars, "time=1|a=x y|b=\"z\"|c=|d=\"|", &["time=1", "a=x y", "b=z", "c=", "d=\""]);
    check(&bars, "a=\"x|y\"|b=\"c|d=1", &["a=x|y", "b=\"c", "d=1"]);
    check(&bars, "x|a=\"y\"|", &["a=y", "<message>=x"]);
    check(&bars, "a=1|x|b=2", &["a=1", "b=2", "<message>=x"]);
}

#[test]
fn bodies_of_another_kind_are_the_message() {
    let shape = Shape { envelope: Some(Envelope::Syslog3164), body: Body::Json };
    let head = ["<syslog_time>=Mar 27 13:06:56", "<host>=h", "<app>=a"];
    check(&shape, "Mar 27 13:06:56 h a: {\"k\":1}", &[&head[..], &["k=n:1"]].concat());
    check(&shape, "Mar 27 13:06:56 h a: {\"k\":1", &[&head[..], &["<message>={\"k\":1"]].concat());
}

#[test]
fn access_lines_are_split() {
    let access = bare(Body::Access);
    let head = ["<client>=1.2.3.4", "<ident>=null", "<user>=joe b", "<time>=10/Feb/2026:10:00:00 +0000"];
    let get = ["<method>=GET", "<path>=/a", "<protocol>=HTTP/1.1"];
    let common = "1.2.3.4 - joe b [10/Feb/2026:10:00:00 +0000]";
    let tail = ["<status>=200", "<bytes>=null"];
    let all = |parts: &[&[&'static str]]| [&[&head[..]], parts].concat().concat();
    check(&access, &format!("{common} \"GET /a HTTP/1.1\" 200 -"), &all(&[&get, &tail]));
    check(
        &access,
        &format!("{common} \"GET /a HTTP/1.1\" 200 - \"-\" \"a \\\"b\\\"\" 0.1 x"),
        &all(&[&get, &tail, &["<referer>=null", "<user_agent>=a \\\"b\\\"", "<extra>=0.1 x"]]),
    );
    check(
        &access,
        &format!("{common} \"\\x16\\x03\" 200 - x"),
        &all(&[&["<request>=\\x16\\x03"], &tail, &["<extra>=x"]]),
    );
    check(&access, &format!("{common} \"GET  /a\" 200 -"), &all(&[&["<request>=GET  /a"], &tail]));
    for line in ["", "x", "1.2.3.4 - - [x] \"GET /\" 2x0 1", "1.2.3.4 - - [x] \"GET / 200 1"] {
        let reason = if line.is_empty() { Reason::Empty } else { Reason::NotAccessLog };
        refuse(&access, line, reason);
    }
}

#[test]
fn a_later_header_moves_the_columns() {
    let mut rows = csv::Rows::new(parse_dialect(&csv(&["a", "b", "c"], None)));
    let mut notes = Notes::default();
    let mut row = |rows: &mut csv::Rows, record: &str| {
        notes.0.clear();
        rows.parse(record.as_bytes(), &mut notes).map(|()| notes.0.join(" "))
    };
    assert_eq!(row(&mut rows, "1,2,3").unwrap(), "0=1 1=2 2=3");
    for none in ["a,b", "a,b,b", "a,,b", "a,b,3", "a,x,y", "x,y,z", "a,b,\"c", "a,b,http://c", "1,2,3"] {
        let switched = rows.takes_header(none.as_bytes()) && none != "a,b";
        assert!(!switched, "{none}");
    }
    assert!(!rows.is_original(), "a,b leaves out a column");
    assert_eq!(row(&mut rows, "1,2").unwrap(), "0=1 1=2");
    assert!(rows.takes_header(b" b ,\"a\",a \"\"d\"\",e"));
    assert!(rows.takes_header(b"\"b\",a,\"a \"\"d\"\"\",c"));
    assert_eq!(row(&mut rows, "1,2,3,4").unwrap(), "1=1 0=2 a \"d\"=3 2=4");
    assert_eq!(row(&mut rows, "1,2,3"), Err(Reason::ShortRow));
    assert!(rows.takes_header(b"a,b,c"));
    assert!(rows.is_original());
    rows.obey(b"#Fields: c b");
    assert!(rows.is_original(), "fields are not divided by blanks");
    rows.obey(b"#fields,c,x");
    assert_eq!(row(&mut rows, "1,2").unwrap(), "2=1 x=2");
}

fn parse_dialect(shape: &Shape) -> &CsvDialect {
    dialect(shape).unwrap()
}
