//! The program as a real process, against a simulator on a real socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use rapid7_sim::{Account, SimConfig};

/// A simulator on loopback, for as long as it is held.
pub(crate) struct SimServer {
    pub(crate) origin: String,
    pub(crate) account: Arc<Mutex<Account>>,
    _runtime: tokio::runtime::Runtime,
}

impl SimServer {
    pub(crate) fn start(config: SimConfig) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime.block_on(rapid7_sim::serve(config, address)).unwrap();
        let (origin, account) = (server.origin(), server.account());
        // The server ends with its runtime.
        std::mem::forget(server);
        Self { origin, account, _runtime: runtime }
    }
}

/// A command of the program with nothing of the test's own environment, in a folder without `.env`.
pub(crate) fn program(words: &[&str], environment: &[(&str, &str)], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_log-ingestion"));
    command.args(words).env_clear().envs(environment.iter().copied()).current_dir(folder);
    command.stdin(Stdio::null());
    command
}

/// `run` against a simulator into a folder.
pub(crate) fn run(server: &SimServer, output: &Path, words: &[&str]) -> Command {
    let output_dir = output.to_str().unwrap().to_owned();
    let environment = [
        ("RAPID7_API_KEY", "sim-key"),
        ("RAPID7_API_ENDPOINT", server.origin.as_str()),
        ("OUTPUT_DIR", output_dir.as_str()),
        ("RATE_LIMIT", "1000"),
        ("KEEP_RAW", "always"),
        // How full the machine is must not decide what a test says.
        ("MIN_FREE_DISK", "0"),
    ];
    let words: Vec<&str> = std::iter::once("run").chain(words.iter().copied()).collect();
    program(&words, &environment, output.parent().unwrap())
}

/// Exit code and everything that was written.
pub(crate) fn outcome(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code().unwrap_or(-1), text)
}
