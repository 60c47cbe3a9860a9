//! `repair`: everything that is stored is counted again now, and what differs, is missing or is open is fetched.

use tokio_util::sync::CancellationToken;

use super::audit::selectors;
use super::print;
use super::run::{listen, until_stopped};
use super::summary::summary;
use crate::cli::RepairArgs;
use crate::exit::{CommandError, Exit};
use crate::ingest::{Coverage, Ingest, Scope};
use crate::settings::Settings;
use crate::surroundings::Surroundings;

pub(crate) async fn run(surroundings: &Surroundings, args: &RepairArgs) -> Result<Exit, CommandError> {
    let shutdown = listen()?;
    let mut settings = Settings::resolve(&surroundings.layers)?;
    let wanted = selectors(&args.scope);
    if !wanted.is_empty() {
        settings.logs = wanted;
    }
    let grace = settings.shutdown_grace;
    let ingest = Ingest::open(settings, &surroundings.outside()?)?;
    let scope = Scope { from: args.scope.from, to: args.scope.to };
    let stop = CancellationToken::new();
    let work = async {
        let report = ingest.pass(Coverage::Repair { scope, deep: args.deep }, &stop).await?;
        print(&summary(&report))?;
        let reopened: u64 = report.logs.iter().map(|log| log.reopened).sum();
        let plural = if reopened == 1 { "" } else { "s" };
        print(&format!("{reopened} window{plural} differed from the server or the files.\n"))?;
        Ok(report.exit())
    };
    let outcome = until_stopped(work, &stop, grace, shutdown).await;
    surroundings.progress.clear();
    outcome
}
