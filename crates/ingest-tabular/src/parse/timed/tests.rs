use proptest::prelude::*;

use super::*;

/// `time | context | level | body` of a record, with the level where it is found first; parts that are not there are empty.
fn parts(record: &str) -> Option<String> {
    let place = level_place(record.as_bytes())?;
    let header = split(record.as_bytes(), place)?;
    let text = |part: Option<&[u8]>| String::from_utf8_lossy(part.unwrap_or_default()).into_owned();
    let [context, level, body] = [header.context, header.level, header.body].map(text);
    Some([text(Some(header.time)), context, level, body].join(" | "))
}

#[track_caller]
fn check(record: &str, want: &str) {
    assert_eq!(parts(record).as_deref(), Some(want), "{record}");
}

#[test]
fn times_are_found_in_many_forms() {
    for time in [
        "2026-02-10T10:00:00Z",
        "2026-02-10T10:00:00.123456789+01:00",
        "2026-02-10T10:00:00+0000",
        "2026-02-10 10:00:00",
        "2026-02-10 10:00:00,123",
        "2026-02-10 10:00:00.123 UTC",
        "2026-02-10 10:00:00.123 +0100",
        "2026/02/10 10:00:00",
        "2026/02/10 10:00:00.123456",
        "Tue Feb 10 10:00:00 2026",
        "Tue Feb 10 10:00:00.123456 2026",
        "Feb 10 2026 10:00:00",
        "10-Feb-2026 10:00:00.123",
        "10/Feb/2026:10:00:00 +0000",
    ] {
        check(&format!("{time} INFO started"), &format!("{time} |  | INFO | started"));
        check(&format!("[{time}] [info] started"), &format!("{time} |  | info | started"));
        check(&format!("{time}: started"), &format!("{time} |  |  | started"));
        check(&format!("{time} | WARN | slow | very"), &format!("{time} |  | WARN | slow | very"));
        check(time, &format!("{time} |  |  | "));
    }
    check("I0210 10:00:00.123456   4041 a.go:8] x", "0210 10:00:00.123456 |  | I | 4041 a.go:8] x");
    check("INFO [2026-02-10 10:00:00] x", "2026-02-10 10:00:00 |  | INFO | x");
    check("[DEBUG] 2026-02-10 10:00:00 - x", "2026-02-10 10:00:00 |  | DEBUG | x");
}

#[test]
fn levels_are_found_behind_words_and_brackets() {
    let t = "2026-02-10 10:00:00";
    let checked = check;
    let check = |rest: &str, want: &str| checked(&format!("{t}{rest}"), &format!("{t} | {want}"));
    check(" INFO  [main] a.b.C - x", " | INFO | [main] a.b.C - x");
    check(" [main] INFO a.b.C - x", "[main] | INFO | a.b.C - x");
    check(" [a b c] WARN x", "[a b c] | WARN | x");
    check(" - root - INFO - x", "root | INFO | x");
    check(" f.filter         [185]: INFO    [sshd] x", "f.filter         [185]: | INFO | [sshd] x");
    check(" [error] 1#0: *2 x", " | error | 1#0: *2 x");
    check(" ERROR: x: y", " | ERROR | x: y");
    check(" app.ERROR: x", "app | ERROR | x");
    check(" [core:error] [pid 1:tid 2] x", "core | error | [pid 1:tid 2] x");
    check(" 0 [System] [MY-1] [Server] x", "0 | System | [MY-1] [Server] x");
    check(" [12] LOG:  x", "[12] | LOG | x");
    check(" I NETWORK  [listener] x", " | I | NETWORK  [listener] x");
    check(" queries: info: client @0x1", "queries: | info | client @0x1");
    check(" INFO", " | INFO | ");
    check(" I started", " | I | started");
    check(" \tat a.b.C(C.java:8)", " |  | at a.b.C(C.java:8)");
    check(" level=info msg=x", " |  | level=info msg=x");
    check(" a b c d e ERROR x", " |  | a b c d e ERROR x");
    check(" the system log has a note", " |  | the system log has a note");
    check(" informed of it", " |  | informed of it");
    check(" pid=1 tid=a INFO: x", " |  | pid=1 tid=a INFO: x");
    check(" [id=1] INFO x", "[id=1] | INFO | x");
    checked(
        "[2026-02-10T10:00:00,123][INFO ][o.e.n.Node ] [n1] x",
        "2026-02-10T10:00:00,123 |  | INFO | [o.e.n.Node ] [n1] x",
    );
    checked("[2026-02-10 10:00:00.123][1][info][main] x", "2026-02-10 10:00:00.123 | [1] | info | [main] x");
}

