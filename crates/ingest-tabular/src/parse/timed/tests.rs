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
fn some_programs_write_more_beside_their_time() {
    let ruby = "2026-02-10T10:00:00.123456";
    check(&format!("I, [{ruby} #100]  INFO -- : x: y"), &format!("{ruby} | #100 | INFO | x: y"));
    check(&format!("W, [{ruby} #1]  WARN -- web: x"), &format!("{ruby} | #1 | WARN | web: x"));
    check(&format!("A, [{ruby} #1]   ANY -- :"), &format!("{ruby} | #1 | ANY | "));
    let redis = "10 Feb 2026 10:00:00.123";
    check(&format!("1751:M {redis} * x y"), &format!("{redis} | 1751:M | * | x y"));
    check(&format!("1751:C {redis} - - x"), &format!("{redis} | 1751:C | - | - x"));
    check(&format!("1751:S {redis} # "), &format!("{redis} | 1751:S | # | "));
    check("02-10 10:00:00.123  1702  2395 D Tag: x", "02-10 10:00:00.123 | 1702  2395 | D | Tag: x");
    check("02-10 10:00:00.123 1 2 E ", "02-10 10:00:00.123 | 1 2 | E | ");
    check("081109 203615 148 INFO a.B: x", "081109 203615 | 148 | INFO | a.B: x");
    check("081109 20:36:15 [Note] x", "081109 20:36:15 |  | Note | x");
    check("[10-Feb-2026 10:00:00 UTC] PHP Warning:  x", "10-Feb-2026 10:00:00 UTC | PHP | Warning | x");
    check("[10-Feb-2026 10:00:00 Europe/Berlin] x", "10-Feb-2026 10:00:00 Europe/Berlin |  |  | x");
    check("02/10/2026-10:00:00.123456  [**] [1:2:3] x", "02/10/2026-10:00:00.123456 |  |  | [**] [1:2:3] x");
    check("10/Feb/2026:10:00:00.123 x", "10/Feb/2026:10:00:00.123 |  |  | x");
    check("a.log.1 2026-02-10 10:00:00 25 INFO x", "2026-02-10 10:00:00 | 25 | INFO | x");
}

#[test]
fn times_stand_in_other_places_and_writings_where_a_level_is_with_them() {
    check("26/02/10 10:00:00 INFO a.B: x", "26/02/10 10:00:00 |  | INFO | a.B: x");
    check("10:00:00.123 [main] INFO  a.B - x", "10:00:00.123 | [main] | INFO | a.B - x");
    check("10:00:00,123 ERROR: x", "10:00:00,123 |  | ERROR | x");
    check("[10:00:00 INF] x", "10:00:00 |  | INF | x");
    check("[10:00:00 INF]", "10:00:00 |  | INF | ");
    check("[2026-02-10T10:00:00Z INFO  a::b] x", "2026-02-10T10:00:00Z | a::b | INFO | x");
    check("[2026-02-10 10:00:00,123: INFO/a] x", "2026-02-10 10:00:00,123 | a | INFO | x");
    check("INFO  [a b] 2026-02-10 10:00:00,123 x", "2026-02-10 10:00:00,123 | [a b] | INFO | x");
    check("[a b] 2026-02-10 10:00:00,123 INFO  x", "2026-02-10 10:00:00,123 | [a b] | INFO | x");
    check("2026-02-10  3:52:12 6 [Note] x", "2026-02-10  3:52:12 | 6 | Note | x");
    check("Feb 10, 2026 9:58:03 PM a.B run", "Feb 10, 2026 9:58:03 PM |  |  | a.B run");
    let coloured = "\x1b[2m2026-02-10T10:00:00Z\x1b[0m \x1b[1;32m INFO\x1b[0m x";
    check(coloured, &format!("2026-02-10T10:00:00Z |  | INFO | {coloured}"));
    for record in [
        "26/02/30 10:00:00 INFO x",
        "26/02/10 10:00:00 apples",
        "26/02/10 10:00:00.1 INFO x",
        "10:00:00 apples",
        "25:00:00 INFO x",
        "10:00:00,INFO,x",
        "10:00:00INFO x",
        "[10:00:00] x",
        "[10:00:00 abc] x",
        "[10:00:00 INF]x",
        "[10:00:00INF] x",
        "[10:00:00 INF x",
        "[a] 2026-02-10 10:00:00 x",
        "[a] 2026-02-10 10:00:00 a.ERROR: x",
        "[a]2026-02-10 10:00:00 INFO x",
        "Feb 10, 2026 9:58:03 x",
        "Feb 10, 26 9:58:03 PM x",
        "Feb 010, 2026 9:58:03 PM x",
        "\x1b[2m2026-02-10T10:00:00Z\x1b[0m x",
        "\x1b[2J2026-02-10T10:00:00Z INFO x",
    ] {
        assert_eq!(parts(record), None, "{record}");
    }
}

