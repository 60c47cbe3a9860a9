//! The simulator as a program: flags to a configuration, then serve until told to stop.
//!
//! Never decides an answer.

mod flags;

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::Parser as _;
use rapid7_sim::{SimConfig, serve};

use flags::{Cli, Command};

fn main() -> ExitCode {
    let outcome = flags::spliced(std::env::args()).and_then(|arguments| {
        let Command::Serve(flags) = Cli::parse_from(arguments).command;
        let port = flags.port;
        let config = flags.config()?;
        run(config, port).map_err(|cause| cause.to_string())
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // standard error is the last place to say it
            writeln!(io::stderr(), "rapid7-sim: {message}").map_or(ExitCode::FAILURE, |()| ExitCode::from(2))
        }
    }
}

fn run(config: SimConfig, port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let server = serve(config, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)).await?;
        let mut out = io::stdout();
        writeln!(out, "listening on {}", server.origin())?;
        out.flush()?;
        stopped().await?;
        server.shutdown().await;
        Ok(())
    })
}

/// Waits for SIGTERM or SIGINT.
async fn stopped() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