#[test]
fn what_does_not_begin_with_a_time_is_no_header() {
    for record in [
        "",
        "x",
        "INFO x",
        "[INFO] x",
        "2026-02-10",
        "2026-02-10 10:00",
        "2026-02-30 10:00:00 x",
        "2026-02-10 10:00:00,x",
        "2026-02-10 10:00:00,123,x",
        "2026-02-10 10:00:00;x",
        "2026-02-10 10:00:00 ; x",
        "2026-02-10 10:00:00|x",
        "2026-02-10 10:00:00\tx",
        "2026-02-10 10:00:00 UTC,x",
        "2026-02-10 10:00:00 PM",
        "2026-02-10 10:00:00 AM,x",
        "2026-02-10 10:00:00x",
        "[2026-02-10 10:00:00],x",
        "[2026-02-10 10:00:00 x",
        "2026-02-10 10:00:00.1234567891 x",
        "Mon Feb 10 10:00:00 2026 x",
        "\tat a.b.C(C.java:8)",
        "I0210 10:00:00.123x",
        "X0210 10:00:00 x",
    ] {
        assert_eq!(parts(record), None, "{record}");
    }
}

#[test]
fn a_level_is_only_looked_for_where_the_log_has_it() {
    let level = |record: &str, after| {
        let header = split(record.as_bytes(), after)?;
        header.level.map(|level| String::from_utf8_lossy(level).into_owned())
    };
    let line = "2026-02-10 10:00:00 main INFO x";
    assert_eq!(level(line, Some(1)).as_deref(), Some("INFO"));
    assert_eq!(level(line, Some(0)), None);
    assert_eq!(level(line, None), None);
    assert_eq!(split(b"INFO 2026-02-10 10:00:00 x", None), None);
    assert_eq!(split(b"I0210 10:00:00 x", None), None);
}

proptest! {
    #[test]
    fn nothing_is_dropped_but_marks(
        before in "(INFO |\\[warn\\] |)",
        time in "(2026-02-10[T ]10:00:00([.,][0-9]{1,9})?(Z| UTC|\\+01:00)?|\\[Tue Feb 10 10:00:00 2026\\]|10-Feb-2026 10:00:00|I0210 10:00:00\\.1)",
        rest in "(\\[|\\]|\\(|<|>| |\t|:|-|\\||=|\\.|INFO|error|core|a|1|é){0,14}",
        level_after in prop_oneof![Just(None), (0_u8..5).prop_map(Some)],
    ) {
        let record = format!("{before}{time}{rest}");
        let sorted = |bytes: &[u8]| {
            let mut kept: Vec<u8> = bytes.iter().copied().filter(|byte| !b"[]()<> \t:-|.".contains(byte)).collect();
            kept.sort_unstable();
            kept
        };
        if let Some(header) = split(record.as_bytes(), level_after) {
            let parts = [Some(header.time), header.context, header.level, header.body];
            let parts: Vec<&[u8]> = parts.into_iter().flatten().collect();
            prop_assert_eq!(sorted(&parts.concat()), sorted(record.as_bytes()), "{}", record);
        }
        prop_assert_eq!(level_place(record.as_bytes()).is_some(), split(record.as_bytes(), Some(0)).is_some());
    }
}
