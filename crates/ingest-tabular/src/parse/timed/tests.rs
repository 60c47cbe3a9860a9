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
