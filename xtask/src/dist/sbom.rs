//! A software bill of materials: CycloneDX 1.5, as JSON.

use serde_json::{Value, json};

use super::tree::Crate;

/// The document of a package. It has no serial number and no time: the same content gives the same bytes.
pub(super) fn of(package: &str, version: &str, crates: &[Crate]) -> Result<String, String> {
    let components: Vec<Value> = crates.iter().map(component).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {
            "type": "application",
            "bom-ref": package,
            "name": package,
            "version": version,
            "licenses": [{"expression": "Apache-2.0"}],
        }},
        "components": components,
    });
    serde_json::to_string_pretty(&document).map_err(|error| format!("{package}: {error}"))
}

fn component(one: &Crate) -> Value {
    let purl = format!("pkg:cargo/{}@{}", one.name, one.version);
    json!({
        "type": "library",
        "bom-ref": purl,
        "name": one.name,
        "version": one.version,
        "purl": purl,
        "licenses": [{"expression": one.licence}],
        "hashes": [{"alg": "SHA-256", "content": one.checksum}],
    })
}
