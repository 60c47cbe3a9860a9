//! Parameters in RFC 5424's structured data: `[junos@2636.1.1.1.2.39 source-port="1"]`, and `[action:"Accept"; src:"x"]` as
//! some firewalls write it.
//!
//! Decides what is a parameter: a name, `=` or `:`, and a quoted value. What is none stays where it is anyway: the data as
//! a whole has a column of its own.

use super::{Field, Sink, Value};

/// Puts every parameter as a field of its name. Elements share their names: which one a parameter is of, the data tells.
pub(super) fn put(data: &[u8], sink: &mut impl Sink) {
    let mut unescaped = Vec::new();
    let mut at = 0;
    while let Some((param, end)) = next(data, at) {
        at = end;
        if memchr::memchr(b'\\', param.value).is_none() {
            sink.put(Field::Name(param.name), Value::Text(param.value));
        } else {
            unescaped.clear();
            unescape(param.value, &mut unescaped);
            sink.put(Field::Name(param.name), Value::Text(&unescaped));
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Param<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

/// The first parameter at or after `at`, and where it ends.
fn next(data: &[u8], mut at: usize) -> Option<(Param<'_>, usize)> {
    loop {
        let quote = at + memchr::memchr(b'"', data.get(at..)?)?;
        let end = closing(data, quote + 1)?;
        // An element's own name, and whatever else stands before the parameter's, ends with a blank or a sign.
        let before = data.get(at..quote)?;
        let start =
            before.iter().rposition(|byte| matches!(byte, b' ' | b';' | b'[' | b']')).map_or(0, |at| at + 1);
        let named = before.get(start..)?.split_last();
        if let Some((b'=' | b':', name)) = named.filter(|(_, name)| !name.is_empty()) {
            return Some((Param { name, value: data.get(quote + 1..end)? }, end + 1));
        }
        at = end + 1;
    }
}

/// Where the quote stands that ends a value.
fn closing(data: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', data.get(at..)?)?;
        if data.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// Decodes `\"`, `\\` and `\]`; before anything else a backslash is text.
fn unescape(value: &[u8], out: &mut Vec<u8>) {
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escapes = byte == b'\\' && matches!(bytes.peek(), Some(b'"' | b'\\' | b']'));
        let kept = if escapes { bytes.next() } else { None };
        out.push(kept.unwrap_or(byte));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Notes(Vec<String>);

    impl Sink for Notes {
        fn begin(&mut self, _utf8: bool) {}

        fn put(&mut self, field: Field<'_>, value: Value<'_>) {
            let (Field::Name(name), Value::Text(text)) = (field, value) else { panic!("{field:?}") };
            self.0.push(format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(text)));
        }

        fn undo(&mut self) {}
    }

    #[track_caller]
    fn check(data: &str, want: &[&str]) {
        let mut notes = Notes::default();
        put(data.as_bytes(), &mut notes);
        assert_eq!(notes.0, want, "{data}");
    }

    #[test]
    fn a_name_a_sign_and_a_quoted_value_are_a_parameter() {
        check(r#"[x@1 a="1" b-c="2 3"]"#, &["a=1", "b-c=2 3"]);
        check(r#"[x@1 a="1"][y@2 a="2" b=""][z]"#, &["a=1", "a=2", "b="]);
        check(r#"[x a="\"\\\]\n"]"#, &[r#"a="\]\n"#]);
        check(
            r#"[action:"Accept"; src:"192.0.2.1"; s_port:"5"]"#,
            &["action=Accept", "src=192.0.2.1", "s_port=5"],
        );
        check(r#"[a="x]y" b:"; c"]"#, &["a=x]y", "b=; c"]);
        for none in
            ["-", "[x@1]", "[x ]", r#"[x a=1]"#, r#"[x "1"]"#, r#"[x ="1"]"#, r#"[x a="1"#, r#"[x a="1\"#, ""]
        {
            check(none, &[]);
        }
    }
}
