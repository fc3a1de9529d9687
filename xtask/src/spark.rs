//! The examples of Spark.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{java, root, run, target};

/// Runs a script of PySpark with the connector, in one process.
pub(crate) fn example(file: &str, line: &str) -> Result<(), String> {
    let version = match line {
        "3.5" => "3.5.8",
        "4" => "4.2.0",
        other => return Err(format!("there is no line `{other}` of Spark: 3.5 or 4")),
    };
    java::build(false)?;
    java::library()?;
    let library = target().join("debug/libpinotage.so");
    let mut submit = Command::new(installed(version)?.join("bin/spark-submit"));
    submit.args(["--master", "local[*]", "--conf", "spark.ui.enabled=false"]);
    // A jar of `cargo xtask jars` has the library in it.
    submit.arg("--driver-java-options").arg(format!("-Dpinotage.library={}", library.display()));
    submit.arg("--jars").arg(jar()?).arg(file);
    // Spark takes the first Python of the path, and the Spark of an environment that somebody has set.
    run(submit.env_remove("SPARK_HOME").env("PYSPARK_PYTHON", installed(version)?.join("bin/python")))
}

/// An environment with PySpark, which is all of Spark, made once.
fn installed(version: &str) -> Result<PathBuf, String> {
    let folder = target().join(format!("servers/pyspark-{version}"));
    if !folder.join("bin/spark-submit").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", &format!("pyspark=={version}")]))?;
    }
    Ok(folder)
}

/// As Maven has made it.
fn jar() -> Result<PathBuf, String> {
    let folder = root().join("java/spark/connector/target");
    let is_jar = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("pinotage-spark-") && Path::new(name.as_ref()).extension().is_some_and(|end| end == "jar")
    };
    let files = fs::read_dir(&folder).into_iter().flatten().flatten();
    files.map(|file| file.path()).find(is_jar).ok_or_else(|| format!("Maven has made no jar in {}", folder.display()))
}
