//! Flags of `health`.

use clap::Args;

/// Flags of `health`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Ask this service instead of the one at METRICS_ADDR
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Where nobody serves: how long ago the last pass may be that left nothing open
    #[arg(long, default_value = "2h", value_name = "TIME", value_parser = super::duration)]
    pub max_age: std::time::Duration,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
