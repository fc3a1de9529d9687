//! The jar of `cargo xtask dist` runs the example.

use std::fs;
use std::path::Path;
use std::process::Command;

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::{dist, done};

use super::Line;
use crate::installed;

#[test]
fn a_jar_of_the_maven_repository_runs_the_example() {
    let (Some(dist), Some(flink)) = (dist(), Line::V2.class_path()) else { return };
    let Some(cluster) = Cluster::shared() else { return };
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    let jar = installed::jar(&dist, "pinotage-flink-2", path);

    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flink");
    let read = |name: &str| fs::read_to_string(examples.join(name)).unwrap().replace("orders", "installed_orders");
    let json = |name: &str| serde_json::from_str(&read(name)).unwrap();
    cluster.create_table(&json("schema.json"), &json("table.json"));
    let staging = path.join("staging").display().to_string();
    fs::write(path.join("Orders.java"), read("Orders.java").replace("/tmp/pinotage", &staging)).unwrap();
    // All of Flink, and nothing of ours but that jar.
    let others = std::env::split_paths(&flink).filter(|entry| !entry.to_string_lossy().contains("pinotage-flink-2-"));
    let class_path = std::env::join_paths([path.to_path_buf(), jar].into_iter().chain(others)).unwrap();
    done(Command::new("javac").arg("-cp").arg(&class_path).arg("-d").arg(path).arg(path.join("Orders.java")));
    let mut java = Command::new("java");
    // Cargo names its own folders there, and a library in them comes before that of the jar.
    java.env_remove("LD_LIBRARY_PATH");
    for package in ["java.util", "java.lang", "java.time"] {
        java.arg(format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
    }
    done(java.arg("-Xmx768m").arg("-cp").arg(class_path).args(["Orders", &cluster.controller]));
    eventually("100,000 orders", || {
        let answer = cluster.query("SELECT COUNT(*), DISTINCTCOUNT(id) FROM installed_orders");
        let row = &answer["resultTable"]["rows"][0];
        let found = (row[0].as_u64(), row[1].as_u64());
        if found == (Some(100_000), Some(100_000)) { Ok(()) } else { Err(answer.to_string()) }
    });
}
