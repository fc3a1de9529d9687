//! The jar of `cargo xtask dist` runs the example of reading, on the oldest and the newest line.

use std::path::{Path, PathBuf};
use std::process::Command;

use pinotage_testkit::{dist, done, spark::opened};
use serde_json::json;

use super::lines::Line;
use crate::installed;
use crate::tables::{Fixture, Place};

#[test]
fn a_jar_of_the_maven_repository_reads_a_table() {
    let Some(dist) = dist() else { return };
    let Some(fixture) = Fixture::new(Place::Modern, "spark_installed", 2, 50, false, json!({})) else { return };
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    let jar = installed::jar(&dist, "pinotage-spark", path);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/spark/ReadTable.java");
    for line in [Line::V3_5, Line::V4] {
        let Some(spark) = line.class_path() else { return };
        // All of Spark, and nothing of ours but that jar.
        let is_ours =
            |entry: &PathBuf| entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pinotage-"));
        let others = std::env::split_paths(&spark).filter(|entry| !is_ours(entry));
        let class_path = std::env::join_paths([path.to_path_buf(), jar.clone()].into_iter().chain(others)).unwrap();
        done(Command::new("javac").arg("-cp").arg(&class_path).arg("-d").arg(path).arg(&example));
        let mut java = Command::new("java");
        // Cargo names its own folders there, and a library in them comes before that of the jar.
        java.env_remove("LD_LIBRARY_PATH").args(opened()).args(["-Xmx768m", "-Dspark.master=local[2]"]);
        java.arg("-Dspark.ui.enabled=false").arg("-cp").arg(class_path);
        let said = done(java.args(["ReadTable", &fixture.cluster.controller, &fixture.name, "day"]));
        assert!(said.contains("100 rows") && said.contains("|19000|50 ") && said.contains("|19001|50 "), "{said}");
    }
}
