//! Generated messages have the form their kind promises.

use super::*;

fn message(kind: Kind, index: u64, piece: Piece) -> String {
    let stamp = Stamp { timestamp_ms: 1_767_225_601_269, sequence: 1 << 56 };
    let mut out = String::new();
    write(kind, &Slot { seed: 7, index, stamp, piece }, &mut out);
    out
}

/// Splits a CSV line by the rules of RFC 4180.
fn fields(line: &str) -> Vec<String> {
    let (mut out, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    out.push(field);
    out
}

#[test]
fn csv_has_as_many_fields_as_columns() {
    let columns = CSV_HEADER.split(',').count();
    for index in 0..500 {
        let line = message(Kind::Csv, index, Piece::Whole);
        assert_eq!(fields(&line).len(), columns, "{line}");
    }
}

#[test]
fn json_is_json_and_some_of_mixed_is_cut() {
    let valid = |kind, index| {
        serde_json::from_str::<serde_json::Value>(&message(kind, index, Piece::Whole))
            .is_ok_and(|v| v.is_object())
    };
    assert!((0..300).all(|index| valid(Kind::Json, index)));
    let cut = (0..300).map(|index| message(Kind::Mixed, index, Piece::Whole));
    let cut = cut.filter(|m| m.starts_with('{') && serde_json::from_str::<serde_json::Value>(m).is_err());
    assert!(cut.count() > 3);
}

#[test]
fn no_generated_message_holds_a_line_end() {
    for (name, kind) in Kind::ALL {
        for index in 0..400 {
            assert!(!message(kind, index, Piece::Whole).contains(['\n', '\r']), "{name} {index}");
        }
    }
}

#[test]
fn pieces_have_the_length_of_a_cut_entry() {
    assert_eq!(message(Kind::Odd, 3, Piece::First).chars().count(), ENTRY_CHARS_MAX);
    assert!(message(Kind::Odd, 3, Piece::Rest).len() >= 10);
    assert_eq!(message(Kind::Csv, 3, Piece::Whole), message(Kind::Csv, 3, Piece::Whole));
}

#[test]
fn odd_has_every_oddity() {
    let all: Vec<String> = (0..2_000).map(|index| message(Kind::Odd, index, Piece::Whole)).collect();
    for sign in ["\u{0}", "\u{FFFD}", "\u{FDD0}", "\u{1b}", "\u{FEFF}"] {
        assert!(all.iter().any(|m| m.contains(sign)), "{sign:?}");
    }
    assert!(all.iter().any(String::is_empty));
    assert!(all.iter().any(|m| m.len() == LONG_CHARS));
    assert!(all.iter().any(|m| m.starts_with("  ")));
}
