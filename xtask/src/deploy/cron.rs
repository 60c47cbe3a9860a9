//! The table of cron and the rules of logrotate.
//!
//! cron has no judge of its own: its syntax is checked here. logrotate is run, on copies, with the user who runs this.

use std::process::Command;

use super::{Checked, Desk, judge, nowhere, verdict};
use crate::failure::Failure;
use crate::{files, process, system};

const SERVICE_USER: &str = "logservice";
const LOGS: &str = "/var/log/log-ingestion";
/// The five fields of a time, each with its lowest and highest value.
const FIELDS: [(&str, u32, u32); 5] =
    [("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7)];

/// Every line of the table is one that cron takes.
pub(super) fn table(desk: &Desk) -> Checked {
    let text = files::read(&desk.files.join("cron/log-ingestion"))?;
    let (jobs, faults) = judge_table(&text);
    verdict(&faults, format!("{jobs} line for {SERVICE_USER}"))
}

/// The number of jobs, and what is wrong with them.
fn judge_table(text: &str) -> (usize, Vec<String>) {
    let (mut jobs, mut faults) = (0, Vec::new());
    if !text.ends_with('\n') {
        faults.push("the last line has no end, so that cron passes over it".to_owned());
    }
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first().is_some_and(|word| word.contains('=')) {
            continue;
        }
        jobs += 1;
        if let Err(fault) = judge_job(&words) {
            faults.push(format!("{fault}: {line}"));
        }
    }
    if jobs == 0 {
        faults.push("there is no line that runs anything".to_owned());
    }
    (jobs, faults)
}

fn judge_job(words: &[&str]) -> Result<(), String> {
    let (times, rest) = words.split_at_checked(FIELDS.len()).ok_or("a time has five fields")?;
    for (word, (name, lowest, highest)) in times.iter().zip(FIELDS) {
        let fits = word.split(',').all(|part| is_time(part, lowest, highest));
        if !fits {
            return Err(format!("{word} is no {name}"));
        }
    }
    let (user, command) = rest.split_first().ok_or("a user and a command are missing")?;
    if *user != SERVICE_USER {
        return Err(format!("it runs as {user}, and not as {SERVICE_USER}"));
    }
    if command.is_empty() {
        return Err("a command is missing".to_owned());
    }
    if command.join(" ").replace("\\%", "").contains('%') {
        return Err("a % ends a command unless it is escaped".to_owned());
    }
    Ok(())
}

/// `*`, `*/5`, `7`, `1-5`, `1-5/2`.
fn is_time(part: &str, lowest: u32, highest: u32) -> bool {
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    let number = |text: &str| text.parse::<u32>().ok().filter(|n| (lowest..=highest).contains(n));
    let in_range = match range.split_once('-') {
        Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
        None => range == "*" || number(range).is_some(),
    };
    in_range && step.is_none_or(|step| step.parse::<u32>().is_ok_and(|n| n > 0))
}

/// logrotate reads the rules, and by them moves a log away and leaves an empty one with the right mode.
pub(super) fn logrotate(desk: &Desk) -> Checked {
    if !system::program_installed("logrotate", "logrotate", "it judges its rules")? {
        return Ok(nowhere("logrotate"));
    }
    let folder = desk.scratch.join("logrotate");
    let (user, group) = (who("-un")?, who("-gn")?);
    let rules = files::read(&desk.files.join("logrotate/log-ingestion"))?;
    if !rules.contains(LOGS) || !rules.contains("systemctl reload log-ingestion") {
        return Err(Failure::new(format!("the rules are not about {LOGS}, or do not tell the service")));
    }
    let own = rules
        .replace(LOGS, &folder.join("logs").to_string_lossy())
        .replace(&format!("{SERVICE_USER} {SERVICE_USER}"), &format!("{user} {group}"))
        .replace("systemctl reload log-ingestion", &format!("touch {}", folder.join("told").display()));
    let file = folder.join("rules");
    files::write(&file, &own)?;
    files::set_mode(&file, 0o644)?;
    let log = folder.join("logs/service.log");
    files::write(&log, "a line\n")?;
    files::set_mode(&folder.join("logs"), 0o750)?;
    let state = folder.join("state");
    let rotate = |flag: &str| {
        let mut logrotate = Command::new("logrotate");
        judge(logrotate.arg(flag).arg("--state").arg(&state).arg(&file))
    };
    rotate("--debug")?;
    rotate("--force")?;
    let moved = files::read(&folder.join("logs/service.log.1"))?;
    let fresh = files::read(&log)?;
    let mut faults = Vec::new();
    if moved != "a line\n" || !fresh.is_empty() {
        faults.push("the log was not moved away and begun anew".to_owned());
    }
    if files::mode(&log) != Some(0o640) {
        faults.push("the new log has another mode than 0640".to_owned());
    }
    if !folder.join("told").exists() {
        faults.push("the service was not told".to_owned());
    }
    verdict(&faults, "a log moved away, a new one of mode 0640, the service told".to_owned())
}

fn who(what: &str) -> Result<String, Failure> {
    process::read(Command::new("id").arg(what)).map(|name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, fault: Option<&str>) {
        let (_, faults) = judge_table(&format!("# comment\nPATH=/bin\n\n{line}\n"));
        match fault {
            None => assert!(faults.is_empty(), "{line}: {faults:?}"),
            Some(part) => assert!(faults.iter().any(|f| f.contains(part)), "{line}: {faults:?}"),
        }
    }

    #[test]
    fn a_line_is_a_time_a_user_and_a_command() {
        check("0 * * * * logservice run >> x 2>&1", None);
        check("*/5 1-5,9 1 */2 0-7 logservice run", None);
        check("60 * * * * logservice run", Some("60 is no minute"));
        check("0 5-1 * * * logservice run", Some("5-1 is no hour"));
        check("0 * * * logservice run", Some("logservice is no weekday"));
        check("0 * * * * root run", Some("and not as logservice"));
        check("0 * * * * logservice", Some("a command is missing"));
        check("0 * * * * logservice date +%F", Some("escaped"));
        check("", Some("no line that runs anything"));
    }

    #[test]
    fn a_table_without_a_last_line_feed_is_refused() {
        assert_eq!(judge_table("0 * * * * logservice run").1.len(), 1);
    }
}
