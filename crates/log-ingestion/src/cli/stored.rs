//! Flags of commands that look at stored files.

use std::path::PathBuf;

use clap::Args;

/// Flags of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Files or folders; OUTPUT_DIR, with its ledgers, if none is given
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print JSON, a line a file
    #[arg(long)]
    pub json: bool,
}

/// Flags of `meta`.
#[derive(Debug, Args)]
pub struct MetaArgs {
    /// Parquet files, ours or others'
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print JSON, a line a file
    #[arg(long)]
    pub json: bool,
}

/// Flags of `head`.
#[derive(Debug, Args)]
pub struct HeadArgs {
    /// A Parquet file, ours or another's
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Rows
    #[arg(long, short = 'n', default_value_t = 10, value_name = "N")]
    pub rows: usize,
    /// Print JSON, a line a row
    #[arg(long)]
    pub json: bool,
}
