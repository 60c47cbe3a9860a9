use super::*;

fn events(records: &[&str]) -> String {
    let mut block = RecordBlock::default();
    for record in records {
        block.push(record.as_bytes());
    }
    describe(&recognise(&block))
}

fn describe(shape: &Shape) -> String {
    match &shape.body {
        Body::Csv(dialect) => {
            let mut text = format!("{shape}: {}", dialect.columns.join("|"));
            for (name, on) in [
                ("header", dialect.header),
                ("quote", dialect.quote.is_some()),
                ("escape", dialect.escape.is_some()),
                ("null", dialect.null.is_some()),
                ("comment", dialect.comment.is_some()),
            ] {
                if on {
                    text.push_str(&format!(" +{name}"));
                }
            }
            text
        }
        Body::Json
        | Body::KeyValue
        | Body::Labelled { .. }
        | Body::Access
        | Body::Cef
        | Body::Leef
        | Body::WindowsXml
        | Body::Text => shape.to_string(),
    }
}

#[track_caller]
fn check_events(records: &[&str], want: &str) {
    assert_eq!(events(records), want, "{records:?}");
}

#[track_caller]
fn check_text(text: &str, want: &str) -> RecognisedText {
    let seen = recognise_text(text.as_bytes(), true);
    assert_eq!(describe(&seen.shape), want, "{text}");
    seen
}

#[test]
fn envelopes_and_bodies_go_by_majority() {
    check_events(&["{\"a\":1}", "{\"b\":2", "x"], "JSON");
    check_events(&["{ \"timestamp\" :\t\"2026-01-01 00:00:01.000000\",\t \"action\" : \"X\"\t}"], "JSON");
    check_events(
        &["<14>1 - h a - - - level=INFO op=x", "<14>1 - h a - - - a=1 b=2"],
        "syslog (RFC 5424) over key=value",
    );
    let stack = [
        "<14>1 - h a - - - 00:00:01.231 [http-17] level=INFO op=charge ms=12",
        "<14>1 - h a - - - \tat x.y(Z.java:8)",
    ];
    check_events(&stack, "syslog (RFC 5424) over key=value");
    check_events(
        &["Mar 27 13:06:56 h sshd[1]: Server listening", "x", "Mar  7 13:06:56 h a: b"],
        "syslog (RFC 3164) over text",
    );
    check_events(&["<13>Mar 27 13:06:56 h a: {\"k\":1}"], "syslog (RFC 3164) over JSON");
    check_events(&["2026-01-01T00:00:01Z action=allow src=192.0.2.5 msg=\"a b\""], "time over key=value");
    check_events(&["1.2.3.4 - - [10/Feb/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5"], "access log");
    check_events(&[], "text");
    check_events(&["", ""], "text");
}

#[test]
fn prose_with_commas_stays_text() {
    check_events(&["Hello, dear user, welcome", "Yes, no, maybe", "one, two, three"], "text");
    check_events(&["Failed to start, retrying, attempt failed"], "text");
    check_events(&["a;b", "c;d;e;f", "g"], "text");
    check_text("Dear all,\n\nthis is a letter, with commas, in it.\nBye,\nme\n", "text");
    check_text("one line\nanother line\n", "text");
}

#[test]
fn delimited_events_get_numbered_columns() {
    let firewall = [
        "2026/01/01 00:00:01,fw1,TRAFFIC,end,192.0.2.5,198.51.100.7,,\"allow, outbound\",443",
        "2026/01/01 00:00:02,fw1,TRAFFIC,end,192.0.2.5,198.51.100.7,,\"deny\",80",
    ];
    check_events(&firewall, "CSV (',', 9 columns): c1|c2|c3|c4|c5|c6|c7|c8|c9 +quote");
    check_events(&["a|b|c", "d|e|f"], "CSV ('|', 3 columns): c1|c2|c3 +quote");
    check_events(&["a\tb\tc", "d\te\tf"], "CSV ('\\t', 3 columns): c1|c2|c3");
    check_events(&["id,name,n", "1,x,2", "2,y,3"], "CSV (',', 3 columns): id|name|n +header +quote");
    check_events(&["GET,200,1", "PUT,200,2"], "CSV (',', 3 columns): c1|c2|c3 +quote");
    check_events(&["\"a \\\"b\\\", c\",1,2", "\"d\",1,2"], "CSV (',', 3 columns): c1|c2|c3 +quote +escape");
}

