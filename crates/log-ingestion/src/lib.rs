//! The program `log-ingestion`: the composition root of the workspace.
//!
//! `app` wires, `settings` reads the environment, `shutdown` hears signals, `pipeline` holds the stages, `commands`
//! the commands. A library only so that tests can reach its parts; `main` alone ends the process.

pub mod admin;
pub mod app;
pub mod cli;
pub mod exit;
pub mod ingest;
pub mod metrics;
pub mod notify;
pub mod otlp;
pub mod pipeline;
pub mod progress;
pub mod pulse;
pub mod settings;
pub mod shutdown;
pub mod telemetry;
pub mod upkeep;

mod ask;
mod commands;
mod last_pass;
mod memory;
mod reload;
mod surroundings;
mod table_text;
