//! A parser that follows what it learned gives what one gives that never saw a record.

use proptest::prelude::*;

use super::graph::NODES_MAX;
use super::*;

/// A value with all that a sink is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Put {
    name: Vec<u8>,
    kind: &'static str,
    text: Vec<u8>,
    raw: Vec<u8>,
}

/// Writes down what it is given, and what numbers stand for.
#[derive(Default)]
struct Notes {
    puts: Vec<Put>,
    keys: Vec<Option<Vec<u8>>>,
    known: usize,
}

impl Sink for Notes {
    fn begin(&mut self, _utf8: bool) {
        self.undo();
    }

    fn put(&mut self, field: Field<'_>, value: Value<'_>) {
        let name = match field {
            Field::Name(name) => name.to_vec(),
            Field::Key { name, id } => {
                self.keys.resize(self.keys.len().max(id + 1), None);
                assert_eq!(self.keys[id].get_or_insert_with(|| name.to_vec()), name);
                self.known += 1;
                name.to_vec()
            }
            Field::Fixed(_) | Field::Place(_) => unreachable!(),
        };
        let (kind, text, raw) = match value {
            Value::Null => ("null", &b""[..], &b""[..]),
            Value::Text(_) => unreachable!(),
            Value::String { text, raw, exact } => (if exact { "exact" } else { "inexact" }, text, raw),
            Value::Number(text) => ("number", text, text),
            Value::Bool(true) => ("true", &b""[..], &b""[..]),
            Value::Bool(false) => ("false", &b""[..], &b""[..]),
            Value::Raw(text) => ("raw", text, text),
        };
        self.puts.push(Put { name, kind, text: text.to_vec(), raw: raw.to_vec() });
    }

    fn undo(&mut self) {
        self.puts.clear();
    }
}

/// Gives each record to one parser, and to one that is new. Answers how many values the first one foresaw.
#[track_caller]
fn check(records: &[Vec<u8>]) -> usize {
    let (mut json, mut notes) = (Json::default(), Notes::default());
    for record in records {
        notes.begin(true);
        let outcome = json.parse(record, &mut notes);
        let mut want = Notes::default();
        let wanted = Json::default().parse(record, &mut want);
        let shown = String::from_utf8_lossy(record);
        assert_eq!(want.known, 0);
        assert_eq!(outcome, wanted, "{shown}");
        assert_eq!(notes.puts, want.puts, "{shown}");
        assert!(json.graph.len() <= NODES_MAX);
    }
    notes.known
}

/// Chance for the variants of a record.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from((self.0 >> 33) % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }
}

#[derive(Debug, Clone)]
enum Tree {
    Leaf(String),
    Object(Vec<(String, Self)>),
}

const KEYS: &[&str] =
    &["a", "b", "c", "a__b", "", "é", "\\u0061", "\\n", "a\\\"", "\\ud800", "a rather long key of an object"];
const LEAVES: &[&str] = &[
    "0",
    "-0",
    "1",
    "12345678",
    "123456789012345678901",
    "1.5",
    "-1.25e+10",
    "1E5",
    "2e-3",
    "01",
    "1.",
    "-",
    "1e",
    ".5",
    "true",
    "false",
    "null",
    "tru",
    "nulll",
    "[]",
    "[ ]",
    "{}",
    "{ }",
    "[1,{\"a\":[]}]",
    "[\"x\\\"]\"]",
    "[1,]",
    "NaN",
    "\"\"",
    "\"x\"",
    "\"a text that is longer than one window of bytes\"",
    "\"é€😀\"",
    "\"\\n\\\"\\\\ \\u00e9 \\/\"",
    "\"\\ud83d\\ude00\"",
    "\"lone \\ud800 surrogate\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\t\"",
    "\"open",
    "",
];
const BLANKS: &[&str] = &["", " ", "\t", "  ", "\r\n"];
const BYTES: &[u8] = b"{}[]\",:\\ 0-9.eEtfn\x00\x1f\xff\xc3a";

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        8 => "\"[a-z\u{e9} ]{0,40}\"".prop_map(Tree::Leaf),
        8 => "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?".prop_map(Tree::Leaf),
        3 => prop::sample::select(LEAVES).prop_map(|leaf| Tree::Leaf(leaf.to_owned())),
    ];
    let object = leaf.prop_recursive(3, 24, 6, |inner| {
        prop::collection::vec((prop::sample::select(KEYS), inner), 0..6)
            .prop_map(|members| Tree::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()))
    });
    prop::collection::vec(("[a-d]{1,2}", object), 0..7).prop_map(Tree::Object)
}

fn vary(tree: &mut Tree, dice: &mut Dice) {
    let Tree::Object(members) = tree else {
        if dice.below(3) == 0 {
            *tree = Tree::Leaf(dice.pick(LEAVES).to_owned());
        }
        return;
    };
    for _ in 0..dice.below(3) {
        let (one, other) = (dice.below(members.len()), dice.below(members.len()));
        match dice.below(6) {
            0 if !members.is_empty() => drop(members.remove(one)),
            1 if !members.is_empty() => members.swap(one, other),
            2 if !members.is_empty() => members.push(members[one].clone()),
            3 => members.insert(one, (dice.pick(KEYS).to_owned(), Tree::Leaf(dice.pick(LEAVES).to_owned()))),
            _ if !members.is_empty() => vary(&mut members[one].1, dice),
            _ => {}
        }
    }
}

