//! Starts the program and ends it with its exit code; does nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    log_ingestion::app::main(std::env::args_os()).into()
}
