//! A JVM for each line of Flink, that runs scenarios (`java/flink/scenarios`) one after another.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

pub(super) use pinotage_testkit::flink::Line;
use tempfile::TempDir;

fn shared(line: Line) -> Option<&'static Mutex<Jvm>> {
    static JVMS: [OnceLock<Option<Mutex<Jvm>>>; 2] = [const { OnceLock::new() }; 2];
    JVMS[line as usize].get_or_init(|| Some(Mutex::new(Jvm::start(&line.class_path()?)))).as_ref()
}

/// Runs a scenario; what it says, or why its job failed. None without this line.
pub(super) fn run(line: Line, scenario: &str, options: &[(&str, String)]) -> Option<Result<String, String>> {
    // A test that failed says nothing about the JVM.
    let mut jvm = shared(line)?.lock().unwrap_or_else(PoisonError::into_inner);
    Some(jvm.run(scenario, options))
}

/// Java with a class path and the library.
pub(super) fn java(class_path: &str) -> Command {
    let mut java = Command::new("java");
    for package in ["java.util", "java.lang", "java.time", "java.nio"] {
        java.arg(format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
    }
    java.arg("-Xmx768m").arg(format!("-Dpinotage.library={}", crate::java::library().display()));
    java.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "-cp", class_path]);
    java
}

/// It ends when its standard input does: with this process, however that ends.
struct Jvm {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    log: TempDir,
}

impl Jvm {
    fn start(class_path: &str) -> Self {
        let log = tempfile::Builder::new().prefix("flink-").tempdir().unwrap();
        let mut java = java(class_path);
        java.arg("io.pinotage.flink.scenarios.Main");
        let errors = File::create(log.path().join("log")).unwrap();
        let mut child = java.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut jvm = Self { _child: child, input, output, log };
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

    fn run(&mut self, scenario: &str, options: &[(&str, String)]) -> Result<String, String> {
        let mut line = scenario.to_owned();
        for (name, value) in options {
            assert!(!value.contains([' ', '\n']), "{value}");
            line += &format!(" {name}={value}");
        }
        writeln!(self.input, "{line}").unwrap();
        let answer = self.line();
        match answer.split_once(' ') {
            Some(("ok", result)) => Ok(result.to_owned()),
            _ => Err(answer),
        }
    }
}
