//! `doctor`: goes through everything that the service needs, and says of each what is wrong and what to do.
//!
//! Gathers facts, has them judged, prints. Changes nothing, takes no lock, and sends a handful of requests. Exit 1 where a
//! check fails.

use ingest_core::catalog::Selector;
use ingest_core::events::rows_per_page;
use ingest_core::plan::FetchMode;
use ingest_core::space::MinFree;
use ingest_core::time::millis_of;
use ingest_source::{Endpoint, Protocol};
use ingest_store::StateDir;

use self::checks::{CHECKS, Check, Finding, Level};
use self::facts::{EndpointFacts, Facts, KeyFacts, LogFileFacts, MachineFacts, Pace, SettingsFacts};
use super::print;
use crate::cli::DoctorArgs;
use crate::exit::{CommandError, Exit};
use crate::settings::{
    self, FoundKey, KeySource, Layers, LogLevel, LogSettings, Origin, Settings, SettingsError,
};
use crate::surroundings::Surroundings;
use crate::table_text::plain;
use crate::telemetry::LogFile;

mod ask;
mod checks;
mod facts;
mod look;

pub(crate) async fn run(surroundings: &Surroundings, args: &DoctorArgs) -> Result<Exit, CommandError> {
    let facts = gather(surroundings, args.offline).await?;
    let findings: Vec<(&Check, Finding)> = CHECKS.iter().map(|check| (check, (check.look)(&facts))).collect();
    print(&if args.json { json(&facts, &findings) } else { text(&findings) })?;
    let failed = findings.iter().any(|(_, finding)| finding.level == Level::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

async fn gather(surroundings: &Surroundings, offline: bool) -> Result<Facts, CommandError> {
    let layers = &surroundings.layers;
    let resolved = Settings::resolve(layers);
    let key = FoundKey::find(layers);
    let endpoint = value(layers, "RAPID7_API_ENDPOINT").and_then(|text| Endpoint::parse(&text).ok());
    let protocol = resolved.as_ref().map(|settings| settings.protocol).ok();
    let server = match (&key, &endpoint) {
        _ if offline => Err("doctor was told to ask nobody"),
        (Err(_), _) => Err("there is no key to ask with"),
        (Ok(_), None) => Err("there is no endpoint to ask"),
        (Ok(found), Some(endpoint)) => {
            let line = ask::Line {
                transport: surroundings.outside()?.transport,
                clock: std::sync::Arc::clone(&surroundings.clock),
                endpoint: endpoint.clone(),
                protocol: protocol.unwrap_or_else(|| endpoint.protocol()),
                key: found.key.clone(),
            };
            let wanted = Selector::parse_list(&value(layers, "RAPID7_LOGS").unwrap_or_default());
            Ok(line.ask(&wanted).await)
        }
    };
    let output_dir = settings::output_dir(layers).ok();
    let minimum = resolved.as_ref().map_or(MinFree::Nothing, |settings| settings.min_free_disk);
    let (mut logs, mut damaged) = (Vec::new(), Vec::new());
    if let Some(path) = &output_dir {
        // Ledgers that cannot even be listed are told of by what is said of the folder.
        let states = StateDir::of(std::sync::Arc::clone(&surroundings.disk), path);
        (logs, damaged) = states.load().unwrap_or_default();
    }
    logs.sort_by(|a, b| a.name.cmp(&b.name));
    let folder = output_dir.map(|path| look::folder(surroundings, &path, minimum, &logs, &damaged));
    let machine = folder.as_ref().map_or_else(MachineFacts::default, |folder| look::machine(&folder.lock));
    Ok(Facts {
        now: surroundings.clock.now(),
        settings: settings_facts(layers, &resolved),
        key: key_facts(layers, &key),
        endpoint: endpoint.map(|endpoint| EndpointFacts {
            host: endpoint.host().to_owned(),
            kind: endpoint.host_kind(),
            plain_and_remote: endpoint.is_plain_and_remote(),
            protocol: protocol.unwrap_or_else(|| endpoint.protocol()),
        }),
        server,
        folder,
        logs,
        machine,
    })
}

fn value(layers: &Layers, variable: &str) -> Option<String> {
    layers.get(settings::Setting::named(variable)?).map(|(value, _)| value.to_owned())
}

fn settings_facts(layers: &Layers, resolved: &Result<Settings, SettingsError>) -> SettingsFacts {
    let log = LogSettings::resolve(layers);
    let log_file = log.file.map(|path| LogFileFacts {
        path: path.display().to_string(),
        fault: LogFile::check(&path).err().map(|error| error.to_string()),
    });
    SettingsFacts {
        faults: resolved
            .as_ref()
            .err()
            .map_or_else(Vec::new, |SettingsError(faults)| faults.iter().map(ToString::to_string).collect()),
        strangers: layers.strangers().into_iter().map(|(name, _)| name).collect(),
        debug: log.level == LogLevel::Debug,
        pace: resolved.as_ref().ok().map(pace),
        log_file,
    }
}

fn pace(settings: &Settings) -> Pace {
    let rows = match settings.protocol {
        Protocol::LogSearch => rows_per_page(settings.batch_size),
        Protocol::CsvPages => settings.batch_size,
    };
    Pace {
        requests_per_minute: settings.rate_limit,
        rows_per_request: u64::from(rows),
        may_download: settings.protocol == Protocol::LogSearch && settings.fetch_mode != FetchMode::Query,
        settle_ms: millis_of(settings.settle_delay),
    }
}

fn key_facts(layers: &Layers, key: &Result<FoundKey, SettingsError>) -> KeyFacts {
    let mut paths: Vec<_> = settings::key_sources(layers)
        .into_iter()
        .filter_map(|source| match source {
            KeySource::File(path) => Some(path),
            KeySource::Variable(Origin::EnvFile) => layers.env_file.as_ref().map(|file| file.path.clone()),
            KeySource::Variable(_) | KeySource::Credential(_) => None,
        })
        .collect();
    // What a service manager took from it stands in it as well.
    if let Some(file) = layers.env_file.as_ref().filter(|file| file.values.contains_key("RAPID7_API_KEY")) {
        paths.push(file.path.clone());
    }
    paths.sort();
    paths.dedup();
    let files = paths.into_iter().filter_map(|path| Some((path.display().to_string(), look::mode(&path)?)));
    KeyFacts {
        source: key.as_ref().ok().map(|found| found.source.to_string()),
        fault: key.as_ref().err().map(|SettingsError(faults)| {
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }),
        files: files.collect(),
    }
}

fn text(findings: &[(&Check, Finding)]) -> String {
    let width = CHECKS.iter().map(|check| check.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (check, finding) in findings {
        let (level, name, said) = (finding.level.name(), check.name, plain(&finding.said));
        text.push_str(&format!("{level:<4}  {name:<width$}  {said}\n"));
        if let Some(next) = &finding.next {
            text.push_str(&format!("      {:<width$}  -> {}\n", "", plain(next)));
        }
    }
    let count = |level| findings.iter().filter(|(_, finding)| finding.level == level).count();
    let (fails, warns) = (count(Level::Fail), count(Level::Warn));
    text.push_str(&match (fails, warns) {
        (0, 0) => "\nAll is well.\n".to_owned(),
        (0, _) => format!("\nNothing is broken; {warns} to be looked at.\n"),
        _ => format!("\n{fails} broken, {warns} to be looked at.\n"),
    });
    text
}

fn json(facts: &Facts, findings: &[(&Check, Finding)]) -> String {
    let checks: Vec<_> = findings
        .iter()
        .map(|(check, finding)| {
            serde_json::json!({
                "check": check.name,
                "state": finding.level.name().to_ascii_lowercase(),
                "said": finding.said,
                "next": finding.next,
                "runbook_issues": check.issues,
            })
        })
        .collect();
    let ok = findings.iter().all(|(_, finding)| finding.level != Level::Fail);
    let value = serde_json::json!({
        "schema": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "now": facts.now.to_string(),
        "ok": ok,
        "checks": checks,
    });
    format!("{value}\n")
}
