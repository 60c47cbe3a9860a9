//! `man`: a manual page of the program and of each command, written to a folder.
//!
//! Made from the command line itself. Settings are told once, on the page of the program: they are flags of every
//! command, and would be most of each page. Examples keep their lines, which the library would fill to paragraphs.

use std::io;
use std::path::Path;

use clap::CommandFactory as _;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::print;
use crate::cli::{self, Cli, ManArgs};
use crate::exit::{CommandError, Exit};

/// Else each setting would stand in the first lines.
const USAGE: &str = "log-ingestion COMMAND [FLAG]... [SETTING]...";
const MANUAL: &str = "log-ingestion manual";
/// What the page of a command says instead of the settings.
const SETTINGS_NOTE: &str =
    "Every setting is a flag of this command, too. They are on the page of log-ingestion, section 1.";

/// One page: the name of its file, and what stands in it.
struct Page {
    file: String,
    text: Vec<u8>,
}

pub(crate) fn run(args: &ManArgs) -> Result<Exit, CommandError> {
    let pages = pages().map_err(|error| failed("the manual pages cannot be made", &error))?;
    write(&args.folder, &pages).map_err(|error| {
        failed(&format!("the manual pages cannot be written to {}", args.folder.display()), &error)
    })?;
    print(&format!("{} pages are in {}.\n", pages.len(), args.folder.display()))?;
    Ok(Exit::Done)
}

fn failed(what: &str, error: &io::Error) -> CommandError {
    CommandError::Failed(Exit::Failed, format!("{what}: {error}"))
}

fn write(folder: &Path, pages: &[Page]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    pages.iter().try_for_each(|page| std::fs::write(folder.join(&page.file), &page.text))
}

/// The page of the program, then those of the commands.
fn pages() -> io::Result<Vec<Page>> {
    let program = cli::command().disable_help_subcommand(true).override_usage(USAGE);
    let mut pages = vec![page(program, None)?];
    let mut without_settings = Cli::command().disable_help_subcommand(true);
    without_settings.build();
    below(&without_settings, &mut pages)?;
    Ok(pages)
}

fn below(command: &clap::Command, pages: &mut Vec<Page>) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        pages.push(page(sub.clone(), Some(SETTINGS_NOTE))?);
        below(sub, pages)?;
    }
    Ok(())
}

fn page(command: clap::Command, settings: Option<&str>) -> io::Result<Page> {
    let after = command.get_after_help().map(ToString::to_string);
    let version = env!("CARGO_PKG_VERSION");
    let has_commands = command.get_subcommands().next().is_some();
    let man = Man::new(command).manual(MANUAL).source(format!("log-ingestion {version}"));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if has_commands {
        man.render_subcommands_section(&mut text)?;
    }
    man.render_options_section(&mut text)?;
    let mut rest = Roff::new();
    if let Some(note) = settings {
        rest.control("SH", ["SETTINGS"]).text([roman(note)]);
    }
    if let Some(after) = after {
        rest.control("SH", ["NOTES"]).control("nf", []);
        for line in after.lines() {
            rest.text([roman(line)]);
        }
        rest.control("fi", []);
    }
    rest.to_writer(&mut text)?;
    Ok(Page { file: man.get_filename(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_on_one_page_only() {
        let pages = pages().unwrap();
        let told = |file: &str| {
            let page = pages.iter().find(|page| page.file == file).unwrap();
            String::from_utf8_lossy(&page.text).replace("\\-", "-").contains("--rate-limit")
        };
        assert!(told("log-ingestion.1") && !told("log-ingestion-run.1"));
    }

    #[test]
    fn a_line_of_an_example_stays_a_line() {
        let pages = pages().unwrap();
        let page = pages.iter().find(|page| page.file == "log-ingestion-run.1").unwrap();
        let text = String::from_utf8_lossy(&page.text).replace("\\-", "-");
        let (_, notes) = text.split_once(".nf\n").unwrap();
        assert!(notes.lines().any(|line| line == "  log-ingestion run"), "{notes}");
    }
}
