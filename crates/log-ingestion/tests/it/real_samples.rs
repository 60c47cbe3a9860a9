//! Real samples: what `infer` prints of public logs, and that `convert` takes every record of them.
//!
//! The samples are others' and not part of the project; what is printed of them is, without their values: `tests/real/`
//! has a file for each. They are looked for in the folder that `REAL_SAMPLES` names, else in `shared/data/real` beside
//! the repository. `REAL=update cargo test` writes what it sees, to be read before it is believed.

use std::path::{Path, PathBuf};

use crate::program::{outcome, program};

/// Each sample, its look-alike among the dialects of the engine, and records that are no rows.
const SAMPLES: [(&str, &str, usize); 11] = [
    ("apache_combined.log", "apache-combined", 0),
    ("auth.syslog", "auth", 0),
    ("gtfs-mbta-stop-times.csv", "gtfs", 0),
    ("iptables_kvp.log", "iptables", 0),
    ("ks_1033_data.csv", "1033", 0),
    ("nginx_plus.jsonl", "nginx-plus", 0),
    ("suricata_eve.jsonl", "suricata", 0),
    ("traefik.jsonl", "traefik", 1),
    ("windows_events.jsonl", "windows-events", 0),
    ("zeek_conn.tsv.log", "zeek-conn", 0),
    ("zeek_http.tsv.log", "zeek-http", 0),
];

#[expect(clippy::disallowed_methods, reason = "a test has no settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn samples() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real");
    let folder = variable("REAL_SAMPLES").map_or(beside, PathBuf::from);
    let found = folder.is_dir();
    assert!(found || variable("REAL_SAMPLES").is_none(), "{} is no folder", folder.display());
    found.then(|| folder.canonicalize().unwrap())
}

#[expect(clippy::print_stderr, reason = "who runs the tests should know what they did not see")]
fn say_that_they_are_absent() {
    eprintln!("no real samples: REAL_SAMPLES is not set and shared/data/real is not beside the repository");
}

fn expected_path(sample: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real").join(format!("{sample}.txt"))
}

#[test]
fn real_samples_have_the_schemas_that_one_would_expect() {
    let Some(folder) = samples() else { return say_that_they_are_absent() };
    let update = variable("REAL").is_some();
    let mut wrong = Vec::new();
    for (sample, ..) in SAMPLES {
        let path = folder.join(sample);
        let (code, printed) = outcome(&mut program(&["infer", path.to_str().unwrap()], &[], &folder));
        assert_eq!(code, 0, "{printed}");
        let (_, printed) = printed.split_once('\n').unwrap();
        let seen: String = printed.lines().map(|line| without_values(line) + "\n").collect();
        if update {
            std::fs::write(expected_path(sample), &seen).unwrap();
        } else if seen != std::fs::read_to_string(expected_path(sample)).unwrap() {
            wrong.push(format!("{sample} is now\n{seen}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn real_samples_convert_and_lose_nothing() {
    let Some(folder) = samples() else { return say_that_they_are_absent() };
    for (sample, _, refused) in SAMPLES {
        let output = tempfile::tempdir().unwrap();
        let path = folder.join(sample);
        let words = ["convert", path.to_str().unwrap(), "--out", output.path().to_str().unwrap()];
        let (code, printed) = outcome(&mut program(&words, &[], output.path()));
        assert_eq!(code, 0, "{sample}: {printed}");
        let lines = |path: &Path| std::fs::read_to_string(path).map_or(0, |text| text.lines().count());
        let mut quarantined = 0;
        let mut files = 0;
        for entry in std::fs::read_dir(output.path()).unwrap() {
            let path = entry.unwrap().path();
            let is_parquet = path.extension().is_some_and(|extension| extension == "parquet");
            files += usize::from(is_parquet);
            quarantined += if is_parquet { 0 } else { lines(&path) };
        }
        assert_eq!((files, quarantined), (1, refused), "{sample}: {printed}");
    }
}

/// Where the samples are absent, the look-alikes of the engine's tests stand for them: they agree on what they share.
#[test]
fn look_alikes_agree_with_the_samples_that_they_stand_for() {
    for (sample, like, _) in SAMPLES {
        let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest-tabular/tests/dialects");
        let case = std::fs::read_to_string(engine.join(format!("like-{like}.txt"))).unwrap();
        let line = |name: &str| {
            case.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{like}: {name}"))
        };
        let real = std::fs::read_to_string(expected_path(sample)).unwrap();
        let shape = |text: &str| text.split([',', '(']).next().unwrap().trim().to_owned();
        let real_shape = real.lines().find_map(|line| line.trim().strip_prefix("shape")).unwrap();
        assert_eq!(shape(line("shape: ")), shape(real_shape), "{sample}");
        let has = |column: &&str| {
            let (name, kind) = column.split_once(' ').unwrap();
            real.lines().any(|line| {
                let words = line.trim().strip_prefix(name).filter(|rest| rest.starts_with(' '));
                words.is_some_and(|rest| rest.trim_start().starts_with(kind))
            })
        };
        let schema = line("schema: ").replace(", UTC]", ",\u{a0}UTC]").replace(", no", ",\u{a0}no");
        let columns: Vec<String> = schema.split(", ").map(|column| column.replace('\u{a0}', " ")).collect();
        let shared = columns.iter().filter(|column| has(&column.as_str())).count();
        assert!(shared * 2 > columns.len(), "{sample} and {like}: {shared} of {}", columns.len());
    }
}

/// A printed line with `…` for each value of the sample: `row 7 "…" is not an integer`.
fn without_values(line: &str) -> String {
    let mut said = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('"') {
        let is_value =
            before.trim_end_matches(|c: char| c.is_ascii_digit() || c == ',' || c == ' ').ends_with("row");
        let mut escaped = false;
        let end = after.find(|c: char| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let (value, behind) = after.split_at(end.unwrap_or(after.len()));
        said.push_str(before);
        said.push('"');
        said.push_str(if is_value { "…" } else { value });
        said.push_str(behind.get(..1).unwrap_or_default());
        rest = behind.get(1..).unwrap_or_default();
    }
    said + rest
}
