use ingest_core::schema::{DECIMAL_SCALE_MAX, FloatForm, TimeUnit};
use proptest::prelude::*;

use super::*;

mod times;

/// All types that any bit of [`Fits`] can lead to.
fn all_types() -> Vec<ColumnType> {
    let mut all = vec![ColumnType::Int64, ColumnType::Date, ColumnType::Text];
    all.extend([BoolCase::Lower, BoolCase::Title, BoolCase::Upper].map(|case| ColumnType::Bool { case }));
    let fixed = (1..=15).map(FloatForm::Fixed);
    all.extend(
        [FloatForm::Shortest, FloatForm::Point]
            .into_iter()
            .chain(fixed)
            .map(|form| ColumnType::Float64 { form }),
    );
    all.extend((0..=DECIMAL_SCALE_MAX).map(|scale| ColumnType::Decimal { scale }));
    all.extend([TimeUnit::Micros, TimeUnit::Nanos].map(|unit| ColumnType::Time { unit }));
    for form in FORMS {
        all.extend(
            [TimeUnit::Millis, TimeUnit::Micros, TimeUnit::Nanos]
                .map(|unit| ColumnType::Timestamp { form, unit }),
        );
    }
    all
}

const FORMS: [TimeForm; 20] = [
    TimeForm::RfcUtc,
    TimeForm::RfcOffset,
    TimeForm::RfcLocal,
    TimeForm::SpacedUtc,
    TimeForm::SpacedOffset,
    TimeForm::SpacedLocal,
    TimeForm::SlashedLocal,
    TimeForm::Apache,
    TimeForm::Bsd,
    TimeForm::Ctime,
    TimeForm::MonthFirst,
    TimeForm::DayFirst,
    TimeForm::DayFirstUtc,
    TimeForm::ApacheLocal,
    TimeForm::MonthSlashed,
    TimeForm::Glog,
    TimeForm::Logcat,
    TimeForm::EpochSeconds,
    TimeForm::EpochMillis,
    TimeForm::EpochFraction,
];

/// In a leap year, so that every reading without a year has one near it.
fn leap_year() -> Timestamp {
    Timestamp::parse("2024-06-01").unwrap()
}

/// The law: exactly the types whose bit is set read the text, and they print it back.
fn prove(text: &[u8]) {
    let fits = classify(text);
    assert!(fits.has(Fits::TEXT), "{:?}", String::from_utf8_lossy(text));
    for kind in all_types() {
        let bsd = matches!(kind, ColumnType::Timestamp { form, .. } if form.is_yearless());
        assert!(!bsd || parse_cell(kind, text).is_none());
        let parsed = parse_cell_near(kind, text, bsd.then(leap_year));
        let shown = String::from_utf8_lossy(text);
        let claimed = fits.has(Fits::of(kind));
        // A coarser unit may hold a time that was written with more zeros than it has decimals.
        let timed = !bsd && matches!(kind, ColumnType::Timestamp { .. } | ColumnType::Time { .. });
        let coarser = timed && parsed.is_some();
        assert_eq!(parsed.is_some(), claimed || coarser, "{shown:?} as {kind:?}: {parsed:?}");
        let Some(cell) = parsed else { continue };
        let printed = print_cell(kind, cell).unwrap();
        if timed {
            let again = parse_cell(kind, &printed).map(|cell| format!("{cell:?}"));
            assert_eq!(
                again,
                Some(format!("{cell:?}")),
                "{shown:?} as {kind:?} is {:?}",
                String::from_utf8_lossy(&printed)
            );
        } else {
            assert_eq!(String::from_utf8_lossy(&printed), shown, "as {kind:?}");
        }
    }
}

#[track_caller]
fn check(text: &str, want: &[ColumnType]) {
    prove(text.as_bytes());
    let fits = classify(text.as_bytes());
    let column = fits.column_type(true, false);
    assert_eq!(column, want.first().copied().unwrap_or(ColumnType::Text), "{text:?}");
}

fn float(form: FloatForm) -> ColumnType {
    ColumnType::Float64 { form }
}

fn instant(form: TimeForm, unit: TimeUnit) -> ColumnType {
    ColumnType::Timestamp { form, unit }
}

#[test]
fn what_does_not_print_back_is_text() {
    let texts = [
        "",
        " ",
        "007",
        "+1",
        "1e5",
        "1e400",
        ".5",
        "5.",
        "1.",
        "-",
        "--1",
        "0x10",
        "1,5",
        "00.5",
        "-01",
        " 1",
        "1 ",
        "inf",
        "-inf",
        "nan",
        "-NaN",
        "TrUe",
        "tRUE",
        "t",
        "T",
        "0.1234567890123456789",
        "123456789012345678901234567890123456789",
        "12345678901234567890123456789012345678.9",
        "012345678901234567890",
        "+12345678901234567890",
        "1e30",
        "٣",
        "1_000",
    ];
    for text in texts {
        check(text, &[]);
    }
}

