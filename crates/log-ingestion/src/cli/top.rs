//! Flags of `top`.

use clap::Args;

/// Flags of `top`.
#[derive(Debug, Args)]
pub struct TopArgs {
    /// The service's address, unless METRICS_ADDR says it
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Time between two looks
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = super::duration)]
    pub interval: std::time::Duration,
    /// Print one picture as text, and end
    #[arg(long)]
    pub once: bool,
}
