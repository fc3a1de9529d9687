//! `cargo xtask fuzz`: libFuzzer without a nightly compiler and without other tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use crate::{root, run as start};

/// What `cargo fuzz` gives the compiler: counters of the code that runs, the values that are compared, AddressSanitizer.
const FLAGS: [&str; 8] = [
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Zsanitizer=address",
];

/// Runs a target for some minutes, from the inputs of earlier runs on.
pub(crate) fn run(target: &str, minutes: &str) -> Result<(), String> {
    let minutes: f64 = minutes.parse().map_err(|_| format!("expected a number of minutes, found `{minutes}`"))?;
    let built = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let folder = built.join("fuzz");
    // A segment is written for every input: memory is the better place for it.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() { memory } else { &folder }.join(format!("pinotage-fuzz-{}", std::process::id()));
    let (corpus, found) = (folder.join("corpus").join(target), root().join("fuzz/regressions").join(target));
    for folder in [&corpus, &scratch, &found] {
        fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    }
    let own = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    // Only our own crates get the instruments (`compile`); their dependencies are those of the tests.
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.args(["build", "--locked", "--package", "pinotage-cli", "--package", "pinotage-fuzz"]);
    cargo.args(["--features", "pinotage-fuzz/libfuzzer", "--bin", "pinotage-fuzz"]);
    start(cargo.env("RUSTC_WORKSPACE_WRAPPER", own))?;
    let mut fuzz = Command::new(built.join("debug/pinotage-fuzz"));
    fuzz.env("PINOTAGE_FUZZ_TARGET", target).env("PINOTAGE_FUZZ_CORPUS", &corpus).env("TMPDIR", &scratch).arg(&corpus);
    fuzz.args([format!("-max_total_time={:.0}", minutes * 60.0), format!("-artifact_prefix={}/", found.display())]);
    // Rust's own checks keep references to stacks that are gone away; those of the sanitizer cost a tenth of the time.
    // Leaks are not looked for: that needs ptrace, which containers refuse.
    fuzz.env("ASAN_OPTIONS", "detect_stack_use_after_return=0:detect_leaks=0");
    fuzz.args(["-timeout=30", "-report_slow_units=30", "-rss_limit_mb=4096", "-max_len=32768", "-print_final_stats=1"]);
    let result = start(&mut fuzz);
    let _ = fs::remove_dir_all(&scratch);
    // Stays when something was found.
    let _ = fs::remove_dir(&found);
    result
}

/// Compiles one of our crates, as cargo asks for it. The sanitizer comes with the stable compiler, only its flag does not.
pub(crate) fn compile(rustc: &str, args: &[&str]) -> ! {
    let status = Command::new(rustc).args(args).args(FLAGS).env("RUSTC_BOOTSTRAP", "1").status();
    exit(status.ok().and_then(|status| status.code()).unwrap_or(1))
}
