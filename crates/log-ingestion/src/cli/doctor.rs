//! Flags of `doctor`.

use clap::Args;

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Do not ask the server: look at this machine only
    #[arg(long)]
    pub offline: bool,
}
