use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{AsBytes as _, FixedLenByteArray};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::*;
use crate::cells::{PADDING, Span};
use crate::encode::options::{Codec, Encodings};

/// A value of any column.
#[derive(Debug, Clone, PartialEq)]
enum One {
    Text(String),
    Wide(i128),
    Whole(i64),
    Float(f64),
    Truth(bool),
}

fn kind(values: &[Option<One>]) -> &'static str {
    match values.iter().flatten().next() {
        Some(One::Whole(_)) => "int64",
        Some(One::Float(_)) => "double",
        Some(One::Truth(_)) => "boolean",
        Some(One::Wide(_)) => "fixed_len_byte_array(16)",
        Some(One::Text(_)) | None => "binary",
    }
}

/// A file of one column, a chunk for each row group, handed over in batches of `step` rows.
fn write(groups: &[Vec<Option<One>>], step: usize, encodings: Encodings) -> Bytes {
    let physical = groups.iter().find(|g| g.iter().any(Option::is_some)).map_or("binary", |g| kind(g));
    let logical = match physical {
        "binary" => " (UTF8)",
        "fixed_len_byte_array(16)" => " (DECIMAL(38, 2))",
        _ => "",
    };
    let schema =
        Arc::new(parse_message_type(&format!("message m {{ optional {physical} c{logical}; }}")).unwrap());
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::builder().build())).unwrap();
    let descriptor = Arc::clone(&writer.schema_descr().columns()[0]);
    let mut column = Column::new(ColumnSpec { descriptor, compression: Compression::SNAPPY, encodings });
    let mut compressor = Compressor::new(Codec::Snappy).unwrap();
    for group in groups {
        for batch in group.chunks(step) {
            add(&mut column, batch, physical, &mut compressor);
        }
        let (chunk, close) = column.end_chunk(&mut compressor).unwrap();
        let mut row_group = writer.next_row_group().unwrap();
        row_group.append_column(&chunk, close).unwrap();
        row_group.close().unwrap();
    }
    Bytes::from(writer.into_inner().unwrap())
}

fn add(column: &mut Column, batch: &[Option<One>], physical: &str, compressor: &mut Compressor) {
    let there = batch.iter().zip(0_u32..).filter(|(value, _)| value.is_some()).map(|(_, row)| row);
    let with_value: Vec<u32> = there.collect();
    let (mut text, mut spans, mut wides) = (vec![], vec![], vec![]);
    let (mut wholes, mut floats, mut truths) = (vec![], vec![], vec![]);
    for value in batch.iter().flatten() {
        match value {
            One::Text(value) => {
                let (start, len) = (text.len().try_into().unwrap(), value.len().try_into().unwrap());
                spans.push(Span::text(0, start, len));
                text.extend_from_slice(value.as_bytes());
            }
            One::Wide(value) => wides.push(*value),
            One::Whole(value) => wholes.push(*value),
            One::Float(value) => floats.push(*value),
            One::Truth(value) => truths.push(*value),
        }
    }
    text.extend_from_slice(&[0; PADDING]);
    let batch_of = match physical {
        "int64" => Batch::Wholes(&wholes),
        "fixed_len_byte_array(16)" => Batch::Wides(&wides),
        "double" => Batch::Floats(&floats),
        "boolean" => Batch::Truths(&truths),
        _ => Batch::Texts(&text, &spans),
    };
    column.add(batch.len(), &with_value, batch_of, compressor).unwrap();
}

fn read(file: &Bytes) -> Vec<Option<One>> {
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        let (_, field) = row.get_column_iter().next().unwrap();
        let shown = format!("{field:?}");
        if *field == Field::Null {
            return None;
        }
        if let Field::Str(value) = field {
            return Some(One::Text(value.clone()));
        }
        if let Field::Decimal(value) = field {
            return Some(One::Wide(wide(value.data())));
        }
        if let Field::Long(value) = field {
            return Some(One::Whole(*value));
        }
        if let Field::Double(value) = field {
            return Some(One::Float(*value));
        }
        if let Field::Bool(value) = field {
            return Some(One::Truth(*value));
        }
        panic!("{shown}")
    });
    rows.collect()
}

/// Everything reads back, and every page's bounds and null count in the index are true of its rows.
#[track_caller]
fn check(groups: &[Vec<Option<One>>], step: usize) -> Bytes {
    check_with(groups, step, Encodings::Compat);
    check_with(groups, step, Encodings::Compact)
}

fn check_with(groups: &[Vec<Option<One>>], step: usize, encodings: Encodings) -> Bytes {
    let file = write(groups, step, encodings);
    assert_eq!(read(&file), groups.concat());
    let metadata = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = metadata.parse_and_finish(&file).unwrap();
    for (at, group) in groups.iter().enumerate() {
        let chunk = metadata.row_group(at).column(0);
        if encodings == Encodings::Compat {
            let known = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
            assert!(chunk.encodings().all(|encoding| known.contains(&encoding)));
        }
        let nulls = group.iter().filter(|v| v.is_none()).count() as u64;
        assert_eq!(chunk.statistics().unwrap().null_count_opt(), Some(nulls));
        let locations = metadata.offset_index().unwrap()[at][0].page_locations();
        let index = &metadata.column_index().unwrap()[at][0];
        for (page, location) in locations.iter().enumerate() {
            let first = usize::try_from(location.first_row_index).unwrap();
            let next =
                locations.get(page + 1).map_or(group.len(), |l| usize::try_from(l.first_row_index).unwrap());
            check_page(index, page, &group[first..next]);
        }
    }
    file
}