#[test]
fn marks_part_time_and_level_where_a_log_has_them() {
    #[track_caller]
    fn check(record: &str, mark: u8, want: Option<&str>) {
        let record = record.as_bytes();
        let text = |part: Option<&[u8]>| String::from_utf8_lossy(part.unwrap_or_default()).into_owned();
        let parted = level_place_parted(record, mark).and_then(|place| split_parted(record, place, mark));
        let parts =
            parted.map(|header| [Some(header.time), header.context, header.level, header.body].map(text));
        assert_eq!(parts.map(|parts| parts.join(" / ")).as_deref(), want);
    }
    let t = "2026-02-10 10:00:00.123";
    check(&format!("{t}|INFO|a.B|x|y"), b'|', Some(&format!("{t} /  / INFO / a.B|x|y")));
    check(&format!("{t}|7|INFO|x"), b'|', Some(&format!("{t} / 7 / INFO / x")));
    check(&format!("{t}|7|8| INFO |x"), b'|', Some(&format!("{t} / 7|8 / INFO / x")));
    check(&format!("{t}\tINFO\ta.go:1\tx"), b'\t', Some(&format!("{t} /  / INFO / a.go:1\tx")));
    check(&format!("{t}, Info     CBS  x, y"), b',', Some(&format!("{t} /  / Info / CBS  x, y")));
    check(&format!("{t},[INFO],"), b',', Some(&format!("{t} /  / INFO / ")));
    check(&format!("{t}|INFO|x"), b',', None);
    check(&format!("{t}|apples|x"), b'|', None);
    check(&format!("{t} INFO|x"), b'|', None);
    check("x|INFO|x", b'|', None);
    let unmarked = split_parted(b"2026-02-10 10:00:00 INFO x", 0, b'|');
    assert_eq!(unmarked, split(b"2026-02-10 10:00:00 INFO x", Some(0)));
    assert_eq!(
        split_parted(b"2026-02-10 10:00:00|x", 0, b'|').map(|header| header.body),
        Some(Some(&b"x"[..]))
    );
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
        "W, [2026-02-10T10:00:00.123456 #1]  INFO -- : x",
        "I, [2026-02-10T10:00:00.123456 #a]  INFO -- : x",
        "I, [2026-02-10T10:00:00.123456 #1] INFO : x",
        "I, [2026-02-10T10:00:00.123456#1]  INFO -- : x",
        "I, [x #1]  INFO -- : x",
        "17:m 10 Feb 2026 10:00:00.123 * x",
        ":M 10 Feb 2026 10:00:00.123 * x",
        "17:M 10 Feb 2026 10:00:00.123 + x",
        "17:M 10 Feb 2026 10:00:00.123 *x",
        "17:M 10 Feb 2026 10:00:00.123",
        "02-10 10:00:00.123  1702 D Tag: x",
        "02-10 10:00:00.123  1702  2395 X Tag: x",
        "02-10 10:00:00.123  1702  2395D Tag: x",
        "02-31 10:00:00.123  1702  2395 D Tag: x",
        "02-10 10:00:00.123",
        "081109 203615 148 apples",
        "081309 203615 148 INFO x",
        "081109 243615 148 INFO x",
        "081109 203615,148 INFO x",
        "081109 203615",
        "[10-Feb-2026 10:00:00 INFO] x",
        "[10-Feb-2026 10:00:00 core/INFO] x",
        "[10-Feb-2026 10:00:00 Europe/Ber lin] x",
        "02/30/2026-10:00:00.123456 x",
        "02/10/2026 10:00:00 x",
        "see a.log 2026-02-10 10:00:00 INFO x",
        "a.log 2026-02-10 10:00:00 was written",
        "a.logs 2026-02-10 10:00:00 INFO x",
        ".log 2026-02-10 10:00:00 INFO x",
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
    fn nothing_of_a_programs_own_writing_is_dropped(
        head in "(I, \\[2026-02-10T10:00:00.123456 #10\\]  INFO -- |[0-9]{1,3}:[MCx] 10 Feb 2026 10:00:00\\.1 |02-10 10:00:00\\.123  17  23 D |081109 203615 (1 )?INFO |a\\.log\\.1 2026-02-10 10:00:00 (25 )?INFO |\\[10-Feb-2026 10:00:00 (UTC|Etc/x)\\])",
        rest in "(\\[|\\]| |:|-|\\*|#|INFO|a|é){0,10}",
        level_after in prop_oneof![Just(None), (0_u8..5).prop_map(Some)],
    ) {
        let record = format!("{head}{rest}");
        let kept = |bytes: &[u8]| {
            let mut kept: Vec<u8> = bytes.iter().copied().filter(|byte| !b"[]()<> \t:-|.".contains(byte)).collect();
            kept.sort_unstable();
            kept
        };
        if let Some(header) = split(record.as_bytes(), level_after) {
            // Ruby's letter is that of the level's word.
            let letter = record.starts_with("I, ").then_some(b"I,".as_slice());
            let parts = [letter, header.file, Some(header.time), header.context, header.level, header.body];
            let parts: Vec<&[u8]> = parts.into_iter().flatten().collect();
            prop_assert_eq!(kept(&parts.concat()), kept(record.as_bytes()), "{}", record);
        }
    }

    #[test]
    fn nothing_is_dropped_from_other_writings_but_marks(
        head in "(26/02/10 10:00:00 INFO |10:00:00\\.1 (\\[a\\] )?INFO |\\[10:00:00 INF( a| a/b)?\\]|\\[2026-02-10 10:00:00: INFO|INFO \\[a\\] 2026-02-10 10:00:00|\\[a\\] 2026-02-10 10:00:00 INFO|2026-02-10 10:00:00[|,\t])",
        rest in "(\\[|\\]| |\t|:|-|\\||,|/|INFO|a|é){0,10}",
        level_after in prop_oneof![Just(None), (0_u8..5).prop_map(Some)],
        mark in prop_oneof![Just(b'|'), Just(b','), Just(b'\t')],
    ) {
        let record = format!("{head}{rest}");
        let kept = |bytes: &[u8]| {
            let mut kept: Vec<u8> = bytes.iter().copied().filter(|byte| !b"[]()<> \t:-|.,/".contains(byte)).collect();
            kept.sort_unstable();
            kept
        };
        let parted = split_parted(record.as_bytes(), level_after.unwrap_or_default(), mark);
        for header in [split(record.as_bytes(), level_after), parted].into_iter().flatten() {
            let parts = [header.file, Some(header.time), header.context, header.level, header.body];
            let parts: Vec<&[u8]> = parts.into_iter().flatten().collect();
            prop_assert_eq!(kept(&parts.concat()), kept(record.as_bytes()), "{}", record);
        }
    }

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
