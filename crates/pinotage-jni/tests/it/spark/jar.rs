//! The one jar, and that each line of Spark runs.

use std::process::Command;

use super::{Line, ok, on_each_line};

on_each_line!(
    /// Spark starts and runs tasks.
    spark_is_there,
    |line: Line| {
        let Some(said) = ok(line, "version", &[("rows", "100".to_owned())]) else { return };
        let wanted = if line == Line::V4 { "4." } else { "3.5." };
        assert!(said.starts_with(wanted) && said.ends_with(" 100"), "{said}");
    }
);

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Nothing of Pinot, Arrow, guava, protobuf or netty: our classes and what says that they are there.
#[test]
fn the_jar_holds_our_classes_alone() {
    let Some(jar) = Line::V3_5.jar() else { return };
    let listed = printed("jar", &["tf", jar.to_str().unwrap()]);
    let ours = |file: &str| {
        file.starts_with("io/pinotage/")
            || file == "META-INF/MANIFEST.MF"
            || file.starts_with("META-INF/maven/io.pinotage/")
            || file == "META-INF/services/org.apache.spark.sql.sources.DataSourceRegister"
    };
    let foreign: Vec<&str> = listed.lines().filter(|file| !file.ends_with('/') && !ours(file)).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert!(
        listed.contains("io/pinotage/spark/PinotageSource.class") && listed.contains("io/pinotage/jni/"),
        "{listed}"
    );
}

/// A class of Scala in a signature would tie the jar to one line of it.
#[test]
fn the_jar_names_no_class_of_scala() {
    let (Some(jar), Some(class_path)) = (Line::V3_5.jar(), Line::V3_5.class_path()) else { return };
    let packages =
        printed("jdeps", &["--multi-release", "11", "-verbose:package", "-cp", &class_path, jar.to_str().unwrap()]);
    let named: Vec<&str> = packages
        .lines()
        .filter_map(|line| line.split_once(" -> "))
        .map(|(_, to)| to)
        .filter(|to| to.starts_with("scala"))
        .collect();
    assert!(named.is_empty(), "{named:?}");
    assert!(packages.contains("-> org.apache.spark.sql.connector.catalog"), "{packages}");
}
