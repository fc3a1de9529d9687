//! A JVM that runs scenarios, one after another: programs by name, a line each.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

/// It ends when its standard input does: with this process, however that ends.
pub(crate) struct Jvm {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    log: TempDir,
}

impl Jvm {
    /// Starts it and waits until it says `ready`.
    pub(crate) fn start(mut java: Command) -> Self {
        let log = tempfile::Builder::new().prefix("scenarios-").tempdir().unwrap();
        let errors = File::create(log.path().join("log")).unwrap();
        let mut child = java.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut jvm = Self { child, input, output, log };
        assert_eq!(jvm.line(), "ready");
        jvm
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        if line.is_empty() {
            let log = std::fs::read_to_string(self.log.path().join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            panic!("the JVM has ended; its log ends with\n{}", lines[lines.len().saturating_sub(80)..].join("\n"));
        }
        line.trim_end().to_owned()
    }

    /// Runs a scenario; what it says, or why it failed.
    pub(crate) fn run(&mut self, scenario: &str, options: &[(&str, String)]) -> Result<String, String> {
        self.begin(scenario, options);
        self.answer()
    }

    /// Lets it run, for somebody who does something meanwhile.
    pub(crate) fn begin(&mut self, scenario: &str, options: &[(&str, String)]) {
        let mut line = scenario.to_owned();
        for (name, value) in options {
            assert!(!value.contains([' ', '\n']), "{value}");
            line += &format!(" {name}={value}");
        }
        writeln!(self.input, "{line}").unwrap();
    }

    /// Waits for what was begun.
    pub(crate) fn answer(&mut self) -> Result<String, String> {
        let answer = self.line();
        match answer.split_once(' ').unwrap_or((&answer, "")) {
            ("ok", result) => Ok(result.to_owned()),
            _ => Err(answer),
        }
    }

    /// Kills it as it stands.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
