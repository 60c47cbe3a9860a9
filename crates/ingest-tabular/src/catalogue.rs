//! Catalogue: well-known logs that come as delimited fields without a header, and their columns' names.
//!
//! A layout is a data file under `catalogue/layouts`; adding one is adding the file and its line below. Decides by
//! counts of fields and simple tests of single ones whether a sample is of a layout. Never decides types.

use std::net::IpAddr;

use ingest_core::shape::CsvDialect;

use crate::parse::csv::{Marks, Rows};
use crate::scalar::{instant, number};

/// The data files, each tried in turn.
const LAYOUTS: [&str; 14] = [
    include_str!("catalogue/layouts/pan_os_traffic.txt"),
    include_str!("catalogue/layouts/pan_os_threat.txt"),
    include_str!("catalogue/layouts/aws_elb.txt"),
    include_str!("catalogue/layouts/aws_alb.txt"),
    include_str!("catalogue/layouts/aws_vpc_flow.txt"),
    include_str!("catalogue/layouts/iis.txt"),
    include_str!("catalogue/layouts/squid.txt"),
    include_str!("catalogue/layouts/postgres_csvlog.txt"),
    include_str!("catalogue/layouts/haproxy_http.txt"),
    include_str!("catalogue/layouts/haproxy_http_captured.txt"),
    include_str!("catalogue/layouts/haproxy_tcp.txt"),
    include_str!("catalogue/layouts/aws_s3.txt"),
    include_str!("catalogue/layouts/envoy.txt"),
    include_str!("catalogue/layouts/istio.txt"),
];
/// Records that must be of a layout; and behind an envelope, where the others keep their text in `message`.
const MATCHING_PERCENT: usize = 90;
const MATCHING_BODIES_PERCENT: usize = 50;

/// The dialect of the layout that the records are of, if the catalogue has it. A first record that is a header says the
/// names itself.
pub(crate) fn dialect_of(records: &[&[u8]], enveloped: bool) -> Option<CsvDialect> {
    let records: Vec<&[u8]> = records.iter().copied().filter(|record| !record.is_empty()).collect();
    let first = records.first()?;
    let layouts = LAYOUTS.iter().filter_map(|text| Layout::parse(text));
    // The whole sample is looked at only where its first records are like the layout.
    let mut likely = layouts.filter(|layout| records.iter().take(8).any(|record| layout.matches(record)));
    let layout = likely.find(|layout| {
        let rows = records.get(usize::from(layout.is_header(first))..).unwrap_or_default();
        let matching = rows.iter().filter(|record| layout.matches(record)).count();
        let is_usual = matching * 100 >= rows.len() * MATCHING_PERCENT;
        let is_common = enveloped && matching * 100 >= rows.len() * MATCHING_BODIES_PERCENT;
        matching > 0 && (is_usual || (is_common && layout.is_apart(rows)))
    })?;
    if layout.is_header(first) {
        return Some(layout.headed(first));
    }
    let own: Vec<&[u8]> = records.iter().copied().filter(|record| layout.matches(record)).collect();
    Some(layout.dialect(&own))
}

/// What a data file says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layout {
    name: String,
    dialect: CsvDialect,
    fields: std::ops::RangeInclusive<usize>,
    tests: Vec<(usize, Test)>,
}

/// What a field must be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    OneOf(Vec<String>),
    Contains(String),
    Integer,
    IntegerOrDash,
    Number,
    Ip,
    Timestamp,
}

impl Test {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "integer" => Self::Integer,
            "integer or -" => Self::IntegerOrDash,
            "number" => Self::Number,
            "ip" => Self::Ip,
            "timestamp" => Self::Timestamp,
            other => match other.split_once(' ')? {
                ("is", value) => Self::OneOf(vec![value.to_owned()]),
                ("contains", part) => Self::Contains(part.to_owned()),
                ("one", values) => {
                    let values = values.strip_prefix("of ")?;
                    Self::OneOf(values.split(' ').map(str::to_owned).collect())
                }
                _ => return None,
            },
        })
    }

    fn passes(&self, field: &[u8]) -> bool {
        let is_integer = || !field.is_empty() && field.iter().all(u8::is_ascii_digit);
        match self {
            Self::OneOf(values) => values.iter().any(|value| value.as_bytes() == field),
            Self::Contains(part) => memchr::memmem::find(field, part.as_bytes()).is_some(),
            Self::Integer => is_integer(),
            Self::IntegerOrDash => field == b"-" || is_integer(),
            Self::Number => number::fits(field).is_some(),
            Self::Ip => std::str::from_utf8(field).is_ok_and(|text| text.parse::<IpAddr>().is_ok()),
            Self::Timestamp => instant::read(field).is_some() || instant::read_date(field).is_some(),
        }
    }
}

