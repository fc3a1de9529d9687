//! Lines of Spark, from the class paths of their tests: local, in one process, as `spark-submit` starts it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The lines of Spark, and of Scala, that the one jar runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// 3.5 with Scala 2.12, which the jar is compiled against.
    V3_5,
    /// 3.5 with Scala 2.13.
    V3_5Scala2_13,
    /// 4.
    V4,
}

/// The packages of Java 17 that Spark opens in its own scripts.
const OPENED: [&str; 13] = [
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
];

impl Line {
    fn variable(self) -> &'static str {
        match self {
            Self::V3_5 => "PINOTAGE_SPARK_3_5_CLASSPATH",
            Self::V3_5Scala2_13 => "PINOTAGE_SPARK_3_5_SCALA_2_13_CLASSPATH",
            Self::V4 => "PINOTAGE_SPARK_4_CLASSPATH",
        }
    }

    /// The class path of its tests; none where nobody built it, which is said.
    ///
    /// # Panics
    ///
    /// Where everything is to be there (`PINOTAGE_REQUIRE_CLUSTERS`) and this is not.
    pub fn class_path(self) -> Option<String> {
        let path = std::env::var(self.variable()).ok();
        if path.is_none() {
            let missing =
                format!("no Spark, because {} is not set; `cargo xtask test` builds it and sets it", self.variable());
            assert!(std::env::var_os("PINOTAGE_REQUIRE_CLUSTERS").is_none(), "{missing}");
            eprintln!("SKIPPED: {missing}");
        }
        path
    }

    /// The jar that users add to Spark.
    pub fn jar(self) -> Option<PathBuf> {
        std::env::split_paths(&self.class_path()?).find(|path| is_connector(path))
    }

    /// The command `spark-submit` of this line, written into a folder. The connector's jar is not on its class path.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn submit(self, folder: &Path, library: &Path) -> Option<PathBuf> {
        let class_path = self.class_path()?;
        let others = std::env::split_paths(&class_path).filter(|path| !is_connector(path));
        let mut java = java(std::env::join_paths(others).unwrap().to_str().unwrap(), library);
        java.arg("org.apache.spark.deploy.SparkSubmit");
        let words = java.get_args().map(|word| format!("'{}'", word.to_str().unwrap()));
        let script = format!("#!/bin/sh\nexec java {} \"$@\"\n", words.collect::<Vec<_>>().join(" "));
        let file = folder.join("spark-submit");
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        Some(file)
    }
}

fn is_connector(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix("pinotage-spark-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What Spark's scripts tell Java 17.
pub fn opened() -> impl Iterator<Item = String> {
    OPENED.iter().map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED"))
}

/// Java for Spark with a class path and our library.
pub fn java(class_path: &str, library: &Path) -> Command {
    let mut java = Command::new("java");
    java.args(opened());
    // Queries are short: they end before the second compiler has made them fast.
    java.args(["-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    java.arg(format!("-Dpinotage.library={}", library.display()));
    java.args(["-cp", class_path]);
    java
}
