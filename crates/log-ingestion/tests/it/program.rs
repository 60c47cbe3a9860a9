//! The program as a real process, against a simulator on a real socket.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use ingest_source::clock::Clock as _;
use log_ingestion::app::SystemClock;
use rapid7_sim::{Account, SimConfig};

/// Ports of simulators that come back: below those that the kernel gives away, so that nobody takes one meanwhile.
const LASTING_PORTS: std::ops::Range<u16> = 21_000..31_000;

/// A simulator on loopback, for as long as it is held.
pub(crate) struct SimServer {
    pub(crate) origin: String,
    pub(crate) account: Arc<Mutex<Account>>,
    server: Option<rapid7_sim::Server>,
    runtime: tokio::runtime::Runtime,
}

impl SimServer {
    pub(crate) fn start(config: SimConfig) -> Self {
        Self::try_start(config, 0).unwrap()
    }

    /// A simulator that may stop and start again at the same place.
    pub(crate) fn start_to_return(config: &SimConfig) -> Self {
        let offset = u16::try_from(std::process::id() % 9_000).unwrap();
        let mut ports = LASTING_PORTS.skip(usize::from(offset));
        ports.find_map(|port| Self::try_start(config.clone(), port).ok()).unwrap()
    }

    fn try_start(config: SimConfig, port: u16) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let server = runtime.block_on(rapid7_sim::serve(config, address))?;
        let (origin, account) = (server.origin(), server.account());
        Ok(Self { origin, account, server: Some(server), runtime })
    }

    /// Goes away: connections are dropped, and nobody listens any more.
    pub(crate) fn stop(&mut self) {
        self.runtime.block_on(self.server.take().unwrap().shutdown());
    }

    /// Comes back at the same place, as a new process would: nothing of its queries is known. Give the configuration
    /// a fixed span, or the logs are others.
    pub(crate) fn start_again(&mut self, config: SimConfig) {
        let address = self.origin.strip_prefix("http://").unwrap().parse().unwrap();
        let server = self.runtime.block_on(rapid7_sim::serve(config, address)).unwrap();
        self.account = server.account();
        self.server = Some(server);
    }
}

/// Tells whoever reads a test's output what it measured, or could not try.
#[expect(clippy::print_stderr, reason = "the output of a test is read by people")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// The time, in epoch milliseconds.
pub(crate) fn now_ms() -> i64 {
    SystemClock.now().millis()
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

/// Runs until nothing is left open, as often as the server's passing faults ask for; gives what the last run said.
#[track_caller]
pub(crate) fn complete(server: &SimServer, output: &Path, words: &[&str]) -> String {
    let mut last = String::new();
    for _ in 0..10 {
        let (code, text) = outcome(&mut run(server, output, words));
        if code == 0 {
            return text;
        }
        last = text;
    }
    panic!("ten runs leave windows open: {last}");
}

/// The same command as an argument list behind others, such as those of a shell; its surroundings stay the same.
pub(crate) fn behind(words: &[&str], command: &Command) -> Command {
    let (first, rest) = words.split_first().unwrap();
    let mut wrapped = Command::new(first);
    wrapped.args(rest).arg(command.get_program()).args(command.get_args()).env_clear();
    wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped.stdin(Stdio::null());
    wrapped
}

/// Lines after which a process that should end by itself is taken for one that does not.
const LINES_MAX: usize = 10_000;

/// A process at work whose lines are read as they come; killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, said: String::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line that holds a text; gives the line.
    #[track_caller]
    pub(crate) fn until(&mut self, part: &str) -> String {
        for line in self.lines.by_ref().take(LINES_MAX) {
            let line = line.unwrap();
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(part) {
                return line;
            }
        }
        panic!("it did not say {part:?}: {}", self.said);
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        // Fails where the process has ended by itself; its status says how.
        drop(Command::new("kill").args([&format!("-{name}"), &pid]).stderr(Stdio::null()).status());
    }

    /// Waits for its end; gives how it ended, and everything that it said.
    #[track_caller]
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut said = std::mem::take(&mut self.said);
        let mut lines = 0;
        for line in self.lines.by_ref() {
            said.push_str(&line.unwrap());
            said.push('\n');
            lines += 1;
            assert!(lines < LINES_MAX, "it does not end: {said}");
        }
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where it has ended, as it should.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port of this machine that nobody listens on, unless somebody is given it meanwhile.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// One request as it stands, and what comes back: the status, and everything behind the head.
pub(crate) fn ask(addr: &str, method: &str, path: &str, header: &str) -> std::io::Result<(u16, String)> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30)))?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {addr}\r\n{header}\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (head, body) = reply.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::InvalidData)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, body.to_owned()))
}

/// Asks until the answer has this status; gives it.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "waits for another process")]
pub(crate) fn ask_until(addr: &str, path: &str, status: u16) -> String {
    let mut last = String::new();
    for _ in 0..3_000 {
        match ask(addr, "GET", path, "") {
            Ok((have, body)) if have == status => return body,
            other => last = format!("{other:?}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{path} is never answered with {status}: {last}");
}

/// A figure of a process in KiB, as the kernel says it: `VmRSS` now, `VmHWM` at its peak.
pub(crate) fn memory_kib(pid: u32, figure: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Processor time that a process has used, in ticks of the kernel's clock, all its threads together.
pub(crate) fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may hold anything; user and system time are the 12th and 13th figure behind it.
    let figures: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    figures[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}
