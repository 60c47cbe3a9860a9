//! `logs`: what the key can see.

use ingest_source::Protocol;

use super::print;
use crate::cli::JsonArgs;
use crate::exit::{CommandError, Exit};
use crate::ingest::{client, source_failed, wanted_logs};
use crate::settings::Settings;
use crate::surroundings::Surroundings;
use crate::table_text::{Align, table};

pub(crate) async fn run(surroundings: &Surroundings, args: &JsonArgs) -> Result<Exit, CommandError> {
    let settings = Settings::resolve(&surroundings.layers)?;
    let client = client(&settings, &surroundings.outside()?);
    if client.protocol() == Protocol::CsvPages {
        // There is no list to prove that the key is taken.
        client.probe_pages().await.map_err(|error| source_failed(&error))?;
    }
    let logs = wanted_logs(&client, &settings.logs).await?;
    if args.json {
        let list: Vec<_> = logs
            .iter()
            .map(|log| serde_json::json!({"name": log.name, "id": log.id, "sets": log.sets, "retention": log.retention}))
            .collect();
        print(&format!("{}\n", serde_json::Value::from(list)))?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = logs
        .iter()
        .map(|log| {
            let retention = log.retention.clone().unwrap_or_else(|| "-".to_owned());
            vec![log.name.clone(), log.id.to_string(), log.sets.join(", "), retention]
        })
        .collect();
    let columns =
        [("log", Align::Left), ("id", Align::Left), ("log sets", Align::Left), ("retention", Align::Left)];
    print(&table(&columns, &rows))?;
    Ok(Exit::Done)
}
