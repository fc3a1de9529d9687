//! A jar of the Maven repository of `cargo xtask dist`, in a project that has nothing else of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::{dist, done};

use super::Line;

/// The only entry of a folder.
fn only(folder: &Path) -> PathBuf {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.into_iter().next().unwrap()
}

/// A project of somebody who knows of nothing but the repository.
const PROJECT: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId><artifactId>example</artifactId><version>1</version><packaging>pom</packaging>
  <repositories><repository><id>dist</id><url>REPOSITORY</url></repository></repositories>
  <dependencies>
    <dependency><groupId>io.pinotage</groupId><artifactId>pinotage-flink-2</artifactId><version>VERSION</version></dependency>
  </dependencies>
  <build><plugins><plugin>
    <groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version>
  </plugin></plugins></build>
</project>
"#;

#[test]
fn a_jar_of_the_maven_repository_runs_the_example() {
    let (Some(dist), Some(flink)) = (dist(), Line::V2.class_path()) else { return };
    let Some(cluster) = Cluster::shared() else { return };
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    let repository = dist.join("maven");
    let version = only(&repository.join("io/pinotage/pinotage-flink-2"));
    let version = version.file_name().unwrap().to_str().unwrap();
    let project =
        PROJECT.replace("REPOSITORY", &format!("file://{}", repository.display())).replace("VERSION", version);
    fs::write(path.join("pom.xml"), project).unwrap();
    let mut maven = Command::new("mvn");
    maven.args(["-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=lib"]).current_dir(path);
    done(maven.arg(format!("-Dmaven.repo.local={}", path.join("local").display())));
    let jar = only(&path.join("lib"));

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
