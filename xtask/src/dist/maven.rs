//! A local Maven repository with the jars.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{java, root, run, target};

/// A jar that users depend on.
struct Jar {
    name: &'static str,
    /// Where Maven makes it, under `java`.
    module: &'static str,
    /// The modules whose classes are in it.
    sources: &'static [&'static str],
    /// The class path that its sources compile with.
    class_path: &'static str,
    description: &'static str,
}

const JARS: [Jar; 3] = [
    Jar {
        name: "pinotage-flink-1.20",
        module: "flink/1.20",
        sources: &["native", "flink/common", "flink/1.20"],
        class_path: "PINOTAGE_FLINK_1_20_CLASSPATH",
        description: "Reads and writes Apache Pinot from Flink 1.20",
    },
    Jar {
        name: "pinotage-flink-2",
        module: "flink/2",
        sources: &["native", "flink/common", "flink/2"],
        class_path: "PINOTAGE_FLINK_2_CLASSPATH",
        description: "Reads and writes Apache Pinot from Flink 2",
    },
    Jar {
        name: "pinotage-spark",
        module: "spark/connector",
        sources: &["native", "spark/connector"],
        class_path: "PINOTAGE_SPARK_3_5_CLASSPATH",
        description: "Reads and writes Apache Pinot from Spark 3.5 and 4, with any Scala",
    },
];

/// Where the library is in a jar.
fn place() -> String {
    format!("io/pinotage/native/linux-{}/libpinotage.so", std::env::consts::ARCH)
}

/// Makes every jar with the library and the licences of what is in it, in a folder.
pub(super) fn jars(folder: &Path, library: &Path) -> Result<Vec<PathBuf>, String> {
    java::build(false)?;
    super::empty(folder)?;
    let more = target().join("dist-jar");
    super::empty(&more)?;
    super::copy(library, &more.join(place()))?;
    for file in ["LICENSE", "NOTICE"] {
        super::copy(&root().join(file), &more.join("META-INF").join(file))?;
    }
    let licences = super::licences::of(&super::tree::linked_into("pinotage-jni")?)?;
    super::write(&more.join("META-INF/THIRD-PARTY.txt"), &licences)?;
    let mut made = Vec::new();
    for jar in JARS {
        let from = built_jar(&jar)?;
        let to = folder.join(from.file_name().unwrap_or_default());
        super::copy(&from, &to)?;
        run(Command::new("jar").arg("-uf").arg(&to).arg("-C").arg(&more).arg("."))?;
        made.push(to);
    }
    Ok(made)
}

/// Puts the jars, in their order, into a repository with their sources, their documentation and a POM without dependencies.
pub(super) fn install(repository: &Path, version: &str, jars: &[PathBuf]) -> Result<(), String> {
    let class_paths = java::build(false)?;
    for (jar, main) in JARS.iter().zip(jars) {
        let class_path = class_paths.iter().find(|(variable, _)| *variable == jar.class_path);
        let (_, class_path) = class_path.ok_or_else(|| format!("{} was not built", jar.name))?;
        // The layout of a local repository.
        let to = repository.join("io/pinotage").join(jar.name).join(version);
        let file = |ending: &str| to.join(format!("{}-{version}{ending}", jar.name));
        super::copy(main, &file(".jar"))?;
        super::write(&file(".pom"), &pom_of(jar, version))?;
        let folders: Vec<PathBuf> =
            jar.sources.iter().map(|module| root().join("java").join(module).join("src/main/java")).collect();
        let mut sources = Command::new("jar");
        sources.arg("-cf").arg(file("-sources.jar"));
        for folder in &folders {
            sources.arg("-C").arg(folder).arg(".");
        }
        run(&mut sources)?;
        document(&folders, class_path, &file("-javadoc.jar"))?;
    }
    Ok(())
}

/// The jar as Maven has made it, whatever its version.
fn built_jar(jar: &Jar) -> Result<PathBuf, String> {
    let folder = root().join("java").join(jar.module).join("target");
    let is_jar = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{}-", jar.name)) && name.ends_with(".jar")
    };
    let files = fs::read_dir(&folder).into_iter().flatten().flatten();
    files.map(|file| file.path()).find(is_jar).ok_or_else(|| format!("Maven has made no jar in {}", folder.display()))
}

fn document(folders: &[PathBuf], class_path: &str, archive: &Path) -> Result<(), String> {
    let to = target().join("dist-javadoc");
    super::empty(&to)?;
    let mut files = Vec::new();
    for folder in folders {
        java::collect(folder, &mut files).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    }
    let mut javadoc = Command::new("javadoc");
    javadoc.args(["-quiet", "-public", "-notimestamp", "-Xdoclint:none", "-classpath", class_path, "-d"]).arg(&to);
    run(javadoc.args(files))?;
    run(Command::new("jar").arg("-cf").arg(archive).arg("-C").arg(&to).arg("."))
}

fn pom_of(jar: &Jar, version: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0"
         xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
         xsi:schemaLocation="http://maven.apache.org/POM/4.0.0 http://maven.apache.org/xsd/maven-4.0.0.xsd">
  <modelVersion>4.0.0</modelVersion>
  <groupId>io.pinotage</groupId>
  <artifactId>{}</artifactId>
  <version>{version}</version>
  <description>{}</description>
  <licenses>
    <license>
      <name>Apache-2.0</name>
    </license>
  </licenses>
</project>
"#,
        jar.name, jar.description
    )
}
