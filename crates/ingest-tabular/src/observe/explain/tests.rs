use ingest_core::records::RecordBlock;
use ingest_core::schema::TableSchema;

use crate::observe::Observer;
use crate::parse::Origin;
use crate::recognise::recognise_text;

/// Every column with its type and what forbade the narrower ones.
fn explain(text: &str) -> Vec<String> {
    let seen = recognise_text(text.as_bytes(), true);
    let mut block = RecordBlock::default();
    text.lines().for_each(|line| {
        block.push(line.as_bytes());
    });
    let mut observer = Observer::explaining(&seen.shape, Origin::File);
    observer.observe(&block);
    let (observed, losses) = observer.finish_explained();
    let mut schema = TableSchema::new(seen.shape);
    schema.settle(&observed.columns);
    let columns = schema.columns.iter().zip(&losses);
    let one = |why: &super::Why| {
        let not = why.not.join(", ");
        let forms = why.other_form_of.join(", ");
        format!("{} {:?} not {not} / other form of {forms}", why.row, why.value)
    };
    let lines = columns.map(|(column, losses)| {
        let reasons: Vec<String> = super::why(column.kind, losses).iter().map(one).collect();
        format!("{} {}: {}", column.field, column.kind, reasons.join("; "))
    });
    lines.collect()
}

#[test]
fn the_first_value_that_forbade_a_type_is_named() {
    let text = "id,bytes,ratio,day\n1,12,0.50,2026-01-01\n2,unknown,1.5,2026-01-02\n3,x,y,2026-01-03\n";
    assert_eq!(
        explain(text),
        [
            "id int64: 1 \"1\" not true or false, a time / other form of ",
            "bytes text: 2 \"unknown\" not an integer, a float, a decimal / other form of ; 1 \"12\" not true or false, a time, a date, a time of day / other form of ",
            "ratio text: 2 \"1.5\" not  / other form of a float, a decimal; 1 \"0.50\" not true or false, a time, an integer, a date, a time of day / other form of ",
            "day date: 1 \"2026-01-01\" not true or false, a time, an integer, a float, a decimal / other form of ",
        ]
    );
}

#[test]
fn json_of_several_kinds_is_explained() {
    let said = explain("{\"a\":\"x\"}\n{\"a\":5}\n");
    assert!(said[0].starts_with("a json: 2 \"5\" not text"), "{said:?}");
}
