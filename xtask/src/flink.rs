//! The jars for Flink, and its examples.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::{java, root, run};

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
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    run(Command::new(cargo).args(["build", "--quiet", "--package", "pinotage-jni"]))?;
    run(program(path).arg("io.pinotage.flink.scenarios.Example").arg(&file))?;
    if file.extension().is_none_or(|extension| extension != "java") {
        return Ok(());
    }
    let classes = target().join("examples/flink");
    fs::create_dir_all(&classes).map_err(|error| format!("cannot create {}: {error}", classes.display()))?;
    run(Command::new("javac").args(["-cp", path, "-d"]).arg(&classes).arg(&file))?;
    run(program(&format!("{}:{path}", classes.display())).arg(name))
}

/// The lines of Flink that have a jar.
const LINES: [&str; 2] = ["1.20", "2"];

/// Where the library is in a jar.
const IN_JAR: &str = "io/pinotage/native/linux-x86_64/libpinotage.so";

/// Builds the jars that users put beside their jobs: the library of a release is in them.
pub(crate) fn jars() -> Result<(), String> {
    java::build(false)?;
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let build = [
        "rustc",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "pinotage-jni",
        "--lib",
        "--",
        "-C",
        "strip=symbols",
    ];
    run(Command::new(cargo).args(build))?;
    let folder = target().join("jars");
    let library = folder.join(IN_JAR);
    let failed = |path: &Path, error| format!("cannot write {}: {error}", path.display());
    fs::create_dir_all(library.parent().unwrap_or(&folder)).map_err(|error| failed(&library, error))?;
    fs::copy(target().join("release/libpinotage.so"), &library).map_err(|error| failed(&library, error))?;
    for line in LINES {
        let from = built_jar(line)?;
        let to = folder.join(from.file_name().unwrap_or_default());
        fs::copy(&from, &to).map_err(|error| failed(&to, error))?;
        run(Command::new("jar").arg("-uf").arg(&to).arg("-C").arg(&folder).arg(IN_JAR))?;
        let size = fs::metadata(&to).map_err(|error| failed(&to, error))?.len();
        println!("{} ({:.1} MiB)", to.display(), size as f64 / f64::from(1 << 20));
    }
    Ok(())
}

/// The jar of a line as Maven has made it, whatever its version.
fn built_jar(line: &str) -> Result<PathBuf, String> {
    let folder = root().join("java/flink").join(line).join("target");
    let is_jar = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("pinotage-flink-{line}-")) && name.ends_with(".jar")
    };
    let files = fs::read_dir(&folder).into_iter().flatten().flatten();
    files.map(|file| file.path()).find(is_jar).ok_or_else(|| format!("Maven has made no jar in {}", folder.display()))
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

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| Path::new(&folder).to_path_buf())
}