#[test]
fn files_have_headers() {
    check_text("name,age\nx,1\n", "CSV (',', 2 columns): name|age +header +quote");
    check_text(
        "\u{feff}Name ; City;Note\r\nx;y;\"a\nb\"\r\n",
        "CSV (';', 3 columns): Name|City|Note +header +quote",
    );
    check_text("a,b,c\n", "CSV (',', 3 columns): a|b|c +header +quote");
    check_text("1,2,3\n4,5,6\n", "CSV (',', 3 columns): c1|c2|c3 +quote");
    check_text("x,y,1\nx,z,2\n", "CSV (',', 3 columns): c1|c2|c3 +quote");
    check_text("# note\nid,a,b\n1,2,3\n", "CSV (',', 3 columns): id|a|b +header +quote +comment");
    check_text("{\"a\":1}\n{\"a\":2}\n", "JSON");
    check_text("", "text");
}

#[test]
fn directives_say_how_text_is_written() {
    let zeek = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tuid\n#types\ttime\tstring\n1.5\tC1\n";
    let seen = check_text(zeek, "CSV ('\\t', 2 columns): ts|uid +null +comment");
    assert_eq!(seen.facts["zeek.path"], "conn");
    let w3c = "#Version: 1.0\n#Fields: date time cs-uri\n2026-01-01 00:00:01 /x\n";
    let seen = check_text(w3c, "CSV (' ', 3 columns): date|time|cs-uri +null +comment");
    assert_eq!(seen.facts["w3c.version"], "1.0");
}

#[test]
fn a_prefix_may_end_anywhere() {
    let text = "id,name,n\n1,\"x\ny\",2\n2,z,3\n";
    for end in 12..text.len() {
        let seen = recognise_text(&text.as_bytes()[..end], false);
        assert_eq!(describe(&seen.shape), "CSV (',', 3 columns): id|name|n +header +quote", "{end}");
    }
}

#[test]
fn pages_have_nothing_that_is_passed_over() {
    let text = "A title\nid,name,n\n1,x,2\n2,y,3\n3,z,4\n";
    let seen = check_text(text, "CSV (',', 3 columns): id|name|n +header +quote");
    assert_eq!(seen.framing, crate::Framing::of(&seen.shape));
    let file = recognise_file(text.as_bytes(), true, &Overrides::default());
    assert_ne!(file.framing, seen.framing);
    assert_eq!(file.facts["preamble"], "A title");
    assert_eq!(recognise_text(b"{\n\"a\":1\n}\n", true).shape.body, Body::Text);
}

proptest::proptest! {
    /// A record that is taken for a header is no row: of a table of words alone only the first line, and its very like.
    #[test]
    fn of_words_alone_only_the_very_header_is_one(
        rows in proptest::collection::vec(proptest::collection::vec("[a-d]{1,2}|ok|up", 4), 2..12),
        delimiter in proptest::sample::select(vec![",", ";", "\t", "|", ":"]),
    ) {
        let lines: Vec<String> = rows.iter().map(|row| row.join(delimiter)).collect();
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let seen = recognise_file(text.as_bytes(), true, &Overrides::default());
        if let Body::Csv(dialect) = &seen.shape.body {
            let mut parser = crate::parse::csv::Rows::new(dialect);
            for line in &lines {
                proptest::prop_assert!(!parser.takes_header(line.as_bytes()) || *line == lines[0], "{line} in {text}");
            }
        }
    }
}
