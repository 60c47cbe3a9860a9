//! Each rule against sample text that keeps it and sample text that breaks it.

use serde_json::json;

use super::*;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

fn repository(files: &[(&str, &str)], metadata: Value) -> Repository {
    Repository { files: files.iter().map(|(path, text)| file(path, text)).collect(), metadata }
}

#[track_caller]
fn check(found: &[Violation], want: &[&str]) {
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, want);
}

/// Where the rule finds something in a file of a library.
#[track_caller]
fn lines(rule: fn(&File) -> Vec<Violation>, text: &str, want: &[usize]) {
    let found: Vec<usize> = rule(&file("crates/ingest-core/src/a.rs", text)).iter().map(|v| v.line).collect();
    assert_eq!(found, want);
}

#[test]
fn code_is_what_is_neither_comment_nor_literal() {
    let blank = |source: &str| code::of(source).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(blank("a // b\nc /* d /* e */ f */ g"), "a c g");
    assert_eq!(blank(r#"a("b \" c", 'd', '\'', '"') "#), "a( , , , )");
    assert_eq!(blank("a(r#\"b \" c\"#, br\"d\", e) // \""), "a( , , e)");
    assert_eq!(blank("fn a<'b>(c: &'b str, d: &'static str) {}"), "fn a<'b>(c: &'b str, d: &'static str) {}");
    assert_eq!(blank("bar\"x\" \"open"), "bar");
    assert_eq!(code::of("\"a\nb\"\n'ü'\n").lines().count(), 3);
}

#[test]
fn inline_tests_are_no_production_lines() {
    let kept = |source: &str| -> Vec<usize> {
        code::production_lines(&code::of(source)).into_iter().map(|(number, _)| number).collect()
    };
    assert_eq!(kept("a\n#[cfg(test)]\nmod tests {\n  fn f() {}\n}\nb\n"), [1, 6]);
    assert_eq!(kept("a\n#[cfg(test)]\nmod tests;\nb\n"), [1, 4]);
    assert_eq!(kept("#[cfg(test)]\n#[path = \"x\"]\nmod t {\n let a = r\"\n}\";\n}\nb\n"), [7]);
    assert_eq!(kept("#[cfg(test)]\nfn only_in_tests() {\n}\nb\n"), [4]);
}

#[test]
fn long_files_are_warned_of_then_refused() {
    let of = |lines: usize| sources::small(&file("crates/a/src/a.rs", &"x;\n".repeat(lines)));
    assert_eq!(of(400), []);
    assert_eq!(of(401).iter().map(|v| v.severity).collect::<Vec<_>>(), [Severity::Warning]);
    assert_eq!(of(601).iter().map(|v| v.severity).collect::<Vec<_>>(), [Severity::Error]);
    assert_eq!(sources::small(&file("crates/a/src/a/tests.rs", &"x;\n".repeat(999))), []);
}

#[test]
fn a_module_opens_with_its_header() {
    lines(sources::header, "//! Decides.\n", &[]);
    lines(sources::header, "use a;\n//! Late.\n", &[1]);
    check(&sources::header(&file("crates/a/tests/b.rs", "fn f() {}")), &[]);
    check(&sources::header(&file("crates/a/src/b/tests.rs", "fn f() {}")), &[]);
}

#[test]
fn nothing_is_left_unfinished() {
    lines(
        sources::unfinished,
        "#[ignore]\nfn a() { todo!() }\n unimplemented!();\ndbg!(1);\n",
        &[1, 2, 3, 4],
    );
    lines(sources::unfinished, "#[allow(dead_code)]\n#![allow(x)]\n#[cfg_attr(a, allow(b))]\n", &[1, 2, 3]);
    lines(
        sources::unfinished,
        "// todo!\nlet a = \"dbg!\";\nself.allow(1);\n#[expect(a, reason = \"b\")]\n",
        &[],
    );
    lines(sources::unfinished, "my_dbg!(1);\n#[disallow(x)]\n", &[]);
}

#[test]
fn only_settings_read_the_environment() {
    let text = "let a = std::env::var(\"A\");\nenv::vars_os();\nenv!(\"B\");\nstd::env::args();\n";
    lines(sources::environment, text, &[1, 2]);
    lines(sources::environment, "#[cfg(test)]\nmod tests {\n  env::var(\"A\");\n}\n", &[]);
    check(&sources::environment(&file("crates/log-ingestion/src/settings/layers.rs", text)), &[]);
}

#[test]
fn only_edges_of_the_system_read_the_clock() {
    let text = "let a = SystemTime::now();\njiff::Timestamp::now();\n";
    lines(sources::clock, text, &[1, 2]);
    check(&sources::clock(&file("crates/log-ingestion/src/app.rs", text)), &[]);
    check(&sources::clock(&file("crates/rapid7-sim/src/server/body.rs", text)), &[]);
}

/// Violations of a workspace in which `package` asks for `dependency`.
fn edge(package: &str, dependency: &str, kind: Option<&str>) -> Vec<String> {
    let packages = ["ingest-core", "ingest-store", "rapid7-sim", "log-ingestion", "ingest-source", "xtask"].map(
        |name| {
            let dependencies =
                if name == package { json!([{"name": dependency, "kind": kind}]) } else { json!([]) };
            json!({"name": name, "manifest_path": format!("/x/crates/{name}/Cargo.toml"), "dependencies": dependencies})
        },
    );
    let manifest = format!("crates/{package}/Cargo.toml");
    let text = format!("[dependencies]\n{dependency}.workspace = true\n");
    let found = edges::allowed(&repository(&[(&manifest, &text)], json!({"packages": packages})));
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn crates_depend_as_drawn() {
    let refused = ["crates/ingest-core/Cargo.toml:2: ingest-core may not depend on tokio-util"];
    assert_eq!(edge("ingest-core", "tokio-util", None), refused);
    assert_eq!(edge("ingest-core", "tokio", Some("dev")), [""; 0]);
    assert_eq!(edge("ingest-core", "tokiology", None), [""; 0]);
    assert_eq!(edge("ingest-store", "ingest-core", None), [""; 0]);
    assert_eq!(edge("ingest-store", "ingest-source", None).len(), 1);
    assert_eq!(edge("ingest-source", "rapid7-sim", None).len(), 1);
    assert_eq!(edge("ingest-source", "rapid7-sim", Some("dev")), [""; 0]);
    assert_eq!(edge("rapid7-sim", "ingest-core", Some("dev")).len(), 1);
    assert_eq!(edge("log-ingestion", "rapid7-sim", None), [""; 0]);
    assert_eq!(edge("xtask", "log-ingestion", None).len(), 1);
}

#[test]
fn a_new_crate_is_entered_in_the_table() {
    let metadata = json!({"packages": [
        {"name": "new", "manifest_path": "/x/crates/new/Cargo.toml", "dependencies": []}
    ]});
    let found = edges::allowed(&repository(&[("crates/new/Cargo.toml", "")], metadata));
    assert_eq!(found.len(), 1);
}

#[test]
fn settings_are_documented() {
    let table =
        "const fn setting(a: b) {}\nSetting {\n  variable: \"API_KEY\",\n}\nsetting(\n  \"LAYOUT\",\n)\n";
    let path = "crates/log-ingestion/src/settings/table.rs";
    let with = |document: &str| {
        repository::settings(&repository(&[(path, table), ("docs/settings.md", document)], json!({})))
    };
    check(&with("API_KEY and `LAYOUT`"), &[]);
    check(
        &with("API_KEY and LAYOUT_DIR"),
        &[
            "crates/log-ingestion/src/settings/table.rs:6: LAYOUT is named in none of .env.example, README.md and docs/*.md",
        ],
    );
    assert_eq!(repository::settings(&repository(&[], json!({}))).len(), 1);
}

#[test]
fn the_architecture_names_every_crate() {
    let metadata = json!({"packages": [
        {"name": "core", "manifest_path": "", "dependencies": []},
        {"name": "core-b", "manifest_path": "", "dependencies": []},
    ]});
    let with = |text: &str| repository::crates(&repository(&[("ARCHITECTURE.md", text)], metadata.clone()));
    check(&with("`core`, `core-b`"), &[]);
    check(&with("`core-b`"), &["ARCHITECTURE.md:1: the crate core is not named"]);
    check(
        &repository::crates(&repository(&[], metadata.clone())),
        &["ARCHITECTURE.md:1: the file is not there"],
    );
}

#[test]
fn files_of_tests_are_declared() {
    let with = |parent: &str, text: &str| {
        repository::tests(&repository(&[("crates/a/src/b/tests.rs", ""), (parent, text)], json!({})))
    };
    check(&with("crates/a/src/b.rs", "#[cfg(test)]\nmod tests;\n"), &[]);
    let missing = "crates/a/src/b/tests.rs:1: the module above does not declare it; write mod tests; there";
    check(&with("crates/a/src/b.rs", "// mod tests;\n"), &[missing]);
    check(&with("crates/a/src/c.rs", "mod tests;\n"), &[missing]);
    let crate_tests = [("crates/a/src/tests.rs", ""), ("crates/a/src/lib.rs", "mod tests;\n")];
    check(&repository::tests(&repository(&crate_tests, json!({}))), &[]);
}

#[test]
fn no_path_of_a_machine_is_named() {
    let text = format!("ok\nsee /{}/x\n", "work");
    let found = repository::paths(&repository(&[("a.md", &text)], json!({})));
    assert_eq!(found.iter().map(|v| v.line).collect::<Vec<_>>(), [2]);
    assert_eq!(repository::paths(&repository(&[("a.md", "framework, root/x")], json!({}))), []);
}
