//! `doctor` as a user calls it: beside a service, before the first run, and with one thing broken.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rapid7_sim::{Kind, LogSpec, SimConfig};

use crate::program::{Running, SimServer, complete, outcome, program, run};
use crate::stored;

/// Checks whose outcome is the machine's to decide, and not the test's.
const OF_THE_MACHINE: [&str; 2] = ["disk", "memory"];

fn server() -> SimServer {
    SimServer::start(SimConfig::default().with_log(LogSpec::generated("web", Kind::Access, 900)))
}

/// `doctor --json` with the surroundings of a run; its exit code, and state and words of each check.
fn doctor(
    server: &SimServer,
    output: &Path,
    environment: &[(&str, &str)],
) -> (i32, BTreeMap<String, (String, String)>) {
    let of_run = run(server, output, &[]);
    let mut command = Command::new(of_run.get_program());
    command.args(["doctor", "--json"]).env_clear().current_dir(output.parent().unwrap());
    command.envs(of_run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let (code, said) = outcome(command.envs(environment.iter().copied()));
    assert!(!said.contains("sim-key"), "{said}");
    let found: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).expect(&said);
    let checks = found["checks"].as_array().unwrap().iter().map(|check| {
        let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
        (text("check"), (text("state"), format!("{} {}", text("said"), text("next"))))
    });
    assert_eq!(found["ok"], code == 0, "{found}");
    (code, checks.collect())
}

#[track_caller]
fn check(server: &SimServer, environment: &[(&str, &str)], name: &str, state: &str, said: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (code, checks) = doctor(server, &folder.path().join("out"), environment);
    let (got, words) = &checks[name];
    assert!(got == state && words.contains(said), "{name}: {got}: {words}");
    assert!(code == 1 || state != "fail");
}

/// Every file and folder below a folder, with its bytes.
fn everything(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path.clone(), fs::read(&path).unwrap_or_default());
        }
    }
    found
}

#[test]
fn of_a_sound_service_nothing_is_complained_of_and_nothing_is_touched() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    complete(&server, &output, &["--settle-delay", "0s"]);
    let before = everything(folder.path());
    let requests = server.account.lock().unwrap().stats().requests_of("management");
    let (_code, checks) = doctor(&server, &output, &[]);
    assert!(server.account.lock().unwrap().stats().requests_of("management") > requests);
    for (name, (state, said)) in checks.iter().filter(|(name, _)| !OF_THE_MACHINE.contains(&name.as_str())) {
        assert_eq!(state, "ok", "{name}: {said}");
    }
    assert!(checks["permissions"].1.contains("the 1 logs"), "{checks:?}");
    assert!(checks["version"].1.contains("as the oldest file"), "{checks:?}");
    assert_eq!(everything(folder.path()), before);
    let (_code, offline) = outcome(&mut program(
        &["doctor", "--offline"],
        &[
            ("OUTPUT_DIR", output.to_str().unwrap()),
            ("RAPID7_API_KEY", "k"),
            ("RAPID7_API_ENDPOINT", &server.origin),
        ],
        folder.path(),
    ));
    assert!(offline.contains("skip  server") && offline.contains("told to ask nobody"), "{offline}");
}

#[test]
fn before_the_first_run_it_makes_nothing() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let (_code, checks) = doctor(&server, &folder.path().join("out"), &[("OUTPUT_DIR", "not/there/yet")]);
    assert!(checks["output folder"].1.contains("not there yet"), "{checks:?}");
    assert!(everything(folder.path()).is_empty());
}

#[test]
fn one_thing_that_is_broken_is_named_with_what_to_do() {
    let server = server();
    check(&server, &[("RAPID7_API_KEY", "other")], "key accepted", "fail", "refuses the key with 401");
    check(&server, &[("RAPID7_API_KEY", "")], "key", "fail", "it is not set");
    check(&server, &[("RAPID7_API_ENDPOINT", "http://127.0.0.1:9")], "server", "fail", "refused");
    check(&server, &[("RAPID7_API_ENDPOINT", "http://nowhere.invalid")], "server", "fail", "name server");
    check(&server, &[("RAPID7_API_ENDPOINT", "http://nowhere.invalid")], "endpoint", "fail", "not https");
    check(&server, &[("RAPID7_LOGS", "nginx")], "permissions", "fail", "nginx");
    check(&server, &[("BATCH_SIZE", "7")], "settings", "fail", "100 to 10000");
    // What does not depend on the setting that is wrong is looked at all the same.
    check(&server, &[("BATCH_SIZE", "7")], "key accepted", "ok", "takes the key");
    check(&server, &[("LOG_LEVEL", "DEBUG")], "log", "warn", "INFO");
    check(&server, &[("OUTPUT_DIR", "/dev/null/out")], "output folder", "fail", "chown");
    let wrong = format!("{}/nowhere", server.origin);
    check(&server, &[("RAPID7_API_ENDPOINT", &wrong)], "server", "fail", "404");
}