impl Layout {
    /// Reads a data file; none where it is faulty, which a test forbids.
    fn parse(text: &str) -> Option<Self> {
        let (head, columns) = text.split_once("\ncolumns:\n")?;
        let columns = columns.split_ascii_whitespace().map(str::to_owned).collect();
        let mut layout = Self::new(columns);
        for line in head.lines().filter(|line| !line.starts_with('#')) {
            let (key, value) = line.split_once(": ")?;
            let byte = value.bytes().next();
            match key {
                "name" => value.clone_into(&mut layout.name),
                "delimiter" => {
                    layout.dialect.delimiter = if value.starts_with("blank") { b' ' } else { byte? };
                    layout.dialect.collapse = value == "blanks";
                }
                "quote" => layout.dialect.quote = byte,
                "escape" => layout.dialect.escape = byte,
                "brackets" => layout.dialect.bracketed = value == "yes",
                "null" => layout.dialect.null = Some(value.to_owned()),
                "fields" => {
                    let (from, to) = value.split_once("..").unwrap_or((value, value));
                    layout.fields = from.parse().ok()?..=to.parse().ok()?;
                }
                _ => {
                    let place: usize = key.strip_prefix("where ")?.parse().ok()?;
                    layout.tests.push((place.checked_sub(1)?, Test::parse(value)?));
                }
            }
        }
        Some(layout)
    }

    const fn new(columns: Vec<String>) -> Self {
        let dialect = CsvDialect {
            delimiter: b',',
            quote: None,
            escape: None,
            columns,
            header: false,
            sections: false,
            null: None,
            empty: None,
            comment: None,
            collapse: false,
            padded: false,
            bracketed: false,
        };
        Self { name: String::new(), dialect, fields: 0..=0, tests: Vec::new() }
    }

    fn matches(&self, record: &[u8]) -> bool {
        self.measure(record) == Some(self.tests.len())
    }

    /// Whether a record has the layout's count of fields, and none that is like a value: it says names.
    fn is_header(&self, record: &[u8]) -> bool {
        self.measure(record) == Some(0)
    }

    /// How many tests a record passes; none if its count of fields is another.
    fn measure(&self, record: &[u8]) -> Option<usize> {
        let mut squeezed = Vec::new();
        let record = Rows::squeeze(&self.dialect, record, &mut squeezed);
        let (mut count, mut passed) = (0, 0);
        Marks::of(&self.dialect).split(record, |field| {
            let tests = self.tests.iter().filter(|(place, _)| *place == count);
            passed += tests.filter(|(_, test)| test.passes(field.text)).count();
            count += 1;
        });
        self.fields.contains(&count).then_some(passed)
    }

    /// Whether no record of another kind has as many fields as most of the layout's own, and so would be read like them.
    fn is_apart(&self, records: &[&[u8]]) -> bool {
        let (own, others): (Vec<&[u8]>, Vec<&[u8]>) = records.iter().partition(|record| self.matches(record));
        let usual = self.usual_count(&own);
        !others.iter().any(|record| self.count(record) == usual)
    }

    /// The fields of a record.
    fn count(&self, record: &[u8]) -> usize {
        let mut squeezed = Vec::new();
        let mut count = 0;
        let record = Rows::squeeze(&self.dialect, record, &mut squeezed);
        Marks::of(&self.dialect).split(record, |_| count += 1);
        count
    }

    /// The fields that most of the records have; 0 where none has as many as the layout.
    fn usual_count(&self, records: &[&[u8]]) -> usize {
        let mut counts = vec![0_usize; self.fields.end().saturating_add(1)];
        for record in records {
            if let Some(times) = counts.get_mut(self.count(record)) {
                *times += 1;
            }
        }
        counts.iter().enumerate().max_by_key(|(_, times)| **times).map_or(0, |(count, _)| count)
    }

    /// The dialect with the names that a header says, in its order.
    fn headed(mut self, header: &[u8]) -> CsvDialect {
        let mut squeezed = Vec::new();
        let header = Rows::squeeze(&self.dialect, header, &mut squeezed);
        let marks = Marks::of(&self.dialect);
        self.dialect.columns.clear();
        marks.split(header, |field| self.dialect.columns.push(marks.name_of(field)));
        self.dialect.header = true;
        self.dialect.sections = true;
        self.dialect
    }

    /// The dialect with as many columns as most of the records have fields: releases differ in those at the end.
    fn dialect(mut self, records: &[&[u8]]) -> CsvDialect {
        let usual = self.usual_count(records);
        let columns = &mut self.dialect.columns;
        columns.truncate(usual);
        columns.extend((columns.len() + 1..=usual).map(|place| format!("c{place}")));
        self.dialect
    }
}

#[cfg(test)]
mod tests;