fn check_page(index: &ColumnIndexMetaData, page: usize, rows: &[Option<One>]) {
    let nulls = rows.iter().filter(|v| v.is_none()).count();
    if let ColumnIndexMetaData::BYTE_ARRAY(index) = index {
        assert_eq!(index.null_count(page), Some(i64::try_from(nulls).unwrap()));
        for value in rows.iter().flatten() {
            let One::Text(value) = value else { panic!("{value:?}") };
            let (min, max) = (index.min_value(page).unwrap(), index.max_value(page).unwrap());
            assert!(min.as_bytes() <= value.as_bytes() && value.as_bytes() <= max.as_bytes());
        }
    }
    if let ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) = index {
        assert_eq!(index.null_count(page), Some(i64::try_from(nulls).unwrap()));
        let values = rows.iter().flatten().map(|value| if let One::Wide(value) = value { *value } else { 0 });
        let (min, max) = (index.min_value(page).map(wide), index.max_value(page).map(wide));
        assert_eq!((min, max), (values.clone().min(), values.max()));
    }
    if let ColumnIndexMetaData::INT64(index) = index {
        assert_eq!(index.null_count(page), Some(i64::try_from(nulls).unwrap()));
        for value in rows.iter().flatten() {
            let One::Whole(value) = value else { panic!("{value:?}") };
            assert!(index.min_value(page).unwrap() <= value && value <= index.max_value(page).unwrap());
        }
    }
    if let ColumnIndexMetaData::DOUBLE(index) = index {
        for value in rows.iter().flatten() {
            let One::Float(value) = value else { panic!("{value:?}") };
            assert!(index.min_value(page).unwrap() <= value && value <= index.max_value(page).unwrap());
        }
    }
}

fn wide(bytes: &[u8]) -> i128 {
    i128::from_be_bytes(bytes.try_into().unwrap())
}

fn texts(n: usize, text: impl Fn(usize) -> Option<String>) -> Vec<Option<One>> {
    (0..n).map(|i| text(i).map(One::Text)).collect()
}

#[test]
fn a_dictionary_that_overflows_is_given_up_in_the_middle_of_a_chunk() {
    let few_then_many = |i: usize| if i < 30_000 { i % 7 } else { i };
    let values = texts(140_000, |i| (i % 11 != 3).then(|| format!("value number {}", few_then_many(i))));
    check(&[values.clone(), values], 4_096);
}

#[test]
fn values_that_are_all_their_own_go_without_a_dictionary() {
    let values =
        texts(30_000, |i| Some(format!("{:032x}", (i as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C))));
    let file = check(&[values], 4_096);
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
    assert_eq!(metadata.row_group(0).column(0).dictionary_page_offset(), None);
}

#[test]
fn long_texts_end_pages_and_have_bounds_that_hold() {
    let long = |i: usize| Some(format!("{}{}", "\u{10ffff}é".repeat(20 + i % 90), i));
    check(&[texts(3_000, long)], 100);
    check(&[texts(40, |i| Some("x".repeat(i * 30_000)))], 7);
}

#[test]
fn bounds_are_short_however_long_the_texts_are() {
    let check = |text: &dyn Fn(usize) -> Option<String>, has_max: bool| {
        let values = texts(60, text);
        let file = write(std::slice::from_ref(&values), 7, Encodings::Compact);
        assert_eq!(read(&file), values);
        let metadata = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = metadata.parse_and_finish(&file).unwrap();
        let statistics = metadata.row_group(0).column(0).statistics().unwrap();
        let all: Vec<&str> =
            values.iter().flatten().map(|v| if let One::Text(v) = v { v } else { "" }).collect();
        let (least, greatest) = (all.iter().min().unwrap(), all.iter().max().unwrap());
        let min = statistics.min_bytes_opt().unwrap();
        assert!(min <= least.as_bytes() && min.len() <= 64, "{min:?}");
        assert!(std::str::from_utf8(min).is_ok());
        assert_eq!(statistics.min_is_exact(), min == least.as_bytes());
        let max = statistics.max_bytes_opt();
        assert_eq!(max.is_some(), has_max);
        if let Some(max) = max {
            assert!(max >= greatest.as_bytes() && max.len() <= 65, "{max:?}");
            assert!(std::str::from_utf8(max).is_ok());
            assert_eq!(statistics.max_is_exact(), max == greatest.as_bytes());
        }
        assert_eq!(metadata.row_group(0).column(0).column_index_length().is_some(), has_max);
    };
    let last = "\u{10ffff}";
    check(&|i| Some("x".repeat(i * 30_000)), true);
    check(&|i| Some(format!("{}{i}", "é".repeat(31 + i % 3))), true);
    check(&|_| Some("y".repeat(64)), true);
    check(&|i| Some("y".repeat(64 + i)), true);
    check(&|i| Some(format!("{}\u{7ff}{}", "\u{7f}".repeat(40), "\u{ffff}".repeat(i))), true);
    check(&|i| Some(last.repeat(16 + i * 10_000)), false);
    check(&|_| Some(last.repeat(16)), true);
    check(&|i| Some(format!("a{}", last.repeat(i))), true);
}

