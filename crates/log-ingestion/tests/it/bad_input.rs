//! Bad input has an answer: an exit code and a sentence, never a silent nothing.

use ingest_core::time::Timestamp;
use rapid7_sim::{Kind, LogSpec, SimConfig};
use tokio_util::sync::CancellationToken;

use crate::account::{SimTransport, VirtualClock, in_virtual_time};
use crate::program::{SimServer, outcome, program, run};
use crate::scenario::{NOW, Scenario, outside, settings};
use log_ingestion::exit::Exit;
use log_ingestion::ingest::{Coverage, Ingest};

fn config() -> SimConfig {
    SimConfig::default().with_log(LogSpec::generated("web", Kind::Access, 500))
}

fn server_with(fault: &str) -> SimServer {
    let mut config = config();
    if !fault.is_empty() {
        config.faults.add(fault).unwrap();
    }
    SimServer::start(config)
}

/// Runs once with these variables; asserts the exit code and that every part is said.
#[track_caller]
fn check(server: &SimServer, environment: &[(&str, &str)], code: i32, said: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        run(server, &folder.path().join("out"), &["--settle-delay", "0s", "--retry-attempts", "1"]);
    let (got, text) = outcome(command.envs(environment.iter().copied()));
    assert_eq!(got, code, "{text}");
    for part in said {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(!text.contains("sim-key"), "the key is shown: {text}");
}

#[test]
fn a_wrong_key_ends_with_77() {
    let server = server_with("");
    check(&server, &[("RAPID7_API_KEY", "other")], 77, &["refused the key", "401"]);
}

#[test]
fn a_key_that_is_revoked_under_way_ends_with_77() {
    let server = server_with("key_revoked_mid_run@3");
    check(&server, &[], 77, &["refused the key", "401"]);
}

#[test]
fn a_wrong_region_says_so() {
    let server = server_with("");
    let wrong = format!("{}/nowhere", server.origin);
    check(&server, &[("RAPID7_API_ENDPOINT", &wrong)], 78, &["404", "region"]);
}

#[test]
fn an_unknown_log_says_which_there_are() {
    let server = server_with("");
    check(&server, &[("RAPID7_LOGS", "nginx")], 78, &["nginx", "web"]);
}

#[test]
fn an_unreadable_body_keeps_the_window_open() {
    let server = server_with("unreadable_json:submit=1.0");
    check(&server, &[("FETCH_MODE", "query")], 75, &["not readable as Log Search JSON", "stays open"]);
}

#[test]
fn html_in_place_of_json_is_no_answer() {
    let server = server_with("html_200:statistics=1.0");
    check(&server, &[], 75, &["not readable as Log Search JSON", "<"]);
}

#[test]
fn an_empty_account_is_said_and_is_no_failure() {
    let server = SimServer::start(SimConfig::default());
    check(&server, &[], 0, &["\"event\":\"no_logs\"", "\"logs\":0"]);
}

#[test]
fn a_server_that_is_away_is_tried_again_later() {
    let server = server_with("");
    let gone = "http://127.0.0.1:9";
    check(&server, &[("RAPID7_API_ENDPOINT", gone)], 75, &["failed 2 times", "refused"]);
}

#[test]
fn an_output_folder_is_made_where_it_is_missing() {
    let server = server_with("");
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("not/there/yet");
    check(&server, &[("OUTPUT_DIR", output.to_str().unwrap())], 0, &["\"event\":\"service_complete\""]);
    assert!(output.is_dir());
}

#[test]
fn an_output_folder_that_cannot_be_written_ends_with_78() {
    let server = server_with("");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let below = folder.path().join("file/out");
    check(&server, &[("OUTPUT_DIR", below.to_str().unwrap())], 78, &["failed to create the folder", "file"]);
}

#[test]
fn a_second_process_learns_who_holds_the_folder() {
    let server = server_with("slow_first_byte=1.0");
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut first = run(&server, &output, &["--continuous"]);
    let mut first = first.stdout(std::process::Stdio::piped()).spawn().unwrap();
    // It holds the folder once it has said that its settings are loaded and asks for the logs.
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(first.stdout.take().unwrap()));
    lines.find(|line| line.as_ref().unwrap().contains("\"event\":\"api_request\"")).unwrap().unwrap();
    let (code, text) = outcome(&mut run(&server, &output, &[]));
    let pid = first.id();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(code, 75, "{text}");
    assert!(text.contains(&format!("process {pid} on ")) && text.contains("since 20"), "{text}");
}

#[test]
fn a_clock_that_goes_backwards_loses_nothing() {
    in_virtual_time(async {
        let now = Timestamp::parse(NOW).unwrap();
        let clock = VirtualClock::starting(now);
        let scenario = Scenario::new(SimConfig { to_ms: Some(now.millis() - 3_600_000), ..config() });
        let sim = SimTransport::new(scenario.sim.clone(), &clock);
        let output = tempfile::tempdir().unwrap();
        for now in [now, now.plus_millis(-7_200_000), now.plus_millis(60_000)] {
            let mut outside = outside(&sim, &clock);
            outside.clock = std::sync::Arc::new(VirtualClock::starting(now));
            let ingest = Ingest::open(settings(&scenario, output.path()), &outside).unwrap();
            let first_start = now.plus_millis(-12 * 3_600_000);
            let report =
                ingest.pass(Coverage::Tail { first_start }, &CancellationToken::new()).await.unwrap();
            assert_eq!(report.exit(), Exit::Done);
        }
        let account = sim.account.lock().unwrap();
        crate::scenario::judge_folder(&account, output.path(), "after the clock went backwards");
    });
}

#[test]
fn wrong_words_end_with_64_and_wrong_settings_with_78_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = outcome(&mut program(&["runn"], &[], folder.path()));
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("run"), "{text}");
    let environment = [("RAPID7_API_KEYS", "secret-canary"), ("BATCH_SIZE", "7")];
    let (code, text) = outcome(&mut program(&["config", "check"], &environment, folder.path()));
    assert_eq!(code, 78, "{text}");
    for part in
        ["did you mean RAPID7_API_KEY?", "BATCH_SIZE", "\"7\"", "100 to 10000", "OUTPUT_DIR: it is not set"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("secret-canary"), "{text}");
}

#[test]
fn colours_are_left_out_where_no_color_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (no_color, coloured) in [("", true), ("1", false)] {
        let environment = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", no_color)];
        for words in [&["runn"][..], &["--help"]] {
            let (_code, text) = outcome(&mut program(words, &environment, folder.path()));
            assert_eq!(text.contains('\u{1b}'), coloured, "NO_COLOR={no_color:?} {words:?}: {text:?}");
        }
        for words in [&["config"][..], &["doctor", "--offline"]] {
            let (_code, text) = outcome(&mut program(words, &environment, folder.path()));
            assert!(!text.contains('\u{1b}'), "{words:?}: {text:?}");
        }
    }
}

#[test]
fn help_has_an_example_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["run", "demo", "convert", "replay", "bench", "logs", "config", "status", "doctor"] {
        let (code, text) = outcome(&mut program(&[command, "--help"], &[], folder.path()));
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(&format!("log-ingestion {command}")) && text.contains("Example"), "{text}");
    }
}
