//! The command and the library of the JVM, for systems older than this one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::{run, target};

/// The newest glibc that what users install may ask for: that of RHEL 8.
const GLIBC: (u32, u32) = (2, 28);

/// What the library may weigh: it is in every jar.
const LIBRARY_MIB: u64 = 40;

/// cargo-zigbuild links against an older glibc than the system's; both come from PyPI.
const TOOLS: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    Release,
    /// That of the tests.
    Dev,
}

impl Profile {
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        match name {
            "release" => Ok(Self::Release),
            "dev" => Ok(Self::Dev),
            other => Err(format!("there is no profile `{other}`: release or dev")),
        }
    }
}

/// Where what was built is, stripped; only that of the packages which were asked for is there.
pub(super) struct Built {
    pub(super) command: PathBuf,
    pub(super) library: PathBuf,
}

pub(super) fn build(profile: Profile, packages: &[&str]) -> Result<Built, String> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut build = Command::new(cargo);
    // Where the library is, and the command above it.
    let from = match profile {
        Profile::Dev => {
            build.args(["test", "--workspace", "--no-run"]);
            target().join("debug/deps")
        }
        Profile::Release => {
            let tools = tools()?.join("bin");
            let triple = format!("{}-unknown-linux-gnu", env::consts::ARCH);
            let oldest = format!("{triple}.{}.{}", GLIBC.0, GLIBC.1);
            let others = env::var_os("PATH").unwrap_or_default();
            let path = env::join_paths([tools].into_iter().chain(env::split_paths(&others)));
            build.args(["zigbuild", "--release", "--target", &oldest]);
            build.args(packages.iter().flat_map(|package| ["--package", package]));
            build.env("PATH", path.map_err(|error| format!("PATH: {error}"))?);
            target().join(triple).join("release/deps")
        }
    };
    run(build.args(["--locked", "--quiet"]))?;
    let folder = target().join("dist-native");
    super::empty(&folder)?;
    let built = Built { command: folder.join("pinotage"), library: folder.join("libpinotage.so") };
    for (package, to) in [("pinotage-cli", &built.command), ("pinotage-jni", &built.library)] {
        if packages.contains(&package) {
            // Cargo puts a library of tests nowhere else; what lies above may be of an older build.
            let from = if package == "pinotage-jni" { from.as_path() } else { from.parent().unwrap_or(&from) };
            run(Command::new("objcopy").arg("--strip-all").arg(from.join(to.file_name().unwrap_or_default())).arg(to))?;
            if profile == Profile::Release {
                runs_on_old_systems(to)?;
            }
        }
    }
    if profile == Profile::Release && packages.contains(&"pinotage-jni") {
        is_small(&built.library)?;
    }
    Ok(built)
}

/// The folder with the tools, installed once.
fn tools() -> Result<PathBuf, String> {
    let folder = target().join("servers/zigbuild-0.24.0");
    if !folder.join("bin/cargo-zigbuild").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet"]).args(TOOLS))?;
    }
    Ok(folder)
}

fn is_small(library: &Path) -> Result<(), String> {
    let size = fs::metadata(library).map_err(|error| format!("{}: {error}", library.display()))?.len();
    if size <= LIBRARY_MIB << 20 {
        return Ok(());
    }
    Err(format!("{} has {size} bytes; {LIBRARY_MIB} MiB are allowed", library.display()))
}

/// No symbol is of a glibc that is newer.
fn runs_on_old_systems(file: &Path) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot read the symbols of {}: {error}", file.display());
    let output = Command::new("objdump").arg("-T").arg(file).output().map_err(|error| failed(&error))?;
    let text = String::from_utf8(output.stdout).map_err(|error| failed(&error))?;
    match text.split("GLIBC_").skip(1).filter_map(version).max() {
        None => Err(failed(&"none has a version")),
        Some((major, minor)) if (major, minor) > GLIBC => {
            Err(format!("{} asks for glibc {major}.{minor}; {}.{} is allowed", file.display(), GLIBC.0, GLIBC.1))
        }
        Some(_) => Ok(()),
    }
}

/// `2.17) memcpy` to its numbers.
fn version(text: &str) -> Option<(u32, u32)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let mut numbers = text[..end].split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}
