//! How a cluster is reached: the options as they stand in job files.

mod auth;
mod limits;
mod proxy;
mod tls;

pub use auth::Auth;
pub use limits::{Retries, Timeouts};
pub use proxy::Proxy;
pub use tls::{KeyStore, Tls, TrustStore};

use pinotage_common::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::Address;

/// How the controllers, brokers and servers of a cluster are reached.
///
/// # Examples
///
/// ```
/// let connection: pinotage_client::Connection = serde_json::from_str(
///     r#"{"controller": "https://controller:9443", "auth": {"kind": "basic", "user": "loader", "password": "${env:PINOT_PASSWORD}"}, "database": "sales"}"#,
/// )?;
/// assert_eq!(connection.database.as_deref(), Some("sales"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connection {
    /// Where the controller is.
    pub controller: Address,
    /// Who asks. Default: nobody in particular.
    #[serde(default)]
    pub auth: Auth,
    /// Whose certificates are trusted, and our own.
    #[serde(default)]
    pub tls: Tls,
    /// An HTTP proxy between here and the cluster. Default: none; the environment's `HTTP_PROXY` is not looked at.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// The logical database, sent as header `Database`. Default: Pinot's `default`.
    #[serde(default)]
    pub database: Option<String>,
    /// How long to wait.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// How often to try.
    #[serde(default)]
    pub retries: Retries,
    /// Bytes a second that all uploads together may send. Default: as fast as it goes.
    #[serde(default)]
    pub upload_bandwidth: Option<ByteSize>,
    /// An answer that is longer is an error: it is held in memory. A million segments have about a gibibyte of metadata.
    #[serde(default = "max_answer")]
    pub max_answer: ByteSize,
}

impl Connection {
    /// Everything else as it is by default.
    pub fn new(controller: Address) -> Self {
        Self {
            controller,
            auth: Auth::default(),
            tls: Tls::default(),
            proxy: None,
            database: None,
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            upload_bandwidth: None,
            max_answer: max_answer(),
        }
    }
}

fn max_answer() -> ByteSize {
    ByteSize::mib(256)
}
