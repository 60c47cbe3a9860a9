//! The rule about crates: each exists because its manifest forbids something, and this is where that is written down.
//!
//! Judges what manifests ask for, from `cargo metadata`. Dependencies of tests are free, except for crates of ours.

use serde_json::Value;

use super::{Repository, Violation};

/// What a crate may ask for.
struct Edges {
    name: &'static str,
    /// Crates of ours, in production.
    ours: &'static [&'static str],
    /// Crates of ours, in tests, beside those.
    ours_in_tests: &'static [&'static str],
    /// Other crates that are forbidden, with all whose name they begin: `arrow` also means `arrow-array`.
    forbidden: &'static [&'static str],
}

const CORE: &[&str] = &["ingest-core"];
const ALL: &[&str] =
    &["ingest-bucket", "ingest-core", "ingest-source", "ingest-store", "ingest-tabular", "rapid7-sim"];

const EDGES: [Edges; 8] = [
    Edges {
        name: "ingest-core",
        ours: &[],
        ours_in_tests: &[],
        forbidden: &["tokio", "reqwest", "hyper", "parquet", "arrow"],
    },
    Edges {
        name: "ingest-tabular",
        ours: CORE,
        ours_in_tests: &[],
        forbidden: &["tokio", "reqwest", "hyper"],
    },
    Edges {
        name: "ingest-source",
        ours: CORE,
        ours_in_tests: &["rapid7-sim"],
        forbidden: &["parquet", "arrow"],
    },
    Edges {
        name: "ingest-store",
        ours: CORE,
        ours_in_tests: &[],
        forbidden: &["parquet", "reqwest", "tokio"],
    },
    Edges {
        name: "ingest-bucket",
        ours: &["ingest-core", "ingest-store"],
        ours_in_tests: &[],
        forbidden: &["parquet", "arrow"],
    },
    Edges { name: "rapid7-sim", ours: &[], ours_in_tests: &[], forbidden: &[] },
    Edges { name: "xtask", ours: &[], ours_in_tests: &[], forbidden: &[] },
    Edges { name: "log-ingestion", ours: ALL, ours_in_tests: &[], forbidden: &[] },
];

/// Every crate depends only on what the table allows it.
pub(super) fn allowed(repository: &Repository) -> Vec<Violation> {
    let packages = packages(&repository.metadata);
    let ours: Vec<&str> = packages.iter().map(|package| package.name).collect();
    packages.iter().flat_map(|package| judge(repository, package, &ours)).collect()
}

fn judge(repository: &Repository, package: &Package<'_>, ours: &[&str]) -> Vec<Violation> {
    let manifest = manifest(repository, package);
    let Some(edges) = EDGES.iter().find(|edges| edges.name == package.name) else {
        let sentence = "this crate is not in the table of allowed edges (xtask/src/tidy/edges.rs)";
        return vec![Violation::error(&manifest, 1, sentence)];
    };
    let refused = package.dependencies.iter().filter(|dependency| !edges.allow(dependency, ours));
    refused
        .map(|dependency| {
            let sentence = format!("{} may not depend on {}", package.name, dependency.name);
            Violation::error(&manifest, line_of(repository, &manifest, dependency.name), sentence)
        })
        .collect()
}

impl Edges {
    fn allow(&self, dependency: &Dependency<'_>, ours: &[&str]) -> bool {
        let name = dependency.name;
        if ours.contains(&name) {
            return self.ours.contains(&name)
                || (dependency.in_tests && (self.ours_in_tests.contains(&name) || name == self.name));
        }
        dependency.in_tests || !self.forbidden.iter().any(|banned| is_family(name, banned))
    }
}

/// Whether `name` is `family` or one of its parts: `tokio-util` of `tokio`.
fn is_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

struct Package<'a> {
    name: &'a str,
    manifest: &'a str,
    dependencies: Vec<Dependency<'a>>,
}

struct Dependency<'a> {
    name: &'a str,
    in_tests: bool,
}

fn packages(metadata: &Value) -> Vec<Package<'_>> {
    let list = metadata.get("packages").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(package).collect()
}

fn package(value: &Value) -> Option<Package<'_>> {
    let dependencies = value.get("dependencies")?.as_array()?.iter().filter_map(|dependency| {
        let in_tests = dependency.get("kind").and_then(Value::as_str) == Some("dev");
        Some(Dependency { name: dependency.get("name")?.as_str()?, in_tests })
    });
    Some(Package {
        name: value.get("name")?.as_str()?,
        manifest: value.get("manifest_path")?.as_str()?,
        dependencies: dependencies.collect(),
    })
}

/// Names of all our crates.
pub(super) fn names(metadata: &Value) -> Vec<&str> {
    packages(metadata).into_iter().map(|package| package.name).collect()
}

/// The manifest's path from the root.
fn manifest(repository: &Repository, package: &Package<'_>) -> String {
    let manifests = repository.files.iter().map(|file| file.path.as_str());
    let own = manifests.filter(|path| package.manifest.ends_with(&format!("/{path}")));
    own.max_by_key(|path| path.len()).unwrap_or("Cargo.toml").to_owned()
}

fn line_of(repository: &Repository, manifest: &str, dependency: &str) -> usize {
    let text = repository.file(manifest).map_or("", |file| file.text.as_str());
    text.lines().position(|line| line.starts_with(dependency)).map_or(1, |at| at + 1)
}
