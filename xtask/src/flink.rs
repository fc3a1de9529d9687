//! The examples of Flink.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{java, run, target};

/// Runs a script of SQL, or a class with a `main`, on a line of Flink.
pub(crate) fn example(file: &str, line: &str) -> Result<(), String> {
    let variable = match line {
        "1.20" => "PINOTAGE_FLINK_1_20_CLASSPATH",
        "2" => "PINOTAGE_FLINK_2_CLASSPATH",
        other => return Err(format!("there is no line `{other}` of Flink: 1.20 or 2")),
    };
    let file = PathBuf::from(file);
    let name = file.file_stem().and_then(|name| name.to_str()).ok_or("the example has no name")?;
    let class_paths = java::build(false)?;
    let path = class_paths.iter().find(|(other, _)| *other == variable).map(|(_, path)| path.as_str());
    let path = path.ok_or("Flink was not built")?;
    java::library()?;
    run(program(path).arg("io.pinotage.flink.scenarios.Example").arg(&file))?;
    if file.extension().is_none_or(|extension| extension != "java") {
        return Ok(());
    }
    let classes = target().join("examples/flink");
    fs::create_dir_all(&classes).map_err(|error| format!("cannot create {}: {error}", classes.display()))?;
    run(Command::new("javac").args(["-cp", path, "-d"]).arg(&classes).arg(&file))?;
    run(program(&format!("{}:{path}", classes.display())).arg(name))
}

/// Java with a class path and the library.
fn program(class_path: &str) -> Command {
    let mut java = Command::new("java");
    for package in ["java.util", "java.lang", "java.time"] {
        java.arg(format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
    }
    java.arg(format!("-Dpinotage.library={}", target().join("debug/libpinotage.so").display()));
    java.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", class_path]);
    java
}
