//! PostgreSQL, which does not run as root.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::{Process, free_port, program};

/// The user that owns nothing.
const NOBODY: u32 = 65_534;

/// A running PostgreSQL with a database `postgres` and a superuser `pinot` without a password.
pub struct Postgres {
    port: u16,
    /// Of PostgreSQL's programs.
    folder: String,
    _process: Process,
    data: TempDir,
}

impl Postgres {
    /// Starts PostgreSQL (`PINOTAGE_POSTGRES` names the folder of `initdb` and `postgres`), where its own users alone may log in.
    pub fn start() -> Option<Self> {
        Self::start_with(false)
    }

    /// The same with a certificate for `localhost` that signs itself, and lets nobody in without TLS.
    pub fn start_with_tls() -> Option<Self> {
        Self::start_with(true)
    }

    fn start_with(tls: bool) -> Option<Self> {
        let folder = program("PostgreSQL", "PINOTAGE_POSTGRES")?;
        let data = tempfile::Builder::new().prefix("postgres-").tempdir().unwrap();
        let path = data.path().join("data");
        fs::create_dir(&path).unwrap();
        let is_root =
            fs::metadata(data.path()).map(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata)).unwrap() == 0;
        let mut prefix: Vec<String> = Vec::new();
        if is_root {
            fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).unwrap();
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            let id = NOBODY.to_string();
            prefix = ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"].map(str::to_owned).into();
        }
        let path = path.display().to_string();
        let mut words = prefix.clone();
        words.extend([format!("{folder}/initdb"), "-D".into(), path.clone()]);
        words.extend(["-U", "pinot", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"].map(str::to_owned));
        let made = Command::new(&words[0]).args(&words[1..]).current_dir("/").env("TZ", "UTC").output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        if tls {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let key = format!("{path}/server.key");
            fs::write(format!("{path}/server.crt"), made.cert.pem()).unwrap();
            fs::write(data.path().join("ca.pem"), made.cert.pem()).unwrap();
            fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(format!("{path}/pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
            if is_root {
                chown(&key, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let port = free_port();
        let mut words = prefix;
        words.extend([format!("{folder}/postgres"), "-D".into(), path, "-p".into(), port.to_string()]);
        words.extend(["-h", "127.0.0.1", "-k", "", "-c", "fsync=off", "-c"].map(str::to_owned));
        words.push(format!("ssl={}", if tls { "on" } else { "off" }));
        let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let process = Process::start(&words[0], &args, port);
        // It listens before it lets anybody in.
        let deadline = Instant::now() + Duration::from_secs(90);
        let ready = || {
            let mut ask = Command::new(format!("{folder}/pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status().unwrap().success()
        };
        while !ready() {
            assert!(Instant::now() < deadline, "PostgreSQL lets nobody in");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { port, folder, _process: process, data })
    }

    /// Runs a statement in the database, as the superuser, and returns its rows as lines; of a server without TLS.
    ///
    /// # Panics
    /// When it fails.
    pub fn execute(&self, sql: &str) -> String {
        let mut psql = Command::new(format!("{}/psql", self.folder));
        let port = self.port.to_string();
        psql.args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", &port, "-U", "pinot", "-d", "postgres"]);
        let ran = psql.args(["-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
        assert!(ran.status.success(), "{sql}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).trim_end().to_owned()
    }

    /// The certificate of a server with TLS.
    pub fn certificate(&self) -> PathBuf {
        self.data.path().join("ca.pem")
    }

    /// The port of the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL for a user, perhaps with a password, of a server without TLS.
    pub fn url(&self, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}
