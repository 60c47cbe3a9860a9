//! What packagers install beside the program: completions and manual pages, judged by shells and readers of pages.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::{note, outcome, program};

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

fn script(shell: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = outcome(&mut program(&["completions", shell], &[], folder.path()));
    assert_eq!(code, 0, "{shell}: {text}");
    text
}

/// The commands of the program, and those below them: `log-ingestion-config-check`.
fn commands() -> Vec<String> {
    fn below(command: &clap::Command, name: &str, names: &mut Vec<String>) {
        for sub in command.get_subcommands() {
            let name = format!("{name}-{}", sub.get_name());
            below(sub, &name, names);
            names.push(name);
        }
    }
    let mut names = vec!["log-ingestion".to_owned()];
    below(&log_ingestion::cli::command(), "log-ingestion", &mut names);
    names
}

fn is_there(program: &str) -> bool {
    let mut which = Command::new("sh");
    which.args(["-c", &format!("command -v {program}")]).stdout(Stdio::null());
    which.status().is_ok_and(|status| status.success())
}

#[test]
fn completions_of_every_shell_know_every_command() {
    for shell in SHELLS {
        let script = script(shell);
        for command in log_ingestion::cli::command().get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
        }
        assert!(script.contains("rate-limit"), "{shell}: settings are flags");
        // The name of a file that holds it is one.
        let flags = script.replace("api-key-file", "");
        assert!(!flags.contains("api-key"), "{shell}: the key is no flag");
    }
}

/// Asks bash what it would complete the last of these words to.
#[track_caller]
fn completed(script: &str, words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script"), script).unwrap();
    let at = words.len() - 1;
    let ask = format!(
        "set -eu; source ./script; spec=$(complete -p log-ingestion); spec=${{spec#*-F }}; COMP_WORDS=({}); \
         COMP_CWORD={at}; ${{spec%% *}} log-ingestion '{}' '{}'; printf '%s ' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words[at],
        words[at - 1],
    );
    let mut bash = Command::new("bash");
    let (code, text) = outcome(bash.args(["--norc", "--noprofile", "-c", &ask]).current_dir(folder.path()));
    assert_eq!(code, 0, "{words:?}: {text}");
    text
}

#[test]
fn bash_completes_commands_flags_and_settings() {
    if !is_there("bash") {
        note("bash is not there: its completions were not tried.");
        return;
    }
    let script = script("bash");
    for (words, want) in [
        (&["log-ingestion", "ru"][..], "run "),
        (&["log-ingestion", "run", "--cont"], "--continuous "),
        (&["log-ingestion", "run", "--rate"], "--rate-limit "),
        (&["log-ingestion", "config", "ch"], "check "),
        (&["log-ingestion", "completions", "fi"], "fish "),
    ] {
        assert_eq!(completed(&script, words), want, "{words:?}");
    }
}

#[test]
fn other_shells_read_their_scripts_without_a_fault() {
    for (shell, check) in [("zsh", "zsh -n"), ("fish", "fish --no-execute")] {
        if !is_there(shell) {
            note(&format!("{shell} is not there: its script was not read."));
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("script"), script(shell)).unwrap();
        let mut command = Command::new("sh");
        let (code, text) =
            outcome(command.args(["-c", &format!("{check} script")]).current_dir(folder.path()));
        assert_eq!((code, text.as_str()), (0, ""), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = outcome(&mut program(&["man", "share/man1"], &[], folder.path()));
    let wanted = commands();
    assert_eq!((code, text), (0, format!("{} pages are in share/man1.\n", wanted.len())));
    for name in wanted {
        renders(&folder.path().join("share/man1").join(format!("{name}.1")), &name);
    }
}

/// A page that a reader shows without a complaint; where no reader is installed, one that is written.
#[track_caller]
fn renders(page: &Path, name: &str) {
    let source = std::fs::read_to_string(page).unwrap();
    assert!(source.starts_with(".ie") || source.contains(".TH "), "{name}: {source}");
    let mut reader = if is_there("mandoc") {
        let mut mandoc = Command::new("mandoc");
        mandoc.args(["-T", "utf8", "-W", "error"]);
        mandoc
    } else if is_there("man") && is_there("groff") {
        let mut man = Command::new("man");
        man.args(["--warnings", "--local-file", "--pager=cat"]).env("MANWIDTH", "100");
        man
    } else {
        note("neither mandoc nor man is there: pages were written, not read.");
        return;
    };
    let output = reader.arg(page).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).replace('\u{8}', "");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
    assert!(output.status.success() && shown.contains("log-ingestion"), "{name}: {shown}");
}

#[test]
fn a_folder_of_pages_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let (code, text) = outcome(&mut program(&["man", "file/man1"], &[], folder.path()));
    assert!(code == 1 && text.contains("cannot be written to file/man1"), "{code} {text}");
}
