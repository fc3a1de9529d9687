//! Builds the Java side that tests need.

use std::process::Command;
use std::{fs, io};

use crate::{root, run};

/// The modules, each with the environment variable through which tests find its class path.
const MODULES: [(&str, &str); 2] =
    [("PINOTAGE_CONFORMANCE_CLASSPATH", "conformance"), ("PINOTAGE_CLUSTER_CLASSPATH", "cluster")];

/// Builds the modules and returns the variables with the class paths to run them with.
pub(crate) fn build() -> Result<Vec<(&'static str, String)>, String> {
    let list = MODULES.map(|(_, module)| module).join(",");
    let mut maven = Command::new("mvn");
    maven.args(["-B", "-q", "-f", "java/pom.xml", "-pl", &list, "-am", "package"]);
    // Maven writes escape codes even when it is quiet; our own output is for machines.
    run(maven.stdout(io::stderr()))?;
    MODULES.into_iter().map(|(variable, module)| Ok((variable, class_path(module)?))).collect()
}

fn class_path(module: &str) -> Result<String, String> {
    let target = root().join("java").join(module).join("target");
    let list = target.join("classpath.txt");
    let jars = fs::read_to_string(&list).map_err(|error| format!("cannot read {}: {error}", list.display()))?;
    Ok(format!("{}:{}", target.join("classes").display(), jars.trim()))
}
