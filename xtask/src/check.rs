//! The rules of the house (`ARCHITECTURE.md`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{compatibility, dependencies, root};

/// Crates by layer: a crate depends on lower layers only.
const LAYERS: [(&str, u8); 17] = [
    ("pinotage-common", 0),
    ("pinotage-spec", 1),
    ("pinotage-store", 1),
    ("pinotage-segment", 2),
    ("pinotage-formats", 2),
    ("pinotage-transform", 2),
    ("pinotage-client", 2),
    ("pinotage-connector", 2),
    ("pinotage-scan", 3),
    ("pinotage-sink", 3),
    ("pinotage-connectors", 4),
    ("pinotage-job", 5),
    ("pinotage-engine", 6),
    ("pinotage-jni", 6),
    ("pinotage-cli", 7),
    // Only ever a dev-dependency, see below.
    ("pinotage-testkit", 2),
    // Tests only, and on top of what they read.
    ("pinotage-fuzz", 7),
];

/// Libraries that only these crates may use.
const FENCES: [(&str, &[&str]); 7] = [
    ("datafusion", &["pinotage-engine"]),
    ("clap", &["pinotage-cli"]),
    ("jni", &["pinotage-jni"]),
    ("reqwest", &["pinotage-client"]),
    ("tonic", &["pinotage-client"]),
    ("object_store", &["pinotage-store"]),
    (
        "tokio",
        &[
            "pinotage-store",
            "pinotage-client",
            "pinotage-scan",
            "pinotage-sink",
            "pinotage-engine",
            "pinotage-jni",
            "pinotage-cli",
        ],
    ),
];

/// The crates with unsafe code: one maps files, the other is the border to Java.
const UNSAFE: [&str; 2] = ["pinotage-segment", "pinotage-jni"];

/// The longest source file in lines, and from where on a split is due.
const MAX_LINES: usize = 1000;
const WARN_LINES: usize = 600;

/// Checks every rule; the error lists all that are broken.
pub(crate) fn run() -> Result<(), String> {
    let mut broken = Vec::new();
    layers(&mut broken)?;
    dependencies::check(&mut broken)?;
    sources(&mut broken);
    architecture(&mut broken);
    compatibility::check(&mut broken);
    if broken.is_empty() {
        eprintln!("the rules of the house hold");
        return Ok(());
    }
    Err(format!("{} rules of the house are broken:\n  {}", broken.len(), broken.join("\n  ")))
}

fn layers(broken: &mut Vec<String>) -> Result<(), String> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cannot read cargo metadata: {error}"))?;
    let layer = |name: &str| LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer);
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        if name == "xtask" {
            continue;
        }
        let Some(own) = layer(name) else {
            broken.push(format!("{name} has no layer: add it to the table in xtask/src/check.rs and ARCHITECTURE.md"));
            continue;
        };
        if package["license"] != "Apache-2.0" {
            broken.push(format!("{name} is not licensed Apache-2.0"));
        }
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            let normal = dependency["kind"].is_null();
            if let Some(other) = layer(target).filter(|_| normal) {
                if target == "pinotage-testkit" {
                    broken.push(format!("{name} uses pinotage-testkit outside its tests"));
                } else if other >= own {
                    broken.push(format!("{name} (layer {own}) depends on {target} (layer {other})"));
                }
            }
            if let Some((_, allowed)) = FENCES.iter().find(|(fenced, _)| normal && *fenced == target)
                && !allowed.contains(&name)
            {
                broken.push(format!("{name} depends on {target}, which only {} may", allowed.join(", ")));
            }
        }
    }
    Ok(())
}

fn sources(broken: &mut Vec<String>) {
    let root = root();
    let mut files = Vec::new();
    for folder in ["crates", "fuzz", "xtask", "java", "python", "benches"] {
        collect(&root.join(folder), &mut files);
    }
    for file in files {
        let shown = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        let Ok(text) = fs::read_to_string(&file) else {
            broken.push(format!("{shown} is not UTF-8 text"));
            continue;
        };
        let lines = text.lines().count();
        if lines > MAX_LINES {
            broken.push(format!("{shown} has {lines} lines, more than {MAX_LINES}: one idea a file"));
        } else if lines > WARN_LINES {
            eprintln!("note: {shown} has {lines} lines; above {MAX_LINES} the check fails");
        }
        // Spelled in two parts so that this file does not find itself.
        let unsafe_allowed = concat!("allow(uns", "afe_code)");
        let may = UNSAFE.iter().any(|name| shown.starts_with(&format!("crates/{name}/")));
        if text.contains(unsafe_allowed) && !may {
            broken.push(format!("{shown} allows unsafe code; only {} may", UNSAFE.join(" and ")));
        }
    }
    for crate_name in LAYERS.iter().map(|(name, _)| name).filter(|name| !UNSAFE.contains(name)) {
        let folder = match *crate_name {
            "pinotage-fuzz" => root.join("fuzz/src"),
            name => root.join("crates").join(name).join("src"),
        };
        let entry = ["lib.rs", "main.rs"].iter().map(|file| folder.join(file)).find(|file| file.exists());
        let text = entry.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        if !text.contains(concat!("#![forbid(uns", "afe_code)]")) {
            broken.push(format!("crates/{crate_name} does not forbid unsafe code"));
        }
    }
}

pub(crate) fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|kind| ["rs", "java", "py", "scala"].iter().any(|known| kind == *known))
        {
            files.push(path);
        }
    }
}

/// Every crate has its heading in ARCHITECTURE.md.
fn architecture(broken: &mut Vec<String>) {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap_or_default();
    for (name, _) in LAYERS {
        if !text.lines().any(|line| line.starts_with("##") && line.contains(name)) {
            broken.push(format!("ARCHITECTURE.md has no heading for {name}"));
        }
    }
}
