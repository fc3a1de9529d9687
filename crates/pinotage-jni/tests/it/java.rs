//! Runs the programs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable in which `cargo xtask test` says what to run.
const CLASS_PATH: &str = "PINOTAGE_NATIVE_CLASSPATH";

/// The library that was built for these tests.
pub(crate) fn library() -> PathBuf {
    // Beside the program that runs the tests, where cargo puts what it links.
    let path = env::current_exe().unwrap().with_file_name("libpinotage.so");
    assert!(path.is_file(), "{} was not built", path.display());
    path
}

/// Runs a check of `NativeCheck`, with options of the JVM; false when it is skipped, because nobody built the Java side.
pub(crate) fn check(options: &[&str], arguments: &[&str]) -> bool {
    let given = format!("-Dpinotage.library={}", library().display());
    run(&[&[given.as_str()], options].concat(), &[], arguments)
}

/// The same without saying where the library is; folders are put in front of the class path.
pub(crate) fn run(options: &[&str], folders: &[&Path], arguments: &[&str]) -> bool {
    let Ok(class_path) = env::var(CLASS_PATH) else {
        let missing = format!("{CLASS_PATH} is not set; `cargo xtask test` builds it and sets it");
        assert!(env::var_os("PINOTAGE_REQUIRE_CLUSTERS").is_none(), "{missing}");
        eprintln!("SKIPPED: {missing}");
        return false;
    };
    let mut command = Command::new("java");
    command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.timezone=Pacific/Chatham"]);
    let rest = env::split_paths(&class_path).collect::<Vec<_>>();
    let class_path = env::join_paths(folders.iter().map(PathBuf::from).chain(rest)).unwrap();
    command.args(options).arg("-cp").arg(class_path).arg("io.pinotage.check.NativeCheck");
    let output = command.args(arguments).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{out}{error}");
    // Warnings of `-Xcheck:jni` are on the standard output.
    let warned = out.contains("WARNING in native method") || out.contains("FATAL ERROR in native method");
    assert!(output.status.success() && out.ends_with("holds\n") && !warned, "{arguments:?}: {}", output.status);
    true
}
