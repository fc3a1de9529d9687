//! What a dependency may be (`deny.toml`), and that one build serves the command and the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, LicenseReq, Licensee};

use crate::root;

/// Crates whose types cross our own borders: a second version would not fit the first.
const SINGLE: [&str; 3] = ["arrow", "parquet", "datafusion"];

/// What must not be in the library that goes into processes of Java.
const NOT_FOR_JAVA: [&str; 5] = ["datafusion", "aws-lc-sys", "openssl-sys", "rdkafka-sys", "libsqlite3-sys"];

/// Adds what is broken: licences, banned crates, foreign sources, a second arrow, features that differ.
pub(crate) fn check(broken: &mut Vec<String>) -> Result<(), String> {
    let policy = std::fs::read_to_string(root().join("deny.toml")).map_err(|error| format!("deny.toml: {error}"))?;
    let policy: toml::Table = policy.parse().map_err(|error| format!("deny.toml: {error}"))?;
    let allowed = strings(&policy["licenses"]["allow"])
        .map(|name| Licensee::parse(name).map_err(|error| format!("deny.toml: {error}")))
        .collect::<Result<Vec<_>, _>>()?;
    let banned: BTreeSet<&str> =
        policy["bans"]["deny"].as_array().into_iter().flatten().filter_map(|ban| ban["crate"].as_str()).collect();
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--locked", "--format-version", "1"])?)
        .map_err(|error| format!("cannot read cargo metadata: {error}"))?;
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |field: &str| package[field].as_str().unwrap_or_default();
        let (name, version) = (text("name"), text("version"));
        versions.entry(name).or_default().insert(version);
        if banned.contains(name) {
            broken.push(format!("{name} is in the tree, which deny.toml bans: ask `cargo tree -i {name}`"));
        }
        if !package["source"].is_null() && !text("source").starts_with("registry+") {
            broken.push(format!("{name} {version} comes from {}, not from the registry", text("source")));
        }
        let fits = |wanted: &LicenseReq| allowed.iter().any(|licence| licence.satisfies(wanted));
        // Old crates write `MIT/Apache-2.0`.
        match Expression::parse_mode(text("license"), spdx::ParseMode::LAX) {
            Ok(licence) if licence.evaluate(fits) => {}
            _ => broken.push(format!("{name} {version} has the licence `{}`, not in deny.toml", text("license"))),
        }
    }
    for name in SINGLE {
        if let Some(versions) = versions.get(name).filter(|versions| versions.len() > 1) {
            broken.push(format!("{name} is in the tree more than once: {versions:?}"));
        }
    }
    lean_for_java(broken)?;
    same_features(broken)
}

/// Processes of Java get no query engine, and no second way to do TLS.
fn lean_for_java(broken: &mut Vec<String>) -> Result<(), String> {
    let tree = ["tree", "--locked", "--prefix", "none", "--edges", "normal", "--package", "pinotage-jni"];
    let tree = cargo(&[&tree[..], &["--format", "{p}"]].concat())?;
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    for name in NOT_FOR_JAVA.iter().filter(|name| names.contains(**name)) {
        broken.push(format!("{name} is in the tree of pinotage-jni: ask `cargo tree -p pinotage-jni -i {name}`"));
    }
    Ok(())
}

/// The command built alone has the dependencies that the tests built: otherwise a newcomer compiles all of them twice.
fn same_features(broken: &mut Vec<String>) -> Result<(), String> {
    let tree = |options: &[&str]| -> Result<BTreeSet<(String, String)>, String> {
        let mut args = vec!["tree", "--locked", "--prefix", "none", "--format", "{p}\t{f}", "--edges"];
        args.extend(options);
        // A package that was listed before ends with an asterisk.
        let lines = cargo(&args)?.replace(" (*)", "");
        Ok(lines.lines().filter_map(|line| line.split_once('\t')).map(|(p, f)| (p.to_owned(), f.to_owned())).collect())
    };
    // What macros use may be built in another way than what the command does.
    let tested = tree(&["normal,build,dev", "--workspace"])?;
    for (package, features) in tree(&["normal,build", "--package", "pinotage-cli"])? {
        let mut others = tested.iter().filter(|(other, _)| *other == package).map(|(_, features)| features).peekable();
        if others.peek().is_some() && !others.clone().any(|other| *other == features) {
            let other = others.cloned().collect::<Vec<_>>().join("` and `");
            broken.push(format!(
                "{package} is built twice, with the features `{features}` for the command and `{other}` for the tests: \
                 name the missing ones in crates/pinotage-cli/Cargo.toml"
            ));
        }
    }
    Ok(())
}

fn strings(array: &toml::Value) -> impl Iterator<Item = &str> {
    array.as_array().into_iter().flatten().filter_map(toml::Value::as_str)
}

pub(crate) fn cargo(args: &[&str]) -> Result<String, String> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(args)
        .current_dir(root())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("`cargo {}` failed: {}", args.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("cargo {}: {error}", args.join(" ")))
}
