//! Commands as a user gives them: what they print and leave behind.

use std::path::Path;

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{SimServer, outcome, program, run};
use crate::scenario::judge_folder;
use crate::stored;

fn server() -> SimServer {
    let config = SimConfig::default()
        .with_log(LogSpec::generated("fw", Kind::Csv, 900).in_logset("Network"))
        .with_log(LogSpec::generated("auth", Kind::Json, 700));
    SimServer::start(config)
}

fn ok(command: &mut std::process::Command) -> String {
    let (code, text) = outcome(command);
    assert_eq!(code, 0, "{text}");
    text
}

#[test]
fn settings_come_from_a_dotenv_file_that_should_be_private() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "# comment\nRAPID7_API_KEY=sim-key\nRAPID7_API_ENDPOINT={}\nOUTPUT_DIR=out\nBATCHSIZE=5\n",
        server.origin
    );
    std::fs::write(folder.path().join(".env"), text).unwrap();
    let said = ok(&mut program(&["run", "--settle-delay", "0s"], &[], folder.path()));
    for part in ["\"event\":\"env_file_readable\"", "chmod 600", "\"name\":\"BATCHSIZE\"", "BATCH_SIZE"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(stored::read(&folder.path().join("out")).len(), 2);
    let shown = ok(&mut program(&["config"], &[], folder.path()));
    assert!(shown.contains("(set, not shown)") && !shown.contains("sim-key"), "{shown}");
}

#[test]
fn one_pass_after_the_other_takes_up_where_the_last_one_ended() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    ok(&mut run(&server, &output, &["--settle-delay", "3h"]));
    let early: usize = stored::read(&output).values().map(|log| log.rows.len()).sum();
    ok(&mut run(&server, &output, &["--settle-delay", "0s"]));
    let all: usize = stored::read(&output).values().map(|log| log.rows.len()).sum();
    assert!(0 < early && early < all, "{early} of {all}");
    judge_folder(&server.account.lock().unwrap(), &output, "after two passes");
}

#[test]
fn a_period_is_pulled_beside_the_tail_and_only_once() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let truth = server.account.lock().unwrap().truth();
    let (from, to) = (truth[0].first_ms.unwrap(), truth[0].last_ms.unwrap() + 1);
    let middle = from + (to - from) / 2;
    let period =
        |from: i64, to: i64| vec!["--from".to_owned(), from.to_string(), "--to".to_owned(), to.to_string()];
    for (from, to) in [(middle, to), (from, to), (from, to)] {
        let words = period(from, to);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        ok(&mut run(&server, &output, &words));
    }
    ok(&mut run(&server, &output, &["--settle-delay", "0s"]));
    judge_folder(&server.account.lock().unwrap(), &output, "after periods and a tail");
}

#[test]
fn logs_and_status_say_what_there_is() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    ok(&mut run(&server, &output, &["--settle-delay", "0s", "--rapid7-logs", "set:Network"]));
    let dir = output.to_str().unwrap().to_owned();
    let environment = [
        ("RAPID7_API_KEY", "sim-key"),
        ("RAPID7_API_ENDPOINT", server.origin.as_str()),
        ("OUTPUT_DIR", dir.as_str()),
    ];
    let logs = ok(&mut program(&["logs"], &environment, folder.path()));
    assert!(logs.contains("fw") && logs.contains("auth") && logs.contains("Network"), "{logs}");
    let status = ok(&mut program(&["status", "--json"], &[("OUTPUT_DIR", dir.as_str())], folder.path()));
    let status: serde_json::Value = serde_json::from_str(status.lines().last().unwrap()).unwrap();
    assert_eq!(status.as_array().unwrap().len(), 1);
    assert_eq!((&status[0]["log"], &status[0]["stored"]), (&"fw".into(), &900.into()));
    assert_eq!(status[0]["server_count"], 900);
    assert!(status[0]["compared_last"].is_string(), "{status}");
    assert_eq!(status[0]["windows_beyond_retention"], serde_json::json!([]));
    assert_eq!((&status[0]["windows_reopened"], &status[0]["retention"]), (&0.into(), &"default".into()));
    let lag = status[0]["lag_seconds"].as_i64().unwrap();
    assert!((0..600).contains(&lag), "{lag}");
}

#[test]
fn every_layout_holds_the_same_and_is_recovered() {
    let server = server();
    for layout in ["hive", "date", "flat"] {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let words = ["--settle-delay", "0s", "--layout", layout];
        ok(&mut run(&server, &output, &words));
        let files = stored::files(&output, "parquet");
        std::fs::remove_dir_all(output.join("_ingest")).unwrap();
        ok(&mut run(&server, &output, &words));
        let rows = |path: &Path| {
            path.file_stem().unwrap().to_str().unwrap().rsplit('_').nth(1).unwrap().parse::<u64>().unwrap()
        };
        let now = stored::files(&output, "parquet");
        assert_eq!(now.iter().map(|p| rows(p)).sum::<u64>(), 1_600, "{layout}");
        assert!(files.iter().all(|file| now.contains(file)), "{layout}: files stay as they are");
    }
}

