//! A JVM for each line of Flink, that runs scenarios (`java/flink/scenarios`) one after another.

use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

pub(super) use pinotage_testkit::flink::Line;

use crate::jvm::Jvm;

fn shared(line: Line) -> Option<&'static Mutex<Jvm>> {
    static JVMS: [OnceLock<Option<Mutex<Jvm>>>; 2] = [const { OnceLock::new() }; 2];
    JVMS[line as usize].get_or_init(|| Some(Mutex::new(started(&line.class_path()?)))).as_ref()
}

fn started(class_path: &str) -> Jvm {
    let mut java = java(class_path);
    java.arg("io.pinotage.flink.scenarios.Main");
    Jvm::start(java)
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
