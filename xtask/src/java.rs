//! Builds the Java side that tests need.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::BufRead as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use crate::{root, run};

/// The modules, each with the environment variable through which tests find its class path.
const MODULES: &[(&str, &str)] = &[
    ("PINOTAGE_NATIVE_CLASSPATH", "native-test"),
    ("PINOTAGE_CONFORMANCE_CLASSPATH", "conformance"),
    ("PINOTAGE_CLUSTER_CLASSPATH", "cluster"),
    ("PINOTAGE_CLUSTER_0_11_CLASSPATH", "cluster-0.11"),
    ("PINOTAGE_SEGMENTS_0_11_0_CLASSPATH", "segments/writer"),
    ("PINOTAGE_SEGMENTS_1_1_0_CLASSPATH", "segments/1.1.0"),
    ("PINOTAGE_SEGMENTS_1_5_1_CLASSPATH", "segments/1.5.1"),
    ("PINOTAGE_READERS_CLASSPATH", "readers"),
    ("PINOTAGE_FLINK_1_20_CLASSPATH", "flink/test-1.20"),
    ("PINOTAGE_FLINK_2_CLASSPATH", "flink/test-2"),
    ("PINOTAGE_FLINK_1_20_FORMATS_CLASSPATH", "flink/formats-1.20"),
    ("PINOTAGE_FLINK_2_FORMATS_CLASSPATH", "flink/formats-2"),
    ("PINOTAGE_SPARK_3_5_CLASSPATH", "spark/test-3.5"),
    ("PINOTAGE_SPARK_3_5_SCALA_2_13_CLASSPATH", "spark/test-3.5-2.13"),
    ("PINOTAGE_SPARK_4_CLASSPATH", "spark/test-4"),
    ("PINOTAGE_KAFKA_CLASSPATH", "kafka"),
];

/// Those that only the large sizes need.
const FULL_MODULES: &[(&str, &str)] = &[
    ("PINOTAGE_SEGMENTS_0_12_1_CLASSPATH", "segments/0.12.1"),
    ("PINOTAGE_SEGMENTS_1_3_0_CLASSPATH", "segments/1.3.0"),
    ("PINOTAGE_SEGMENTS_1_4_0_CLASSPATH", "segments/1.4.0"),
];

fn modules(full: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    MODULES.iter().chain(FULL_MODULES.iter().filter(move |_| full)).copied()
}

/// Builds the modules, unless nothing changed since, and returns the variables with the class paths to run them with.
pub(crate) fn build(full: bool) -> Result<Vec<(&'static str, String)>, String> {
    let java = root().join("java");
    let digest = digest(&java).map_err(|error| format!("cannot read {}: {error}", java.display()))?;
    let stamp = java.join(if full { "target/built-full" } else { "target/built" });
    if fs::read_to_string(&stamp).is_ok_and(|built| built == digest) && class_paths(full).is_ok_and(all_there) {
        return class_paths(full);
    }
    let list = modules(full).map(|(_, module)| module).collect::<Vec<_>>().join(",");
    let mut maven = Command::new("mvn");
    maven.args(["-B", "-q", "-f", "java/pom.xml", "-pl", &list, "-am", "package"]);
    // Maven writes escape codes even when it is quiet; our own output is for machines.
    run(maven.stdout(io::stderr()))?;
    fs::create_dir_all(java.join("target"))
        .and_then(|()| fs::write(&stamp, digest))
        .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    class_paths(full)
}

/// Builds the library that processes of Java load, in the build of the tests.
pub(crate) fn library() -> Result<(), String> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    // With the command, whose dependencies have the features that they have in tests: alone, all of them would be built again.
    run(Command::new(cargo).args(["build", "--quiet", "--package", "pinotage-jni", "--package", "pinotage-cli"]))
}

/// The port of Pinot's controllers, which all examples have.
const CONTROLLER_PORT: u16 = 9000;

/// Runs a cluster until it is interrupted.
pub(crate) fn pinot() -> Result<(), String> {
    let class_paths = build(false)?;
    let path = class_paths.iter().find(|(variable, _)| *variable == "PINOTAGE_CLUSTER_CLASSPATH");
    let (_, path) = path.ok_or("the cluster was not built")?;
    let folder = root().join("target/pinot");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
    }
    let mut java = Command::new("java");
    java.args(["-Xmx1g", "-cp", path, "io.pinotage.cluster.ClusterMain"]).arg(&folder);
    // Elsewhere, if somebody has it.
    if TcpListener::bind((Ipv4Addr::LOCALHOST, CONTROLLER_PORT)).is_ok() {
        java.args(["--controller-port", &CONTROLLER_PORT.to_string()]);
    }
    let mut cluster = java
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start java: {error}"))?;
    // It ends when its standard input does, and that is when this process ends. Waiting would close it, if it were not taken.
    let _input = cluster.stdin.take();
    let mut ready = String::new();
    if let Some(output) = cluster.stdout.take() {
        io::BufReader::new(output).read_line(&mut ready).map_err(|error| format!("cannot read from java: {error}"))?;
    }
    let addresses: serde_json::Value = serde_json::from_str(&ready)
        .map_err(|_| format!("the cluster did not start; its log is {}", folder.join("cluster.log").display()))?;
    let shown = |part: &str| addresses[part].as_str().unwrap_or_default().to_owned();
    println!("controller {}\nbroker     {}\nCtrl-C ends it", shown("controller"), shown("broker"));
    let status = cluster.wait().map_err(|error| format!("cannot wait for java: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the cluster ended with {status}")) }
}

fn class_paths(full: bool) -> Result<Vec<(&'static str, String)>, String> {
    modules(full).map(|(variable, module)| Ok((variable, class_path(module)?))).collect()
}

fn class_path(module: &str) -> Result<String, String> {
    let target = root().join("java").join(module).join("target");
    let list = target.join("classpath.txt");
    let jars = fs::read_to_string(&list).map_err(|error| format!("cannot read {}: {error}", list.display()))?;
    // Some modules have no classes of their own.
    let classes = Some(target.join("classes")).filter(|classes| classes.exists());
    Ok(classes.map_or_else(String::new, |classes| format!("{}:", classes.display())) + jars.trim())
}

/// Somebody may have emptied Maven's repository, or a target folder.
fn all_there(class_paths: Vec<(&'static str, String)>) -> bool {
    class_paths.iter().all(|(_, path)| env::split_paths(path).all(|entry| entry.exists()))
}

/// Of everything under `java` that is not built.
fn digest(java: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(java, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// All files below a folder, but for those of `target` folders.
pub(crate) fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.is_dir() {
            files.push(path);
        } else if path.file_name().is_none_or(|name| name != "target") {
            collect(&path, files)?;
        }
    }
    Ok(())
}
