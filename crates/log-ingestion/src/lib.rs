//! The program `log-ingestion`: the composition root of the workspace.
//!
//! `app` wires, `settings` reads the environment, `shutdown` hears signals, `pipeline` holds the stages, `commands`
//! the commands. A library only so that tests can reach its parts; `main` alone ends the process.

pub mod app;
pub mod cli;
pub mod exit;
pub mod ingest;
pub mod metrics;
pub mod pipeline;
pub mod progress;
pub mod settings;
pub mod shutdown;
pub mod telemetry;

mod commands;
mod surroundings;
mod table_text;
