//! One reading stands only where two come to the same files and schema, byte for byte.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use ingest_core::time::Timestamp;
use ingest_source::clock::Clock;
use ingest_source::transport::{HttpReply, HttpRequest, Transport, TransportError};
use ingest_source::watch::Failure;
use ingest_store::OsDisk;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::ingest::{Coverage, Ingest, Outside};
use crate::metrics::Metrics;
use crate::pipeline::Cpu;
use crate::pipeline::window::in_two_readings;
use crate::progress::Progress;
use crate::settings::{Layers, Settings};

mod pieces;

/// Text that makes a record long, so that few of them are all that a guess looks at.
const PAD: usize = 60_000;
/// Records of that length by which a guess is made, at most.
const HEAD: usize = 40;

#[derive(Debug)]
struct Nothing;

impl Transport for Nothing {
    fn send(&self, _request: HttpRequest) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        async { Err(TransportError::new(Failure::Broken, "there is no network")) }.boxed()
    }
}

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_600_000_000)
    }
}

fn window() -> LogWindow {
    LogWindow::new(Timestamp::from_millis(1_767_571_200_000), Timestamp::from_millis(1_767_574_800_000))
        .unwrap()
}

/// A folder, and what the stages work with in it.
fn place() -> (tempfile::TempDir, Context) {
    place_with(Arc::new(Nothing))
}