#[test]
fn continuous_mode_goes_on_until_sigterm() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut command = run(&server, &output, &["--settle-delay", "0s", "--continuous", "--interval", "1s"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    for _pass in 0..3 {
        lines
            .find(|line| line.as_ref().unwrap().contains("\"event\":\"service_complete\""))
            .unwrap()
            .unwrap();
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(lines.any(|line| line.unwrap().contains("\"event\":\"service_stopping\"")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    judge_folder(&server.account.lock().unwrap(), &output, "after continuous mode");
}

#[test]
fn demo_ends_with_a_table_and_how_to_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let said = ok(&mut program(&["demo", "--events", "120000", "--output-dir", "out"], &[], folder.path()));
    for part in
        ["Firewall Activity", "Asset Authentication", "Billing Service", "Web Access", "server count", "MB/s"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    for part in ["1 request answered with 429, 1 download cut", "duckdb", "pandas", "polars"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let stored: usize = stored::read(&folder.path().join("out")).values().map(|log| log.rows.len()).sum();
    assert_eq!(stored, 120_000);
}

#[test]
fn demo_serves_the_files_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("app.jsonl"), "{\"a\":1}\n{\"a\":2}\n").unwrap();
    std::fs::write(data.join("notes.log"), "one\ntwo\nthree\n").unwrap();
    std::fs::write(data.join("README.md"), "not a log\n").unwrap();
    let said = ok(&mut program(&["demo", "--data", "data", "--output-dir", "out"], &[], folder.path()));
    let logs = stored::read(&folder.path().join("out"));
    assert_eq!(logs.values().map(|log| log.rows.len()).collect::<Vec<_>>(), [2, 3], "{said}");
}

#[test]
fn convert_takes_files_of_every_kind_and_compression() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.csv", "id,name\n1,\"x, y\"\n2,\"a\nb\"\n3\n");
    write("a.log", "{\"n\":1}\n{\"n\":2}\n");
    let words = ["convert", "a.csv", "a.log", "--output", "out", "--compression", "zstd", "--threads", "2"];
    let said = ok(&mut program(&words, &[], folder.path()));
    assert!(said.contains("out/a.parquet") && said.contains("out/a-2.parquet"), "{said}");
    assert_eq!(stored::files(&folder.path().join("out"), "parquet").len(), 2);
    let quarantine = std::fs::read_to_string(folder.path().join("out/a.quarantine.jsonl")).unwrap();
    assert!(quarantine.contains("short_row") && quarantine.contains("\"3\""), "{quarantine}");
    let (code, said) =
        outcome(&mut program(&["convert", "missing.csv", "--output", "out"], &[], folder.path()));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("failed to read missing.csv"), "{said}");
}

#[test]
fn infer_says_what_a_file_is_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.csv", b"Report of the day\r\nid;bytes;stra\xdfe\r\n1;10;x\r\n2;unknown;y\r\n3;5;z\r\n4;6\r\n");
    let said = ok(&mut program(&["infer", "a.csv"], &[], folder.path()));
    for part in [
        "encoding     windows-1252",
        "line ends    CRLF",
        "delimiter ';', quote '\"', header",
        "preamble     \"Report of the day\"",
        "quarantined  1 short_row",
        "row 2 \"unknown\" is not an integer, not a float, not a decimal; row 1 \"10\" is not true or false, not a time, ",
        "straße",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let said = ok(&mut program(&["infer", "a.csv", "--json"], &[], folder.path()));
    let json: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(json["columns"][1]["why"][0]["row"], 2);
    assert_eq!(json["rows"], 3);
    assert_eq!(outcome(&mut program(&["infer", "missing"], &[], folder.path())).0, 1);
    assert_eq!(outcome(&mut program(&["infer", "a.csv", "--format", "yaml"], &[], folder.path())).0, 64);
}

#[test]
fn what_the_user_says_of_a_file_is_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "x:1\ny:2\n").unwrap();
    let words =
        ["convert", "a.txt", "--output", "out", "--delimiter", ":", "--columns", "name,n", "--header", "no"];
    let said = ok(&mut program(&words, &[], folder.path()));
    assert!(said.contains("CSV (':', 2 columns)"), "{said}");
}

#[test]
fn a_pin_fixes_what_one_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.txt", "1;007;x\n2;8;y\n\n3;z\n");
    write(
        "a.json",
        r#"{"format":"csv","delimiter":";","columns":["id","code","n"],"types":{"code":"text","n":"int64"}}"#,
    );
    write("wrong.json", r#"{"format":"csv"}"#);
    write("cef.txt", "CEF:0|V|P|1|7|worm stopped|10|src=192.0.2.1\nno event\n");
    let said = ok(&mut program(&["infer", "a.txt", "--pin", "a.json"], &[], folder.path()));
    let lines: Vec<String> =
        said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for part in ["shape CSV (';', 3 columns)", "rows 2", "quarantined 1 short_row", "code text", "n int64"] {
        assert!(lines.iter().any(|line| line.starts_with(part)), "{part} in {said}");
    }
    // `n` holds no number here: its values are rescued, not lost.
    ok(&mut program(&["convert", "a.txt", "--output", "out", "--pin", "a.json"], &[], folder.path()));
    let (code, said) = outcome(&mut program(&["infer", "a.txt", "--pin", "wrong.json"], &[], folder.path()));
    assert!(code == 64 && said.contains("\"columns\""), "{code} {said}");
    let both = ["infer", "a.txt", "--pin", "a.json", "--header", "no"];
    assert_eq!(outcome(&mut program(&both, &[], folder.path())).0, 64);
    let said = ok(&mut program(&["infer", "cef.txt", "--format", "cef"], &[], folder.path()));
    assert!(said.contains("CEF") && said.contains("device_vendor"), "{said}");
}

#[test]
fn bytes_that_are_no_utf_8_behind_a_plain_beginning_are_read_as_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = b"id,name,n\n".to_vec();
    while text.len() < 3 << 19 {
        text.extend_from_slice(b"1,plain,2\n");
    }
    text.extend_from_slice(b"1,M\xfcller,2\n");
    std::fs::write(folder.path().join("a.csv"), text).unwrap();
    let said = ok(&mut program(&["infer", "a.csv"], &[], folder.path()));
    assert!(said.contains("windows-1252"), "{said}");
    ok(&mut program(&["convert", "a.csv", "--output", "out"], &[], folder.path()));
}
