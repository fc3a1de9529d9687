//! Builds the Java judge.

use std::fs;

use crate::{root, sh};

/// Builds `java/conformance` and returns the class path to run it with.
pub(crate) fn build() -> Result<String, String> {
    sh("mvn", &["-B", "-q", "-f", "java/pom.xml", "-pl", "conformance", "-am", "package"], &[])?;
    let target = root().join("java/conformance/target");
    let list = target.join("classpath.txt");
    let jars = fs::read_to_string(&list).map_err(|error| format!("cannot read {}: {error}", list.display()))?;
    Ok(format!("{}:{}", target.join("classes").display(), jars.trim()))
}
