//! Flags of the commands that packagers call: completions and manual pages.
//!
//! Only reads words.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

pub(super) const COMPLETIONS_HELP: &str = "Examples:\n  source <(log-ingestion completions bash)\n  \
    log-ingestion completions zsh > ~/.zfunc/_log-ingestion\n  \
    log-ingestion completions fish > ~/.config/fish/completions/log-ingestion.fish";
pub(super) const MAN_HELP: &str = "Examples:\n  log-ingestion man ~/.local/share/man/man1\n  log-ingestion man pages && man -l pages/log-ingestion-run.1";

/// Flags of `completions`.
#[derive(Debug, Clone, Copy, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Flags of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where the pages go; made where missing
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
