use ingest_core::schema::{FloatForm, TimeUnit};
use proptest::prelude::*;

use super::*;

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
    for form in FORMS {
        all.extend(
            [TimeUnit::Millis, TimeUnit::Micros, TimeUnit::Nanos]
                .map(|unit| ColumnType::Timestamp { form, unit }),
        );
    }
    all
}

const FORMS: [TimeForm; 10] = [
    TimeForm::RfcUtc,
    TimeForm::RfcOffset,
    TimeForm::RfcLocal,
    TimeForm::SpacedUtc,
    TimeForm::SpacedOffset,
    TimeForm::SpacedLocal,
    TimeForm::SlashedLocal,
    TimeForm::Apache,
    TimeForm::EpochSeconds,
    TimeForm::EpochMillis,
];

/// The bit that stands for a type.
fn bit(kind: ColumnType) -> Fits {
    match kind {
        ColumnType::Bool { case } => Fits::boolean(case),
        ColumnType::Int64 => Fits::INT64,
        ColumnType::Float64 { form: FloatForm::Shortest } => Fits::FLOAT_SHORTEST,
        ColumnType::Float64 { form: FloatForm::Point } => Fits::FLOAT_POINT,
        ColumnType::Float64 { form: FloatForm::Fixed(decimals) } => Fits::fixed(decimals),
        ColumnType::Timestamp { form: TimeForm::EpochSeconds, .. } => Fits::EPOCH_SECONDS,
        ColumnType::Timestamp { form: TimeForm::EpochMillis, .. } => Fits::EPOCH_MILLIS,
        ColumnType::Timestamp { form, unit } => {
            // What any value of the form has, if it has the unit at all.
            let decimals = match unit {
                TimeUnit::Millis => 0,
                TimeUnit::Micros => 4,
                TimeUnit::Nanos => 7,
            };
            Fits::instant(form, decimals)
        }
        ColumnType::Date => Fits::DATE,
        ColumnType::Text => Fits::TEXT,
        ColumnType::Json => Fits::JSON,
    }
}

/// The law: exactly the types whose bit is set read the text, and they print it back.
fn prove(text: &[u8]) {
    let fits = classify(text);
    assert!(fits.has(Fits::TEXT), "{:?}", String::from_utf8_lossy(text));
    for kind in all_types() {
        let parsed = parse_cell(kind, text);
        let shown = String::from_utf8_lossy(text);
        let claimed = fits.has(bit(kind));
        // A coarser unit may hold an instant that was written with more zeros than it has decimals.
        let coarser = matches!(kind, ColumnType::Timestamp { .. }) && parsed.is_some();
        assert_eq!(parsed.is_some(), claimed || coarser, "{shown:?} as {kind:?}: {parsed:?}");
        let Some(cell) = parsed else { continue };
        let printed = print_cell(kind, cell).unwrap();
        if matches!(kind, ColumnType::Timestamp { .. }) {
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
        "9223372036854775808",
        "18446744073709551616",
        "0.1234567890123456789",
        "123456789012345678901.50",
        "٣",
        "1_000",
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
        "2026-02-10T10:00:00,123Z",
        "1600-01-01T00:00:00Z",
        "9999-12-31T00:00:00Z",
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
}

#[test]
fn booleans_have_one_case() {
    for (text, case) in [("true", BoolCase::Lower), ("False", BoolCase::Title), ("TRUE", BoolCase::Upper)] {
        check(text, &[ColumnType::Bool { case }]);
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
    fn anything_like_an_instant_obeys_the_law(
        text in "(19|20|22|23)[0-9]{2}[-/][01][0-9][-/][0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,10})?(Z|[+-][0-2][0-9]:?[0-5][0-9])?",
    ) {
        prove(text.as_bytes());
    }

    #[test]
    fn our_calendar_is_jiffs(seconds in -9_000_000_000_i64..9_000_000_000, nanos in 0_i32..1_000_000_000) {
        let time = jiff::Timestamp::new(seconds, if seconds < 0 { -nanos } else { nanos }).unwrap();
        let text = format!("{time:.9}");
        let cell = parse_cell(instant(TimeForm::RfcUtc, TimeUnit::Nanos), text.as_bytes());
        prop_assert_eq!(cell, Some(Cell::Int(i64::try_from(time.as_nanosecond()).unwrap())));
    }
}
