//! A child process that does not outlive its owner.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a start may take on a busy machine before it counts as failed.
pub(super) const START_LIMIT: Duration = Duration::from_secs(240);

/// How much of a log a failure shows.
const LOG_LINES: usize = 60;

/// A running process, killed by its own process id when dropped. It holds the other end of the child's standard input.
pub(super) struct Process(Child);

impl Process {
    /// Starts the command and returns the first line that it prints, or panics with the end of `log`.
    pub(super) fn start(command: &mut Command, log: &Path) -> (Self, String) {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = Self(child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")));
        let mut output = BufReader::new(process.0.stdout.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = output.read_line(&mut line);
            // Nobody listens any more when the deadline has passed.
            let _ = sender.send(line);
        });
        match receiver.recv_timeout(START_LIMIT) {
            Ok(line) if line.ends_with('\n') => (process, line),
            Ok(_) => panic!("the process ended before it was ready; its log ends with\n{}", tail(log)),
            Err(_) => panic!("the process is not ready after {START_LIMIT:?}; its log ends with\n{}", tail(log)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
