//! Instants, days and times of day: what is read prints back, and calendars agree.

use proptest::prelude::*;

use super::*;

#[test]
fn what_is_no_time_is_text() {
    let texts = [
        "2026-02-30",
        "2026-13-01",
        "0000-01-01",
        "2026-2-1",
        "2026-02-10 ",
        "2025-02-29",
        "1900-02-29",
        "2026-02-10T24:00:00Z",
        "2026-02-10T10:00:60Z",
        "2026-02-10T10:00:00z",
        "2026-02-10t10:00:00Z",
        "2026-02-10T10:00:00.Z",
        "2026-02-10T10:00:00.1234567891Z",
        "2026-02-10T10:00:00+24:00",
        "2026-02-10T10:00:00+01",
        "2026-02-10T10:00Z",
        "2026/02/10T10:00:00",
        "2026/02/10 10:00:00Z",
        "10/feb/2026:10:00:00 +0000",
        "10/Feb/2026:10:00:00",
        "31/Feb/2026:10:00:00 +0000",
        "10/Feb/2026:10:00:00 +00:00",
        "2026-02-10T10:00:00;123Z",
        "2026-02-10T10:00:00.5,5Z",
        "2026-02-10 10:00:00  UTC",
        "2026-02-10 10:00:00 CET",
        "2026-02-10 10:00:00 ",
        "2026/02/10 10:00:00 UTC",
        "1600-01-01T00:00:00.1234567Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-00:01",
        "24:00:00",
        "23:60:00",
        "23:59:60",
        "9:00:00",
        "10:00",
        "10:00:00.",
        "10:00:00.1234567891",
        "10:00:00Z",
        "10:00:00 ",
        "-10:00:00",
        "Feb 1 10:00:00",
        "Feb 01 10:00:00",
        "Feb  0 10:00:00",
        "Feb 30 10:00:00",
        "Feb   10:00:00 ",
        "feb 10 10:00:00",
        "Fab 10 10:00:00",
        "Feb 10 24:00:00",
        "Feb 10 10:00:00 ",
        "Feb 10 10:00:00.5",
        "Feb 10 2026 10:00",
        "Feb 30 2026 10:00:00",
        "Feb 1 2026 10:00:00",
        "10-Feb 2026 10:00:00",
        "1-Feb-2026 10:00:00",
        "10-Feb-26 10:00:00",
        "10-02-2026 10:00:00",
        "Mon Feb 10 10:00:00 2026",
        "Tue Feb 10 10:00:00",
        "Tue Feb 10 10:00:00 2026 ",
        "Tue Feb 10 10:00:00 UTC 2026",
        "Nov",
        "NaN 10 10:00:00",
    ];
    for text in texts {
        check(text, &[]);
    }
}

