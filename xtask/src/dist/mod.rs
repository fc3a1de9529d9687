//! `cargo xtask dist`: everything that users install, made of a clean clone.
//!
//! ```text
//! target/dist
//! ├── pinotage-<version>-<machine>-linux.tar.gz   the command, the jars for Flink and Spark, licences, the flights example
//! ├── maven/io/pinotage/…                         a local Maven repository: jars with the library, sources, javadoc, POMs
//! ├── pinotage-<version>.schema.json              the JSON Schema of job files, for editors
//! ├── <package>.cdx.json                          a software bill of materials (CycloneDX) for the command and the library
//! └── SHA256SUMS
//! ```

mod licences;
mod maven;
mod native;
mod sbom;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{root, run, target};
use native::Profile;

/// Makes everything and says where it is; `dev` takes the build of the tests, which runs on systems as new as this one.
pub(crate) fn all(profile: &str) -> Result<String, String> {
    let profile = Profile::parse(profile)?;
    let folder = target().join("dist");
    empty(&folder)?;
    let built = native::build(profile, &["pinotage-cli", "pinotage-jni"])?;
    let version = version()?;
    for package in ["pinotage-cli", "pinotage-jni"] {
        let linked = tree::linked_into(package)?;
        write(&folder.join(format!("{package}.cdx.json")), &sbom::of(package, &version, &linked)?)?;
    }
    copy(&root().join("docs/reference/job.schema.json"), &folder.join(format!("pinotage-{version}.schema.json")))?;
    let jars = maven::jars(&target().join("jars"), &built.library)?;
    command(&folder, &version, &built.command, &jars)?;
    maven::install(&folder.join("maven"), &version, &jars)?;
    sums(&folder)?;
    Ok(folder.display().to_string())
}

/// The jars alone, each ready to be put beside a job.
pub(crate) fn jars(profile: &str) -> Result<(), String> {
    let built = native::build(Profile::parse(profile)?, &["pinotage-jni"])?;
    for jar in maven::jars(&target().join("jars"), &built.library)? {
        let size = fs::metadata(&jar).map_err(|error| format!("{}: {error}", jar.display()))?.len();
        println!("{} ({:.1} MiB)", jar.display(), size as f64 / f64::from(1 << 20));
    }
    Ok(())
}

/// The archive with the command, and the jars that it gives to other engines.
fn command(folder: &Path, version: &str, program: &Path, jars: &[PathBuf]) -> Result<(), String> {
    let name = format!("pinotage-{version}-{}-linux", std::env::consts::ARCH);
    let content = target().join("dist-content");
    empty(&content)?;
    let inside = content.join(&name);
    copy(program, &inside.join("bin/pinotage"))?;
    for file in ["LICENSE", "NOTICE", "CHANGELOG.md", "examples/flights/README.md", "examples/flights/job.yaml"] {
        copy(&root().join(file), &inside.join(file))?;
    }
    for file in ["examples/flights/schema.json", "examples/flights/table.json", "examples/data/flights.parquet"] {
        copy(&root().join(file), &inside.join(file))?;
    }
    for jar in jars {
        copy(jar, &inside.join("jars").join(jar.file_name().unwrap_or_default()))?;
    }
    write(&inside.join("THIRD-PARTY.txt"), &licences::of(&tree::linked_into("pinotage-cli")?)?)?;
    // The same content gives the same bytes.
    let same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    let archive = folder.join(format!("{name}.tar.gz"));
    run(Command::new("tar").args(same).arg("-czf").arg(archive).arg("-C").arg(&content).arg(&name))
}

/// The version of all crates.
fn version() -> Result<String, String> {
    let path = root().join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let manifest: toml::Table = text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    let version = manifest["workspace"]["package"]["version"].as_str();
    version.map(str::to_owned).ok_or_else(|| format!("{} has no version", path.display()))
}

/// The hashes of all files, as `sha256sum -c` takes them.
fn sums(folder: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    crate::java::collect(folder, &mut files).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    files.sort();
    let names = files.iter().map(|file| file.strip_prefix(folder).unwrap_or(file));
    let output = Command::new("sha256sum")
        .args(names)
        .current_dir(folder)
        .output()
        .map_err(|error| format!("cannot start sha256sum: {error}"))?;
    let text = String::from_utf8(output.stdout).map_err(|error| format!("sha256sum: {error}"))?;
    if !output.status.success() {
        return Err(format!("sha256sum ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    write(&folder.join("SHA256SUMS"), &text)
}

fn empty(folder: &Path) -> Result<(), String> {
    let failed = |error| format!("cannot empty {}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::create_dir_all(folder).map_err(failed)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error| format!("cannot copy {} to {}: {error}", from.display(), to.display());
    fs::create_dir_all(to.parent().unwrap_or(to)).map_err(failed)?;
    fs::copy(from, to).map(|_| ()).map_err(failed)
}
