use super::*;

/// `path=value` of a record, in order; nothing where it is none of this form.
fn values(record: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let take = |name: &[u8], value: Value<'_>| {
        let text = if let Value::Text(text) = value { show(text) } else { format!("{value:?}") };
        values.push(format!("{}={text}", show(name)));
    };
    Xml::default().walk(record.as_bytes(), take)?;
    Some(values)
}

#[track_caller]
fn check(inner: &str, want: &[&str]) {
    let record = format!("<Event>{inner}</Event>");
    let want = want.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(values(&record), Some(want), "{record}");
}

#[test]
fn elements_and_attributes_are_values() {
    check("", &[]);
    check("<System><EventID>4624</EventID></System>", &["System__EventID=4624"]);
    check(
        "<S><P Name='x' Guid=\"{1}\"/><T a = 'b>c' >d</T></S>",
        &["S__P__Name=x", "S__P__Guid={1}", "S__T__a=b>c", "S__T=d"],
    );
    check("<D><Data Name='User'>joe</Data><Data Name='No'/></D>", &["D__User=joe", "D__No=Null"]);
    check(
        "<D><Data>a</Data><Data x='1' Name='y'>b</Data></D>",
        &["D__Data=a", "D__Data__x=1", "D__Data__Name=y", "D__Data=b"],
    );
    check("<a/><b></b> <c> x </c>", &["a=Null", "b=", "c= x "]);
    check("<a>&lt;&amp;&#233;&#x20AC;&quot;&apos;&gt;</a>", &["a=<&é€\"'>"]);
    check("<é>x</é>", &["é=x"]);
    let with_space = values(" <Event xmlns='u'><a>1</a></Event> ");
    assert_eq!(with_space, Some(vec!["xmlns=u".to_owned(), "a=1".to_owned()]));
    assert_eq!(values("<Event/>"), Some(Vec::new()));
}

#[test]
fn what_is_not_plainly_an_event_is_text() {
    let deep = format!("<Event>{}{}</Event>", "<a>".repeat(DEPTH_MAX), "</a>".repeat(DEPTH_MAX));
    let long = format!("<Event><{0}>x</{0}></Event>", "a".repeat(NAME_LEN_MAX + 1));
    for record in [
        "",
        "<",
        "<Event",
        "<Event>",
        "<Event>x</Event>",
        "<Events></Events>",
        "<Event></Events>",
        "<Event></Event>x",
        "<Event></Event><Event></Event>",
        "<Event><a>1</b></Event>",
        "<Event><a>1</Event>",
        "<Event><a>1<b/></a></Event>",
        "<Event><a><b/>1</a></Event>",
        "<Event><a x=1/></Event>",
        "<Event><a x='1/></Event>",
        "<Event><a x='1'y='2'/></Event>",
        "<Event><a x='<'/></Event>",
        "<Event><a>&nbsp;</a></Event>",
        "<Event><a>&#xD800;</a></Event>",
        "<Event><a>&#+65;</a></Event>",
        "<Event><a>a & b</a></Event>",
        "<Event><Data Name=''>x</Data></Event>",
        "<Event><Data Name='a&amp;b'>x</Data></Event>",
        "<Event><!-- c --></Event>",
        "<Event><![CDATA[x]]></Event>",
        "<?xml version='1.0'?><Event></Event>",
        &deep,
        &long,
    ] {
        assert_eq!(values(record), None, "{record}");
    }
}
