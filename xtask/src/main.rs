//! The repository's own chores: `cargo xtask test` runs everything that has to pass, `cargo xtask check` the rules
//! of the house alone.

mod check;
mod compatibility;
mod dependencies;
mod dist;
mod flink;
mod fuzz;
mod java;
mod servers;
mod spark;
mod test;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const HELP: &str = "\
Chores of this repository.

Usage: cargo xtask <COMMAND>

Commands:
  test [--full]   Everything that has to pass: format, lints, house rules, Rust tests, Pinot's judgement.
                  Fetches what it needs from the package registries. --full takes the large sizes.
  check           The rules of the house: layers, file sizes, unsafe code, documentation of crates.
  compatibility   Writes docs/compatibility.md from the table of tests, which `check` compares.
  java [--full]   Builds Pinot's judge and cluster and prints where tests find them:
                  `env $(cargo xtask java) cargo test -p pinotage-testkit`
  pinot           Starts Pinot 1.5.1 (ZooKeeper, controller, broker, a server; one JVM) and says where it is, until
                  Ctrl-C. Its data are gone with the next start.
  jars [--profile dev]
                  Builds the jars for Flink with the native library of a release in them, and says where they are.
  dist [--profile dev]
                  Makes target/dist, which is what users install: the command as an archive, a local Maven repository
                  with the jars, the JSON Schema of job files, licences, bills of materials and SHA-256 sums.
                  --profile dev takes the build of the tests in place of a release, which needs ziglang of PyPI.
  flink FILE [--line 1.20|2]
                  Runs an example of examples/flink against the Pinot of `cargo xtask pinot`, on Flink 2 if not said.
  spark FILE [--line 3.5|4]
                  Runs a script of examples/spark against the same, with PySpark 4 of PyPI if not said.
  servers         Installs the object stores that tests talk to (with python3, npm, go), looks for PostgreSQL, and
                  prints where tests find them: `env $(cargo xtask servers) cargo test -p pinotage-store`
  fuzz TARGET [--minutes N]
                  Looks for bytes that break a reader of TARGET (segment, archive, metadata, data_table), with libFuzzer
                  and AddressSanitizer. What is found stays in fuzz/regressions.
  bench [--scale N] [--no-java]
                  Builds TPC-H lineitem segments, with Pinot's own builder beside it.
  bench scan [--scale N] [--rounds N] [--p99]
                  Reads them by servers and directly, with DataFusion over Parquet beside it.
  bench epochs [--scale N] [--rounds N]
                  Builds them by epochs, beside the same job that remembers inputs.
  bench spark [--scale N] [--rounds N]
                  Reads them in Spark, with Spark over Parquet beside it.

Examples:
  cargo xtask test
  cargo xtask bench --scale 0.1
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test"] => test::run(false),
        ["test", "--full"] => test::run(true),
        ["check"] => check::run(),
        ["compatibility"] => compatibility::write(),
        ["java"] => java::build(false).map(print),
        ["java", "--full"] => java::build(true).map(print),
        ["pinot"] => java::pinot(),
        ["flink", file] => flink::example(file, "2"),
        ["flink", file, "--line", line] => flink::example(file, line),
        ["spark", file] => spark::example(file, "4"),
        ["spark", file, "--line", line] => spark::example(file, line),
        ["jars"] => dist::jars("release"),
        ["jars", "--profile", profile] => dist::jars(profile),
        ["dist"] => dist::all("release").map(|folder| println!("{folder}")),
        ["dist", "--profile", profile] => dist::all(profile).map(|folder| println!("{folder}")),
        ["servers"] => servers::install().map(print),
        ["fuzz", target] => fuzz::run(target, "10"),
        ["fuzz", target, "--minutes", minutes] => fuzz::run(target, minutes),
        [rustc, args @ ..] if Path::new(rustc).file_stem().is_some_and(|name| name == "rustc") => {
            fuzz::compile(rustc, args)
        }
        ["bench", options @ ..] => test::bench(options),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => Err(format!("unknown command `{}`\n\n{HELP}", words.join(" "))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Prints variables as `env` takes them.
fn print(variables: Vec<(&str, String)>) {
    variables.iter().for_each(|(variable, value)| println!("{variable}={value}"));
}

/// The root of the repository.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Where cargo builds.
fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

/// Runs a command in the root of the repository and waits for it.
fn sh(program: &str, args: &[&str], env: &[(&str, &str)]) -> Result<(), String> {
    run(Command::new(program).args(args).envs(env.iter().copied()))
}

fn run(command: &mut Command) -> Result<(), String> {
    // What cargo tells this program about itself would make build scripts run anew in a cargo that it starts: half of all
    // dependencies would be compiled again whenever tests are run in another way.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    let words: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    let line = format!("{} {}", command.get_program().to_string_lossy(), words.join(" "));
    eprintln!("  $ {line}");
    let status = command.current_dir(root()).status().map_err(|error| format!("cannot start `{line}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}")) }
}