#[test]
fn instants_have_one_form_and_the_unit_they_need() {
    use TimeUnit::{Micros, Millis, Nanos};
    let cases = [
        ("2026-02-10T10:00:00Z", TimeForm::RfcUtc, Millis),
        ("2026-02-10T10:00:00.123456Z", TimeForm::RfcUtc, Micros),
        ("2026-02-10T10:00:00.123456789Z", TimeForm::RfcUtc, Nanos),
        ("2026-02-10T10:00:00.5+01:00", TimeForm::RfcOffset, Millis),
        ("2026-02-10T10:00:00-0130", TimeForm::RfcOffset, Millis),
        ("2026-02-10T10:00:00", TimeForm::RfcLocal, Millis),
        ("2026-02-10 10:00:00Z", TimeForm::SpacedUtc, Millis),
        ("2026-02-10 10:00:00+01:00", TimeForm::SpacedOffset, Millis),
        ("2026-02-10 10:00:00.000000", TimeForm::SpacedLocal, Micros),
        ("2026/02/10 10:00:00", TimeForm::SlashedLocal, Millis),
        ("10/Feb/2026:10:00:00 +0100", TimeForm::Apache, Millis),
        ("2026-02-10T10:00:00,123Z", TimeForm::RfcUtc, Millis),
        ("2026-02-10 10:00:00,123456", TimeForm::SpacedLocal, Micros),
        ("2026-02-10 10:00:00.123 UTC", TimeForm::SpacedUtc, Millis),
        ("2026-02-10T10:00:00 GMT", TimeForm::RfcUtc, Millis),
        ("2026-02-10 10:00:00 +0100", TimeForm::SpacedOffset, Millis),
        ("Tue Feb 10 10:00:00 2026", TimeForm::Ctime, Millis),
        ("Sun Mar  1 10:00:00.123456 2026", TimeForm::Ctime, Micros),
        ("Wed Dec 31 23:59:59 1969", TimeForm::Ctime, Millis),
        ("Feb 10 2026 10:00:00", TimeForm::MonthFirst, Millis),
        ("Feb 01 2026 10:00:00.123", TimeForm::MonthFirst, Millis),
        ("Nov  1 2026 10:00:00", TimeForm::MonthFirst, Millis),
        ("10-Feb-2026 10:00:00.123", TimeForm::DayFirst, Millis),
        ("01 Feb 2026 10:00:00.123456789", TimeForm::DayFirst, Nanos),
        ("10-Feb-2026 10:00:00 UTC", TimeForm::DayFirstUtc, Millis),
        ("10-Feb-2026 10:00:00.123456 GMT", TimeForm::DayFirstUtc, Micros),
        ("10/Feb/2026:10:00:00.123", TimeForm::ApacheLocal, Millis),
        ("02/10/2026-10:00:00.123456", TimeForm::MonthSlashed, Micros),
        ("02/29/2024-10:00:00", TimeForm::MonthSlashed, Millis),
        ("2024-02-29T23:59:59Z", TimeForm::RfcUtc, Millis),
        ("1969-12-31T23:59:59.999Z", TimeForm::RfcUtc, Millis),
    ];
    for (text, form, unit) in cases {
        check(text, &[instant(form, unit)]);
    }
    check("2026-02-10", &[ColumnType::Date]);
    check("0001-01-01", &[ColumnType::Date]);
    check("9999-12-31", &[ColumnType::Date]);
}

#[test]
fn times_of_day_are_counted_from_midnight() {
    let time = |unit| ColumnType::Time { unit };
    for text in ["00:00:00", "23:59:59", "10:00:00.5", "10:00:00.123456"] {
        check(text, &[time(TimeUnit::Micros)]);
    }
    check("23:59:59.999999999", &[time(TimeUnit::Nanos)]);
    check("10:00:00.1230000", &[time(TimeUnit::Nanos)]);
    check_column(&["10:00:00", "10:00:00.123456789"], time(TimeUnit::Nanos));
    check_column(&["10:00:00", "2026-02-10"], ColumnType::Text);
    let cell = parse_cell(time(TimeUnit::Micros), b"23:59:59.999999");
    assert_eq!(cell, Some(Cell::Int(86_399_999_999)));
    assert_eq!(parse_cell(time(TimeUnit::Millis), b"10:00:00"), None);
}

#[test]
fn a_column_may_mix_z_with_offsets() {
    use TimeUnit::{Micros, Millis};
    let (utc, offset) = ("2026-02-10T10:00:00Z", "2026-02-10T10:00:00.5+01:00");
    check_column(&[utc, utc], instant(TimeForm::RfcUtc, Millis));
    check_column(&[utc, offset], instant(TimeForm::RfcOffset, Millis));
    check_column(&[offset, "2026-02-10T10:00:00.123456Z"], instant(TimeForm::RfcOffset, Micros));
    check_column(
        &["2026-02-10 10:00:00Z", "2026-02-10 10:00:00+0100"],
        instant(TimeForm::SpacedOffset, Millis),
    );
    check_column(
        &["2026-02-10 10:00:00.5 UTC", "2026-02-10 10:00:00 +0100"],
        instant(TimeForm::SpacedOffset, Millis),
    );
    check_column(&["10-Feb-2026 10:00:00", "10 Feb 2026 10:00:00"], instant(TimeForm::DayFirst, Millis));
    check_column(&["Feb 10 2026 10:00:00", "10 Feb 2026 10:00:00"], ColumnType::Text);
    check_column(&[utc, "2026-02-10T10:00:00"], ColumnType::Text);
    check_column(&[utc, "2026-02-10 10:00:00+01:00"], ColumnType::Text);
    assert_eq!(parse_cell(instant(TimeForm::RfcUtc, Millis), offset.as_bytes()), None);
    let kind = instant(TimeForm::RfcOffset, Millis);
    assert_eq!(parse_cell(kind, utc.as_bytes()), Some(Cell::Int(1_770_717_600_000)));
}

