//! Installs the object stores that tests talk to, once for each version, and finds the database.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use crate::{run, target};

/// A server program.
struct Server {
    /// The environment variable through which tests find it.
    variable: &'static str,
    /// The folder it is installed in, with its version.
    folder: &'static str,
    /// The program in that folder.
    program: &'static str,
    /// What installs it; without it tests of that store are skipped, and say so.
    installer: &'static str,
    install: fn(&str, &Path) -> Result<(), String>,
}

const SERVERS: [Server; 3] = [
    Server {
        variable: "PINOTAGE_MOTO",
        folder: "moto-5.2.5",
        program: "bin/moto_server",
        installer: "python3",
        install: |python, folder| {
            quietly(Command::new(python).args(["-m", "venv"]).arg(folder))?;
            quietly(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "moto[server,s3]==5.2.5"]))
        },
    },
    Server {
        variable: "PINOTAGE_AZURITE",
        folder: "azurite-3.35.0",
        program: "node_modules/.bin/azurite-blob",
        installer: "npm",
        install: |npm, folder| {
            let options = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
            quietly(Command::new(npm).args(options).arg(folder).arg("azurite@3.35.0"))
        },
    },
    Server {
        variable: "PINOTAGE_FAKE_GCS",
        folder: "fake-gcs-server-1.56.1",
        program: "fake-gcs-server",
        installer: "go",
        install: |go, folder| {
            let module = "github.com/fsouza/fake-gcs-server@v1.56.1";
            quietly(Command::new(go).args(["install", module]).env("GOBIN", folder))
        },
    },
];

/// Installs what is not there yet and returns the variables with the programs.
pub(crate) fn install() -> Result<Vec<(&'static str, String)>, String> {
    let mut programs = Vec::new();
    for server in SERVERS {
        let folder = target().join("servers").join(server.folder);
        let program = folder.join(server.program);
        if !program.exists() {
            if Command::new(server.installer).arg("--help").output().is_err() {
                eprintln!("note: no {}, so the tests with {} are skipped", server.installer, server.folder);
                continue;
            }
            (server.install)(server.installer, &folder)?;
        }
        programs.push((server.variable, program.display().to_string()));
    }
    match postgres() {
        Some(folder) => programs.push(("PINOTAGE_POSTGRES", folder.display().to_string())),
        None => eprintln!("note: no PostgreSQL (Debian: `postgresql`), so the tests with it are skipped"),
    }
    Ok(programs)
}

/// The programs of the newest PostgreSQL that the system has: where Debian puts them, or on the path.
fn postgres() -> Option<PathBuf> {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = versions.filter_map(|path| Some((version(&path)?, path.join("bin")))).max();
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = newest.map(|(_, folder)| folder).into_iter().chain(env::split_paths(&path));
    folders.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// Our own output is for `env`.
fn quietly(command: &mut Command) -> Result<(), String> {
    run(command.stdout(io::stderr()))
}
