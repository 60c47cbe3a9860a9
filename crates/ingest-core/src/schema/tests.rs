use super::*;

fn observed(fields: &[(&str, Fits)]) -> Vec<ObservedColumn> {
    fields.iter().map(|(field, fits)| ObservedColumn { field: (*field).to_owned(), fits: *fits }).collect()
}

fn text_schema(fields: &[(&str, Fits)]) -> TableSchema {
    let mut schema = TableSchema::new(Shape { envelope: None, body: Body::KeyValue });
    schema.settle(&observed(fields));
    schema
}

fn describe(schema: &TableSchema) -> String {
    schema.columns.iter().map(|c| format!("{}: {}", c.name, c.kind)).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_committed_type_never_changes() {
    let mut schema = text_schema(&[("n", Fits::INT64 | Fits::TEXT)]);
    assert!(schema.settle(&observed(&[("n", Fits::TEXT), ("new", Fits::TEXT)])));
    assert_eq!(describe(&schema), "n: int64, new: text");
}

#[test]
fn names_are_unique_without_regard_to_case_and_never_ours() {
    let schema =
        text_schema(&[("User", Fits::TEXT), ("user", Fits::TEXT), ("_time", Fits::TEXT), ("", Fits::TEXT)]);
    assert_eq!(describe(&schema), "User: text, user_2: text, _time_2: text, unnamed: text");
}

#[test]
fn a_field_named_like_a_folder_of_the_layout_is_renamed() {
    let schema = text_schema(&[("day", Fits::TEXT), ("Log", Fits::TEXT)]);
    assert_eq!(describe(&schema), "day_2: text, Log_2: text");
}

#[test]
fn numbers_are_epochs_only_where_the_name_says_so() {
    let epoch = Fits::INT64 | Fits::EPOCH_MILLIS | Fits::TEXT;
    let schema = text_schema(&[("ts", epoch), ("id", epoch)]);
    assert_eq!(describe(&schema), "ts: timestamp[ms, UTC], id: int64");
    assert_eq!(schema.time_field.as_deref(), Some("ts"));
    let schema = text_schema(&[("end", epoch), ("Token__Expires", epoch), ("weekend", epoch)]);
    assert_eq!(
        describe(&schema),
        "end: timestamp[ms, UTC], Token__Expires: timestamp[ms, UTC], weekend: int64"
    );
    assert_eq!(schema.time_field, None);
}

#[test]
fn the_finest_unit_of_any_row_decides() {
    let fits = Fits::instant(TimeForm::RfcUtc, 3) & Fits::instant(TimeForm::RfcUtc, 6);
    let schema = text_schema(&[("time", (fits | Fits::TEXT))]);
    assert_eq!(describe(&schema), "time: timestamp[us, UTC]");
}

#[test]
fn a_reading_without_a_year_is_never_the_time_of_a_row() {
    let bsd = Fits::instant(TimeForm::Bsd, 0) | Fits::TEXT;
    let schema = text_schema(&[("syslog_time", bsd)]);
    assert_eq!(describe(&schema), "syslog_time: timestamp[ms, no zone]");
    assert_eq!(schema.time_field, None);
    let date = Fits::instant(TimeForm::RfcUtc, 0) | Fits::TEXT;
    let schema = text_schema(&[("syslog_time", bsd), ("created", date)]);
    assert_eq!(schema.time_field.as_deref(), Some("created"));
}

#[test]
fn an_event_of_windows_has_its_own_time() {
    let date = Fits::instant(TimeForm::RfcUtc, 0) | Fits::TEXT;
    let named = |field| text_schema(&[("EventData__Other", date), (field, date)]).time_field;
    let field = "System__TimeCreated__SystemTime";
    assert_eq!(named(field).as_deref(), Some(field));
    assert_eq!(named("TimeCreated__SystemTime"), None);
}

#[test]
fn types_are_stored_and_read_again() {
    let schema = text_schema(&[
        ("sum", Fits::decimal(4) | Fits::TEXT),
        ("at", Fits::time_of_day(7) | Fits::TEXT),
        ("when", Fits::instant(TimeForm::Bsd, 0) | Fits::TEXT),
    ]);
    let text = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<TableSchema>(&text).unwrap(), schema, "{text}");
}

#[test]
fn mixed_forms_fall_back_to_text_or_json() {
    let mixed = (Fits::INT64 | Fits::JSON) & (Fits::TEXT | Fits::JSON);
    let mut schema = TableSchema::new(Shape { envelope: None, body: Body::Json });
    schema.settle(&observed(&[("a", mixed), ("b", Fits::ANY)]));
    assert_eq!(describe(&schema), "a: json, b: json");
    let fixed = (Fits::fixed(2) | Fits::TEXT) & (Fits::fixed(3) | Fits::TEXT);
    assert_eq!(describe(&text_schema(&[("f", fixed)])), "f: text");
}

#[test]
fn merging_adds_only_what_is_missing() {
    let mut older = text_schema(&[("a", Fits::INT64), ("c", Fits::TEXT)]);
    let newer = text_schema(&[("a", Fits::TEXT), ("b", Fits::DATE)]);
    older.merge(&newer);
    assert_eq!(describe(&older), "a: int64, c: text, b: date");
    let again = older.clone();
    older.merge(&newer);
    assert_eq!(older, again);
}