#[test]
fn instants_beyond_nanoseconds_are_coarser() {
    use TimeUnit::{Micros, Millis, Nanos};
    for text in ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1600-01-01T00:00:00.5Z"] {
        check(text, &[instant(TimeForm::RfcUtc, Millis)]);
    }
    check("9999-12-31 23:59:59.999999", &[instant(TimeForm::SpacedLocal, Micros)]);
    check("31/Dec/9999:23:59:59 +0000", &[instant(TimeForm::Apache, Millis)]);
    check_column(&["9999-12-31T23:59:59Z", "2026-02-10T10:00:00.123456Z"], instant(TimeForm::RfcUtc, Micros));
    check_column(&["9999-12-31T23:59:59Z", "2026-02-10T10:00:00.123456789Z"], ColumnType::Text);
    check_column(
        &["2262-04-11T00:00:00Z", "2026-02-10T10:00:00.123456789Z"],
        instant(TimeForm::RfcUtc, Nanos),
    );
}

#[test]
fn a_time_without_a_year_is_of_the_nearest_year() {
    let read = |text: &str, near: &str| {
        let near = Some(Timestamp::parse(near).unwrap());
        let kind = match text.len() {
            15 => instant(TimeForm::Bsd, TimeUnit::Millis),
            18 => instant(TimeForm::Logcat, TimeUnit::Millis),
            _ => instant(TimeForm::Glog, TimeUnit::Micros),
        };
        match parse_cell_near(kind, text.as_bytes(), near) {
            Some(Cell::Int(micros)) if text.len() == 20 => Timestamp::from_millis(micros / 1_000).to_string(),
            Some(Cell::Int(millis)) => Timestamp::from_millis(millis).to_string(),
            other => format!("{other:?}"),
        }
    };
    for (text, near, want) in [
        ("Feb 10 10:00:00", "2026-02-10T10:00:01Z", "2026-02-10T10:00:00.000Z"),
        ("Feb  1 10:00:00", "2026-03-10", "2026-02-01T10:00:00.000Z"),
        ("Dec 31 23:59:59", "2026-01-01T00:00:01Z", "2025-12-31T23:59:59.000Z"),
        ("Jan  1 00:00:00", "2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00.000Z"),
        // As far from either year's.
        ("Feb 10 10:00:00", "2025-08-11T22:00:00Z", "2025-02-10T10:00:00.000Z"),
        ("Feb 10 10:00:00", "2025-08-11T22:00:00.001Z", "2026-02-10T10:00:00.000Z"),
        ("Feb 29 10:00:00", "2024-12-31", "2024-02-29T10:00:00.000Z"),
        ("Feb 29 10:00:00", "2025-12-31", "2024-02-29T10:00:00.000Z"),
        ("Feb 29 10:00:00", "2027-01-01", "2028-02-29T10:00:00.000Z"),
        ("Feb 29 10:00:00", "2026-06-01", "None"),
        ("Dec 31 10:00:00", "0001-01-01", "0001-12-31T10:00:00.000Z"),
        ("Jan  1 10:00:00", "9999-12-01", "9999-01-01T10:00:00.000Z"),
        ("0210 10:00:00.123000", "2026-02-10T10:00:01Z", "2026-02-10T10:00:00.123Z"),
        ("1231 23:59:59.000000", "2026-01-01T00:00:01Z", "2025-12-31T23:59:59.000Z"),
        ("02-10 10:00:00.123", "2026-02-10T10:00:01Z", "2026-02-10T10:00:00.123Z"),
        ("02-29 10:00:00.500", "2026-06-01", "None"),
    ] {
        prove(text.as_bytes());
        assert_eq!(read(text, near), want, "{text} near {near}");
    }
    check("Feb 29 23:59:59", &[instant(TimeForm::Bsd, TimeUnit::Millis)]);
    check_column(&["Nov 10 10:00:00", "May  9 00:00:00"], instant(TimeForm::Bsd, TimeUnit::Millis));
    check("0229 10:00:00.000000", &[instant(TimeForm::Glog, TimeUnit::Micros)]);
    check("02-29 10:00:00.000", &[instant(TimeForm::Logcat, TimeUnit::Millis)]);
    for text in
        ["0230 10:00:00.000000", "0210 10:00:00,000000", "0210 10:00:00.0000000", "02-10 10:00:00.1234"]
    {
        check(text, &[ColumnType::Text]);
    }
}

