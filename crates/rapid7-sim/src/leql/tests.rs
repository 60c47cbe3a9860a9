//! Statements, conditions and pairs as data.

use super::*;

#[track_caller]
fn check(clause: &str, message: &str, want: bool) {
    let statement = Statement::parse(clause).unwrap();
    assert_eq!(statement.filter.passes(message), want, "{clause} on {message:?}");
}

#[test]
fn conditions_hold_or_not() {
    let line = r#"level=ERROR op=charge msg="a b" Größe"#;
    for clause in ["", "where(/.*/)", "where(ERROR)", "where(\"a b\")", "where(/grÖSSE|/i)"] {
        if !clause.contains('|') {
            check(clause, line, true);
        }
    }
    check("where(/GRÖßE/i)", line, true);
    check("where(error)", line, false);
    check("where(level=ERROR)", line, true);
    check("where(level=\"ERROR\" AND op=refund)", line, false);
    check("where(op=refund OR (msg=\"a b\" AND NOT level=INFO))", line, true);
    check("where(level!=ERROR)", line, false);
    check("where(a.b=7)", r#"{"a":{"b":7}}"#, true);
    check("where(\")\")", "a ) b", true);
}

#[test]
fn what_is_not_understood_is_refused() {
    for bad in [
        "where()",
        "where(",
        "foo",
        "where(a",
        "calculate(max:x)",
        "where(a=)",
        "where(a b)",
        "timeslice(0)",
        "timeslice(3q)",
        "where(/a.b/)",
        "where(a > 3)",
        "nope(1)",
        "groupby()",
        "where(\"\")",
        "where(AND)x",
    ] {
        assert!(Statement::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn statistics_are_known_by_their_clauses() {
    let parsed = Statement::parse("where(level=ERROR) groupby(op) calculate(count) timeslice(15m)").unwrap();
    assert_eq!(parsed.calculate, Some(Calculation::Count));
    assert_eq!(parsed.group_by.as_deref(), Some("op"));
    assert_eq!(parsed.slices, Slices::Length(900_000));
    assert_eq!(Statement::parse("calculate(bytes)timeslice(60)").unwrap().slices, Slices::Number(60));
    assert!(!Statement::parse("where(calculate)").unwrap().is_statistic());
}

#[test]
fn pairs_are_found_where_they_stand() {
    let line = r#"é level=INFO, msg="x=\"y\" z" n='q' =bad end="#;
    let found: Vec<(&str, &str)> = pairs(line).iter().map(|pair| (pair.key, pair.value)).collect();
    assert_eq!(found, [("level", "INFO"), ("msg", r#"x=\"y\" z"#), ("n", "q"), ("end", "")]);
    for pair in pairs(line) {
        assert!(line.get(pair.key_at..).unwrap().starts_with(pair.key));
        assert!(line.get(pair.value_at..).unwrap().starts_with(pair.value));
    }
    assert_eq!(value_of("{\"a\":null}", "a"), None);
}
