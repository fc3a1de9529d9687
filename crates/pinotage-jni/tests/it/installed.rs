//! A jar of the Maven repository of `cargo xtask dist`, as a project gets it that has nothing else of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pinotage_testkit::done;

/// A project of somebody who knows of nothing but the repository.
const PROJECT: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId><artifactId>example</artifactId><version>1</version><packaging>pom</packaging>
  <repositories><repository><id>dist</id><url>REPOSITORY</url></repository></repositories>
  <dependencies>
    <dependency><groupId>io.pinotage</groupId><artifactId>ARTIFACT</artifactId><version>VERSION</version></dependency>
  </dependencies>
  <build><plugins><plugin>
    <groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version>
  </plugin></plugins></build>
</project>
"#;

/// The only entry of a folder.
fn only(folder: &Path) -> PathBuf {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.into_iter().next().unwrap()
}

/// The jar of an artifact, which Maven copies into an empty place: it has no dependencies.
pub(crate) fn jar(dist: &Path, artifact: &str, place: &Path) -> PathBuf {
    let repository = dist.join("maven");
    let version = only(&repository.join("io/pinotage").join(artifact));
    let project = PROJECT
        .replace("REPOSITORY", &format!("file://{}", repository.display()))
        .replace("ARTIFACT", artifact)
        .replace("VERSION", version.file_name().unwrap().to_str().unwrap());
    fs::write(place.join("pom.xml"), project).unwrap();
    let mut maven = Command::new("mvn");
    maven.args(["-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=lib"]).current_dir(place);
    done(maven.arg(format!("-Dmaven.repo.local={}", place.join("local").display())));
    only(&place.join("lib"))
}
