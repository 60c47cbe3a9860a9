//! `interop`: writes Parquet with the program as a user would, then has other readers judge it.
//!
//! Builds, runs the program, hands the folders to a Python script. What is right is decided there, by readers that
//! share no code with the writer.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::Failure;
use crate::place::{self, Place};
use crate::process::{self, Summed};
use crate::{files, out, python};

mod account;

const PROGRAM: &str = "log-ingestion";
const CODECS: [&str; 6] = ["snappy", "gzip", "brotli", "zstd", "lz4", "none"];
/// Events of the generated demo.
const EVENTS: &str = "60000";
/// Rows of the generated file: two pages of each column.
const KINDS_ROWS: i64 = 30_000;
/// Rows a file of the demo, small, so that each log is read back from several files.
const WINDOW_ROWS: &str = "5000";
/// Rows a file of what is compacted, and of the files that they become.
const SCATTERED_ROWS: &str = "1000";
const COMPACTED_ROWS: &str = "100000";

/// Writes, reads back, and gives the closing line of the script.
pub(crate) fn run(place: &Place) -> Summed {
    match prepare(place) {
        Ok(mut judge) => process::run_summed(&mut judge, is_summary),
        Err(failure) => Summed::failed(failure),
    }
}

/// Writes all that is to be read; gives the command that reads it.
fn prepare(place: &Place) -> Result<Command, Failure> {
    let python = python::require(place)?;
    let (program, simulator) = build(place)?;
    let writer = Writer { program, folder: place.target.join("interop") };
    place::empty_folder(&writer.folder)?;
    let data = gather(&place.interop().join("data"), &writer.folder.join("data"))?;

    writer.demo("demo", &["--events", EVENTS, "--window-rows", WINDOW_ROWS])?;
    writer.demo("files", &["--data", &data.to_string_lossy()])?;
    writer.compacted(&simulator, "scattered", "compacted")?;
    for codec in CODECS {
        writer.convert(&data, codec, &["--compression", codec])?;
    }
    writer.convert(&data, "compat", &["--compat", "--threads", "2"])?;
    let mut judge = Command::new(python);
    judge.arg(place.interop().join("read_all.py")).arg(&writer.folder).arg(&data).arg(&writer.program);
    judge.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(judge)
}

/// Copies the samples, and adds a larger file that they would be too small to hold.
fn gather(samples: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    place::empty_folder(folder)?;
    let told = |error| Failure::new(format!("{} cannot be filled: {error}", folder.display()));
    for sample in files::of(samples)? {
        let name = sample.file_name().unwrap_or_default();
        std::fs::copy(&sample, folder.join(name)).map_err(told)?;
    }
    files::write(&folder.join("kinds.csv"), kinds())?;
    Ok(folder.to_owned())
}

/// A column of each type and of each way in which values are laid out, over several pages.
fn kinds() -> String {
    let mut text = "n,few,wide,clock,hex,on,at,word,gap,truth\n".to_owned();
    let mut random = 7_u64;
    for row in 0..KINDS_ROWS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (minute, second) = (row / 60 % 60, row % 60);
        let gap = if row % 997 == 0 { row.to_string() } else { String::new() };
        let line = format!(
            "{},{}.{:02},{}{:020}.25,09:{minute:02}:{second:02}.{:06},{random:016x}{:016x},2026-02-{:02},\
             2026-02-10T10:{minute:02}:{second:02}.{:03}Z,word {},{gap},{}\n",
            row * 7 - 100_000,
            row % 5,
            row % 4 * 25,
            row % 900 + 1,
            row,
            row % 1_000_000,
            random.rotate_left(29),
            row % 28 + 1,
            row % 1_000,
            row % 300,
            row % 3 == 0,
        );
        text.push_str(&line);
    }
    text
}

fn is_summary(line: &str) -> bool {
    line.starts_with("interop: ") && line.ends_with(" failed")
}

/// Builds the program and the simulator, and gives their paths, from what cargo says that it built.
///
/// Builds the tests with it: alone, the program would have its dependencies with fewer features, and after the tests
/// of the workspace half of them would be compiled a second time.
fn build(place: &Place) -> Result<(PathBuf, PathBuf), Failure> {
    let mut command = place.cargo(&["build", "--quiet", "--workspace", "--bins", "--tests"]);
    command.arg("--message-format=json-render-diagnostics");
    let messages = process::read(&mut command)?;
    let path = |program: &str| {
        executable(&messages, program)
            .ok_or_else(|| Failure::new(format!("cargo does not say where {program} is")))
    };
    Ok((path(PROGRAM)?, path(account::PROGRAM)?))
}

