//! Flags of commands that turn local text into Parquet.

use std::path::PathBuf;

use clap::Args;

use super::ReadingArgs;

/// Flags of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Files, or - for standard input; plain, gzip or zstd
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// How outputs are written.
    #[command(flatten)]
    pub writing: WritingArgs,
    /// Threads: files at the same time, and columns of a file where there are more threads than files
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// How inputs are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Flags of commands that write Parquet files of local ones.
#[derive(Debug, Clone, Args)]
pub struct WritingArgs {
    /// Folder for the Parquet files
    #[arg(long, short, alias = "out", value_name = "DIR")]
    pub output: PathBuf,
    /// Compression: snappy, gzip, brotli, zstd, lz4 or none
    #[arg(long, default_value = "snappy", value_name = "NAME", value_parser = super::codec)]
    pub compression: ingest_tabular::Codec,
    /// Keep to encodings that old readers know; files grow by a tenth to two fifths
    #[arg(long)]
    pub compat: bool,
}

/// Flags of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Quarantine files, as convert and run write them; plain, gzip or zstd
    #[arg(required = true, value_name = "QUARANTINE.jsonl")]
    pub inputs: Vec<PathBuf>,
    /// How outputs are written.
    #[command(flatten)]
    pub writing: WritingArgs,
    /// How records are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Flags of `infer`.
#[derive(Debug, Args)]
pub struct InferArgs {
    /// Files, or - for standard input; plain, gzip or zstd
    #[arg(required = true, value_name = "FILE")]
    pub inputs: Vec<PathBuf>,
    /// Print JSON, a line a file
    #[arg(long)]
    pub json: bool,
    /// How inputs are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Flags of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Events of each shape
    #[arg(long, default_value_t = 200_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub events: u64,
    /// Seed of the generated events
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Compression: snappy, gzip, brotli, zstd, lz4 or none
    #[arg(long, default_value = "snappy", value_name = "NAME", value_parser = super::codec)]
    pub compression: ingest_tabular::Codec,
    /// Threads that encode the columns of a file
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// Print JSON, a line a shape
    #[arg(long)]
    pub json: bool,
}
