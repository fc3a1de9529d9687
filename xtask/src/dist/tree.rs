//! What is linked into a package: the crates of cargo's graph behind its normal dependencies, on Linux.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::dependencies::cargo;
use crate::root;

/// A crate of somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression, as its manifest has it.
    pub(super) licence: String,
    /// Its sources.
    pub(super) folder: PathBuf,
    /// The SHA-256 of the archive that it comes in, of `Cargo.lock`.
    pub(super) checksum: String,
}

/// All crates that code of a package can come from, procedural macros among them; ours are left out.
pub(super) fn linked_into(package: &str) -> Result<Vec<Crate>, String> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let args = ["metadata", "--locked", "--format-version", "1", "--filter-platform", &triple];
    let metadata: Value =
        serde_json::from_str(&cargo(&args)?).map_err(|error| format!("cannot read cargo metadata: {error}"))?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let start = packages.iter().find(|(_, other)| other["name"] == package).map(|(id, _)| id.clone());
    let mut open = vec![start.ok_or_else(|| format!("there is no package {package}"))?];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id.clone()) {
            let normal = |edge: &&Value| list(&edge["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            open.extend(list(&nodes[&id]["deps"]).iter().filter(normal).map(|edge| text(&edge["pkg"])));
        }
    }
    let sums = checksums()?;
    let foreign = seen.iter().map(|id| &packages[id]).filter(|package| !package["source"].is_null());
    let mut crates: Vec<Crate> = foreign
        .map(|package| {
            let (name, version) = (text(&package["name"]), text(&package["version"]));
            let checksum = sums.get(&(name.clone(), version.clone())).cloned().unwrap_or_default();
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            let folder = manifest.parent().map(Path::to_path_buf).unwrap_or_default();
            // Old crates write `MIT/Apache-2.0`.
            let licence = text(&package["license"]).replace('/', " OR ");
            let licence = licence.split_whitespace().collect::<Vec<_>>().join(" ");
            Crate { name, version, licence, folder, checksum }
        })
        .collect();
    crates.sort();
    Ok(crates)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Of names and versions.
fn checksums() -> Result<BTreeMap<(String, String), String>, String> {
    let path = root().join("Cargo.lock");
    let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let lock: toml::Table = text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    let field = |package: &toml::Value, name: &str| {
        package.get(name).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let packages = lock["package"].as_array().into_iter().flatten();
    Ok(packages.map(|one| ((field(one, "name"), field(one, "version")), field(one, "checksum"))).collect())
}
