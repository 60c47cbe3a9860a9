use ingest_core::shape::CsvDialect;
use proptest::prelude::*;

use super::*;

fn csv(escape: Option<u8>) -> Framing {
    Framing::csv(&CsvDialect {
        delimiter: b',',
        quote: Some(b'"'),
        escape,
        columns: Vec::new(),
        header: false,
        sections: false,
        null: None,
        empty: None,
        comment: None,
        collapse: false,
        padded: false,
        bracketed: false,
    })
}

fn frames(framing: Framing, record_max: usize, chunks: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::with_record_max(framing, record_max);
    let mut block = RecordBlock::default();
    for chunk in chunks {
        framer.push(chunk, &mut block);
    }
    framer.finish(&mut block);
    block.iter().map(|record| String::from_utf8_lossy(record.bytes).into_owned()).collect()
}

#[track_caller]
fn check(framing: Framing, text: &str, want: &[&str]) {
    assert_eq!(frames(framing, 64, &[text.as_bytes()]), want);
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    assert_eq!(frames(framing, 64, &bytes), want, "byte by byte");
}

#[test]
fn lines_end_at_line_feeds_only() {
    check(Framing::LINES, "a\nb\r\n\r\nc", &["a", "b", "", "c"]);
    check(Framing::LINES, "a\rb\r\r\n", &["a\rb\r"]);
    check(Framing::LINES, "", &[]);
    check(Framing::LINES, "\n", &[""]);
    check(Framing::LINES, "\u{feff}a\n\u{feff}b", &["a", "\u{feff}b"]);
    check(Framing::LINES, "\u{feff}", &[]);
}

#[test]
fn carriage_returns_end_lines_where_the_text_shows_it() {
    let cr = |framing: Framing| framing.with_line_ends(LineEnds::Cr);
    check(cr(Framing::LINES), "a\rb\r\nc\n\rd", &["a", "b", "c", "", "d"]);
    check(cr(csv(None)), "a,\"x\ry\"\rb\r\n", &["a,\"x\ry\"", "b"]);
    check(cr(csv(None)), "a,\"b\rc\r\nd\r", &["a,\"b", "c", "d"]);
    for (text, want) in [
        ("", LineEnds::None),
        ("a\nb", LineEnds::Lf),
        ("a\r\nb\r\n", LineEnds::CrLf),
        ("a\r\nb\n", LineEnds::Mixed),
        ("a\rb", LineEnds::Cr),
        ("a\rb\rc\n", LineEnds::MixedWithCr),
        ("10%\r20%\r\nb\n", LineEnds::Mixed),
        ("a\r\r\nb\r\r\n", LineEnds::CrLf),
    ] {
        assert_eq!(LineEnds::of(text.as_bytes()), want, "{text:?}");
    }
}

#[test]
fn objects_end_where_their_brackets_close() {
    check(Framing::JSON, "{\"a\":\n1}\n{\"b\":2}", &["{\"a\":\n1}", "{\"b\":2}"]);
    check(
        Framing::JSON,
        "[\n{\"a\":[1,{}]},\n {\"b\":\"}\\\"\"}\n]\n",
        &["{\"a\":[1,{}]}", "{\"b\":\"}\\\"\"}"],
    );
    check(Framing::JSON, "[{\"a\":1},{\"a\":2}]", &["{\"a\":1}", "{\"a\":2}"]);
    check(Framing::JSON, "noise, \"{\n{\"a\":1}\n", &["noise, \"{", "{\"a\":1}"]);
    check(Framing::JSON, "[]", &[]);
}

