//! `cargo xtask test` and `cargo xtask bench`.

use std::time::Instant;

use crate::{check, dist, java, servers, sh};

/// Runs every stage and prints how long each took.
pub(crate) fn run(full: bool) -> Result<(), String> {
    let mut minutes = Vec::new();
    let mut stage = |name: &'static str, run: &mut dyn FnMut() -> Result<(), String>| {
        eprintln!("== {name}");
        let start = Instant::now();
        let result = run();
        minutes.push((name, start.elapsed().as_secs_f64() / 60.0));
        result.map_err(|message| format!("{name}: {message}"))
    };
    let mut built = Vec::new();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let size = if full { "full" } else { "small" };
    let result = stage("format", &mut || sh(&cargo, &["fmt", "--all", "--check"], &[]))
        .and_then(|()| stage("house rules", &mut check::run))
        .and_then(|()| {
            stage("lints", &mut || {
                sh(
                    &cargo,
                    &["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"],
                    &[],
                )
            })
        })
        .and_then(|()| {
            stage("java", &mut || {
                built = java::build(full)?;
                Ok(())
            })
        })
        .and_then(|()| {
            stage("object stores", &mut || {
                built.extend(servers::install()?);
                Ok(())
            })
        })
        .and_then(|()| {
            stage("build, and what users install", &mut || {
                built.push(("PINOTAGE_DIST", dist::all("dev")?));
                Ok(())
            })
        })
        .and_then(|()| {
            stage("tests", &mut || {
                // A test that finds no cluster is skipped elsewhere; here everything has been built.
                let mut env = vec![("PINOTAGE_TEST_SIZE", size), ("PINOTAGE_REQUIRE_CLUSTERS", "1")];
                env.extend(built.iter().map(|(variable, value)| (*variable, value.as_str())));
                // All failures of a run are told, not those of the first crate alone.
                sh(&cargo, &["test", "--workspace", "--locked", "--no-fail-fast"], &env)
            })
        });
    eprintln!("== minutes");
    for (name, minutes) in minutes {
        eprintln!("{minutes:6.1}  {name}");
    }
    result
}

/// Runs `benches/lineitem.py` or, with `scan` or `epochs` first, that one, which say what they do.
pub(crate) fn bench(options: &[&str]) -> Result<(), String> {
    let (script, options) = match options {
        ["scan", options @ ..] => ("benches/scan.py", options),
        ["epochs", options @ ..] => ("benches/epochs.py", options),
        ["spark", options @ ..] => ("benches/spark.py", options),
        _ => ("benches/lineitem.py", options),
    };
    let mut args = vec![script];
    args.extend(options);
    sh("python3", &args, &[])
}
