use super::*;

#[test]
fn the_command_line_is_well_formed() {
    command().debug_assert();
}

#[test]
fn settings_are_flags_of_every_command() {
    let words = ["log-ingestion", "run", "--rate-limit", "7", "--output-dir=/x"].map(Into::into);
    let settings = read(words).unwrap().settings;
    assert_eq!(settings.get("RATE_LIMIT").map(String::as_str), Some("7"));
    assert_eq!(settings.get("OUTPUT_DIR").map(String::as_str), Some("/x"));
    let words = ["log-ingestion", "config", "check", "--layout", "flat"].map(Into::into);
    assert_eq!(read(words).unwrap().settings.get("LAYOUT").map(String::as_str), Some("flat"));
}

#[test]
fn the_key_is_no_flag() {
    assert!(read(["log-ingestion", "run", "--rapid7-api-key", "k"].map(Into::into)).is_err());
}
