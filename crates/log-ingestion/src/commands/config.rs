//! `config`: the settings in force and where each comes from; `config check` verifies them.

use std::sync::Arc;

use ingest_store::DirTable;

use super::print;
use crate::cli::{ConfigAction, ConfigArgs};
use crate::exit::{CommandError, Exit};
use crate::settings::{Origin, SETTINGS, Settings};
use crate::surroundings::Surroundings;
use crate::table_text::{Align, table};

pub(crate) fn run(surroundings: &Surroundings, args: &ConfigArgs) -> Result<Exit, CommandError> {
    if args.action == Some(ConfigAction::Check) {
        let settings = Settings::resolve(&surroundings.layers)?;
        DirTable::check_writable(Arc::clone(&surroundings.disk), &settings.output_dir)
            .map_err(|error| CommandError::failed(Exit::Settings, &error))?;
        print("Settings can be used, and OUTPUT_DIR can be written.\n")?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = SETTINGS
        .iter()
        .map(|setting| {
            let (value, origin) = match surroundings.layers.get(setting) {
                Some((_, Origin::Default)) | None if setting.secret => ("(not set)".to_owned(), "-"),
                Some((_, origin)) if setting.secret => ("(set, not shown)".to_owned(), origin.name()),
                Some((value, origin)) => (value.to_owned(), origin.name()),
                None => ("(not set)".to_owned(), "-"),
            };
            vec![setting.variable.to_owned(), value, origin.to_owned(), setting.allowed.to_owned()]
        })
        .collect();
    let columns =
        [("setting", Align::Left), ("value", Align::Left), ("from", Align::Left), ("allowed", Align::Left)];
    print(&table(&columns, &rows))?;
    // Shown first, so that a person sees the values that are refused.
    Settings::resolve(&surroundings.layers)?;
    Ok(Exit::Done)
}
