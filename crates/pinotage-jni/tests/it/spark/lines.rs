//! A JVM for each line of Spark, that runs scenarios (`java/spark/scenarios`).

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use pinotage_testkit::spark;

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

impl Line {
    fn kit(self) -> spark::Line {
        match self {
            Self::V3_5 => spark::Line::V3_5,
            Self::V3_5Scala2_13 => spark::Line::V3_5Scala2_13,
            Self::V4 => spark::Line::V4,
        }
    }

    /// The class path of its tests; none where nobody built it, which is said.
    pub(super) fn class_path(self) -> Option<String> {
        self.kit().class_path()
    }

    /// The jar that users add to Spark.
    pub(super) fn jar(self) -> Option<PathBuf> {
        self.kit().jar()
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
    spark::java(class_path, &crate::java::library())
}