#[test]
fn chunks_and_pages_of_nothing_but_nulls_need_no_encoding() {
    check(&[texts(50_000, |_| None), texts(50_000, |i| (i > 45_000).then(|| "late".to_owned()))], 4_096);
    let late: Vec<_> = (0..50_000).map(|i| (i > 45_000).then_some(One::Whole(i))).collect();
    check(&[late.clone(), vec![None; 30_000], late], 4_096);
}

#[test]
fn numbers_of_every_kind_read_back_over_pages_and_row_groups() {
    let extremes = [i64::MIN, i64::MAX, 0, -1, 1];
    let mixed = (0..60_000_i64)
        .map(|i| Some(One::Whole(if i % 97 == 0 { extremes[usize::try_from(i % 5).unwrap()] } else { i })));
    let few = (0..60_000_i64).map(|i| (i % 13 != 0).then_some(One::Whole(i % 5)));
    let few_then_more = (0..60_000_i64).map(|i| Some(One::Whole(if i < 25_000 { i % 5 } else { i * 7_919 })));
    for values in [mixed.collect::<Vec<_>>(), few.collect(), few_then_more.collect()] {
        check(&[values.clone(), values], 4_096);
    }
    let floats = (0..50_000_i32).map(|i| (i % 3 != 0).then_some(One::Float(f64::from(i) / -7.0)));
    check(&[floats.collect()], 4_096);
    let truths = (0..50_001).map(|i| (i % 5 != 0).then_some(One::Truth(i % 2 == 0)));
    check(&[truths.collect()], 1_000);
}

#[test]
fn exact_decimals_read_back_and_are_ordered_as_signed_numbers() {
    let bounds = |file: &Bytes| {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(file).unwrap();
        let chunk = metadata.row_group(0).column(0);
        let Some(Statistics::FixedLenByteArray(statistics)) = chunk.statistics() else { panic!("{chunk:?}") };
        let bound = |value: Option<&FixedLenByteArray>| wide(value.unwrap().data());
        let (min, max) = (bound(statistics.min_opt()), bound(statistics.max_opt()));
        (min, max, chunk.dictionary_page_offset().is_some())
    };
    let largest = 10_i128.pow(38) - 1;
    let own = |i: i128| (i % 11 != 3).then_some(One::Wide((i - 30_000) * (largest / 70_000)));
    let file = check(&[(0..60_000).map(own).collect()], 4_096);
    assert_eq!(bounds(&file), (-30_000 * (largest / 70_000), 29_999 * (largest / 70_000), false));
    let few = |i: i128| (i % 13 != 5).then_some(One::Wide(i % 5 - 2));
    let few: Vec<_> = (0..60_000).map(few).collect();
    assert_eq!(bounds(&check(&[few.clone(), few], 4_096)), (-2, 2, true));
    let few_then_many = |i: i128| Some(One::Wide(if i < 25_000 { i % 5 } else { -i * (largest / 200_000) }));
    check(&[(0..140_000).map(few_then_many).collect()], 4_096);
    let late: Vec<_> = (0..50_000).map(|i| (i > 45_000).then_some(One::Wide(-i))).collect();
    check(&[late.clone(), vec![None; 30_000], late], 4_096);
}

fn any_values() -> impl Strategy<Value = Vec<Option<One>>> {
    let column = prop_oneof![
        prop::collection::vec(prop::option::of("[a-c]{0,3}".prop_map(One::Text)), 0..400),
        prop::collection::vec(prop::option::of(".{0,90}".prop_map(One::Text)), 0..60),
        prop::collection::vec(prop::option::of(any::<i64>().prop_map(One::Whole)), 0..400),
        prop::collection::vec(prop::option::of((0_i64..9).prop_map(One::Whole)), 0..400),
        prop::collection::vec(prop::option::of(any::<i128>().prop_map(One::Wide)), 0..400),
        prop::collection::vec(prop::option::of((-3_i128..3).prop_map(One::Wide)), 0..400),
        prop::collection::vec(prop::option::of((-1e9_f64..1e9).prop_map(One::Float)), 0..400),
        prop::collection::vec(prop::option::of(any::<bool>().prop_map(One::Truth)), 0..400),
    ];
    column.prop_filter("a row group has rows", |values| !values.is_empty())
}

proptest! {
    #[test]
    fn any_column_comes_back_in_any_batches(values in any_values(), step in 1_usize..130) {
        check(&[values.clone(), values], step);
    }
}
