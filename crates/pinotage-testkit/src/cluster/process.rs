//! A child process that does not outlive its owner.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long a start may take on a busy machine before it counts as failed.
const LIMIT: Duration = Duration::from_secs(240);

/// How much of a log a failure shows.
const LOG_LINES: usize = 60;

/// A running process, killed by its own process id when dropped. It holds the other end of the child's standard input.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
    // One question at a time.
    lines: Mutex<(ChildStdin, Receiver<String>)>,
}

impl Process {
    /// Starts the command and returns the first line that it prints, or panics with the end of `log`.
    pub(super) fn start(command: &mut Command, log: &Path) -> (Self, String) {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Nobody listens any more when a deadline has passed.
                let _ = sender.send(line);
            }
        });
        let process = Self { child, log: log.to_owned(), lines: Mutex::new((input, receiver)) };
        let line = process.next_line(&process.lines.lock().unwrap().1);
        (process, line)
    }

    /// Writes a line and returns the one that answers it.
    pub(super) fn ask(&self, line: &str) -> String {
        let mut lines = self.lines.lock().unwrap();
        writeln!(lines.0, "{line}").unwrap();
        self.next_line(&lines.1)
    }

    /// Sends a signal, such as `STOP`.
    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the process takes no signal");
    }

    fn next_line(&self, lines: &Receiver<String>) -> String {
        lines.recv_timeout(LIMIT).unwrap_or_else(|error| {
            let what = match error {
                RecvTimeoutError::Timeout => format!("the process says nothing for {LIMIT:?}"),
                RecvTimeoutError::Disconnected => "the process has ended".to_owned(),
            };
            panic!("{what}; its log ends with\n{}", tail(&self.log))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