/// The path of a program among the messages of a build; not that of its tests.
fn executable(messages: &str, program: &str) -> Option<PathBuf> {
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut paths = built.filter_map(|message| {
        let path = message.get("executable")?.as_str()?;
        let is_program = message.pointer("/target/name")? == program;
        (is_program && message.pointer("/profile/test")? == false).then(|| PathBuf::from(path))
    });
    paths.next()
}

/// The program under test, and where its files go.
struct Writer {
    program: PathBuf,
    folder: PathBuf,
}

impl Writer {
    /// Ingests an account that the program simulates by itself.
    fn demo(&self, name: &str, args: &[&str]) -> Result<(), Failure> {
        let output = self.folder.join("ingested").join(name);
        let mut demo = self.command(&["demo"]);
        demo.args(args).arg("--output-dir").arg(&output);
        quietly(&mut demo)?;
        self.keep_status(name)
    }

    /// Ingests past days into many small files, and makes few of them in a copy of the folder: both hold the same rows.
    fn compacted(&self, simulator: &Path, scattered: &str, compacted: &str) -> Result<(), Failure> {
        let account = account::Account::start(simulator)?;
        let at = |name: &str| self.folder.join("ingested").join(name);
        let mut run = self.command(&["run", "--from", account::FROM, "--to", account::TO]);
        run.args(["--window-rows", SCATTERED_ROWS, "--rate-limit", "1000", "--min-free-disk", "0"]);
        run.env("RAPID7_API_KEY", account::KEY).env("RAPID7_API_ENDPOINT", &account.origin);
        quietly(run.env("OUTPUT_DIR", at(scattered)))?;
        self.keep_status(scattered)?;
        quietly(Command::new("cp").arg("-a").arg(at(scattered)).arg(at(compacted)))?;
        let mut compact = self.command(&["compact", "--window-rows", COMPACTED_ROWS, "--apply"]);
        quietly(compact.env("OUTPUT_DIR", at(compacted)))?;
        self.keep_status(compacted)
    }

    /// Keeps what `status` says of a folder.
    fn keep_status(&self, name: &str) -> Result<(), Failure> {
        let mut status = self.command(&["status", "--json"]);
        status.env("OUTPUT_DIR", self.folder.join("ingested").join(name));
        let said = process::read(&mut status)?;
        let path = self.folder.join(format!("{name}.status.json"));
        files::write(&path, said)
    }

    /// Converts all files of a folder into one of that name.
    fn convert(&self, data: &Path, name: &str, flags: &[&str]) -> Result<(), Failure> {
        let mut convert = self.command(&["convert", "--output"]);
        convert.arg(self.folder.join("converted").join(name)).args(flags).args(files::of(data)?);
        quietly(&mut convert)
    }

    /// Runs in its own folder, so that no settings file of a developer is read.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(&self.folder);
        command
    }
}

/// Runs a command; what it said is shown only if it failed.
fn quietly(command: &mut Command) -> Result<(), Failure> {
    out::line(&process::words(command));
    let (success, said) = process::read_all(command)?;
    if success {
        return Ok(());
    }
    out::line(&said);
    Err(Failure::new(format!("{} failed", process::words(command))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_what_was_built() {
        let message = |name: &str, test: bool, path: &str| {
            let target = serde_json::json!({"name": name});
            let profile = serde_json::json!({"test": test});
            serde_json::json!({"target": target, "profile": profile, "executable": path}).to_string()
        };
        let messages = [
            "{\"reason\":\"compiler-artifact\",\"executable\":null}".to_owned(),
            message("p", true, "/t/deps/p-1"),
            message("q", false, "/t/q"),
            message("p", false, "/t/p"),
            "{\"reason\":\"build-finished\",\"success\":true}".to_owned(),
        ];
        assert_eq!(executable(&messages.join("\n"), "p"), Some(PathBuf::from("/t/p")));
        assert_eq!(executable("no JSON", "p"), None);
    }
}
