//! A server process that does not outlive its owner.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a start may take on a busy machine before it counts as failed.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Starts the arguments, says their process id, waits until its own standard input ends, and kills by that id what it started:
/// so the server ends with the test however that ends.
const WATCH: &str = r#""$@" < /dev/null > log 2>&1 & child=$!; echo "$child"; read -r _; kill -KILL "$child""#;

/// How much of a log a failure shows.
const LOG_LINES: usize = 80;

/// A running server with a folder of its own.
pub(crate) struct Process {
    watch: Child,
    id: u32,
    folder: TempDir,
}

impl Process {
    /// Starts a program in a temporary folder and waits until it listens on the port.
    pub(crate) fn start(program: &str, args: &[&str], port: u16) -> Self {
        let process = Self::spawn(program, args);
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                Instant::now() < deadline,
                "{program} is not ready after {START_LIMIT:?}; its log ends with\n{}",
                process.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
        process
    }

    /// Starts a program in a temporary folder.
    pub(crate) fn spawn(program: &str, args: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("server-").tempdir().unwrap();
        let mut watch = Command::new("sh")
            .args(["-c", WATCH, "sh", program])
            .args(args)
            .current_dir(folder.path())
            // Cargo names its own folders there, and Java would look for libraries in them.
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        let mut id = String::new();
        BufReader::new(watch.stdout.take().unwrap()).read_line(&mut id).unwrap();
        Self { watch, id: id.trim().parse().unwrap(), folder }
    }

    /// The id of the program's process.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// The end of what it has printed.
    pub(crate) fn log(&self) -> String {
        let text = fs::read(self.folder.path().join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        // It may have ended already.
        let _ = self.watch.wait();
    }
}

/// A port of the loopback address that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The program that an environment variable names; without it the test is skipped.
pub(crate) fn program(server: &str, variable: &str) -> Option<String> {
    let program = env::var(variable).ok().filter(|program| !program.is_empty());
    if program.is_none() {
        eprintln!("SKIPPED: no {server}, because {variable} is not set; `cargo xtask test` installs it and sets it");
    }
    program
}
