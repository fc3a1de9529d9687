//! Real Pinot clusters, each in processes of its own on free loopback ports and in a temporary folder.
//!
//! A cluster ends with the value that holds it, and with the process that started it however that dies: the Java side
//! watches the other end of its standard input. Tests that only add tables of their own share [`Cluster::shared`].
//!
//! ```no_run
//! use pinotage_testkit::cluster::Cluster;
//!
//! let Some(cluster) = Cluster::shared() else { return }; // skipped, and said so
//! let answer = cluster.query("SELECT 1");
//! ```

mod fault;
mod http;
mod jvm;
mod process;
mod rest;
mod tls;
mod topic;

pub use fault::Paused;
pub use http::Http;
pub use rest::eventually;
pub use tls::{Tls, TlsFiles};
pub use topic::Topic;

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use process::Process;
use tempfile::TempDir;

/// Makes the absence of a class path a failure instead of a skipped test; `cargo xtask test` sets it.
const REQUIRE: &str = "PINOTAGE_REQUIRE_CLUSTERS";

const KEEP: &str = "PINOTAGE_KEEP_CLUSTERS";

/// The releases of Pinot that tests can start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// 1.5.1. Pinot's own but for the frame of its servers, which is not on Maven Central (`java/cluster/README.md`).
    V1_5,
    /// 0.11.0, the oldest release that Pinotage supports; whole.
    V0_11,
}

impl Version {
    /// One of Pinot's own jars of the release, such as `pinot-tools`; none without the Java side.
    pub fn jar(self, name: &str) -> Option<PathBuf> {
        let class_path = env::var_os(self.class_path_variable())?;
        let is_it = |path: &PathBuf| {
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            file.strip_prefix(name).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".jar"))
        };
        env::split_paths(&class_path).find(is_it)
    }
}

/// What a cluster is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// The release.
    pub version: Version,
    /// The number of servers, all in the tenant `DefaultTenant`.
    pub servers: usize,
    /// Whether the controller, the broker and the servers want to know users; 1.5.1 only.
    pub auth: bool,
    /// Whether they speak TLS; 1.5.1 only.
    pub tls: Tls,
    /// The URL of the object store that `s3:` is for the controller and the servers, with any key; 0.11 only.
    pub s3: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { version: Version::V1_5, servers: 1, auth: false, tls: Tls::Off, s3: None }
    }
}

/// Somebody who is let in with Basic authentication.
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl User {
    /// The value of the header `Authorization`, and of the key `authorization` in a gRPC request's metadata.
    pub fn authorization(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.name, self.password)))
    }
}

/// A running cluster.
pub struct Cluster {
    /// The controller's URL, without a slash at its end.
    pub controller: String,
    /// The broker's URL, without a slash at its end.
    pub broker: String,
    /// The servers, in the order in which they were started.
    pub servers: Vec<ServerAddress>,
    /// The controller's folder, with the archives of segments under `<table without type>/<segment>`.
    pub deep_store: PathBuf,
    /// With [`Options::auth`], who may do everything.
    pub admin: Option<User>,
    /// With [`Options::auth`], who may only read.
    pub reader: Option<User>,
    /// With [`Options::tls`], the certificates.
    pub tls: Option<TlsFiles>,
    /// A client that may do everything.
    pub http: Http,
    // Dropped in this order: nobody writes into the folder any more when it is removed.
    process: Process,
    folder: TempDir,
}

/// Where a server listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerAddress {
    /// Its instance id, as in the ideal state.
    pub instance: String,
    /// Always a loopback address.
    pub host: String,
    /// The port that brokers query.
    pub netty_port: u16,
    /// The same with TLS, where the cluster has certificates.
    pub netty_tls_port: u16,
    /// The port of the gRPC query service.
    pub grpc_port: u16,
    /// The URL of the admin REST, without a slash at its end.
    pub admin: String,
}

impl Cluster {
    /// Starts ZooKeeper and a controller, a broker and servers in one JVM (about 10 s, 0.4 GB), or says on standard error
    /// that the test is skipped because nobody built the Java side.
    ///
    /// # Panics
    /// When the cluster does not start, and instead of skipping when `PINOTAGE_REQUIRE_CLUSTERS` is set.
    pub fn start(options: &Options) -> Option<Self> {
        jvm::start(options)
    }

    /// The cluster with default options (Pinot 1.5.1, one server) that all tests of this process share. Table names are the caller's to keep apart.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&Options::default())).as_ref()
    }
}

/// The data and logs of clusters are to be kept, for a look at them after a failure.
fn keep() -> bool {
    env::var_os(KEEP).is_some()
}

fn folder() -> TempDir {
    let mut folder = tempfile::Builder::new().prefix("pinot-").tempdir().unwrap();
    folder.disable_cleanup(keep());
    if keep() {
        eprintln!("the cluster's folder is {}", folder.path().display());
    }
    folder
}

/// The class path in an environment variable; without it the test is skipped, or fails when clusters are required.
pub(crate) fn class_path(what: &str, variable: &str) -> Option<String> {
    let class_path = env::var(variable).ok();
    if class_path.is_none() {
        let missing = format!("no {what}, because {variable} is not set; `cargo xtask test` builds it and sets it");
        assert!(env::var_os(REQUIRE).is_none(), "{missing}");
        eprintln!("SKIPPED: {missing}");
    }
    class_path
}