#[test]
fn what_the_server_does_is_told() {
    for (fault, name, state, said) in [
        ("http_503", "server", "fail", "503"),
        ("clock_skew", "clock", "", " s "),
        ("retry_429:statistics", "quota", "warn", "429"),
        ("http_500:download", "permissions", "warn", "download: status 500"),
        ("html_200:management", "permissions", "fail", "cannot be read"),
        ("redirect_to_foreign_host", "server", "fail", "redirect"),
    ] {
        let mut config = SimConfig::default().with_log(LogSpec::generated("web", Kind::Access, 100));
        config.faults.add(&format!("{fault}=1.0")).unwrap();
        let server = SimServer::start(config);
        let folder = tempfile::tempdir().unwrap();
        let (_code, checks) = doctor(&server, &folder.path().join("out"), &[]);
        let (got, words) = &checks[name];
        assert!(
            (got == state || (state.is_empty() && got != "ok")) && words.contains(said),
            "{fault}: {got}: {words}"
        );
    }
}

#[test]
fn a_csv_pages_endpoint_is_asked_in_its_own_way() {
    let server = SimServer::start(SimConfig::default().with_log(LogSpec::generated("fw", Kind::Csv, 100)));
    let pages = format!("{}/v1", server.origin);
    check(&server, &[("RAPID7_API_ENDPOINT", &pages)], "endpoint", "ok", "CSV pages");
    check(&server, &[("RAPID7_API_ENDPOINT", &pages)], "key accepted", "ok", "takes the key");
    check(&server, &[("RAPID7_API_ENDPOINT", &pages)], "permissions", "ok", "");
    let wrong = [("RAPID7_API_ENDPOINT", pages.as_str()), ("RAPID7_API_KEY", "other")];
    check(&server, &wrong, "key accepted", "fail", "401");
}

#[test]
fn the_folder_is_looked_at() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    complete(&server, &output, &["--settle-delay", "0s", "--window-rows", "1000"]);
    let file = stored::files(&output, "parquet").remove(0);
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    fs::set_permissions(&output, PermissionsExt::from_mode(0o755)).unwrap();
    let env = folder.path().join(".env");
    fs::write(&env, "RAPID7_API_KEY=sim-key\n").unwrap();
    fs::set_permissions(&env, PermissionsExt::from_mode(0o644)).unwrap();
    let (code, checks) = doctor(&server, &output, &[]);
    assert!(checks["file modes"].1.contains("chmod 750"), "{checks:?}");
    assert!(checks["key files"].1.contains("every user of this machine can read the key"), "{checks:?}");
    assert_eq!(code, 1);
    fs::set_permissions(&output, PermissionsExt::from_mode(0o750)).unwrap();
    fs::set_permissions(&env, PermissionsExt::from_mode(0o600)).unwrap();
    let (_code, checks) = doctor(&server, &output, &[]);
    assert!(checks["file modes"].1.contains("0644"), "{checks:?}");
    fs::write(&file, "PAR1").unwrap();
    let (code, checks) = doctor(&server, &output, &[]);
    assert_eq!((code, checks["files"].0.as_str()), (1, "fail"), "{checks:?}");
    fs::remove_file(&file).unwrap();
    let (_code, checks) = doctor(&server, &output, &[]);
    assert!(checks["files"].1.contains("not where the ledgers have them"), "{checks:?}");
    let ledger = stored::files(&output.join("_ingest/logs"), "json").remove(0);
    fs::write(ledger, "{}").unwrap();
    let (_code, checks) = doctor(&server, &output, &[]);
    assert!(checks["ledgers"].1.contains("ledger rebuild"), "{checks:?}");
}

#[test]
fn beside_a_running_service_it_says_who_holds_the_folder_and_disturbs_nobody() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let words = ["--settle-delay", "0s", "--continuous", "--interval", "100d"];
    let mut running = Running::start(run(&server, &output, &words));
    running.until("\"event\":\"service_complete\"");
    let (_code, checks) = doctor(&server, &output, &[]);
    assert!(checks["lock"].1.contains(&format!("held by process {} on ", running.pid())), "{checks:?}");
    assert!(checks["memory"].1.contains("the service takes"), "{checks:?}");
    running.signal("TERM");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    let (_code, checks) = doctor(&server, &output, &[]);
    assert!(checks["lock"].1.contains("free"), "{checks:?}");
}