#[test]
fn members_of_the_only_array_are_records() {
    let members = Framing::JSON_MEMBERS;
    check(members, "{\"Records\": [{\"a\":[1,{}]}, {\"b\":\"]}\"}]}", &["{\"a\":[1,{}]}", "{\"b\":\"]}\"}"]);
    check(members, "{\n \"r\" : [\n {\"a\":\n1},\n{\"b\":2}\n]\n}\n", &["{\"a\":\n1}", "{\"b\":2}"]);
    check(members, "{\"r\":[{\"a\":1}]}{\"r\":[{\"a\":2}]}\n", &["{\"a\":1}", "{\"a\":2}"]);
    // What no opening or closing says is kept.
    check(members, "{\"r\":[{\"a\":1}],\"n\":2}", &["{\"a\":1}", "],\"n\":2}"]);
    check(members, "{\"r\":[{\"a\":1}]}\n{\"s\":[{\"a\":2}]}", &["{\"a\":1}", "{\"s\":[", "{\"a\":2}"]);
    check(members, "{\"r\":[{\"a\":1}, 2, {\"b\":", &["{\"a\":1}", ", 2, {\"b\":"]);
    check(members, "{\"r\":[]}", &[]);
    let long = "x".repeat(70);
    let text = format!("{{\"r\":[{{\"a\":1}},{{\"b\":\"{long}\"}},\n{{\"c\":1}}]}}");
    let got = frames(members, 64, &[text.as_bytes()]);
    assert_eq!(got.first().unwrap(), "{\"a\":1}");
    assert_eq!(got.concat().len(), text.len() - "{\"r\":[".len() - ",\n".len(), "{got:?}");
}

#[test]
fn what_stands_before_the_records_is_passed_over() {
    check(Framing::LINES.after(2), "title\n\na\nb", &["a", "b"]);
    check(Framing::LINES.after(2), "title", &[]);
}

#[test]
fn quoted_line_feeds_stay() {
    check(csv(None), "a,\"x\r\ny\",b\nc\n", &["a,\"x\r\ny\",b", "c"]);
    check(csv(None), "\"a\"\"\n\",b\nc", &["\"a\"\"\n\",b", "c"]);
    check(csv(None), "a\"b,c\nd", &["a\"b,c", "d"]);
    check(csv(None), "\"a\"b,\"c\nd\"\ne", &["\"a\"b,\"c\nd\"", "e"]);
    check(csv(Some(b'\\')), "\"a\\\"\n\",b\nc", &["\"a\\\"\n\",b", "c"]);
}

#[test]
fn an_unclosed_quote_swallows_nothing() {
    check(csv(None), "a,\"b\nc\nd", &["a,\"b", "c", "d"]);
    let long = "x".repeat(30);
    let text = format!("\"{long}\n{long}\n{long}\n{long}\n");
    let want = [format!("\"{long}"), long.clone(), long.clone(), long];
    check(csv(None), &text, &want.each_ref().map(String::as_str));
}

#[test]
fn a_line_without_end_comes_in_pieces() {
    let [piece, rest] = [64, 22].map(|len| "y".repeat(len));
    check(Framing::LINES, &"y".repeat(150), &[&piece, &piece, &rest]);
}

#[test]
fn each_page_is_a_text_of_its_own() {
    let mut framer = Framer::new(csv(None));
    let mut block = RecordBlock::default();
    for page in ["h,i\n1,2", "\u{feff}h,i\n3,4\n", "5,\"6"] {
        framer.push(page.as_bytes(), &mut block);
        framer.page_end(&mut block);
    }
    framer.finish(&mut block);
    let seen: Vec<&[u8]> = block.iter().map(|record| record.bytes).collect();
    assert_eq!(seen, [&b"h,i"[..], b"1,2", b"h,i", b"3,4", b"5,\"6"]);
}

proptest! {
    #[test]
    fn chunks_do_not_matter(
        text in "(\u{feff})?[ab,\"\\\\\n\r{}\\[\\]]{0,300}",
        cuts in prop::collection::vec(0_usize..300, 0..12),
        kind in 0..7,
    ) {
        let framing = match kind {
            0 => Framing::LINES,
            1 => csv(None),
            2 => csv(Some(b'\\')),
            3 => Framing::LINES.with_line_ends(LineEnds::Cr),
            4 => csv(None).with_line_ends(LineEnds::Cr),
            5 => Framing::JSON,
            _ => Framing::JSON_MEMBERS,
        };
        let text = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let whole = frames(framing, 64, &[text]);
        prop_assert_eq!(&frames(framing, 64, &chunks), &whole);
        // Nothing is lost but line ends and the mark at the start.
        let kept: usize = whole.iter().map(String::len).sum();
        let between = |byte: &&u8| matches!(byte, b'\n' | b'\r') || (kind >= 5 && matches!(byte, b',' | b'[' | b']')) || (kind == 6 && **byte == b'}');
        let ends = text.iter().filter(between).count();
        prop_assert!(kept + ends + 3 >= text.len());
    }
}
