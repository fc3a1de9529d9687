//! A server process that does not outlive its owner.

use std::env;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a start may take on a busy machine before it counts as failed.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Starts the arguments, waits until its own standard input ends, and kills by process id what it started: so the server
/// ends with the test however that ends.
const WATCH: &str = r#""$@" < /dev/null & child=$!; read -r _; kill -KILL "$child""#;

/// A running server with a folder of its own.
pub(super) struct Process {
    watch: Child,
    folder: TempDir,
}

impl Process {
    /// Starts a program in a temporary folder and waits until it listens on the port.
    pub(super) fn start(program: &str, args: &[&str], port: u16) -> Self {
        let folder = tempfile::Builder::new().prefix("server-").tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let watch = Command::new("sh")
            .args(["-c", WATCH, "sh", program])
            .args(args)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        let process = Self { watch, folder };
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                Instant::now() < deadline,
                "{program} is not ready after {START_LIMIT:?}; its log:\n{}",
                process.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
        process
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
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
pub(super) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The program that an environment variable names; without it the test is skipped.
pub(super) fn program(server: &str, variable: &str) -> Option<String> {
    let program = env::var(variable).ok().filter(|program| !program.is_empty());
    if program.is_none() {
        eprintln!("SKIPPED: no {server}, because {variable} is not set; `cargo xtask test` installs it and sets it");
    }
    program
}
