//! `config`: the settings in force and where each comes from; `config check` verifies them.

use std::sync::Arc;

use ingest_store::DirTable;

use super::print;
use crate::cli::{ConfigAction, ConfigArgs};
use crate::exit::{CommandError, Exit};
use crate::settings::{FoundKey, Layers, SETTINGS, Setting, Settings, shown};
use crate::surroundings::Surroundings;
use crate::table_text::{Align, table};
use crate::telemetry::LogFile;

/// What stands in the place of a secret.
const MASK: &str = "(set, not shown)";

pub(crate) fn run(surroundings: &Surroundings, args: &ConfigArgs) -> Result<Exit, CommandError> {
    if args.action == Some(ConfigAction::Check) {
        let settings = Settings::resolve(&surroundings.layers)?;
        DirTable::check_writable(Arc::clone(&surroundings.disk), &settings.output_dir)
            .map_err(|error| CommandError::failed(Exit::Settings, &error))?;
        if let Some(path) = &settings.log.file {
            LogFile::check(path).map_err(|error| {
                let text =
                    format!("LOG_FILE {} cannot be written: {error}; give it to this user", path.display());
                CommandError::Failed(Exit::Settings, text)
            })?;
        }
        print("Settings can be used, and OUTPUT_DIR can be written.\n")?;
        return Ok(Exit::Done);
    }
    let layers = &surroundings.layers;
    let rows: Vec<Vec<String>> = SETTINGS
        .iter()
        .map(|setting| {
            let (value, origin) =
                if setting.secret { secret(layers, setting) } else { open(layers, setting) };
            vec![setting.variable.to_owned(), value, origin, setting.allowed.to_owned()]
        })
        .collect();
    let columns =
        [("setting", Align::Left), ("value", Align::Left), ("from", Align::Left), ("allowed", Align::Left)];
    print(&table(&columns, &rows))?;
    // Shown first, so that a person sees the values that are refused.
    Settings::resolve(layers)?;
    Ok(Exit::Done)
}

/// A value, and where it is from.
fn open(layers: &Layers, setting: &Setting) -> (String, String) {
    match layers.get(setting) {
        Some((value, origin)) => (shown(value), origin.name().to_owned()),
        None => ("(not set)".to_owned(), "-".to_owned()),
    }
}

/// Where a secret is from, which for the key may be a file or a credential.
fn secret(layers: &Layers, setting: &Setting) -> (String, String) {
    match (FoundKey::find(layers), layers.get(setting)) {
        (Ok(found), _) if setting.variable == "RAPID7_API_KEY" => (MASK.to_owned(), found.source.to_string()),
        (_, Some((value, origin))) if !value.is_empty() => (MASK.to_owned(), origin.name().to_owned()),
        _ => ("(not set)".to_owned(), "-".to_owned()),
    }
}
