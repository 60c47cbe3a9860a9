//! Running other programs: with their output passed on, kept, or searched for summary lines.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::failure::Failure;
use crate::out;

/// Runs a command, its output passed through.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(ended(command, status)) }
}

/// Runs a command and gives what it printed to standard output; errors pass through.
pub(crate) fn read(command: &mut Command) -> Result<String, Failure> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| not_started(command, &error))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(ended(command, output.status))
    }
}

/// Runs a command in silence and gives all that it printed, and whether it succeeded.
pub(crate) fn read_all(command: &mut Command) -> Result<(bool, String), Failure> {
    let output = command.output().map_err(|error| not_started(command, &error))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok((output.status.success(), text))
}

/// Whether a command can be run and succeeds, in silence.
pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// How a command went, and the lines of its output that tell it in short.
#[derive(Debug)]
pub(crate) struct Summed {
    pub(crate) result: Result<(), Failure>,
    pub(crate) summary: Vec<String>,
}

impl Summed {
    pub(crate) fn failed(failure: Failure) -> Self {
        Self { result: Err(failure), summary: Vec::new() }
    }
}

/// Runs a command, passes its output on line by line, and keeps the lines that `is_summary` picks.
pub(crate) fn run_summed(command: &mut Command, is_summary: fn(&str) -> bool) -> Summed {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Summed::failed(not_started(command, &error)),
    };
    let summary = Mutex::new(Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| pass_on(stdout, is_summary, &summary));
        scope.spawn(|| pass_on(stderr, is_summary, &summary));
    });
    let result = match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ended(command, status)),
        Err(error) => Err(not_started(command, &error)),
    };
    Summed { result, summary: summary.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) }
}

fn pass_on(stream: Option<impl Read>, is_summary: fn(&str) -> bool, summary: &Mutex<Vec<String>>) {
    let Some(stream) = stream else { return };
    for bytes in BufReader::new(stream).split(b'\n') {
        let Ok(bytes) = bytes else { return };
        let line = String::from_utf8_lossy(&bytes);
        out::line(&line);
        if is_summary(&line) {
            summary.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line.into_owned());
        }
    }
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} could not be run: {error}", words(command)))
}

fn ended(command: &Command, status: std::process::ExitStatus) -> Failure {
    Failure::new(format!("{} ended with {status}", words(command)))
}

/// The command as a person would type it.
pub(crate) fn words(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn summary_lines_are_kept_from_both_streams() {
        let summed = run_summed(&mut shell("echo a; echo =b; echo =c >&2"), |line| line.starts_with('='));
        let mut kept = summed.summary;
        kept.sort();
        assert_eq!(kept, ["=b", "=c"]);
        assert_eq!(summed.result, Ok(()));
    }

    #[test]
    fn a_failure_names_the_command() {
        let failure = run(&mut shell("exit 3")).unwrap_err().to_string();
        assert_eq!(failure, "sh -c exit 3 ended with exit status: 3");
        assert!(
            run(&mut Command::new("no-such-program")).unwrap_err().to_string().contains("could not be run")
        );
    }

    #[test]
    fn what_a_command_printed_is_read() {
        assert_eq!(read(&mut shell("echo yes")), Ok("yes\n".to_owned()));
        assert_eq!(
            read_all(&mut shell("echo out; echo err >&2; false")),
            Ok((false, "out\nerr\n".to_owned()))
        );
        assert!(works("sh", &["-c", "true"]) && !works("sh", &["-c", "false"]));
    }
}
