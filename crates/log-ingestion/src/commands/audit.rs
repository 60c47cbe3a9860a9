//! `audit`: what is complete, proven by the files and by the server's own counts.
//!
//! Changes nothing and takes no lock, so that it works beside a running service. Exit 1 where anything is not complete.

use std::path::Path;

use ingest_core::audit::{Findings, State, calendar};
use ingest_core::catalog::{self, LogInfo, Selector};
use ingest_core::ledger::LogState;
use ingest_core::time::Timestamp;
use ingest_store::layout::Layout;
use ingest_store::{DirTable, OutputFile, StateDir};
use sha2::{Digest as _, Sha256};

use self::report::{LogAudit, Report};
use super::print;
use crate::cli::{AuditArgs, ScopeArgs};
use crate::exit::{CommandError, Exit};
use crate::ingest::{Examined, Ingest, Scope};
use crate::pipeline::{Missing, Rechecked, compare};
use crate::settings::{self, Settings};
use crate::surroundings::Surroundings;

mod explain;
mod report;

pub(crate) async fn run(surroundings: &Surroundings, args: &AuditArgs) -> Result<Exit, CommandError> {
    let output_dir = settings::output_dir(&surroundings.layers)?;
    let states = states(surroundings, &output_dir, &args.scope)?;
    if let Some(instant) = args.explain {
        return explain::run(surroundings, &output_dir, &states, instant);
    }
    let scope = Scope { from: args.scope.from, to: args.scope.to };
    let examined = if args.offline {
        by_files(surroundings, &output_dir, states, scope, args.deep)?
    } else {
        let settings = Settings::resolve(&surroundings.layers)?;
        let ingest = Ingest::beside(settings, &surroundings.outside()?);
        ingest.examine(states, scope, args.deep).await?
    };
    let report = Report {
        tool: concat!("log-ingestion ", env!("CARGO_PKG_VERSION")),
        made_at: surroundings.clock.now().to_string(),
        output_dir: output_dir.display().to_string(),
        server_asked: !args.offline,
        files_read: args.deep,
        logs: examined.iter().map(log_audit).collect(),
    };
    if let Some(path) = &args.report {
        write(path, &report)?;
    }
    print(&if args.json { report.json() } else { report.text() })?;
    Ok(match report.worst() {
        Some(State::Complete | State::Removed) => Exit::Done,
        Some(State::NotCompared) => Exit::TryLater,
        Some(State::BeyondRetention | State::Open | State::Short | State::Missing) => Exit::Failed,
        // Nothing was looked at, so nothing is proven.
        None => Exit::Failed,
    })
}

/// The remembered logs that `--log` names.
pub(super) fn states(
    surroundings: &Surroundings,
    output_dir: &Path,
    scope: &ScopeArgs,
) -> Result<Vec<LogState>, CommandError> {
    let folder = StateDir::of(std::sync::Arc::clone(&surroundings.disk), output_dir);
    let (mut states, damaged) = folder.load().map_err(|error| CommandError::failed(Exit::Failed, &error))?;
    for path in damaged {
        tracing::error!(event = "ledger_damaged", path = %path.display(), action = "log-ingestion ledger rebuild makes it anew");
    }
    let known = states.iter().map(|state| LogInfo {
        name: state.name.clone(),
        id: state.id.clone(),
        sets: Vec::new(),
        retention: None,
    });
    let wanted = catalog::select(known.collect(), &selectors(scope))
        .map_err(|error| CommandError::Failed(Exit::Usage, format!("--log: {error}")))?;
    states.retain(|state| wanted.iter().any(|log| log.id == state.id));
    states.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(states)
}

/// What `--log` selects; everything where it is not given.
pub(super) fn selectors(scope: &ScopeArgs) -> Vec<Selector> {
    scope.log.iter().flat_map(|text| Selector::parse_list(text)).collect()
}

fn by_files(
    surroundings: &Surroundings,
    output_dir: &Path,
    states: Vec<LogState>,
    scope: Scope,
    deep: bool,
) -> Result<Vec<Examined>, CommandError> {
    let table = DirTable::beside(std::sync::Arc::clone(&surroundings.disk), output_dir, Layout::Hive);
    let mut examined = Vec::new();
    for state in states {
        let Some(range) = state.ledger.extent().and_then(|extent| scope.of(extent)) else { continue };
        let (missing, _runs) = compare(&table, &state, range, deep)
            .map_err(|error| CommandError::failed(Exit::Failed, &error))?;
        examined.push(Examined { state, range, found: Rechecked { missing, ..Rechecked::default() } });
    }
    Ok(examined)
}

fn log_audit(examined: &Examined) -> LogAudit {
    let Examined { state, range, found } = examined;
    let lost = |missing: &Missing| {
        let Missing { window, stored, there } = *missing;
        (window, format!("{there} of {stored} rows are in files that can be read"))
    };
    let beyond =
        found.beyond.iter().map(|window| (*window, "the source no longer has it to compare".to_owned()));
    let findings = Findings {
        differing: found.differing.clone(),
        missing: found.missing.iter().map(lost).collect(),
        uncounted: found.uncounted.iter().cloned().chain(beyond).collect(),
    };
    LogAudit {
        log: state.name.clone(),
        id: state.id.clone(),
        from: range.start().to_string(),
        to: range.end().to_string(),
        days: calendar(&state.ledger, *range, &findings),
    }
}

/// Writes the report, and beside it its SHA-256 as `sha256sum -c` reads it.
fn write(path: &Path, report: &Report) -> Result<(), CommandError> {
    let text = report.json();
    let hash = Sha256::digest(text.as_bytes());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let failed = |error: &dyn std::error::Error| CommandError::failed(Exit::Failed, error);
    for (name, text) in [(name.clone(), text), (format!("{name}.sha256"), format!("{hash}  {name}\n"))] {
        let (output, mut file) = OutputFile::create(folder, &name).map_err(|e| failed(&e))?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(|e| failed(&e))?;
        output.sync(&*file).and_then(|()| output.publish()).map_err(|e| failed(&e))?;
    }
    Ok(())
}

/// When something was, for people: to the second.
fn to_the_second(instant: Timestamp) -> String {
    let text = instant.to_string();
    text.split('.').next().map_or_else(|| text.clone(), |start| format!("{start}Z"))
}
