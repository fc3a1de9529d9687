//! A JVM for each line of Spark, that runs scenarios (`java/spark/scenarios`).

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::jvm::Jvm;

/// The lines of Spark, and of Scala, that the one jar runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// 3.5 with Scala 2.12, which the jar is compiled against.
    V3_5,
    /// 3.5 with Scala 2.13.
    V3_5Scala2_13,
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
    pub(super) fn class_path(self) -> Option<String> {
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
    pub(super) fn jar(self) -> Option<PathBuf> {
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.strip_prefix("pinotage-spark-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        std::env::split_paths(&self.class_path()?).find(is_it)
    }

    fn shared(self) -> Option<&'static Mutex<Jvm>> {
        static JVMS: [OnceLock<Option<Mutex<Jvm>>>; 3] = [const { OnceLock::new() }; 3];
        JVMS[self as usize].get_or_init(|| Some(Mutex::new(self.start(&[])?))).as_ref()
    }

    /// Runs a scenario; what it says, or why it failed. None without this line.
    pub(super) fn run(self, scenario: &str, options: &[(&str, String)]) -> Option<Result<String, String>> {
        // A test that failed says nothing about the JVM.
        let mut jvm = self.shared()?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(jvm.run(scenario, options))
    }

    /// A JVM of its own, with settings of Spark.
    pub(super) fn start(self, settings: &[(&str, &str)]) -> Option<Jvm> {
        self.start_with(&[], settings)
    }

    /// The same with options of the JVM.
    pub(super) fn start_with(self, options: &[&str], settings: &[(&str, &str)]) -> Option<Jvm> {
        Some(Jvm::start(scenarios(&self.class_path()?, options, settings)))
    }
}

/// What Spark's scripts tell Java 17.
pub(super) fn opened() -> impl Iterator<Item = String> {
    OPENED.iter().map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED"))
}

/// Java that runs scenarios.
pub(super) fn scenarios(class_path: &str, options: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut java = java(class_path);
    java.args(options);
    java.arg("io.pinotage.spark.scenarios.Main");
    java.args(settings.iter().map(|(name, value)| format!("{name}={value}")));
    java
}

/// Java with a class path and the library.
pub(super) fn java(class_path: &str) -> Command {
    let mut java = Command::new("java");
    java.args(opened());
    // Queries are short: they end before the second compiler has made them fast.
    java.args(["-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    java.arg(format!("-Dpinotage.library={}", crate::java::library().display()));
    java.args(["-cp", class_path]);
    java
}
