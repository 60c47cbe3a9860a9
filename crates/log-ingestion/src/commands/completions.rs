//! `completions`: a script that completes command lines of this program in a shell.
//!
//! Made from the command line itself, so that it knows every command and flag. Reads no settings, writes no files.

use clap_complete::Shell;

use super::print;
use crate::cli::{self, CompletionsArgs};
use crate::exit::{CommandError, Exit};

pub(crate) fn run(args: &CompletionsArgs) -> Result<Exit, CommandError> {
    print(&script(args.shell))?;
    Ok(Exit::Done)
}

fn script(shell: Shell) -> String {
    let mut command = cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if shell != Shell::Bash {
        return script;
    }
    // clap_complete 4.6 names the states of a program with a hyphen in its name in two ways, so that nothing is completed
    // behind a command (clap issue 6421). Where it no longer does, there is nothing to replace.
    script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"))
}