fn render(tree: &Tree, blank: &mut dyn FnMut() -> &'static str, out: &mut String) {
    match tree {
        Tree::Leaf(text) => out.push_str(text),
        Tree::Object(members) => {
            out.push('{');
            for (place, (key, value)) in members.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                out.push_str(blank());
                out.push_str(&format!("\"{key}\""));
                out.push_str(blank());
                out.push(':');
                out.push_str(blank());
                render(value, blank, out);
                out.push_str(blank());
            }
            out.push('}');
        }
    }
}

/// Breaks a record in some byte, now and then.
fn damage(record: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(record.len());
    let byte = BYTES[dice.below(BYTES.len())];
    match dice.below(20) {
        0 => record.truncate(at),
        1 if !record.is_empty() => record[at] = byte,
        2 => record.insert(at, byte),
        3 if !record.is_empty() => drop(record.remove(at)),
        4 => record.push(byte),
        _ => {}
    }
}

/// Records that resemble each other, as the seeds have it.
fn alike(tree: &Tree, seeds: &[u64]) -> Vec<Vec<u8>> {
    let record = |seed: &u64| {
        let mut dice = Dice(*seed);
        let mut tree = tree.clone();
        if dice.below(2) == 0 {
            vary(&mut tree, &mut dice);
        }
        let (style, mut text) = (dice.below(4), String::new());
        let mut blanks = Dice(*seed);
        let mut blank = || match style {
            0 => blanks.pick(BLANKS),
            1 => " ",
            _ => "",
        };
        render(&tree, &mut blank, &mut text);
        let mut record = text.into_bytes();
        damage(&mut record, &mut dice);
        record
    };
    seeds.iter().map(record).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn what_was_learned_changes_nothing(tree in tree(), seeds in prop::collection::vec(any::<u64>(), 1..40)) {
        check(&alike(&tree, &seeds));
    }

    #[test]
    fn records_of_two_logs_in_turns_are_no_trouble(
        one in tree(), other in tree(), seeds in prop::collection::vec(any::<u64>(), 1..20),
    ) {
        let pairs = alike(&one, &seeds).into_iter().zip(alike(&other, &seeds));
        check(&pairs.flat_map(|(one, other)| [one, other]).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_will_do(records in prop::collection::vec(
        prop::collection::vec(prop::sample::select(BYTES), 0..30), 0..20,
    )) {
        check(&records);
    }
}

#[test]
fn records_like_the_first_are_foreseen() {
    let record =
        |n: usize| format!("{{\"a\":{n},\"b\":{{\"c\":\"x{n}\",\"d\":null}},\"e\":[{n}]}}").into_bytes();
    assert_eq!(check(&(0..100).map(record).collect::<Vec<_>>()), 99 * 4);
}

#[test]
fn cut_records_are_refused_wherever_they_end() {
    let record = br#"{"a":"x","b":{"c":1.5e3,"d":{}},"e":[1,"]"],"f":{"g":true}}"#;
    let mut records = vec![record.to_vec()];
    records.extend((0..record.len()).map(|len| record[..len].to_vec()));
    records.push([&record[..], b"\r"].concat());
    records.push([&record[..], b"}"].concat());
    check(&records);
}

#[test]
fn paths_that_only_look_alike_are_told_apart() {
    let records = [
        r#"{"a":{"b":1,"c":2}}"#,
        r#"{"a__b":1,"c":2}"#,
        r#"{"a":{"b":1},"c":2}"#,
        r#"{"":{"":1},"":2}"#,
        r#"{"":1,"":{"":2}}"#,
        r#"{"a":{"b":{"c":1}}}"#,
        r#"{"a":{"b":{}}}"#,
        r#"{"a":{"b":{"d":1}}}"#,
        r#"{"a":{"b": {}}}"#,
        r#"{"a":{"b":[{}]}}"#,
    ];
    check(
        &[&records[..], &records[..], &records[..]]
            .concat()
            .iter()
            .map(|r| r.as_bytes().to_vec())
            .collect::<Vec<_>>(),
    );
}

#[test]
fn deep_records_are_kept_as_text_each_time() {
    let deep = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n)).into_bytes();
    let empty = |n: usize| format!("{}{{}}{}", "{\"a\":".repeat(n), "}".repeat(n)).into_bytes();
    let depths = (DEPTH_MAX - 2..DEPTH_MAX + 3).chain(DEPTH_MAX - 2..DEPTH_MAX + 3);
    check(&depths.flat_map(|n| [deep(n), empty(n)]).collect::<Vec<_>>());
}

#[test]
fn ids_as_keys_fill_no_memory_and_spoil_nothing() {
    let id = |n: usize| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hostile =
        |n: usize| format!("{{\"a\":1,\"{:x}\":{{\"{:x}\":\"x\"}},\"b\":2}}", id(n), id(n + 1)).into_bytes();
    let plain = |n: usize| format!("{{\"a\":{n},\"b\":\"x\"}}").into_bytes();
    let all = (0..300).map(plain).chain((0..6_000).map(hostile)).chain((0..5_000).map(plain));
    assert!(check(&all.collect::<Vec<_>>()) > 299 * 2 + 900 * 2);
}