proptest! {
    #[test]
    fn anything_like_an_instant_obeys_the_law(
        text in "(00|16|19|20|22|23|99)[0-9]{2}[-/][01][0-9][-/][0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9]([.,][0-9]{1,10})?( ?(Z|UTC|GMT|[+-][0-2][0-9]:?[0-5][0-9]))?",
    ) {
        prove(text.as_bytes());
    }

    #[test]
    fn anything_with_a_months_name_obeys_the_law(
        text in "((Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Dec) [ 0-3][0-9] 10:00:00(\\.[0-9]{1,10})? (0000|16[0-9]{2}|202[0-9]|9999)|(Jan|Feb|Dec) [ 0-3][0-9] (0000|16[0-9]{2}|202[0-9]|9999) 23:59:59([.,][0-9]{1,10})?|[0-3][0-9][- ](Feb|Sep|May)[- ](0001|2024|2026) [0-2][0-9]:00:00(\\.[0-9]{1,3})?( UTC| GMT| CET)?|[0-3][0-9]/(Feb|Sep)/(0001|2026):10:00:00(\\.[0-9]{1,10}| [+]0[0-9]00)?|[01][0-9]/[0-3][0-9]/(0001|2024)[- ]10:00:00(\\.[0-9]{1,10})?)",
    ) {
        prove(text.as_bytes());
    }

    #[test]
    fn anything_like_a_time_obeys_the_law(
        text in "([0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,10})?|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]|[01][0-9]-?[0-3][0-9] [0-2][0-9]:00:[0-5][0-9][.,]([0-9]{3}|[0-9]{5,7}))",
    ) {
        prove(text.as_bytes());
    }

    #[test]
    fn a_year_that_is_found_is_the_nearest(
        second in 0_i64..31_622_400,
        near in -60_000_000_000_000_i64..250_000_000_000_000,
    ) {
        let kind = instant(TimeForm::Bsd, TimeUnit::Millis);
        let text = print_cell(kind, Cell::Int(946_684_800_000 + second * 1_000)).unwrap();
        let Some(Cell::Int(found)) = parse_cell_near(kind, &text, Some(Timestamp::from_millis(near))) else {
            prop_assert!(text.starts_with(b"Feb 29"));
            return Ok(());
        };
        prop_assert_eq!(&print_cell(kind, Cell::Int(found)).unwrap(), &text);
        // Half of the longest year, or nearly all of it around a day that most years lack.
        prop_assert!(text.starts_with(b"Feb 29") || found.abs_diff(near) <= 183 * 86_400_000);
    }

    #[test]
    fn our_calendar_is_jiffs(seconds in -9_000_000_000_i64..9_000_000_000, nanos in 0_i32..1_000_000_000) {
        let time = jiff::Timestamp::new(seconds, if seconds < 0 { -nanos } else { nanos }).unwrap();
        let text = format!("{time:.9}");
        let cell = parse_cell(instant(TimeForm::RfcUtc, TimeUnit::Nanos), text.as_bytes());
        prop_assert_eq!(cell, Some(Cell::Int(i64::try_from(time.as_nanosecond()).unwrap())));
    }

    #[test]
    fn our_calendar_is_jiffs_in_all_years(millis in -62_135_596_800_000_i64..253_402_207_200_000) {
        let text = format!("{:.3}", jiff::Timestamp::from_millisecond(millis).unwrap());
        let kind = instant(TimeForm::RfcOffset, TimeUnit::Millis);
        prop_assert_eq!(parse_cell(kind, text.as_bytes()), Some(Cell::Int(millis)));
        prove(text.as_bytes());
    }
}