fn place_with(transport: Arc<dyn Transport>) -> (tempfile::TempDir, Context) {
    let folder = tempfile::tempdir().unwrap();
    let environment: BTreeMap<String, String> = [
        ("RAPID7_API_KEY", "key"),
        ("RAPID7_API_ENDPOINT", "http://127.0.0.1:1"),
        ("OUTPUT_DIR", folder.path().to_str().unwrap()),
        ("KEEP_RAW", "always"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let settings = Settings::resolve(&Layers { environment, ..Layers::default() }).unwrap();
    let outside = Outside {
        transport,
        clock: Arc::new(Nothing),
        disk: OsDisk::shared(),
        cpu: Cpu::Inline,
        progress: Progress::new(false),
        seed: 1,
        metrics: Metrics::shared(),
    };
    let ingest = Ingest::open(settings, &outside).unwrap();
    let context = ingest.context(Coverage::Period(window()), 1, &CancellationToken::new());
    (folder, context)
}

fn blocks(records: &[Vec<u8>]) -> Vec<Arc<RecordBlock>> {
    let mut blocks = Vec::new();
    for some in records.chunks(7) {
        let mut block = RecordBlock::starting_at(blocks.len() as u64 * 7);
        assert!(some.iter().all(|record| block.push(record)));
        blocks.push(Arc::new(block));
    }
    blocks
}

/// The same as a download brings them.
fn lines(records: &[Vec<u8>]) -> Vec<Arc<RecordBlock>> {
    let mut blocks = Vec::new();
    let mut block = RecordBlock::of_lines();
    for some in records.chunks(7) {
        let text: Vec<u8> = some.iter().flat_map(|record| [record.as_slice(), b"\n"].concat()).collect();
        assert!(block.push_lines(&text));
        let next = block.following();
        blocks.push(Arc::new(std::mem::replace(&mut block, next)));
    }
    blocks
}

fn fetched(context: &Context, records: &[Vec<u8>]) -> FetchedWindow {
    let mut spool = context.table.spool(1 << 20);
    blocks(records).into_iter().for_each(|block| spool.push(block).unwrap());
    FetchedWindow::new(context, window(), spool, Some(records.len() as u64))
}

/// Hash, schema, quarantine and figures of a window's files.
type Content = (String, String, Vec<u8>, String);

/// All that matters of a window's files.
fn content((made, schema): &(EncodedWindow, TableSchema)) -> Content {
    let quarantine = made.quarantine.as_ref().map(|staged| std::fs::read(staged.path()).unwrap());
    let encoded = &made.encoded;
    let figures = format!("{:?} {:?} {:?}", encoded.quarantined, encoded.rescued, encoded.times);
    (encoded.file_hash.clone(), format!("{schema:?}"), quarantine.unwrap_or_default(), figures)
}

/// Whether one reading stands, after records that the table has already. Where it does, it must be what two are, as well
/// when the records were encoded while they came, and came as lines.
#[track_caller]
fn stands(before: &[Vec<u8>], records: &[Vec<u8>]) -> bool {
    let (_folder, context) = place();
    let mut state = LogState::new(LogId::new("L"), "log");
    if !before.is_empty() {
        let (_, schema) = in_two_readings(&context, &state, false, &mut fetched(&context, before)).unwrap();
        state.schema = Some(schema);
    }
    let two = in_two_readings(&context, &state, false, &mut fetched(&context, records)).unwrap();
    let one = at_once(&context, &state, false, &mut fetched(&context, records)).unwrap();

    let known = state.schema.clone().map(Arc::new);
    let mut attempt = Attempt::new(&context, &state.id, window(), known, None);
    lines(records).iter().for_each(|block| attempt.push(block).unwrap());
    let ahead = Some(attempt);
    let came = FetchedWindow { ahead, ..fetched(&context, records) };
    let ahead = at_once(&context, &state, false, &mut { came }).unwrap();
    assert_eq!(ahead.as_ref().map(content), one.as_ref().map(content));

    if let Some(one) = &one {
        assert_eq!(content(one), content(&two));
    }
    one.is_some()
}

/// `head` many times and padded, then `tail`.
fn log(head: &str, tail: &[&str]) -> Vec<Vec<u8>> {
    let pad = "z".repeat(PAD);
    let head = std::iter::repeat_n(head.replace("PAD", &pad), HEAD);
    head.chain(tail.iter().map(|line| (*line).to_owned())).map(String::into_bytes).collect()
}

#[test]
fn a_guess_stands_while_it_is_what_the_whole_window_says() {
    let pairs = "time=2026-01-05T00:00:00Z n=1 word=a pad=PAD";
    for (head, tail, want) in [
        (pairs, "n=2 word=b", true),
        (pairs, "n=2", true),
        (pairs, "n=two word=b", false),
        (pairs, "n=2 other=3", false),
        (pairs, "time=yesterday n=2", false),
        (pairs, "no pair in it", false),
        (r#"{"n":1,"pad":"PAD"}"#, r#"{"n":2}"#, true),
        (r#"{"n":1,"pad":"PAD"}"#, r#"{"n":2.5}"#, false),
        (r#"{"n":1,"pad":"PAD"}"#, "no JSON", true),
        // A field that never has a value is none; one reading is not sure of it by a guess.
        (r#"{"n":1,"x":null,"pad":"PAD"}"#, r#"{"n":2}"#, false),
        ("1,,PAD,a,b", "2,,c,d,e", true),
        ("1,,PAD,a,b", "2,new,c,d,e", false),
        ("1,,PAD,a,b", "too short", true),
    ] {
        assert_eq!(stands(&[], &log(head, &[tail; 3])), want, "{head} {tail}");
    }
    assert!(stands(&[], &[b"a=1 b=2".to_vec()]), "a short window is all looked at");
}

#[test]
fn a_tables_schema_stands_until_a_field_is_new() {
    let pairs = "time=2026-01-05T00:00:00Z n=1 word=a";
    for (before, record, want) in [
        (pairs, "n=2 word=b", true),
        // What does not fit is rescued either way.
        (pairs, "n=two word=b", true),
        (pairs, "n=2 n=3", true),
        (pairs, "n=2 other=3", false),
        (r#"{"n":1}"#, r#"{"n":"text"}"#, true),
        (r#"{"n":1}"#, r#"{"n":2,"x":null}"#, true),
        (r#"{"n":1}"#, r#"{"n":2,"x":0}"#, false),
        (r#"{"n":1}"#, "no JSON", true),
        ("1,,x,a,b", "2,new,c,d,e", true),
        ("1,,x,a,b", "too short", true),
    ] {
        let before = vec![before.as_bytes().to_vec(); 5];
        assert_eq!(stands(&before, &vec![record.as_bytes().to_vec(); 9]), want, "{record}");
    }
}

#[test]
fn what_was_encoded_ahead_by_another_schema_is_left() {
    let (_folder, context) = place();
    let state = LogState::new(LogId::new("L"), "log");
    let records = vec![b"a=1 b=2".to_vec(); 3];
    let (_, schema) = in_two_readings(&context, &state, false, &mut fetched(&context, &records)).unwrap();
    for (same, whole) in [(true, true), (false, true), (true, false)] {
        let mut known = schema.clone();
        if !same {
            known.columns.truncate(1);
        }
        let mut attempt = Attempt::new(&context, &state.id, window(), Some(Arc::new(known)), None);
        let came = if whole { records.as_slice() } else { &records[..1] };
        blocks(came).iter().for_each(|block| attempt.push(block).unwrap());
        let speaks = same && whole;
        // A schema that lacks a field is found wrong, which says nothing of the one that the table has now.
        assert_eq!(attempt.is_wrong(), !same);
        assert_eq!(attempt.speaks_of(Some(&schema), 3), speaks, "{same} {whole}");
    }
}

/// A value of a kind; kinds are as different as types are.
fn value(kind: u64, n: u64) -> String {
    match kind % 9 {
        0 => n.to_string(),
        1 => format!("{n}.5"),
        2 => format!("w{n}"),
        3 => format!("2026-01-05T00:00:{:02}Z", n % 60),
        4 => format!("2026-01-05T00:00:00.{:03}Z", n % 1_000),
        5 => "true".to_owned(),
        6 => format!("0{n}"),
        7 => String::new(),
        _ => format!("2026-01-{:02}", 1 + n % 28),
    }
}

/// A record of some fields, as pairs, JSON or CSV.
fn record(form: u64, kinds: &[u64], n: u64, pad: usize) -> Vec<u8> {
    let pad = "z".repeat(pad);
    let fields = kinds.iter().enumerate().map(|(field, kind)| (field, *kind, value(*kind, n)));
    let text = match form % 3 {
        0 => {
            fields.map(|(field, _, value)| format!("f{field}=\"{value}\" ")).collect::<String>() + "p=" + &pad
        }
        1 => {
            let plain = |kind: u64| matches!(kind % 9, 0 | 1 | 5);
            let member = fields.map(|(field, kind, value)| {
                if plain(kind) {
                    format!("\"f{field}\":{value},")
                } else {
                    format!("\"f{field}\":\"{value}\",")
                }
            });
            format!("{{{}\"p\":\"{pad}\"}}", member.collect::<String>())
        }
        _ => fields.take(4).map(|(_, _, value)| value + ",").collect::<String>() + &pad,
    };
    text.into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn one_reading_is_what_two_are(
        form in 0_u64..3, kinds in proptest::collection::vec(0_u64..9, 4..6), known: bool,
        // Records that differ from the others: which field, of what kind, and how many there are of them.
        odd in proptest::collection::vec((0_usize..7, 0_u64..9), 0..3), broken: bool,
    ) {
        let head = (0..HEAD as u64).map(|n| record(form, &kinds, n, PAD));
        let mut records: Vec<Vec<u8>> = head.chain((0..50).map(|n| record(form, &kinds, n, 3))).collect();
        for (field, kind) in odd {
            let mut other = kinds.clone();
            other.resize(other.len().max(field + 1), kind);
            other[field] = kind;
            records.push(record(form, &other, 7, 2));
        }
        if broken {
            records.push(b"f0=\xff\xfe \"x".to_vec());
        }
        let before: Vec<_> = (0..20).map(|n| record(form, &kinds, n, 5)).collect();
        stands(if known { &before } else { &[] }, &records);
    }
}