#[test]
fn numbers_are_numbers() {
    for text in ["0", "1", "-1", "42", "9223372036854775807", "-9223372036854775808", "999999999999999999"] {
        check(text, &[ColumnType::Int64]);
    }
    for text in [
        "0.5",
        "-0.5",
        "2.25",
        "0.1",
        "123456789.123456",
        "0.0000000000000000000001",
        "1.7976931348623157",
        "-0",
    ] {
        check(text, &[float(FloatForm::Shortest)]);
    }
    for text in ["1.0", "-1.0", "-0.0", "0.0", "100000000000000000.0"] {
        check(text, &[float(FloatForm::Point)]);
    }
    check("2.50", &[float(FloatForm::Fixed(2))]);
    check("-0.000", &[float(FloatForm::Fixed(3))]);
    check("0.000000000000000", &[float(FloatForm::Fixed(15))]);
    check("NaN", &[float(FloatForm::Shortest)]);
    assert!(classify(b"NaN").has(Fits::FLOATS));
    check("1770681600", &[instant(TimeForm::EpochSeconds, TimeUnit::Millis)]);
    check("1770681600123", &[instant(TimeForm::EpochMillis, TimeUnit::Millis)]);
    check("9999999999", &[ColumnType::Int64]);
    check("1300475167.096535", &[instant(TimeForm::EpochFraction, TimeUnit::Micros)]);
    check("1300475167.1", &[instant(TimeForm::EpochFraction, TimeUnit::Millis)]);
    check("1300475167.5000000", &[instant(TimeForm::EpochFraction, TimeUnit::Nanos)]);
    let seconds = ["1300475167", "1300475167.25", "1300475167.0965351"];
    check_column(&seconds, instant(TimeForm::EpochFraction, TimeUnit::Nanos));
}

#[test]
fn numbers_that_neither_integers_nor_floats_hold_are_decimals() {
    let cases = [
        ("9223372036854775808", 0),
        ("-9223372036854775809", 0),
        ("18446744073709551616", 0),
        ("99999999999999999999999999999999999999", 0),
        ("-99999999999999999999999999999999999999", 0),
        ("123456789012345678901.50", 2),
        ("-0.0000000000000000010", 19),
        ("0.123456789012345678", 18),
        ("-1234567890123456789.0123456789012345", 16),
    ];
    for (text, scale) in cases {
        let decimal = ColumnType::Decimal { scale };
        let want = [decimal];
        check(text, if scale > DECIMAL_SCALE_MAX { &[] } else { &want });
    }
    check_column(&["1", "9223372036854775808", "-7"], ColumnType::Decimal { scale: 0 });
    check_column(&["1.50", "12345678901234567.89", "-0.01"], ColumnType::Decimal { scale: 2 });
    check_column(&["1.5", "12345678901234567.89"], ColumnType::Text);
    check_column(&["-0", "9223372036854775808"], ColumnType::Text);
    check_column(&["-0.00", "12345678901234567.89"], ColumnType::Text);
    check_column(&["NaN", "9223372036854775808"], ColumnType::Text);
    check_column(&["2.50", "0.01"], float(FloatForm::Fixed(2)));
    check_column(&["1", "0.5", "2.25"], float(FloatForm::Shortest));
    let parsed = parse_cell(ColumnType::Decimal { scale: 2 }, b"-12345678901234567.89");
    assert_eq!(parsed, Some(Cell::Wide(-1_234_567_890_123_456_789)));
}

/// The type of a column of these values, each of which it reads.
#[track_caller]
fn check_column(values: &[&str], want: ColumnType) {
    let fits = values.iter().fold(Fits::ANY, |all, text| all & classify(text.as_bytes()));
    let kind = fits.column_type(true, false);
    assert_eq!(kind, want, "{values:?}");
    for text in values {
        prove(text.as_bytes());
        assert!(parse_cell_near(kind, text.as_bytes(), Some(leap_year())).is_some(), "{text:?} as {kind:?}");
    }
}

#[test]
fn booleans_have_one_case() {
    for (text, case) in [("true", BoolCase::Lower), ("False", BoolCase::Title), ("TRUE", BoolCase::Upper)] {
        check(text, &[ColumnType::Bool { case }]);
    }
}

proptest! {
    #[test]
    fn any_text_obeys_the_law(text in "\\PC{0,30}") {
        prove(text.as_bytes());
    }

    #[test]
    fn any_bytes_obey_the_law(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        prove(&bytes);
    }

    #[test]
    fn any_number_obeys_the_law(text in "-?[0-9]{1,20}(\\.[0-9]{1,20})?") {
        prove(text.as_bytes());
    }

    #[test]
    fn any_float_prints_back(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
        let text = value.to_string();
        prove(text.as_bytes());
        if text.contains('.') {
            prop_assert!(classify(text.as_bytes()).has(Fits::FLOAT_SHORTEST));
        }
    }

    #[test]
    fn any_wide_number_obeys_the_law(text in "-?(0|[1-9][0-9]{0,39})(\\.[0-9]{1,20})?") {
        prove(text.as_bytes());
    }

    #[test]
    fn any_decimal_prints_back(value in -10_i128.pow(38) + 1..10_i128.pow(38), scale in 0..=DECIMAL_SCALE_MAX) {
        let kind = ColumnType::Decimal { scale };
        let text = print_cell(kind, Cell::Wide(value)).unwrap();
        prove(&text);
        prop_assert_eq!(parse_cell(kind, &text), Some(Cell::Wide(value)));
        prop_assert!(classify(&text).has(Fits::decimal(scale)));
    }
}
